//go:build linux

package lifetime

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// tracer leads an actor from system call to system call. It is a debugger of twenty lines, and not strace, because it
// has to stop between two given marks, at exactly the n-th call, which strace counts from the program's start.
//
// ptrace belongs to one thread: all methods must be called by the goroutine that made the tracer.
type tracer struct {
	t      *testing.T
	actor  *actor
	inside bool // the thread stands in a system call that began
	over   bool // nothing is traced any more
}

// trace takes hold of the thread of an actor that runs its commands.
func trace(t *testing.T, a *actor) *tracer {
	t.Helper()
	runtime.LockOSThread()
	tr := &tracer{t: t, actor: a}
	if err := unix.PtraceSeize(a.thread); err != nil {
		t.Fatalf("ptrace: %v", err)
	}
	t.Cleanup(func() {
		if !tr.over { // the test failed
			tr.kill()
		}
		runtime.UnlockOSThread()
	})
	if err := unix.PtraceInterrupt(a.thread); err != nil {
		t.Fatal(err)
	}
	tr.wait()
	if err := unix.PtraceSetOptions(a.thread, unix.PTRACE_O_TRACESYSGOOD); err != nil {
		t.Fatal(err)
	}
	return tr
}

// wait waits until the thread stops, and says whether it was at a system call.
func (tr *tracer) wait() (signal syscall.Signal, call bool) {
	tr.t.Helper()
	var status unix.WaitStatus
	for {
		_, err := unix.Wait4(tr.actor.thread, &status, unix.WALL, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil || !status.Stopped() {
			tr.t.Fatalf("actor %d: wait: %v, status %#x", tr.actor.pid, err, status)
		}
		break
	}
	signal = status.StopSignal()
	switch {
	case signal == unix.SIGTRAP|0x80:
		return 0, true
	case status>>16 != 0: // an event of the trace, not a signal for the thread
		return 0, false
	}
	return signal, false
}

// next lets the thread go to where its next system call begins, and tells the call and its first argument.
func (tr *tracer) next() (number, argument int64) {
	tr.t.Helper()
	signal := syscall.Signal(0)
	for {
		if err := unix.PtraceSyscall(tr.actor.thread, int(signal)); err != nil {
			tr.t.Fatal(err)
		}
		var call bool
		if signal, call = tr.wait(); !call {
			continue
		}
		number, argument = tr.call()
		if number == unix.SYS_CLOSE && argument == beginMark {
			// From here on it is certain which stop is a call's begin and which its end.
			tr.inside = !tr.inside
			if tr.inside {
				return number, argument
			}
			continue
		}
		tr.inside = !tr.inside
		if tr.inside {
			return number, argument
		}
	}
}

// call is the system call that the thread is stopped in.
func (tr *tracer) call() (number, argument int64) {
	tr.t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/syscall", tr.actor.pid, tr.actor.thread))
	if err != nil {
		tr.t.Fatal(err)
	}
	f := strings.Fields(string(b))
	if len(f) < 2 {
		return -1, 0
	}
	number, _ = strconv.ParseInt(f[0], 10, 64)
	bits, _ := strconv.ParseUint(strings.TrimPrefix(f[1], "0x"), 16, 64)
	return number, int64(bits)
}

// enter lets the actor go to the begin mark of the command that it was just given.
func (tr *tracer) enter() {
	tr.t.Helper()
	tr.inside = false
	signal := syscall.Signal(0)
	for {
		if err := unix.PtraceSyscall(tr.actor.thread, int(signal)); err != nil {
			tr.t.Fatal(err)
		}
		var call bool
		if signal, call = tr.wait(); !call {
			continue
		}
		if number, argument := tr.call(); number == unix.SYS_CLOSE && argument == beginMark {
			tr.inside = true
			return
		}
	}
}

// stopBefore lets the actor go until it is about to make its n-th system call after the begin mark, counted from 1.
// last says that this is the end mark: all of the operation's calls are made.
func (tr *tracer) stopBefore(n int) (call string, last bool) {
	tr.t.Helper()
	tr.enter()
	for {
		number, argument := tr.next()
		if number == unix.SYS_CLOSE && argument == endMark {
			return "the end", true
		}
		if n--; n == 0 {
			return callName(number), false
		}
	}
}

// letGo ends the trace; the actor runs on.
func (tr *tracer) letGo() {
	tr.t.Helper()
	tr.over = true
	if err := unix.PtraceDetach(tr.actor.thread); err != nil {
		tr.t.Fatal(err)
	}
}

// kill kills the actor where it stands: the system call that it stands before is not made.
func (tr *tracer) kill() {
	tr.over = true
	tr.actor.cmd.Process.Kill()
	for {
		// The thread's death is the tracer's to see before anybody can reap the process.
		var status unix.WaitStatus
		_, err := unix.Wait4(tr.actor.thread, &status, unix.WALL, nil)
		if err != unix.EINTR && (err != nil || status.Exited() || status.Signaled()) {
			break
		}
	}
	tr.actor.kill()
}

// callName names the calls that the library makes.
func callName(number int64) string {
	names := map[int64]string{
		unix.SYS_OPENAT: "openat", unix.SYS_CLOSE: "close", unix.SYS_FCNTL: "fcntl", unix.SYS_LINKAT: "linkat",
		unix.SYS_UNLINKAT: "unlinkat", unix.SYS_READLINKAT: "readlinkat", unix.SYS_FSTAT: "fstat", unix.SYS_PREAD64: "pread64",
		unix.SYS_PWRITE64: "pwrite64", unix.SYS_MMAP: "mmap", unix.SYS_MUNMAP: "munmap", unix.SYS_SHMGET: "shmget",
		unix.SYS_SHMAT: "shmat", unix.SYS_SHMDT: "shmdt", unix.SYS_SHMCTL: "shmctl", unix.SYS_MEMFD_CREATE: "memfd_create",
		unix.SYS_FTRUNCATE: "ftruncate", unix.SYS_FCHMOD: "fchmod", unix.SYS_FUTEX: "futex", unix.SYS_MKDIRAT: "mkdirat",
		unix.SYS_PIDFD_OPEN: "pidfd_open", unix.SYS_PIDFD_GETFD: "pidfd_getfd", unix.SYS_READ: "read",
	}
	if name, ok := names[number]; ok {
		return name
	}
	return fmt.Sprintf("system call %d", number)
}
