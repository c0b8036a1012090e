package model

// This file is the steps of waits: internal/kernel/wait.go, and waitall.go from waitForAll on.

// lets reports whether the wait of a process ends with what an object's word is. Turns count where since says so.
func (m *objects) lets(o *object, kind objectKind, k *known, since bool) bool {
	switch kind {
	case mutexObject:
		return o.value == 0
	case manualEvent:
		return o.value != 0 || since && k.turned
	}
	return o.value != 0
}

func (t *objectTurn) lets(since bool) bool { return t.m.lets(t.o(), t.kind(), t.k(), since) }

// wait is the next step of a wait that is not the taking of all.
func (t *objectTurn) wait() {
	switch t.t.pc {
	case oStart:
		t.start()
	case oTake:
		t.take()
	case oTakeBlindly:
		t.takeBlindly()
	case oAskSeat:
		t.askSeat()
	case oBury:
		t.bury()
	case oCrowd:
		t.k().addedTo = false
		t.tell("looks at the crowd of object %d", t.t.at+1)
		t.t.pc = oFlag
	case oFlag:
		t.flag()
	case oSleep:
		t.sleep()
	case oPassOn:
		t.pass()
	}
}

// start looks at an object when the wait begins, for turns to be counted from there.
func (t *objectTurn) start() {
	k, signaled := t.k(), t.o().value != 0
	k.turned, k.may, k.due = t.m.mistake == oldTurns && t.o().turned, signaled, false
	t.tell("looks what object %d is when the wait begins", t.t.at+1)
	if !t.each() {
		t.try()
	}
}

// try begins a look that takes.
func (t *objectTurn) try() {
	switch all := t.it().does == waitAll; {
	case all && t.m.mistake == takesOneByOne:
		t.p.allAt = false
		t.startTaking()
	case all:
		t.first(oWorth)
	default:
		t.first(oTake)
	}
}

// take is a look at one object, which takes what it lets through.
func (t *objectTurn) take() {
	o := t.o()
	switch {
	case o.reserved && !t.readOnly():
		if !t.outlast(oTake) {
			t.next()
		}
	case t.lets(true):
		if t.m.mistake == takesBlindly && t.kind() == semaphore {
			t.t.seen, t.t.pc = o.objectWord, oTakeBlindly
			t.tell("looks at object %d", t.t.at+1)
			return
		}
		t.got()
	case t.kind() == mutexObject && o.value != owner(t.who):
		t.remember()
		t.t.pc, t.t.back = oAskSeat, oTake
		t.tell("sees that object %d is owned", t.t.at+1)
	default:
		t.tell("sees that object %d lets nobody through", t.t.at+1)
		t.notGot()
	}
}

// remember keeps the word for a swap.
func (t *objectTurn) remember() { t.t.seen, t.t.old = t.o().objectWord, false }

// takeBlindly is no step of the protocol: it is a store in the place of the swap.
func (t *objectTurn) takeBlindly() {
	t.s.objects[t.t.at].objectWord = t.t.seen
	t.t.pc = oTake
	t.got()
}

// notGot goes on with the next object, or ends the look.
func (t *objectTurn) notGot() {
	if k := t.k(); k.due {
		t.wrongly("process %d waited before a Set or Pulse that did not let it through", t.who+1)
	}
	t.next()
}

// next goes on to look at the next object.
func (t *objectTurn) next() {
	if t.t.pc = oTake; !t.each() {
		t.notThrough()
	}
}

// got takes an object for a wait for any.
func (t *objectTurn) got() {
	k := t.k()
	t.p.got = t.t.at + 1
	if t.kind() == manualEvent {
		if !k.may {
			t.wrongly("process %d is through, and the event was not set since its wait began", t.who+1)
		}
	} else {
		t.consume(t.t.at)
	}
	t.tell("takes object %d", t.t.at+1)
	if t.p.counted {
		t.passOn()
		return
	}
	t.done()
}

// consume changes an object as a wait that has been let through does.
func (t *objectTurn) consume(at uint8) {
	o := &t.s.objects[at]
	now := o.objectWord
	now.reserved = false
	switch t.m.kinds[at] {
	case mutexObject:
		t.owned(at, now.abandoned)
		now.value, now.abandoned = owner(t.who), false
	case semaphore:
		now.value--
	case autoEvent:
		now.value = 0
	}
	if t.m.mistake == forgetfulTake {
		now.crowded = false
	}
	t.become(at, now)
	t.p.knows[at].took = true
	if o.owed == 0 && t.m.kinds[at] != mutexObject {
		t.wrongly("more is taken of object %d than was given", at+1)
		return
	}
	if t.m.kinds[at] != mutexObject {
		o.owed--
	}
}

