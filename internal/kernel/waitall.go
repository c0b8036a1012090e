//go:build unix && !aix

package kernel

import (
	"bytes"
	"slices"
)

// There is no instruction and no system call that changes several words at once, and the objects of one wait may belong
// to different people, so that nobody else can finish what one process began. So the objects are reserved, one after the
// other in an order that is the same for everybody, each by a bit in its word that others respect for a moment; and when
// all are reserved they are taken. What is reserved is not taken: a process that dies or stops while it reserves has
// changed nothing, and others clear the bit.
//
// What remains is a process that is killed between the first taking and the last: it has taken a part, and is dead. And
// one that is stopped there for so long that others clear what it had reserved: it gives back the part when it goes on.

// takeAll takes all objects, or none. What it finds taken away in the middle it tries anew, but not for ever.
func (w *waiting) takeAll() (outcome Outcome, ok bool, err error) {
	w.crossed = false
	for range 1000 {
		outcome, ok, again, err := w.takeAllOnce()
		if !again {
			return outcome, ok, err
		}
	}
	w.crossed = true
	return Outcome{}, false, nil
}

func (w *waiting) takeAllOnce() (outcome Outcome, ok, again bool, err error) {
	for _, n := range w.objects {
		if ok, err := n.worthReserving(); !ok || err != nil {
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
	words := make([]word, len(w.objects)) // as reserved; 0 for what need not be taken
	for at, i := range order {
		if words[i], ok, err = w.objects[i].reserve(); !ok {
			w.crossed = err == nil && words[i].value()&reserved != 0
			w.unreserve(order[:at], words)
			return Outcome{}, false, false, err
		}
	}
	// What does not change by being taken comes first: so where but one object does, it is taken or not in one step.
	slices.SortStableFunc(order, func(a, b int) int { return w.objects[a].consumed() - w.objects[b].consumed() })
	for at, i := range order {
		abandoned, ok := w.objects[i].takeReserved(words[i])
		if !ok {
			w.giveBack(order[:at], words)
			w.unreserve(order[at+1:], words)
			return Outcome{}, false, true, nil
		}
		if abandoned && (!outcome.Abandoned || i < outcome.Index) {
			outcome = Outcome{Index: i, Abandoned: true}
		}
	}
	return outcome, true, false, nil
}

// worthReserving is a look that changes nothing, except that the owner of a mutex is found dead.
func (n *nativeWaitable) worthReserving() (bool, error) {
	w := n.state.load()
	v := w.value()
	if err := n.damaged(v); err != nil {
		return false, err
	}
	if n.kind == KindMutex && v&mutexOwner != 0 && v&mutexOwner != n.id && n.buryOwner(w) {
		v = n.state.load().value()
	}
	return n.letsThrough(v, v) || n.kind == KindMutex && v&mutexOwner == n.id, nil
}

// consumed is 1 for what is changed by being taken.
func (n *nativeWaitable) consumed() int {
	if n.manual {
		return 0
	}
	return 1
}

// reserve marks an object as about to be taken. The word is 0 for a mutex that this handle owns already, since nobody
// else can have it. An event that can only be looked at is left as it is, and must be so when all are taken. Where others
// reserved the object again and again it is theirs, and ok is false.
func (n *nativeWaitable) reserve() (reservedAs word, ok bool, err error) {
	for outlasted := 0; ; {
		w := n.state.load()
		v := w.value()
		switch {
		case n.readOnly:
			if !n.letsThrough(v, v) {
				return 0, false, nil
			}
			return w, true, nil
		case v&reserved != 0:
			if outlasted++; outlasted > mostOutlasted {
				return w, false, nil
			}
			n.outlast(w)
			continue
		case n.kind == KindMutex && v&mutexOwner == n.id:
			got, err := n.lockAgain()
			return 0, got, err
		case !n.letsThrough(v, v):
			return 0, false, nil
		}
		now := w.with(v | reserved)
		if n.state.swap(w, now) {
			return now, true, nil
		}
	}
}

// takeReserved takes an object, if it is still reserved as it was.
func (n *nativeWaitable) takeReserved(as word) (abandoned, ok bool) {
	if as == 0 {
		return false, true
	}
	if n.readOnly {
		return false, n.state.load().key() == as.key()
	}
	v := as.value() &^ reserved
	if !n.exchange(as, n.taken(v)) {
		return false, false
	}
	if n.kind == KindMutex {
		n.owned()
	}
	return n.kind == KindMutex && v&mutexAbandoned != 0, true
}

// exchange changes the value of a word that has not got another value meanwhile; flags may have come and gone.
func (n *nativeWaitable) exchange(old word, value uint32) bool {
	for {
		w := n.state.load()
		if w.key() != old.key() {
			return false
		}
		if n.state.swap(w, w.with(value)) {
			return true
		}
	}
}

// unreserve undoes reserve.
func (w *waiting) unreserve(order []int, words []word) {
	for _, i := range order {
		switch n := w.objects[i]; {
		case n.readOnly:
		case words[i] == 0:
			n.unlock()
		default:
			n.exchange(words[i], words[i].value()&^reserved)
		}
	}
}

// giveBack undoes takeReserved, as far as others have left it possible.
func (w *waiting) giveBack(order []int, words []word) {
	for _, i := range order {
		n := w.objects[i]
		switch {
		case n.kind == KindMutex && words[i] == 0:
			n.unlock()
		case n.kind == KindMutex:
			if n.depth.CompareAndSwap(1, 0) {
				n.giveUp(words[i].value() & mutexAbandoned)
				n.unbind()
			}
		case n.kind == KindSemaphore:
			n.release(1)
		case !n.manual:
			n.set()
		}
	}
}
