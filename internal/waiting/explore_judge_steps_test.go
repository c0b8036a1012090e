//go:build namedshm_steps && linux

package waiting

import "fmt"

// This file is the judge: what must be so of what processes do, whatever the code is like.

func (e *exploration) wrongly(format string, args ...any) {
	if e.wrong == "" {
		e.wrong = fmt.Sprintf(format, args...)
	}
}

// value is what a word says, but for the flags and the turns.
func (c cellState) value() uint32 { return c.plain &^ (3 << packedFlags) }

func (c cellState) low() (flagged, crowd bool) {
	return c.plain>>packedFlags&2 != 0, c.plain>>packedFlags&1 != 0
}

// is reports whether an object is signaled, whoever has reserved it.
func (e *exploration) is(w *world, o int) bool {
	return kinds[e.kinds[o]].signaled(w.cells[cellWord+o].value()&^reserved, w.cells[cellWord+o].value()&^reserved)
}

// consumes says that an object is changed by being taken.
func (e *exploration) consumes(o int) bool { return e.kinds[o] != ManualEvent }

// began is the beginning of a call.
func (e *exploration) began(w *world, who int) {
	p := &w.processes[who]
	*p = processState{threads: p.threads, life: p.life, owns: p.owns}
}

// looked is a look at a number.
func (e *exploration) looked(w *world, who, thread, cell int) {
	o := cell - cellWord
	if cell >= cellCrowd || thread > 0 {
		return
	}
	p := &w.processes[who]
	c, _ := e.it(w, who)
	if c.isFor(o) && e.kinds[o] == ManualEvent && c.does == waitAny && p.started>>o&1 == 0 {
		p.started |= 1 << o
		if e.is(w, o) {
			p.may |= 1 << o
		}
	}
	if e.kinds[o] == Semaphore && p.ever && w.cells[cell].value() == uint32(e.maximum) {
		p.took &^= 1 << o // others have released so many meanwhile that what it gives back has no room
	}
	if c.does == setIt && e.kinds[o] == AutoEvent {
		p.pending, p.overtaken = false, 0
		flagged, _ := w.cells[cell].low()
		for i := range w.processes {
			if q := &w.processes[i]; q.life == alive && (!q.came || q.asleep && flagged) {
				p.overtaken |= 1 << i
			}
		}
		for i := range w.processes {
			q := &w.processes[i]
			if i != who && q.life == alive && q.kept && w.objects[o].by == uint8(i+1) && e.is(w, o) {
				p.pending = true
			}
		}
	}
}

// changed is a change of a number.
func (e *exploration) changed(w *world, who, thread, cell int, before cellState) {
	p := &w.processes[who]
	switch {
	case cell < cellCrowd:
		p.changed = p.changed || thread == 0 && w.cells[cell].plain&^(3<<packedFlags) != before.plain&^(3<<packedFlags)
		e.changedWord(w, who, thread, cell-cellWord, before)
	case cell >= cellBerth && cell < cellQueued:
		p.changed = p.changed || thread == 0
		e.changedBerth(w, who, thread, cell-cellBerth, before)
	}
}

func (e *exploration) changedWord(w *world, who, thread, o int, before cellState) {
	p, c := &w.processes[who], w.cells[cellWord+o]
	it, _ := e.it(w, who)
	was, now := before.value(), c.value()
	lost := e.reservation(w, who, o, before)
	p.came = p.came || e.kinds[o] == AutoEvent && thread == 0 && it.does == waitAny && was == now
	switch kind := e.kinds[o]; kind {
	case ManualEvent:
		moves := was&eventSignaled == 0 && now&eventSignaled != 0 || it.does == pulseIt && was&reserved == 0
		if thread == 0 && it.changes(kind) && moves {
			e.turned(w, o)
		}
	case Mutex:
		e.changedOwner(w, who, o, was&^reserved, now&^reserved, lost)
	default:
		e.changedCount(w, who, thread, o, int(now&^reserved)-int(was&^reserved), lost)
	}
	if it.does != waitAll || thread > 0 {
		return
	}
	if p.took == 0 {
		p.kept = false
	}
}

