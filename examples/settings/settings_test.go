package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"
)

// programVariable, set, makes this test program the example.
const programVariable = "NAMEDSHM_EXAMPLE_SETTINGS"

func TestMain(m *testing.M) {
	if os.Getenv(programVariable) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// program is a running keeper or reader.
type program struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines *bufio.Scanner
	input io.WriteCloser
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
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &program{t, cmd, bufio.NewScanner(output), input}
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

// TestChanges: everybody sees what is said, and that nobody says it any more: by a goodbye, and by a death.
func TestChanges(t *testing.T) {
	keeper := start(t, "keep", "info", "10")
	keeper.until("kept")
	readers := []*program{start(t, "show"), start(t, "show")}
	see := func(line string) {
		t.Helper()
		for _, r := range readers {
			r.until(line)
		}
	}
	see("level info, limit 10")
	fmt.Fprintln(keeper.input, "debug 20")
	see("level debug, limit 20")
	keeper.kill()
	see("nobody keeps them any more: ")
	for _, r := range readers {
		if err := r.cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
}

// TestGoodbye: a keeper that ends as it should is no death.
func TestGoodbye(t *testing.T) {
	keeper := start(t, "keep", "info", "10")
	keeper.until("kept")
	reader := start(t, "show")
	reader.until("level info, limit 10")
	keeper.input.Close()
	if line := reader.until("nobody keeps them any more: "); line != "nobody keeps them any more: EOF" {
		t.Errorf("%q", line)
	}
}

// TestMistakes: what makes no sense is refused.
func TestMistakes(t *testing.T) {
	for _, arguments := range [][]string{nil, {"keep", "x"}, {"show", "x"}, {"tell", "x", "1"}} {
		if err := run(t.Context(), arguments, nil); err == nil || !strings.HasPrefix(err.Error(), "usage: ") {
			t.Errorf("%q: %v", arguments, err)
		}
	}
	for _, text := range []string{"", "info", "info x", "a-level-that-is-too-long 1"} {
		if _, err := parse(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
