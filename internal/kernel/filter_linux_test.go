package kernel

import (
	"encoding/binary"
	"os"
	"runtime"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// refusing runs a test on a thread of its own, for which the kernel fails one system call with a chosen error. The
// thread ends with the test: such a filter cannot be removed.
func refusing(t *testing.T, call uintptr, errno unix.Errno, test func()) {
	t.Helper()
	refusingBy(t, []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(call), Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(errno)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}, test)
}

// refusingFlags is refusing if one of some flags is in an argument of the call.
func refusingFlags(t *testing.T, call uintptr, argument, flags uint32, errno unix.Errno, test func()) {
	t.Helper()
	low := 16 + 8*argument
	if binary.NativeEndian.Uint16([]byte{0, 1}) == 1 {
		low += 4
	}
	refusingBy(t, []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(call), Jf: 3},
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: low},
		{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, K: flags, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(errno)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}, test)
}

// refusingBy runs a test on such a thread. A filter's program sees the number of the call first, and from byte 16 on
// its arguments.
func refusingBy(t *testing.T, program []unix.SockFilter, test func()) {
	t.Helper()
	done := make(chan error)
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if err := refuse(program); err != nil {
			done <- err
			return
		}
		test()
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// refuse puts a filter on this thread.
func refuse(program []unix.SockFilter) error {
	_, err := filter(0, program)
	return err
}

// filter puts a program before each system call of this thread.
func filter(flags uintptr, program []unix.SockFilter) (listener int, err error) {
	what := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return 0, os.NewSyscallError("prctl", err)
	}
	const setModeFilter = 1
	fd, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, setModeFilter, flags, uintptr(unsafe.Pointer(&what)))
	if errno != 0 {
		return 0, os.NewSyscallError("seccomp", errno)
	}
	return int(fd), nil
}

// becomeOnThisThread makes this thread another user's. The thread must not be used for anything else.
func becomeOnThisThread(uid int) error {
	runtime.LockOSThread()
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid)); errno != 0 {
		return os.NewSyscallError("setresuid", errno)
	}
	return nil
}

// moveThisThread moves this thread to a new IPC namespace. It must not be used for anything else.
func moveThisThread() error {
	runtime.LockOSThread()
	return os.NewSyscallError("unshare", unix.Unshare(unix.CLONE_NEWIPC))
}
