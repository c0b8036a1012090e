//go:build unix && !aix

package kernel

import (
	"errors"
	"runtime"
	"time"
)

// What a mutex does with the value of its word.

// mutexLetsThrough reports whether a wait by somebody who does not own the mutex ends.
func mutexLetsThrough(value uint32) bool { return value&mutexOwner == 0 }

// lockAgain locks a mutex that this handle owns once more. got is false when it does not own it any more.
func (n *nativeWaitable) lockAgain() (got bool, err error) {
	var start time.Time
	for {
		switch depth := n.depth.Load(); {
		case depth == maximumCount:
			return false, &Fault{Code: MutantLimit}
		case depth > 0 && n.depth.CompareAndSwap(depth, depth+1):
			return true, nil
		case depth == 0:
			// Another goroutine has just taken it and not counted yet, or is just giving it back.
			runtime.Gosched()
			if n.state.load().value()&mutexOwner != n.id {
				return false, nil
			}
			if start.IsZero() {
				start = time.Now()
			} else if time.Since(start) > patience {
				return false, n.overwritten()
			}
		}
	}
}

func (n *nativeWaitable) unlock() (err error) {
	if n.fragile {
		defer n.guard(&err)()
	}
	if err := n.foreign(); err != nil {
		return err
	}
	for {
		depth := n.depth.Load()
		if depth <= 0 {
			return &Fault{Code: NotOwner}
		}
		if !n.depth.CompareAndSwap(depth, depth-1) {
			continue
		}
		if depth > 1 {
			return nil
		}
		defer n.unbind()
		if !n.giveUp(0) {
			return n.overwritten()
		}
		return nil
	}
}

// giveUp makes a mutex of this handle's nobody's, with a value that says how.
func (n *nativeWaitable) giveUp(value uint32) bool {
	for {
		w := n.state.load()
		if w.value()&mutexOwner != n.id {
			return false
		}
		now := w.with(value) &^ crowded
		if n.state.swap(w, now) {
			if w&(sleepers|crowded) != 0 {
				n.changed(w, now, 1)
			}
			return true
		}
	}
}

// holds reports whether this handle owns the mutex, which a Lock may have brought about after its Close.
func (n *nativeWaitable) holds() bool { return n.depth.Load() > 0 }

// abandonMutex is for a handle that ends.
func (n *nativeWaitable) abandonMutex() {
	if n.depth.Swap(0) > 0 {
		n.giveUp(mutexAbandoned)
		n.unbind()
	}
}

// lockFree locks a mutex that nobody has: the short way, which is what most locks are.
func (n *nativeWaitable) lockFree() bool {
	if n.kind != KindMutex || !n.ours() {
		return false
	}
	if w := n.state.load(); w.value() != 0 || !n.state.swap(w, w.with(n.id)) {
		return false
	}
	if n.depth.Swap(1) != 0 {
		n.uses.leave() // somebody wrote over the word meanwhile: the handle was in use for this before
	}
	if !patrol.running.Load() {
		startPatrol()
	}
	return true
}

// unlockHeld unlocks a mutex that this handle has locked once: the short way. Whoever takes the depth to zero has the
// use of the handle that came with it. done is false when it takes the long way.
func (n *nativeWaitable) unlockHeld() (done bool, err error) {
	if !n.ours() || !n.depth.CompareAndSwap(1, 0) {
		return false, nil
	}
	if !n.giveUp(0) {
		err = n.overwritten()
	}
	n.unbind()
	return true, err
}

// buryOwner frees a mutex whose owner is dead. It is true if there is something new to look at.
func (n *nativeWaitable) buryOwner(w word) bool {
	owner := w.value() & mutexOwner
	if owner == 0 || owner == n.id || n.seated(owner) {
		return false
	}
	now := w.with(mutexAbandoned) &^ crowded
	if n.state.swap(w, now) {
		n.changed(w, now, 1)
	}
	return true
}

// overwritten is the error for a state that none of this library's calls can have made.
func (n *nativeWaitable) overwritten() error {
	return &Fault{Code: FileCorrupt, Cause: errors.New("the state of the object is none that it can have"),
		Advice: "some process wrote over it; close the object everywhere and make it anew"}
}
