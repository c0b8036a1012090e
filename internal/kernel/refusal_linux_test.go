package kernel

import (
	"os"
	"runtime"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// refusing runs a test on a thread of its own, which the kernel refuses one system call with an error of choice. The
// thread ends with the test: such a filter cannot be taken off.
func refusing(t *testing.T, call uintptr, errno unix.Errno, test func()) {
	t.Helper()
	done := make(chan error)
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if err := refuse(call, errno); err != nil {
			done <- err
			return
		}
		test()
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// refuse puts a filter on this thread: return errno where the number of the call, the first word of what the filter is
// given, is that one.
func refuse(call uintptr, errno unix.Errno) error {
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(call), Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(errno)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	filter := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl", err)
	}
	const setModeFilter = 1
	if _, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, setModeFilter, 0, uintptr(unsafe.Pointer(&filter))); errno != 0 {
		return os.NewSyscallError("seccomp", errno)
	}
	return nil
}

// becomeOnThisThread makes this thread another user's. The thread must not be used for anything else.
func becomeOnThisThread(uid int) error {
	runtime.LockOSThread()
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid)); errno != 0 {
		return os.NewSyscallError("setresuid", errno)
	}
	return nil
}
