//go:build namedshm_steps && linux

package waiting

import (
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"unsafe"
)

// This file is the world in which processes are explored: what is in their memory, which live, which sleep, and where
// in its graph (explore_node_steps_test.go) each of their threads is.

// world is a state: nothing else has a say in what can happen next.
type world struct {
	cells     [cellCount]cellState
	processes [explored3]processState
	objects   [explored2]objectState
	berths    [exploredB]berthState
	kills     uint8 // how many more there will be
	stops     uint8 // how often a living process may yet be taken for stopped, because its reservation stays
	signals   uint8 // how often a sleeper may yet be taken out of its futex
	fresh     uint8 // tokens that have been made; 0 between two steps
	_pad      uint8
}

// cellState is a number in memory: what counts as it is, and which tokens it has.
type cellState struct {
	plain  uint32
	tokens [2]uint8
	_pad   [2]uint8
}

type threadState struct {
	node   uint32
	tokens [mostTokens]uint8 // which those are that the node knows
}

type life uint8

const (
	alive   life = iota
	exiting      // killed, and its seat is there until the kernel drops the locks
	dead
	noLife // there is no such process
)

type processState struct {
	threads [threadCount]threadState
	life    life
	asleep  bool
	expired bool // its wait is given up

	// What nobody knows but the judge. A bit is an object, or a process.
	owns      uint8 // mutexes
	started   uint8 // the wait has looked at it for the first time
	may       uint8 // the wait may end: it is signaled, or was, since the wait began
	due       uint8 // the wait must end
	took      uint8 // it was taken
	told      uint8 // the last owner of it had died
	overtaken uint8 // those that the Set must not pass over: they slept when it looked, or had not come
	allAt     bool  // all objects of a wait for all were signaled at a moment, since it began to reserve
	kept      bool  // it took the first of them
	stopped   bool  // it was taken for stopped, since it began to reserve
	ever      bool  // or earlier in this call
	pending   bool  // the Set found an event set that another one had taken with a part of all
	changed   bool  // the Set has changed something
	came      bool  // the wait is in a berth, and the word says so
}

type objectState struct {
	owed     uint8 // the count or flag as it must be, with what berths have
	by       uint8 // whose the reservation is, from one
	orphaned bool  // an owner died, and nobody has been told
	_pad     uint8
}

type berthState struct {
	by    uint8 // which process let the one in it through, from one
	given bool  // and it was asleep then, said the kernel
}

