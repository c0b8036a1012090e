//go:build namedshm_steps && linux

package waiting

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
	"unsafe"

	"github.com/namedshm/namedshm/internal/fault"
)

// The explorer runs the code itself, not a model of it. This file finds out what the code does: a process is a
// coroutine with Objects of its own, which stops before each of its steps and is told what the step has shown. What it
// does next depends on what it has been shown and on nothing else, for there is neither chance nor time in what is
// explored. So all that it can ever do is a graph, of which each node is what a process knows and the step that it is
// about to make, and each edge a result of that step. The graph is found out as it is needed: one run of the code for
// each new edge. The rest of the explorer walks through the graphs of several processes at once
// (explore_world_steps_test.go), which takes no coroutines.
//
// What a process knows is what it has been shown since its call began, but for what the code says that it has
// forgotten: see point. And of the numbers which only tell whether something has changed (a word's seq, the turns of an
// event or a berth, crowd, an alarm) it is not the numbers that count, but which are the same. They are tokens here: a
// node knows some, in the order in which it came to know them, and the world says which of them are what stands in
// memory now.
//
// That the code has really forgotten what it says is looked at each time that a node is reached in another way than the
// first: the coroutine must be about to make the same step. TestReductions goes further.

// The steps that are no instructions on shared numbers.
const (
	stepTaken   stepKind = 50 + iota // whether a seat is taken
	stepContext                      // whether the context is done
	stepBegin                        // the next call
	stepEnd                          // the call is done
	stepOver                         // there is no next call
	stepRest                         // the patrol, between two looks
)

const (
	explored3   = 3 // processes, at most
	explored2   = 2 // objects
	exploredB   = 3 // berths
	mostTokens  = 8
	frameGap    = 4096 // between the numbers by which a run of the code is shown tokens
	threadCount = 1 + explored2
)

// Cells are the numbers that processes have in common, and those that one shares with its patrols.
const (
	cellWord    = 0
	cellCrowd   = cellWord + explored2
	cellBerth   = cellCrowd + explored2
	cellQueued  = cellBerth + exploredB
	cellCursor  = cellQueued + 1
	cellAlarm   = cellCursor + 1
	cellPolls   = cellAlarm + explored3
	cellAsleep  = cellPolls + explored3
	cellInCrowd = cellAsleep + explored3*explored2
	cellCount   = cellInCrowd + explored3*explored2
	noCell      = -1
)

// token is a number that only tells whether something has changed: which one it is, and under what number a run of the
// code has been shown it. A cell has up to two: in a word the seq is field 0, the turns of a manual-reset event field
// 1.
type token struct {
	cell, field int8
	frame       uint32
}

// shown is something that a process has seen and not forgotten.
type shown struct {
	plain  uint64
	tokens [2]token // without a frame: none
}

// operation is the step that a process is about to make.
type operation struct {
	kind     stepKind
	cell     int
	old, new uint64
	many     int
	on       []sleptOn
	outcome  Outcome
	got      bool
	err      error

	// Where in the node's tokens those of old and new are; see tokenNone.
	oldTokens, newTokens [2]int8
}

// sleptOn is one of the numbers that a sleep is on.
type sleptOn struct {
	cell  int
	plain uint32
	token int8
	frame token
}

const (
	tokenNone  = -1
	tokenFresh = -2 // one that this step makes
)

// node is a state of one thread.
type node struct {
	id     uint32
	op     operation
	call   int      // which one it is in
	path   []uint64 // the results that lead there from the start
	frames uint32   // how many tokens it has been shown on the way
	tokens []token
	edges  map[result]edge

	lookedAt uint32 // the node before, of which this step is a swap of the number that it looked at: see joins
	joined   int8   // 1 if so, -1 if not
	kept     int16  // of a sleep: the tokens that are of use afterwards, as bits, with another bit if that is known
}

// result is what a step shows: for each token, which of the known ones it is, or fresh ones.
type result struct {
	plain  uint64
	tokens [2]int8
}

// edge leads to another node. Its tokens come from those of the first: an index, or fromResult or fromStep with the
// field.
type edge struct {
	to   uint32
	from [mostTokens]int8
}

const (
	fromResult = 100
	fromStep   = 110
)

