package kernel

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestExitingIsEveryThread: a process is about to end when all of its threads are, and one has not ended yet.
func TestExitingIsEveryThread(t *testing.T) {
	// pid (comm) state ppid pgrp session tty_nr tpgid flags …
	const (
		runs    = "7 (a) Z 4 b) S 1 7 7 0 -1 4194304 100"
		exits   = "7 (a) R 1 7 7 0 -1 4194308 100"
		zombie  = "7 (Z) Z 1 7 7 0 -1 4227084 100"
		garbage = "7 (a)"
	)
	for _, c := range []struct {
		threads []string
		want    bool
	}{
		{[]string{runs}, false},
		{[]string{exits}, true},
		{[]string{zombie}, false}, // its locks are gone; if there is one it is another's
		{[]string{zombie, runs}, false},
		{[]string{runs, zombie, zombie}, false},
		{[]string{exits, runs}, false},
		{[]string{zombie, exits}, true},
		{[]string{exits, exits, zombie}, true},
		{[]string{zombie, zombie}, false},
		{[]string{exits, garbage}, false},
		{nil, false},
	} {
		dir := t.TempDir() + "/"
		for i, stat := range c.threads {
			task := filepath.Join(dir, fmt.Sprint(i))
			if err := errors.Join(os.Mkdir(task, 0o755), os.WriteFile(task+"/stat", []byte(stat+"\n"), 0o644)); err != nil {
				t.Fatal(err)
			}
		}
		if got := isExiting(dir); got != c.want {
			t.Errorf("threads %q: exiting %v, want %v", c.threads, got, c.want)
		}
	}
	if isExiting(fmt.Sprintf("/proc/%d/task/", os.Getpid())) {
		t.Error("this process is said to be exiting")
	}
}
