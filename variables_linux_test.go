package namedshm_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/inspect"
	"github.com/namedshm/namedshm/upkeep"
)

// wantWrong wants an error that says which variable has which value, and what it can have.
func wantWrong(t *testing.T, what string, err error, parts ...string) {
	t.Helper()
	wantCode(t, what, err, namedshm.ErrInvalidParameter)
	for _, part := range parts {
		if err != nil && !strings.Contains(err.Error(), part) {
			t.Errorf("%s: no %q in %q", what, part, err)
		}
	}
}

// TestWrongBacking: a value that means nothing is an error of every call that would use it, and no other backing than
// the one that was meant.
func TestWrongBacking(t *testing.T) {
	isolate(t)
	calls := callsByName(t)
	for _, value := range []string{"fiel", "memfd", "FILE", " file", "\x1b[31m"} {
		t.Setenv("NAMEDSHM_BACKING", value)
		for what, call := range calls {
			wantWrong(t, what+" with "+value, call(), "NAMEDSHM_BACKING", "unset it, or set it to file")
		}
	}
	wantWrong(t, "the value", calls["Create"](), `"\x1b[31m"`)
	for _, value := range []string{"", "file"} {
		t.Setenv("NAMEDSHM_BACKING", value)
		s, err := namedshm.Create(ownName(t, ""), 1, namedshm.Read)
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
	}
}

// TestWrongRoot: if the variable does not name a directory, every call that would use it says so in the same words,
// with the value; so do calls that look for names, and those that would wait.
func TestWrongRoot(t *testing.T) {
	root, _ := isolate(t)
	backing := os.Getenv("NAMEDSHM_BACKING")
	calls := callsByName(t)
	if backing != "file" { // there it looks at nothing
		calls["SweepElsewhere"] = func() error { _, err := upkeep.SweepElsewhere(); return err }
	}
	calls["OpenOrCreateEvent"] = func() error {
		_, _, err := namedshm.OpenOrCreateEvent(ownName(t, ""), namedshm.AutoReset, false)
		return err
	}
	unnamed := map[string]func() error{"no name": calls["no name"], "an event without a name": func() error {
		event, err := namedshm.CreateEvent("", namedshm.AutoReset, true)
		if err == nil {
			err = event.Close()
		}
		return err
	}}
	delete(calls, "no name")
	file, loop := filepath.Join(root, "file"), filepath.Join(root, "loop")
	if err := errors.Join(os.WriteFile(file, nil, 0o600), os.Symlink(loop, loop)); err != nil {
		t.Fatal(err)
	}
	t.Chdir(root)
	if err := os.Mkdir("here", 0o700); err != nil {
		t.Fatal(err)
	}
	for value, why := range map[string]string{
		"here":                          "which is not an absolute path",
		"./here":                        "which is not an absolute path",
		root + "/absent":                "which does not exist",
		root + "/absent/deeper":         "which does not exist",
		file:                            "which is not a directory",
		file + "/":                      "which is not a directory",
		file + "/below":                 "which is not a directory",
		loop:                            "which cannot be resolved",
		root + strings.Repeat("x", 300): "which cannot be resolved",
		root + "/\x1b[31m":              "which does not exist",
	} {
		t.Setenv("NAMEDSHM_ROOT", value)
		for what, call := range calls {
			wantWrong(t, what+" with "+value, call(), "NAMEDSHM_ROOT is "+strconv.Quote(value)[:5], why,
				"absolute path of a directory that exists")
		}
		for what, call := range unnamed { // memory without a name needs no directory, unless it is a file
			t.Setenv("NAMEDSHM_BACKING", "")
			if err := call(); err != nil {
				t.Errorf("%s with %s: %v", what, value, err)
			}
			t.Setenv("NAMEDSHM_BACKING", "file")
			wantWrong(t, what+" in a file with "+value, call(), why)
			t.Setenv("NAMEDSHM_BACKING", backing)
		}
	}
	for _, value := range []string{root, root + "/", root + "/./here/.."} {
		t.Setenv("NAMEDSHM_ROOT", value)
		s, err := namedshm.Create(ownName(t, ""), 1, namedshm.Read)
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
	}
}

// TestChangingRoot: each call goes by one value of the variable, though another goroutine changes it meanwhile.
func TestChangingRoot(t *testing.T) {
	root, _ := isolate(t)
	name, done, changed := ownName(t, ""), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(changed)
		for values := []string{"here", root, ""}; ; values = append(values[1:], values[0]) {
			select {
			case <-done:
				return
			default:
				os.Setenv("NAMEDSHM_ROOT", values[0])
			}
		}
	}()
	before, refused := openDescriptors(t), 0
	for range 20000 {
		switch _, err := namedshm.Open(name, namedshm.Read); {
		case errors.Is(err, namedshm.ErrInvalidParameter):
			refused++
		case !errors.Is(err, namedshm.ErrFileNotFound):
			t.Fatal(err)
		}
	}
	close(done)
	<-changed
	if refused == 0 {
		t.Error("no call met the wrong value")
	}
	// a directory or two for each value, and what the runtime has opened
	if after := openDescriptors(t); after > before+8 {
		t.Errorf("%d descriptors were open before, %d are after", before, after)
	}
}