// reservation looks at what becomes of the reservation of an object. It is true where a reservation is not that of the
// process that makes the change.
func (e *exploration) reservation(w *world, who, o int, before cellState) (lost bool) {
	c, by := w.cells[cellWord+o], &w.objects[o].by
	was, now := before.value()&reserved != 0, c.value()&reserved != 0
	lost = *by != uint8(who+1)
	switch {
	case now && (!was || lost && c.tokens[0] != before.tokens[0]):
		p := &w.processes[who]
		if !e.hasReserved(w, who) {
			p.allAt, p.stopped = false, false
		}
		*by = uint8(who + 1)
	case was && !now:
		if *by > 0 && lost && before.value()&^reserved == c.value() {
			q := &w.processes[*by-1]
			q.stopped, q.ever, q.allAt = true, true, false
		}
		*by = 0
	}
	return lost
}

func (e *exploration) hasReserved(w *world, who int) bool {
	return w.objects[0].by == uint8(who+1) || w.objects[1].by == uint8(who+1)
}

// turned is a Set or Pulse of a manual-reset event. Whose wait began before is through.
func (e *exploration) turned(w *world, o int) {
	for i := range w.processes {
		p := &w.processes[i]
		if c, during := e.it(w, i); during && c.isFor(o) && c.does == waitAny && p.started>>o&1 != 0 {
			p.may |= 1 << o
			if e.at(p, 0).kind != stepEnd {
				p.due |= 1 << o
			}
		}
	}
}

// takes is what a process takes with a wait for all, or gives back.
func (e *exploration) takes(w *world, who, o int, lost bool) {
	p := &w.processes[who]
	p.took |= 1 << o
	if c, _ := e.it(w, who); c.does != waitAll {
		return
	}
	switch {
	case !p.kept && !p.allAt && !p.stopped: // or else it finds out, and gives it back
		e.wrongly("process %d takes all, and they were never signaled at the same moment", who+1)
	case p.kept && lost:
		e.wrongly("process %d takes the rest, though others have seen a part taken", who+1)
	}
	p.kept = true
}

func (e *exploration) givesBack(w *world, who, o int) {
	p := &w.processes[who]
	p.took &^= 1 << o
	if !p.stopped {
		e.wrongly("process %d gives back a part of all, and nobody thought that it was stopped", who+1)
	}
}

func (e *exploration) changedOwner(w *world, who, o int, was, now uint32, lost bool) {
	p, x := &w.processes[who], &w.objects[o]
	if owner := was & mutexOwner; owner != 0 && owner != now&mutexOwner {
		who2 := int(owner & seatMask)
		it, _ := e.it(w, who)
		switch {
		case who2 != who && w.processes[who2].life != dead:
			e.wrongly("the mutex was taken from its living owner")
		case who2 == who:
			x.orphaned = false
			if it.waits() {
				x.orphaned = p.told>>o&1 != 0
				e.givesBack(w, who, o)
			}
			p.owns, p.told = p.owns&^(1<<o), p.told&^(1<<o)
		}
	}
	if owner := now & mutexOwner; owner != 0 && owner != was&mutexOwner {
		p.told = p.told&^(1<<o) | b2(x.orphaned)<<o
		x.orphaned = false
		e.takes(w, who, o, lost)
	}
}

func (e *exploration) changedCount(w *world, who, thread, o, more int, lost bool) {
	x := &w.objects[o]
	it, _ := e.it(w, who)
	switch {
	case more == 0:
	case thread == 0 && it.waits() && more == -1:
		if x.owed == 0 {
			e.wrongly("more is taken of object %d than was given", o)
			return
		}
		x.owed--
		e.takes(w, who, o, lost)
	case thread == 0 && it.waits() && more == 1:
		x.owed++
		e.givesBack(w, who, o)
	case thread == 0 && it.does == releaseIt && more == it.n, thread == 0 && it.does == setIt && more == 1,
		thread == 0 && (it.does == resetIt || it.does == pulseIt) && more == -1:
		x.owed += uint8(more)
		e.passedOver(w, who)
	default:
		e.wrongly("process %d changes the count of object %d by %d", who+1, o, more)
	}
}

// passedOver looks, when a flag has been set, for processes that slept when the Set began.
func (e *exploration) passedOver(w *world, who int) {
	for i := range w.processes {
		if w.processes[who].overtaken>>i&1 == 0 {
			continue
		}
		for b := range exploredB {
			if w.processes[i].asleep && w.cells[cellBerth+b].plain == seatOf(i)<<berthBits|berthWaiting {
				e.wrongly("the flag was set although process %d sleeps", i+1)
			}
		}
	}
}

