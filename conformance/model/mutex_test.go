package model

import (
	"fmt"
	"testing"
	"time"
)

// mutexes is the machine of one mutex: its word, those who lock it, and the patrols of those who sleep. A step is one
// instruction on the word, or one system call: internal/kernel/mutex.go, wait.go and patrol.go.
type mutexes struct {
	name      string
	processes int
	left      uint8 // times that each process locks
	kills     uint8
	noPatrol  bool
	givesUp   bool // a wait may end without the mutex
	mistake   wordMistake

	say   func(string)
	wrong string
}

// wordMistake is something done wrong with a word.
type wordMistake uint8

const (
	nothingWrong wordMistake = iota
	noWake
	freshSleep
	clearBlindly
	neverPatrol
	buryTheLiving
	buryBlindly
	seatUsedAgain
	flagUnlooked
	quietCome
	flagFirst
	wakeLater
	noNudge
	nudgeFirst
	unnudgeLate
	quietSleep
	seatDecides
	backBlindly
	backUnnudged
	noTurns
	patrolBlind
	clearGiven
)

// mutexWord is a word. The number of a process's seat says who owns the mutex.
type mutexWord struct {
	owner     uint8
	abandoned bool
	sleepers  bool
	seq       uint8
}

func (w mutexWord) free() bool { return w.owner == 0 }

func (w mutexWord) with(owner uint8, abandoned bool) mutexWord {
	return mutexWord{owner, abandoned, w.sleepers, w.seq + 1}
}

// sameLow compares what a futex compares.
func (w mutexWord) sameLow(v mutexWord) bool { return w.sleepers == v.sleepers && w.seq == v.seq }

type mutexStep uint8

const (
	mIdle mutexStep = iota
	mLoadFree
	mSwapFree
	mLoad
	mSwap
	mAskSeat
	mBury
	mWakeAfterBurial
	mClearAfterBurial
	mPrepare
	mFlag
	mSleep
	mPassOn
	mWakeNext
	mUnlockLoad
	mUnlockSwap
	mWake
	mClear
)

// mutexProcess is what one process remembers: its thread, and its patrol.
type mutexProcess struct {
	life   life
	seat   uint8
	left   uint8
	owns   bool
	counts bool // its wait is one that the patrol looks after
	asleep bool
	ready  bool // it has looked for what to sleep on
	pc     mutexStep
	seen   mutexWord
	on     mutexWord // what it sleeps on

	patrolPC   mutexStep
	patrolSeen mutexWord
}

type mutexWorld struct {
	word      mutexWord
	processes [maxProcesses]mutexProcess
	kills     uint8
	orphaned  bool // an owner died, and nobody has been told
}

func (m *mutexes) start() mutexWorld {
	s := mutexWorld{kills: m.kills}
	for i := range m.processes {
		s.processes[i] = mutexProcess{life: alive, seat: uint8(i + 1), left: m.left}
	}
	return s
}

func (m *mutexes) tell(moves []move) (lines []string) {
	s := m.start()
	m.say = func(line string) { lines = append(lines, line) }
	defer func() { m.say = nil }()
	for _, by := range moves {
		m.make(&s, by)
	}
	return lines
}

// What a process does next, besides going on. From wakeFirst on it is whom of the sleepers a wake-up reaches.
const (
	patrols what = iota + 20
	givesUp
	wakeFirst
)

func (m *mutexes) moves(s *mutexWorld, to []move) []move {
	for i := range m.processes {
		p, who := &s.processes[i], uint8(i)
		switch p.life {
		case exiting:
			to = append(to, move{who, exit})
			continue
		case dead:
			if m.mistake == seatUsedAgain && p.left > 0 {
				to = append(to, move{who, beBorn})
			}
			continue
		}
		if !p.asleep && (p.pc != mIdle || p.owns || p.left > 0) {
			to = s.wakeable(to, who, goOn, p.pc)
		}
		if p.counts && !m.noPatrol {
			to = s.wakeable(to, who, patrols, p.patrolPC)
		}
		if m.givesUp && p.counts && (p.asleep || p.pc == mSleep) {
			to = append(to, move{who, givesUp})
		}
		if s.kills > 0 && (p.pc != mIdle || p.owns) {
			to = append(to, move{who, die})
		}
	}
	return to
}

// wakeable adds a step; where it wakes one of several it adds it for each.
func (s *mutexWorld) wakeable(to []move, who uint8, as what, pc mutexStep) []move {
	if pc == mWake || pc == mWakeAfterBurial || pc == mWakeNext {
		any := false
		for j := range s.processes {
			if s.processes[j].asleep {
				any = true
				to = append(to, move{who, wakeFirst + 2*what(j) + as/patrols})
			}
		}
		if any {
			return to
		}
	}
	return append(to, move{who, as})
}