// owned looks whether the new owner of a mutex is the only one, and was told the truth.
func (t *objectTurn) owned(at uint8, told bool) {
	o := &t.s.objects[at]
	if told != o.orphaned {
		t.wrongly("an owner died: %v; the next one was told so: %v", o.orphaned, told)
	}
	o.orphaned, t.p.knows[at].told = false, told
}

// askSeat asks whether the owner of a mutex lives.
func (t *objectTurn) askSeat() {
	who := t.t.seen.value - owner(0)
	if t.s.processes[who].life != dead {
		t.tell("asks for the owner's seat: he lives")
		if t.t.back == oTake {
			t.notGot()
		} else {
			t.notThrough()
		}
		return
	}
	t.tell("asks for the owner's seat: he is dead")
	t.t.pc = oBury
}

// bury frees a dead owner's mutex. Whatever comes of it, the look begins anew.
func (t *objectTurn) bury() {
	t.t.pc = t.t.back
	if before := t.o().objectWord; !t.t.old && before == t.t.seen {
		now := before
		now.value, now.abandoned, now.crowded = 0, true, false
		t.become(t.t.at, now)
		t.tell("frees object %d of the dead", t.t.at+1)
		t.changed(before, 1)
	}
}

// notThrough is the end of a look that took nothing.
func (t *objectTurn) notThrough() {
	p := t.p
	for _, k := range p.knows {
		if k.took {
			t.wrongly("process %d took a part of all, keeps it, and waits", t.who+1)
		}
	}
	switch {
	case t.it().once:
		t.done()
	case p.expired:
		t.passOn()
	case t.m.mistake == flagsAfterLook:
		p.counted = true
		t.prepareNow()
	case p.ready && (!p.busy || t.m.mistake == sleepsBusy):
		t.t.pc = oSleep
	default:
		if !p.counted {
			p.counted = true
			for o := range p.knows {
				p.knows[o].patrolled = true // its patrol may just have looked
			}
		}
		t.prepare()
	}
}

// prepare says in every object that somebody sleeps, and remembers what to sleep on.
func (t *objectTurn) prepare() {
	t.p.ready, t.p.busy = false, false
	if t.m.mistake == flagsAfterLook {
		t.try()
		return
	}
	t.prepareNow()
}

func (t *objectTurn) prepareNow() {
	t.p.ready = false
	t.first(oFlag)
	if t.it().does == waitAll {
		t.t.pc = oCrowd
	}
}

// flag says in one object that somebody sleeps.
func (t *objectTurn) flag() {
	o, k, all := t.o(), t.k(), t.it().does == waitAll
	if t.m.mistake == lateStart {
		k.turned = false
	}
	if !all && t.m.mistake != flagsAfterLook && t.lets(true) {
		t.tell("sees that object %d lets somebody through", t.t.at+1)
		t.try()
		return
	}
	if !t.readOnly() {
		if all {
			o.crowded = true
		} else {
			o.sleepers = true
		}
	}
	k.moved, k.low = false, [2]bool{o.sleepers, o.crowded}
	t.tell("says in object %d that somebody sleeps", t.t.at+1)
	switch t.t.pc = oFlag; {
	case !t.each():
		t.p.ready = true
		if t.t.pc = oSleep; t.m.mistake != flagsAfterLook {
			t.try()
		}
	case all:
		t.t.pc = oCrowd
	}
}

// sleep sleeps, if all is as it was.
func (t *objectTurn) sleep() {
	p, all := t.p, t.it().does == waitAll
	for o := range t.m.kinds {
		if k := &p.knows[o]; t.it().isFor(uint8(o)) {
			w := &t.s.objects[o]
			if all && k.addedTo && t.m.mistake != freshCrowd || !all && (k.moved || k.low != [2]bool{w.sleepers, w.crowded}) {
				t.tell("does not sleep, because object %d has changed", o+1)
				t.prepare()
				return
			}
		}
	}
	p.asleep = true
	t.tell("sleeps")
}