// runner is one run of the code.
type runner struct {
	e       *exploration
	process int
	thread  int // 0 makes the calls, the others are the patrol, for an object each
	objects [explored2]*Object
	alarm   number32       // stands for that of the wait, for the patrol
	armed   unsafe.Pointer // the alarm of the wait itself, once a step is made on it
	history []shown
	op      operation
	result  uint64
	call    int
	yield   func(struct{}) bool
	over    bool
	wrong   any
}

type unwind struct{}

// learn runs the code as far as a node, goes on with one more result, and returns the node that it comes to, and from
// where its tokens are. Without a node it begins.
func (e *exploration) learn(process, thread int, from *node, raw uint64) (to *node, how edge) {
	r := &runner{e: e, process: process, thread: thread}
	var path []uint64
	if from != nil {
		path = append(slices.Clone(from.path), raw)
	}
	next, stop := iter.Pull(func(yield func(struct{}) bool) {
		defer func() {
			if w := recover(); w != nil && w != any(unwind{}) {
				r.wrong = w
				panic(w)
			}
		}()
		r.yield = yield
		r.run()
	})
	explorer = r
	defer func() {
		r.over = true
		stop()
		explorer = nil
	}()
	next()
	for _, v := range path {
		r.result = v
		next()
	}
	e.runs++
	e.steps += len(path)
	to = &node{op: r.op, path: path, call: r.call}
	key := r.key(to)
	r.index(to)
	if known, is := e.keys[key]; is {
		was := e.nodes[known]
		if a, b := was.describe(), to.describe(); a != b {
			panic(fmt.Sprintf("process %d has forgotten something that it needs: it makes %s or %s", process+1, a, b))
		}
		e.again++
		how = e.origins(from, to)
		how.to = known
		return was, how
	}
	if from != nil {
		to.frames = from.frames + newFrames(from, path[len(path)-1])
		how = e.origins(from, to)
	}
	to.id = uint32(len(e.nodes))
	to.edges = map[result]edge{}
	e.nodes = append(e.nodes, to)
	e.keys[key] = to.id
	how.to = to.id
	return to, how
}

// newFrames is how many tokens a result shows for the first time. Two at most; that there are gaps does not matter.
func newFrames(*node, uint64) uint32 { return 2 }

// key is what tells a node from others: what the thread knows, with tokens as the order in which it came to know them.
func (r *runner) key(n *node) string {
	b := []byte{byte(r.process), byte(r.thread)}
	for _, s := range r.history {
		b = binary.LittleEndian.AppendUint64(b, s.plain)
		for _, t := range s.tokens {
			if t.frame == 0 {
				b = append(b, 0)
				continue
			}
			at := slices.Index(n.tokens, t)
			if at < 0 {
				at = len(n.tokens)
				n.tokens = append(n.tokens, t)
			}
			b = append(b, byte(at+1), byte(t.cell), byte(t.field))
		}
	}
	if len(n.tokens) > mostTokens {
		panic("a process knows more tokens than the explorer has room for")
	}
	return string(b)
}

// index finds the tokens of the operation among those that the node knows. A step may make one: the next after one it
// knows.
func (r *runner) index(n *node) {
	op := &n.op
	op.oldTokens, op.newTokens = [2]int8{tokenNone, tokenNone}, [2]int8{tokenNone, tokenNone}
	switch op.kind {
	case stepSwap, stepStore, stepPatience:
		was, next := r.e.split(op.cell, op.old), r.e.split(op.cell, op.new)
		for f := range 2 {
			op.oldTokens[f] = n.find(was.tokens[f], false)
			op.newTokens[f] = n.find(next.tokens[f], op.kind != stepPatience)
		}
		op.old, op.new = was.plain, next.plain
	case stepSleep:
		for i := range op.on {
			op.on[i].token = n.find(op.on[i].frame, false)
		}
	}
}

func (n *node) find(t token, mayBeFresh bool) int8 {
	if t.frame == 0 {
		return tokenNone
	}
	if at := slices.Index(n.tokens, t); at >= 0 {
		return int8(at)
	}
	if before := t; mayBeFresh {
		before.frame--
		if slices.Contains(n.tokens, before) {
			return tokenFresh
		}
	}
	panic(fmt.Sprintf("a process uses a number of cell %d, field %d, that it says it has forgotten", t.cell, t.field))
}

