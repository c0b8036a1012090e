package capi

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/internal/depth"
)

// linkings are the ways in which a program can have the library.
var linkings = [][]string{{"-O1"}, {"-O1", "-static"}}

// linkedSo reports whether a scene is played by a program that is linked in this way: in a quick run each is in one of
// them.
func linkedSo(scene, way int) bool { return depth.Full() || scene%len(linkings) == way }

// TestGuest plays the scenes of testdata/guest.c that tell by themselves whether all is well.
func TestGuest(t *testing.T) {
	w := need(t)
	for way, flags := range linkings {
		program := w.compile(t, "gcc", "testdata/guest.c", flags...)
		for i, scene := range strings.Fields(run(t, program, "list")) {
			if scene == "orphan" || !linkedSo(i, way) {
				continue // orphan has a test of its own
			}
			t.Run(strings.Join(append(flags[1:], scene), " "), func(t *testing.T) {
				isolate(t)
				if e := finish(t, command(t, program, scene)); !e.state.Success() {
					t.Errorf("%v\n%s", e.state, e.complaint)
				}
			})
		}
	}
}

// TestCrash: a program that crashes dies of what it did, and the library says nothing to that. It does not matter
// whether the thread has ever called it.
func TestCrash(t *testing.T) {
	w := need(t)
	program := w.compile(t, "gcc", "testdata/guest.c", "-O1")
	for how, signal := range map[string]syscall.Signal{
		"segv": syscall.SIGSEGV, "fpe": syscall.SIGFPE, "abrt": syscall.SIGABRT, "ill": syscall.SIGILL, "bus": syscall.SIGBUS,
		"term": syscall.SIGTERM, "pipe": syscall.SIGPIPE,
	} {
		for _, where := range []string{"crash", "crash-thread", "crash-unknown"} {
			t.Run(where+" "+how, func(t *testing.T) {
				isolate(t)
				e := finish(t, command(t, program, where, how))
				status := e.state.Sys().(syscall.WaitStatus)
				if !status.Signaled() || status.Signal() != signal && !(how == "ill" && status.Signal() == syscall.SIGTRAP) ||
					e.complaint != "" {
					t.Errorf("%v %q", e.state, e.complaint)
				}
			})
		}
	}
}

// TestCoreIsTheProgrammes: where a core is written, it is written for the instruction that faulted, which gdb would
// show. The kernel's word for it is the flag in the status.
func TestCore(t *testing.T) {
	w := need(t)
	isolate(t)
	pattern, err := os.ReadFile("/proc/sys/kernel/core_pattern")
	if err != nil || strings.HasPrefix(string(pattern), "/") || strings.HasPrefix(string(pattern), "|") {
		t.Skipf("a core would go to %s, outside of the test: %v", pattern, err)
	}
	program := w.compile(t, "gcc", "testdata/guest.c", "-O1")
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	c := command(t, shell, "-c", `ulimit -c unlimited && exec "$0" crash segv`, program)
	c.Dir = t.TempDir()
	e := finish(t, c)
	if status := e.state.Sys().(syscall.WaitStatus); status.Signal() != syscall.SIGSEGV || !status.CoreDump() {
		t.Errorf("%v, core %v %q", e.state, status.CoreDump(), e.complaint)
	}
	cores, err := filepath.Glob(filepath.Join(c.Dir, "*"))
	if err != nil || len(cores) != 1 {
		t.Errorf("cores: %v %v", cores, err)
	}
}

// TestForkedChildKeepsObjects: a child that does not become another program keeps what its parent had, until it ends.
func TestForkedChildKeepsObjects(t *testing.T) {
	w := need(t)
	isolate(t)
	program := w.compile(t, "gcc", "testdata/guest.c", "-O1")
	c := command(t, program, "orphan")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 100)
	n, err := out.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(strings.TrimSpace(string(line[:n])))
	if err != nil {
		t.Fatal(err)
	}
	if state, err := c.Process.Wait(); err != nil || !state.Success() {
		t.Fatal(state, err)
	}
	for _, open := range []func() error{openSection, openEvent} {
		if err := open(); err != nil {
			t.Errorf("while the child lives: %v", err)
		}
	}
	if err := syscall.Kill(child, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); openSection() == nil; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the section outlives all its holders")
		}
	}
}

func openSection() error {
	s, err := namedshm.Open(`Local\guest-held-section`, namedshm.Read)
	if err != nil {
		return err
	}
	return s.Close()
}

func openEvent() error {
	e, err := namedshm.OpenEvent(`Local\guest-held-event`, namedshm.Synchronize)
	if err != nil {
		return err
	}
	return e.Close()
}
