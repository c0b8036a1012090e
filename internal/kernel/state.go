//go:build unix && !aix

package kernel

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
//	  192 │ seated  4 │ queued  4 │ cursor  4            │  how many seats and places were ever taken; whose turn it is
//	 4096 │ seats                              4096 × 16 │  who has the object open, and waits
//	69632 │ places                              2048 × 8 │  where the waits for an auto-reset event sleep
//	86016 └──────────────────────────────────────────────┘
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
// and a place, as a number; its low half is what whoever is in it sleeps on:
//
//	63                            32 31                           2 1   0
//	┌───────────────────────────────┬──────────────────────────────┬─────┐
//	│ turn, one more with each comer│ id of his seat, 0 for nobody │ 1 2 3│  1 waits, 2 has been let through, 3 waits and
//	└───────────────────────────────┴──────────────────────────────┴─────┘    must look again
//
// The word decides, and for one who sleeps in a place that place. Crowd is for waking, seats for people to look at.
// Whoever may open the object can write anything here; so no number is believed that could do harm.
type state struct {
	word    atomic.Uint64
	_       [56]byte
	crowd   atomic.Uint32
	_       [60]byte
	stamped atomic.Uint64
	since   atomic.Int64
	_       [48]byte
	seated  atomic.Uint32
	queued  atomic.Uint32
	cursor  atomic.Uint32
	_       [seatsAt - 204]byte
	seats   [seatCount]seatRecord
	places  [placeCount]berth
}

// seatRecord is who sits on a seat.
type seatRecord struct {
	id        atomic.Uint32 // 0 where nobody ever sat
	pid       atomic.Uint32
	namespace atomic.Uint32 // the PID namespace in which that is its number
	sleeping  atomic.Uint32 // how many waits of his sleep, and in the highest bit that he sleeps without futexes
}

const seatPolls = 1 << 31

const (
	seatsAt   = 4096
	seatCount = 4096
	placesAt  = 69632
	stateSize = int64(unsafe.Sizeof(state{}))

	placeCount   = 2048
	placeWaiting = 1
	placeThrough = 2
	placeNudged  = 3
	placeBits    = 2
	placeMask    = 1<<placeBits - 1

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
	_ [0]struct{} = [unsafe.Sizeof(seatRecord{}) - 16]struct{}{}
	_ [0]struct{} = [unsafe.Offsetof(state{}.places) - placesAt]struct{}{}
	_ [0]struct{} = [stateSize - 86016]struct{}{}
	_ [0]struct{} = [32 - idBits - placeBits]struct{}{}
	_ [0]struct{} = [stateSize % 4096]struct{}{}
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

// address is where a number stands that can be slept on.
func address(number *atomic.Uint32) *uint32 { return (*uint32)(unsafe.Pointer(number)) }

// lowHalf is where in a 64-bit number the machine keeps its low half.
var lowHalf = func() int {
	probe := uint64(1)
	if *(*uint32)(unsafe.Pointer(&probe)) == 1 {
		return 0
	}
	return 4
}()
