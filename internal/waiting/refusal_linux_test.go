package waiting

import (
	"os"
	"runtime"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

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

// failing runs a test on a thread of which a call fails so many times: a filter asks, and another thread answers. It is
// for the calls whose second argument is operation.
func failing(t *testing.T, call uintptr, operation uint32, errno unix.Errno, times int, test func()) {
	t.Helper()
	done := make(chan error)
	go func() {
		defer close(done)
		runtime.LockOSThread()
		listener, err := filter(unix.SECCOMP_FILTER_FLAG_NEW_LISTENER, []unix.SockFilter{
			{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS},
			{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(call), Jf: 3},
			{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: secondArgument},
			{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: operation, Jf: 1},
			{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_USER_NOTIF},
			{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
		})
		if err != nil {
			done <- err
			return
		}
		go answer(listener, errno, times)
		test()
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// secondArgument is where in what a filter is given the low half of the call's second argument stands.
var secondArgument = uint32(24 + lowHalf)

// question and reply are what a filter that asks sends, and takes: struct seccomp_notif and seccomp_notif_resp.
type question struct {
	id         uint64
	pid, flags uint32
	call       [64]byte
}

type reply struct {
	id    uint64
	value int64
	errno int32
	flags uint32
}

// answer has so many calls fail, and the others made, until the thread that makes them has ended.
func answer(listener int, errno unix.Errno, times int) {
	// SECCOMP_IOCTL_NOTIF_RECV, _SEND, SECCOMP_USER_NOTIF_FLAG_CONTINUE
	const receive, send, goOn = 0xc0502100, 0xc0182101, 1
	defer unix.Close(listener)
	for i := 0; ; i++ {
		var q question
		switch _, _, err := unix.Syscall(unix.SYS_IOCTL, uintptr(listener), receive, uintptr(unsafe.Pointer(&q))); err {
		case 0:
		case unix.EINTR:
			continue
		default:
			return
		}
		r := reply{id: q.id, flags: goOn}
		if i < times {
			r = reply{id: q.id, errno: -int32(errno)}
		}
		unix.Syscall(unix.SYS_IOCTL, uintptr(listener), send, uintptr(unsafe.Pointer(&r)))
	}
}
