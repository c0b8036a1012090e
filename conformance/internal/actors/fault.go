//go:build linux

package actors

import (
	"encoding/binary"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Call is a system call that a traced thread is about to make.
type Call struct {
	Number    int64
	Arguments [6]uint64
	Lock      int16 // of fcntl on a lock: F_RDLCK, F_WRLCK or F_UNLCK
}

// Name is what the call is called.
func (c Call) Name() string { return callName(c.Number) }

// Fault is a failure that is put into the place of a system call.
type Fault struct {
	Call  Call
	Errno unix.Errno
}

// String names the call and the error.
func (f Fault) String() string { return fmt.Sprintf("%s: %s", f.Call.Name(), unix.ErrnoName(f.Errno)) }

// FailAt lets the actor go until one of the library's own system calls fails by our doing: each call can fail with each
// error of fits, and of all these points it is the n-th, counted from 0. The call is not made, but for close, which
// frees the descriptor whatever it says. With lasting, every later call of the operation which that error fits fails
// with it too.
//
// happened is false if there are fewer points: the operation then ended as if nobody looked. A lasting failure ends
// with the operation too; otherwise the actor has to be let go.
func (tr *Tracer) FailAt(n int, fits func(Call) []unix.Errno, lasting bool) (f Fault, happened bool) {
	tr.t.Helper()
	ours := tr.enter()
	for {
		c, from := tr.nextCall()
		if c.isMark(endMark) {
			return f, happened
		}
		if from != ours || c.isScheduling() {
			continue // the Go runtime's own
		}
		tr.seeLock(&c)
		errors := fits(c)
		switch {
		case happened:
			for _, e := range errors {
				if e == f.Errno {
					tr.fail(c, e)
					break
				}
			}
			continue
		case n >= len(errors):
			n -= len(errors)
			continue
		}
		f, happened = Fault{c, errors[n]}, true
		tr.fail(c, f.Errno)
		if !lasting {
			return f, true
		}
	}
}

// seeLock reads which kind of lock a call is about.
func (tr *Tracer) seeLock(c *Call) {
	tr.t.Helper()
	if c.Number != unix.SYS_FCNTL {
		return
	}
	switch c.Arguments[1] {
	case unix.F_SETLK, unix.F_GETLK, unix.F_OFD_SETLK, unix.F_OFD_GETLK:
		var lock [2]byte // the first field
		if _, err := unix.PtracePeekData(tr.actor.Thread, uintptr(c.Arguments[2]), lock[:]); err != nil {
			tr.t.Fatal(err)
		}
		c.Lock = int16(binary.NativeEndian.Uint16(lock[:]))
	}
}

// fail has the call that the thread stands before fail.
func (tr *Tracer) fail(c Call, e unix.Errno) {
	tr.t.Helper()
	if c.Number != unix.SYS_CLOSE {
		skipCall(tr.t, tr.actor.Thread)
	}
	tr.toCall()
	tr.inside = false
	returnFromCall(tr.t, tr.actor.Thread, e)
}

// isScheduling tells the calls of the Go runtime that are made like those of the library.
func (c Call) isScheduling() bool {
	switch c.Number {
	case unix.SYS_EPOLL_CREATE1, unix.SYS_EPOLL_CTL, unix.SYS_EPOLL_PWAIT, unix.SYS_EVENTFD2:
		return true
	}
	return false
}

// asksWho reports a call that asks for the process's own ids, which cannot fail.
func (c Call) asksWho() bool {
	switch c.Number {
	case unix.SYS_GETPID, unix.SYS_GETTID, unix.SYS_GETUID, unix.SYS_GETEUID, unix.SYS_GETGID, unix.SYS_GETEGID:
		return true
	}
	return false
}

func (c Call) isMark(mark int64) bool {
	return c.Number == unix.SYS_CLOSE && int64(c.Arguments[0]) == mark
}

// standing is the system call that the thread is stopped in, and from where it is made: all calls of the library, and
// the marks, go through one instruction, which the Go runtime does not use for itself.
func (tr *Tracer) standing() (c Call, from uint64) {
	tr.t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/syscall", tr.actor.PID, tr.actor.Thread))
	if err != nil {
		tr.t.Fatal(err)
	}
	// number, six arguments, stack pointer, program counter; without the arguments between two calls
	f := strings.Fields(string(b))
	if len(f) < 9 {
		return Call{Number: -1}, 0
	}
	c.Number, _ = strconv.ParseInt(f[0], 10, 64)
	for i := range c.Arguments {
		c.Arguments[i] = hexadecimal(f[1+i])
	}
	return c, hexadecimal(f[8])
}

func hexadecimal(s string) uint64 {
	n, _ := strconv.ParseUint(strings.TrimPrefix(s, "0x"), 16, 64)
	return n
}