func (e *exploration) changedBerth(w *world, who, thread, b int, before cellState) {
	x, h, c := &w.objects[0], &w.berths[b], w.cells[cellBerth+b]
	was, now := before.plain&berthMask, c.plain&berthMask
	seat := before.plain >> berthBits
	it, _ := e.it(w, who)
	if c.plain == 0 && thread == 0 {
		w.processes[who].came = false
	}
	switch {
	case was == berthThrough && now == berthThrough:
	case c.plain != 0 && c.plain>>berthBits != seat && c.plain>>berthBits != seatOf(who):
		e.wrongly("a berth is taken for one who has left it")
	case now == berthThrough:
		x.owed++
		*h = berthState{by: uint8(who + 1)}
		if it.waits() {
			e.givesBack(w, who, 0)
		}
	case was != berthThrough && c.plain == 0 && seat != seatOf(who) && w.processes[seat&seatMask].life == alive:
		e.wrongly("the berth of one who lives is free")
	case was != berthThrough:
	case c.plain == 0 && seat == seatOf(who) && thread == 0:
		if x.owed == 0 {
			e.wrongly("more waits are through than there were Sets")
			return
		}
		x.owed--
		w.processes[who].took |= 1
		*h = berthState{}
	case c.plain != 0:
		x.owed--
		if h.by != uint8(who+1) {
			e.wrongly("a Set takes back what another one gave")
		}
		*h = berthState{}
	default:
		*h = berthState{}
	}
}

// woke is a wake-up of so many.
func (e *exploration) woke(w *world, who, thread, cell, many int) {
	if cell < cellBerth || cell >= cellQueued || many == 0 {
		return
	}
	if h := &w.berths[cell-cellBerth]; h.by == uint8(who+1) && thread == 0 {
		h.given = true
	}
}

// fellAsleep is a process that sleeps now.
func (e *exploration) fellAsleep(w *world, who int) {
	switch p := &w.processes[who]; {
	case p.due != 0:
		e.wrongly("process %d sleeps after a Set or Pulse that did not let it through", who+1)
	case p.took&^e.absorbed(p) != 0:
		e.wrongly("process %d has taken something, keeps it, and sleeps", who+1)
	}
}

// bereave is what a death changes. What one was given when it slept is used up; what was only offered to it is for the
// setter to take back, if that one lives. A Set that was killed in the middle may have taken effect or not.
func (e *exploration) bereave(w *world, who int) {
	for o := range e.kinds {
		if e.kinds[o] == Mutex && w.cells[cellWord+o].value()&mutexOwner == seatOf(who) {
			w.objects[o].orphaned = true
		}
		if w.objects[o].by == uint8(who+1) {
			continue // it stays until somebody takes it away
		}
	}
	for b := range exploredB {
		h, seat := &w.berths[b], w.cells[cellBerth+b].plain>>berthBits
		if w.cells[cellBerth+b].plain&berthMask != berthThrough {
			continue
		}
		mine := seat == seatOf(who)
		switch {
		case mine && (h.given || !e.mayTakeBack(w, int(h.by)-1, b)),
			h.by == uint8(who+1) && e.mayTakeBack(w, who, b) && w.processes[seat&seatMask].life != alive:
			w.objects[0].owed--
		}
	}
	for i := range w.processes {
		w.processes[i].overtaken &^= 1 << who
	}
}

// mayTakeBack reports that a setter may take back what it has given: it is between that and the end of it.
func (e *exploration) mayTakeBack(w *world, setter, b int) bool {
	if setter < 0 || w.processes[setter].life != alive {
		return false
	}
	p := &w.processes[setter]
	op := e.at(p, 0)
	switch op.kind {
	case stepWake, stepTaken:
		return op.kind == stepTaken || op.cell == cellBerth+b
	case stepLoad:
		return op.cell >= cellPolls && op.cell < cellAsleep
	case stepSwap, stepStore:
		return op.cell == cellBerth+b && op.new&berthMask != berthThrough
	}
	return false
}

// witness looks, for waits for all that have taken nothing yet, whether all are signaled at this moment.
func (e *exploration) witness(w *world) {
	for i := range w.processes {
		p := &w.processes[i]
		if c, during := e.it(w, i); during && c.does == waitAll && !p.kept && !p.allAt {
			p.allAt = e.all(w, i, c)
		}
	}
}

