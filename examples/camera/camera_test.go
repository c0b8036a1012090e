package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"
)

// programVariable, set, makes this test program the example.
const programVariable = "NAMEDSHM_EXAMPLE_CAMERA"

func TestMain(m *testing.M) {
	if os.Getenv(programVariable) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// program is a running camera or viewer.
type program struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines *bufio.Scanner
}

// start runs the example. What does not end is ended with the test.
func start(t *testing.T, arguments ...string) *program {
	t.Helper()
	if runtime.GOOS != "windows" && os.Getenv("NAMEDSHM_ROOT") == "" {
		t.Setenv("NAMEDSHM_ROOT", t.TempDir())
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, self, arguments...)
	cmd.Env = append(os.Environ(), programVariable+"=true")
	cmd.Stderr = os.Stderr
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &program{t, cmd, bufio.NewScanner(output)}
	t.Cleanup(p.kill)
	return p
}

func (p *program) kill() {
	p.cmd.Process.Kill()
	p.cmd.Wait()
}

// until is the first line that begins so.
func (p *program) until(prefix string) string {
	p.t.Helper()
	for p.lines.Scan() {
		if strings.HasPrefix(p.lines.Text(), prefix) {
			return p.lines.Text()
		}
	}
	p.t.Fatalf("%v ended without %q", p.cmd.Args, prefix)
	return ""
}

// TestKills: whichever side is killed, the others go on, and the next one takes its place.
func TestKills(t *testing.T) {
	camera := start(t, "film", "200")
	viewers := []*program{start(t, "view"), start(t, "view")}
	for range 3 {
		for _, v := range viewers {
			v.until("picture ")
			v.until("brightness ")
		}
		camera.kill()
		for _, v := range viewers {
			v.until("no camera")
		}
		camera = start(t, "film", "200")
	}
	viewers[0].kill()
	viewers[1].until("picture ")
}

// TestMissed: a viewer that comes from the start and keeps up sees every picture, in its order.
func TestMissed(t *testing.T) {
	viewer := start(t, "view")
	start(t, "film", "50")
	last := 0
	for range 5 {
		var number, missed int
		if _, err := fmt.Sscanf(viewer.until("picture "), "picture %d, missed %d", &number, &missed); err != nil {
			t.Fatal(err)
		}
		if last > 0 && number != last+missed+1 {
			t.Errorf("picture %d, with %d missed, comes after %d", number, missed, last)
		}
		last = number
	}
}

// TestOneCamera: a second one is told that there is one, and disturbs nobody.
func TestOneCamera(t *testing.T) {
	viewer := start(t, "view")
	start(t, "film", "200")
	viewer.until("picture ")
	second := start(t, "film")
	if second.cmd.Wait(); second.cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("a second camera ended with %v", second.cmd.ProcessState)
	}
	viewer.until("picture ")
}

// TestUsage: what makes no sense is refused.
func TestUsage(t *testing.T) {
	for _, arguments := range [][]string{nil, {"draw"}, {"film", "0"}, {"film", "x"}, {"film", "1", "2"}, {"view", "x"}} {
		if err := run(t.Context(), arguments); err == nil || !strings.HasPrefix(err.Error(), "usage: ") {
			t.Errorf("%q: %v", arguments, err)
		}
	}
}
