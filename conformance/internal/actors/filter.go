//go:build linux

package actors

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Rule is one system call that a filter forbids: always, or where one of its first arguments is of a kind.
type Rule struct {
	Call     string // as it is called: "memfd_create"
	Errno    unix.Errno
	Argument int    // which argument is looked at, from 0, if one of these is not 0:
	Any      uint32 // forbidden if it has one of these bits,
	Equal    uint32 // if it is this number,
	None     uint32 // if it has none of these bits
}

// Forbid has the kernel answer the calls of all threads of this process with errors, and those of all programs that it
// runs, for ever. It takes no privilege, and takes away that of running programs with more of it.
func Forbid(rules []Rule) error {
	filter := []unix.SockFilter{load(0)} // the number of the call
	for _, r := range rules {
		number, ok := numberOf(r.Call)
		if !ok {
			return fmt.Errorf("no system call %q is known", r.Call)
		}
		body := r.body()
		filter = append(filter, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: uint8(len(body)),
			K: uint32(number)})
		filter = append(filter, body...)
	}
	filter = append(filter, answer(unix.SECCOMP_RET_ALLOW))
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: unsafe.SliceData(filter)}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC,
		uintptr(unsafe.Pointer(&program)))
	runtime.KeepAlive(filter)
	if errno != 0 {
		return fmt.Errorf("seccomp: %w", errno)
	}
	return nil
}

// body is what is run for a call with the rule's number. It ends with an answer, or with the number loaded again.
func (r *Rule) body() []unix.SockFilter {
	forbid := answer(unix.SECCOMP_RET_ERRNO | uint32(r.Errno))
	jump := func(code uint16, k uint32, yes, no uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_K | code, Jt: yes, Jf: no, K: k}
	}
	argument := load(16 + 8*uint32(r.Argument)) // its lower half, on machines with the low end first
	switch {
	case r.Any != 0:
		return []unix.SockFilter{argument, jump(unix.BPF_JSET, r.Any, 0, 1), forbid, load(0)}
	case r.Equal != 0:
		return []unix.SockFilter{argument, jump(unix.BPF_JEQ, r.Equal, 0, 1), forbid, load(0)}
	case r.None != 0:
		return []unix.SockFilter{argument, jump(unix.BPF_JSET, r.None, 1, 0), forbid, load(0)}
	}
	return []unix.SockFilter{forbid}
}

func load(offset uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
}

func answer(with uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: with}
}

func numberOf(call string) (int64, bool) {
	for _, known := range []map[int64]string{names, otherNames} {
		for number, name := range known {
			if name == call {
				return number, true
			}
		}
	}
	return 0, false
}
