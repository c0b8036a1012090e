package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// bench is where changes are tried.
type bench struct {
	ctx    context.Context
	root   string // of the project
	dir    string // for programs and changed files
	limit  time.Duration
	alone  []string // what runs a program apart from others
	places chan int // how many are tried at once
}

func newBench(ctx context.Context, limit time.Duration) (*bench, error) {
	gomod, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	root := filepath.Dir(strings.TrimSpace(string(gomod)))
	if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(list))); err != nil {
		return nil, fmt.Errorf("this is not a checkout of the project: %w", err)
	}
	return benchIn(ctx, root, limit)
}

// benchIn is newBench for any module's root.
func benchIn(ctx context.Context, root string, limit time.Duration) (*bench, error) {
	dir, err := os.MkdirTemp("", "namedshm-mutants-")
	if err != nil {
		return nil, err
	}
	b := &bench{ctx: ctx, root: root, dir: dir, limit: limit, alone: alone(),
		places: make(chan int, max(2, runtime.NumCPU()))}
	for i := range cap(b.places) {
		b.places <- i
	}
	return b, os.Chmod(dir, 0o755) // tests start their program as other users
}

func (b *bench) close() { os.RemoveAll(b.dir) }

// result is what became of a change.
type result struct {
	noticed bool
	text    string
	err     error
}

func (r result) String() string {
	if r.err != nil {
		return r.err.Error()
	}
	return r.text
}

// right runs the tests that are to notice something on the library as it is. They must pass. If one leaves out
// something, or all, it need not notice anything: leftOut says why it does.
func (b *bench) right(mutants []*mutant) (leftOut map[probe]string, err error) {
	tests := map[string][]string{}
	seen := map[probe]bool{}
	for _, m := range mutants {
		if !seen[m.probe()] {
			seen[m.probe()] = true
			tests[m.pkg] = append(tests[m.pkg], m.test)
		}
	}
	leftOut = map[probe]string{}
	for pkg, names := range tests {
		out, err := b.passes(pkg, "^("+strings.Join(names, "|")+")$")
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			passed := bytes.Contains(out, []byte("--- PASS: "+name+" "))
			skips := bytes.Contains(out, []byte("--- SKIP: "+name+" ")) || bytes.Contains(out, []byte("--- SKIP: "+name+"/"))
			if !passed && !skips || skips && os.Getenv("CI") == "true" {
				return nil, fmt.Errorf("%s in %s does not run", name, pkg)
			}
			if skips {
				leftOut[probe{pkg, name}] = reason(after(out, "=== RUN   "+name+"\n"))
			}
		}
	}
	return leftOut, nil
}

// passes runs tests on the library as it is.
func (b *bench) passes(pkg, tests string) (out []byte, err error) {
	program := filepath.Join(b.dir, "right.test")
	if err := b.compile(pkg, program, ""); err != nil {
		return nil, err
	}
	if out, err = b.run(pkg, program, tests); err != nil {
		err = fmt.Errorf("the library as it is, in %s: %w\n%s", pkg, err, noise.ReplaceAll(out, nil))
	}
	return out, err
}

// noise is what tells of tests that pass.
var noise = regexp.MustCompile(`(?m)^( *--- PASS: |=== ).*\n`)

var skipped = regexp.MustCompile(`_test\.go:\d+: (.*)\n`)

// reason is the first that is told why something is left out.
func reason(out []byte) string {
	if why := skipped.FindSubmatch(out); why != nil {
		return string(why[1])
	}
	return "no reason is told"
}

func after(text []byte, mark string) []byte {
	_, rest, _ := bytes.Cut(text, []byte(mark))
	return rest
}

// each tries all changes, some at once.
func (b *bench) each(mutants []*mutant) map[*mutant]chan result {
	results := map[*mutant]chan result{}
	for _, m := range mutants {
		results[m] = make(chan result, 1)
	}
	go func() {
		var all sync.WaitGroup
		for _, m := range mutants {
			place := <-b.places
			all.Go(func() {
				results[m] <- b.try(m, place)
				b.places <- place
			})
		}
		all.Wait()
	}()
	return results
}

