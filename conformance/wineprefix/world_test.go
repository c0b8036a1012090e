//go:build linux

package wineprefix

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/internal/plainprefix"
	"github.com/namedshm/namedshm/internal/turns"
	"github.com/namedshm/namedshm/wine"
)

// patience bounds what a test waits for. It is met in milliseconds when all is well; a prefix that starts takes
// seconds.
const patience = time.Minute

// world is what all tests share: two prefixes, and what is built.
type world struct {
	directory string // removed in the end
	loader    string
	game      string // the Windows program
	shm       string // the command
	first     string // a prefix
	second    string // another
}

var prepare = sync.OnceValues(newWorld)

func TestMain(m *testing.M) {
	if os.Getenv(decoyVariable) != "" {
		if err := playDecoy(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(turns.Run(m, func() error {
		w, err := prepare()
		if err != nil {
			return nil // the tests have said so
		}
		return errors.Join(plainprefix.Remove(w.first), plainprefix.Remove(w.second), os.RemoveAll(w.directory))
	}))
}

// need gives the world. Where there is no Wine the test is skipped; but where CI=true, Wine has to be there.
func need(t *testing.T) *world {
	t.Helper()
	w, err := prepare()
	if err == nil {
		return w
	}
	if errors.Is(err, plainprefix.ErrMissing) && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	t.Fatal(err)
	return nil
}

// noCompiler is the status of .ci/wine on a machine without the cross compiler.
const noCompiler = 3

func newWorld() (*world, error) {
	w := new(world)
	var err error
	if w.loader, err = plainprefix.Loader(); err != nil {
		return nil, err
	}
	if built := os.Getenv(insideVariable); built != "" {
		var paths map[string]string
		if err := json.Unmarshal([]byte(built), &paths); err != nil {
			return nil, err
		}
		w.game, w.shm = paths["game"], paths["shm"]
	}
	if w.directory, err = os.MkdirTemp("", "namedshm-prefix-test-"); err != nil {
		return nil, err
	}
	if w.game == "" {
		if err := w.build(); err != nil {
			return nil, err
		}
	}
	plain, err := plainprefix.Make()
	if err != nil {
		return nil, err
	}
	for _, prefix := range []*string{&w.first, &w.second} {
		if *prefix, err = w.newPrefix(plain); err != nil {
			return nil, err
		}
		if err := w.keep(*prefix); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// build builds the Windows program and the command.
func (w *world) build() error {
	w.game, w.shm = filepath.Join(w.directory, "game.exe"), filepath.Join(w.directory, "shm")
	for _, step := range []*exec.Cmd{
		exec.Command("../../.ci/wine", "gxx", "-O1", "-Wall", "-Wextra", "-o", w.game, "testdata/game.cpp"),
		exec.Command("go", "build", "-o", w.shm, "../../cmd/shm"),
	} {
		if out, err := step.CombinedOutput(); err != nil {
			if step.ProcessState != nil && step.ProcessState.ExitCode() == noCompiler {
				return fmt.Errorf("%w: %s", plainprefix.ErrMissing, out)
			}
			return fmt.Errorf("%v: %w\n%s", step.Args, err, out)
		}
	}
	return nil
}

// keep has a program that does nothing keep a prefix running, so that not every test has to start it. It waits until it
// runs: of two programs that start a prefix at once, each may start a wineserver of its own (Debian's Wine 8).
func (w *world) keep(prefix string) error {
	keeper := exec.Command(w.loader, w.game)
	keeper.Env = plainprefix.Environ(prefix)
	input, err := keeper.StdinPipe()
	if err != nil {
		return err
	}
	output, err := keeper.StdoutPipe()
	if err != nil {
		return err
	}
	if err := keeper.Start(); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(input, "make event keeper"); err != nil {
		return err
	}
	if _, err := output.Read(make([]byte, 1)); err != nil {
		return err
	}
	go func() {
		io.Copy(io.Discard, output)
		keeper.Wait()
	}()
	return nil
}

func (w *world) newPrefix(plain string) (string, error) {
	directory, err := os.MkdirTemp(w.directory, "prefix-")
	if err != nil {
		return "", err
	}
	return directory, plainprefix.Clone(plain, directory)
}

// freshPrefix is a prefix in which nothing runs, and nothing will after the test.
func (w *world) freshPrefix(t *testing.T) string {
	t.Helper()
	plain, err := plainprefix.Make()
	if err != nil {
		t.Fatal(err)
	}
	prefix, err := w.newPrefix(plain)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := plainprefix.Remove(prefix); err != nil {
			t.Error(err)
		}
	})
	return prefix
}

// game is a running Windows program. It is asked, and answers, one line at a time.
type game struct {
	t       *testing.T
	command *exec.Cmd
	input   io.WriteCloser
	output  *bufio.Reader
}

func (w *world) play(t *testing.T, prefix string) *game { return w.playAs(t, prefix, w.loader) }

// playAs is play with another command line before the program.
func (w *world) playAs(t *testing.T, prefix string, line ...string) *game {
	t.Helper()
	line = append(line, w.game)
	g := &game{t: t, command: exec.Command(line[0], line[1:]...)}
	g.command.Env = plainprefix.Environ(prefix)
	var err error
	if g.input, err = g.command.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	output, err := g.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	g.output = bufio.NewReader(output)
	if err := g.command.Start(); err != nil {
		t.Fatal(err)
	}
	hung := time.AfterFunc(2*patience, func() { g.command.Process.Kill() })
	t.Cleanup(func() {
		hung.Stop()
		g.kill()
	})
	return g
}

// kill ends the program as kill -9 does.
func (g *game) kill() {
	g.command.Process.Kill()
	g.command.Wait()
}

// ask tells the program to do something, and gives the answer without its first word.
func (g *game) ask(words ...any) string {
	g.t.Helper()
	if _, err := fmt.Fprintln(g.input, words...); err != nil {
		g.t.Fatal(err)
	}
	line, err := g.output.ReadString('\n')
	if err != nil {
		g.t.Fatalf("%v: the program ended: %v", words, err)
	}
	result, ok := strings.CutPrefix(strings.TrimRight(line, "\r\n"), "ok ")
	if !ok {
		g.t.Fatalf("%v: %q", words, line)
	}
	return result
}

// unique is a name that no other test, and no run of this one, has used.
func unique(t *testing.T) string {
	return fmt.Sprintf(`Local\%s-%d`, strings.ReplaceAll(t.Name(), "/", "."), os.Getpid())
}

// find is a running prefix. It is waited for: a program that was just started may not have it yet.
func find(t *testing.T, path string) *wine.Prefix {
	t.Helper()
	var last error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		p, err := wine.Find(path)
		if err == nil {
			return p
		}
		last = err
	}
	t.Fatal(last)
	return nil
}

// attach opens a section of a prefix, and closes it after the test.
func attach(t *testing.T, p *wine.Prefix, name string, access namedshm.Access) (*wine.Attachment, *namedshm.View) {
	t.Helper()
	s, err := p.Open(t.Context(), name, access)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, mapAll(t, s.Section, access)
}

func mapAll(t *testing.T, s *namedshm.Section, access namedshm.Access) *namedshm.View {
	t.Helper()
	v, err := s.Map(0, 0, access)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

// helpers is the helpers that run, of whichever process of this user, in this prefix.
func helpers(t *testing.T, prefix string) (pids []int) {
	t.Helper()
	names, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		line, _ := os.ReadFile(name + "/cmdline")
		environ, _ := os.ReadFile(name + "/environ")
		if strings.Contains(string(line), "namedshm-helper") &&
			strings.Contains(string(environ), "WINEPREFIX="+prefix+"\x00") {
			pid, _ := strconv.Atoi(filepath.Base(name))
			pids = append(pids, pid)
		}
	}
	return pids
}

// wantNoHelper waits until no helper runs in a prefix: they have been told to end.
func wantNoHelper(t *testing.T, prefix string) {
	t.Helper()
	until(t, "no helper is left", func() bool { return len(helpers(t, prefix)) == 0 })
}

// until looks again and again until something is so.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never came true: %s", what)
		}
	}
}