func (e *exploration) all(w *world, who int, c call) bool {
	for _, o := range c.on {
		if !e.is(w, o) && (e.kinds[o] != Mutex || w.cells[cellWord+o].value()&mutexOwner != seatOf(who)) {
			return false
		}
	}
	return true
}

// ended is the end of a call.
func (e *exploration) ended(w *world, who int, op *operation) {
	p := &w.processes[who]
	c, _ := e.it(w, who)
	e.tell(w, who, "  has made its call: %v %v", op.got, op.outcome)
	switch {
	case op.err != nil:
		e.wrongly("process %d: %v", who+1, op.err)
	case c.waits():
		e.endedWait(w, who, op, c)
	case c.does == setIt && e.kinds[c.on[0]] == AutoEvent && !p.changed && p.pending:
		e.wrongly("a Set found object %d set, which another process had taken with another one", c.on[0])
	}
	*p = processState{threads: p.threads, life: p.life, owns: p.owns}
}

func (e *exploration) endedWait(w *world, who int, op *operation, c call) {
	p := &w.processes[who]
	want, told := uint8(0), false
	for at, o := range c.on {
		if !op.got || c.does == waitAny && at != op.outcome.Index {
			continue
		}
		if e.consumes(o) {
			want |= 1 << o
			told = told || p.told>>o&1 != 0
		} else if c.does == waitAny && p.may>>o&1 == 0 {
			e.wrongly("process %d is through, and the event was not set since its wait began", who+1)
		}
		if e.kinds[o] == Mutex {
			p.owns |= 1 << o
		}
	}
	switch {
	case p.took&^e.absorbed(p) != want&^e.absorbed(p):
		e.wrongly("process %d has waited; it took %b, and should have taken %b", who+1, p.took, want)
	case op.got && told != op.outcome.Abandoned:
		e.wrongly("an owner died: %v; the next one was told so: %v", told, op.outcome.Abandoned)
	case op.got && c.does == waitAll && !p.kept && !p.allAt:
		e.wrongly("process %d has all, and they were never signaled at the same moment", who+1)
	}
}

// absorbed is the auto-reset events that a process which was taken for stopped may have given back without effect: they
// were set.
func (e *exploration) absorbed(p *processState) (all uint8) {
	for o, kind := range e.kinds {
		if p.ever && kind == AutoEvent {
			all |= 1 << o
		}
	}
	return all
}

// check looks at a state. Nothing is taken that was not given, and nothing that was given is lost; without deaths
// nobody needs a patrol; with one, whoever can be through is through though all others are stopped, and whoever sleeps
// is seen to sleep.
func (e *exploration) check(w *world) string {
	quiet, sleeper := true, -1
	for i := range w.processes {
		p := &w.processes[i]
		if p.life != alive {
			quiet = quiet && p.life != exiting
			continue
		}
		quiet = quiet && (p.asleep || e.at(p, 0).kind == stepOver || e.at(p, 0).kind == stepBegin)
		if p.asleep {
			sleeper = i
		}
		if wrong := e.checkOwner(w, i); wrong != "" {
			return wrong
		}
		if e.countedAny(w, i) && e.patrolling(w) && e.idle>>i&1 == 0 && !e.getsThrough(*w, i) {
			return fmt.Sprintf("process %d waits for ever, though it could go through, or nobody sees it sleep", i+1)
		}
	}
	for o := range e.kinds {
		if (e.kinds[o] == Semaphore || e.kinds[o] == AutoEvent && w.cells[cellQueued].plain == 0) &&
			w.cells[cellWord+o].value()&^reserved != uint32(w.objects[o].owed) {
			return fmt.Sprintf("object %d is %d, and should be %d", o, w.cells[cellWord+o].value()&^reserved, w.objects[o].owed)
		}
	}
	if !quiet {
		if len(e.moves(w, nil)) == 0 {
			return "somebody waits for a reservation that stays for ever"
		}
		return ""
	}
	return e.checkQuiet(w, sleeper)
}

func (e *exploration) checkOwner(w *world, who int) string {
	for o := range e.kinds {
		if w.processes[who].owns>>o&1 != 0 && w.cells[cellWord+o].value()&mutexOwner != seatOf(who) {
			return fmt.Sprintf("process %d owns the mutex, and the word does not say so", who+1)
		}
	}
	return ""
}