// call is one call of a process.
type call struct {
	does callKind
	on   []int
	n    int  // what is released
	once bool // it does not wait
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

func (c call) waits() bool      { return c.does <= waitAll }
func (c call) isFor(o int) bool { return c.waits() && slices.Contains(c.on, o) }
func (c call) changes(kind Kind) bool {
	return c.does == setIt || c.does == pulseIt && kind == ManualEvent
}

// patrolTime says from when on there are patrols.
type patrolTime uint8

const (
	neverPatrols patrolTime = iota
	afterDeath
	always
)

// scenario is what is explored. A script is a process's calls: the first letter says what it does, digits the objects.
// W and A wait for any and for all; w and a look once; S sets, R resets, P pulses; 1 and 2 release as many; U unlocks,
// if it is owned.
type scenario struct {
	name    string
	kinds   []Kind
	initial [explored2]uint8
	maximum uint8 // of semaphores
	script  string
	readers [explored2]uint8 // which processes may only look at an object
	kills   uint8
	mortal  uint8 // which processes may be killed; 0 for all
	stops   uint8
	signals uint8
	most    uint8 // the reservation at which one look gives up; 0 for never
	polls   uint8 // which processes sleep without futexes
	patrols patrolTime
	idle    uint8 // which processes' patrols stand still, and are not judged by what they should do
	givesUp bool
	reborn  bool // a newcomer gets the seat of a dead process
	short   bool // with the short ways
	unfair  bool // Sets begin with the first berth, and there is one for each waiter from the start on
	deep    bool // only where nothing is to be left out in a hurry

	mistake string
	wrong   string // what comes of it
}

// exploration is one exploration of a scenario.
type exploration struct {
	scenario
	scripts [explored3][]call
	words   [explored2][]byte

	remembersAll bool // for comparison: what the code says that it forgets counts
	joinsNothing bool // and steps that can have but one result are steps of their own

	visible map[string]bool // what can be seen of all states, if that is asked for

	nodes []*node
	keys  map[string]uint32
	first [explored3][threadCount]threadState
	runs  int // of the code
	steps int
	again int // runs that came to a node in another way

	seed   maphash.Seed
	onward map[uint64]uint8 // worlds from which each process goes on alone, so far as is known
	alone  bool             // one process goes on, and all others stand still
	wrong  string
	say    func(string)
}

func (e *exploration) has(object int) bool { return object < len(e.kinds) }

func (e *exploration) waitsForAll(process int) bool {
	return slices.ContainsFunc(e.scripts[process], func(c call) bool { return c.does == waitAll })
}

// waiters is how many processes wait.
func (e *exploration) waiters() (n int) {
	for _, script := range e.scripts {
		if slices.ContainsFunc(script, call.waits) {
			n++
		}
	}
	return n
}

func (e *exploration) config(object, process int) Config {
	c := Config{Kind: e.kinds[object], Maximum: uint32(e.maximum), Words: e.words[object], PID: 1, Page: &onePID}
	c.Token[0] = byte(object)
	c.Silent = e.readers[object] != 0
	c.ReadOnly = e.readers[object]>>process&1 != 0
	return c
}

var onePID = int64(1)

// stateWords is the memory of an object, of which only the seats' records are ever read: they never change.
func stateWords() []byte {
	words := make([]uint64, Size/8)
	s := (*state)(unsafe.Pointer(&words[0]))
	for i := range explored3 {
		s.seats[i].id.Store(seatOf(i))
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), Size)
}

// parse makes calls of a script.
func parse(script string) (scripts [explored3][]call) {
	for i, part := range strings.Split(script, "|") {
		for _, word := range strings.Fields(part) {
			c := call{}
			switch first := word[0]; first {
			case 'W', 'w':
				c.does, c.once = waitAny, first == 'w'
			case 'A', 'a':
				c.does, c.once = waitAll, first == 'a'
			case '1', '2':
				c.does, c.n = releaseIt, int(first-'0')
			default:
				c.does = setIt + callKind(strings.IndexByte("SRP-U", first))
			}
			for _, o := range word[1:] {
				c.on = append(c.on, int(o-'0'))
			}
			scripts[i] = append(scripts[i], c)
		}
	}
	return scripts
}

// start is the first state.
func (e *exploration) start() world {
	e.scripts = parse(e.script)
	e.keys, e.onward, e.seed = map[string]uint32{}, map[uint64]uint8{}, maphash.MakeSeed()
	e.nodes = []*node{nil}
	w := world{kills: e.kills, stops: e.stops, signals: e.signals}
	for o := range e.kinds {
		w.cells[cellWord+o].plain = uint32(e.initial[o])
		w.objects[o].owed = e.initial[o]
	}
	if e.unfair {
		w.cells[cellQueued].plain = uint32(e.waiters())
	}
	for i, script := range e.scripts {
		p := &w.processes[i]
		if p.life = noLife; script == nil {
			continue
		}
		p.life = alive
		threads := 1
		if e.patrols != neverPatrols {
			threads += len(e.kinds)
		}
		for t := range threads {
			n, _ := e.learn(i, t, nil, 0)
			p.threads[t].node = n.id
		}
		e.first[i] = p.threads
	}
	return w
}

// What a process does next, besides going on with a thread, which is the number of that; and from wakes on it wakes the
// one of several sleepers that the number says.
const (
	dies uint8 = iota + threadCount
	exits
	isBorn
	givesUp
	isInterrupted // and looks again
	isRestarted   // and goes back to sleep on the same
	outlasts
	wakes = 20
)

// move is one step of one process.
type move struct{ process, what uint8 }

func (e *exploration) patrolling(w *world) bool {
	return e.patrols == always || e.patrols == afterDeath && w.kills < e.kills
}

