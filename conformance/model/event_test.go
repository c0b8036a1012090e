package model

import (
	"fmt"
	"testing"
)

// events is the machine of one auto-reset event: its word, the places in which waits sleep, those who wait and those who
// set it. A step is one instruction on a number, or one system call: internal/kernel/event.go, place.go and patrol.go.
type events struct {
	name      string
	processes int
	setters   uint8 // which processes set; the others wait
	waits     uint8 // of each that waits
	sets      uint8 // of each that sets
	kills     uint8
	signals   uint8 // how often a sleeper is taken out of his futex, as a stop does it, and goes back to it
	polls     uint8 // which processes sleep without futexes
	noPatrol  bool  // or else there is one from the first death on, or always if nobody dies
	givesUp   bool
	mistake   wordMistake

	say   func(string)
	wrong string
}

const maxPlaces = 2

// eventWord is a word.
type eventWord struct {
	signaled bool
	sleepers bool
	seq      uint8
}

func (w eventWord) with(signaled bool) eventWord { return eventWord{signaled, w.sleepers, w.seq + 1} }

func (w eventWord) said() eventWord { return eventWord{w.signaled, true, w.seq + 1} }

// placeState is what a place says of the wait in it.
type placeState uint8

const (
	isFree placeState = iota
	waits
	through
	nudged
)

// place is where a wait sleeps: the seat of its process, and what it says of it. Each wait that comes to a place has another
// turn there, so that a place which was left meanwhile is not taken for what it was. The model has no numbers for turns: a
// place that somebody remembers becomes old when it is left.
type place struct {
	seat uint8
	is   placeState
	old  bool
}

func (v place) isWaiting() bool { return v.is == waits || v.is == nudged }

type eventStep uint8

const (
	eIdle eventStep = iota
	eTryLoad
	eTrySwap
	eFindPlace
	eComeLoad
	eComeSwap
	eUnnudge
	eLookAtPlace
	eLookLoad
	eLookSwap
	eUnnudgeLate
	eSleep
	eLeaveLoad
	eLeaveSwap
	eAgainLoad
	eAgainSwap
	eSetLoad
	eLetLoad
	eLetSwap
	eLetWake
	eAskPolls
	eTakeBack
	eFlagSwap
	eWake
	eClear
	eNudgeLoad
	eNudgeSwap
	eNudgeWake
)

// What the patrol does next.
const (
	pLook uint8 = iota
	pClearLoad
	pClearAsk
	pClearSwap
	pWakeLoad
	pWakeSwap
	pWake
)

// eventProcess is what one process remembers.
type eventProcess struct {
	life    life
	seat    uint8
	left    uint8
	pc      eventStep
	seen    eventWord
	place   uint8 // that it waits in, from one; of a setter the one that it looks at
	let     place // what it saw there
	came    bool  // it sleeps, or looks whether it should
	expired bool  // the wait is given up
	asleep  bool
	due     uint8 // of a setter: whom it must not pass over

	patrolPC    uint8
	patrolAt    uint8
	patrolLook  bool
	patrolPlace place
}

type eventWorld struct {
	word      eventWord
	places    [maxPlaces]place
	processes [maxProcesses]eventProcess
	kills     uint8
	signals   uint8

	// What nobody knows but the judge.
	owed  uint8            // Sets that took effect, and that no wait has used up
	by    [maxPlaces]uint8 // who let the one in a place through
	given [maxPlaces]bool  // and he was asleep then, said the kernel
}

func (m *events) start() eventWorld {
	s := eventWorld{kills: m.kills, signals: m.signals}
	for i := range m.processes {
		s.processes[i] = eventProcess{life: alive, seat: uint8(i + 1), left: m.waits}
		if m.isSetter(i) {
			s.processes[i].left = m.sets
		}
	}
	return s
}

func (m *events) isSetter(process int) bool { return m.setters>>process&1 != 0 }

func (m *events) tell(moves []move) (lines []string) {
	s := m.start()
	m.say = func(line string) { lines = append(lines, line) }
	defer func() { m.say = nil }()
	for _, by := range moves {
		m.make(&s, by)
	}
	return lines
}