// passOn makes good for wake-ups that the wait may have been given and had no use for.
func (t *objectTurn) passOn() {
	if t.it().does == waitAll || t.m.mistake == keepsWakeUps {
		t.done()
		return
	}
	t.first(oPassOn)
}

// pass is that for one object. A look and the wake-up are one step here: it may come late, or for nothing.
func (t *objectTurn) pass() {
	if t.t.at+1 != t.p.got && t.o().sleepers && t.lets(true) {
		t.tell("passes a wake-up on")
		t.wake(false, t.kind() == manualEvent)
	}
	if !t.each() {
		t.done()
	}
}

// done is the end of a wait.
func (t *objectTurn) done() {
	c := t.it()
	t.tell("has waited: %v", t.p.got > 0)
	for o := range t.p.knows {
		k, at := &t.p.knows[o], uint8(o)
		if k.took && t.m.kinds[o] == mutexObject {
			t.p.owns = true
		}
		taken := t.p.got > 0 && t.m.consumes(at) && (c.does == waitAll && c.isFor(at) || c.does == waitAny && t.p.got == at+1)
		if k.took != taken {
			t.wrongly("process %d has waited; it took object %d: %v, and should have: %v", t.who+1, o+1, k.took, taken)
		}
	}
	t.p.next++
	t.p.call = thread{}
	t.p.knows, t.p.counted = [maxObjects]known{}, false
}

// outlast waits until a reservation is gone, or takes it away. It is false where one look has seen too many.
func (t *objectTurn) outlast(back objectStep) bool {
	if t.m.most > 0 {
		if t.p.outlasted++; t.p.outlasted == t.m.most {
			t.tell("has seen object %d reserved too often", t.t.at+1)
			return false
		}
	}
	t.await(back)
	return true
}

// await is that without a limit.
func (t *objectTurn) await(then objectStep) {
	t.remember()
	t.t.pc, t.t.then = oOutlast, then
	t.tell("finds object %d reserved", t.t.at+1)
}

// clearReservation takes a reservation away that stays.
func (t *objectTurn) clearReservation() {
	o := t.o()
	if by := o.by; by > 0 && t.s.processes[by-1].life == alive {
		if !t.m.alone {
			t.s.stops--
		}
		t.s.processes[by-1].moved = true
	}
	now := o.objectWord
	now.reserved = false
	t.become(t.t.at, now)
	t.tell("takes the reservation of object %d away", t.t.at+1)
}

// waitForAll is the next step of the taking of all.
func (t *objectTurn) waitForAll() {
	switch t.t.pc {
	case oWorth:
		t.worth()
	case oReserve:
		t.reserve()
	case oTakeReserved:
		t.takeReserved()
	case oGiveBack:
		t.giveBack()
	case oUnreserve:
		t.unreserve()
	}
}

// worth is a look whether it is worth reserving.
func (t *objectTurn) worth() {
	o := t.o()
	switch {
	case t.lets(false):
		t.tell("sees that object %d is to be had", t.t.at+1)
		if !t.each() {
			t.startReserving()
		}
	case t.kind() == mutexObject && o.value != owner(t.who):
		t.remember()
		t.t.pc, t.t.back = oAskSeat, oWorth
		t.tell("sees that object %d is owned", t.t.at+1)
	default:
		t.tell("sees that object %d is not to be had", t.t.at+1)
		t.notThrough()
	}
}

func (t *objectTurn) startReserving() {
	t.p.allAt, t.p.kept, t.p.moved = false, false, false
	t.first(oReserve)
	if t.m.mistake == ownOrder && t.who%2 == 1 {
		t.t.at = maxObjects - 1
	}
}

// nextReserved goes on to reserve the next object.
func (t *objectTurn) nextReserved() bool {
	if t.m.mistake != ownOrder || t.who%2 == 0 {
		return t.each()
	}
	for t.t.at > 0 {
		t.t.at--
		if t.it().isFor(t.t.at) {
			return true
		}
	}
	return false
}

// reserve marks an object as about to be taken.
func (t *objectTurn) reserve() {
	o, k := t.o(), t.k()
	switch {
	case o.reserved && !t.readOnly() && t.m.mistake != sharedReservation:
		if !t.outlast(oReserve) {
			t.p.busy = true
			t.first(oUnreserve)
		}
		return
	case !t.lets(false):
		t.tell("finds that object %d is not to be had", t.t.at+1)
		t.first(oUnreserve)
		return
	case !t.readOnly():
		now := o.objectWord
		now.reserved = true
		t.become(t.t.at, now)
		o.by = t.who + 1
	}
	k.reserved, k.lost = true, false
	t.tell("has object %d reserved", t.t.at+1)
	if !t.nextReserved() {
		t.startTaking()
	}
}