// at is the operation that a thread is about to make.
func (e *exploration) at(p *processState, thread int) *operation {
	return &e.nodes[p.threads[thread].node].op
}

// it is the call that a process is in, or about to begin.
func (e *exploration) it(w *world, process int) (c call, during bool) {
	p := &w.processes[process]
	if p.life != alive {
		return call{}, false
	}
	if n := e.nodes[p.threads[0].node]; n.call < len(e.scripts[process]) {
		return e.scripts[process][n.call], n.op.kind != stepBegin
	}
	return call{}, false
}

func (e *exploration) counted(w *world, process, object int) bool {
	at := process*explored2 + object
	return w.cells[cellAsleep+at].plain+w.cells[cellInCrowd+at].plain > 0
}

func (e *exploration) countedAny(w *world, process int) bool {
	return e.counted(w, process, 0) || e.counted(w, process, 1)
}

// moves appends the steps that are possible.
func (e *exploration) moves(w *world, to []move) []move {
	for i := range w.processes {
		p, who := &w.processes[i], uint8(i)
		switch p.life {
		case exiting:
			to = append(to, move{who, exits})
		case dead:
			if e.reborn {
				to = append(to, move{who, isBorn})
			}
		case alive:
			to = e.movesOf(w, who, to)
		}
	}
	return to
}

func (e *exploration) movesOf(w *world, who uint8, to []move) []move {
	p := &w.processes[who]
	op := e.at(p, 0)
	switch {
	case p.asleep || op.kind == stepOver:
	case op.kind == stepPatience:
		if by := w.objects[op.cell].by; e.alone || w.stops > 0 || by == 0 || w.processes[by-1].life != alive {
			to = append(to, move{who, outlasts})
		}
	default:
		to = e.wakeable(w, to, who, 0)
	}
	if e.patrolling(w) && e.idle>>who&1 == 0 {
		to = e.movesOfPatrols(w, who, to)
	}
	if c, during := e.it(w, int(who)); e.givesUp && during && c.waits() && !c.once && !p.expired &&
		(op.kind == stepSleep || op.kind == stepContext || op.cell == cellAlarm+int(who)) {
		to = append(to, move{who, givesUp})
	}
	if p.asleep && w.signals > 0 {
		to = append(to, move{who, isInterrupted}, move{who, isRestarted})
	}
	if w.kills > 0 && (e.mortal == 0 || e.mortal>>who&1 != 0) &&
		(p.owns != 0 || op.kind != stepBegin && op.kind != stepOver) {
		to = append(to, move{who, dies})
	}
	return to
}

// movesOfPatrols appends those of a process's patrol, which looks after one object, and then after another.
func (e *exploration) movesOfPatrols(w *world, who uint8, to []move) []move {
	p := &w.processes[who]
	for t := 1; t <= len(e.kinds); t++ {
		if e.at(p, t).kind != stepRest {
			return e.wakeable(w, to, who, t)
		}
	}
	for t := 1; t <= len(e.kinds); t++ {
		if e.counted(w, int(who), t-1) {
			to = append(to, move{who, uint8(t)})
		}
	}
	return to
}

// wakeable adds a step of a thread; where it wakes one of several, it adds it for each.
func (e *exploration) wakeable(w *world, to []move, who uint8, thread int) []move {
	op := e.at(&w.processes[who], thread)
	found := false
	if op.kind == stepWake && op.many == 1 {
		for j := range w.processes {
			if e.sleepsOn(w, j, op.cell) {
				found = true
				to = append(to, move{who, wakes + uint8(j*threadCount+thread)})
			}
		}
	}
	if !found {
		to = append(to, move{who, uint8(thread)})
	}
	return to
}

func (e *exploration) sleepsOn(w *world, process, cell int) bool {
	p := &w.processes[process]
	if !p.asleep {
		return false
	}
	return slices.ContainsFunc(e.at(p, 0).on, func(s sleptOn) bool { return s.cell == cell })
}