// interrupted is what a sleeper is when a signal or a stop takes him out of his futex. He goes back to it without a look.
const interrupted what = 30

func (m *events) moves(s *eventWorld, to []move) []move {
	for i := range m.processes {
		p, who := &s.processes[i], uint8(i)
		if p.life == exiting {
			to = append(to, move{who, exit})
		}
		if p.life != alive {
			continue
		}
		if !p.asleep && (p.pc != eIdle || p.left > 0) {
			to = append(to, move{who, goOn})
		}
		if p.patrolPC != pLook || p.came && !m.noPatrol && (s.kills < m.kills || m.kills == 0) {
			to = append(to, move{who, patrols})
		}
		if m.givesUp && p.came && (p.asleep || p.pc == eSleep) {
			to = append(to, move{who, givesUp})
		}
		if p.asleep && s.signals > 0 {
			to = append(to, move{who, interrupted})
		}
		if s.kills > 0 && p.pc != eIdle {
			to = append(to, move{who, die})
		}
	}
	return to
}

type eventTurn struct {
	m   *events
	s   *eventWorld
	p   *eventProcess
	who uint8
}

func (t *eventTurn) tell(format string, args ...any) {
	if t.m.say != nil {
		w := t.s.word
		t.m.say(fmt.Sprintf("process %d  %s; signaled %v, sleepers %v, places %v", t.who+1, fmt.Sprintf(format, args...), w.signaled, w.sleepers, t.s.places))
	}
}

func (v place) String() string {
	if v.is == isFree {
		return "free"
	}
	return fmt.Sprintf("%d %s", v.seat, [...]string{"", "waits", "through", "nudged"}[v.is])
}

func (m *events) make(s *eventWorld, by move) string {
	m.wrong = ""
	t := &eventTurn{m, s, &s.processes[by.process], by.process}
	switch by.what {
	case die:
		t.die()
	case exit:
		t.tell("is gone, and its seat")
		t.p.life = dead
	case givesUp:
		t.tell("gives up")
		s.wakes(by.process, eLeaveLoad)
		t.p.came, t.p.expired = false, true
	case interrupted:
		t.tell("is interrupted")
		s.wakes(by.process, eSleep)
		s.signals--
	case patrols:
		t.patrol()
	default:
		t.goOn()
	}
	m.forget(s)
	return m.wrong
}

// stale is the seq of a word that has changed since: which it was does not matter, it does not come again.
const stale = 100

// forget forgets which numbers words had. There is no end of them.
func (m *events) forget(s *eventWorld) {
	for i := range s.processes {
		p := &s.processes[i]
		swaps := p.pc == eTrySwap || p.pc == eAgainSwap || p.pc == eComeSwap || p.pc == eLookSwap
		switch {
		case !swaps && (p.pc < eLetLoad || p.pc > eClear && m.mistake != nudgeFirst):
			p.seen = eventWord{}
		case p.seen.seq != s.word.seq:
			p.seen.seq = stale
		default:
			p.seen.seq = 0
		}
	}
	s.word.seq = 0
}

// wakes has a sleeper go on with a step.
func (s *eventWorld) wakes(who uint8, then eventStep) {
	s.processes[who].asleep, s.processes[who].pc = false, then
	for i := range s.processes {
		s.processes[i].due &^= 1 << who
	}
}

// die kills a process. What it was given when it slept is used up; what was only offered to it is for the setter to take
// back, if that one lives. A Set that was killed in the middle may have taken effect or not.
func (t *eventTurn) die() {
	t.tell("is killed")
	for i, v := range t.s.places {
		if v.is != through {
			continue
		}
		mine, by := v.seat == t.p.seat, t.s.by[i]
		switch {
		case mine && (t.s.given[i] || !t.s.pending(by, i)),
			by == t.who+1 && t.s.pending(by, i) && t.s.processes[v.seat-1].life != alive:
			t.s.owed--
		}
	}
	t.s.wakes(t.who, eIdle)
	*t.p = eventProcess{life: exiting, seat: t.p.seat}
	t.s.kills--
}

// pending reports that a setter may take back what it has given.
func (s *eventWorld) pending(setter uint8, at int) bool {
	p := &s.processes[setter-1]
	return p.life == alive && p.pc >= eLetWake && p.pc <= eTakeBack && int(p.place) == at+1
}

