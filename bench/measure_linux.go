package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/namedshm/namedshm"
	"golang.org/x/sys/unix"
)

const (
	rounds = 60  // of each pair
	batch  = 150 // cycles a round
	many   = 100_000
	few    = 10
)

// result is one comparison.
type result struct {
	what       string
	peer, ours time.Duration // of a cycle, in the median round
	ratio      float64       // of ours to the peer, the median of the rounds' ratios
	note       string        // stands in place of the figures
}

type results []result

func (r results) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-74s %12s %12s %8s\n", "", "peer", "namedshm", "ratio")
	for _, x := range r {
		if x.note != "" {
			fmt.Fprintf(&b, "%s: %s\n", x.what, x.note)
			continue
		}
		decimals := 2
		if x.ratio < 0.1 {
			decimals = 4
		}
		fmt.Fprintf(&b, "%-74s %12v %12v %8.*f\n", x.what, legible(x.peer), legible(x.ours), decimals, x.ratio)
	}
	return b.String()
}

// legible leaves away digits that say nothing.
func legible(d time.Duration) time.Duration {
	if d < time.Microsecond {
		return d
	}
	return d.Round(10 * time.Nanosecond)
}

// inTurns measures two cycles in alternating rounds, so that whatever else the machine does hits both.
func inTurns(what string, peer, ours func()) result {
	run := func(cycle func()) time.Duration {
		start := time.Now()
		for range batch {
			cycle()
		}
		return time.Since(start) / batch
	}
	run(peer)
	run(ours)
	var peers, own []time.Duration
	var ratios []float64
	for range rounds {
		p, o := run(peer), run(ours)
		peers, own = append(peers, p), append(own, o)
		ratios = append(ratios, float64(o)/float64(p))
	}
	return result{what: what, peer: median(peers), ours: median(own), ratio: median(ratios)}
}

func median[T int64 | float64 | time.Duration](v []T) T {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}

const (
	createBare   = "create…close beside bare shm_open"
	createFloor  = "create…close beside the protocol's system calls"
	openBare     = "open…close beside bare shm_open"
	openFloor    = "open…close beside the protocol's system calls"
	openMany     = "open among 100,000 names beside open among 10"
	names        = "names of 100,000 objects beside reading the directory"
	list         = "list of 100,000 objects beside reading the directory"
	pythonCreate = "create…close beside Python's SharedMemory"
	pythonOpen   = "open…close beside Python's SharedMemory"
	wholeProcess = "a process that opens and reads, beside Python's"
)

// part is comparisons that are measured together.
type part struct {
	name    string
	measure func() (results, error)
}

// parts are all of them, in the order in which they disturb each other least.
func (w *workshop) parts() []part {
	return []part{
		{"cycles", measureCycles},
		{"python", measurePython},
		{"free", measureFree},
		{"C", w.measureC},
		{"spinning", w.measureSpinning},
		{"wine", w.measureWine},
		{"idle", measureIdle},
		{"sleeping", w.measureSleeping}, // from here on iceoryx's daemon runs
		{"one core", w.measureOneCore},
		{"scale", measureScale},
	}
}