func openDescriptors(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// callsByName is calls that need the directories of names.
func callsByName(t *testing.T) map[string]func() error {
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // a call that would wait says so at once
	name := ownName(t, "")
	return map[string]func() error{
		"Create":        func() error { _, err := namedshm.Create(name, 1, namedshm.Read); return err },
		"no name":       func() error { _, err := namedshm.Create("", 1, namedshm.Read); return err },
		"OpenOrCreate":  func() error { _, _, err := namedshm.OpenOrCreate(name, 1, namedshm.Read); return err },
		"Open":          func() error { _, err := namedshm.Open(name, namedshm.Read); return err },
		"WaitOpen":      func() error { _, err := namedshm.WaitOpen(ctx, name, namedshm.Read); return err },
		"Global":        func() error { _, err := namedshm.Create(`Global\`+name, 1, namedshm.Read); return err },
		"event":         func() error { _, err := namedshm.CreateEvent(name, namedshm.AutoReset, false); return err },
		"mutex":         func() error { _, _, err := namedshm.OpenOrCreateMutex(name, false); return err },
		"semaphore":     func() error { _, err := namedshm.OpenSemaphore(name, namedshm.Synchronize); return err },
		"WaitOpenEvent": func() error { _, err := namedshm.WaitOpenEvent(ctx, name, namedshm.Synchronize); return err },
		"Stat":          func() error { _, err := inspect.Stat(name); return err },
		"List":          func() error { _, err := inspect.List(namedshm.Local); return err },
		"Names":         func() error { _, err := inspect.Names(namedshm.Global); return err },
		"Sweep":         func() error { _, err := upkeep.Sweep(namedshm.Local); return err },
	}
}

// waitValue is the value that a child is to find refused; "-" for one that is in order.
const waitValue = "NAMEDSHM_TEST_WAIT_VALUE"

// TestWrongWait is for each value in a process of its own: the variable is read when a process starts.
func TestWrongWait(t *testing.T) {
	if value := os.Getenv(waitValue); value != "" {
		openAll(t, value)
		return
	}
	for value, want := range map[string]string{"pol": `"pol"`, "Futex": `"Futex"`, "futex_waitv": `"futex_waitv"`,
		"poll": "-", "futex": "-", "": "-"} {
		c := exec.Command(os.Args[0], "-test.run", "^TestWrongWait$", "-test.count", "1")
		c.Env = append(os.Environ(), "NAMEDSHM_WAIT"+"="+value, waitValue+"="+want)
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("%q: %v\n%s", value, err, out)
		}
	}
}

// openAll makes and opens all that can be waited for. Sections have nothing to do with the variable.
func openAll(t *testing.T, value string) {
	isolate(t)
	name := ownName(t, "")
	mustCreate(t, name, 1, namedshm.Read)
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // a call that would wait says so at once
	for what, open := range map[string]func() (namedshm.Waitable, error){
		"event":   func() (namedshm.Waitable, error) { return namedshm.CreateEvent(name+"e", namedshm.AutoReset, true) },
		"no name": func() (namedshm.Waitable, error) { return namedshm.CreateEvent("", namedshm.ManualReset, true) },
		"mutex": func() (namedshm.Waitable, error) {
			m, _, err := namedshm.OpenOrCreateMutex(name+"m", false)
			return m, err
		},
		"semaphore": func() (namedshm.Waitable, error) { return namedshm.CreateSemaphore(name+"s", 1, 1) },
		"open":      func() (namedshm.Waitable, error) { return namedshm.OpenSemaphore(name+"s", namedshm.Synchronize) },
		"wait, open": func() (namedshm.Waitable, error) {
			return namedshm.WaitOpenEvent(ctx, name+"e", namedshm.Synchronize)
		},
	} {
		t.Run(what, func(t *testing.T) {
			if value == "-" && (what == "open" || what == "wait, open") {
				return // there may be nothing yet
			}
			w, err := open()
			if value != "-" {
				wantWrong(t, what, err, "NAMEDSHM_WAIT is "+value, "unset it, or set it to futex or poll")
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			if _, err := namedshm.WaitAny(t.Context(), w); err != nil {
				t.Error(err)
			}
		})
	}
}
