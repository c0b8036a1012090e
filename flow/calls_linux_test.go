//go:build !race

package flow_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestNoSystemCalls: messages that have room, and that are there, cost none. (The race detector makes its own.)
func TestNoSystemCalls(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	trace := filepath.Join(t.TempDir(), "trace")
	a := start(t, "calls", t.Name(), func(c *exec.Cmd) {
		c.Args = []string{strace, "-f", "-o", trace, c.Path}
		c.Path = strace
		c.Env = append(c.Env, "GODEBUG=asyncpreemptoff=1", "GOGC=off")
	})
	if err := a.Wait(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	thread, all, quiet := "", []string{}, 0
	var round []string
	for line := range strings.Lines(string(text)) {
		tid, call, _ := strings.Cut(strings.TrimSpace(line), " ")
		call = strings.TrimSpace(call)
		switch {
		case strings.HasPrefix(call, "getppid("):
			if thread != "" && len(round) == 0 {
				quiet++
			}
			thread, all, round = tid, append(all, round...), nil
		case tid == thread && !strings.HasPrefix(call, "<... getppid"):
			round = append(round, call)
		}
	}
	// Now and then the runtime makes one of its own.
	if quiet < 10 || len(all) > 50 {
		t.Errorf("of 20 rounds of 500 messages %d made no call; all calls are %q", quiet, all)
	}
}
