package model

import "fmt"

// objects is the machine of one or two events, mutexes and semaphores, of those who wait for one, for any or for all of
// them, and of those who change them: internal/kernel/wait.go, waitall.go, event.go, semaphore.go, mutex.go, patrol.go.
//
// A step is one instruction on a shared number, or one system call. But a look and the compare-and-swap that follows it
// are one step where a swap that fails begins anew with the look: what fails has changed nothing, and what succeeds has
// found what the look saw.
//
// An auto-reset event that is waited for alone is in event_test.go: here are no places. Nor does anybody lock a mutex twice,
// and no alarms ring, which are for sleepers whom others move away.
type objects struct {
	name    string
	kinds   [maxObjects]objectKind
	initial [maxObjects]uint8
	maximum uint8 // of semaphores
	scripts [maxProcesses][]call
	readers [maxObjects]uint8 // which processes may only look at an object
	kills   uint8
	stops   uint8 // how often one who lives is taken for stopped, because his reservation stays
	signals uint8 // how often a sleeper is taken out of his futex
	most    uint8 // the reservation at which one look gives up; 0 for never
	patrols patrolTime
	givesUp bool
	mistake objectMistake

	say   func(string)
	wrong string
	alone bool // one process goes on, and all others stand still
}

const maxObjects = 2

type objectKind uint8

const (
	noObject objectKind = iota
	manualEvent
	autoEvent
	semaphore
	mutexObject
)

// patrolTime says from when on there are patrols.
type patrolTime uint8

const (
	neverPatrols patrolTime = iota
	afterDeath
	always
)

// call is one call of a process.
type call struct {
	does callKind
	on   uint8 // the object, or the set of those that are waited for
	n    uint8 // what is released
	once bool  // it does not wait
}

type callKind uint8

const (
	waitAny callKind = iota
	waitAll
	setIt
	resetIt
	pulseIt
	releaseIt
	unlockIt
)

func (c call) waits() bool { return c.does <= waitAll }

func (c call) isFor(object uint8) bool { return c.waits() && c.on>>object&1 != 0 }

func (c call) String() string {
	name := [...]string{"wait for any", "wait for all", "Set", "Reset", "Pulse", "Release", "Unlock"}[c.does]
	if c.waits() {
		return fmt.Sprintf("%s of the set %02b", name, c.on)
	}
	return fmt.Sprintf("%s of object %d", name, c.on+1)
}

// objectWord is a word, but for its seq: that is a bit in the memory of each who has seen the word.
type objectWord struct {
	value     uint8 // signaled, the count, or the owner, from one
	reserved  bool
	abandoned bool
	sleepers  bool
	crowded   bool
}

type object struct {
	objectWord

	// What nobody knows but the judge.
	by       uint8 // whose the reservation is, from one
	turned   bool  // ever: where a mistake looks at that
	owed     uint8 // the count or flag as it must be
	orphaned bool  // an owner died, and nobody has been told
}

type objectStep uint8

const (
	oIdle objectStep = iota
	oStart
	oTake
	oTakeBlindly
	oAskSeat
	oBury
	oCrowd
	oFlag
	oSleep
	oPassOn
	oWorth
	oReserve
	oTakeReserved
	oGiveBack
	oUnreserve
	oOutlast
	oSet
	oReset
	oPulse
	oRelease
	oUnlock
	oWakeAll
	oWakeLow
	oClear
	oAddCrowd
	oWakeCrowd
	oLook
	oWakeOwn
	oAddOwn
	oWakeOwnCrowd
)

// thread is what one goroutine remembers: that of the call, or the patrol.
type thread struct {
	pc, back objectStep
	then     objectStep // when a reservation is gone
	at       uint8      // of a loop: the object, or where in the order of taking
	seen     objectWord
	old      bool  // the word has got another seq since
	many     uint8 // sleepers that a change can let through
	crowd    bool  // the crowd is to be woken too
	low, all bool  // of a patrol: it is to wake those who wait for this one, or for all
}

// known is what a process knows of an object.
type known struct {
	turned    bool    // there was a turn since the start of its wait
	moved     bool    // the word has got another seq since it was looked at for the sleep
	low       [2]bool // the flags that the word had then
	addedTo   bool    // crowd is another number since it was looked at
	reserved  bool    // it is in the list of what is reserved
	lost      bool    // the word has got another seq since it was reserved
	took      bool
	told      bool // it was abandoned when it was taken
	patrolled bool // the word has the seq that the patrol saw last
	pulsed    bool // there was a turn since the patrol looked

	// What nobody knows but the judge.
	may bool // the wait may end: it is signaled, or was, since the wait began
	due bool // the wait must end
}