// try compiles the test program with a change, and runs the test that is to notice it.
func (b *bench) try(m *mutant, place int) result {
	text, err := os.ReadFile(filepath.Join(b.root, filepath.FromSlash(m.file)))
	if err != nil {
		return result{err: err}
	}
	changed, err := m.apply(string(text))
	if err != nil {
		return result{err: err}
	}
	return b.tryText(m.file, changed, m.pkg, "^"+m.test+"$", place)
}

// tryText is try for the changed text of a file.
func (b *bench) tryText(file, changed, pkg, tests string, place int) result {
	name := func(suffix string) string { return filepath.Join(b.dir, fmt.Sprintf("%d%s", place, suffix)) }
	overlay, err := json.Marshal(map[string]map[string]string{
		"Replace": {filepath.Join(b.root, filepath.FromSlash(file)): name(".go")},
	})
	if err == nil {
		err = errors.Join(os.WriteFile(name(".go"), []byte(changed), 0o644), os.WriteFile(name(".json"), overlay, 0o644))
	}
	if err == nil {
		err = b.compile(pkg, name(".test"), name(".json"))
	}
	if err != nil {
		return result{err: err}
	}
	began := time.Now()
	out, err := b.run(pkg, name(".test"), tests)
	took := time.Since(began).Round(10 * time.Millisecond)
	switch {
	case b.ctx.Err() != nil:
		return result{err: b.ctx.Err()}
	case err == nil:
		return result{text: fmt.Sprintf("SURVIVED %s (%v)", pkg, took)}
	}
	by := failed.FindSubmatch(out)
	switch {
	case by != nil:
		return result{noticed: true, text: fmt.Sprintf("noticed by %s (%v)", by[1], took)}
	case bytes.Contains(out, []byte("panic: test timed out")) || bytes.Contains(out, []byte("all goroutines are asleep")):
		return result{noticed: true, text: fmt.Sprintf("noticed: a test does not end (%v)", took)}
	case bytes.Contains(out, []byte("panic: ")) || bytes.Contains(out, []byte("fatal error: ")) ||
		bytes.Contains(out, []byte("SIG")):
		return result{noticed: true, text: fmt.Sprintf("noticed: a test crashes (%v)", took)}
	case errors.Is(err, errOverdue):
		return result{noticed: true, text: fmt.Sprintf("noticed: the tests do not end (%v)", took)}
	}
	return result{err: fmt.Errorf("the tests ended without a verdict: %w\n%s", err, noise.ReplaceAll(out, nil))}
}

var failed = regexp.MustCompile(`(?m)^--- FAIL: (\S+)`)

// errCompile is why a change cannot be tried.
var errCompile = errors.New("it does not compile")

// compile makes the test program of a package; overlay names the file that says what is changed, or is "".
func (b *bench) compile(pkg, program, overlay string) error {
	arguments := []string{"test", "-c", "-vet=off", "-o", program}
	if overlay != "" {
		arguments = append(arguments, "-overlay", overlay)
	}
	cmd := exec.CommandContext(b.ctx, "go", append(arguments, "./"+pkg)...)
	cmd.Dir = b.root
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %w\n%s", errCompile, err, out)
	}
	return nil
}

// errOverdue is the error of tests that had to be killed.
var errOverdue = errors.New("the tests did not end in time")

// run runs tests where go test would.
func (b *bench) run(pkg, program, tests string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(b.ctx, b.limit+10*time.Second) // by then they have ended themselves
	defer cancel()
	arguments := append(slices.Clone(b.alone), program, "-test.run="+tests, "-test.v", "-test.failfast",
		"-test.timeout="+b.limit.String())
	cmd := exec.CommandContext(ctx, arguments[0], arguments[1:]...)
	cmd.Dir = filepath.Join(b.root, filepath.FromSlash(pkg))
	cmd.WaitDelay = time.Second // what they started may have their output still
	out, err := cmd.CombinedOutput()
	if err != nil && ctx.Err() != nil {
		err = errOverdue
	}
	return out, err
}

// alone is what runs a program in namespaces of its own, where that is possible: its shared memory goes with it, and so
// do the processes that it started.
func alone() []string {
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		return nil
	}
	way := []string{"unshare", "--ipc", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
		"sh", "-c", `mount -t tmpfs -o mode=1777 tmpfs /dev/shm && exec "$0" "$@"`}
	if exec.Command(way[0], append(way[1:], "true")...).Run() != nil {
		return nil // a container, perhaps
	}
	return way
}
