package main

import (
	"context"
	"runtime"
	"slices"
	"sync"

	"github.com/namedshm/namedshm"
)

// Rows of the table. To the first ones the peer's name is added.
const (
	spinning     = "event there and back, spinning"
	spinningMean = "event there and back, spinning, mean"
	sleeping     = "event there and back, sleeping"
	oneCore      = "event there and back, one core"
	oneProc      = ", GOMAXPROCS=1"
	lockFree     = "mutex Lock+Unlock beside sync.Mutex"
	setReset     = "event Set+Reset beside sync.Mutex"
	postTake     = "semaphore Release+TryWait beside sync.Mutex"
)

var twoCores = [2]int{0, 1} // the first and the second

// beside is the row of one peer.
func beside(what string, peer compiled) string { return what + ", beside " + peer.name }

// besideGo is the row of the peer that is not a C program.
func besideGo(what string) string { return what + ", beside bare futexes in Go" }

// The gaits of this library, and one that is not.
var (
	spinner        = gait{spin: "default", procs: runtime.NumCPU()}
	sleeper        = gait{spin: "0", procs: runtime.NumCPU()}
	oneProcSleeper = gait{spin: "0", procs: 1}
	bareGo         = gait{spin: bare, procs: runtime.NumCPU()}
)

// measureSpinning compares with what spins, and takes no longer than that.
func (w *workshop) measureSpinning() (results, error) {
	c := contest{cores: twoCores, turns: 100, trips: 20_000, ours: []gait{spinner},
		peers: []compiled{cSpin, cPause, cSwap}}
	err := c.run(w)
	all := append(c.compare(spinning, spinner, c.peers...), c.compareAll(spinningMean, spinner, cSpin)...)
	return append(all, c.left...), err
}

// measureSleeping compares with what sleeps, on two cores, where waking somebody takes most of the time.
func (w *workshop) measureSleeping() (results, error) {
	c := contest{
		cores: twoCores, turns: 20, trips: 1000,
		ours: []gait{spinner, sleeper, oneProcSleeper, bareGo}, peers: slices.Concat(others, []compiled{cFutex, polling}),
	}
	err := c.run(w)
	all := slices.Concat(
		c.compare(spinning, spinner, others...),
		c.compare(spinning, spinner, polling),
		c.compare(sleeping, sleeper, others...),
		c.compare(sleeping, sleeper, cFutex),
		c.compareGo(sleeping, sleeper),
		c.compare(sleeping+oneProc, oneProcSleeper, cFutex))
	return append(all, c.left...), err
}

// measureOneCore compares with what sleeps where both processes have the same core: no time is lost between processors,
// and what the calls take shows.
func (w *workshop) measureOneCore() (results, error) {
	c := contest{turns: 20, trips: 2000, ours: []gait{sleeper, oneProcSleeper, bareGo},
		peers: slices.Concat(others, []compiled{cFutex})}
	err := c.run(w)
	all := slices.Concat(
		c.compare(oneCore, sleeper, c.peers...),
		c.compareGo(oneCore, sleeper),
		c.compare(oneCore+oneProc, oneProcSleeper, cFutex))
	return append(all, c.left...), err
}

// measureFree compares what needs no other process with a lock that no other process can see.
func measureFree() (results, error) {
	ctx := context.Background()
	mutex := must(namedshm.CreateMutex(uniqueName(), false))
	defer mutex.Close()
	event := must(namedshm.CreateEvent(uniqueName(), namedshm.AutoReset, false))
	defer event.Close()
	semaphore := must(namedshm.CreateSemaphore(uniqueName(), 0, 1))
	defer semaphore.Close()
	var plain sync.Mutex
	peer := func() {
		for range loop {
			plain.Lock()
			//lint:ignore SA2001 nothing else is measured
			plain.Unlock()
		}
	}
	return results{
		inLoops(lockFree, peer, func() {
			for range loop {
				must(mutex.Lock(ctx))
				check(mutex.Unlock())
			}
		}),
		inLoops(setReset, peer, func() {
			for range loop {
				check(event.Set())
				check(event.Reset())
			}
		}),
		inLoops(postTake, peer, func() {
			for range loop {
				must(semaphore.Release(1))
				must(semaphore.TryWait())
			}
		}),
	}, nil
}

// loop is how often what is so quick is done between two looks at the clock, which would be most of it otherwise.
const loop = 500

// inLoops is inTurns for functions that do something so often.
func inLoops(what string, peer, ours func()) result {
	r := inTurns(what, peer, ours)
	r.Peer, r.Ours = r.Peer/loop, r.Ours/loop
	return r
}
