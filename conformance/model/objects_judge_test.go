package model

import "fmt"

// objectMistake is something done wrong with objects.
type objectMistake uint8

const (
	_ objectMistake = iota // none
	// Of manual-reset events.
	noTurn
	lateStart
	oldTurns
	wakesOneOfAll
	wakesFirst
	sameSeq
	// Of semaphores, and of waits for any.
	releasesOne
	takesBlindly
	keepsWakeUps
	clearsBlindly
	flagsAfterLook
	noWakeUp
	// Of waits for all.
	freshCrowd
	neverAdds
	wakesCrowdFirst
	wakesOneOfCrowd
	forgetfulTake
	dropsFlags
	takesOneByOne
	sharedReservation
	ownOrder
	eternalReservation
	ignoresReserved
	setsReserved
	consumedFirst
	keepsPart
	valueTakes
	turnsConfirm
	valueConfirms
	sleepsBusy
	// Of the patrol.
	patrolAbsent
	patrolTurnless
	patrolKeyless
	patrolWakesOnly
)

// witness looks, for those who have reserved all and taken nothing yet, whether all are signaled at this moment. Whose
// reservation was taken away cannot rely on a moment before that.
func (m *objects) witness(s *objectWorld) {
	for i := range m.scripts {
		p := &s.processes[i]
		if p.call.pc != oTakeReserved || p.kept {
			continue
		}
		for o := range p.knows {
			if p.knows[o].lost && m.consumes(uint8(o)) {
				p.allAt = false
			}
		}
		p.allAt = p.allAt || m.available(s, uint8(i), false)
	}
}

// consumes says that an object is changed by being taken.
func (m *objects) consumes(at uint8) bool {
	return m.kinds[at] != manualEvent && m.kinds[at] != noObject
}

// available reports whether there is something that ends a wait.
func (m *objects) available(s *objectWorld, who uint8, since bool) bool {
	p := &s.processes[who]
	c := m.scripts[who][p.next]
	for o := range m.kinds {
		if !c.isFor(uint8(o)) {
			continue
		}
		v := &s.objects[o]
		lets := m.lets(v, m.kinds[o], &p.knows[o], since && c.does == waitAny)
		if since && m.kinds[o] == mutexObject && v.value >= owner(0) && s.processes[v.value-owner(0)].life == dead {
			lets = true
		}
		if lets != (c.does == waitAll) {
			return lets
		}
	}
	return c.does == waitAll
}

// check: nothing is taken that was not given, and nothing that was given is lost; without deaths nobody needs a patrol; with
// one, whoever can be through is through though all others are stopped, and whoever sleeps is seen to sleep.
func (m *objects) check(s *objectWorld) string {
	quiet, asleep := true, -1
	for o := range m.kinds {
		v := &s.objects[o]
		if (m.kinds[o] == semaphore || m.kinds[o] == autoEvent) && v.value != v.owed {
			return fmt.Sprintf("object %d is %d, and should be %d", o+1, v.value, v.owed)
		}
	}
	for i := range m.scripts {
		p := &s.processes[i]
		quiet = quiet && (p.asleep || p.call.pc == oIdle)
		if p.owns && p.life == alive && p.call.pc != oUnlock && !s.owned(uint8(i)) {
			return fmt.Sprintf("process %d owns the mutex, and the word does not say so", i+1)
		}
		if p.asleep && m.available(s, uint8(i), true) {
			asleep = i
		}
		if p.counted && m.patrolling(s) && !m.getsThrough(*s, uint8(i)) {
			return fmt.Sprintf("process %d waits for ever, though it could go through, or nobody sees it sleep", i+1)
		}
	}
	switch {
	case quiet && asleep >= 0 && m.patrols == neverPatrols:
		return fmt.Sprintf("process %d sleeps, and there is something for it", asleep+1)
	case !quiet && len(m.moves(s, nil)) == 0:
		return "somebody waits for a reservation that stays for ever"
	}
	return ""
}

// owned reports whether a word says that a process owns it.
func (s *objectWorld) owned(who uint8) bool {
	for o := range s.objects {
		if s.objects[o].value == owner(who) {
			return true
		}
	}
	return false
}

// getsThrough lets one process and its patrol go on while all others are stopped. It is through, if there is anything for
// it, or it sleeps and the words say so.
func (m *objects) getsThrough(s objectWorld, who uint8) bool {
	say, wrong := m.say, m.wrong
	m.say, m.alone = nil, true
	defer func() { m.say, m.wrong, m.alone = say, wrong, false }()
	for i := range s.processes {
		if s.processes[i].life == exiting {
			s.processes[i].life = dead
		}
	}
	p := &s.processes[who]
	for range 200 {
		if !p.counted {
			return true
		}
		t, by := &p.call, goOn
		switch {
		case p.asleep:
			if p.patrol.pc == oIdle && !m.available(&s, who, true) && m.saysSo(&s, who) {
				return true // there is nothing
			}
			if m.mistake == patrolAbsent {
				return false
			}
			t, by = &p.patrol, patrols
		case p.call.pc == oOutlast && !p.call.old:
			m.make(&s, move{who, outlasts})
			continue
		}
		m.make(&s, m.wakeable(&s, nil, who, t, by)[0])
	}
	return false
}

// saysSo reports that the words say that a process sleeps, as far as it may say so.
func (m *objects) saysSo(s *objectWorld, who uint8) bool {
	c := m.scripts[who][s.processes[who].next]
	for o := range m.kinds {
		if v := &s.objects[o]; c.isFor(uint8(o)) && m.readers[o] == 0 && !v.sleepers && c.does == waitAny || c.isFor(uint8(o)) && m.readers[o] == 0 && !v.crowded && c.does == waitAll {
			return false
		}
	}
	return true
}