// describe is the operation, without the numbers of this run.
func (n *node) describe() string {
	op := n.op
	on := ""
	for _, s := range op.on {
		on += fmt.Sprintf(" %d:%x:%d", s.cell, s.plain, s.token)
	}
	return fmt.Sprint(op.kind, op.cell, op.old, op.new, op.many, on, op.outcome, op.got, op.err, op.oldTokens,
		op.newTokens, n.tokenCells())
}

func (n *node) tokenCells() (all []int8) {
	for _, t := range n.tokens {
		all = append(all, t.cell, t.field)
	}
	return all
}

// origins says from where the tokens of a node are, which is reached from another one.
func (e *exploration) origins(from, to *node) (how edge) {
	if from == nil {
		if len(to.tokens) > 0 {
			panic("a process knows something at its start")
		}
		return how
	}
	last := e.split(from.op.cell, to.path[len(to.path)-1])
	for i, t := range to.tokens {
		at := slices.Index(from.tokens, t)
		switch {
		case at >= 0:
			how.from[i] = int8(at)
		case from.op.kind == stepLoad && slices.Contains(last.tokens[:], t):
			how.from[i] = fromResult + t.field
		case from.op.newTokens[t.field] == tokenFresh && int(t.cell) == from.op.cell:
			how.from[i] = fromStep + t.field
		default:
			panic("a token comes from nowhere")
		}
	}
	return how
}

// split is a value as a run of the code sees it, in what counts as it is and tokens.
func (e *exploration) split(cell int, raw uint64) (s shown) {
	at := func(field int8, frame uint32) { s.tokens[field] = token{int8(cell), field, frame} }
	switch {
	case cell == noCell:
		s.plain = raw
	case cell < cellCrowd:
		low, value := uint32(raw), uint32(raw>>32)
		at(0, low&seqMask)
		if e.kinds[cell-cellWord] == ManualEvent {
			at(1, value&eventTurns>>1)
			value &^= eventTurns
		}
		s.plain = uint64(value) | uint64(low>>30)<<packedFlags
	case cell < cellBerth || cell >= cellAlarm && cell < cellPolls:
		at(0, uint32(raw))
	case cell < cellQueued:
		at(0, uint32(raw>>32))
		s.plain = uint64(uint32(raw))
	default:
		s.plain = raw
	}
	return s
}

// packedFlags is where a word's two flags are in the plain part of it, where no value of those that are explored has
// anything.
const packedFlags = 28

// join is split the other way round.
func (e *exploration) join(cell int, plain uint32, frames [2]uint32) uint64 {
	switch {
	case cell < cellCrowd:
		value := plain &^ (3 << packedFlags)
		return uint64(value|frames[1]<<1)<<32 | uint64(plain>>packedFlags&3)<<30 | uint64(frames[0])
	case cell < cellBerth || cell >= cellAlarm && cell < cellPolls:
		return uint64(frames[0])
	case cell < cellQueued:
		return uint64(frames[0])<<32 | uint64(plain)
	}
	return uint64(plain)
}

// run is the life of a thread.
func (r *runner) run() {
	var uses Uses
	uses.Enter()
	for i := range r.objects {
		if !r.e.has(i) {
			continue
		}
		o := new(Object)
		o.Open(r.e.config(i, r.process))
		o.seats, o.id = exploredSeats{r}, seatOf(r.process)
		o.watched.Store(true)
		o.Bind(&uses, func() error { return nil })
		r.objects[i] = o
	}
	if r.thread > 0 {
		r.patrol(r.objects[r.thread-1])
	}
	calls := r.e.scripts[r.process]
	for at, c := range calls {
		r.call = at
		r.restart(uint64(at))
		r.armed = nil
		r.step(stepBegin, nil, 0, 0)
		outcome, got, err := r.make(c)
		r.announce(operation{kind: stepEnd, cell: noCell, outcome: outcome, got: got, err: err})
	}
	r.call = len(calls)
	r.restart(uint64(len(calls)))
	r.step(stepOver, nil, 0, 0)
}

// restart forgets all but what Objects remember.
func (r *runner) restart(at uint64) {
	r.history = append(r.history[:0], shown{plain: at})
	for _, o := range r.objects {
		if o != nil {
			r.history = append(r.history,
				shown{plain: uint64(o.depth.Load())<<32 | uint64(o.lastBerth.Load())<<16 | uint64(o.nextToClear.Load())})
		}
	}
}