type objectProcess struct {
	life    life
	next    uint8 // call
	call    thread
	patrol  thread
	knows   [maxObjects]known
	counted bool // it sleeps, or is about to
	ready   bool // it has looked for what to sleep on
	expired bool // the wait is given up
	asleep  bool
	again   bool  // what was reserved is given back, to begin again
	busy    bool  // an object was always reserved
	owns    bool  // a mutex
	got     uint8 // the object that ended the wait, from one; of all the first

	outlasted uint8 // reservations in one look, where that is counted

	// What nobody knows but the judge.
	allAt bool // all objects of a wait for all were signaled at a moment, and it had them reserved
	kept  bool // it took the first of them
	moved bool // it was taken for stopped
}

type objectWorld struct {
	objects   [maxObjects]object
	processes [maxProcesses]objectProcess
	kills     uint8
	stops     uint8
	signals   uint8
}

func (m *objects) start() objectWorld {
	s := objectWorld{kills: m.kills, stops: m.stops, signals: m.signals}
	for i, v := range m.initial {
		s.objects[i].value, s.objects[i].owed = v, v
	}
	for i, script := range m.scripts {
		s.processes[i].life = dead
		if script != nil {
			s.processes[i].life = alive
		}
	}
	m.forget(&s)
	return s
}

func (m *objects) tell(moves []move) (lines []string) {
	s := m.start()
	m.say = func(line string) { lines = append(lines, line) }
	defer func() { m.say = nil }()
	for _, by := range moves {
		m.make(&s, by)
	}
	return lines
}

// What a process does next, besides going on, dying and the like: it takes a reservation away, or wakes the one of several
// sleepers that the number says, as its call or as its patrol.
const (
	outlasts what = 40
	wakes1st what = 50
)

func (m *objects) patrolling(s *objectWorld) bool {
	return m.patrols == always || m.patrols == afterDeath && s.kills < m.kills
}

func (m *objects) moves(s *objectWorld, to []move) []move {
	for i := range m.scripts {
		p, who := &s.processes[i], uint8(i)
		if p.life == exiting {
			to = append(to, move{who, exit})
		}
		if p.life != alive {
			continue
		}
		switch {
		case p.asleep || p.call.pc == oIdle && int(p.next) == len(m.scripts[i]):
		case p.call.pc == oOutlast && !p.call.old:
			if m.mistake != eternalReservation && (m.alone || s.stops > 0 || s.processes[s.objects[m.object(p)].by-1].life != alive) {
				to = append(to, move{who, outlasts})
			}
		default:
			to = m.wakeable(s, to, who, &p.call, goOn)
		}
		if p.patrol.pc != oIdle || p.counted && m.patrolling(s) {
			to = m.wakeable(s, to, who, &p.patrol, patrols)
		}
		if m.givesUp && p.counted && !p.expired && (p.asleep || p.call.pc == oSleep) {
			to = append(to, move{who, givesUp})
		}
		if p.asleep && s.signals > 0 {
			to = append(to, move{who, interrupted})
		}
		if s.kills > 0 && (p.call.pc != oIdle || p.owns) {
			to = append(to, move{who, die})
		}
	}
	return to
}

// object is the object that the call is at.
func (m *objects) object(p *objectProcess) uint8 {
	if p.call.pc == oTakeReserved {
		return m.takeOrder(p)[p.call.at]
	}
	return p.call.at
}

// owner is the value of a mutex that a process owns. It is no count that a semaphore has.
func owner(who uint8) uint8 { return who + 100 }

// wakeable adds a step; where it wakes one of several, it adds it for each.
func (m *objects) wakeable(s *objectWorld, to []move, who uint8, t *thread, as what) []move {
	one := t.pc == oWakeLow && t.many == 1 || t.pc == oPassOn && m.kinds[t.at] != manualEvent ||
		t.pc == oWakeCrowd && m.mistake == wakesOneOfCrowd
	if !one {
		return append(to, move{who, as})
	}
	crowd, found := t.pc == oWakeCrowd, false
	for j := range m.scripts {
		if m.sleepsOn(s, j, t.at, crowd) {
			found = true
			to = append(to, move{who, wakes1st + 2*what(j) + as/patrols})
		}
	}
	if !found {
		to = append(to, move{who, as})
	}
	return to
}

