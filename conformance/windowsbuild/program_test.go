package windowsbuild

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/namedshm/namedshm/internal/turns"
)

// programs are the two sorts of program, built for Windows.
type programs struct {
	wine  string // the script that runs them
	actor string // this library
	peer  string // Win32 calls from C++
}

// missing is the status of .ci/wine on a machine without Wine or the cross compiler.
const missing = 3

var (
	directory string // of the built programs; removed at the end
	build     = sync.OnceValues(buildPrograms)
)

func TestMain(m *testing.M) {
	os.Exit(turns.Run(m, func() error { return os.RemoveAll(directory) }))
}

// need gives the programs. Where there is no Wine the test is skipped; but where CI=true, Wine has to be there.
func need(t *testing.T) programs {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("these tests start Windows programs from Linux")
	}
	p, err := build()
	var exit *exec.ExitError
	if err, ok := err.(*buildError); ok {
		exit, _ = err.cause.(*exec.ExitError)
	}
	switch {
	case err == nil:
		return p
	case exit != nil && exit.ExitCode() == missing && os.Getenv("CI") != "true":
		t.Skipf("nothing is shown about Windows here: %v", err)
	}
	t.Fatal(err)
	return p
}

// buildError is a step of the building that failed, with what it said.
type buildError struct {
	step   string
	output string
	cause  error
}

func (e *buildError) Error() string {
	return fmt.Sprintf("%s: %v\n%s", e.step, e.cause, strings.TrimSpace(e.output))
}

// readInputs reads what the programs are made from. The contents do not matter: `go test` takes an earlier result where
// no file that the test itself read has changed, and knows nothing of those that only the programs were built from.
func readInputs() error {
	for _, pattern := range []string{"../../*.go", "../../internal/kernel/*.go", "../../.ci/*", "actor/*", "testdata/*"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			return err
		}
		for _, path := range paths {
			if _, err := os.ReadFile(path); err != nil {
				return err
			}
		}
	}
	return nil
}

func buildPrograms() (p programs, err error) {
	if err := readInputs(); err != nil {
		return p, err
	}
	if p.wine, err = filepath.Abs(filepath.Join("..", "..", ".ci", "wine")); err != nil {
		return p, err
	}
	if directory, err = os.MkdirTemp("", "namedshm-wine-test-"); err != nil {
		return p, err
	}
	p.actor, p.peer = filepath.Join(directory, "actor.exe"), filepath.Join(directory, "peer.exe")
	actor := exec.Command("go", "build", "-o", p.actor, "./actor")
	actor.Env = append(os.Environ(), "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false")
	for _, step := range []*exec.Cmd{
		exec.Command(p.wine, "prepare"),
		exec.Command(p.wine, "gxx", "-O1", "-Wall", "-Wextra", "-o", p.peer, filepath.Join("testdata", "peer.cpp")),
		actor,
	} {
		if output, err := step.CombinedOutput(); err != nil {
			return p, &buildError{strings.Join(step.Args, " "), string(output), err}
		}
	}
	return p, nil
}

// program is one running process. It is asked, and answers, one line at a time.
type program struct {
	t       *testing.T
	command *exec.Cmd
	input   io.WriteCloser
	output  *bufio.Reader
}

func (p programs) goProgram(t *testing.T) *program  { return p.start(t, p.actor) }
func (p programs) cppProgram(t *testing.T) *program { return p.start(t, p.peer) }

func (p programs) start(t *testing.T, path string) *program {
	t.Helper()
	q := &program{t: t, command: exec.Command(p.wine, "run", path)}
	q.command.Stderr = os.Stderr
	var err error
	if q.input, err = q.command.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	output, err := q.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	q.output = bufio.NewReader(output)
	if err := q.command.Start(); err != nil {
		t.Fatal(err)
	}
	// A program that hangs is ended, and the read from it fails. It takes milliseconds when all is well; the first
	// start of Wine, seconds.
	hung := time.AfterFunc(2*time.Minute, func() { q.command.Process.Kill() })
	t.Cleanup(func() {
		hung.Stop()
		q.kill()
	})
	return q
}