// patrol is what a process's patrol does with one of its objects, for ever.
func (r *runner) patrol(o *Object) {
	o.alarms.set(&r.alarm, true)
	var last word
	for {
		r.restart(0)
		o.rememberLook(0, last, r.e.waitsForAll(r.process))
		if r.step(stepRest, nil, 0, 0) == beginsToSleep {
			last = o.state.load()
			continue
		}
		b := beat{last: uint64(last)}
		o.busy(&b)
		last = word(b.last)
	}
}

// beginsToSleep is the result of stepRest for which the patrol looks as it does when somebody comes to sleep.
const beginsToSleep = 1

func seatOf(process int) uint32 { return uint32(process+1)<<seatBits | uint32(process) }

// exploredSeats say which processes live.
type exploredSeats struct{ r *runner }

func (s exploredSeats) Lock(uint32) (bool, error) { return true, nil }
func (s exploredSeats) Unlock(uint32)             {}
func (s exploredSeats) Ours() bool                { return true }
func (s exploredSeats) Taken(id uint32) bool      { return s.r.step(stepTaken, nil, uint64(id), 0) != 0 }

// cellAt is the cell at an address; immediate is for what does not matter, and shows nothing.
func (r *runner) cellAt(p unsafe.Pointer) (cell int, immediate bool) {
	if p == nil {
		return noCell, false
	}
	for i, o := range r.objects {
		if o == nil {
			continue
		}
		switch p {
		case unsafe.Pointer(&o.asleep):
			return cellAsleep + r.process*explored2 + i, false
		case unsafe.Pointer(&o.inCrowd):
			return cellInCrowd + r.process*explored2 + i, false
		}
		if uintptr(p)-uintptr(unsafe.Pointer(o)) < unsafe.Sizeof(*o) {
			panic("a step on a number of a handle that the explorer does not know")
		}
		at := uintptr(p) - uintptr(unsafe.Pointer(o.state))
		switch {
		case at >= uintptr(Size):
			continue
		case at < 8:
			return cellWord + i, false
		case p == unsafe.Pointer(&o.state.crowd):
			return cellCrowd + i, false
		case at >= berthsAt:
			if i > 0 || at >= berthsAt+8*exploredB {
				panic("more berths are used than there are processes")
			}
			return cellBerth + int(at-berthsAt)/8, false
		case p == unsafe.Pointer(&o.state.queued):
			return cellQueued, false
		case p == unsafe.Pointer(&o.state.cursor):
			return cellCursor, r.e.unfair
		case at >= seatsAt:
			return cellPolls + int(at-seatsAt)/32, r.e.polls == 0
		}
		panic("a step on a number that the explorer does not know")
	}
	// The patrol rings the alarm that stands for that of the wait. A call has at most one, which arm makes: the first
	// number outside of all that is known.
	if r.thread == 0 && r.armed == nil {
		r.armed = p
	}
	if p != unsafe.Pointer(&r.alarm) && p != r.armed {
		panic("a step on a number that is nobody's alarm")
	}
	return cellAlarm + r.process, false
}

func (r *runner) step(kind stepKind, at unsafe.Pointer, old, new uint64) uint64 {
	if r.over {
		return 0
	}
	op := operation{kind: kind, old: old, new: new}
	immediate := false
	op.cell, immediate = r.cellAt(at)
	if op.cell == cellQueued && r.e.unfair {
		return uint64(r.e.waiters())
	}
	if immediate || op.cell >= cellPolls && op.cell < cellAsleep && kind == stepAdd {
		return 0
	}
	if kind == stepWake {
		op.many, op.new = int(new), 0
	}
	r.announce(op)
	v := r.result
	s := shown{plain: uint64(kind) << 48}
	switch kind {
	case stepLoad:
		s = r.e.split(op.cell, v)
		s.plain |= uint64(kind+1) << 48
	case stepSwap, stepStore:
		if kind == stepStore {
			v = 1
		}
		s.plain |= v
		was, next := r.e.split(op.cell, old), r.e.split(op.cell, new)
		for f := range 2 {
			if v != 0 && next.tokens[f] != was.tokens[f] {
				s.tokens[f] = next.tokens[f]
			}
		}
	default:
		s.plain |= v
	}
	r.history = append(r.history, s)
	return v
}

// announce stops before a step.
func (r *runner) announce(op operation) {
	if r.over {
		panic(unwind{})
	}
	r.op = op
	if !r.yield(struct{}{}) {
		r.over = true
		panic(unwind{})
	}
}

