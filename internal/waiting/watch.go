//go:build unix && !aix

package waiting

import (
	"sync/atomic"
	"time"
)

// What the patrol does for an object. It wakes the sleepers that should have been woken. Besides:
//
// It writes down, for people to look at, since when a mutex has been owned, which saves each lock that work.
//
// It finds new owners of a mutex whose seat is lost. Nobody else can without a system call, and locking a free mutex
// must not make one.

// Watch puts a handle on the patrol's list. It is called once whatever is to be looked after is visible to the patrol.
func (o *Object) Watch() {
	if !o.watched.Load() {
		enlist(o)
	}
}

// Discharge takes a handle that is closed off the patrol's list: nobody looks at its state any more.
func (o *Object) Discharge() { discharge(o) }

func (o *Object) listed() *atomic.Bool { return &o.watched }

func (o *Object) beat() *beat { return &beat{last: uint64(o.state.load())} }

// busy looks after a handle of this process, and reports whether it has to again.
func (o *Object) busy(b *beat) bool { return o.mine() && o.lookAfter(b) }

// giveUpSleepers wakes all sleepers that may be this handle's: others may have taken them out of their berths, and then
// nobody knows which they were.
func (o *Object) giveUpSleepers() {
	for i := range o.state.used() {
		wake(o.state.berths[i].low(), Everybody, false)
	}
	o.state.crowd.Add(1)
	wake(address(&o.state.crowd.n), Everybody, false)
	wake(o.state.low(), Everybody, false)
	o.alarms.ring()
}

// lookAfter is one look at one handle.
func (o *Object) lookAfter(b *beat) (busy bool) {
	if o.fragile {
		var err error // the sleepers find it out for themselves
		defer func() {
			if err != nil {
				o.alarms.ring()
				busy = true
			}
		}()
		defer o.Guard(&err)()
	}
	since := here()
	w := o.state.load()
	last := word(b.last)
	b.last = uint64(w)
	busy = o.stamp(w)
	asleep, crowd := o.asleep.Load(), o.inCrowd.Load()
	lost := o.isLost()
	if asleep+crowd == 0 {
		return busy
	}
	if lost {
		o.giveUpSleepers()
		return true
	}
	o.buryOwner(w)
	flagged := w&sleepers != 0 && w.value()&eventSignaled == 0
	overslept := asleep > 0 && o.overslept(last, w)
	// The flag alone does not tell: the process that made the change may have died before the wake-up, and another wait
	// for all may have set the flag again since.
	moved := crowd > 0 && (w&crowded == 0 || w.key() != last.key() || o.damaged(w.value()) != nil)
	if exploring {
		since.forgetAllBut(inLookAfter, bits(asleep > 0, flagged, overslept, moved))
		o.rememberLook(since, w, crowd > 0)
	}
	if asleep > 0 && o.kind == AutoEvent {
		o.clearBerths()
		o.wakeBerths(!flagged)
	}
	if overslept {
		wake(o.state.low(), Everybody, false)
		o.alarms.ring()
	}
	if moved {
		if !o.readOnly {
			o.state.crowd.Add(1) // for a wait that is about to sleep
		}
		wake(address(&o.state.crowd.n), Everybody, false)
		o.alarms.ring()
	}
	return true
}

// rememberLook says what of a word the patrol's next look depends on.
func (o *Object) rememberLook(since point, w word, crowd bool) {
	if o.rules.steady {
		since.remember(&o.state.word, uint64(w.value()&eventTurns)<<32)
	}
	if crowd {
		since.remember(&o.state.word, uint64(w.key()))
	}
}

// bits are some answers in one number.
func bits(answers ...bool) (n int) {
	for i, yes := range answers {
		if yes {
			n |= 1 << i
		}
	}
	return n
}

// overslept reports that sleepers of this handle should have been woken, as far as this look and the last one can tell.
// An occasional wake-up for nothing does no harm.
func (o *Object) overslept(last, w word) bool {
	v := w.value()
	return w&sleepers == 0 && !o.readOnly || o.damaged(v) != nil || o.signaled(v, v) || o.signaled(v, last.value())
}

// stamp writes down since when this handle owns a mutex. It is true while there will be something to write.
func (o *Object) stamp(w word) bool {
	if !o.owns(w.value()) {
		return false
	}
	if word(o.state.stamped.Load()) == w.key() {
		return false
	}
	o.state.since.Store(time.Now().UnixNano())
	o.state.stamped.Store(uint64(w.key()))
	return true
}
