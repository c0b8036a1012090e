//go:build linux

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/namedshm/namedshm/internal/turns"
)

func TestMain(m *testing.M) {
	end, err := turns.Together()
	if err != nil {
		panic(err)
	}
	defer end()
	m.Run()
}

// build builds the command, with a mistake in the library to be chosen.
func build(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "soak")
	if out, err := exec.Command("go", "build", "-tags", "namedshm_mistakes", "-o", program,
		".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return program
}

// run runs it and returns what it printed and its exit status.
func run(t *testing.T, program, mistake string, args ...string) (out string, status int) {
	t.Helper()
	c := exec.Command(program, args...)
	c.Env = append(os.Environ(), "NAMEDSHM_MISTAKE="+mistake)
	b, err := c.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return string(b) + string(exit.Stderr), exit.ExitCode()
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(b), 0
}

// interrupted runs it until it has told of its first riot, and interrupts it as a terminal does: all of its process
// group.
func interrupted(t *testing.T, program string, args ...string) (out string, status int) {
	t.Helper()
	c := exec.Command(program, args...)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	var printed bytes.Buffer
	c.Stdout = &printed
	progress, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	runtime.LockOSThread() // its parent's death is this thread's
	defer runtime.UnlockOSThread()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(progress)
	if line, err := lines.ReadString('\n'); err != nil || !strings.HasPrefix(line, "riot 1:") {
		t.Fatalf("it tells %q, %v", line, err)
	}
	if err := syscall.Kill(-c.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, lines); err != nil {
		t.Fatal(err)
	}
	c.Wait()
	return printed.String(), c.ProcessState.ExitCode()
}

// TestSoak: a soak that is interrupted ends with counts of all kinds and no violation; with a broken library it ends
// with exit status 1, the seed, and the journal of what was wrong.
func TestSoak(t *testing.T) {
	program := build(t)
	t.Run("sound", func(t *testing.T) {
		dir := t.TempDir()
		out, status := interrupted(t, program, "--minutes", "5", "--seed", "7", "--json", "--journals", dir)
		var r report
		if err := json.Unmarshal([]byte(out), &r); err != nil {
			t.Fatalf("%v in %s", err, out)
		}
		if status != 0 || len(r.Violations) > 0 || r.Seed != 7 {
			t.Errorf("status %d: %s", status, out)
		}
		for _, what := range []string{"operations", "kills", "stops", "section: create", "auto-reset event: set",
			"manual-reset event: reset",
			"mutex: take", "semaphore: release", "mutex: wait all", "fork"} {
			if r.Counts[what] == 0 {
				t.Errorf("no %s: %v", what, r.Counts)
			}
		}
		if kept, _ := filepath.Glob(filepath.Join(dir, "*")); len(kept) != len(r.Undecided) {
			t.Errorf("journals were kept although nothing was wrong: %q", kept)
		}
	})
	t.Run("broken", func(t *testing.T) {
		dir := t.TempDir()
		out, status := run(t, program, "exclusive check left out", "--minutes", "0.02", "--seed", "7", "--journals", dir)
		kept, _ := filepath.Glob(filepath.Join(dir, "*"))
		if status != 1 || len(kept) == 0 || !strings.Contains(out, kept[0]) || !strings.Contains(out, "seed 7") ||
			!strings.Contains(out, "VIOLATION") {
			t.Errorf("status %d, journals %q: %s", status, kept, out)
		}
	})
	t.Run("usage", func(t *testing.T) {
		if out, status := run(t, program, "", "--help"); status != 0 ||
			!strings.Contains(out, "go run ./conformance/soak --minutes") {
			t.Errorf("status %d: %s", status, out)
		}
		if out, status := run(t, program, "", "--minutes", "0"); status != 2 || !strings.Contains(out, "--help") {
			t.Errorf("status %d: %s", status, out)
		}
	})
}
