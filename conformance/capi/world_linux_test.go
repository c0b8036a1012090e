package capi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/namedshm/namedshm/internal/turns"
)

// patience bounds everything that a test waits for.
const patience = 3 * time.Minute

var (
	directory string // of all that is built; removed at the end
	setUp     = sync.OnceValues(installAll)
)

func TestMain(m *testing.M) {
	os.Exit(turns.Run(m, func() error { return os.RemoveAll(directory) }))
}

// world is the installed library and the command, and builds programs for them.
type world struct {
	prefix string
	shm    string
}

// needTools skips a test where a tool is missing; but where CI=true it has to be there.
func needTools(t *testing.T, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
}

// need gives the installed library.
func need(t *testing.T) *world {
	t.Helper()
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		t.Skip("the library is for 64-bit Linux")
	}
	needTools(t, "gcc", "g++", "pkg-config", "ld", "objcopy", "ar", "nm", "readelf")
	w, err := setUp()
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// needGlobal skips a test that makes Global names, which takes root.
func needGlobal(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("making Global names takes root")
	}
}

// readInputs reads what is built here. The contents do not matter: `go test` takes an earlier result where no file that
// the test itself read has changed, and knows nothing of those that only the programs were built from.
func readInputs() error {
	for _, pattern := range []string{"../../*.go", "../../internal/kernel/*.go", "../../internal/conduit/*",
		"../../internal/waiting/*", "../../win32/*.go", "../../capi/*", "../../capi/*/*",
		"../../cmd/shm/*.go", "../../.ci/*", "testdata/*"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			return err
		}
		for _, path := range paths {
			if info, err := os.Stat(path); err != nil || info.IsDir() {
				continue
			}
			if _, err := os.ReadFile(path); err != nil {
				return err
			}
		}
	}
	return nil
}

func installAll() (*world, error) {
	if err := readInputs(); err != nil {
		return nil, err
	}
	var err error
	if directory, err = os.MkdirTemp("", "namedshm-capi-test-"); err != nil {
		return nil, err
	}
	w := &world{prefix: filepath.Join(directory, "prefix"), shm: filepath.Join(directory, "shm")}
	for _, step := range []*exec.Cmd{
		exec.Command("go", "run", "../../capi/install", "--prefix", w.prefix),
		exec.Command("go", "build", "-o", w.shm, "../../cmd/shm"),
	} {
		if out, err := step.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%v: %w\n%s", step.Args, err, out)
		}
	}
	return w, nil
}

// pkgConfig is what a compile line gets.
func (w *world) pkgConfig(t *testing.T, arguments ...string) []string {
	t.Helper()
	c := exec.Command("pkg-config", append(arguments, "namedshm")...)
	c.Env = append(os.Environ(), "PKG_CONFIG_PATH="+filepath.Join(w.prefix, "lib", "pkgconfig"))
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(out))
}

// compile gives the path of a program. Whatever the compiler says, a warning too, is a failure.
func (w *world) compile(t *testing.T, compiler, source string, flags ...string) string {
	t.Helper()
	program, out, err := w.tryCompile(t, compiler, source, flags...)
	if err != nil || len(out) > 0 {
		t.Fatalf("%s %s %v: %v\n%s", compiler, source, flags, err, out)
	}
	return program
}

func (w *world) tryCompile(t *testing.T, compiler, source string,
	flags ...string) (program string, out []byte, err error) {
	t.Helper()
	program = filepath.Join(t.TempDir(), strings.TrimSuffix(filepath.Base(source), filepath.Ext(source)))
	pkgConfig := []string{"--cflags", "--libs"}
	for _, f := range flags {
		if f == "-static" {
			pkgConfig = append(pkgConfig, "--static")
		}
	}
	arguments := append([]string{"-Wall", "-Wextra", "-Wno-unknown-pragmas", "-o", program, source}, flags...)
	out, err = exec.Command(compiler, append(arguments, w.pkgConfig(t, pkgConfig...)...)...).CombinedOutput()
	return program, out, err
}

// compileText compiles what a test spells out.
func (w *world) tryText(t *testing.T, compiler, suffix, text string,
	flags ...string) (program string, out []byte, err error) {
	t.Helper()
	source := filepath.Join(t.TempDir(), "program."+suffix)
	if err := os.WriteFile(source, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return w.tryCompile(t, compiler, source, flags...)
}

// isolate gives a test and its programs names of their own.
func isolate(t *testing.T) {
	t.Helper()
	root, err := os.MkdirTemp("/dev/shm", "namedshm-capi-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	if err := os.Chmod(root, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	t.Setenv("NAMEDSHM_ROOT", root)
	t.Setenv("DISPLAY", "")
	t.Setenv("WAYLAND_DISPLAY", "")
}

// command is a program that does not outlive the test.
func command(t *testing.T, name string, arguments ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	c := exec.CommandContext(ctx, name, arguments...)
	c.WaitDelay = 10 * time.Second // and what it has started may keep its output open, but not the test
	return c
}

// ended is how a program ended, and what it said.
type ended struct {
	out, complaint string
	state          *os.ProcessState
}

func finish(t *testing.T, c *exec.Cmd) ended {
	t.Helper()
	var out, complaint bytes.Buffer
	c.Stdout, c.Stderr = &out, &complaint
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return ended{out.String(), complaint.String(), c.ProcessState}
}

// run runs a program that has to end well, and gives what it printed.
func run(t *testing.T, name string, arguments ...string) string {
	t.Helper()
	e := finish(t, command(t, name, arguments...))
	if !e.state.Success() {
		t.Fatalf("%s %q: %v\n%s%s", filepath.Base(name), arguments, e.state, e.out, e.complaint)
	}
	return e.out
}
