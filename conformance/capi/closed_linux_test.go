package capi

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/namedshm/namedshm"
)

// TestDescriptorsLost: a program that closes descriptors which it did not open, as a daemon does, after it has made
// calls, does not end, loses none of its own when it closes its handles, and gets errors from those calls alone that
// have lost theirs.
func TestDescriptorsLost(t *testing.T) {
	w := need(t)
	for way, flags := range linkings {
		program := w.compile(t, "gcc", "testdata/closed.c", flags...)
		for i, scene := range []string{"all", "loop", "list", "global", "replaced", "alike", "odd", "even", "waiting",
			"children", "marked", "late", "exit"} {
			if !linkedSo(i, way) {
				continue
			}
			t.Run(strings.Join(append(flags[1:], scene), " "), func(t *testing.T) {
				if scene == "global" {
					needGlobal(t)
				}
				isolate(t)
				c := command(t, program, scene, newFile(t))
				c.Dir = t.TempDir()
				if e := finish(t, c); !e.state.Success() || e.complaint != "" {
					t.Errorf("%v\n%s", e.state, e.complaint)
				}
			})
		}
	}
}

// newFile is a file of a page.
func newFile(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, make([]byte, 4096), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestOwnerLosesDescriptors: the lock by which others know that the owner of a mutex lives goes with its descriptor.
// They are told that it was abandoned, and what it does then is not an owner's.
func TestOwnerLosesDescriptors(t *testing.T) {
	w := need(t)
	isolate(t)
	c := command(t, w.compile(t, "gcc", "testdata/closed.c", "-O1"), "owner", newFile(t))
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var complaint bytes.Buffer
	c.Stderr = &complaint
	m := mustOpenOwned(t, c.Start, in, bufio.NewReader(out))
	abandoned, err := m.Lock(t.Context())
	if err != nil || !abandoned {
		t.Errorf("abandoned %v, %v", abandoned, err)
	}
	fmt.Fprintln(in)
	if err := c.Wait(); err != nil || complaint.Len() > 0 {
		t.Errorf("%v\n%s", err, complaint.String())
	}
	if err := m.Unlock(); err != nil {
		t.Error("the mutex was taken from its owner: ", err)
	}
}

// mustOpenOwned starts the program and opens the mutex that it owns. It returns when the program has closed everything.
func mustOpenOwned(t *testing.T, start func() error, in io.Writer, out *bufio.Reader) *namedshm.Mutex {
	t.Helper()
	if err := start(); err != nil {
		t.Fatal(err)
	}
	says := func(want string) {
		t.Helper()
		if line, err := out.ReadString('\n'); strings.TrimSpace(line) != want {
			t.Fatal(line, err)
		}
	}
	says("made")
	m, err := namedshm.OpenMutex(`Local\closed-owned`, namedshm.Synchronize)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	fmt.Fprintln(in)
	says("closed")
	return m
}
