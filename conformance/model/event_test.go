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
	noPatrol  bool
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

// place is where a wait sleeps: the seat of its process, and whether it has been let through.
type place struct {
	seat    uint8
	through bool
}

type eventStep uint8

const (
	eIdle eventStep = iota
	eTryLoad
	eTrySwap
	eFindPlace
	eComeLoad
	eComeSwap
	eLookAtPlace
	eLookAtWord
	eSleep
	eLeave
	eLeaveThrough
	eAgainLoad
	eAgainSwap
	eSetLoad
	eCount
	eAsleepLoad
	eAsleepWake
	eAsleepSwap
	eAsleepWakeAgain
	eAnyLoad
	eAnySwap
	eAnyWake
	eAnySeat
	eAnyTakeBack
	eFlagSwap
	eWake
	eClear
)

// eventProcess is what one process remembers.
type eventProcess struct {
	life    life
	seat    uint8
	left    uint8
	pc      eventStep
	seen    eventWord
	place   uint8 // that it waits in, from one; of a setter the one that it looks at
	let     place // what the setter saw there
	waiting uint8 // how many it counted
	came    bool  // it is in its place, and the word says so
	expired bool  // the wait is given up
	asleep  bool
	gone    uint8 // the processes that were dead when the Set began

	patrolPC    uint8
	patrolWord  eventWord
	patrolPlace place
}

type eventWorld struct {
	word      eventWord
	places    [maxPlaces]place
	processes [maxProcesses]eventProcess
	kills     uint8
	owed      uint8 // Sets that took effect, and that no wait has used up
}

func (m *events) start() eventWorld {
	s := eventWorld{kills: m.kills}
	for i := range m.processes {
		s.processes[i] = eventProcess{life: alive, seat: uint8(i + 1), left: m.waits}
		if m.setters>>i&1 != 0 {
			s.processes[i].left = m.sets
		}
	}
	return s
}

func (m *events) tell(moves []move) (lines []string) {
	s := m.start()
	m.say = func(line string) { lines = append(lines, line) }
	defer func() { m.say = nil }()
	for _, by := range moves {
		m.make(&s, by)
	}
	return lines
}

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
		if p.place > 0 && !m.noPatrol && m.setters>>who&1 == 0 {
			to = append(to, move{who, patrols})
		}
		if m.givesUp && (p.asleep || p.pc == eSleep) {
			to = append(to, move{who, givesUp})
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
		t.m.say(fmt.Sprintf("process %d  %s; the word is %+v, the places %+v", t.who+1, fmt.Sprintf(format, args...), t.s.word, t.s.places))
	}
}

func (m *events) make(s *eventWorld, by move) string {
	m.wrong = ""
	t := &eventTurn{m, s, &s.processes[by.process], by.process}
	switch by.what {
	case die:
		t.tell("is killed")
		*t.p = eventProcess{life: exiting, seat: t.p.seat}
		s.kills--
	case exit:
		t.tell("is gone, and its seat")
		t.p.life = dead
	case givesUp:
		t.tell("gives up")
		t.p.asleep, t.p.expired, t.p.pc = false, true, eLeave
	case patrols:
		t.patrol()
	default:
		t.goOn()
	}
	return m.wrong
}