func (t *objectTurn) startTaking() { t.t.pc, t.t.at = oTakeReserved, 0 }

// takeOrder is the objects of a wait for all in the order in which they are taken: what does not change comes first.
func (m *objects) takeOrder(p *objectProcess) (order [maxObjects]uint8) {
	for o := range order {
		order[o] = uint8(o)
	}
	if m.kinds[0] != manualEvent && m.kinds[1] == manualEvent && m.mistake != consumedFirst {
		order[0], order[1] = 1, 0
	}
	if m.kinds[0] == manualEvent && m.kinds[1] != manualEvent && m.mistake == consumedFirst {
		order[0], order[1] = 1, 0
	}
	return order
}

// takeReserved takes an object, if it is still reserved as it was.
func (t *objectTurn) takeReserved() {
	turn, at := *t, t.m.takeOrder(t.p)[t.t.at]
	in := thread{pc: oTakeReserved, at: at}
	turn.t = &in
	o, k, consumed := turn.o(), turn.k(), t.m.consumes(at)
	kept := !k.lost
	switch {
	case t.m.mistake == takesOneByOne:
		kept = turn.lets(false)
	case turn.readOnly() && t.m.mistake == turnsConfirm:
		kept = o.value != 0 || o.turned
	case turn.readOnly() && t.m.mistake == valueConfirms:
		kept = o.value != 0
	case !turn.readOnly() && t.m.mistake == valueTakes:
		kept = o.value != 0
	}
	k.reserved = false
	if !kept {
		t.tell("finds that object %d is not as it was reserved", at+1)
		t.notKept()
		return
	}
	if consumed {
		switch {
		case !t.p.kept && !t.p.allAt && !t.p.moved: // or else it finds out, and gives it back
			t.wrongly("process %d takes all, and they were never signaled at the same moment", t.who+1)
		case t.p.kept && k.lost:
			t.wrongly("process %d takes the rest, though others have seen a part taken", t.who+1)
		}
		t.p.kept = true
		t.consume(at)
	} else if !turn.readOnly() {
		now := o.objectWord
		now.reserved = false
		t.become(at, now)
	}
	t.tell("takes object %d, which was reserved", at+1)
	if t.t.at++; t.t.at < maxObjects {
		return
	}
	if !t.p.allAt {
		t.wrongly("process %d has all, and they were never signaled at the same moment", t.who+1)
	}
	t.t.at, t.p.got = 0, 1
	t.passOn()
}

// notKept begins to give back what was taken, because a reservation was taken away.
func (t *objectTurn) notKept() {
	for o := range t.p.knows {
		if t.p.knows[o].took && !t.p.moved {
			t.wrongly("process %d took a part of all, and nobody thought that it was stopped", t.who+1)
		}
	}
	t.p.again = true
	if t.m.mistake == keepsPart {
		t.first(oUnreserve)
		return
	}
	t.first(oGiveBack)
}

// giveBack undoes what takeReserved did.
func (t *objectTurn) giveBack() {
	k := t.k()
	if !k.took {
		if !t.each() {
			t.first(oUnreserve)
		}
		return
	}
	k.took = false
	t.t.back, t.t.many = oGiveBack, 1
	switch t.kind() {
	case semaphore:
		t.t.pc = oRelease
	case autoEvent:
		t.t.pc = oSet
	case mutexObject:
		t.t.pc = oUnlock
	}
	t.change()
}

// unreserve undoes reserve.
func (t *objectTurn) unreserve() {
	k := t.k()
	if k.reserved && !k.lost && !t.readOnly() {
		now := t.o().objectWord
		now.reserved = false
		if t.m.mistake == dropsFlags {
			now.crowded = false
		}
		t.become(t.t.at, now)
		t.tell("has object %d not reserved any more", t.t.at+1)
	}
	k.reserved = false
	if t.each() {
		return
	}
	if t.p.again {
		t.p.again, t.p.kept, t.p.allAt = false, false, false
		t.try()
		return
	}
	t.notThrough()
}