// checkQuiet is for a state in which everybody sleeps or is done.
func (e *exploration) checkQuiet(w *world, sleeper int) string {
	if e.kinds[0] == AutoEvent && w.objects[0].owed > 0 && !e.is(w, 0) && !e.onItsWay(w) {
		return "a Set is lost"
	}
	if sleeper < 0 || e.patrols != neverPatrols {
		return ""
	}
	for i := range w.processes {
		p := &w.processes[i]
		switch {
		case !p.asleep:
		case p.expired:
			return fmt.Sprintf("process %d sleeps, and its wait was given up", i+1)
		case p.due != 0:
			return fmt.Sprintf("process %d sleeps, and there was something for it", i+1)
		case e.available(w, i):
			return fmt.Sprintf("process %d sleeps, and there is something for it", i+1)
		case !e.saysSo(w, i):
			return fmt.Sprintf("process %d sleeps, and the word does not say so", i+1)
		}
	}
	return ""
}

// onItsWay reports that a living process has been let through, and will see it.
func (e *exploration) onItsWay(w *world) bool {
	for b := range exploredB {
		if c := w.cells[cellBerth+b].plain; c&berthMask == berthThrough && w.processes[c>>berthBits&seatMask].life == alive {
			return true
		}
	}
	return false
}

// available reports whether there is something that ends a wait.
func (e *exploration) available(w *world, who int) bool {
	p := &w.processes[who]
	c, _ := e.it(w, who)
	for b := range exploredB {
		if w.cells[cellBerth+b].plain == seatOf(who)<<berthBits|berthThrough {
			return true
		}
	}
	if c.does == waitAll {
		return e.all(w, who, c)
	}
	for _, o := range c.on {
		v := w.cells[cellWord+o].value()
		owner := v & mutexOwner
		if e.is(w, o) || p.due>>o&1 != 0 || e.kinds[o] == Mutex && owner != 0 && w.processes[owner&seatMask].life == dead {
			return true
		}
	}
	return false
}

// saysSo reports that the words say that a process sleeps, as far as it may say so.
func (e *exploration) saysSo(w *world, who int) bool {
	c, _ := e.it(w, who)
	for _, o := range c.on {
		flagged, crowd := w.cells[cellWord+o].low()
		if e.readers[o]>>who&1 == 0 && (c.does == waitAny && !flagged || c.does == waitAll && !crowd) {
			return false
		}
	}
	return true
}

// getsThrough lets one process and its patrol go on while all others are stopped. It is through, if there is anything
// for it, or it sleeps and the words say so.
func (e *exploration) getsThrough(w world, who int) bool {
	say, wrong := e.say, e.wrong
	e.say, e.alone = nil, true
	defer func() { e.say, e.wrong, e.alone = say, wrong, false }()
	for i := range w.processes {
		if w.processes[i].life == exiting {
			w.processes[i].life = dead
		}
	}
	e.settle(&w, who)
	e.rename(&w)
	var way []uint64
	next := 0
	for range 400 {
		key := e.hash(&w)
		by, done := e.goesOn(&w, who, &next)
		if done || e.onward[key]>>who&1 != 0 {
			for _, k := range way {
				e.onward[k] |= 1 << who
			}
			return true
		}
		way = append(way, key)
		if by.process == noMove {
			return false
		}
		e.make(&w, by)
	}
	return false
}

const noMove = 99

// goesOn is the next step of a process that goes on alone; done where it has come as far as it must.
func (e *exploration) goesOn(w *world, who int, next *int) (by move, done bool) {
	p := &w.processes[who]
	if !e.countedAny(w, who) {
		return by, true
	}
	op := e.at(p, 0)
	rests := p.asleep || op.kind == stepSleep && e.isPolling(who)
	for t := 1; t <= len(e.kinds); t++ {
		if e.at(p, t).kind != stepRest {
			return e.wakeable(w, nil, uint8(who), t)[0], false
		}
	}
	if rests && !e.available(w, who) && e.saysSo(w, who) {
		return by, true // there is nothing
	}
	switch {
	case p.asleep:
		for range explored2 {
			*next = *next%len(e.kinds) + 1
			if e.counted(w, who, *next-1) {
				return move{uint8(who), uint8(*next)}, false
			}
		}
		return move{noMove, 0}, false
	case op.kind == stepPatience:
		return move{uint8(who), outlasts}, false
	}
	return e.wakeable(w, nil, uint8(who), 0)[0], false
}
