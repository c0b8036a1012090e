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
const programVariable = "NAMEDSHM_EXAMPLE_JOBS"

func TestMain(m *testing.M) {
	if os.Getenv(programVariable) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// program is a running worker or sender.
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

// TestKills: workers that are killed lose no job, and a sender sees its jobs done before it goes.
func TestKills(t *testing.T) {
	worker := start(t, "work")
	worker.until("working")
	texts := make([]string, 200)
	for i := range texts {
		texts[i] = fmt.Sprint("text ", i+1)
	}
	sender := start(t, append([]string{"send"}, texts...)...)
	done := 0
	for done < len(texts) {
		if !worker.lines.Scan() {
			t.Fatal("a worker ended")
		}
		var number, pid, again int
		if _, err := fmt.Sscanf(worker.lines.Text(), "job %d of %d: text %d", &number, &pid, &again); err != nil {
			continue
		}
		// What a worker that was killed had printed and not called done comes once more.
		if number != done+1 && number != done || number != again || pid != sender.cmd.Process.Pid {
			t.Fatalf("%q after job %d", worker.lines.Text(), done)
		}
		if done = number; done%50 == 0 && done < len(texts) {
			worker.cmd.Process.Kill()
			for worker.lines.Scan() { // what it had still printed
				fmt.Sscanf(worker.lines.Text(), "job %d", &done)
			}
			worker = start(t, "work")
		}
	}
	if err := sender.cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// TestSenders: jobs come whole and each sender's in order, from several at once.
func TestSenders(t *testing.T) {
	worker := start(t, "work")
	worker.until("working")
	for range 4 {
		start(t, "send", "a", "b", "c")
	}
	done := map[int]int{}
	for range 12 {
		var number, pid int
		if _, err := fmt.Sscanf(worker.until("job "), "job %d of %d", &number, &pid); err != nil {
			t.Fatal(err)
		}
		if number != done[pid]+1 {
			t.Errorf("job %d of %d comes after %d", number, pid, done[pid])
		}
		done[pid] = number
	}
	if len(done) != 4 {
		t.Errorf("jobs came from %d senders", len(done))
	}
}

// TestOneWorker: a second one is told that there is one.
func TestOneWorker(t *testing.T) {
	start(t, "work").until("working")
	second := start(t, "work")
	if second.cmd.Wait(); second.cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("a second worker ended with %v", second.cmd.ProcessState)
	}
}

// TestUsage: what makes no sense is refused.
func TestUsage(t *testing.T) {
	for _, arguments := range [][]string{nil, {"send"}, {"work", "x"}, {"play", "x"}} {
		if err := run(t.Context(), arguments); err == nil || !strings.HasPrefix(err.Error(), "usage: ") {
			t.Errorf("%q: %v", arguments, err)
		}
	}
}
