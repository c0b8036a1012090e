//go:build unix && !aix

package waiting

// What an event does with the value of its word. The functions on values know nothing of processes.
//
// In Windows a Set takes effect at once on the waits: a manual-reset event lets all of them through, even if a Reset
// follows immediately; an auto-reset event lets one through, and no later wait can overtake it. Here sleepers take time
// to get a processor. So each Set of a manual-reset event counts as a turn, and a wait is through when there was a turn
// since it began. A Set of an auto-reset event lets one sleeper through by name: see berth.go.

var autoEventRules = rules{
	signaled:  autoEventSignaled,
	satisfied: autoEventSatisfied,
	damaged:   eventDamaged,
	undo:      func(o *Object, _ uint32) { o.Set() },
	lets:      1,
}

var manualEventRules = rules{
	signaled:  manualEventSignaled,
	satisfied: manualEventSatisfied,
	damaged:   eventDamaged,
	undo:      func(*Object, uint32) {},
	lets:      Everybody,
	steady:    true,
}

func autoEventSignaled(value, _ uint32) bool { return value&eventSignaled != 0 }

func manualEventSignaled(value, start uint32) bool {
	return value&eventSignaled != 0 || (value^start)&eventTurns != 0
}

func autoEventSatisfied(value, _ uint32) uint32 { return value &^ eventSignaled }

func manualEventSatisfied(value, _ uint32) uint32 { return value }

// eventDamaged: an event has no value that it cannot have.
func eventDamaged(_, _ uint32) bool { return false }

// eventTurn is the value after the next turn.
func eventTurn(value uint32) uint32 {
	return value&^eventTurns | (value+eventOneTurn)&eventTurns
}

// SetUnwatched sets an auto-reset event that nobody sleeps on: the short way, which between processes that answer
// each other at once is the usual one.
func (o *Object) SetUnwatched() bool {
	if o.kind != AutoEvent || !o.ours() {
		return false
	}
	w := o.state.load()
	return w&(sleepers|crowded) == 0 && w.value() == 0 && o.state.swap(w, w.with(eventSignaled))
}

// Set signals the event.
func (o *Object) Set() (err error) {
	if o.fragile {
		defer o.Guard(&err)()
	}
	if err := o.mayModify(); err != nil {
		return err
	}
	auto := o.kind == AutoEvent
	since := here()
	for {
		since.forget(inSet)
		w := o.state.load()
		if auto && w&sleepers != 0 && o.letOneThrough() {
			return nil
		}
		v := w.value()
		switch {
		case v&reserved != 0 && auto:
			// A wait for all may have taken its other objects already, and be about to take this one.
			o.outlast(w)
			continue
		case v&eventSignaled != 0:
			return nil
		}
		v |= eventSignaled
		if !auto {
			v = eventTurn(v)
		}
		// Whoever has come to sleep since the look has changed the word.
		now := w.with(v) &^ crowded
		if o.state.swap(w, now) {
			o.changed(w, now, o.rules.lets)
			since.forgetUnless(inChanged, now&sleepers != 0)
			if auto && now&sleepers != 0 {
				o.nudge()
			}
			return nil
		}
	}
}

// Reset takes the event's signal back.
func (o *Object) Reset() (err error) {
	if o.fragile {
		defer o.Guard(&err)()
	}
	if err := o.mayModify(); err != nil {
		return err
	}
	since := here()
	for {
		since.forget(inReset)
		w := o.state.load()
		switch {
		case w.value()&reserved != 0:
			o.outlast(w)
		case w.value()&eventSignaled == 0, o.state.swap(w, w.with(w.value()&^eventSignaled)):
			return nil
		}
	}
}

// Pulse lets through those that wait now, or one of them for an auto-reset event, and leaves the event reset.
func (o *Object) Pulse() (err error) {
	if o.fragile {
		defer o.Guard(&err)()
	}
	if err := o.mayModify(); err != nil {
		return err
	}
	if o.kind == AutoEvent {
		o.letOneThrough()
		return o.Reset()
	}
	since := here()
	for {
		since.forget(inPulse)
		w := o.state.load()
		if w.value()&reserved != 0 {
			o.outlast(w)
			continue
		}
		now := w.with(eventTurn(w.value() &^ eventSignaled))
		if o.state.swap(w, now) {
			if now&sleepers != 0 || o.silent {
				wake(o.state.low(), Everybody, false)
			}
			return nil
		}
	}
}