func (m *mutexes) make(s *mutexWorld, by move) string {
	m.wrong = ""
	t := &mutexTurn{m: m, s: s, p: &s.processes[by.process], who: by.process}
	switch {
	case by.what == die:
		t.die()
	case by.what == exit:
		t.tell("is gone, and its seat")
		t.p.life = dead
	case by.what == beBorn:
		t.tell("ends, and another process gets its seat")
		*t.p = mutexProcess{life: alive, seat: t.p.seat, left: t.p.left}
	case by.what == givesUp:
		t.tell("gives up")
		t.p.asleep, t.p.pc = false, mPassOn
	case by.what == patrols:
		t.patrol()
	case by.what == goOn:
		t.goOn()
	default:
		n := by.what - wakeFirst
		t.wakes = uint8(n/2) + 1
		if n%2 == 1 {
			t.patrol()
		} else {
			t.goOn()
		}
	}
	return m.wrong
}

type mutexTurn struct {
	m     *mutexes
	s     *mutexWorld
	p     *mutexProcess
	who   uint8
	wakes uint8
}

func (t *mutexTurn) tell(format string, args ...any) {
	if t.m.say != nil {
		t.m.say(fmt.Sprintf("process %d  %s; the word is %+v", t.who+1, fmt.Sprintf(format, args...), t.s.word))
	}
}

func (t *mutexTurn) die() {
	t.tell("is killed")
	if t.s.word.owner == t.p.seat {
		t.s.orphaned = true
	}
	*t.p = mutexProcess{life: exiting, seat: t.p.seat, left: t.p.left}
	t.s.kills--
}

// wake wakes the one that was chosen, if any sleeps.
func (t *mutexTurn) wake() (woken bool) {
	if t.wakes == 0 {
		t.tell("wakes nobody")
		return false
	}
	t.tell("wakes process %d", t.wakes)
	t.s.processes[t.wakes-1].asleep = false
	return true
}

func (t *mutexTurn) swap(old, new mutexWord) bool {
	if t.s.word != old {
		t.tell("finds the word changed")
		return false
	}
	t.s.word = new
	return true
}

func (s *mutexWorld) seated(seat uint8) bool {
	for i := range s.processes {
		if p := &s.processes[i]; p.seat == seat && (p.life == alive || p.life == exiting) {
			return true
		}
	}
	return false
}

// goOn is the next step of the thread.
func (t *mutexTurn) goOn() {
	switch p := t.p; p.pc {
	case mIdle:
		p.pc = mLoadFree
		if p.owns {
			p.pc = mUnlockLoad
		} else {
			p.left--
		}
		t.goOn()
	case mLoadFree:
		p.seen, p.pc = t.s.word, mLoad
		if p.seen.free() && !p.seen.abandoned {
			p.pc = mSwapFree
		}
		t.tell("begins to lock, and looks")
	case mSwapFree:
		p.pc = mLoad
		if t.swap(p.seen, p.seen.with(p.seat, false)) {
			t.owned(false)
		}
	case mLoad, mSwap, mAskSeat, mBury, mWakeAfterBurial, mClearAfterBurial:
		t.take()
	case mPrepare, mFlag, mSleep, mPassOn, mWakeNext:
		t.sleep()
	default:
		t.unlock()
	}
}

// owned is what follows where the word says that this process owns the mutex.
func (t *mutexTurn) owned(told bool) {
	t.tell("owns the mutex, told that it was abandoned: %v", told)
	for i := range t.s.processes {
		if q := &t.s.processes[i]; q.life == alive && q.owns {
			t.m.wrong = "two processes own the mutex"
		}
	}
	if told != t.s.orphaned {
		t.m.wrong = fmt.Sprintf("an owner died: %v; the next one was told so: %v", t.s.orphaned, told)
	}
	t.s.orphaned = false
	*t.p = mutexProcess{life: alive, seat: t.p.seat, left: t.p.left, owns: true}
}

// take is one look, which takes the mutex if it is free.
func (t *mutexTurn) take() {
	switch p := t.p; p.pc {
	case mLoad:
		p.seen = t.s.word
		t.tell("looks")
		switch {
		case p.seen.owner == p.seat: // has it already, says the word
			t.owned(false)
		case p.seen.free():
			p.pc = mSwap
		default:
			p.pc = mAskSeat
		}
	case mSwap:
		p.pc = mLoad
		if t.swap(p.seen, p.seen.with(p.seat, false)) {
			t.owned(p.seen.abandoned)
		}
	case mAskSeat:
		if t.s.seated(p.seen.owner) && t.m.mistake != buryTheLiving {
			t.tell("asks for the owner's seat: he lives")
			p.pc = mPrepare
			if p.ready {
				p.pc = mSleep
			}
			p.counts = true
			return
		}
		t.tell("asks for the owner's seat: he is dead")
		p.pc = mBury
	default:
		t.bury(&p.pc, &p.seen, mLoad)
	}
}