// make makes a step. What it returns is a sentence about what it did wrong, or "".
func (e *exploration) make(w *world, by move) string {
	e.wrong = ""
	p, who := &w.processes[by.process], int(by.process)
	switch {
	case by.what == dies:
		e.die(w, who)
	case by.what == exits:
		e.tell(w, who, "is gone, and its seat")
		p.life = dead
	case by.what == isBorn:
		e.tell(w, who, "ends, and another process gets its seat")
		*p = processState{life: alive, threads: e.first[who]}
	case by.what == givesUp:
		e.tell(w, who, "gives up")
		p.expired = true
		e.renew(w, cellAlarm+who, 0)
		e.wake(w, cellAlarm+who, 1, 0)
	case by.what == isInterrupted:
		e.tell(w, who, "is interrupted")
		w.signals--
		e.wakesUp(w, who)
	case by.what == isRestarted:
		e.tell(w, who, "is interrupted, and goes back to sleep")
		w.signals--
		e.roused(w, who)
	case by.what == outlasts:
		e.tell(w, who, "has waited long for a reservation")
		if x := w.objects[e.at(p, 0).cell]; !e.alone && x.by > 0 && w.processes[x.by-1].life == alive {
			w.stops--
		}
		e.follow(w, who, 0, result{plain: 1})
	case by.what >= wakes:
		e.operate(w, who, int(by.what-wakes)%threadCount, int(by.what-wakes)/threadCount+1)
	default:
		e.operate(w, who, int(by.what), 0)
	}
	for i := range w.processes {
		e.settle(w, i)
	}
	e.witness(w)
	for i := range w.processes {
		if w.processes[i].asleep && w.signals == 0 && !e.joinsNothing {
			e.forgetAsleep(w, i)
		}
	}
	e.rename(w)
	return e.wrong
}

// die kills a process.
func (e *exploration) die(w *world, who int) {
	e.tell(w, who, "is killed")
	e.bereave(w, who)
	w.processes[who] = processState{life: exiting}
	for o := range e.kinds {
		w.cells[cellAsleep+who*explored2+o].plain, w.cells[cellInCrowd+who*explored2+o].plain = 0, 0
	}
	w.cells[cellAlarm+who] = cellState{}
	w.kills--
}

// tell is for people.
func (e *exploration) tell(w *world, who int, format string, args ...any) {
	if e.say == nil {
		return
	}
	words := ""
	for o, kind := range e.kinds {
		c := w.cells[cellWord+o]
		words += fmt.Sprintf("; %v %d: %x%s%s", kindNames[kind], o, c.plain&^(3<<packedFlags),
			when(c.plain>>packedFlags&2 != 0, " W"), when(c.plain>>packedFlags&1 != 0, " C"))
	}
	for b := range w.cells[cellQueued].plain {
		c := w.cells[cellBerth+int(b)].plain
		words += fmt.Sprintf("; berth %d: %s", b, when(c>>berthBits != 0, fmt.Sprintf("%x %s", c>>berthBits&seatMask+1,
			berthNames[c&berthMask])))
	}
	e.say(fmt.Sprintf("process %d  %s%s", who+1, fmt.Sprintf(format, args...), words))
}

var (
	kindNames = [...]string{AutoEvent: "auto-reset event", ManualEvent: "manual-reset event", Mutex: "mutex",
		Semaphore: "semaphore"}
	berthNames = [...]string{"", "waits", "through", "nudged"}
	stepNames  = map[stepKind]string{
		stepLoad: "looks at", stepStore: "writes", stepAdd: "adds to", stepOr: "adds a bit to", stepSwap: "swaps",
		stepSleep: "goes to sleep",
		stepWake:  "wakes", stepPatience: "waits for", stepTaken: "asks for a seat", stepContext: "looks at its context",
		stepBegin: "begins",
		stepEnd:   "ends", stepRest: "patrol begins",
	}
)

func when(is bool, name string) string {
	if is {
		return name
	}
	return ""
}

func cellName(cell int) string {
	switch {
	case cell == noCell:
		return ""
	case cell < cellCrowd:
		return fmt.Sprintf(" the word of %d", cell-cellWord)
	case cell < cellBerth:
		return fmt.Sprintf(" the crowd of %d", cell-cellCrowd)
	case cell < cellQueued:
		return fmt.Sprintf(" berth %d", cell-cellBerth)
	}
	return [...]string{" queued", " cursor", " the alarm", " the alarm", " the alarm"}[min(cell-cellQueued, 4)]
}

