//go:build unix && !aix

package waiting

import (
	"bytes"
	"slices"
)

// No instruction and no system call changes several words at once, and the objects of one wait may belong to different
// people, so nobody else can finish what one process began. So the objects are reserved, one after the other in an
// order that is the same for every process, each by a bit in its word that others respect for a moment; when all are
// reserved they are taken. Reserving takes nothing: a process that dies or stops while it reserves has changed nothing,
// and others clear the bit.
//
// Two cases remain. A process killed between the first taking and the last has taken a part, and is dead. And one
// stopped there for so long that others clear what it had reserved gives that part back when it goes on.

// takeAll takes all objects, or none. What it finds taken away in the middle it tries anew, but not for ever.
func (w *waiting) takeAll() (outcome Outcome, ok bool, err error) {
	w.crossed = false
	since := here()
	for times := 0; !enough(times, 999); times++ {
		since.forgetAllBut(inTakeAll, counted(times))
		outcome, ok, again, err := w.takeAllOnce()
		if !again {
			return outcome, ok, err
		}
	}
	w.crossed = true
	return Outcome{}, false, nil
}

func (w *waiting) takeAllOnce() (outcome Outcome, ok, again bool, err error) {
	since := here()
	for i, o := range w.objects {
		since.forgetAllBut(inWorth, i)
		if ok, err := o.worthReserving(); !ok || err != nil {
			return Outcome{}, false, false, err
		}
	}
	order := make([]int, len(w.objects))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return bytes.Compare(w.objects[a].token[:], w.objects[b].token[:])
	})
	since.forget(inReserving)
	words := make([]word, len(w.objects)) // as reserved; 0 for what need not be taken
	for at, i := range order {
		since := here()
		if words[i], ok, err = w.objects[i].reserve(); !ok {
			w.crossed = err == nil && words[i].value()&reserved != 0
			w.unreserve(order[:at], words)
			return Outcome{}, false, false, err
		}
		if exploring {
			since.forgetUnless(inReserved, words[i] == 0)
			since.remember(&w.objects[i].state.word, uint64(words[i]))
		}
	}
	w.takingOrder(order)
	for at, i := range order {
		since := here()
		abandoned, ok := w.objects[i].takeReserved(words[i])
		if !ok {
			w.giveBack(order[:at], words)
			w.unreserve(order[at+1:], words)
			return Outcome{}, false, true, nil
		}
		if abandoned && (!outcome.Abandoned || i < outcome.Index) {
			outcome = Outcome{Index: i, Abandoned: true}
		}
		since.forgetUnless(inTaken, abandoned)
	}
	return outcome, true, false, nil
}

// takingOrder makes an order of reserving one of taking. What does not change by being taken comes first: so where but
// one object does, it is taken or not in one step.
func (w *waiting) takingOrder(order []int) {
	slices.SortStableFunc(order, func(a, b int) int { return w.objects[a].changes() - w.objects[b].changes() })
}

// worthReserving is a look that changes nothing, except that the owner of a mutex is found dead.
func (o *Object) worthReserving() (bool, error) {
	if err := o.checkSeat(); err != nil {
		return false, err
	}
	w := o.state.load()
	v := w.value()
	if err := o.damaged(v); err != nil {
		return false, err
	}
	if o.buryOwner(w) {
		v = o.state.load().value()
	}
	return o.signaled(v, v), nil
}

// changes is 1 for what is changed by being taken.
func (o *Object) changes() int {
	if o.rules.steady {
		return 0
	}
	return 1
}

// reserve marks an object as about to be taken. The word is 0 for a mutex that this handle owns already, since nobody
// else can have it. An event that can only be looked at is left as it is, and must be so when all are taken. Where
// others reserved the object again and again it is theirs, and ok is false.
func (o *Object) reserve() (reservedAs word, ok bool, err error) {
	since := here()
	for outlasted := 0; ; {
		since.forgetAllBut(inReserve, counted(outlasted))
		w := o.state.load()
		v := w.value()
		switch {
		case o.readOnly:
			if !o.signaled(v, v) {
				return 0, false, nil
			}
			return w, true, nil
		case v&reserved != 0:
			if outlasted++; enough(outlasted, mostOutlasted) {
				return w, false, nil
			}
			o.outlast(w)
			continue
		case o.owns(v):
			got, err := o.lockAgain()
			return 0, got, err
		case !o.signaled(v, v):
			return 0, false, nil
		}
		now := w.with(v | reserved)
		if o.state.swap(w, now) {
			return now, true, nil
		}
	}
}

// takeReserved takes an object, if it is still reserved as it was.
func (o *Object) takeReserved(as word) (abandoned, ok bool) {
	if as == 0 {
		return false, true
	}
	if o.readOnly {
		return false, o.state.load().key() == as.key()
	}
	v := as.value() &^ reserved
	if !o.exchange(as, o.rules.satisfied(v, o.id)) {
		return false, false
	}
	return o.taken(v), true
}

// exchange changes the value of a word that has not got another value meanwhile; flags may have come and gone.
func (o *Object) exchange(old word, value uint32) bool {
	since := here()
	for {
		since.forget(inExchange)
		w := o.state.load()
		if w.key() != old.key() {
			return false
		}
		if o.state.swap(w, w.with(value)) {
			return true
		}
	}
}

// unreserve undoes reserve.
func (w *waiting) unreserve(order []int, words []word) {
	since := here()
	for at, i := range order {
		since.forgetAllBut(inUnreserve, at)
		switch o := w.objects[i]; {
		case o.readOnly:
		case words[i] == 0:
			o.Unlock()
		default:
			o.exchange(words[i], words[i].value()&^reserved)
		}
	}
}

// giveBack undoes takeReserved, as far as others have left it possible.
func (w *waiting) giveBack(order []int, words []word) {
	since := here()
	for at, i := range order {
		since.forgetAllBut(inGiveBack, at)
		if o := w.objects[i]; words[i] == 0 {
			o.Unlock()
		} else {
			o.rules.undo(o, words[i].value())
		}
	}
}
