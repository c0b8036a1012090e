//go:build unix

package win32_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/namedshm/namedshm/win32"
)

const actorVariable = "NAMEDSHM_WIN32_TEST_ACTOR"

func init() {
	// The first thread stays with the main goroutine: Go lets no other one end it.
	runtime.LockOSThread()
}

func TestMain(m *testing.M) {
	if os.Getenv(actorVariable) != "" {
		act()
		return
	}
	root, err := os.MkdirTemp("", "namedshm-win32-")
	if err != nil {
		panic(err)
	}
	os.Setenv("NAMEDSHM_ROOT", root)
	status := m.Run()
	os.RemoveAll(root)
	os.Exit(status)
}

// act is another process: it does what each line says, in one thread, and answers with a number and an error.
func act() {
	lines := bufio.NewScanner(os.Stdin)
	var last win32.Handle
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		argument := ""
		if len(f) > 1 {
			argument = f[1]
		}
		var value uint64
		var err error
		switch f[0] {
		case "OpenMutex":
			last, err = win32.OpenMutex(win32.SYNCHRONIZE, false, wide(argument))
			value = uint64(last)
		case "Wait":
			n, _ := strconv.ParseUint(argument, 10, 32)
			var event uint32
			event, err = win32.WaitForSingleObject(last, uint32(n))
			value = uint64(event)
		case "ReleaseMutex":
			err = win32.ReleaseMutex(last)
		case "CreateOverFile":
			var file win32.Handle
			file, err = win32.CreateFile(wide(f[2]), win32.GENERIC_READ|win32.GENERIC_WRITE, 0, nil, win32.OPEN_EXISTING, 0, 0)
			if err == nil {
				last, err = win32.CreateFileMapping(file, nil, win32.PAGE_READWRITE, 0, 0, wide(argument))
				win32.CloseHandle(file)
			}
		case "OpenFileMapping":
			last, err = win32.OpenFileMapping(win32.FILE_MAP_WRITE, false, wide(argument))
		case "Close":
			err = win32.CloseHandle(last)
		case "Cover": // a descriptor, as a program does that closes what it does not know
			n, _ := strconv.Atoi(argument)
			file, openErr := os.Open(f[2])
			if err = errors.Join(openErr, cover(int(file.Fd()), n)); err != nil {
				err = win32.ERROR_GEN_FAILURE
			}
		}
		number, _ := err.(win32.Errno)
		fmt.Println(value, uint64(number))
	}
}

// wide is a name as the calls take it.
func wide(name string) *uint16 {
	p, err := win32.UTF16PtrFromString(name)
	if err != nil {
		panic(err)
	}
	return p
}

// actor is another process, as a test sees it.
type actor struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.Writer
	out *bufio.Reader
}

func startActor(t *testing.T) *actor {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	a := &actor{t: t, cmd: exec.Command(program)}
	a.cmd.Env = append(os.Environ(), actorVariable+"=1", "GORACE=atexit_sleep_ms=0")
	a.cmd.Stderr = os.Stderr
	in, err := a.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := a.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	a.in, a.out = in, bufio.NewReader(out)
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.kill)
	return a
}

func (a *actor) kill() {
	if a.cmd.ProcessState == nil {
		a.cmd.Process.Kill()
		a.cmd.Wait()
	}
}

// ask has the process do something that may take its time.
func (a *actor) ask(command ...string) {
	a.t.Helper()
	if _, err := fmt.Fprintln(a.in, strings.Join(command, " ")); err != nil {
		a.t.Fatal(err)
	}
}

func (a *actor) answer() (value uint64, err win32.Errno) {
	a.t.Helper()
	line, readErr := a.out.ReadString('\n')
	if readErr != nil {
		a.t.Fatal(readErr)
	}
	if _, scanErr := fmt.Sscan(line, &value, &err); scanErr != nil {
		a.t.Fatal(scanErr)
	}
	return value, err
}

// does has the process do something that succeeds.
func (a *actor) does(command ...string) uint64 {
	a.t.Helper()
	a.ask(command...)
	value, err := a.answer()
	if err != 0 {
		a.t.Fatalf("%v in the other process: %v", command, err)
	}
	return value
}

// thread is a thread of this process that does what it is given.
type thread struct {
	work chan func()
	done chan struct{}
	id   uint32
}

func newThread(t *testing.T) *thread {
	th := &thread{work: make(chan func()), done: make(chan struct{})}
	go func() {
		runtime.LockOSThread() // and never unlocks: the thread ends with the goroutine
		th.id = win32.GetCurrentThreadId()
		for f := range th.work {
			f()
			th.done <- struct{}{}
		}
	}()
	th.do(func() {})
	t.Cleanup(func() {
		if th.work != nil {
			close(th.work)
		}
	})
	return th
}

func (th *thread) do(f func()) {
	th.work <- f
	<-th.done
}

// end ends the thread, and returns when the system has taken it away.
func (th *thread) end(t *testing.T) {
	close(th.work)
	th.work = nil
	for threadLives(th.id) {
		runtime.Gosched()
	}
}

// wait waits, and wants an event and no error.
func (th *thread) wait(t *testing.T, h win32.Handle, milliseconds, want uint32) {
	t.Helper()
	th.do(func() {
		if event, err := win32.WaitForSingleObject(h, milliseconds); event != want || err != nil {
			t.Errorf("the wait gives %#x, %v, want %#x", event, err, want)
		}
	})
}

// release releases a mutex, and wants an error or none.
func (th *thread) release(t *testing.T, h win32.Handle, want error) {
	t.Helper()
	th.do(func() {
		if err := win32.ReleaseMutex(h); err != want {
			t.Errorf("ReleaseMutex gives %v, want %v", err, want)
		}
	})
}