// renew gives a cell another token.
func (e *exploration) renew(w *world, cell, field int) {
	w.fresh++
	w.cells[cell].tokens[field] = 100 + w.fresh
}

// rename gives tokens the numbers that they get in the order in which they are found: what stands in memory is 0. Which
// are the same is all that can make a difference: whoever changes such a number gives it one that it never had.
func (e *exploration) rename(w *world) {
	var seen [cellPolls][2][threadCount*explored3*2 + 1]uint8
	var count [cellPolls][2]uint8
	for c := range cellPolls {
		for f := range 2 {
			seen[c][f][0], count[c][f] = w.cells[c].tokens[f], 1
			w.cells[c].tokens[f] = 0
		}
	}
	for i := range w.processes {
		for t := range w.processes[i].threads {
			th := &w.processes[i].threads[t]
			if th.node == 0 {
				continue
			}
			for k, tk := range e.nodes[th.node].tokens {
				s, n := &seen[tk.cell][tk.field], &count[tk.cell][tk.field]
				at := slices.Index(s[:*n], th.tokens[k])
				if at < 0 {
					at = int(*n)
					s[at] = th.tokens[k]
					*n++
				}
				th.tokens[k] = uint8(at)
			}
		}
	}
	w.fresh = 0
}

// follow takes a thread to what it does after a result.
func (e *exploration) follow(w *world, who, thread int, r result, made ...uint8) {
	th := &w.processes[who].threads[thread]
	n := e.nodes[th.node]
	var shownTokens [2]uint8
	if n.op.kind == stepLoad {
		shownTokens = w.cells[n.op.cell].tokens
	}
	how, known := n.edges[r]
	if !known {
		raw := uint64(r.plain)
		if n.op.kind == stepLoad {
			var frames [2]uint32
			for f, at := range r.tokens {
				switch {
				case at >= 0:
					frames[f] = n.tokens[at].frame
				case at == tokenFresh:
					frames[f] = (n.frames + uint32(f) + 1) * frameGap
				}
			}
			raw = e.join(n.op.cell, uint32(r.plain), frames)
		}
		_, how = e.learn(who, thread, n, raw)
		n.edges[r] = how
	}
	from := th.tokens
	th.node, th.tokens = how.to, [mostTokens]uint8{}
	for i := range e.nodes[how.to].tokens {
		switch at := how.from[i]; {
		case at >= fromStep:
			th.tokens[i] = made[at-fromStep]
		case at >= fromResult:
			th.tokens[i] = shownTokens[at-fromResult]
		default:
			th.tokens[i] = from[at]
		}
	}
}

// hasTokens says how many tokens the numbers of a cell have.
func (e *exploration) hasTokens(cell int) int {
	switch {
	case cell < cellCrowd:
		if e.kinds[cell] == ManualEvent {
			return 2
		}
		return 1
	case cell < cellQueued, cell >= cellAlarm && cell < cellPolls:
		return 1
	}
	return 0
}