// bury frees a dead owner's mutex, in three steps. Then comes next.
func (t *mutexTurn) bury(pc *mutexStep, seen *mutexWord, next mutexStep) {
	switch *pc {
	case mBury:
		*pc = next
		now := seen.with(0, true)
		if t.m.mistake == buryBlindly {
			t.s.word = t.s.word.with(0, true)
		} else if !t.swap(*seen, now) {
			return
		}
		t.tell("frees the mutex of the dead")
		if now.sleepers {
			*seen, *pc = now, mWakeAfterBurial
		}
	case mWakeAfterBurial:
		*pc = next
		if !t.wake() {
			*pc = mClearAfterBurial
		}
	case mClearAfterBurial:
		*pc = next
		t.clear(*seen)
	}
}

// clear clears the flag that somebody sleeps, if the word is still the one for which nobody was found.
func (t *mutexTurn) clear(now mutexWord) {
	if t.m.mistake == clearBlindly {
		t.s.word.sleepers = false
		t.tell("clears the flag")
		return
	}
	cleared := now
	cleared.sleepers = false
	if t.swap(now, cleared) {
		t.tell("clears the flag")
	}
}

// sleep is the steps around the sleep itself.
func (t *mutexTurn) sleep() {
	switch p := t.p; p.pc {
	case mPrepare:
		p.seen, p.ready, p.pc = t.s.word, false, mLoad
		t.tell("looks for what to sleep on")
		switch {
		case p.seen.free():
		case p.seen.sleepers:
			p.on, p.ready = p.seen, true
		default:
			p.pc = mFlag
		}
	case mFlag:
		p.pc = mPrepare
		flagged := p.seen
		flagged.sleepers = true
		if t.swap(p.seen, flagged) {
			t.tell("says that it sleeps")
			p.on, p.ready, p.pc = flagged, true, mLoad
		}
	case mSleep:
		if t.m.mistake == freshSleep {
			p.on = t.s.word
		}
		p.pc = mPrepare
		if p.on.sameLow(t.s.word) {
			p.asleep = true
			t.tell("sleeps")
		} else {
			t.tell("does not sleep, because the word has changed")
		}
	case mPassOn:
		p.seen = t.s.word
		t.tell("looks whether it was woken for something")
		if p.seen.sleepers && p.seen.free() {
			p.pc = mWakeNext
			return
		}
		t.done()
	case mWakeNext:
		t.wake()
		t.done()
	}
}

func (t *mutexTurn) done() {
	*t.p = mutexProcess{life: alive, seat: t.p.seat, left: t.p.left}
}

func (t *mutexTurn) unlock() {
	switch p := t.p; p.pc {
	case mUnlockLoad:
		p.seen, p.pc = t.s.word, mUnlockSwap
		t.tell("begins to unlock, and looks")
		if p.seen.owner != p.seat {
			t.m.wrong = "the mutex was taken from its living owner"
		}
	case mUnlockSwap:
		now := p.seen.with(0, false)
		if !t.swap(p.seen, now) {
			p.pc = mUnlockLoad
			return
		}
		t.tell("unlocks")
		t.done()
		if now.sleepers && t.m.mistake != noWake {
			p.seen, p.pc = now, mWake
		}
	case mWake:
		p.pc = mClear
		if t.wake() {
			t.done()
		}
	case mClear:
		t.clear(p.seen)
		t.done()
	}
}

// patrol is the next step of the process's patrol.
func (t *mutexTurn) patrol() {
	switch p := t.p; p.patrolPC {
	case mIdle:
		p.patrolSeen, p.patrolPC = t.s.word, mSleep
		t.tell("its patrol looks")
		if owner := p.patrolSeen.owner; owner != 0 && owner != p.seat {
			p.patrolPC = mAskSeat
		}
	case mAskSeat:
		p.patrolPC = mSleep
		if !t.s.seated(p.patrolSeen.owner) {
			p.patrolPC = mBury
		}
		t.tell("its patrol asks for the owner's seat")
	case mSleep:
		if !p.patrolSeen.sleepers || p.patrolSeen.free() {
			t.tell("its patrol wakes all")
			for i := range t.s.processes {
				t.s.processes[i].asleep = false
			}
		}
		p.patrolPC, p.patrolSeen = mIdle, mutexWord{}
	default:
		t.bury(&p.patrolPC, &p.patrolSeen, mSleep)
	}
}

