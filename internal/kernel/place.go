//go:build unix && !aix

package kernel

import (
	"context"
	"sync/atomic"
	"time"
)

// A wait for an auto-reset event alone sleeps in a place of its own, in a table in the state. Set looks there first, and
// lets one of those through whom it finds waiting, by changing his place: that is the moment at which his wait ends,
// whenever he comes to notice. So two Sets let two sleepers through, a Reset takes nothing from them, and nobody who comes
// later can be quicker. A place whose sleeper is dead is found out by his seat, and passed over. Only when nobody waits in
// a place is the event's flag set. Who comes to a place changes the word, so a Set that has found nobody there does not
// miss him.
//
// One who waits for several objects could be let through by two of them at once, and one would have to take it back. He
// sleeps on the words, and finds a flag or does not.

// letOneThrough lets one of those through who wait in places. It is false when there is none who lives.
//
// Where several wait, those who sleep come first: who is not asleep is about to sleep, and will look once more, or is
// stopped, or dead.
func (n *nativeWaitable) letOneThrough() bool {
	used := min(n.state.queued.Load(), placeCount)
	if used == 0 {
		return false
	}
	first, waiting := n.state.cursor.Load()%used, 0
	for i := range used {
		if isWaiting(n.state.places[i].Load()) {
			waiting++
		}
	}
	for _, asleep := range []bool{true, false} {
		if asleep && waiting < 2 {
			continue
		}
		for i := range used {
			if at := (first + i) % used; n.letThrough(&n.state.places[at], asleep) {
				n.state.cursor.Store(at + 1) // the next Set begins behind him, so that all have their turn
				return true
			}
		}
	}
	return false
}

func isWaiting(place uint32) bool {
	return place>>placeBits != 0 && place&(1<<placeBits-1) == placeWaiting
}

// letThrough lets the one through who waits in a place: only if he sleeps, or whoever lives.
func (n *nativeWaitable) letThrough(place *atomic.Uint32, asleep bool) bool {
	v := place.Load()
	if !isWaiting(v) {
		return false
	}
	// Woken first, and changed then: a change could not be undone. Others may have used the place meanwhile.
	if asleep && wake(address(place), 1, false) == 0 {
		return false
	}
	let := v ^ placeWaiting ^ placeThrough
	if !place.CompareAndSwap(v, let) {
		return false
	}
	if wake(address(place), 1, false) > 0 || asleep {
		return true
	}
	// He does not sleep. If he is dead his place is free now, unless he had seen before that he was let through.
	id := v >> placeBits
	return id == n.id || n.seated(id) || !place.CompareAndSwap(let, 0)
}

// findPlace waits in a free place; nil when there is none.
func (n *nativeWaitable) findPlace() *atomic.Uint32 {
	mine := n.id<<placeBits | placeWaiting
	used := min(n.state.queued.Load(), placeCount)
	hint := n.lastPlace.Load()
	for i := range used {
		at := (hint + i) % used
		if place := &n.state.places[at]; place.Load() == 0 && place.CompareAndSwap(0, mine) {
			n.lastPlace.Store(at)
			return place
		}
	}
	for used < placeCount {
		if n.state.queued.CompareAndSwap(used, used+1) {
			if place := &n.state.places[used]; place.CompareAndSwap(0, mine) {
				n.lastPlace.Store(used)
				return place
			}
		}
		used = min(n.state.queued.Load(), placeCount)
	}
	return nil
}

// leavePlace gives a place back. It is false if the sleeper has been let through.
func leavePlace(place *atomic.Uint32, mine uint32) bool {
	left := place.CompareAndSwap(mine, 0)
	if !left && place.Load() == mine^placeWaiting^placeThrough {
		place.Store(0)
		return false
	}
	return true
}

// comeToPlace changes the word, for those to see who have looked for sleepers already. It is false if the event is set.
func (n *nativeWaitable) comeToPlace() bool {
	for {
		w := n.state.load()
		if w.value()&eventSignaled != 0 {
			return false
		}
		if n.state.swap(w, w.with(w.value())|sleepers) {
			return true
		}
	}
}

// sleepInPlace waits until the wait, which is for an auto-reset event alone, ends. It is false when there is no place.
func (w *waiting) sleepInPlace(ctx context.Context, deadline time.Time) (ok bool, err error) {
	n := w.objects[0]
	mine := n.id<<placeBits | placeWaiting
	for {
		place := n.findPlace()
		if place == nil {
			return false, nil
		}
		if n.comeToPlace() {
			err = w.sleepUntilMoved(ctx, deadline, place, mine)
		}
		if !leavePlace(place, mine) {
			return true, nil
		}
		if got, _, takeErr := n.take(0); got || takeErr != nil {
			return true, takeErr
		}
		if err != nil {
			return true, err
		}
	}
}

// sleepUntilMoved sleeps while a place says that it waits, and the event is not set.
func (w *waiting) sleepUntilMoved(ctx context.Context, deadline time.Time, place *atomic.Uint32, mine uint32) error {
	n := w.objects[0]
	w.count(1)
	defer w.count(-1)
	if !patrol.running.Load() {
		startPatrol()
	}
	w.sleepers = append(w.sleepers[:0], sleeper{addr: address(place), expected: mine})
	for place.Load() == mine && n.state.load().value()&eventSignaled == 0 {
		if w.alarm != nil {
			w.sleepers = append(w.sleepers[:1], sleeper{addr: address(w.alarm), expected: w.alarm.Load(), private: true})
		}
		if err := expired(ctx, deadline); err != nil {
			return err
		}
		sleepOn(w.sleepers, deadline, w.round)
		w.round++
	}
	return nil
}

// wakePlaces wakes those of this handle's sleepers who have been let through, or could be, and sleep on: whoever did that
// died before he could wake them.
func (n *nativeWaitable) wakePlaces(signaled bool) {
	mine := n.id << placeBits
	for i := range min(n.state.queued.Load(), placeCount) {
		place := &n.state.places[i]
		if v := place.Load(); v == mine|placeThrough || signaled && v == mine|placeWaiting {
			wake(address(place), 1, false)
		}
	}
}