// operate makes the step that a thread is about to make. wakes says which of several sleepers is woken, from one.
func (e *exploration) operate(w *world, who, thread, wakes int) {
	p := &w.processes[who]
	n := e.nodes[p.threads[thread].node]
	op := &n.op
	e.tell(w, who, "%s%s%s", when(thread > 0, "'s patrol "), stepNames[op.kind], cellName(op.cell))
	r := result{}
	switch op.kind {
	case stepLoad:
		c := &w.cells[op.cell]
		r.plain, r.tokens = uint64(c.plain), [2]int8{tokenNone, tokenNone}
		for f := range e.hasTokens(op.cell) {
			r.tokens[f] = tokenFresh
			for k, t := range n.tokens {
				if int(t.cell) == op.cell && int(t.field) == f && p.threads[thread].tokens[k] == c.tokens[f] {
					r.tokens[f] = int8(k)
					break
				}
			}
		}
		e.looked(w, who, thread, op.cell)
		e.follow(w, who, thread, r)
		if next := e.nodes[p.threads[thread].node]; next.op.kind == stepSwap && next.op.cell == op.cell && e.joins(who,
			thread, n, next) {
			e.operate(w, who, thread, 0)
		}
	case stepSwap, stepStore:
		e.swap(w, who, thread, n)
	case stepAdd:
		e.add(w, who, thread, op)
	case stepOr:
		w.cells[op.cell].plain |= uint32(op.new)
		e.follow(w, who, thread, r)
	case stepWake:
		r.plain = uint64(e.wake(w, op.cell, op.many, wakes))
		e.woke(w, who, thread, op.cell, int(r.plain))
		e.follow(w, who, thread, r)
	case stepSleep:
		if e.sleepable(w, &p.threads[thread], op) && !e.isPolling(who) {
			p.asleep = true
			e.fellAsleep(w, who)
			return
		}
		e.follow(w, who, thread, r)
	case stepPatience:
		e.follow(w, who, thread, r)
	case stepTaken:
		if l := w.processes[op.old&seatMask].life; l == alive || l == exiting {
			r.plain = 1
		}
		e.follow(w, who, thread, r)
	case stepContext:
		if p.expired {
			r.plain = 1
		}
		e.follow(w, who, thread, r)
	case stepBegin: // with the first step, as which it can be taken
		e.follow(w, who, thread, r)
		e.began(w, who)
		e.operate(w, who, thread, 0)
	case stepEnd:
		e.ended(w, who, op)
		e.follow(w, who, thread, r)
	case stepRest: // with the first look
		e.follow(w, who, thread, r)
		if e.at(p, thread).kind != stepRest {
			e.operate(w, who, thread, 0)
		}
	}
}

// joins reports whether a look and the swap after it are one step. That is so where a swap that fails leads back to the
// look: what fails has changed nothing, and what succeeds has found what the look saw. Whatever others do between the
// two can as well be done before the look, or else the swap fails.
func (e *exploration) joins(who, thread int, look, swap *node) bool {
	if e.joinsNothing {
		return false
	}
	if swap.joined == 0 || swap.lookedAt != look.id {
		how, known := swap.edges[result{}]
		if !known {
			_, how = e.learn(who, thread, swap, 0)
			swap.edges[result{}] = how
		}
		swap.lookedAt, swap.joined = look.id, -1
		if how.to == look.id {
			swap.joined = 1
		}
	}
	return swap.joined == 1
}

// forgetAsleep forgets what a sleeper went to sleep on: nothing looks at it any more, unless it goes back to sleep.
func (e *exploration) forgetAsleep(w *world, who int) {
	th := &w.processes[who].threads[0]
	n := e.nodes[th.node]
	if n.kept == 0 {
		how, known := n.edges[result{}]
		if !known {
			_, how = e.learn(who, 0, n, 0)
			n.edges[result{}] = how
		}
		n.kept = 1 << mostTokens
		for i := range e.nodes[how.to].tokens {
			n.kept |= 1 << how.from[i]
		}
	}
	for i := range n.tokens {
		if n.kept>>i&1 == 0 {
			th.tokens[i] = w.cells[n.tokens[i].cell].tokens[n.tokens[i].field]
		}
	}
}

func (e *exploration) isPolling(who int) bool { return e.polls>>who&1 != 0 }

func (e *exploration) add(w *world, who, thread int, op *operation) {
	if op.cell < cellAsleep {
		e.renew(w, op.cell, 0)
		e.follow(w, who, thread, result{})
		return
	}
	c := &w.cells[op.cell]
	c.plain += uint32(op.new)
	p := &w.processes[who]
	e.follow(w, who, thread, result{})
	if o := (op.cell - cellAsleep) % explored2; e.patrols != neverPatrols && c.plain == 1 && op.new == 1 && e.at(p,
		1+o).kind == stepRest {
		e.follow(w, who, 1+o, result{plain: beginsToSleep})
		e.operate(w, who, 1+o, 0)
	}
}

