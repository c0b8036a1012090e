package model

// This file is the steps of those who change an object, and of the patrol: internal/kernel/event.go, semaphore.go, mutex.go,
// waitable_unix.go and patrol.go.

// change is the next step of a call that changes an object.
func (t *objectTurn) change() {
	switch t.t.pc {
	case oOutlast:
		t.tell("finds the reservation of object %d gone", t.t.at+1)
		t.t.pc = t.t.then
	case oSet:
		t.set()
	case oReset:
		t.reset()
	case oPulse:
		t.pulse()
	case oRelease:
		t.release()
	case oUnlock:
		t.unlock()
	default:
		t.wakeChanged()
	}
}

// ended is the end of a change.
func (t *objectTurn) ended() {
	if t.t.pc = t.t.back; t.t.pc == oIdle {
		t.tell("is done with the call")
		t.p.next++
		t.p.call = thread{}
	}
}

func (t *objectTurn) set() {
	o, manual := t.o(), t.kind() == manualEvent
	before := o.objectWord
	if before.value != 0 {
		if !manual && before.reserved && t.m.mistake != setsReserved {
			t.await(oSet)
			return
		}
		t.tell("finds object %d set already", t.t.at+1)
		if who := t.pending(); who > 0 {
			t.wrongly("a Set found object %d set, which process %d had taken with another one", t.t.at+1, who)
		}
		t.ended()
		return
	}
	if t.m.mistake == wakesFirst && !t.t.crowd {
		t.t.crowd = true // it has woken
		t.tell("wakes before it sets")
		t.wake(false, true)
		t.wake(true, true)
		return
	}
	now := before
	now.value, now.crowded = 1, false
	if t.m.mistake == sameSeq {
		t.s.objects[t.t.at].objectWord = now
	} else {
		t.become(t.t.at, now)
	}
	o.owed = 1
	if manual {
		t.turn(t.m.mistake != noTurn)
	}
	t.tell("sets object %d", t.t.at+1)
	if t.m.mistake == wakesFirst {
		t.ended()
		return
	}
	many := uint8(1)
	if manual && t.m.mistake != wakesOneOfAll {
		many = everyone
	}
	t.changed(before, many)
}

// everyone is a number of sleepers that is no limit.
const everyone = 100

// turn counts a turn of a manual-reset event. Whose wait began before is through.
func (t *objectTurn) turn(counts bool) {
	o, at := t.o(), t.t.at
	o.turned = o.turned || t.m.mistake == oldTurns || t.m.mistake == turnsConfirm
	for i := range t.m.scripts {
		p := &t.s.processes[i]
		k := &p.knows[at]
		if p.counted {
			k.pulsed = k.pulsed || counts
		}
		if p.call.pc == oIdle || !t.m.scripts[i][p.next].isFor(at) || t.m.scripts[i][p.next].does == waitAll ||
			p.call.pc == oStart && p.call.at <= at {
			continue
		}
		k.turned = k.turned || counts
		k.may, k.due = true, p.got == 0
	}
}

func (t *objectTurn) reset() {
	o := t.o()
	switch before := o.objectWord; {
	case before.reserved && t.m.mistake != ignoresReserved:
		t.await(oReset)
		return
	case before.value != 0:
		now := before
		now.value = 0
		t.become(t.t.at, now)
		o.owed = 0
		t.tell("resets object %d", t.t.at+1)
	default:
		t.tell("finds object %d not set", t.t.at+1)
	}
	t.ended()
}

// pulse is that of a manual-reset event; that of an auto-reset event is a Reset where nobody is in a place.
func (t *objectTurn) pulse() {
	before := t.o().objectWord
	if before.reserved {
		t.await(oPulse)
		return
	}
	now := before
	now.value = 0
	if t.m.mistake == sameSeq {
		t.s.objects[t.t.at].objectWord = now
	} else {
		t.become(t.t.at, now)
	}
	t.o().owed = 0
	t.turn(t.m.mistake != noTurn)
	t.tell("pulses object %d", t.t.at+1)
	if now.sleepers || t.silent() {
		t.t.pc = oWakeAll
		return
	}
	t.ended()
}

func (t *objectTurn) release() {
	o := t.o()
	switch before := o.objectWord; {
	case before.reserved && t.m.mistake != ignoresReserved:
		t.await(oRelease)
	case before.value+t.t.many > t.m.maximum:
		t.tell("may not release so many of object %d", t.t.at+1)
		t.ended()
	default:
		now := before
		now.value += t.t.many
		now.crowded = false
		t.become(t.t.at, now)
		o.owed += t.t.many
		t.tell("releases %d of object %d", t.t.many, t.t.at+1)
		if t.m.mistake == releasesOne {
			t.t.many = 1
		}
		t.changed(before, t.t.many)
	}
}

// unlock frees a mutex. One that a wait for all gives back is as abandoned as it was.
func (t *objectTurn) unlock() {
	o, k := t.o(), t.k()
	before := o.objectWord
	if before.value != owner(t.who) {
		t.wrongly("the mutex was taken from its living owner")
	}
	now := before
	now.value, now.crowded, now.abandoned = 0, false, t.p.again && k.told
	o.orphaned = now.abandoned
	t.p.owns, k.told = false, false
	t.become(t.t.at, now)
	t.tell("unlocks object %d", t.t.at+1)
	t.changed(before, 1)
}

