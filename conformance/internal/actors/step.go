//go:build linux

package actors

import (
	"reflect"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// EnterFunction lets the actor go to the begin mark of the command that it was just given, and on to the beginning of
// a function, which is one of its program's. It runs there at full speed: what the Go runtime does on the way back
// from a system call can take very many instructions.
func (tr *Tracer) EnterFunction(function any) {
	tr.t.Helper()
	tr.enter()
	at := uintptr(runtime.FuncForPC(reflect.ValueOf(function).Pointer()).Entry())
	was := make([]byte, 1)
	if _, err := unix.PtracePeekText(tr.actor.Thread, at, was); err != nil {
		tr.t.Fatal(err)
	}
	if _, err := unix.PtracePokeText(tr.actor.Thread, at, breakpoint); err != nil {
		tr.t.Fatal(err)
	}
	for signal := syscall.Signal(0); signal != syscall.SIGTRAP; {
		if err := unix.PtraceCont(tr.actor.Thread, int(signal)); err != nil {
			tr.t.Fatal(err)
		}
		signal, _ = tr.wait()
	}
	if _, err := unix.PtracePokeText(tr.actor.Thread, at, was); err != nil {
		tr.t.Fatal(err)
	}
	moveTo(tr.t, tr.actor.Thread, uint64(at))
}

// Step lets the actor, which has entered, make instructions until it is about to make one that counts. ended says
// that it is about to make the end mark instead.
func (tr *Tracer) Step(counts func(function string) bool) (function string, ended bool) {
	tr.t.Helper()
	signal := syscall.Signal(0)
	for {
		// unix.PtraceSingleStep gives no signals.
		if _, _, e := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_SINGLESTEP, uintptr(tr.actor.Thread), 0,
			uintptr(signal), 0, 0); e != 0 {
			tr.t.Fatal(e)
		}
		if signal, _ = tr.wait(); signal == syscall.SIGTRAP {
			signal = 0
		}
		at, end := instruction(tr.t, tr.actor.Thread)
		if end {
			return "the end", true
		}
		if function = functionAt(at); counts(function) {
			return function, false
		}
	}
}

// functionAt is the function that has an instruction: actors run the program of the test.
func functionAt(at uint64) string {
	if f := runtime.FuncForPC(uintptr(at)); f != nil {
		return f.Name()
	}
	return ""
}

// InLibrary counts the instructions of this project's own packages, and those that copy memory.
func InLibrary(function string) bool {
	return strings.HasPrefix(function, "github.com/namedshm/namedshm/flow.") || strings.HasPrefix(function,
		"github.com/namedshm/namedshm/internal/") ||
		function == "runtime.memmove"
}
