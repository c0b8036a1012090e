//go:build unix && !aix

package waiting

import (
	"context"
	"time"
	"unsafe"
)

// A wait for a single auto-reset event sleeps in a berth of its own, in a table in the state. Set looks there first and
// lets one sleeper through by changing its berth. That is the moment at which the wait ends, however late the sleeper
// notices. So two Sets let two sleepers through, a Reset takes nothing from them, and no later arrival can overtake
// them. Only when nobody sleeps in a berth does Set set the event's flag. Coming to a berth changes the word, so a Set
// that has just found nobody there does not miss the newcomer.
//
// A process that is in a berth but not asleep may be about to sleep, stopped, or dying: killed, with its seat not free
// yet, because the kernel gives its memory back first. A Set given to it might be lost. So the Set takes back what it
// gave, which nudges the process, and nudges it once more after setting the flag. If the process is alive it looks
// again, and finds the flag unless another was quicker.
//
// A process that waits without futexes, or with one only some of the time, need not be asleep as far as the kernel can
// tell. It says so in its seat's record, and is let through by name if that seat is taken.
//
// A wait for several objects could be let through by two of them at once, and one would have to be taken back. So it
// sleeps on the words instead, and finds a flag or does not.

// berthWord is the content of a berth. No value occurs twice: each arrival gets another turn. Otherwise a Set that
// takes back what it gave could take back what another Set has given since.
type berthWord uint64

// seat is the id of whoever is in the berth; 0 where nobody is.
func (v berthWord) seat() uint32 { return uint32(v) >> berthBits }

func (v berthWord) state() uint32 { return uint32(v) & berthMask }

// in is the berth with its sleeper in another state.
func (v berthWord) in(state uint32) berthWord { return v&^berthMask | berthWord(state) }

// free is the berth when its sleeper has left.
func (v berthWord) free() berthWord { return v >> 32 << 32 }

// taken is the berth when somebody has come.
func (v berthWord) taken(seat uint32) berthWord {
	return (v>>32+1)<<32 | berthWord(seat<<berthBits|berthWaiting)
}

func (v berthWord) isWaiting() bool {
	return v.seat() != 0 && (v.state() == berthWaiting || v.state() == berthNudged)
}

func (v berthWord) isThrough() bool { return v.seat() != 0 && v.state() == berthThrough }

// berth is one of the berths in the state.
type berth struct{ number64 }

func (b *berth) look() berthWord { return berthWord(b.Load()) }

func (b *berth) swap(old, new berthWord) bool { return b.CompareAndSwap(uint64(old), uint64(new)) }

// low is the address of the half that says which seat is in the berth and in what state. The waiter sleeps on it.
func (b *berth) low() *uint32 { return (*uint32)(unsafe.Add(unsafe.Pointer(b), lowHalf)) }

// used is the berths that anybody ever was in.
func (s *state) used() []berth { return s.berths[:min(s.queued.Load(), berthCount)] }

// letOneThrough lets one of the sleepers in berths through. It is false when there is none.
func (o *Object) letOneThrough() bool {
	used := o.state.used()
	if len(used) == 0 {
		return false
	}
	first := int(o.state.cursor.Load() % uint32(len(used)))
	since := here()
	for i := range used {
		since.forgetAllBut(inLetOneThrough, i)
		if at := (first + i) % len(used); o.letThrough(&used[at]) {
			o.state.cursor.Store(uint32(at) + 1) // the next Set begins after it, so that all get a turn
			return true
		}
	}
	return false
}

// letThrough lets the waiter in a berth through, if it is asleep.
func (o *Object) letThrough(b *berth) bool {
	v := b.look()
	let := v.in(berthThrough)
	if !v.isWaiting() || !b.swap(v, let) {
		return false
	}
	if wake(b.low(), 1, false) > 0 {
		return true
	}
	// It is not asleep. The Set is taken back, unless the waiter has seen it already. Another Set may have wanted to
	// nudge the waiter meanwhile, so that is done too.
	id := v.seat()
	return o.polls(id) && (id == o.id || o.seated(id)) || !b.swap(let, v.in(berthNudged))
}

// polls reports whether a seat belongs to a process that sleeps without futexes, as far as is on record.
func (o *Object) polls(id uint32) bool {
	index := id & seatMask
	if index == seatMask {
		return false
	}
	r := &o.state.seats[index]
	return r.id.Load() == id && r.sleeping.Load()&seatPolls != 0
}

// nudge makes everybody who waits in a berth look once more: the flag has been set, and they may have looked before
// that.
func (o *Object) nudge() {
	used := o.state.used()
	since := here()
	for i := range used {
		since.forgetAllBut(inNudge, i)
		b := &used[i]
		if v := b.look(); v.isWaiting() && (v.state() == berthNudged || b.swap(v, v.in(berthNudged))) {
			wake(b.low(), 1, false)
		}
	}
}