// line is the next line that the program prints.
func (q *program) line() string {
	q.t.Helper()
	line, err := q.output.ReadString('\n')
	if err != nil {
		q.t.Fatalf("%s ended: %v", filepath.Base(q.command.Args[2]), err)
	}
	return strings.TrimRight(line, "\r\n")
}

func (q *program) tell(words ...any) {
	q.t.Helper()
	if _, err := fmt.Fprintln(q.input, words...); err != nil {
		q.t.Fatal(err)
	}
}

// answer is what a program said: its result, or the number of its error.
type answer struct {
	result string
	code   int
	text   string
}

func (q *program) answer() answer {
	q.t.Helper()
	line := q.line()
	kind, rest, _ := strings.Cut(line, " ")
	switch kind {
	case "ok":
		return answer{result: rest, text: line}
	case "error":
		number, _, _ := strings.Cut(rest, " ")
		if code, err := strconv.Atoi(number); err == nil && code != 0 {
			return answer{code: code, text: line}
		}
	}
	q.t.Fatalf("%s says %q", filepath.Base(q.command.Args[2]), line)
	return answer{}
}

// must tells the program to do something, and gives the result.
func (q *program) must(words ...any) string {
	q.t.Helper()
	q.tell(words...)
	a := q.answer()
	if a.code != 0 {
		q.t.Fatalf("%v: %s", words, a.text)
	}
	return a.result
}

// fails tells the program to do something that fails with this code.
func (q *program) fails(code int, words ...any) {
	q.t.Helper()
	q.tell(words...)
	if a := q.answer(); a.code != code {
		q.t.Errorf("%v: %q, want error %d", words, a.text, code)
	}
}

// write and read say text in the way that both programs understand.
func (q *program) write(offset int64, text string) {
	q.t.Helper()
	q.must("write", offset, hex.EncodeToString([]byte(text)))
}

func (q *program) wantText(offset int64, text string) {
	q.t.Helper()
	b, err := hex.DecodeString(q.must("read", offset, len(text)))
	if err != nil || string(b) != text {
		q.t.Errorf("%s reads %q at %d (%v), want %q", filepath.Base(q.command.Args[2]), b, offset, err, text)
	}
}

// isGo tells the one sort of program from the other.
func (q *program) isGo() bool { return filepath.Base(q.command.Args[2]) == "actor.exe" }

// asleep returns when the program does nothing any more: each of its threads sleeps, and none has run since the last
// look, three times in a row. What it told to have begun it has then done as far as it can be.
func (q *program) asleep() {
	q.t.Helper()
	for before, quiet := "", 0; quiet < 3; {
		now, sleeping := q.activity()
		if sleeping && now == before {
			quiet++
		} else {
			quiet = 0
		}
		before = now
		time.Sleep(3 * time.Millisecond)
	}
}

// activity is how often each thread has been switched to, and whether all sleep.
func (q *program) activity() (switches string, sleeping bool) {
	q.t.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", q.command.Process.Pid))
	if err != nil || len(tasks) == 0 {
		q.t.Fatalf("%s is gone: %v", filepath.Base(q.command.Args[2]), err)
	}
	sleeping = true
	for _, task := range tasks {
		status, err := os.ReadFile(task)
		if err != nil {
			return "", false // a thread that has just ended
		}
		for line := range strings.Lines(string(status)) {
			key, value, _ := strings.Cut(line, ":")
			switch value = strings.TrimSpace(value); key {
			case "State":
				sleeping = sleeping && strings.HasPrefix(value, "S")
			case "voluntary_ctxt_switches", "nonvoluntary_ctxt_switches":
				switches += task + value + " "
			}
		}
	}
	return switches, sleeping
}

// kill ends the process as kill -9 does, and waits until it has ended.
func (q *program) kill() {
	q.command.Process.Kill()
	q.command.Wait()
}