func (r *runner) sleep(on []sleeper) {
	if r.over {
		return
	}
	op := operation{kind: stepSleep, cell: noCell}
	for _, s := range on {
		cell, _ := r.cellAt(unsafe.Pointer(s.addr))
		expected := uint64(s.expected) // the low half, where the number has two
		if cell < cellCrowd {
			v := r.e.split(cell, expected)
			op.on = append(op.on, sleptOn{cell: cell, plain: uint32(v.plain), frame: v.tokens[0]})
		} else if cell >= cellBerth && cell < cellQueued {
			op.on = append(op.on, sleptOn{cell: cell, plain: s.expected})
		} else {
			op.on = append(op.on, sleptOn{cell: cell, frame: token{int8(cell), 0, s.expected}})
		}
	}
	r.announce(op)
	r.history = append(r.history, shown{plain: uint64(stepSleep) << 48})
}

func (r *runner) napping() bool { return r.e.polls>>r.process&1 != 0 }

func (r *runner) enough(times int) bool { return r.e.most > 0 && times >= int(r.e.most) }

func (r *runner) counted(times int) int {
	if r.e.most == 0 {
		return 0
	}
	return times
}

func (r *runner) here() int { return len(r.history) }

func (r *runner) forget(since int, where place, but int) {
	if r.over || r.e.remembersAll {
		return
	}
	r.history = append(r.history[:since], shown{plain: 1<<62 | uint64(where)<<32 | uint64(but)})
}

func (r *runner) remember(at unsafe.Pointer, v uint64) {
	if r.over || r.e.remembersAll && r.thread == 0 {
		return
	}
	cell, _ := r.cellAt(at)
	r.history = append(r.history, r.e.split(cell, v))
}

// make makes a call. got is false for a wait that was given up.
func (r *runner) make(c call) (outcome Outcome, got bool, err error) {
	o := r.objects[c.on[0]]
	switch c.does {
	case waitAny, waitAll:
		return r.wait(c)
	case setIt:
		if r.e.short && o.SetUnwatched() {
			return outcome, true, nil
		}
		err = o.Set()
	case resetIt:
		err = o.Reset()
	case pulseIt:
		err = o.Pulse()
	case releaseIt:
		_, err = o.Release(int64(c.n))
		var f *fault.Fault
		if errors.As(err, &f) && f.Code == fault.TooManyPosts {
			return outcome, false, nil
		}
	case unlockIt:
		if !o.Holds() { // the wait was given up
			return outcome, true, nil
		}
		if r.e.short {
			if done, err := o.UnlockHeld(); done || err != nil {
				return outcome, true, err
			}
		}
		err = o.Unlock()
	}
	return outcome, true, err
}

func (r *runner) wait(c call) (outcome Outcome, got bool, err error) {
	var objects []*Object
	for _, i := range c.on {
		objects = append(objects, r.objects[i])
	}
	ctx := context.Background()
	switch {
	case c.once && len(objects) == 1:
		got, outcome.Abandoned, err = objects[0].Try()
		return outcome, got, err
	case c.once:
		ctx = doneContext{ctx}
	case r.e.givesUp:
		ctx = exploredContext{ctx, r}
	}
	if r.e.short && len(objects) == 1 && (objects[0].LockFree() || objects[0].TakeSoon()) {
		return outcome, true, nil
	}
	outcome, err = Wait(ctx, objects, c.does == waitAll)
	if errors.Is(err, context.Canceled) {
		return Outcome{}, false, nil
	}
	return outcome, err == nil, err
}

// exploredContext is done when the explorer says so.
type exploredContext struct {
	context.Context
	r *runner
}

var never, already = make(chan struct{}), func() chan struct{} { c := make(chan struct{}); close(c); return c }()

func (c exploredContext) Done() <-chan struct{} { return never }

func (c exploredContext) Err() error {
	if c.r.step(stepContext, nil, 0, 0) != 0 {
		return context.Canceled
	}
	return nil
}

// AfterFunc is how context.AfterFunc comes to know: the explorer rings itself.
func (c exploredContext) AfterFunc(func()) func() bool { return func() bool { return true } }

type doneContext struct{ context.Context }

func (doneContext) Done() <-chan struct{} { return already }
func (doneContext) Err() error            { return context.Canceled }
