package capi

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/namedshm/namedshm/internal/depth"
)

// wine is the script that runs Windows programs, and what was built for it.
type wine struct{ script, shm, press string }

var setUpWine = sync.OnceValues(prepareWine)

// missing is the status of .ci/wine on a machine without Wine or the cross compiler.
const missing = 3

// needWine skips a test where there is no Wine; but where CI=true it has to be there.
func needWine(t *testing.T) *wine {
	t.Helper()
	need(t) // which makes the directory
	w, err := setUpWine()
	if exit, ok := err.(*exec.ExitError); ok && exit.ExitCode() == missing && os.Getenv("CI") != "true" {
		t.Skip("there is no Wine, or no compiler for it")
	}
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func prepareWine() (*wine, error) {
	script, err := filepath.Abs("../../.ci/wine")
	if err != nil {
		return nil, err
	}
	w := &wine{script: script, shm: filepath.Join(directory, "shm.exe"), press: filepath.Join(directory, "press.exe")}
	if out, err := exec.Command(script, "prepare").CombinedOutput(); err != nil {
		os.Stderr.Write(out)
		return nil, err
	}
	shm := exec.Command("go", "build", "-o", w.shm, "../../cmd/shm")
	shm.Env = append(os.Environ(), "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0")
	for _, step := range []*exec.Cmd{shm, exec.Command(script, "gxx", "-o", w.press, "testdata/press.cpp")} {
		if out, err := step.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%v: %w\n%s", step.Args, err, out)
		}
	}
	return w, nil
}

// compile compiles for Windows.
func (w *wine) compile(t *testing.T, source string, flags ...string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), strings.TrimSuffix(filepath.Base(source), filepath.Ext(source))+".exe")
	arguments := append([]string{"gxx", "-D_WIN32_WINNT=0x0A00", "-Wall", "-Wextra", "-Wno-unknown-pragmas", "-Wno-format",
		"-o", program}, flags...)
	if out, err := exec.Command(w.script, append(arguments, source)...).CombinedOutput(); err != nil ||
		!onlyIgnoredPragma(out) {
		t.Fatalf("%s: %v\n%s", source, err, out)
	}
	return program
}

// run is a program under Wine, on no terminal. It writes into files: the first program under Wine starts others that
// live on, and they would keep a pipe open.
func (w *wine) run(t *testing.T, program string, arguments ...string) (e ended) {
	t.Helper()
	d := t.TempDir()
	c := command(t, w.script, append([]string{"run", program}, arguments...)...)
	for path, to := range map[string]*io.Writer{"out": &c.Stdout, "complaint": &c.Stderr} {
		f, err := os.Create(filepath.Join(d, path))
		if err != nil {
			t.Error(err)
			return e
		}
		defer f.Close()
		*to = f
	}
	var exit *exec.ExitError
	if err := c.Run(); err != nil && !errors.As(err, &exit) {
		t.Error(err)
		return e
	}
	e.state = c.ProcessState
	for path, to := range map[string]*string{"out": &e.out, "complaint": &e.complaint} {
		text, err := os.ReadFile(filepath.Join(d, path))
		if err != nil {
			t.Error(err)
		}
		*to = strings.ReplaceAll(string(text), "\r\n", "\n")
	}
	return e
}

// awaitName waits until the pair's section exists.
func (w *wine) awaitName(t *testing.T, text string) {
	t.Helper()
	if e := w.run(t, w.shm, "open", pairName, "--wait", patience.String()); e.out != text+"\n" {
		t.Fatalf("Go reads %q %q", e.out, e.complaint)
	}
}

// showsMessage runs a program that shows the message in a box, and presses the button.
func (w *wine) showsMessage(t *testing.T, program string) {
	t.Helper()
	second := make(chan ended, 1)
	go func() { second <- w.run(t, program) }()
	if e := w.run(t, w.press, pairTitle); e.out != pairMessage+"\n" {
		t.Errorf("the message box has %q, %v", e.out, e.state)
	}
	if e := <-second; !e.state.Success() {
		t.Errorf("the second program: %v %q", e.state, e.out)
	}
}

// TestPairUnderWine: the same two programs, compiled for Windows, with each other and with the Windows build of the
// command.
func TestPairUnderWine(t *testing.T) {
	if !depth.Full() {
		t.Skip("TestProbe compares with Wine in a quick run: NAMEDSHM_TEST_DEPTH=full has this too")
	}
	w := needWine(t)
	firstSource, secondSource := pairPrograms(t)
	first, second := w.compile(t, firstSource), w.compile(t, secondSource)

	holder := onTerminal(t, command(t, w.script, "run", first))
	w.awaitName(t, pairMessage) // C++ with Go
	w.showsMessage(t, second)   // C++ with C++
	holder.press("q")
	holder.end()
	if e := w.run(t, second); e.out != pairGone {
		t.Errorf("after both have ended the second says %q", e.out)
	}

	maker := command(t, w.script, "run", w.shm, "create", pairName, "--size", "256", "--text", pairMessage)
	input, err := maker.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := maker.Start(); err != nil {
		t.Fatal(err)
	}
	w.awaitName(t, pairMessage)
	w.showsMessage(t, second) // Go with C++
	input.Close()
	if err := maker.Wait(); err != nil {
		t.Error(err)
	}
	if e := w.run(t, second); e.out != pairGone {
		t.Errorf("after both have ended the second says %q", e.out)
	}
}