// measure runs everything.
func measure() (all results, err error) {
	w, err := newWorkshop()
	if err != nil {
		return nil, err
	}
	defer w.close()
	for _, part := range w.parts() {
		found, err := inOwnDirectory(part.measure)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// inOwnDirectory runs a measurement where no other program's names are.
func inOwnDirectory(part func() (results, error)) (results, error) {
	root, err := os.MkdirTemp("/dev/shm", "namedshm-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(root)
	os.Setenv(namedshm.RootVariable, root)
	return part()
}

func measureCycles() (results, error) {
	held, err := hold(0, few)
	if err != nil {
		return nil, err
	}
	defer held.end()
	path := bareFile("open")
	fd := must(unix.Open(path, unix.O_RDWR|unix.O_CREAT|unix.O_CLOEXEC, 0o600))
	defer os.Remove(path)
	defer unix.Close(fd)
	check(unix.Ftruncate(fd, size))
	f := newFloor(filepath.Join(os.Getenv(namedshm.RootVariable), "floor"))
	return results{
		inTurns(createBare, bareCreate, sectionCreate),
		inTurns(createFloor, f.create, sectionCreate),
		inTurns(openBare, func() { bareOpen(path) }, func() { sectionOpen(heldName(0)) }),
		inTurns(openFloor, f.open, func() { sectionOpen(heldName(0)) }),
	}, nil
}

// measureScale compares a namespace of few objects with one of very many, each in a directory of its own.
func measureScale() (results, error) {
	small := os.Getenv(namedshm.RootVariable)
	large := filepath.Join(small, "many")
	check(os.Mkdir(large, 0o700))
	held, err := hold(0, few)
	if err != nil {
		return nil, err
	}
	defer held.end()
	os.Setenv(namedshm.RootVariable, large)
	defer os.Setenv(namedshm.RootVariable, small)
	more, err := hold(0, many)
	if err != nil {
		return nil, err
	}
	defer more.end()
	// The same process opens in both; the names are spread over the large one.
	i := 0
	opening := func(root string, stride int) func() {
		return func() {
			if i%batch == 0 {
				os.Setenv(namedshm.RootVariable, root)
			}
			sectionOpen(heldName(i % few * stride))
			i++
		}
	}
	all := results{inTurns(openMany, opening(small, 1), opening(large, many/few))}
	os.Setenv(namedshm.RootVariable, large)
	return append(all, listings()...), nil
}

// listings times the listings of very many objects.
func listings() results {
	var all results
	dirs := must(filepath.Glob(filepath.Join(os.Getenv(namedshm.RootVariable), "namedshm-u*")))
	for what, listing := range map[string]func() int{
		names: func() int { return len(must(namedshm.Names(namedshm.LocalNamespace))) },
		list:  func() int { return len(must(namedshm.List(namedshm.LocalNamespace))) },
	} {
		var peers, own []time.Duration
		for range 3 {
			start := time.Now()
			must(os.ReadDir(dirs[0]))
			peers = append(peers, time.Since(start))
			start = time.Now()
			if n := listing(); n != many {
				check(fmt.Errorf("%s: %d of %d were listed", what, n, many))
			}
			own = append(own, time.Since(start))
		}
		p, o := median(peers), slices.Min(own)
		all = append(all, result{what: what, peer: p, ours: o, ratio: float64(o) / float64(p)})
	}
	slices.SortFunc(all, func(a, b result) int { return strings.Compare(b.what, a.what) })
	return all
}

// pythonProgram measures the same cycles, and does what one short process does. The tracker that Python starts for
// each segment is part of the cost its users have.
const pythonProgram = `
import sys, time
from multiprocessing import shared_memory
def create(n):
    t = time.perf_counter()
    for i in range(n):
        m = shared_memory.SharedMemory(create=True, size=4096, name="namedshm-bench-py"); m.close(); m.unlink()
    return (time.perf_counter() - t) / n
def attach(n):
    k = shared_memory.SharedMemory(create=True, size=4096, name="namedshm-bench-py")
    t = time.perf_counter()
    for i in range(n):
        m = shared_memory.SharedMemory(name="namedshm-bench-py"); m.close()
    r = (time.perf_counter() - t) / n
    k.close(); k.unlink()
    return r
create(100); attach(100)
print(int(create(3000) * 1e9), int(attach(3000) * 1e9))
`

func measurePython() (results, error) {
	python, err := exec.LookPath("python3")
	if err != nil {
		return nil, err
	}
	held, err := hold(0, few)
	if err != nil {
		return nil, err
	}
	defer held.end()
	var created, opened []time.Duration
	for range 3 {
		out, err := exec.Command(python, "-c", pythonProgram).Output()
		if err != nil {
			return nil, fmt.Errorf("python3: %w", err)
		}
		var c, o time.Duration
		must(fmt.Sscan(string(out), &c, &o))
		created, opened = append(created, c), append(opened, o)
	}
	ours := inTurns("", sectionCreate, func() { sectionOpen(heldName(0)) })
	whole, err := wholeProcesses(python)
	if err != nil {
		return nil, err
	}
	beside := func(what string, peer, ours time.Duration) result {
		return result{what: what, peer: peer, ours: ours, ratio: float64(ours) / float64(peer)}
	}
	return results{
		beside(pythonCreate, median(created), ours.peer),
		beside(pythonOpen, median(opened), ours.ours),
		whole,
	}, nil
}

const readerVariable = "NAMEDSHM_BENCH_READER"

// wholeProcesses compares what a script costs that opens a segment, reads a byte and ends.
func wholeProcesses(python string) (result, error) {
	keeper := exec.Command(python, "-c", `
import sys
from multiprocessing import shared_memory
k = shared_memory.SharedMemory(create=True, size=4096, name="namedshm-bench-py2"); print("up", flush=True)
sys.stdin.read(); k.close(); k.unlink()`)
	in := must(keeper.StdinPipe())
	out := must(keeper.StdoutPipe())
	check(keeper.Start())
	defer keeper.Wait()
	defer in.Close()
	must(out.Read(make([]byte, 3)))
	self := must(os.Executable())
	run := func(name string, arguments ...string) time.Duration {
		c := exec.Command(name, arguments...)
		c.Env = append(os.Environ(), readerVariable+"="+heldName(0))
		start := time.Now()
		check(c.Run())
		return time.Since(start)
	}
	// The tracker of the reading process would remove the keeper's segment: a reader has to call it off.
	const reader = `
from multiprocessing import shared_memory, resource_tracker
m = shared_memory.SharedMemory(name="namedshm-bench-py2"); resource_tracker.unregister(m._name, "shared_memory"); m.buf[0]; m.close()`
	var peers, own []time.Duration
	var ratios []float64
	for range 15 {
		p, o := run(python, "-c", reader), run(self)
		peers, own = append(peers, p), append(own, o)
		ratios = append(ratios, float64(o)/float64(p))
	}
	return result{what: wholeProcess, peer: median(peers), ours: median(own), ratio: median(ratios)}, nil
}
