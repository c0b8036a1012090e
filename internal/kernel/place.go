//go:build unix && !aix

package kernel

import (
	"context"
	"sync/atomic"
	"time"
	"unsafe"
)

// A wait for an auto-reset event alone sleeps in a place of its own, in a table in the state. Set looks there first, and
// lets one of those through whom it finds asleep, by changing his place: that is the moment at which his wait ends,
// whenever he comes to notice. So two Sets let two sleepers through, a Reset takes nothing from them, and nobody who comes
// later can be quicker. Only when nobody sleeps in a place is the event's flag set. Who comes to a place changes the word,
// so a Set that has found nobody there does not miss him.
//
// Who is in a place and not asleep may be about to sleep, or stopped, or dying: killed, and his seat not free yet, since the
// kernel gives his memory back first. A Set that were given to him might be lost. So what the Set gave is taken back, and he
// is nudged by that, and once more after the flag is set: if he lives he looks again, and finds the flag if nobody was
// quicker.
//
// Who waits without futexes, or with one at times, is not asleep as far as the kernel could tell. He says so in his seat's
// record, and is let through by name if that seat is taken.
//
// One who waits for several objects could be let through by two of them at once, and one would have to take it back. He
// sleeps on the words, and finds a flag or does not.

// placeWord is what stands in a place. No value comes twice: each time that somebody comes the turn is another, or else who
// takes back what he gave could take back what another one gave since.
type placeWord uint64

// seat is the id of whoever is in the place; 0 where nobody is.
func (v placeWord) seat() uint32 { return uint32(v) >> placeBits }

func (v placeWord) state() uint32 { return uint32(v) & placeMask }

// in is the place with its sleeper in another state.
func (v placeWord) in(state uint32) placeWord { return v&^placeMask | placeWord(state) }

// free is the place when its sleeper has left.
func (v placeWord) free() placeWord { return v >> 32 << 32 }

// taken is the place when somebody has come.
func (v placeWord) taken(seat uint32) placeWord {
	return (v>>32+1)<<32 | placeWord(seat<<placeBits|placeWaiting)
}

func (v placeWord) isWaiting() bool {
	return v.seat() != 0 && (v.state() == placeWaiting || v.state() == placeNudged)
}

func (v placeWord) isThrough() bool { return v.seat() != 0 && v.state() == placeThrough }

// berth is a place in the state.
type berth struct{ atomic.Uint64 }

func (b *berth) look() placeWord { return placeWord(b.Load()) }

func (b *berth) swap(old, new placeWord) bool { return b.CompareAndSwap(uint64(old), uint64(new)) }

// low is the address of what tells who is there and in what state, which is what he sleeps on.
func (b *berth) low() *uint32 { return (*uint32)(unsafe.Add(unsafe.Pointer(b), lowHalf)) }

// used is the places that anybody ever was in.
func (s *state) used() []berth { return s.places[:min(s.queued.Load(), placeCount)] }

// letOneThrough lets one of those through who sleep in places. It is false when there is none.
func (n *nativeWaitable) letOneThrough() bool {
	used := n.state.used()
	if len(used) == 0 {
		return false
	}
	first := int(n.state.cursor.Load() % uint32(len(used)))
	for i := range used {
		if at := (first + i) % len(used); n.letThrough(&used[at]) {
			n.state.cursor.Store(uint32(at) + 1) // the next Set begins behind him, so that all have their turn
			return true
		}
	}
	return false
}

// letThrough lets the one through who waits in a place, if he sleeps.
func (n *nativeWaitable) letThrough(b *berth) bool {
	v := b.look()
	let := v.in(placeThrough)
	if !v.isWaiting() || !b.swap(v, let) {
		return false
	}
	if wake(b.low(), 1, false) > 0 {
		return true
	}
	// He does not sleep. It is taken back, unless he has seen it already; and since another Set may have wanted to nudge him
	// meanwhile, that is done too.
	id := v.seat()
	return n.polls(id) && (id == n.id || n.seated(id)) || !b.swap(let, v.in(placeNudged))
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
	used := n.state.used()
	for i := range used {
		b := &used[i]
		if v := b.look(); v.isWaiting() && (v.state() == placeNudged || b.swap(v, v.in(placeNudged))) {
			wake(b.low(), 1, false)
		}
	}
}

// findPlace waits in a free place; nil when there is none. mine is what stands there as long as he waits.
func (n *nativeWaitable) findPlace() (b *berth, mine placeWord) {
	take := func(at uint32) bool {
		b = &n.state.places[at]
		v := b.look()
		mine = v.taken(n.id)
		if v.seat() != 0 || !b.swap(v, mine) {
			return false
		}
		n.lastPlace.Store(at)
		return true
	}
	used := uint32(len(n.state.used()))
	hint := n.lastPlace.Load()
	for i := range used {
		if take((hint + i) % used) {
			return b, mine
		}
	}
	for used < placeCount {
		if n.state.queued.CompareAndSwap(used, used+1) && take(used) {
			return b, mine
		}
		used = uint32(len(n.state.used()))
	}
	return nil, 0
}

// leavePlace gives a place back. It is false if the sleeper has been let through.
func (n *nativeWaitable) leavePlace(b *berth, mine placeWord) bool {
	for {
		v := b.look()
		if v.in(placeWaiting) != mine {
			return true // somebody wrote over it
		}
		if b.swap(v, v.free()) {
			return !v.isThrough()
		}
	}
}

// clearPlaces frees the places of the dead. Only a few are looked at each time, since each look is a system call, and the
// next ones the next time. The place of one who was let through and died before he left it stays as it is: who did that may
// be about to take it back, and must not believe that he left.
func (n *nativeWaitable) clearPlaces() {
	looks := 32
	used := n.state.used()
	first := int(n.nextToClear.Load() % placeCount)
	for i := range used {
		at := (first + i) % len(used)
		b := &used[at]
		v := b.look()
		if !v.isWaiting() || v.seat() == n.id {
			continue
		}
		if !n.seated(v.seat()) {
			b.swap(v, v.free())
		}
		if looks--; looks == 0 {
			n.nextToClear.Store(uint32(at) + 1)
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
	for {
		b, mine := n.findPlace()
		if b == nil {
			return false, nil
		}
		if n.comeToPlace(false) {
			err = w.sleepUntilMoved(ctx, deadline, b, mine)
		}
		if !n.leavePlace(b, mine) {
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
func (w *waiting) sleepUntilMoved(ctx context.Context, deadline time.Time, b *berth, mine placeWord) error {
	n := w.objects[0]
	w.count(1)
	defer w.count(-1)
	if !patrol.running.Load() {
		startPatrol()
	}
	w.sleepers = append(w.sleepers[:0], sleeper{addr: b.low(), expected: uint32(mine)})
	for {
		b.swap(mine.in(placeNudged), mine) // before the look that it asks for
		if b.look() != mine || !n.comeToPlace(true) {
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
	used := n.state.used()
	for i := range used {
		b := &used[i]
		v := b.look()
		if v.seat() != n.id || !v.isThrough() && !(look && v.isWaiting()) {
			continue
		}
		if v.state() == placeWaiting {
			b.swap(v, v.in(placeNudged)) // for who is about to sleep
		}
		wake(b.low(), 1, false)
	}
}