// swap is a compare-and-swap, or a store.
func (e *exploration) swap(w *world, who, thread int, n *node) {
	op, th, c := &n.op, &w.processes[who].threads[thread], &w.cells[n.op.cell]
	if op.kind == stepSwap {
		same := c.plain == uint32(op.old)
		for f := range 2 {
			same = same && (op.oldTokens[f] < 0 || th.tokens[op.oldTokens[f]] == c.tokens[f])
		}
		if !same {
			e.tell(w, who, "  finds it changed")
			e.follow(w, who, thread, result{})
			return
		}
	}
	before := *c
	c.plain = uint32(op.new)
	for f := range 2 {
		switch at := op.newTokens[f]; {
		case at >= 0:
			c.tokens[f] = th.tokens[at]
		case at == tokenFresh:
			e.renew(w, op.cell, f)
		}
	}
	e.changed(w, who, thread, op.cell, before)
	e.follow(w, who, thread, result{plain: uint64(b2(op.kind == stepSwap))}, c.tokens[0], c.tokens[1])
}

func b2(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}

// sleepable reports whether the numbers are what a sleep is on.
func (e *exploration) sleepable(w *world, th *threadState, op *operation) bool {
	for _, s := range op.on {
		c := &w.cells[s.cell]
		switch {
		case s.token >= 0 && th.tokens[s.token] != c.tokens[0],
			s.cell < cellCrowd && c.plain>>packedFlags&3 != s.plain>>packedFlags&3,
			s.cell >= cellBerth && s.cell < cellQueued && c.plain != s.plain:
			return false
		}
	}
	return true
}

// wake wakes so many of the sleepers on a cell; or only one, if that is given.
func (e *exploration) wake(w *world, cell, many, one int) (woken int) {
	for i := range w.processes {
		if (one == 0 || one == i+1) && woken < many && e.sleepsOn(w, i, cell) {
			woken++
			e.tell(w, i, "  is woken")
			e.wakesUp(w, i)
		}
	}
	return woken
}

// wakesUp has a sleeper go on.
func (e *exploration) wakesUp(w *world, who int) {
	e.roused(w, who)
	e.follow(w, who, 0, result{})
}

// roused takes a sleeper out of its futex.
func (e *exploration) roused(w *world, who int) {
	w.processes[who].asleep = false
	for i := range w.processes {
		w.processes[i].overtaken &^= 1 << who
	}
}

// settle makes those steps of a process at once that can have but one result, whatever others do before them, and which
// nobody else can see: a swap of a number that has changed since, a sleep on such a number, the end of a call. To make
// them later, or never, is to be stopped there, and nobody could tell. The patrol's look at its counts is another
// matter: the design's section on the explorer says why it may be one with the look at the word.
func (e *exploration) settle(w *world, who int) {
	p := &w.processes[who]
	if p.life != alive {
		return
	}
	for t := range p.threads {
		for p.threads[t].node != 0 && !p.asleep && e.settled(w, p, who, t) {
			e.operate(w, who, t, 0)
		}
	}
}

func (e *exploration) settled(w *world, p *processState, who, thread int) bool {
	op, th := e.at(p, thread), &p.threads[thread]
	if op.kind == stepEnd || op.kind == stepAdd && op.cell >= cellAsleep && e.patrols == neverPatrols {
		return true
	}
	if op.kind == stepLoad && op.cell >= cellAsleep {
		return !e.joinsNothing
	}
	stale := func(at int8, cell int, field int) bool {
		return at >= 0 && th.tokens[at] != w.cells[cell].tokens[field]
	}
	switch op.kind {
	case stepPatience:
		return stale(op.newTokens[0], op.cell, 0)
	case stepSwap:
		return !e.joinsNothing && (stale(op.oldTokens[0], op.cell, 0) || stale(op.oldTokens[1], op.cell, 1))
	case stepSleep:
		return !e.joinsNothing && slices.ContainsFunc(op.on, func(s sleptOn) bool { return stale(s.token, s.cell, 0) })
	case stepTaken:
		return !e.joinsNothing && !e.reborn && (w.processes[op.old&seatMask].life == dead || w.kills == 0 &&
			w.processes[op.old&seatMask].life == alive)
	case stepContext:
		return !e.joinsNothing && p.expired
	}
	return false
}