// bounded is a context that ends a hanging call.
func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// run runs the command.
func (w *world) run(t *testing.T, input string, arguments ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := exec.CommandContext(bounded(t), w.shm, arguments...)
	var out, errs strings.Builder
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &out, &errs
	err := cmd.Run()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// background is the command, running.
type background struct {
	t    *testing.T
	cmd  *exec.Cmd
	mu   sync.Mutex
	said strings.Builder
}

// Write collects what the command says.
func (b *background) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.said.Write(p)
}

func (b *background) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.said.String()
}

// start starts the command, with a standard input that does not end. It is ended after the test.
func (w *world) start(t *testing.T, arguments ...string) *background {
	t.Helper()
	b := &background{t: t, cmd: exec.Command(w.shm, arguments...)}
	if _, err := b.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	b.cmd.Stdout, b.cmd.Stderr = b, b
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if b.cmd.ProcessState == nil {
			b.cmd.Process.Signal(syscall.SIGTERM)
			b.cmd.Wait()
		}
	})
	return b
}

// says waits until the command has said something.
func (b *background) says(want string) {
	b.t.Helper()
	deadline := time.Now().Add(patience)
	for !strings.Contains(b.text(), want) {
		if time.Now().After(deadline) {
			b.t.Fatalf("%v never says %q; it said:\n%s", b.cmd.Args[1:], want, b.text())
		}
		time.Sleep(2 * time.Millisecond)
	}
}
