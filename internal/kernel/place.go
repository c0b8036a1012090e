//go:build unix && !aix

package kernel

import (
	"context"
	"sync/atomic"
	"time"
)

// A wait for an auto-reset event alone sleeps in a place of its own, in a table in the state. Set looks there first, and
// lets one of those through whom it finds asleep, by changing his place: that is the moment at which his wait ends,
// whenever he comes to notice. So two Sets let two sleepers through, a Reset takes nothing from them, and nobody who comes
// later can be quicker. Only when nobody sleeps in a place is the event's flag set. Who comes to a place changes the word,
// so a Set that has found nobody there does not miss him.
//
// Who is in a place and not asleep may be about to sleep, or stopped, or dying: killed, and his seat not free yet, since the
// kernel gives his memory back first. A Set that were given to him might be lost. So he is nudged, after the flag is set: if
// he lives he looks once more, and finds the flag if nobody was quicker.
//
// Who waits without futexes, or with one at times, is not asleep as far as the kernel could tell. He says so in his seat's
// record, and is let through by name if that seat is taken.
//
// One who waits for several objects could be let through by two of them at once, and one would have to take it back. He
// sleeps on the words, and finds a flag or does not.

// letOneThrough lets one of those through who sleep in places. It is false when there is none.
func (n *nativeWaitable) letOneThrough() bool {
	used := min(n.state.queued.Load(), placeCount)
	if used == 0 {
		return false
	}
	first := n.state.cursor.Load() % used
	for i := range used {
		if at := (first + i) % used; n.letThrough(&n.state.places[at]) {
			n.state.cursor.Store(at + 1) // the next Set begins behind him, so that all have their turn
			return true
		}
	}
	return false
}

// isWaiting reports whether somebody waits in a place, and isThrough whether he has been let through.
func isWaiting(place uint32) bool {
	return place>>placeBits != 0 && (place&placeMask == placeWaiting || place&placeMask == placeNudged)
}

func isThrough(place uint32) bool { return place>>placeBits != 0 && place&placeMask == placeThrough }

// letThrough lets the one through who waits in a place, if he sleeps.
func (n *nativeWaitable) letThrough(place *atomic.Uint32) bool {
	v := place.Load()
	let := v&^placeMask | placeThrough
	if !isWaiting(v) || !place.CompareAndSwap(v, let) {
		return false
	}
	if wake(address(place), 1, false) > 0 {
		return true
	}
	// He does not sleep. It is taken back, unless he has seen it already.
	id := v >> placeBits
	return n.polls(id) && (id == n.id || n.seated(id)) || !place.CompareAndSwap(let, v)
}

// polls reports whether a seat is that of somebody who sleeps without futexes, as far as it is on record.
func (n *nativeWaitable) polls(id uint32) bool {
	index := id & seatMask
	if index == seatMask {
		return false
	}
	r := &n.state.seats[index]
	return r.id.Load() == id && r.sleeping.Load()&seatPolls != 0
}

// nudge has everybody look once more who waits in a place: the flag has been set, and they may have looked before that.
func (n *nativeWaitable) nudge() {
	for i := range min(n.state.queued.Load(), placeCount) {
		place := &n.state.places[i]
		v := place.Load()
		if isWaiting(v) && (v&placeMask == placeNudged || place.CompareAndSwap(v, v&^placeMask|placeNudged)) {
			wake(address(place), 1, false)
		}
	}
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
func (n *nativeWaitable) leavePlace(place *atomic.Uint32) bool {
	for {
		v := place.Load()
		if v>>placeBits != n.id {
			return true // somebody wrote over it
		}
		if place.CompareAndSwap(v, 0) {
			return !isThrough(v)
		}
	}
}

// clearPlaces frees the places of the dead. Only a few are looked at each time, since each look is a system call, and the
// next ones the next time.
func (n *nativeWaitable) clearPlaces() {
	looks := 32
	used := min(n.state.queued.Load(), placeCount)
	first := n.nextToClear.Load()
	for i := range used {
		at := (first + i) % used
		place := &n.state.places[at]
		v := place.Load()
		id := v >> placeBits
		if id == 0 || id == n.id {
			continue
		}
		if !n.seated(id) {
			place.CompareAndSwap(v, 0)
		}
		if looks--; looks == 0 {
			n.nextToClear.Store(at + 1)
			return
		}
	}
}

// comeToPlace sets the flag that says that somebody sleeps, and changes the word, for those to see who have looked for
// sleepers already. It is false if the event is set. again says that the place is not new, and has been seen.
func (n *nativeWaitable) comeToPlace(again bool) bool {
	for {
		w := n.state.load()
		switch {
		case w.value()&eventSignaled != 0:
			return false
		case again && w&sleepers != 0, n.state.swap(w, w.with(w.value())|sleepers):
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
		if n.comeToPlace(false) {
			err = w.sleepUntilMoved(ctx, deadline, place, mine)
		}
		if !n.leavePlace(place) {
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
	for {
		place.CompareAndSwap(mine&^placeMask|placeNudged, mine) // before the look that it asks for
		if place.Load() != mine || !n.comeToPlace(true) {
			return nil
		}
		if w.alarm != nil {
			w.sleepers = append(w.sleepers[:1], sleeper{addr: address(w.alarm), expected: w.alarm.Load(), private: true})
		}
		if err := expired(ctx, deadline); err != nil {
			return err
		}
		if napping(w.sleepers) {
			n.saysItPolls()
		}
		sleepOn(w.sleepers, deadline, w.round)
		w.round++
	}
}

// saysItPolls puts on record that waits of this handle sleep without futexes.
func (n *nativeWaitable) saysItPolls() {
	if r := n.record(); r != nil && r.sleeping.Load()&seatPolls == 0 {
		r.sleeping.Or(seatPolls)
	}
}

// wakePlaces wakes those of this handle's sleepers who have been let through and sleep on, and with look those who are to
// look once more: whoever did what they should have been woken for died before he could.
func (n *nativeWaitable) wakePlaces(look bool) {
	mine := n.id << placeBits
	for i := range min(n.state.queued.Load(), placeCount) {
		place := &n.state.places[i]
		if v := place.Load(); v&^placeMask == mine && (isThrough(v) || look && isWaiting(v)) {
			if look {
				place.CompareAndSwap(mine|placeWaiting, mine|placeNudged) // for who is about to sleep
			}
			wake(address(place), 1, false)
		}
	}
}
