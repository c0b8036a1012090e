package waiting

import (
	"sync/atomic"
	"unsafe"
)

// The numbers in shared memory on which something depends, and the few that the patrol shares with sleepers. Each
// method is one step: an explorer that drives this very code lets others go on before it, decides what the step finds,
// or has the process die there. In an ordinary build exploring is false, and the compiler removes the calls to the
// explorer.

// stepKind is what a step does.
type stepKind uint8

const (
	stepLoad stepKind = iota
	stepStore
	stepAdd
	stepOr
	stepSwap
	stepSleep
	stepWake
	stepPatience // a reservation is waited for; false when that has taken too long
)

// number32 is one with 32 bits.
type number32 struct{ n atomic.Uint32 }

func (x *number32) Load() uint32 {
	if exploring {
		if v, is := explored(stepLoad, unsafe.Pointer(x), 0, 0); is {
			return uint32(v)
		}
	}
	return x.n.Load()
}

func (x *number32) Store(v uint32) {
	if exploring {
		if _, is := explored(stepStore, unsafe.Pointer(x), 0, uint64(v)); is {
			return
		}
	}
	x.n.Store(v)
}

func (x *number32) Add(v uint32) {
	if exploring {
		if _, is := explored(stepAdd, unsafe.Pointer(x), 0, uint64(v)); is {
			return
		}
	}
	x.n.Add(v)
}

func (x *number32) Or(v uint32) {
	if exploring {
		if _, is := explored(stepOr, unsafe.Pointer(x), 0, uint64(v)); is {
			return
		}
	}
	x.n.Or(v)
}

func (x *number32) CompareAndSwap(old, new uint32) bool {
	if exploring {
		if v, is := explored(stepSwap, unsafe.Pointer(x), uint64(old), uint64(new)); is {
			return v != 0
		}
	}
	return x.n.CompareAndSwap(old, new)
}

// number64 is one with 64 bits.
type number64 struct{ n atomic.Uint64 }

func (x *number64) Load() uint64 {
	if exploring {
		if v, is := explored(stepLoad, unsafe.Pointer(x), 0, 0); is {
			return v
		}
	}
	return x.n.Load()
}

func (x *number64) Store(v uint64) {
	if exploring {
		if _, is := explored(stepStore, unsafe.Pointer(x), 0, v); is {
			return
		}
	}
	x.n.Store(v)
}

func (x *number64) CompareAndSwap(old, new uint64) bool {
	if exploring {
		if v, is := explored(stepSwap, unsafe.Pointer(x), old, new); is {
			return v != 0
		}
	}
	return x.n.CompareAndSwap(old, new)
}

// place is where in the code something is forgotten.
type place int

const (
	inTake place = iota + 1
	inOutlast
	inOutlasted
	inStart
	inSleepOnWords
	inPrepare
	inPrepared
	inPassOn
	inSet
	inChanged
	inReset
	inPulse
	inRelease
	inLockAgain
	inGiveUp
	inTakeAll
	inWorth
	inReserving
	inReserved
	inTaken
	inReserve
	inExchange
	inUnreserve
	inGiveBack
	inLetOneThrough
	inNudge
	inFindBerth
	inMakeBerth
	inLeaveBerth
	inClearBerths
	inComeToBerth
	inSleepInBerth
	inBerth
	inSleepUntilMoved
	inWakeBerths
	inLookAfter
)

// A point is a moment of a call; see [here]. What was seen since is forgotten by forget: a loop has begun anew, say, or
// a look has led to nothing, and no variable holds any of it. To an explorer two states are the same where only
// forgotten things differ. Points have no other use.
//
// Each loop over a shared number has a point. Code that keeps something beyond one turn of such a loop says so, to
// forgetAllBut, forgetUnless or remember; otherwise the explorer takes different states for the same.