func (t *eventTurn) goOn() {
	switch p := t.p; {
	case p.pc == eIdle && t.m.isSetter(int(t.who)):
		p.left--
		t.set()
	case p.pc == eIdle:
		p.left--
		p.pc = eTryLoad
		t.wait()
	case p.pc < eSetLoad:
		t.wait()
	default:
		t.set()
	}
}

func (t *eventTurn) swap(old, new eventWord) bool {
	if t.s.word != old {
		t.tell("finds the word changed")
		return false
	}
	t.s.word = new
	return true
}

func (t *eventTurn) place() *place { return &t.s.places[t.p.place-1] }

// swapPlace changes a place, if it is what it was.
func (t *eventTurn) swapPlace(at uint8, old, new place) bool {
	v := &t.s.places[at-1]
	if *v != old {
		t.tell("finds place %d changed", at)
		return false
	}
	*v = new
	if new.is != through {
		t.s.by[at-1], t.s.given[at-1] = 0, false
	}
	if new.is == isFree && t.m.mistake != noTurns {
		for i := range t.s.processes {
			q := &t.s.processes[i]
			q.let.old = q.let.old || q.place == at && q.let.is != isFree
			q.patrolPlace.old = q.patrolPlace.old || q.patrolAt == at && q.patrolPlace.is != isFree
		}
	}
	return true
}

// wakeAt wakes who sleeps in a place.
func (t *eventTurn) wakeAt(n uint8) bool {
	for i := range t.s.processes {
		if q := &t.s.processes[i]; q.asleep && q.place == n {
			t.s.wakes(uint8(i), eUnnudge)
			if t.m.mistake == unnudgeLate {
				q.pc = eLookAtPlace
			}
			t.tell("wakes process %d", i+1)
			return true
		}
	}
	t.tell("wakes nobody")
	return false
}

// idle ends what the thread does. The patrol may be in the middle of a look.
func (p *eventProcess) idle() {
	*p = eventProcess{
		life: p.life, seat: p.seat, left: p.left,
		patrolPC: p.patrolPC, patrolAt: p.patrolAt, patrolLook: p.patrolLook, patrolPlace: p.patrolPlace,
	}
}

// through is the end of a wait that was let through.
func (t *eventTurn) through() {
	if t.s.owed == 0 {
		t.m.wrong = "more waits are through than there were Sets"
	} else {
		t.s.owed--
	}
	t.p.idle()
	t.tell("is through")
}

// wait is the next step of a wait.
func (t *eventTurn) wait() {
	switch p := t.p; p.pc {
	case eTryLoad, eAgainLoad:
		p.seen = t.s.word
		t.tell("looks at the event")
		switch {
		case p.seen.signaled:
			p.pc++ // to the swap
		case p.expired:
			p.idle()
		default:
			p.seen, p.pc = eventWord{}, eFindPlace
		}
	case eTrySwap, eAgainSwap:
		p.pc--
		if t.swap(p.seen, p.seen.with(false)) {
			t.through()
		}
	case eFindPlace:
		for i := range t.s.places {
			if t.s.places[i] == (place{}) {
				t.s.places[i], p.place = place{seat: p.seat, is: waits}, uint8(i+1)
				t.tell("waits in place %d", i+1)
				p.pc = eComeLoad
				return
			}
		}
		t.m.wrong = "more places are taken than there are waits"
	case eComeLoad:
		p.seen, p.pc = t.s.word, eComeSwap
		t.tell("comes to its place, and looks at the event")
		if p.seen.signaled {
			p.seen, p.pc = eventWord{}, eLeaveLoad
		}
	case eComeSwap:
		now := p.seen.said()
		if t.m.mistake == quietCome {
			now.seq = p.seen.seq
		}
		p.pc = eComeLoad
		if t.swap(p.seen, now) {
			p.seen, p.came, p.pc = eventWord{}, true, eUnnudge
			if t.m.mistake == unnudgeLate {
				p.pc = eLookAtPlace
			}
			t.tell("says that it has come")
		}
	case eLeaveLoad, eLeaveSwap:
		t.leave()
	default:
		t.stay()
	}
}