// pending is the process that has taken a part of all in what others are to see as one step, and not yet the object.
func (t *objectTurn) pending() uint8 {
	for i := range t.m.scripts {
		p := &t.s.processes[i]
		k := &p.knows[t.t.at]
		if i != int(t.who) && p.life == alive && p.kept && k.reserved && !k.lost && t.m.consumes(t.t.at) {
			return uint8(i + 1)
		}
	}
	return 0
}

// changed begins to wake who may be waiting for a change that has just been made.
func (t *objectTurn) changed(before objectWord, many uint8) {
	t.remember()
	t.t.many, t.t.crowd = many, before.crowded || t.silent()
	if t.m.mistake == noWakeUp {
		t.ended()
		return
	}
	if t.t.seen.sleepers || t.silent() {
		t.t.pc = oWakeLow
		return
	}
	t.crowd()
}

// crowd goes on to those who wait for all.
func (t *objectTurn) crowd() {
	if !t.t.crowd {
		t.changedAll()
		return
	}
	switch t.t.pc = oAddCrowd; t.m.mistake {
	case neverAdds, wakesCrowdFirst:
		t.t.pc = oWakeCrowd
	}
}

// changedAll is the end of the wake-ups: of a call, or of a burial.
func (t *objectTurn) changedAll() {
	t.t.crowd, t.t.seen, t.t.old, t.t.many = false, objectWord{}, false, 0
	t.ended()
}

// wakeChanged is the steps of the wake-ups.
func (t *objectTurn) wakeChanged() {
	o := t.o()
	switch t.t.pc {
	case oWakeAll:
		t.wake(false, true)
		t.ended()
	case oWakeLow:
		if !t.wake(false, t.t.many > 1) && t.t.seen.sleepers {
			t.t.pc = oClear
			return
		}
		t.crowd()
	case oClear:
		if !t.t.old && o.objectWord == t.t.seen || t.m.mistake == clearsBlindly {
			o.sleepers = false
			t.tell("clears the flag that somebody sleeps")
		} else {
			t.tell("finds the word changed")
		}
		t.crowd()
	case oAddCrowd:
		t.addToCrowd()
		if t.t.pc = oWakeCrowd; t.m.mistake == wakesCrowdFirst {
			t.changedAll()
		}
	case oWakeCrowd:
		t.wake(true, t.m.mistake != wakesOneOfCrowd)
		if t.m.mistake == wakesCrowdFirst {
			t.t.pc = oAddCrowd
			return
		}
		t.changedAll()
	}
}

func (t *objectTurn) addToCrowd() {
	for i := range t.s.processes {
		t.s.processes[i].knows[t.t.at].addedTo = true
	}
	t.tell("changes the crowd of object %d", t.t.at+1)
}

// lookAfter is the next step of the process's patrol.
func (t *objectTurn) lookAfter() {
	switch t.t.pc {
	case oIdle, oLook:
		t.look()
	case oAskSeat:
		t.tell("its patrol asks for the owner's seat")
		if t.t.pc = oBury; t.s.processes[t.t.seen.value-owner(0)].life != dead {
			t.t.pc = oWakeOwn
		}
	case oBury:
		t.bury()
	case oWakeOwn:
		if t.t.low {
			t.tell("its patrol wakes")
			t.wake(false, true)
		}
		t.wakeOwnCrowd()
	case oAddOwn:
		t.addToCrowd()
		t.t.pc = oWakeOwnCrowd
	case oWakeOwnCrowd:
		t.tell("its patrol wakes the crowd")
		t.wake(true, true)
		t.looked()
	default:
		t.wakeChanged()
	}
}

// look looks at one object.
func (t *objectTurn) look() {
	o, k := t.o(), t.k()
	same, pulsed := k.patrolled, k.pulsed
	k.patrolled, k.pulsed = true, false
	t.tell("its patrol looks at object %d", t.t.at+1)
	if !t.p.counted || !t.it().isFor(t.t.at) {
		t.looked()
		return
	}
	all := t.it().does == waitAll
	t.t.low = !all && (!o.sleepers && !t.readOnly() || t.lets(false) || t.kind() == manualEvent && pulsed && t.m.mistake != patrolTurnless)
	t.t.all = all && (!o.crowded || !same && t.m.mistake != patrolKeyless)
	t.remember()
	if t.t.back = oWakeOwn; t.kind() == mutexObject && o.value != 0 && o.value != owner(t.who) {
		t.t.pc = oAskSeat
		return
	}
	t.wakeOwn()
}

// wakeOwn goes on to wake, if there is whom.
func (t *objectTurn) wakeOwn() {
	if t.t.pc = oWakeOwn; !t.t.low {
		t.wakeOwnCrowd()
	}
}

func (t *objectTurn) wakeOwnCrowd() {
	t.t.low = false
	switch {
	case !t.t.all:
		t.looked()
	case t.readOnly() || t.m.mistake == patrolWakesOnly:
		t.t.pc = oWakeOwnCrowd
	default:
		t.t.pc = oAddOwn
	}
}

// looked goes on to the next object.
func (t *objectTurn) looked() {
	at := t.t.at + 1
	*t.t = thread{}
	if at < maxObjects && t.m.kinds[at] != noObject {
		t.t.at, t.t.pc = at, oLook
	}
}
