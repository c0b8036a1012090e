// Package waiting holds what waits: events, mutexes and semaphores whose state lies in memory that several processes
// share, and the sleep on any other word of such memory. It knows no names and no files. The memory is a byte slice,
// and whether other processes live is for Seats to say; so its tests need no second process, and a death in them is an
// entry in a map.
//
// Reading order: state.go (the words, drawn), event.go, mutex.go and semaphore.go (what they mean), object.go, wait.go
// (the one wait loop), waitall.go, number.go (what a step is), berth.go, seat.go, patrol.go and watch.go (what happens
// around deaths), sleep.go, futex_*.go.
//
// Its words, as everywhere in this module: a seat is a handle's place at an object, which is free when its process is
// dead; a berth is where one wait for an auto-reset event sleeps; a turn is one Set of a manual-reset event, or one
// arrival at a berth; the crowd is all waits for all of several objects; an alarm is a number of this process's own
// that one of its waits also sleeps on; the patrol looks after the sleepers of this process, in case others died before
// waking them.
package waiting

import (
	"math"
	"time"
)

// MaximumObjects is how many objects one wait can be for.
const MaximumObjects = 64

// MaximumCount is what a semaphore's count and a mutex's recursion cannot be above.
const MaximumCount = math.MaxInt32

// Kind is what an object is. The two kinds of events differ in all that this package does with them.
type Kind uint8

const (
	AutoEvent   Kind = iota // a satisfied wait resets it
	ManualEvent             // it stays set
	Mutex
	Semaphore
)

// Outcome is how a wait ended well.
type Outcome struct {
	Index     int
	Abandoned bool
}

// State is what an object is in at one moment.
type State struct {
	Manual    bool      // event
	Signaled  bool      // a wait would not wait
	Count     int64     // semaphore
	Maximum   int64     // semaphore
	Abandoned bool      // mutex: the next owner will be told so
	Owned     bool      // mutex
	OwnerPID  int       // mutex: 0 where it has no owner, or the owner cannot be told
	Since     time.Time // mutex: owned since when; zero where unknown
	Waiters   int       // threads that wait; -1 where unknown
	Waiting   []Waiter  // the handles that they wait through, as those say themselves
}

// Waiter is a handle through which threads wait.
type Waiter struct {
	PID   int // 0 where that is a number of another PID namespace
	Count int
	AnyOf int       // of Count, those whose wait ends with one of several objects
	AllOf int       // of Count, those whose wait ends with all of several
	Since time.Time // when the first of them began to sleep; zero where unknown
}