// stay is the steps of a wait that has come to its place.
func (t *eventTurn) stay() {
	p, mine := t.p, place{seat: t.p.seat, is: waits}
	late := t.m.mistake == unnudgeLate
	switch p.pc {
	case eUnnudge, eUnnudgeLate:
		if p.pc++; t.swapPlace(p.place, place{seat: p.seat, is: nudged}, mine) {
			t.tell("is about to look")
		}
	case eLookAtPlace:
		t.tell("looks at its place")
		p.pc = eLookLoad
		if *t.place() != mine && (!late || t.place().is != nudged) {
			p.came, p.pc = false, eLeaveLoad
		}
	case eLookLoad:
		p.seen = t.s.word
		t.tell("looks at the event")
		switch {
		case p.seen.signaled:
			p.came, p.pc = false, eLeaveLoad
		case p.seen.sleepers || t.m.mistake == quietSleep:
			p.pc = eSleep
		default:
			p.pc = eLookSwap
			return
		}
		if p.seen = (eventWord{}); late && p.pc == eSleep {
			p.pc = eUnnudgeLate
		}
	case eLookSwap:
		p.pc = eLookLoad
		if t.swap(p.seen, p.seen.said()) {
			t.tell("says that it sleeps")
			p.seen, p.pc = eventWord{}, eSleep
			if late {
				p.pc = eUnnudgeLate
			}
		}
	case eSleep:
		p.asleep = *t.place() == mine && t.m.polls>>t.who&1 == 0
		if p.asleep {
			t.tell("sleeps")
			return
		}
		t.tell("does not sleep")
		if p.pc = eUnnudge; late {
			p.pc = eLookAtPlace
		}
	}
}

// leave is the steps of a wait that leaves its place.
func (t *eventTurn) leave() {
	p := t.p
	if p.pc == eLeaveLoad {
		p.let, p.pc = *t.place(), eLeaveSwap
		t.tell("looks whether it was let through")
		if p.let.seat != p.seat {
			t.m.wrong = "somebody else has the place of one who waits"
		}
		return
	}
	if p.pc = eLeaveLoad; !t.swapPlace(p.place, p.let, place{}) {
		return
	}
	t.tell("leaves its place")
	if p.let.is == through {
		t.through()
		return
	}
	p.place, p.let, p.pc = 0, place{}, eAgainLoad
}

// set is the next step of a Set.
func (t *eventTurn) set() {
	switch p := t.p; p.pc {
	case eIdle, eSetLoad:
		p.seen, p.place, p.due = t.s.word, 1, 0
		for i := range t.m.processes {
			if q := &t.s.processes[i]; !t.m.isSetter(i) && (!q.came || q.asleep && p.seen.sleepers) {
				p.due |= 1 << i
			}
		}
		t.tell("looks at the event, to set it")
		if p.pc = eLetLoad; !p.seen.sleepers || t.m.mistake == flagFirst {
			t.flag()
		}
	case eFlagSwap:
		t.flagSwap()
	case eWake:
		t.tell("wakes nobody who sleeps on the word")
		p.pc = eClear
	case eClear:
		cleared := p.seen
		cleared.sleepers = false
		if t.swap(p.seen, cleared) {
			t.tell("clears the flag that somebody sleeps")
		}
		p.seen, p.place, p.pc = eventWord{}, 1, eNudgeLoad
		if t.m.mistake == noNudge || t.m.mistake == nudgeFirst {
			p.idle()
		}
	case eNudgeLoad, eNudgeSwap, eNudgeWake:
		t.nudge()
	default:
		t.let()
	}
}

// flag goes on where nobody was found who sleeps.
func (t *eventTurn) flag() {
	switch {
	case t.p.seen.signaled:
		t.p.idle() // it is set already
	case t.m.mistake == nudgeFirst && t.p.seen.sleepers:
		t.p.place, t.p.pc = 1, eNudgeLoad
	default:
		t.p.place, t.p.pc = 0, eFlagSwap
	}
}