// sleepsOn reports whether a process sleeps on an object's word, or on its crowd.
func (m *objects) sleepsOn(s *objectWorld, process int, object uint8, crowd bool) bool {
	p := &s.processes[process]
	if !p.asleep {
		return false
	}
	c := m.scripts[process][p.next]
	return c.isFor(object) && (c.does == waitAll) == crowd
}

func (m *objects) make(s *objectWorld, by move) string {
	m.wrong = ""
	t := &objectTurn{m: m, s: s, p: &s.processes[by.process], who: by.process}
	t.t = &t.p.call
	switch by.what {
	case die:
		t.die()
	case exit:
		t.tell("is gone, and its seats")
		t.p.life = dead
	case givesUp:
		t.tell("gives up")
		t.p.expired = true
		if t.p.asleep {
			t.wakesUp(t.who)
		} else {
			t.passOn()
		}
	case interrupted:
		t.tell("is interrupted")
		t.wakesUp(t.who)
		s.signals--
	case outlasts:
		t.clearReservation()
	case goOn:
		t.goOn()
	case patrols:
		t.t = &t.p.patrol
		t.lookAfter()
	default:
		n := by.what - wakes1st
		t.wakes = uint8(n/2) + 1
		if n%2 == 0 {
			t.goOn()
		} else {
			t.t = &t.p.patrol
			t.lookAfter()
		}
	}
	m.witness(s)
	m.forget(s)
	return m.wrong
}

// forget forgets what no next step looks at.
func (m *objects) forget(s *objectWorld) {
	for i := range s.processes {
		p := &s.processes[i]
		if p.call.pc == oIdle {
			*p = objectProcess{life: p.life, next: p.next, patrol: p.patrol, owns: p.owns}
		}
		p.call.forget()
		p.patrol.forget()
		for o := range p.knows {
			m.forgetKnown(p, i, uint8(o))
		}
	}
}

// forget forgets the word that a thread saw, where it is not about to change that very word.
func (t *thread) forget() {
	switch t.pc {
	case oTakeBlindly, oAskSeat, oBury, oClear, oWakeLow:
	case oOutlast:
		t.seen = objectWord{}
	default:
		t.seen, t.old = objectWord{}, false
	}
}

func (m *objects) forgetKnown(p *objectProcess, who int, at uint8) {
	k := &p.knows[at]
	preparing := p.call.pc == oCrowd || p.call.pc == oFlag
	if !p.ready && !preparing || p.asleep {
		k.moved, k.low, k.addedTo = false, [2]bool{}, false
	}
	k.lost = k.lost && k.reserved
	k.patrolled = k.patrolled && p.counted && m.patrols != neverPatrols
	k.pulsed = k.pulsed && p.counted && m.patrols != neverPatrols
	if p.call.pc == oIdle {
		return
	}
	c := m.scripts[who][p.next]
	switch {
	case !c.isFor(at):
		*k = known{}
	case c.does == waitAll:
		k.turned, k.pulsed, k.moved, k.low, k.may, k.due = false, false, false, [2]bool{}, false, false
	default:
		k.patrolled, k.addedTo = false, false
		if m.kinds[at] != manualEvent {
			k.turned, k.pulsed, k.may, k.due = false, false, false, false
		}
	}
}

type objectTurn struct {
	m     *objects
	s     *objectWorld
	p     *objectProcess
	t     *thread
	who   uint8
	wakes uint8
}

func (t *objectTurn) tell(format string, args ...any) {
	if t.m.say == nil {
		return
	}
	words := ""
	for i, kind := range t.m.kinds {
		if kind != noObject {
			o := &t.s.objects[i]
			words += fmt.Sprintf("; object %d: %d%s%s%s%s", i+1, o.value, when(o.reserved, " R"), when(o.abandoned, " A"), when(o.sleepers, " W"), when(o.crowded, " C"))
		}
	}
	t.m.say(fmt.Sprintf("process %d  %s%s", t.who+1, fmt.Sprintf(format, args...), words))
}