func (t *eventTurn) goOn() {
	switch p := t.p; {
	case p.pc == eIdle && t.m.setters>>t.who&1 != 0:
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

// wakeAt wakes who sleeps in a place.
func (t *eventTurn) wakeAt(n uint8) bool {
	for i := range t.s.processes {
		if q := &t.s.processes[i]; q.asleep && q.place == n {
			q.asleep = false
			t.tell("wakes process %d", i+1)
			return true
		}
	}
	t.tell("wakes nobody")
	return false
}

// through is the end of a wait that was let through.
func (t *eventTurn) through() {
	if t.s.owed == 0 {
		t.m.wrong = "more waits are through than there were Sets"
	} else {
		t.s.owed--
	}
	*t.p = eventProcess{life: alive, seat: t.p.seat, left: t.p.left}
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
			*p = eventProcess{life: alive, seat: p.seat, left: p.left}
		default:
			p.pc = eFindPlace
		}
	case eTrySwap, eAgainSwap:
		p.pc--
		if t.swap(p.seen, p.seen.with(false)) {
			t.through()
		}
	case eFindPlace:
		for i := range t.s.places {
			if t.s.places[i] == (place{}) {
				t.s.places[i], p.place = place{seat: p.seat}, uint8(i+1)
				t.tell("waits in place %d", i+1)
				p.pc = eComeLoad
				return
			}
		}
		panic("the model has too few places")
	case eComeLoad:
		p.seen, p.pc = t.s.word, eComeSwap
		t.tell("comes to its place, and looks at the event")
		if p.seen.signaled {
			p.pc = eLeave
		}
	case eComeSwap:
		now := p.seen.with(false)
		now.sleepers = true
		if t.m.mistake == quietCome {
			now = p.seen
			now.sleepers = true
		}
		p.pc = eComeLoad
		if t.swap(p.seen, now) {
			p.came, p.pc = true, eLookAtPlace
			t.tell("says that it has come")
		}
	default:
		t.stay()
	}
}

// stay is the steps of a wait that has a place.
func (t *eventTurn) stay() {
	p, mine := t.p, place{seat: t.p.seat}
	switch p.pc {
	case eLookAtPlace:
		t.tell("looks at its place")
		p.pc = eLookAtWord
		if *t.place() != mine {
			p.pc = eLeave
		}
	case eLookAtWord:
		t.tell("looks at the event")
		p.pc = eSleep
		if t.s.word.signaled {
			p.pc = eLeave
		}
	case eSleep:
		p.pc = eLookAtPlace
		if p.asleep = *t.place() == mine; p.asleep {
			t.tell("sleeps")
			return
		}
		t.tell("does not sleep, because its place has changed")
	case eLeave:
		p.came = false
		if *t.place() == mine {
			*t.place() = place{}
			t.tell("leaves its place")
			p.place, p.pc = 0, eAgainLoad
			return
		}
		t.tell("finds that it was let through")
		p.pc = eLeaveThrough
		if (*t.place() != place{seat: p.seat, through: true}) {
			t.m.wrong = "somebody else has the place of one who waits"
		}
	case eLeaveThrough:
		*t.place() = place{}
		p.place = 0
		t.through()
	}
}

// set is the next step of a Set.
func (t *eventTurn) set() {
	switch p := t.p; p.pc {
	case eIdle, eSetLoad:
		if p.pc == eIdle {
			p.gone = t.s.gone()
		}
		p.seen, p.place, p.waiting = t.s.word, 1, 0
		t.tell("sets, and looks at the event")
		switch {
		case p.seen.sleepers && t.m.mistake != flagFirst:
			p.pc = eCount
		default:
			t.flag()
		}
	case eCount:
		if w := *t.place(); w.seat != 0 && !w.through {
			p.waiting++
		}
		t.tell("looks at place %d", p.place)
		if p.place++; p.place > maxPlaces {
			p.place, p.pc = 1, eAnyLoad
			if p.waiting > 1 {
				p.pc = eAsleepLoad
			}
		}
	case eAsleepLoad, eAsleepWake, eAsleepSwap, eAsleepWakeAgain:
		t.letAsleep()
	case eAnyLoad, eAnySwap, eAnyWake, eAnySeat, eAnyTakeBack:
		t.letAny()
	case eFlagSwap:
		t.flagSwap()
	case eWake:
		t.tell("wakes nobody who sleeps on the word")
		p.pc = eClear
	case eClear:
		cleared := p.seen
		cleared.sleepers = false
		if t.swap(p.seen, cleared) {
			t.tell("clears the flag")
		}
		t.setDone()
	}
}

