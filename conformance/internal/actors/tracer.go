//go:build linux

package actors

import (
	"fmt"
	"runtime"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Tracer leads an actor from system call to system call. It is a debugger of twenty lines, and not strace, because it
// has to stop between two given marks, at exactly the n-th call, which strace counts from the program's start.
//
// ptrace belongs to one thread: all methods must be called by the goroutine that made the tracer.
type Tracer struct {
	// WhileAsleep, unless nil, is called now and then while the thread sleeps in a system call, until it returns true.
	WhileAsleep func() (enough bool)

	t      Host
	actor  *Process
	inside bool // the thread stands in a system call that began
	over   bool // nothing is traced any more
}

// Trace takes hold of the thread of an actor that runs its commands.
func Trace(t Host, p *Process) *Tracer {
	t.Helper()
	runtime.LockOSThread()
	tr := &Tracer{t: t, actor: p}
	if err := unix.PtraceSeize(p.Thread); err != nil {
		t.Fatalf("ptrace: %v", err)
	}
	t.Cleanup(func() {
		if !tr.over { // the test failed
			tr.Kill()
		}
		runtime.UnlockOSThread()
	})
	if err := unix.PtraceInterrupt(p.Thread); err != nil {
		t.Fatal(err)
	}
	tr.wait()
	if err := unix.PtraceSetOptions(p.Thread, unix.PTRACE_O_TRACESYSGOOD); err != nil {
		t.Fatal(err)
	}
	return tr
}

// wait waits until the thread stops, and says whether it was at a system call.
func (tr *Tracer) wait() (signal syscall.Signal, call bool) {
	tr.t.Helper()
	status := tr.waitStatus()
	signal = status.StopSignal()
	switch {
	case signal == unix.SIGTRAP|0x80:
		return 0, true
	case status>>16 != 0: // an event of the trace, not a signal for the thread
		return 0, false
	}
	return signal, false
}

func (tr *Tracer) waitStatus() (status unix.WaitStatus) {
	tr.t.Helper()
	late := time.Now().Add(Prompt)
	for {
		options := unix.WALL
		if tr.WhileAsleep != nil {
			options |= unix.WNOHANG
		}
		thread, err := unix.Wait4(tr.actor.Thread, &status, options, nil)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil || thread != 0 && !status.Stopped():
			tr.t.Fatalf("actor %d: wait: %v, status %#x", tr.actor.PID, err, status)
		case thread != 0:
			return status
		case time.Now().After(late):
			tr.t.Fatalf("actor %d stays in one system call for %v", tr.actor.PID, Prompt)
		case tr.actor.Asleep() && tr.WhileAsleep():
			tr.WhileAsleep = nil
		default:
			time.Sleep(50 * time.Microsecond)
		}
	}
}

// toCall lets the thread go to where its next system call begins or ends, and gives it the signals that it has on the
// way.
func (tr *Tracer) toCall() {
	tr.t.Helper()
	signal, call := syscall.Signal(0), false
	for !call {
		if err := unix.PtraceSyscall(tr.actor.Thread, int(signal)); err != nil {
			tr.t.Fatal(err)
		}
		signal, call = tr.wait()
	}
}

// nextCall lets the thread go to where its next system call begins, and tells the call and from where it is made.
func (tr *Tracer) nextCall() (c Call, from uint64) {
	tr.t.Helper()
	for {
		tr.toCall()
		// At the begin mark it is certain which stop is a call's begin and which its end; from there on they alternate.
		if tr.inside = !tr.inside; tr.inside {
			return tr.standing()
		}
	}
}

// enter lets the actor go to the begin mark of the command that it was just given, and tells from where that is made.
func (tr *Tracer) enter() (from uint64) {
	tr.t.Helper()
	tr.inside = false
	asleep := tr.WhileAsleep
	tr.WhileAsleep = nil // it may sleep before it is given the command
	defer func() { tr.WhileAsleep = asleep }()
	for {
		tr.toCall()
		if c, from := tr.standing(); c.isMark(beginMark) {
			tr.inside = true
			return from
		}
	}
}

// StopBefore lets the actor go until it is about to make its n-th system call after the begin mark, counted from 1.
// last says that this is the end mark: all of the operation's calls are made. Calls that the Go runtime makes for
// itself, whenever it likes, do not count, nor do those that only ask who the process is: whoever is stopped before one
// of them is as good as stopped before the next.
func (tr *Tracer) StopBefore(n int) (call string, last bool) {
	tr.t.Helper()
	ours := tr.enter()
	for {
		c, from := tr.nextCall()
		if c.isMark(endMark) {
			return "the end", true
		}
		if from != ours || c.isScheduling() || c.asksWho() {
			continue
		}
		if n--; n == 0 {
			return c.Name(), false
		}
	}
}

