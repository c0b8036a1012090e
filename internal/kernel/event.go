//go:build unix && !aix

package kernel

// What an event does with the value of its word. The functions on values know nothing of processes.
//
// In Windows a Set takes effect at once on those who wait: of a manual-reset event all of them are through, even if a
// Reset follows on its heels; of an auto-reset event one is, and nobody who comes later can be quicker. Here the sleepers
// need time to come to a processor. So of a manual-reset event each Set counts as a turn, and a wait is through when there
// was a turn since it began. Of an auto-reset event a Set lets one sleeper through by name: see place.go.

// eventLetsThrough reports whether a wait ends that began when the event had the value start.
func eventLetsThrough(value, start uint32, manual bool) bool {
	return value&eventSignaled != 0 || manual && (value^start)&eventTurns != 0
}

// eventTaken is the value after a wait that the event has let through.
func eventTaken(value uint32, manual bool) uint32 {
	if manual {
		return value
	}
	return value &^ eventSignaled
}

// eventTurn is the value after the next turn.
func eventTurn(value uint32) uint32 {
	return value&^eventTurns | (value+eventOneTurn)&eventTurns
}

// setUnwatched sets an auto-reset event for which nobody sleeps: the short way, which between processes that answer each
// other at once is the usual one.
func (n *nativeWaitable) setUnwatched() bool {
	if n.kind != KindEvent || n.manual || !n.ours() {
		return false
	}
	w := n.state.load()
	return w&(sleepers|crowded) == 0 && w.value() == 0 && n.state.swap(w, w.with(eventSignaled))
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
		if !n.manual && w&sleepers != 0 && n.letOneThrough() {
			return nil
		}
		v := w.value()
		switch {
		case v&reserved != 0 && !n.manual:
			// A wait for all may have taken its other objects already, and be about to take this one.
			n.outlast(w)
			continue
		case v&eventSignaled != 0:
			return nil
		}
		v |= eventSignaled
		if n.manual {
			v = eventTurn(v)
		}
		// Who has come to sleep since the look has changed the word.
		now := w.with(v) &^ crowded
		if n.state.swap(w, now) {
			n.changed(w, now, n.lets())
			if !n.manual && now&sleepers != 0 {
				n.nudge()
			}
			return nil
		}
	}
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
		switch {
		case w.value()&reserved != 0:
			n.outlast(w)
		case w.value()&eventSignaled == 0, n.state.swap(w, w.with(w.value()&^eventSignaled)):
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
	if !n.manual {
		n.letOneThrough()
		return n.reset()
	}
	for {
		w := n.state.load()
		if w.value()&reserved != 0 {
			n.outlast(w)
			continue
		}
		now := w.with(eventTurn(w.value() &^ eventSignaled))
		if n.state.swap(w, now) {
			if now&sleepers != 0 || n.silent {
				wake(n.state.low(), everybody, false)
			}
			return nil
		}
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