func when(is bool, name string) string {
	if is {
		return name
	}
	return ""
}

func (t *objectTurn) wrongly(format string, args ...any) { t.m.wrong = fmt.Sprintf(format, args...) }

func (t *objectTurn) it() call { return t.m.scripts[t.who][t.p.next] }

// o is the object that the thread is at, k what the process knows of it.
func (t *objectTurn) o() *object       { return &t.s.objects[t.t.at] }
func (t *objectTurn) k() *known        { return &t.p.knows[t.t.at] }
func (t *objectTurn) kind() objectKind { return t.m.kinds[t.t.at] }
func (t *objectTurn) readOnly() bool   { return t.m.readers[t.t.at]>>t.who&1 != 0 }
func (t *objectTurn) silent() bool     { return t.m.readers[t.t.at] != 0 }

// become gives an object's word another value, and the next seq: nobody finds it as it was.
func (t *objectTurn) become(at uint8, now objectWord) {
	t.s.objects[at].objectWord = now
	if !now.reserved {
		t.s.objects[at].by = 0
	}
	t.sequence(at)
}

func (t *objectTurn) sequence(at uint8) {
	for i := range t.s.processes {
		p := &t.s.processes[i]
		k := &p.knows[at]
		k.moved, k.lost, k.patrolled = true, true, false
		p.call.old = p.call.old || p.call.at == at
		p.patrol.old = p.patrol.old || p.patrol.at == at
	}
}

// wakesUp has a sleeper look again.
func (t *objectTurn) wakesUp(who uint8) {
	p := &t.s.processes[who]
	p.asleep, p.ready = false, false
	(&objectTurn{m: t.m, s: t.s, p: p, t: &p.call, who: who}).prepare()
}

// wake wakes sleepers on a word or on a crowd: the one that was chosen, or all.
func (t *objectTurn) wake(crowd, all bool) (woken bool) {
	for i := range t.m.scripts {
		if (all || int(t.wakes) == i+1) && t.m.sleepsOn(t.s, i, t.t.at, crowd) {
			woken = true
			t.tell("wakes process %d", i+1)
			t.wakesUp(uint8(i))
		}
	}
	if !woken {
		t.tell("wakes nobody who sleeps on object %d%s", t.t.at+1, when(crowd, "'s crowd"))
	}
	return woken
}

// die kills a process. What a wait for all had taken of several is gone with it.
func (t *objectTurn) die() {
	t.tell("is killed")
	t.p.life = dead
	for o := range t.s.objects {
		if t.m.kinds[o] == mutexObject {
			t.p.life = exiting // its seats are there until the kernel drops the locks
			if t.s.objects[o].value == owner(t.who) {
				t.s.objects[o].orphaned = true
			}
		}
	}
	*t.p = objectProcess{life: t.p.life}
	t.s.kills--
}

// each goes on to the next object that the call is for. It is false after the last.
func (t *objectTurn) each() bool {
	t.p.outlasted = 0
	for t.t.at++; t.t.at < maxObjects; t.t.at++ {
		if t.it().isFor(t.t.at) {
			return true
		}
	}
	return false
}

// first begins a loop over the objects that the call is for.
func (t *objectTurn) first(then objectStep) {
	t.t.pc, t.t.at, t.p.outlasted = then, 0, 0
	if !t.it().isFor(0) {
		t.each()
	}
}

// goOn is the next step of the call.
func (t *objectTurn) goOn() {
	switch {
	case t.t.pc == oIdle:
		t.begin()
	case t.t.pc <= oPassOn:
		t.wait()
	case t.t.pc <= oUnreserve:
		t.waitForAll()
	default:
		t.change()
	}
}

// begin begins the next call.
func (t *objectTurn) begin() {
	c := t.it()
	t.tell("begins a %v", c)
	switch c.does {
	case waitAny, waitAll:
		t.first(oStart)
		t.wait()
	case setIt, resetIt, pulseIt, releaseIt:
		t.t.at, t.t.many, t.t.back = c.on, c.n, oIdle
		t.t.pc = [...]objectStep{oSet, oReset, oPulse, oRelease}[c.does-setIt]
		t.change()
	case unlockIt:
		if !t.p.owns { // the wait was given up
			t.p.next++
			return
		}
		t.t.at, t.t.pc, t.t.back = c.on, oUnlock, oIdle
		t.change()
	}
}
