//go:build linux

package actors

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/namedshm/namedshm/internal/turns"
)

// variable tells the test program that it is an actor.
const variable = "NAMEDSHM_TEST_ACTOR"

// program is the test program, copied to where every user can execute it.
var program string

// init keeps the first thread for the main goroutine, so that the commands run on another one: a tracer that takes the
// news of the first thread's death would take it from the test's own wait.
func init() {
	if Called() {
		runtime.LockOSThread()
	}
}

// Called says that this process was started to be an actor.
func Called() bool { return os.Getenv(variable) != "" }

// Main is TestMain: it runs the tests, or the actor's part act.
func Main(m *testing.M, act func()) {
	if Called() {
		act()
		return
	}
	end, err := turns.Together()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer end()
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "namedshm-actors-")
	if err == nil {
		defer os.RemoveAll(dir)
		program = filepath.Join(dir, "actor")
		err = copyProgram(program)
	}
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "cannot copy the test program:", err)
		return 1
	}
	return m.Run()
}

func copyProgram(to string) error {
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		return err
	}
	defer self.Close()
	copied, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(copied, self); err != nil {
		return err
	}
	if err := copied.Chmod(0o755); err != nil {
		return err
	}
	return copied.Close()
}

// greeting is an actor's first line.
type greeting struct{ Thread int }

// Serve is an actor's life: it performs the commands Q that come in, one after the other, on one thread, and answers
// each with an A, which notes the error. It ends with the standard input.
func Serve[Q, A any, P interface {
	*A
	Note(error)
}](perform func(Q) (A, error)) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		debug.SetGCPercent(-1) // fewer system calls that are not the library's
		out := json.NewEncoder(os.Stdout)
		out.Encode(greeting{unix.Gettid()})
		lines := bufio.NewScanner(os.Stdin)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var command Q
			if err := json.Unmarshal(lines.Bytes(), &command); err != nil {
				panic(err)
			}
			answer, err := perform(command)
			P(&answer).Note(err)
			out.Encode(answer)
		}
	}()
	for {
		select {
		case <-done:
			return
		case task := <-firstThread:
			task()
		}
	}
}

var firstThread = make(chan func())

// LeaveFirstThread ends the process's first thread, as pthread_exit in main does. The actor lives on.
func LeaveFirstThread() error {
	left := make(chan struct{})
	firstThread <- func() {
		close(left)
		unix.Syscall(unix.SYS_EXIT, 0, 0, 0)
	}
	<-left
	for {
		b, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/stat", os.Getpid()))
		if err != nil {
			return err
		}
		if bytes.Contains(b, []byte(") Z ")) {
			return nil
		}
		runtime.Gosched()
	}
}

// The marks: system calls that do nothing, and that nobody else makes.
const (
	beginMark = -77001
	endMark   = -77002
)

// BeginMark and EndMark stand around the library's system calls, for a tracer to find.
func BeginMark() { unix.Close(beginMark) }

// EndMark is the other one.
func EndMark() { unix.Close(endMark) }
