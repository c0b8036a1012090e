//go:build linux

package actors

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	rootVariable    = "NAMEDSHM_ROOT"
	backingVariable = "NAMEDSHM_BACKING"

	// Prompt is how long any one command may take. It is a bound, not a measurement: what is refused because a
	// process was stopped at the wrong moment takes the library a second by design.
	Prompt = 10 * time.Second
)

// OnFileBacking says that the tests are to use the backing of other Unix systems.
func OnFileBacking() bool { return os.Getenv(backingVariable) == "file" }

// NeedRoot skips a test that only root can run; in CI that is a failure.
func NeedRoot(t *testing.T, why string) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("this needs root: %s", why)
	}
	t.Skipf("this needs root: %s", why)
}

// seedVariable sets what a test does at random.
const seedVariable = "NAMEDSHM_SEED"

// Seed is a seed for what a test does at random. It is printed, and NAMEDSHM_SEED sets it.
func Seed(t *testing.T) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if given := os.Getenv(seedVariable); given != "" {
		var err error
		if seed, err = strconv.ParseUint(given, 10, 64); err != nil {
			t.Fatalf("%s: %v", seedVariable, err)
		}
	}
	t.Logf("%s=%d", seedVariable, seed)
	return seed
}

// Host is whom actors work for: a test, or a program that tests. Fatal and Fatalf do not return.
type Host interface {
	Helper()
	Fatal(...any)
	Fatalf(format string, args ...any)
	Cleanup(func())
}

// World is one test's root directory, and the actors in it.
type World struct {
	Root    string
	Program string // that the actors run; "" for the test program itself
	Apart   bool   // the actors have process groups of their own: what interrupts the host does not interrupt them

	mu   sync.Mutex
	pids map[int]bool // of all actors there ever were

	older map[int]bool // the segments that were there before: process ids are used again
}

// NewWorld makes a world that goes with the test.
func NewWorld(t Host) *World {
	t.Helper()
	root, err := os.MkdirTemp("/dev/shm", "namedshm-actors-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	if err := os.Chmod(root, 0o777|fs.ModeSticky); err != nil {
		t.Fatal(err)
	}
	w := &World{Root: root, pids: map[int]bool{}, older: map[int]bool{}}
	for _, s := range allSegments(t) {
		w.older[s.ID] = true
	}
	return w
}

// User is who an actor runs as.
type User struct {
	UID, GID int
	Groups   []uint32
}

// Process is an actor: a process that does what it is told.
type Process struct {
	PID    int
	Thread int // the one that runs the commands

	t       Host
	cmd     *exec.Cmd
	in      io.WriteCloser
	replies chan json.RawMessage
	ended   sync.Once
}

// Start starts an actor as the user that runs the test, or as another one without any privilege. environment is what
// its environment has besides the test's.
func (w *World) Start(t Host, user *User, environment ...string) *Process {
	t.Helper()
	return w.StartWith(t, func(*exec.Cmd) {}, user, environment...)
}

// Script is what StartWith needs to have a shell put something in order first, in the namespaces that flags make: its
// last word becomes the actor. Mounts stay in that namespace.
func Script(script string, flags uintptr) func(*exec.Cmd) {
	return func(cmd *exec.Cmd) {
		if flags&syscall.CLONE_NEWNS != 0 {
			script = "mount --make-rprivate / && " + script
		}
		cmd.Path, cmd.Args = "/bin/sh", []string{"sh", "-c", script + ` && exec "$0"`, program}
		cmd.SysProcAttr.Cloneflags = flags
	}
}

// StartWith is Start with a last word on how the process is started.
func (w *World) StartWith(t Host, prepare func(*exec.Cmd), user *User, environment ...string) *Process {
	t.Helper()
	cmd := exec.Command(cmp.Or(w.Program, program))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: w.Apart} // whatever becomes of the test
	if user != nil {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(user.UID), Gid: uint32(user.GID), Groups: user.Groups}
	}
	cmd.Dir = "/"
	// Without preemption by signals, fewer of the system calls are the Go runtime's.
	cmd.Env = append(os.Environ(), variable+"=1", rootVariable+"="+w.Root, "GODEBUG=asyncpreemptoff=1")
	cmd.Env = append(cmd.Env, environment...)
	cmd.Stderr = os.Stderr
	prepare(cmd)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	w.pids[cmd.Process.Pid] = true
	w.mu.Unlock()
	p := &Process{t: t, cmd: cmd, in: in, replies: make(chan json.RawMessage, 1), PID: cmd.Process.Pid}
	go func() {
		defer close(p.replies)
		for lines := json.NewDecoder(out); ; {
			var line json.RawMessage
			if lines.Decode(&line) != nil {
				return
			}
			p.replies <- line
		}
	}()
	t.Cleanup(p.Kill)
	var hello greeting
	p.Answer(&hello)
	p.Thread = hello.Thread
	return p
}

