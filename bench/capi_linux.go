package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/namedshm/namedshm/win32"
)

// A call through the C library is the Go call and the way from C to Go. The rows' other peer is Wine, whose calls go to
// its server, in the same C program compiled for Windows.
const (
	throughC   = " through C beside Go"
	besideWine = " through C beside Wine"
)

// callCase is one call, in Go and by the name that testdata/calls.c has for it. loop is how often it is made between
// two looks at the clock.
type callCase struct {
	what, name string
	loop       int
	call       func()
}

func callCases() []callCase {
	event := must(win32.CreateEvent(nil, 1, 0, nil))
	set := must(win32.CreateEvent(nil, 1, 1, nil))
	name := must(win32.UTF16PtrFromString(`Local\namedshm-bench-calls`))
	return []callCase{
		{"SetEvent+ResetEvent", "event", 2000, func() { check(win32.SetEvent(event)); check(win32.ResetEvent(event)) }},
		{"WaitForSingleObject, set", "wait", 2000, func() { must(win32.WaitForSingleObject(set, 0)) }},
		{"CreateFileMapping+CloseHandle", "section", 100, func() {
			check(win32.CloseHandle(must(win32.CreateFileMapping(win32.InvalidHandle, nil, win32.PAGE_READWRITE, 0, size,
				name))))
		}},
	}
}

// measureC compares calls through the C library. Without Wine its rows are left out.
func (w *workshop) measureC() (all results, err error) {
	c, err := w.callsInC()
	if err != nil {
		return nil, err
	}
	defer c.end()
	wine, missing := w.callsInWine()
	if missing == nil {
		defer wine.end()
	}
	for _, k := range callCases() {
		ours := func() time.Duration { return c.run(k.name, k.loop) }
		all = append(all, byClock(k.what+throughC, func() time.Duration {
			start := time.Now()
			for range k.loop {
				k.call()
			}
			return time.Since(start) / time.Duration(k.loop)
		}, ours))
		if missing == nil {
			all = append(all, byClock(k.what+besideWine, func() time.Duration { return wine.run(k.name, k.loop/20) }, ours))
		} else {
			all = append(all, result{What: k.what + besideWine, Note: missing.Error()})
		}
	}
	return all, nil
}

// byClock compares, in turns, two measurements that look at a clock of their own.
func byClock(what string, peer, ours func() time.Duration) result {
	const turns = 30
	peer()
	ours()
	var peers, own []time.Duration
	var ratios []float64
	for range turns {
		p, o := peer(), ours()
		peers, own = append(peers, p), append(own, o)
		ratios = append(ratios, float64(o)/float64(p))
	}
	return result{What: what, Peer: median(peers), Ours: median(own), Ratio: median(ratios)}
}

// caller is a running testdata/calls.c.
type caller struct {
	command *exec.Cmd
	input   io.WriteCloser
	output  *bufio.Reader
}

func newCaller(command *exec.Cmd) (*caller, error) {
	q := &caller{command: command}
	var err error
	if q.input, err = command.StdinPipe(); err != nil {
		return nil, err
	}
	output, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	q.output = bufio.NewReader(output)
	return q, command.Start()
}

// run is how long one call takes, of many.
func (q *caller) run(name string, count int) time.Duration {
	must(fmt.Fprintln(q.input, name, count))
	var d time.Duration
	must(fmt.Sscan(must(q.output.ReadString('\n')), &d))
	return d / time.Duration(count)
}

func (q *caller) end() {
	q.input.Close()
	q.command.Process.Wait() // and not for the output, which what Wine starts along with a program keeps open
}

// callsInC installs the C library and compiles the program against it.
func (w *workshop) callsInC() (*caller, error) {
	prefix := filepath.Join(w.dir, "prefix")
	install := exec.Command("go", "run", "github.com/namedshm/namedshm/capi/install", "--prefix", prefix)
	if out, err := install.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("installing the C library: %w\n%s", err, out)
	}
	pkgConfig := exec.Command("pkg-config", "--cflags", "--libs", "namedshm")
	pkgConfig.Env = append(os.Environ(), "PKG_CONFIG_PATH="+filepath.Join(prefix, "lib", "pkgconfig"))
	flags, err := pkgConfig.Output()
	if err != nil {
		return nil, fmt.Errorf("pkg-config: %w", err)
	}
	program, err := w.build(compiled{name: "calls in C", source: "calls.c", flags: strings.Fields(string(flags))})
	if err != nil {
		return nil, err
	}
	return newCaller(exec.Command(program))
}

// callsInWine compiles the program for Windows. An error says what is missing.
func (w *workshop) callsInWine() (*caller, error) {
	module, err := exec.Command("go", "list", "-f", "{{.Module.Dir}}", "github.com/namedshm/namedshm").Output()
	if err != nil {
		return nil, err
	}
	script, program := filepath.Join(strings.TrimSpace(string(module)), ".ci", "wine"), filepath.Join(w.dir, "calls.exe")
	for _, arguments := range [][]string{{"prepare"},
		{"gxx", "-O2", "-x", "c", "-o", program, filepath.Join(w.dir, "testdata", "calls.c")}} {
		if out, err := exec.Command(script, arguments...).CombinedOutput(); err != nil {
			first, _, _ := strings.Cut(string(out), "\n")
			return nil, fmt.Errorf("%w %s", err, first)
		}
	}
	return newCaller(exec.Command(script, "run", program))
}