func (t *eventTurn) flagSwap() {
	p := t.p
	if t.m.mistake == flagUnlooked {
		p.seen = t.s.word
	}
	now := p.seen.with(true)
	if !t.swap(p.seen, now) {
		p.pc = eSetLoad
		return
	}
	t.tell("sets the flag")
	t.s.owed++
	for i := range t.m.processes {
		if q := &t.s.processes[i]; p.due>>i&1 != 0 && q.asleep && t.s.places[q.place-1] == (place{seat: q.seat, is: waits}) {
			t.m.wrong = fmt.Sprintf("the flag was set although process %d sleeps", i+1)
		}
	}
	p.seen, p.due = now, 0
	if p.pc = eWake; !now.sleepers {
		p.idle()
	}
}

// nextPlace goes on to the next place.
func (t *eventTurn) nextPlace(again eventStep) {
	p := t.p
	p.pc, p.let = again, place{}
	if p.place++; p.place <= maxPlaces {
		return
	}
	switch {
	case again == eLetLoad:
		t.flag()
	case t.m.mistake == nudgeFirst:
		p.place, p.pc = 0, eFlagSwap
	default:
		p.idle()
	}
}

// let lets the one through who sleeps in a place.
func (t *eventTurn) let() {
	p := t.p
	given := place{p.let.seat, through, p.let.old}
	switch p.pc {
	case eLetLoad:
		p.let = *t.place()
		t.tell("looks at place %d", p.place)
		if p.pc = eLetSwap; !p.let.isWaiting() {
			t.nextPlace(eLetLoad)
		}
	case eLetSwap:
		if !t.swapPlace(p.place, p.let, given) {
			t.nextPlace(eLetLoad)
			return
		}
		t.s.owed++
		t.s.by[p.place-1] = t.who + 1
		t.tell("lets the one in place %d through", p.place)
		p.pc = eLetWake
	case eLetWake:
		switch {
		case t.m.mistake == wakeLater:
			p.idle()
		case t.wakeAt(p.place):
			t.s.given[p.place-1] = true
			p.idle()
		case t.m.mistake == seatDecides || t.m.polls>>(p.let.seat-1)&1 != 0:
			p.pc = eAskPolls
		default:
			p.pc = eTakeBack
		}
	case eAskPolls:
		t.tell("asks for the seat")
		if p.pc = eTakeBack; t.s.processes[p.let.seat-1].life != dead {
			p.idle()
		}
	case eTakeBack:
		t.takeBack(given)
	}
}

// takeBack takes back what one was given who did not sleep.
func (t *eventTurn) takeBack(given place) {
	p := t.p
	back := place{seat: p.let.seat, is: nudged}
	if t.m.mistake == backUnnudged {
		back = p.let
	}
	by := t.s.by[p.place-1]
	if t.m.mistake == backBlindly {
		if t.place().is == through {
			t.s.owed--
		}
		*t.place() = back
	} else if !t.swapPlace(p.place, given, back) {
		p.idle()
		return
	} else {
		t.s.owed--
	}
	t.tell("takes it back")
	if by != t.who+1 && t.m.mistake != backBlindly {
		t.m.wrong = "a Set takes back what another one gave"
	}
	t.nextPlace(eLetLoad)
}

// nudge has those look once more who are in places.
func (t *eventTurn) nudge() {
	switch p := t.p; p.pc {
	case eNudgeLoad:
		p.let = *t.place()
		t.tell("looks whether to nudge the one in place %d", p.place)
		switch {
		case !p.let.isWaiting():
			t.nextPlace(eNudgeLoad)
		case p.let.is == nudged:
			p.pc = eNudgeWake
		default:
			p.pc = eNudgeSwap
		}
	case eNudgeSwap:
		if p.pc = eNudgeWake; !t.swapPlace(p.place, p.let, place{seat: p.let.seat, is: nudged}) {
			t.nextPlace(eNudgeLoad)
			return
		}
		t.tell("nudges the one in place %d", p.place)
	case eNudgeWake:
		t.wakeAt(p.place)
		t.nextPlace(eNudgeLoad)
	}
}

