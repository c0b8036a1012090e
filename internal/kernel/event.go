//go:build unix && !aix

package kernel

// What an event does with the value of its word. The functions on values know nothing of processes.
//
// In Windows a Set takes effect at once on those who wait: of a manual-reset event all of them are through, even if a
// Reset follows on its heels, of an auto-reset event one, and a second Set lets a second one through. Here the sleepers
// need time to come to a processor. So what a Set did for them is written down: each is a turn, and a wait is through
// when it finds that there was a turn since it began. Of an auto-reset event only as many are through as there are
// grants; a grant is for those who waited when it was made, and for whom the kernel woke for it, and nobody who comes
// later can have it.

// eventLetsThrough reports whether a wait ends that began when the event had the value start.
func eventLetsThrough(value, start uint32, manual bool) bool {
	return value&eventSignaled != 0 || (value^start)&eventTurns != 0 && (manual || value&eventGrants != 0)
}

// eventTaken is the value after a wait that the event has let through.
func eventTaken(value, start uint32, manual bool) uint32 {
	switch {
	case manual:
		return value
	case value&eventGrants != 0 && (value^start)&eventTurns != 0:
		return value - eventOneGrant // before the signal, which anybody can use
	}
	return value &^ eventSignaled
}

// eventTurn is the value after the next turn.
func eventTurn(value uint32) uint32 {
	return value&^eventTurns | (value+eventOneTurn)&eventTurns
}

// eventGranted is the value after a grant to somebody who waits; false when there are too many to count.
func eventGranted(value uint32) (uint32, bool) {
	if value&eventGrants == eventGrants {
		return value, false
	}
	return eventTurn(value + eventOneGrant), true
}

func (n *nativeWaitable) set() (err error) {
	if n.fragile {
		defer n.guard(&err)()
	}
	if err := n.mayModify(); err != nil {
		return err
	}
	for {
		w := n.state.load()
		v := w.value()
		if !n.manual && w&sleepers != 0 {
			if n.grant(w) {
				return nil
			}
			continue
		}
		if v&eventSignaled != 0 {
			return nil // also one that is reserved: it is not taken yet
		}
		v |= eventSignaled
		if n.manual {
			v = eventTurn(v)
		}
		now := w.with(v) &^ crowded
		if n.state.swap(w, now) {
			n.changed(w, now, everybody)
			return nil
		}
	}
}

// grant lets one of those through who sleep, of an auto-reset event. If none does, the event is set instead. It is false
// when the word has changed.
func (n *nativeWaitable) grant(w word) bool {
	granted, ok := eventGranted(w.value())
	if !ok {
		return n.state.swap(w, w.with(w.value()|eventSignaled))
	}
	if !n.state.swap(w, w.with(granted)) {
		return false
	}
	for again := false; wake(n.state.low(), 1, false) == 0; {
		// Nobody slept. Who was just about to, or had been woken for nothing, is counted, and looks once more before he
		// sleeps: with another turn he finds that the grant is for him, whether he saw the first or not.
		w := n.state.load()
		switch grants := w.value() & eventGrants / eventOneGrant; {
		case grants == 0:
			return true
		case uint32(n.countSleeping()) < grants:
			if n.settle(w, 1) {
				return true
			}
		case again:
			return true
		default:
			again = n.state.swap(w, w.with(eventTurn(w.value())))
		}
	}
	return true
}

// settle makes the flag of some grants, which whoever comes may use. It is false when the word has changed.
func (n *nativeWaitable) settle(w word, grants uint32) bool {
	now := w.with((w.value()-grants*eventOneGrant)|eventSignaled) &^ crowded
	if !n.state.swap(w, now) {
		return false
	}
	n.changed(w, now, 1)
	return true
}

// settleStale makes the flag of grants that nobody will use: those to whom they were made have died, or were a flag left
// over. It is for a wait that has no right to any of them. Who may have one is counted in the seats, and perhaps that wait
// too. It is true when there is something new to look at.
func (n *nativeWaitable) settleStale(w word, counted int) bool {
	grants := w.value() & eventGrants / eventOneGrant
	if n.kind != KindEvent || n.manual || grants == 0 {
		return false
	}
	others := uint32(max(n.countSleeping()-counted, 0))
	return grants > others && (n.settle(w, grants-others) || n.state.load() != w)
}

func (n *nativeWaitable) reset() (err error) {
	if n.fragile {
		defer n.guard(&err)()
	}
	if err := n.mayModify(); err != nil {
		return err
	}
	for {
		w := n.state.load()
		v := w.value() &^ eventSignaled
		if grants := v & eventGrants / eventOneGrant; grants != 0 && !n.manual {
			if waiting := uint32(n.countSleeping()); grants > waiting { // the others are nobody's: a flag left over
				v -= (grants - waiting) * eventOneGrant
			}
		}
		switch {
		case v&reserved != 0:
			n.outlast(w)
		case v == w.value(), n.state.swap(w, w.with(v)):
			return nil
		}
	}
}

func (n *nativeWaitable) pulse() (err error) {
	if n.fragile {
		defer n.guard(&err)()
	}
	if err := n.mayModify(); err != nil {
		return err
	}
	for {
		w := n.state.load()
		v := w.value() &^ eventSignaled
		if v&reserved != 0 {
			n.outlast(w)
			continue
		}
		granted := eventTurn(v)
		if !n.manual && w&sleepers != 0 {
			granted, _ = eventGranted(v)
		}
		now := w.with(granted)
		if !n.state.swap(w, now) {
			continue
		}
		if now&sleepers == 0 && !n.silent {
			return nil
		}
		if n.manual {
			wake(n.state.low(), everybody, false)
		} else if wake(n.state.low(), 1, false) == 0 {
			n.state.swap(now, now.with(eventTurn(v))) // nobody slept: the pulse is for nobody
		}
		return nil
	}
}

// lets is how many waits one change can end, as far as it is not counted.
func (n *nativeWaitable) lets() int {
	if n.manual {
		return everybody
	}
	return 1
}

// mayModify is the error of a call that changes the object, in a process that cannot.
func (n *nativeWaitable) mayModify() error {
	if err := n.foreign(); err != nil {
		return err
	}
	if n.readOnly {
		return fail(AccessDenied, "the object was opened for waiting only, which is all that its creator allows")
	}
	return nil
}