// check: an owner who lives is one at most and keeps the mutex; whoever waits for what is free gets it by himself, with
// all others stopped; and without deaths nobody needs a patrol.
func (m *mutexes) check(s *mutexWorld) string {
	for i := range m.processes {
		if p := &s.processes[i]; p.life == alive && p.owns && p.pc != mWake && p.pc != mClear && s.word.owner != p.seat {
			return fmt.Sprintf("process %d owns the mutex, and the word does not say so", i+1)
		}
	}
	asleep := false
	for i := range m.processes {
		asleep = asleep || s.processes[i].asleep
		if p := &s.processes[i]; p.counts && !m.noPatrol && !m.getsIt(*s, uint8(i)) {
			return fmt.Sprintf("process %d waits for ever, though nobody has the mutex", i+1)
		}
	}
	if asleep && len(m.moves(s, nil)) == 0 {
		return "somebody sleeps, and nobody will ever wake him"
	}
	return ""
}

// getsIt lets one process and its patrol go on while all others are stopped: it gets the mutex, unless one has it who
// lives.
func (m *mutexes) getsIt(s mutexWorld, who uint8) bool {
	say, wrong := m.say, m.wrong
	m.say = nil
	defer func() { m.say, m.wrong = say, wrong }()
	for i := range s.processes {
		if s.processes[i].life == exiting {
			s.processes[i].life = dead
		}
	}
	for steps := 0; steps < 200; steps++ {
		p := &s.processes[who]
		if p.owns || !p.counts || s.word.owner != 0 && s.seated(s.word.owner) {
			return true
		}
		as := goOn
		if p.asleep {
			as = patrols
			if m.mistake == neverPatrol {
				return false
			}
		}
		m.make(&s, s.wakeable(nil, who, as, map[what]mutexStep{goOn: p.pc, patrols: p.patrolPC}[as])[0])
	}
	return false
}

// TestMutex explores a mutex that several lock, wait for, give up waiting for, and die with.
func TestMutex(t *testing.T) {
	configurations := []mutexes{
		{name: "two waiters, nobody dies, no patrol", processes: 3, left: 1, noPatrol: true},
		{name: "the same, and waits are given up", processes: 3, left: 1, noPatrol: true, givesUp: true},
		{name: "two processes that lock thrice, no patrol", processes: 2, left: 3, noPatrol: true, givesUp: true},
		{name: "two processes and a death", processes: 2, left: 2, kills: 1, givesUp: true},
		{name: "two waiters and a death", processes: 3, left: 1, kills: 1},
	}
	if *full {
		configurations = append(configurations,
			mutexes{name: "three that lock twice, no patrol", processes: 3, left: 2, noPatrol: true},
			mutexes{name: "two waiters and two deaths", processes: 3, left: 1, kills: 2},
			mutexes{name: "three that lock twice, and a death", processes: 3, left: 2, kills: 1},
		)
	}
	for _, m := range configurations {
		t.Run(m.name, func(t *testing.T) { exploreWhole(t, &m, m.name) })
	}
}

// exploreWhole explores a machine in which nothing may be wrong.
func exploreWhole[S comparable](t *testing.T, m machine[S], name string) {
	t.Helper()
	began := time.Now()
	most := int(3e6)
	if *full {
		most = 12e6
	}
	found := explore(m, most)
	found.report(t, name, began)
	if found.wrong != "" {
		t.Fatalf("\n%s", found.story())
	}
	if found.cut && !*full {
		t.Error("it was not explored to the end")
	}
}

// TestMutexMistakes does one thing after the other wrong.
func TestMutexMistakes(t *testing.T) {
	alone := mutexes{processes: 3, left: 2, noPatrol: true}
	killed := mutexes{processes: 3, left: 1, kills: 1}
	for _, c := range []struct {
		name    string
		mistake wordMistake
		in      mutexes
		wrong   string
	}{
		{"unlock wakes nobody", noWake, alone, "nobody will ever wake him"},
		{"a waiter sleeps on a word that it has not looked at", freshSleep, alone, "nobody will ever wake him"},
		{"the flag is cleared whatever the word is", clearBlindly, alone, "nobody will ever wake him"},
		{"no patrol, and a death", neverPatrol, killed, "waits for ever"},
		{"an owner is not asked for", buryTheLiving, killed, "does not say so"},
		{"a dead owner is buried whatever the word is", buryBlindly, killed, ""},
		{"a newcomer gets the seat of a dead owner", seatUsedAgain, mutexes{processes: 2, left: 2, kills: 1}, "was told so: false"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := c.in
			m.mistake = c.mistake
			caught(t, &m, c.wrong)
		})
	}
}