// flag goes on where nobody was found who could be let through.
func (t *eventTurn) flag() {
	t.p.place, t.p.let, t.p.waiting = 0, place{}, 0
	if t.p.seen.signaled {
		t.setDone() // it is set already
		return
	}
	t.p.pc = eFlagSwap
}

func (t *eventTurn) flagSwap() {
	p := t.p
	now := p.seen.with(true)
	if t.m.mistake == flagUnlooked {
		p.seen = t.s.word
		now = p.seen.with(true)
	}
	if !t.swap(p.seen, now) {
		p.pc = eSetLoad
		return
	}
	t.tell("sets the flag")
	t.s.owed++
	for i := range t.s.processes {
		if q := &t.s.processes[i]; q.life == alive && q.came && !q.expired && *q.placeIn(t.s) == (place{seat: q.seat}) {
			t.m.wrong = fmt.Sprintf("the flag was set although process %d waits", i+1)
		}
	}
	p.seen = now
	if !now.sleepers {
		t.setDone()
		return
	}
	p.pc = eWake
}

func (p *eventProcess) placeIn(s *eventWorld) *place { return &s.places[p.place-1] }

// gone is the processes that are dead.
func (s *eventWorld) gone() (all uint8) {
	for i := range s.processes {
		if s.processes[i].life == dead {
			all |= 1 << i
		}
	}
	return all
}

func (t *eventTurn) setDone() {
	if seat := t.p.let.seat; seat > 0 && t.p.gone>>(seat-1)&1 != 0 && *t.place() == (place{seat: seat, through: true}) {
		t.m.wrong = "a Set was used up by one who was dead before it began"
	}
	*t.p = eventProcess{life: alive, seat: t.p.seat, left: t.p.left}
}

// nextPlace goes on to the next place.
func (t *eventTurn) nextPlace(again, then eventStep) {
	t.p.pc, t.p.let = again, place{}
	if t.p.place++; t.p.place > maxPlaces {
		t.p.place, t.p.pc = 1, then
		if then == eFlagSwap {
			t.flag()
		}
	}
}

// letAsleep lets the one through who sleeps in a place.
func (t *eventTurn) letAsleep() {
	switch p := t.p; p.pc {
	case eAsleepLoad:
		p.let = *t.place()
		t.tell("looks at place %d", p.place)
		p.pc = eAsleepWake
		if p.let.seat == 0 || p.let.through {
			t.nextPlace(eAsleepLoad, eAnyLoad)
		}
	case eAsleepWake:
		p.pc = eAsleepSwap
		if !t.wakeAt(p.place) {
			t.nextPlace(eAsleepLoad, eAnyLoad)
		}
	case eAsleepSwap:
		if *t.place() != p.let {
			t.tell("finds place %d changed", p.place)
			t.nextPlace(eAsleepLoad, eAnyLoad)
			return
		}
		t.place().through = true
		t.s.owed++
		t.tell("lets the one in place %d through", p.place)
		p.pc = eAsleepWakeAgain
	case eAsleepWakeAgain:
		t.wakeAt(p.place)
		t.setDone()
	}
}

// letAny lets the one through who waits in a place, if he lives.
func (t *eventTurn) letAny() {
	switch p := t.p; p.pc {
	case eAnyLoad:
		p.let = *t.place()
		t.tell("looks at place %d", p.place)
		p.pc = eAnySwap
		if p.let.seat == 0 || p.let.through {
			t.nextPlace(eAnyLoad, eFlagSwap)
		}
	case eAnySwap:
		if *t.place() != p.let {
			t.tell("finds place %d changed", p.place)
			t.nextPlace(eAnyLoad, eFlagSwap)
			return
		}
		t.place().through = true
		t.s.owed++
		t.tell("lets the one in place %d through", p.place)
		p.pc = eAnyWake
	case eAnyWake:
		p.pc = eAnySeat
		if t.m.mistake == wakeLater || t.wakeAt(p.place) {
			t.setDone()
		}
	case eAnySeat:
		if t.s.processes[p.let.seat-1].life != dead || t.m.mistake == letDeadThrough {
			t.tell("asks for the seat: he lives")
			t.setDone()
			return
		}
		t.tell("asks for the seat: he is dead")
		p.pc = eAnyTakeBack
	case eAnyTakeBack:
		if (*t.place() != place{seat: p.let.seat, through: true}) {
			t.setDone()
			return
		}
		*t.place() = place{}
		t.s.owed--
		t.tell("frees the place of the dead")
		t.nextPlace(eAnyLoad, eFlagSwap)
	}
}