// Ask sends a command, and does not wait for the answer.
func (p *Process) Ask(command any) {
	p.t.Helper()
	line, err := json.Marshal(command)
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		p.t.Fatalf("actor %d: %v", p.PID, err)
	}
}

// Answer waits for the answer to the last command.
func (p *Process) Answer(into any) {
	p.t.Helper()
	p.AnswerWithin(Prompt, into)
}

// AnswerWithin is Answer for a command that may take longer.
func (p *Process) AnswerWithin(bound time.Duration, into any) {
	p.t.Helper()
	late := time.NewTimer(bound)
	defer late.Stop()
	select {
	case line, ok := <-p.replies:
		p.read(line, ok, into)
	case <-late.C:
		p.dump()
		p.t.Fatalf("actor %d did not answer in %v", p.PID, bound)
	}
}

func (p *Process) read(line json.RawMessage, ok bool, into any) {
	p.t.Helper()
	if !ok {
		p.t.Fatalf("actor %d ended", p.PID)
	}
	if err := json.Unmarshal(line, into); err != nil {
		p.t.Fatalf("actor %d: %v in %s", p.PID, err, line)
	}
}

// dump has the actor write what its goroutines do, which ends it.
func (p *Process) dump() {
	syscall.Kill(p.PID, syscall.SIGCONT)
	syscall.Kill(p.PID, syscall.SIGQUIT)
	for end := time.Now().Add(time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if _, ok := p.state(p.PID); !ok {
			return
		}
	}
}

// Answered is Answer that does not wait: it says whether there was one.
func (p *Process) Answered(into any) bool {
	p.t.Helper()
	select {
	case line, ok := <-p.replies:
		p.read(line, ok, into)
		return true
	default:
		return false
	}
}

// Signal sends the actor a signal.
func (p *Process) Signal(s syscall.Signal) { syscall.Kill(p.PID, s) }

// Kill is kill -9, and waiting until the process is reaped. What it held is then gone.
func (p *Process) Kill() {
	p.ended.Do(func() {
		p.cmd.Process.Kill()
		p.cmd.Wait()
	})
}

// End waits for an actor that ends of itself, and says how.
func (p *Process) End() (how string) {
	p.t.Helper()
	p.ended.Do(func() {
		late := time.AfterFunc(Prompt, func() { p.cmd.Process.Kill() })
		defer late.Stop()
		p.cmd.Wait()
		how = p.cmd.ProcessState.String()
	})
	return how
}

// Leave lets the actor end by itself, with all that it holds.
func (p *Process) Leave() {
	p.ended.Do(func() {
		p.in.Close()
		p.cmd.Wait()
	})
}

// Stop is kill -STOP, and waiting until every thread has stopped.
func (p *Process) Stop() {
	p.t.Helper()
	if err := syscall.Kill(p.PID, syscall.SIGSTOP); err != nil {
		p.t.Fatal(err)
	}
	for deadline := time.Now().Add(Prompt); !p.stopped(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("actor %d did not stop", p.PID)
		}
	}
}

func (p *Process) stopped() bool {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", p.PID))
	return !slices.ContainsFunc(tasks, func(path string) bool {
		state, ok := p.state(path[strings.LastIndexByte(path, '/')+1:])
		return ok && state != 'T' && state != 't'
	})
}

// Asleep reports that the thread of the commands sleeps in a system call.
func (p *Process) Asleep() bool {
	state, _ := p.state(p.Thread)
	return state == 'S'
}

// state is the state of a thread of the actor, as /proc has it: R, S, T, Z …
func (p *Process) state(thread any) (state byte, ok bool) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%v/stat", p.PID, thread))
	if err != nil {
		return 0, false
	}
	rest := bytes.TrimLeft(b[bytes.LastIndexByte(b, ')')+1:], " ")
	return rest[0], true
}

// Resume is kill -CONT.
func (p *Process) Resume() { syscall.Kill(p.PID, syscall.SIGCONT) }
