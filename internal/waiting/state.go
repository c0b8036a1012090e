//go:build unix && !aix

package waiting

import (
	"sync/atomic"
	"unsafe"
)

// The state of an event, a mutex or a semaphore is a small shared memory, reached like a section's:
//
//	    0 ┌──────────────────────────────────────────────┐
//	      │ word                                       8 │  all that matters, changed by compare-and-swap alone
//	   64 │ crowd  4                                     │  what waits for all of several objects sleep on
//	  128 │ stamped  8 │ since  8                        │  a mutex's word, and when it was first seen so
//	  192 │ seated  4 │ queued  4 │ cursor  4            │  how many seats and berths were ever taken; whose turn it is
//	 4096 │ seats                              4096 × 32 │  which handles have the object open, and wait
//	135168│ berths                              2048 × 8 │  where the waits for an auto-reset event sleep
//	151552└──────────────────────────────────────────────┘
//
// The word, as a number; its low half is the futex that waiters sleep on:
//
//	63                            32 31 30 29                             0
//	┌───────────────────────────────┬──┬──┬────────────────────────────────┐
//	│ value                         │ W│ C│ seq, one more with each value  │
//	└───────────────────────────────┴──┴──┴────────────────────────────────┘
//	                                  W  somebody may sleep on the low half
//	                                  C  somebody may sleep on crowd
//
// and its value:
//
//	            31  30                 1   0
//	event     │ R │ turns                │ S │   S signaled; how often a manual-reset event was
//	mutex     │ R │ A │ owner                │   owner: an id, 0 for none; A abandoned
//	semaphore │ R │ count                    │
//	            R   reserved by a wait for all of several objects
//
// and a berth, as a number; its low half is what whoever is in it sleeps on:
//
//	63                            32 31                           2 1   0
//	┌───────────────────────────────┬──────────────────────────────┬─────┐
//	│ turn, one more with each comer│ id of its seat, 0 for nobody │ 1 2 3│  1 waits, 2 has been let through, 3 waits and
//	└───────────────────────────────┴──────────────────────────────┴─────┘    must look again
//
// The word decides, and for a sleeper in a berth that berth does. Crowd is only for waking, and seats are only for
// people to look at. Whoever may open the object can write anything here, so no number is trusted that could do harm.
type state struct {
	word    number64
	_       [56]byte
	crowd   number32
	_       [60]byte
	stamped atomic.Uint64
	since   atomic.Int64
	_       [48]byte
	seated  atomic.Uint32
	queued  number32
	cursor  number32
	_       [seatsAt - 204]byte
	seats   [seatCount]seatRecord
	berths  [berthCount]berth
}

// seatRecord describes the handle on a seat.
type seatRecord struct {
	id        atomic.Uint32 // 0 where nobody ever sat
	pid       atomic.Uint32
	namespace atomic.Uint32 // the PID namespace in which that is its number
	sleeping  number32      // how many of its waits sleep; the highest bit: they sleep without futexes
	since     atomic.Int64  // when the first of those that sleep began, in nanoseconds since 1970
	anyOf     atomic.Uint32 // how many of them end with one of several objects
	allOf     atomic.Uint32 // and how many with all of several
}

const seatPolls = 1 << 31

// Size is how many bytes a state has.
const Size = int64(unsafe.Sizeof(state{}))

const (
	seatsAt   = 4096
	seatCount = 4096
	berthsAt  = 135168

	berthCount   = 2048
	berthWaiting = 1
	berthThrough = 2
	berthNudged  = 3
	berthBits    = 2
	berthMask    = 1<<berthBits - 1

	sleepers = 1 << 31
	crowded  = 1 << 30
	seqMask  = crowded - 1

	reserved       = 1 << 31
	eventSignaled  = 1 << 0
	eventOneTurn   = 1 << 1
	eventTurns     = reserved - eventOneTurn
	mutexAbandoned = 1 << 30
	mutexOwner     = mutexAbandoned - 1
	semaphoreCount = reserved - 1
)

// The drawing, checked by the compiler.
var (
	_ [0]struct{} = [unsafe.Offsetof(state{}.crowd) - 64]struct{}{}
	_ [0]struct{} = [unsafe.Offsetof(state{}.stamped) - 128]struct{}{}
	_ [0]struct{} = [unsafe.Offsetof(state{}.since) - 136]struct{}{}
	_ [0]struct{} = [unsafe.Offsetof(state{}.seated) - 192]struct{}{}
	_ [0]struct{} = [unsafe.Offsetof(state{}.seats) - seatsAt]struct{}{}
	_ [0]struct{} = [unsafe.Sizeof(seatRecord{}) - 32]struct{}{}
	_ [0]struct{} = [unsafe.Offsetof(state{}.berths) - berthsAt]struct{}{}
	_ [0]struct{} = [Size - 151552]struct{}{}
	_ [0]struct{} = [32 - IDBits - berthBits]struct{}{}
	_ [0]struct{} = [Size % 4096]struct{}{}
	_ [0]struct{} = [seatCount - 1 - seatMask]struct{}{}
)

// word is the state word.
type word uint64

func (w word) value() uint32 { return uint32(w >> 32) }
func (w word) low() uint32   { return uint32(w) }

// key is what changes with every value, and with nothing else.
func (w word) key() word { return w &^ (sleepers | crowded) }

// with is the word with another value: the next seq, the same flags.
func (w word) with(value uint32) word {
	return word(value)<<32 | w&(sleepers|crowded) | (w+1)&seqMask
}

func (s *state) load() word { return word(s.word.Load()) }

func (s *state) swap(old, new word) bool { return s.word.CompareAndSwap(uint64(old), uint64(new)) }

// low is the address of the word's low half.
func (s *state) low() *uint32 {
	return (*uint32)(unsafe.Add(unsafe.Pointer(&s.word), lowHalf))
}

// lowHalf is where in a 64-bit number the machine keeps its low half.
var lowHalf = func() int {
	probe := uint64(1)
	if *(*uint32)(unsafe.Pointer(&probe)) == 1 {
		return 0
	}
	return 4
}()