// findBerth enters a free berth; nil when there is none. mine is the berth's content while the waiter stays.
func (o *Object) findBerth() (b *berth, mine berthWord) {
	take := func(at uint32) bool {
		b = &o.state.berths[at]
		v := b.look()
		mine = v.taken(o.id)
		if v.seat() != 0 || !b.swap(v, mine) {
			return false
		}
		o.lastBerth.Store(at)
		return true
	}
	used := uint32(len(o.state.used()))
	hint := o.lastBerth.Load()
	since := here()
	for i := range used {
		since.forgetAllBut(inFindBerth, int(i))
		if take((hint + i) % used) {
			return b, mine
		}
	}
	for used < berthCount {
		since.forgetAllBut(inMakeBerth, int(used))
		if o.state.queued.CompareAndSwap(used, used+1) && take(used) {
			return b, mine
		}
		used = uint32(len(o.state.used()))
	}
	return nil, 0
}

// leaveBerth gives a berth back. It is false if the sleeper has been let through.
func (o *Object) leaveBerth(b *berth, mine berthWord) bool {
	since := here()
	for {
		since.forget(inLeaveBerth)
		v := b.look()
		if v.in(berthWaiting) != mine {
			return true // somebody wrote over it
		}
		if b.swap(v, v.free()) {
			return !v.isThrough()
		}
	}
}

// clearBerths frees the berths of the dead. Each look is a system call, so it looks at only a few and continues from
// there the next time. The berth of a process that was let through and died before leaving stays as it is: the setter
// may be about to take its Set back, and must not believe that the process has left.
func (o *Object) clearBerths() {
	looks := 32
	used := o.state.used()
	first := int(o.nextToClear.Load() % berthCount)
	since := here()
	for i := range used {
		since.forgetAllBut(inClearBerths, i)
		at := (first + i) % len(used)
		b := &used[at]
		v := b.look()
		if !v.isWaiting() || v.seat() == o.id {
			continue
		}
		if !o.seated(v.seat()) {
			b.swap(v, v.free())
		}
		if looks--; looks == 0 {
			o.nextToClear.Store(uint32(at) + 1)
			return
		}
	}
}

// comeToBerth sets the flag that says that somebody sleeps, and changes the word, so that those who have already looked
// for sleepers notice. It is false if the event is set. again says that the berth is not new and has been seen.
func (o *Object) comeToBerth(again bool) bool {
	since := here()
	for {
		since.forget(inComeToBerth)
		w := o.state.load()
		switch {
		case w.value()&eventSignaled != 0:
			return false
		case again && w&sleepers != 0, o.state.swap(w, w.with(w.value())|sleepers):
			return true
		}
	}
}

// sleepInBerth waits until the wait, which is for an auto-reset event alone, ends. It is false when there is no berth.
func (w *waiting) sleepInBerth(ctx context.Context, deadline time.Time) (ok bool, err error) {
	o := w.objects[0]
	for {
		if exploring {
			w.since.forgetAllBut(inSleepInBerth, int(o.lastBerth.Load()))
		}
		b, mine := o.findBerth()
		if b == nil {
			return false, nil
		}
		w.since.forget(inBerth) // the handle's last berth is this one
		w.since.remember(&b.number64, uint64(mine))
		if o.comeToBerth(false) {
			err = w.sleepUntilMoved(ctx, deadline, b, mine)
		}
		if !o.leaveBerth(b, mine) {
			return true, nil
		}
		if got, _, takeErr := o.take(0); got || takeErr != nil {
			return true, takeErr
		}
		if err != nil {
			return true, err
		}
	}
}

// sleepUntilMoved sleeps while a berth says that it waits, and the event is not set.
func (w *waiting) sleepUntilMoved(ctx context.Context, deadline time.Time, b *berth, mine berthWord) error {
	o := w.objects[0]
	w.count(1)
	defer w.count(-1)
	w.sleepers = append(w.sleepers[:0], sleeper{addr: b.low(), expected: uint32(mine)})
	since := here()
	for {
		since.forget(inSleepUntilMoved)
		b.swap(mine.in(berthNudged), mine) // before the look that it asks for
		if b.look() != mine || !o.comeToBerth(true) {
			return nil
		}
		if w.alarm != nil {
			w.sleepers = append(w.sleepers[:1], sleeper{addr: address(&w.alarm.n), expected: w.alarm.Load(), private: true})
		}
		if o.lost.Load() {
			return ErrLost
		}
		if err := ContextError(ctx); err != nil {
			return err
		}
		if napping(w.sleepers) {
			o.saysItPolls()
		}
		w.sleepOn(ctx, w.sleepers, deadline)
	}
}

// saysItPolls puts on record that waits of this handle sleep without futexes.
func (o *Object) saysItPolls() {
	if r := o.record(); r != nil && r.sleeping.Load()&seatPolls == 0 {
		r.sleeping.Or(seatPolls)
	}
}

// wakeBerths wakes those of this handle's sleepers that have been let through and sleep on; with look also those that
// are to look once more, because the process that should have woken them died first.
func (o *Object) wakeBerths(look bool) {
	used := o.state.used()
	since := here()
	for i := range used {
		since.forgetAllBut(inWakeBerths, i)
		b := &used[i]
		v := b.look()
		if v.seat() != o.id || !v.isThrough() && !(look && v.isWaiting()) {
			continue
		}
		if v.state() == berthWaiting {
			b.swap(v, v.in(berthNudged)) // for a waiter that is about to sleep
		}
		wake(b.low(), 1, false)
	}
}
