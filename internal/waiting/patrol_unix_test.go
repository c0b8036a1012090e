//go:build unix && !aix

package waiting

import (
	"context"
	"testing"
)

// looks is how many handles a round of the patrol looks at, and whether one is among them.
func looks(n *Object) (handles int, among bool) {
	patrol.mu.Lock()
	defer patrol.mu.Unlock()
	return len(patrol.beats), patrol.beats[n] != nil
}

// atRest waits until nothing is left for the patrol of what the tests before this one did.
func atRest(t *testing.T) {
	t.Helper()
	until(t, "the patrol is over", func() bool {
		patrol.mu.Lock()
		defer patrol.mu.Unlock()
		return !patrol.running
	})
}

// TestThePatrolLooksAfterThoseWhoSleep: idle handles of all kinds, however many, are no work for the patrol; a handle
// with a sleeping wait is, and so is a new owner. What needs nothing any more is forgotten, and finally the patrol
// itself ends.
func TestThePatrolLooksAfterThoseWhoSleep(t *testing.T) {
	const idle = 300
	atRest(t)
	var event, semaphore, mutex *handle
	for i := range idle {
		w := unnamed(t, []spec{{Kind: Kind(i % 2)}, {Kind: Semaphore, Maximum: 1}, {Kind: Mutex}}[i%3])
		*[]**handle{&event, &semaphore, &mutex}[i%3] = w
	}
	if n, _ := looks(nil); n != 0 {
		t.Errorf("%d of %d idle handles are looked at", n, idle)
	}
	for what, objects := range map[string][]*handle{"one": {event}, "any": {event, semaphore}} {
		done := sleeps(t, sleepers, objects...)
		if n, among := looks(event.native); n != len(objects) || !among {
			t.Errorf("a wait for %s: %d handles are looked at, its own among them: %v", what, n, among)
		}
		if err := event.Set(); err != nil {
			t.Fatal(err)
		}
		through(t, done)
		event.Reset()
		atRest(t)
	}
	done := sleeps(t, crowded, event, semaphore)
	if n, among := looks(semaphore.native); n != 2 || !among {
		t.Errorf("a wait for all of two: %d handles are looked at, its own among them: %v", n, among)
	}
	event.Set()
	semaphore.Release(1)
	through(t, done)
	for range 2 { // the second time from the list on which it is, or is not any more
		if _, err := mutex.Lock(context.Background()); err != nil {
			t.Fatal(err)
		}
		until(t, "it is written down since when the mutex is owned", func() bool {
			n := mutex.native
			return word(n.state.stamped.Load()) == n.state.load().key()
		})
		if err := mutex.Unlock(); err != nil {
			t.Fatal(err)
		}
	}
	atRest(t)
	if _, err := mutex.Lock(context.Background()); err != nil {
		t.Fatal(err)
	}
	if n, among := looks(mutex.native); n != 1 || !among {
		t.Errorf("an owner: %d handles are looked at, its own among them: %v", n, among)
	}
	atRest(t) // though it goes on owning
	mutex.Unlock()
}

// TestThePatrolForgetsAClosedHandle: one that is closed while it is on the list is not looked at again, for its state
// is gone.
func TestThePatrolForgetsAClosedHandle(t *testing.T) {
	atRest(t)
	for range 100 {
		w := unnamed(t, spec{Kind: Mutex, Owned: true})
		if _, among := looks(w.native); !among {
			t.Fatal("a new owner is not looked at")
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if _, among := looks(w.native); among {
			t.Fatal("a closed handle is looked at")
		}
	}
	until(t, "the patrol is over", func() bool { n, _ := looks(nil); return n == 0 })
}

// TestComersAtTheLastMoment: a wait that comes just when the patrol takes its handle off the list is looked after:
// either it sees that the handle is off, or the patrol sees the wait.
func TestComersAtTheLastMoment(t *testing.T) {
	a, b := pair(t, spec{Kind: ManualEvent})
	n := b.native
	n.Watch()
	func() {
		patrol.mu.Lock()
		defer patrol.mu.Unlock()
		beat := patrol.beats[n]
		n.asleep.Add(1)
		n.Watch() // the wait sees that the handle is on the list
		retire(n, beat)
		if patrol.beats[n] == nil || !n.watched.Load() {
			t.Error("the handle of a wait that has just gone to sleep was taken off the list")
		}
		n.asleep.Add(^uint32(0))
		retire(n, beat)
		if patrol.beats[n] != nil || n.watched.Load() {
			t.Error("a handle that nobody needs stays on the list")
		}
	}()
	if t.Failed() {
		return
	}
	for range 2 {
		done := sleeps(t, sleepers, b)
		// A process sets the event and dies before it wakes anybody.
		for w := n.state.load(); !n.state.swap(w, w.with(eventTurn(eventSignaled))&^sleepers); w = n.state.load() {
		}
		through(t, done)
		if err := a.Reset(); err != nil {
			t.Fatal(err)
		}
		until(t, "the handle is off the list", func() bool { return !n.watched.Load() })
	}
}
