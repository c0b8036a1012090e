//go:build unix && !aix

package waiting

import (
	"errors"
	"runtime"
	"time"

	"github.com/namedshm/namedshm/internal/fault"
)

// What a mutex does with the value of its word.

var mutexRules = rules{
	signaled:  mutexSignaled,
	satisfied: mutexSatisfied,
	damaged:   mutexDamaged,
	undo:      (*Object).undoLock,
	lets:      1,
	owner:     mutexOwner,
	abandoned: mutexAbandoned,
}

// mutexSignaled is for a wait by a handle that does not own the mutex.
func mutexSignaled(value, _ uint32) bool { return value&mutexOwner == 0 }

func mutexSatisfied(_, seat uint32) uint32 { return seat }

// mutexDamaged: every number may be somebody's seat.
func mutexDamaged(_, _ uint32) bool { return false }

// undoLock gives back a mutex that a wait has taken, as it was.
func (o *Object) undoLock(before uint32) {
	if o.depth.CompareAndSwap(1, 0) {
		o.giveUp(before & mutexAbandoned)
		o.unbind()
	}
}

// LockFree locks a mutex that nobody has: the short way, which is what most locks are.
func (o *Object) LockFree() bool {
	if o.kind != Mutex || !o.ours() {
		return false
	}
	if w := o.state.load(); w.value() != 0 || !o.state.swap(w, w.with(o.id)) {
		return false
	}
	if o.depth.Swap(1) != 0 {
		o.uses.Leave() // somebody wrote over the word meanwhile: the handle was in use for this before
	}
	o.Watch()
	return true
}

// lockAgain locks a mutex that this handle owns once more. got is false when it does not own it any more.
func (o *Object) lockAgain() (got bool, err error) {
	const patience = time.Second
	var start time.Time
	since := here()
	for {
		since.forget(inLockAgain)
		switch depth := o.depth.Load(); {
		case depth == MaximumCount:
			return false, &fault.Fault{Code: fault.MutantLimit}
		case depth > 0 && o.depth.CompareAndSwap(depth, depth+1):
			return true, nil
		case depth == 0:
			// Another goroutine has just taken it and not counted yet, or is just giving it back.
			runtime.Gosched()
			if o.state.load().value()&mutexOwner != o.id {
				return false, nil
			}
			if start.IsZero() {
				start = time.Now()
			} else if time.Since(start) > patience {
				return false, o.overwritten()
			}
		}
	}
}

// UnlockHeld unlocks a mutex that this handle has locked once: the short way. Whoever takes the depth to zero has the
// use of the handle that came with it. done is false when it takes the long way.
func (o *Object) UnlockHeld() (done bool, err error) {
	if !o.ours() || !o.depth.CompareAndSwap(1, 0) {
		return false, nil
	}
	if !o.giveUp(0) {
		err = o.overwritten()
	}
	o.unbind()
	return true, err
}

// Unlock undoes one lock.
func (o *Object) Unlock() (err error) {
	if o.fragile {
		defer o.Guard(&err)()
	}
	if err := o.foreign(); err != nil {
		return err
	}
	for {
		depth := o.depth.Load()
		if depth <= 0 {
			return &fault.Fault{Code: fault.NotOwner}
		}
		if !o.depth.CompareAndSwap(depth, depth-1) {
			continue
		}
		if depth > 1 {
			return nil
		}
		defer o.unbind()
		if !o.giveUp(0) {
			return o.overwritten()
		}
		return nil
	}
}

// Holds reports whether this handle owns the mutex, which a wait may have brought about after its Close.
func (o *Object) Holds() bool { return o.depth.Load() > 0 }

// giveUp makes a mutex of this handle's nobody's, with a value that says how.
func (o *Object) giveUp(value uint32) bool {
	since := here()
	for {
		since.forget(inGiveUp)
		w := o.state.load()
		if w.value()&mutexOwner != o.id {
			return false
		}
		now := w.with(value) &^ crowded
		if o.state.swap(w, now) {
			if w&(sleepers|crowded) != 0 {
				o.changed(w, now, 1)
			}
			return true
		}
	}
}

// abandonMutex is for a handle that ends.
func (o *Object) abandonMutex() {
	if o.depth.Swap(0) > 0 {
		o.giveUp(mutexAbandoned)
		o.unbind()
	}
}

// buryOwner frees an object whose owner is dead, if it is a mutex. It is true if there is something new to look at.
func (o *Object) buryOwner(w word) bool {
	owner := w.value() & o.rules.owner
	if owner == 0 || owner == o.id || o.seated(owner) {
		return false
	}
	now := w.with(mutexAbandoned) &^ crowded
	if o.state.swap(w, now) {
		o.changed(w, now, 1)
	}
	return true
}

// overwritten is the error for a state that none of this library's calls can have made, while the handle has its seat:
// without it the mutex was taken for abandoned.
func (o *Object) overwritten() error {
	if o.isLost() {
		return ErrLost
	}
	return &fault.Fault{Code: fault.FileCorrupt, Cause: errors.New("the object's state is invalid"),
		Advice: "some process has overwritten it; close the object everywhere and create it again"}
}