// patrol is the next step of the process's patrol: it looks at the word, frees the places of the dead, and has its own
// sleeper look, if there may be something for him.
func (t *eventTurn) patrol() {
	p := t.p
	switch p.patrolPC {
	case pLook:
		p.patrolLook = t.s.word.signaled || !t.s.word.sleepers && t.m.mistake != patrolBlind
		t.tell("its patrol looks at the event")
		p.patrolPC, p.patrolAt = pClearLoad, 1
		if t.m.kills == 0 {
			p.patrolPC = pWakeLoad // nobody is dead
		}
	case pClearLoad:
		p.patrolPlace = t.s.places[p.patrolAt-1]
		t.tell("its patrol looks at place %d", p.patrolAt)
		p.patrolPC = pClearAsk
		if v := p.patrolPlace; v.seat == 0 || v.seat == p.seat || v.is == through && t.m.mistake != clearGiven {
			t.patrolNext(pClearLoad, pWakeLoad)
		}
	case pClearAsk:
		t.tell("its patrol asks for the seat")
		if p.patrolPC = pClearSwap; t.s.processes[p.patrolPlace.seat-1].life != dead {
			t.patrolNext(pClearLoad, pWakeLoad)
		}
	case pClearSwap:
		if t.swapPlace(p.patrolAt, p.patrolPlace, place{}) {
			t.tell("its patrol frees place %d", p.patrolAt)
		}
		t.patrolNext(pClearLoad, pWakeLoad)
	default:
		t.patrolWake()
	}
}

// patrolNext goes on to the next place.
func (t *eventTurn) patrolNext(again, then uint8) {
	p := t.p
	p.patrolPC, p.patrolPlace = again, place{}
	if p.patrolAt++; p.patrolAt > maxPlaces {
		p.patrolPC, p.patrolAt = then, 1
		if then == pLook {
			p.patrolAt, p.patrolLook = 0, false
		}
	}
}

// patrolWake is the part of the patrol that wakes.
func (t *eventTurn) patrolWake() {
	p := t.p
	switch p.patrolPC {
	case pWakeLoad:
		v := t.s.places[p.patrolAt-1]
		t.tell("its patrol looks whether its own sleeper is in place %d", p.patrolAt)
		switch {
		case v.seat != p.seat || v.is != through && !p.patrolLook:
			t.patrolNext(pWakeLoad, pLook)
		case p.patrolLook:
			p.patrolPC = pWakeSwap
		default:
			p.patrolPC = pWake
		}
	case pWakeSwap:
		if p.patrolPC = pWake; t.swapPlace(p.patrolAt, place{seat: p.seat, is: waits}, place{seat: p.seat, is: nudged}) {
			t.tell("its patrol nudges him")
		}
	case pWake:
		t.wakeAt(p.patrolAt)
		t.patrolNext(pWakeLoad, pLook)
	}
}

// check: without deaths nobody needs a patrol; with one, whoever can be through is through though all others are stopped,
// and whoever sleeps is seen to sleep; and no Set is lost.
func (m *events) check(s *eventWorld) string {
	over, asleep := true, false
	for i := range m.processes {
		p := &s.processes[i]
		asleep = asleep || p.asleep
		over = over && (p.asleep || p.pc == eIdle && p.left == 0 || p.life == dead)
		if p.came && !m.noPatrol && !m.getsThrough(*s, uint8(i)) {
			return fmt.Sprintf("process %d waits for ever, though it could go through, or nobody sees it sleep", i+1)
		}
	}
	switch {
	case over && s.owed > 0 && !s.word.signaled && !s.onItsWay():
		return "a Set is lost"
	case over && asleep && m.noPatrol && s.owed > 0:
		return "somebody sleeps, and a Set is left that he will never see"
	case over && asleep && m.noPatrol && !s.word.sleepers:
		return "somebody sleeps, and the word does not say so"
	}
	return ""
}

// onItsWay reports that one who lives has been let through, and will see it.
func (s *eventWorld) onItsWay() bool {
	for _, v := range s.places {
		if v.is == through && s.processes[v.seat-1].life == alive {
			return true
		}
	}
	return false
}

