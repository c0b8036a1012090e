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
	"github.com/namedshm/namedshm/inspect"
	"golang.org/x/sys/unix"
)

const (
	rounds = 60  // of each pair
	batch  = 150 // cycles a round
	many   = 100_000
	few    = 10
)

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
	return result{What: what, Peer: median(peers), Ours: median(own), Ratio: median(ratios)}
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
	quick   bool // takes seconds, and needs no peer that has to be installed
}

// parts are all of them, in the order in which they disturb each other least.
func (w *workshop) parts() []part {
	return []part{
		{name: "cycles", measure: measureCycles, quick: true},
		{name: "python", measure: measurePython},
		{name: "free", measure: measureFree, quick: true},
		{name: "C", measure: w.measureC},
		{name: "spinning", measure: w.measureSpinning},
		{name: "wine", measure: w.measureWine},
		{name: "idle", measure: measureIdle},
		{name: "sleeping", measure: w.measureSleeping}, // from here on iceoryx's daemon runs
		{name: "flow", measure: w.measureFlow},
		{name: "one core", measure: w.measureOneCore},
		{name: "scale", measure: measureScale},
	}
}

// measure runs everything.
func measure() (all []measured, err error) {
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
		all = append(all, measured{part.name, found})
	}
	return all, nil
}

// reportTakes is how long measureReport takes.
const reportTakes = 5 * time.Minute

// measureReport runs everything, and what only a report has.
func measureReport() (r report, err error) {
	r.Machine = thisMachine()
	start, before := time.Now(), usageNow()
	if r.Parts, err = measure(); err != nil {
		return r, err
	}
	w, err := newWorkshop()
	if err != nil {
		return r, err
	}
	r.Wakes, err = inOwnDirectory(func() ([]wake, error) { return w.measureWakes(20, 1000, peerWakes) })
	if w.close(); err != nil {
		return r, err
	}
	if r.Objects, err = inOwnDirectory(func() ([]curve, error) { return measureObjects(objectCounts) }); err != nil {
		return r, err
	}
	if r.Handles, err = inOwnDirectory(func() ([]curve, error) { return measureHandles(handleCounts) }); err != nil {
		return r, err
	}
	r.Machine.Took = time.Since(start)
	r.Machine.Others = before.others(usageNow(), r.Machine.Took)
	return r, nil
}

// projectRoot is the directory of the module that is worked in, which has the documents.
func projectRoot() (string, error) {
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/namedshm/namedshm").Output()
	if err != nil {
		return "", fmt.Errorf("go list: %w: run it inside the project", err)
	}
	return strings.TrimSpace(string(root)), nil
}

// inOwnDirectory runs a measurement where no other program's names are.
func inOwnDirectory[T any](part func() (T, error)) (found T, err error) {
	root, err := os.MkdirTemp("/dev/shm", "namedshm-bench-")
	if err != nil {
		return found, err
	}
	defer os.RemoveAll(root)
	os.Setenv("NAMEDSHM_ROOT", root)
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
	f := newFloor(filepath.Join(os.Getenv("NAMEDSHM_ROOT"), "floor"))
	return results{
		inTurns(createBare, bareCreate, sectionCreate),
		inTurns(createFloor, f.create, sectionCreate),
		inTurns(openBare, func() { bareOpen(path) }, func() { sectionOpen(heldName(0)) }),
		inTurns(openFloor, f.open, func() { sectionOpen(heldName(0)) }),
	}, nil
}

// measureScale compares a namespace of few objects with one of very many, each in a directory of its own.
func measureScale() (results, error) {
	small := os.Getenv("NAMEDSHM_ROOT")
	large := filepath.Join(small, "many")
	check(os.Mkdir(large, 0o700))
	held, err := hold(0, few)
	if err != nil {
		return nil, err
	}
	defer held.end()
	os.Setenv("NAMEDSHM_ROOT", large)
	defer os.Setenv("NAMEDSHM_ROOT", small)
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
				os.Setenv("NAMEDSHM_ROOT", root)
			}
			sectionOpen(heldName(i % few * stride))
			i++
		}
	}
	all := results{inTurns(openMany, opening(small, 1), opening(large, many/few))}
	os.Setenv("NAMEDSHM_ROOT", large)
	return append(all, listings()...), nil
}

// listings times the listings of very many objects.
func listings() results {
	var all results
	dirs := must(filepath.Glob(filepath.Join(os.Getenv("NAMEDSHM_ROOT"), "namedshm-u*")))
	for what, listing := range map[string]func() int{
		names: func() int { return len(must(inspect.Names(namedshm.Local))) },
		list:  func() int { return len(must(inspect.List(namedshm.Local))) },
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
		all = append(all, result{What: what, Peer: p, Ours: o, Ratio: float64(o) / float64(p)})
	}
	slices.SortFunc(all, func(a, b result) int { return strings.Compare(b.What, a.What) })
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
		return result{What: what, Peer: peer, Ours: ours, Ratio: float64(ours) / float64(peer)}
	}
	return results{
		beside(pythonCreate, median(created), ours.Peer),
		beside(pythonOpen, median(opened), ours.Ours),
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
	return result{What: wholeProcess, Peer: median(peers), Ours: median(own), Ratio: median(ratios)}, nil
}