// patrol is one look of the process's patrol at its place: at the word, and at the place, and the wake-up.
func (t *eventTurn) patrol() {
	p := t.p
	switch p.patrolPC {
	case 0:
		p.patrolWord = t.s.word
		t.tell("its patrol looks at the event")
		p.patrolPC = 1
	case 1:
		p.patrolPlace = *t.place()
		t.tell("its patrol looks at its place")
		p.patrolPC = 2
	case 2:
		if v := p.patrolPlace; v.seat == p.seat && (v.through || p.patrolWord.signaled) {
			t.tell("its patrol wakes")
			t.wakeAt(p.place)
		}
		p.patrolPC, p.patrolWord, p.patrolPlace = 0, eventWord{}, place{}
	}
}

// check: without deaths nobody needs a patrol; with one, whoever can be through is through though all others are stopped;
// and without deaths no Set is lost.
func (m *events) check(s *eventWorld) string {
	over, asleep := true, false
	for i := range m.processes {
		p := &s.processes[i]
		asleep = asleep || p.asleep
		over = over && (p.asleep || p.pc == eIdle && p.left == 0 || p.life == dead)
		if p.place > 0 && m.setters>>i&1 == 0 && p.life == alive && !m.noPatrol && !m.getsThrough(*s, uint8(i)) {
			return fmt.Sprintf("process %d waits for ever, though it could go through", i+1)
		}
	}
	if m.noPatrol && asleep && len(m.moves(s, nil)) == 0 && s.owed > 0 {
		return "somebody sleeps, and a Set is left that he will never see"
	}
	if over && s.owed > 0 && !s.word.signaled && s.kills == m.kills {
		return "a Set is lost"
	}
	return ""
}

// getsThrough lets one process and its patrol go on while all others are stopped. It is through, if there is anything for
// it.
func (m *events) getsThrough(s eventWorld, who uint8) bool {
	say, wrong := m.say, m.wrong
	m.say = nil
	defer func() { m.say, m.wrong = say, wrong }()
	for range 100 {
		p := &s.processes[who]
		if p.place == 0 {
			return true
		}
		if v := *p.placeIn(&s); p.asleep && !v.through && !s.word.signaled {
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
		{name: "a waiter and two setters, no patrol", processes: 3, setters: 6, waits: 2, sets: 2, noPatrol: true},
		{name: "two waiters that give up", processes: 3, setters: 4, waits: 1, sets: 2, noPatrol: true, givesUp: true},
		{name: "two waiters, a setter and a death", processes: 3, setters: 4, waits: 1, sets: 2, kills: 1},
		{name: "a waiter, two setters and two deaths", processes: 3, setters: 6, waits: 1, sets: 1, kills: 2, givesUp: true},
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
	killed := events{processes: 3, setters: 4, waits: 2, sets: 2, kills: 1}
	for _, c := range []struct {
		name    string
		mistake wordMistake
		in      events
		wrong   string
	}{
		{"a waiter comes to its place and does not change the word", quietCome, waiters, "although process"},
		{"the flag is set whatever the word is", flagUnlooked, waiters, "although process"},
		{"Set does not look at the places", flagFirst, waiters, "although process"},
		{"who is let through is not woken", wakeLater, waiters, "will never see"},
		{"no patrol, and a death", neverPatrol, killed, "waits for ever"},
		{"the dead are let through", letDeadThrough, killed, "used up by one who was dead"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := c.in
			m.mistake = c.mistake
			caught(t, &m, c.wrong)
		})
	}
}
