// Command counter has several processes count together in shared memory, in three ways, and shows which are right:
//
//	go run ./examples/counter [-processes N] [-n TIMES]
//
// Plain: total++ on shared memory is a load, an addition and a store. When another process stores in between, its count
// is lost. Never do this.
//
// Atomic: an atomic addition is one step for every process. It is the cheapest way, and enough as long as what is
// shared is one word. A process that is killed has added or has not.
//
// Mutex: it is for several words that must agree, here the share of each process and the total. A process can be killed
// between two of them. The next owner learns of it (abandoned), and makes them agree again.
//
// Kill any of the processes with -9 and see that the shares still add up to the total.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"sync/atomic"

	"github.com/namedshm/namedshm"
)

// tally is the section's contents. It is all fixed-size numbers: a pointer would mean nothing in another process.
type tally struct {
	plain  uint64
	atomic atomic.Uint64

	// Of the mutex's owner alone.
	total  uint64
	shares [maxProcesses]uint64
}

const (
	maxProcesses = 64
	tallySize    = 8 * (3 + maxProcesses)

	// atOnce is how often a process counts in one way before it does in another. Between two turns at the mutex
	// processes meet too rarely to disturb each other.
	atOnce = 1000
)

// add counts once under the mutex.
func (t *tally) add(ctx context.Context, mutex *namedshm.Mutex, process int) error {
	if err := t.lock(ctx, mutex); err != nil {
		return err
	}
	t.shares[process]++
	t.total++ // killed before this, the process leaves a total that is one too small
	return mutex.Unlock()
}

// lock takes the mutex and leaves words that agree, also after an owner that was killed.
func (t *tally) lock(ctx context.Context, mutex *namedshm.Mutex) error {
	abandoned, err := mutex.Lock(ctx)
	if err == nil && abandoned {
		t.repair()
	}
	return err
}

// repair works from what is known to be right: a share is one word, which is written in one step.
func (t *tally) repair() {
	t.total = 0
	for _, share := range t.shares {
		t.total += share
	}
}

func main() {
	processes := flag.Int("processes", 4, "how many count")
	times := flag.Int("n", 100_000, "how often each of them counts")
	name := flag.String("name", "", "count in the tally of this name, as one of its processes; see -as")
	as := flag.Int("as", 0, "which of them this process is, with -name")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	switch {
	case flag.NArg() > 0 || *processes < 1 || *processes > maxProcesses || *as < 0 || *as >= maxProcesses:
		err = fmt.Errorf("between 1 and %d processes, and no arguments; see -help", maxProcesses)
	case *name != "":
		err = count(ctx, *name, *as, *times)
	default:
		err = run(ctx, os.Stdout, *processes, *times)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "counter:", err)
		os.Exit(1)
	}
}

// open opens the tally and its mutex, or makes them. close closes all: the name is there as long as a handle is, so the
// section stays open although the view alone would do for counting.
func open(name string) (t *tally, mutex *namedshm.Mutex, close func(), err error) {
	section, _, err := namedshm.OpenOrCreate(name, tallySize, namedshm.ReadWrite)
	if err != nil {
		return nil, nil, nil, err
	}
	view, err := section.Map(0, 0, namedshm.ReadWrite)
	if err != nil {
		return nil, nil, nil, errors.Join(err, section.Close())
	}
	close = func() { view.Close(); section.Close() }
	if t, err = namedshm.At[tally](view, 0); err != nil {
		close()
		return nil, nil, nil, err
	}
	if mutex, _, err = namedshm.OpenOrCreateMutex(name+" mutex", false); err != nil {
		close()
		return nil, nil, nil, err
	}
	rest := close
	return t, mutex, func() { mutex.Close(); rest() }, nil
}

// begin waits until all may begin, so that they do count at the same time.
func begin(ctx context.Context, name string) error {
	event, err := namedshm.OpenEvent(name+" begin", namedshm.Synchronize)
	if err != nil {
		return err
	}
	defer event.Close()
	return event.Wait(ctx)
}

// count is what each of the processes does.
func count(ctx context.Context, name string, process, times int) error {
	t, mutex, close, err := open(name)
	if err != nil {
		return err
	}
	defer close()
	if err := begin(ctx, name); err != nil {
		return err
	}
	for ; times > 0; times -= atOnce {
		for range min(times, atOnce) {
			t.plain++
			t.atomic.Add(1)
		}
		for range min(times, atOnce) {
			if err := t.add(ctx, mutex, process); err != nil {
				return err
			}
		}
	}
	return nil
}

// tallyName is the name that those use whom one process has started.
func tallyName(pid int) string { return fmt.Sprintf(`Local\Counter example %d`, pid) }

// run starts the processes, waits for them, and says what they have counted.
func run(ctx context.Context, out io.Writer, processes, times int) error {
	name := tallyName(os.Getpid())
	t, mutex, close, err := open(name)
	if err != nil {
		return err
	}
	defer close()
	event, err := namedshm.CreateEvent(name+" begin", namedshm.ManualReset, false) // one that releases them all
	if err != nil {
		return err
	}
	defer event.Close()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	var all []*exec.Cmd
	for i := range processes {
		c := exec.CommandContext(ctx, self, "-name", name, "-as", fmt.Sprint(i), "-n", fmt.Sprint(times))
		c.Stderr = os.Stderr
		if err := c.Start(); err != nil {
			return err
		}
		fmt.Fprintf(out, "process %d is %d\n", i, c.Process.Pid)
		all = append(all, c)
	}
	if err := event.Set(); err != nil {
		return err
	}
	for i, c := range all {
		if err := c.Wait(); err != nil {
			fmt.Fprintf(out, "process %d did not count to its end: %v\n", i, err)
		}
	}
	return t.report(ctx, out, mutex)
}

func (t *tally) report(ctx context.Context, out io.Writer, mutex *namedshm.Mutex) error {
	if err := t.lock(ctx, mutex); err != nil {
		return err
	}
	defer mutex.Unlock()
	sum := uint64(0)
	for _, share := range t.shares {
		sum += share
	}
	fmt.Fprintf(out, "plain  %d\natomic %d\n", t.plain, t.atomic.Load())
	fmt.Fprintf(out, "mutex  %d, the shares add up to %d\n", t.total, sum)
	return nil
}
