package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/flow"
	"github.com/namedshm/namedshm/inspect"
	"golang.org/x/sys/unix"
)

const (
	idleEvent = "processor time of a wait for an event"
	idleMutex = "processor time of a wait for a mutex"
	idleOwner = "processor time of the owner of a mutex that another waits for"
	idleAmong = "processor time of a wait beside 10,000 idle handles, and beside 10"
	idleRing  = "processor time of a ring's receiver that waits, and of a wait for an event"
	idleFeed  = "processor time of a feed's reader that waits, and of a wait for an event"
)

// idlerVariable makes this program do nothing: "<what> <name> <idle handles beside it>".
const idlerVariable = "NAMEDSHM_BENCH_IDLER"

// idle is what such a process does. It says so when it is about to.
func idle(job string) {
	var what, name string
	var beside int
	must(fmt.Sscan(job, &what, &name, &beside))
	defer runtime.KeepAlive(idleHandles(beside))
	go func() {
		io.Copy(io.Discard, os.Stdin) // until the parent ends
		os.Exit(0)
	}()
	switch ctx := context.Background(); what {
	case "event":
		e := must(namedshm.CreateEvent(name, namedshm.AutoReset, false))
		fmt.Println("up")
		check(e.Wait(ctx))
	case "mutex":
		m := must(namedshm.OpenMutex(name, namedshm.Synchronize))
		fmt.Println("up")
		must(m.Lock(ctx))
	case "owner":
		m := must(namedshm.CreateMutex(name, true))
		defer m.Close() // what nobody refers to is closed
		fmt.Println("up")
		select {}
	case "receiver":
		r := must(flow.NewReceiver[line](name, flow.Ring{}))
		fmt.Println("up")
		if _, err := r.Next(ctx); err != io.EOF { // the parent has gone
			check(err)
		}
	case "reader":
		r := must(flow.OpenReader[line](ctx, name))
		fmt.Println("up")
		if _, _, err := r.Next(ctx, nil); err != io.EOF {
			check(err)
		}
	}
}

// idleHandles are so many, of unnamed mutexes: these take one descriptor each, and there may be too few for more.
func idleHandles(n int) []*namedshm.Mutex {
	all := make([]*namedshm.Mutex, n)
	for i := range all {
		all[i] = must(namedshm.CreateMutex("", false))
	}
	return all
}

// idler is a process that does nothing.
type idler struct {
	row   string
	cmd   *exec.Cmd
	in    io.Closer
	clock int32
}

func startIdler(row, job, name string, beside int) (*idler, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s %d", idlerVariable, job, name, beside))
	cmd.Stderr = os.Stderr
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		return nil, err
	}
	// The kernel's number for the clock of another process: clock_getcpuclockid makes it.
	i := &idler{row: row, cmd: cmd, in: in, clock: int32(^cmd.Process.Pid<<3 | 2)}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		i.end()
		return nil, fmt.Errorf("%s: %w", row, err)
	}
	return i, nil
}

func (i *idler) end() {
	i.in.Close()
	i.cmd.Wait()
}

// used is the processor time that it has used in all its threads.
func (i *idler) used() time.Duration {
	var t unix.Timespec
	check(unix.ClockGettime(i.clock, &t))
	return time.Duration(t.Nano())
}

// measureIdle measures what waiters cost while nothing happens.
func measureIdle() (results, error) {
	const span = 10 * time.Second
	event, mutex, few, many := uniqueName(), uniqueName(), uniqueName(), uniqueName()
	ring, feed := uniqueName(), uniqueName()
	w := must(flow.NewWriter[line](feed, flow.Feed{}))
	defer w.Close()
	var idlers []*idler
	defer func() {
		for _, i := range idlers {
			i.end()
		}
	}()
	for _, job := range []struct {
		row, what, name string
		beside          int
	}{
		{idleOwner, "owner", mutex, 0}, {idleMutex, "mutex", mutex, 0}, {idleEvent, "event", event, 0},
		{"", "event", few, 10}, {idleAmong, "event", many, 10_000},
		{idleRing, "receiver", ring, 0}, {idleFeed, "reader", feed, 0},
	} {
		i, err := startIdler(job.row, job.what, job.name, job.beside)
		if err != nil {
			return nil, err
		}
		idlers = append(idlers, i)
	}
	for _, name := range []string{event, mutex, few, many} {
		for must(inspect.Stat(name)).State.Waiters == 0 { // it is about to sleep, and looks around before
			time.Sleep(time.Millisecond)
		}
	}
	s := must(flow.OpenSender[line](context.Background(), ring))
	defer s.Close()
	before := make([]time.Duration, len(idlers))
	for n, i := range idlers {
		before[n] = i.used()
	}
	time.Sleep(span)
	var all results
	beside10, ofEvent := span, span
	for n, i := range idlers {
		peer, used := span, i.used()-before[n]
		switch i.row {
		case "":
			beside10 = used
			continue
		case idleAmong:
			peer = beside10
		case idleEvent:
			ofEvent = used
		case idleRing, idleFeed:
			peer = ofEvent
		}
		all = append(all, result{What: i.row, Peer: peer, Ours: used, Ratio: float64(used) / float64(peer)})
	}
	return all, nil
}
