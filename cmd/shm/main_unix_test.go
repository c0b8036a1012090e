//go:build unix

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/namedshm/namedshm/internal/turns"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	// A program built with the race detector sleeps for a second when it ends, and these tests run hundreds.
	os.Setenv("GORACE", quickExit)
	if strings.HasSuffix(os.Args[0], ".test") { // and not when it is called as shm
		if _, err := turns.Together(); err != nil {
			panic(err)
		}
		if signal.Ignored(os.Interrupt) {
			// What is ignored is inherited, and the commands could not die of it. A signal that is listened for is not.
			signal.Notify(make(chan os.Signal, 1), os.Interrupt)
		}
	}
	testscript.Main(m, map[string]func(){"shm": main})
}

// backingVariable, set to "file", makes Linux use the backing of other Unix systems.
const backingVariable = "NAMEDSHM_BACKING"

const quickExit = "atexit_sleep_ms=0"

// patience bounds everything that a test waits for.
const patience = 20 * time.Second

// newRoot makes a directory that stands for /dev/shm, so that runs of the tests do not meet each other or the user's
// own objects. Everybody may write it, as /dev/shm.
func newRoot() (root string, remove func(), err error) {
	parent := "/dev/shm"
	if _, err := os.Stat(parent); err != nil {
		parent = ""
	}
	if root, err = os.MkdirTemp(parent, "shm-test-"); err != nil {
		return "", nil, err
	}
	return root, func() { os.RemoveAll(root) }, os.Chmod(root, 0o777|os.ModeSticky)
}

// isolate gives a test, and the commands that it runs, a root of their own.
func isolate(t *testing.T) {
	t.Helper()
	root, remove, err := newRoot()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(remove)
	t.Setenv("NAMEDSHM_ROOT", root)
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			root, remove, err := newRoot()
			if err != nil {
				return err
			}
			e.Defer(remove)
			e.Setenv("NAMEDSHM_ROOT", root)
			e.Setenv("GORACE", quickExit)
			e.Setenv(backingVariable, os.Getenv(backingVariable))
			return nil
		},
		Condition: func(condition string) (bool, error) {
			switch condition {
			case "root":
				return os.Geteuid() == 0, nil
			case "ownipc": // Global names are those of a sandbox's own IPC namespace
				link, _ := os.Readlink("/proc/self/ns/ipc")
				return runtime.GOOS == "linux" && os.Getenv(backingVariable) != "file" && link != "ipc:[4026531839]", nil
			case "memfd": // and System V segments: the backings that Linux has of its own
				return runtime.GOOS == "linux" && os.Getenv(backingVariable) != "file", nil
			}
			return false, fmt.Errorf("unknown condition %q", condition)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"until":  scriptUntil,
			"json":   scriptJSON,
			"status": scriptStatus,
		},
	})
}

// scriptUntil is "until pattern program args…": it runs a program again and again until its standard output matches.
func scriptUntil(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until pattern program args…")
	}
	pattern := regexp.MustCompile("(?m)" + args[0])
	for deadline := time.Now().Add(patience); ; time.Sleep(2 * time.Millisecond) {
		if err := ts.Exec(args[1], args[2:]...); err == nil && pattern.MatchString(ts.ReadFile("stdout")) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%q never printed %q; last:\n%s%s", args[1:], args[0], ts.ReadFile("stdout"), ts.ReadFile("stderr"))
		}
	}
}

// scriptJSON is "json count key=value…": the standard output has that many lines, each of them one JSON object, and
// one of them has all these values.
func scriptJSON(ts *testscript.TestScript, neg bool, args []string) {
	output := strings.TrimSuffix(ts.ReadFile("stdout"), "\n")
	var lines []string
	if output != "" {
		lines = strings.Split(output, "\n")
	}
	if want, err := strconv.Atoi(args[0]); err != nil || len(lines) != want {
		ts.Fatalf("%d lines, not %s", len(lines), args[0])
	}
	matched := len(args) == 1
	for _, line := range lines {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			ts.Fatalf("%q: %v", line, err)
		}
		ok := true
		for _, pair := range args[1:] {
			key, value, _ := strings.Cut(pair, "=")
			got, _ := json.Marshal(object[key])
			ok = ok && (string(got) == value || object[key] == value)
		}
		matched = matched || ok
	}
	if matched == neg {
		ts.Fatalf("no line with %q", args[1:])
	}
}

// scriptStatus is "status number program args…": the program ends with that exit status, and what it wrote is there
// for stdout and stderr.
func scriptStatus(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	if neg || err != nil {
		ts.Fatalf("usage: status number program args…")
	}
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := err.(*exec.ExitError)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit status %d, not %d\n%s%s", got, want, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

// TestWaitGivesTheMakerAMoment: an empty section is not shown at once after a wait for it.
func TestWaitGivesTheMakerAMoment(t *testing.T) {
	isolate(t)
	hold(t, "Foo", "--size", "256")
	begin := time.Now()
	if got := shm(t, "open", "Foo", "--wait", patience.String()); got != "\n" {
		t.Errorf("an empty section shows %q", got)
	}
	if took := time.Since(begin); took < 250*time.Millisecond {
		t.Errorf("its maker had only %v", took)
	}
}

// TestLockIsEndedByTheSignal: a shell that runs a script ends it when Ctrl-C has ended a command, and not when the
// command merely exits.
func TestLockIsEndedByTheSignal(t *testing.T) {
	isolate(t)
	owner := exec.Command("shm", "mutex", "lock", "Foo", "--", "cat")
	stdin, err := owner.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.Start(); err != nil {
		t.Fatal(err)
	}
	defer owner.Wait()
	defer stdin.Close()
	await(t, `"ownership"`, "stat", "Foo", "--json")
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		bounded, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		waiter := exec.CommandContext(bounded, "shm", "mutex", "lock", "Foo", "--", "true")
		if err := waiter.Start(); err != nil {
			t.Fatal(err)
		}
		await(t, `"waiters":1`, "stat", "Foo", "--json")
		if err := waiter.Process.Signal(sig); err != nil {
			t.Error(err)
		}
		waiter.Wait()
		if got, ok := endedBy(waiter.ProcessState); !ok || got != int(sig) {
			t.Errorf("%v: it ended with %v", sig, waiter.ProcessState)
		}
		await(t, `"waiters":0`, "stat", "Foo", "--json")
	}
}

// await runs the command again and again until it prints a text.
func await(t *testing.T, want string, args ...string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(2 * time.Millisecond) {
		out, _ := exec.Command("shm", args...).CombinedOutput()
		if strings.Contains(string(out), want) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("shm %q never prints %q; last:\n%s", args, want, out)
		}
	}
}

// TestEveryVerbHasAScript keeps a new verb from coming without a test.
func TestEveryVerbHasAScript(t *testing.T) {
	parser, err := newParser(new(cli))
	if err != nil {
		t.Fatal(err)
	}
	scripts, err := os.ReadDir("testdata/script")
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range parser.Model.Children {
		if !verb.Hidden && !slices.ContainsFunc(scripts, func(e os.DirEntry) bool { return e.Name() == verb.Name+".txtar" }) {
			t.Errorf("no script %s.txtar", verb.Name)
		}
	}
}