// getsThrough lets one process and its patrol go on while all others are stopped. It is through, if there is anything for
// it, or it sleeps and the word says so.
func (m *events) getsThrough(s eventWorld, who uint8) bool {
	say, wrong := m.say, m.wrong
	m.say = nil
	defer func() { m.say, m.wrong = say, wrong }()
	for range 100 {
		p := &s.processes[who]
		if !p.came {
			return true
		}
		rests := p.asleep || p.pc == eSleep && m.polls>>who&1 != 0
		if rests && s.places[p.place-1].is != through && !s.word.signaled && s.word.sleepers {
			return true // there is nothing
		}
		by := move{who, goOn}
		if p.asleep {
			by.what = patrols
			if m.mistake == neverPatrol {
				return false
			}
		}
		m.make(&s, by)
	}
	return false
}

// TestEvent explores an auto-reset event.
func TestEvent(t *testing.T) {
	configurations := []events{
		{name: "two waiters and a setter, no patrol", processes: 3, setters: 4, waits: 2, sets: 2, noPatrol: true},
		{name: "a waiter and two setters, no patrol", processes: 3, setters: 6, waits: 2, sets: 2, noPatrol: true, signals: 1},
		{name: "two waiters that give up", processes: 3, setters: 4, waits: 1, sets: 2, noPatrol: true, givesUp: true},
		{name: "one that polls, one that does not", processes: 3, setters: 4, waits: 1, sets: 2, noPatrol: true, polls: 1, givesUp: true},
		{name: "a waiter with a patrol, and two setters", processes: 3, setters: 6, waits: 1, sets: 1, givesUp: true},
		{name: "two waiters, a setter and a death", processes: 3, setters: 4, waits: 1, sets: 2, kills: 1},
		{name: "a waiter, two setters and two deaths", processes: 3, setters: 6, waits: 1, sets: 1, kills: 2, givesUp: true, signals: 1},
	}
	if *full {
		configurations = append(configurations,
			events{name: "two waiters that give up twice", processes: 3, setters: 4, waits: 2, sets: 2, noPatrol: true, givesUp: true},
			events{name: "two waiters, a setter and two deaths", processes: 3, setters: 4, waits: 1, sets: 2, kills: 2},
			events{name: "two waiters, three Sets and a death", processes: 3, setters: 4, waits: 2, sets: 3, kills: 1},
		)
	}
	for _, m := range configurations {
		t.Run(m.name, func(t *testing.T) { exploreWhole(t, &m, m.name) })
	}
}

// TestEventMistakes does one thing after the other wrong.
func TestEventMistakes(t *testing.T) {
	waiters := events{processes: 3, setters: 4, waits: 2, sets: 2, noPatrol: true}
	setters := events{processes: 3, setters: 6, waits: 2, sets: 2, noPatrol: true}
	killed := events{processes: 3, setters: 4, waits: 1, sets: 2, kills: 1}
	const asleep, never = "somebody sleeps, and", "will never see"
	for _, c := range []struct {
		name    string
		mistake wordMistake
		in      events
		wrong   string
	}{
		{"a waiter comes to its place and does not change the word", quietCome, waiters, "although process"},
		{"the flag is set whatever the word is", flagUnlooked, waiters, "although process"},
		{"Set does not look at the places", flagFirst, waiters, "although process"},
		{"who is let through is not woken", wakeLater, waiters, never},
		{"nobody is nudged", noNudge, waiters, asleep},
		{"the nudge comes before the flag", nudgeFirst, waiters, asleep},
		{"the nudge is taken off after the look that it asks for", unnudgeLate, waiters, asleep},
		{"who sleeps again does not see to it that the word says so", quietSleep, waiters, "does not say so"},
		{"who did not sleep is let through because his seat is taken", seatDecides, killed, "a Set is lost"},
		{"a Set is taken back whatever the place is", backBlindly, waiters, "more places are taken"},
		{"who takes a Set back does not nudge", backUnnudged, setters, never},
		{"a place that was left is taken for what it was", noTurns, setters, "takes back what another one gave"},
		{"no patrol, and a death", neverPatrol, killed, "waits for ever"},
		{"the patrol does not look whether the word says that somebody sleeps", patrolBlind, killed, "nobody sees it sleep"},
		{"the patrol frees the place of one who was let through", clearGiven, killed, "a Set is lost"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := c.in
			m.mistake = c.mistake
			caught(t, &m, c.wrong)
		})
	}
}