// StopBeforeFirst lets the actor go until it is about to make a call of this name. found is false if the operation
// makes none, and has ended.
func (tr *Tracer) StopBeforeFirst(name string) (found bool) {
	tr.t.Helper()
	tr.enter()
	for {
		c, _ := tr.nextCall()
		if c.isMark(endMark) || c.Name() == name {
			return !c.isMark(endMark)
		}
	}
}

// StopBeforeAny lets the actor go until it is about to make one of some calls, the n-th of its calls after the begin
// mark or a later one. passed counts the calls up to there; "the end" is the end mark.
func (tr *Tracer) StopBeforeAny(n int, calls []string) (call string, passed int) {
	tr.t.Helper()
	ours := tr.enter()
	for {
		c, from := tr.nextCall()
		if c.isMark(endMark) {
			return "the end", passed
		}
		if from != ours || c.isScheduling() || c.asksWho() {
			continue
		}
		if passed++; passed >= n && slices.Contains(calls, c.Name()) {
			return c.Name(), passed
		}
	}
}

// StopAt lets the actor go on, whatever it is doing, and stops it where a system call of this name begins or ends; or
// of any, if call is "". It does so at the n-th such place, counted from 1, but passes no more than most of all places:
// then it is false.
func (tr *Tracer) StopAt(call string, n, most int) bool {
	tr.t.Helper()
	if tr.WhileAsleep == nil {
		tr.WhileAsleep = func() bool { return false } // it may have nothing to do any more: then there is a bound
	}
	for {
		tr.toCall()
		if most--; most <= 0 {
			return false
		}
		c, _ := tr.standing()
		if call == "" || c.Name() == call {
			if n--; n <= 0 {
				return true
			}
		}
	}
}

// LetGo ends the trace; the actor runs on.
func (tr *Tracer) LetGo() {
	tr.t.Helper()
	tr.over = true
	if err := unix.PtraceDetach(tr.actor.Thread); err != nil {
		tr.t.Fatal(err)
	}
}

// Kill kills the actor where it stands: the system call that it stands before is not made.
func (tr *Tracer) Kill() {
	tr.over = true
	tr.actor.cmd.Process.Kill()
	for {
		// The thread's death is the tracer's to see before anybody can reap the process.
		var status unix.WaitStatus
		_, err := unix.Wait4(tr.actor.Thread, &status, unix.WALL, nil)
		if err != unix.EINTR && (err != nil || status.Exited() || status.Signaled()) {
			break
		}
	}
	tr.actor.Kill()
}

// callName names the calls that the library makes.
func callName(number int64) string {
	if name, ok := names[number]; ok {
		return name
	}
	if name, ok := otherNames[number]; ok {
		return name
	}
	return fmt.Sprintf("system call %d", number)
}

var names = map[int64]string{
	unix.SYS_OPENAT: "openat", unix.SYS_CLOSE: "close", unix.SYS_READ: "read", unix.SYS_FCNTL: "fcntl",
	unix.SYS_FSTAT:   "fstat",
	unix.SYS_PREAD64: "pread64", unix.SYS_PWRITE64: "pwrite64", unix.SYS_FTRUNCATE: "ftruncate",
	unix.SYS_FALLOCATE: "fallocate",
	unix.SYS_FCHMOD:    "fchmod", unix.SYS_FCHOWN: "fchown", unix.SYS_LINKAT: "linkat", unix.SYS_UNLINKAT: "unlinkat",
	unix.SYS_READLINKAT: "readlinkat", unix.SYS_MKDIRAT: "mkdirat", unix.SYS_FCHMODAT: "fchmodat",
	unix.SYS_FACCESSAT:  "faccessat",
	unix.SYS_GETDENTS64: "getdents64", unix.SYS_MEMFD_CREATE: "memfd_create", unix.SYS_MUNMAP: "munmap",
	unix.SYS_MADVISE: "madvise", unix.SYS_MPROTECT: "mprotect", unix.SYS_MSYNC: "msync", unix.SYS_SHMGET: "shmget",
	unix.SYS_SHMAT: "shmat",
	unix.SYS_SHMDT: "shmdt", unix.SYS_SHMCTL: "shmctl", unix.SYS_FUTEX: "futex", unix.SYS_FUTEX_WAITV: "futex_waitv",
	unix.SYS_NANOSLEEP: "nanosleep", unix.SYS_PIDFD_OPEN: "pidfd_open", unix.SYS_PIDFD_GETFD: "pidfd_getfd",
	unix.SYS_KCMP:          "kcmp",
	unix.SYS_INOTIFY_INIT1: "inotify_init1", unix.SYS_INOTIFY_ADD_WATCH: "inotify_add_watch", unix.SYS_SYSINFO: "sysinfo",
	unix.SYS_GETXATTR: "getxattr", unix.SYS_SETXATTR: "setxattr",
	unix.SYS_PRLIMIT64: "prlimit64", unix.SYS_FACCESSAT2: "faccessat2", unix.SYS_FLOCK: "flock",
	unix.SYS_STATX: "statx", unix.SYS_UMOUNT2: "umount2",
}
