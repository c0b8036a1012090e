//go:build namedshm_steps

package conduit

import (
	"fmt"
	"hash/maphash"
	"slices"
)

const (
	mostProcesses = 5
	mostCells     = 56
	mostBuffered  = 6
	mostNumbers   = 10
)

// order is how memory behaves.
type order int

const (
	// sequential: each step is done when it is made.
	sequential order = iota
	// total is that of amd64, as gc compiles for it: a plain store waits in a buffer of its processor, first in,
	// first out; an atomic one empties that.
	total
	// relaxed is that of arm64, as gc compiles for it. Each store waits, and may be overtaken by any other to another
	// place; but an atomic one (STLR) overtakes none, and a fence holds back what comes behind it. An atomic load
	// (LDAR) waits for the atomic stores before it. The words of a payload are read at any moment up to a fence for
	// loads, or until they are used.
	relaxed
)

func (o order) String() string {
	return [...]string{"sequential consistency", "a store buffer", "reordering as on arm64"}[o]
}

// How a process is.
const (
	alive = iota
	stopped
	dead
)

// world is a state of all there is. It is compared and copied.
type world struct {
	cells     [mostCells]uint64
	processes [mostProcesses]process
	judge     judge
	kills     uint8
	stops     uint8
}

// process is what the world knows of a process.
type process struct {
	node     int32
	life     uint8
	asleep   bool
	on       int16
	buffered uint8
	buffer   [mostBuffered]waitingStore
	reads    [mostWords]waitingRead
}

// waitingStore is one that others do not see yet.
type waitingStore struct {
	value  uint64
	cell   int16
	atomic bool
	fence  bool // no store, but what holds back those behind it
}

// waitingRead is one whose value is not known yet, or not used.
type waitingRead struct {
	value   uint64
	cell    int16
	pending bool
}

// move is what happens next.
type move struct {
	process int8
	kind    moveKind
	at      int8 // of a store or read: which
}

type moveKind uint8

const (
	makesStep moveKind = iota
	storeArrives
	readHappens
	dies
	stops
	patrolWakes
)

// exploration is one.
type exploration struct {
	*code
	order  order
	seed   maphash.Seed
	wrong  string
	ended  int // states in which nothing more can happen
	states int
	sleeps int // of these those in which somebody sleeps
}

// trail is the way to a state.
type trail struct {
	before *trail
	move   move
}

func (e *exploration) step(p *process) *step { return &e.nodes[p.node].step }

// begin is the world at its start.
func (e *exploration) begin() world {
	var w world
	for i := range e.scenario.processes {
		w.processes[i].node = e.first(i)
	}
	for offset, v := range e.scenario.cells(e) {
		cell := e.cellAt(offset)
		w.cells[cell] = v
	}
	for i := range e.scenario.processes {
		e.settleDown(&w, i)
		for e.scenario.processes[i].there && w.judge.opened[i] == 0 && e.wrong == "" {
			m := move{process: int8(i), kind: makesStep}
			if w.processes[i].buffered > 0 {
				m.kind = storeArrives
			}
			e.make(&w, m)
		}
	}
	return w
}

func (e *exploration) cellAt(offset uintptr) int16 {
	cell, known := e.cells[offset]
	if !known {
		cell = int16(len(e.offsets))
		e.cells[offset], e.offsets = cell, append(e.offsets, offset)
	}
	return cell
}

// moves are all that can happen next.
func (e *exploration) moves(w *world, all []move) []move {
	for i := range e.scenario.processes {
		p := &w.processes[i]
		for k := range int(p.buffered) {
			if e.canArrive(p, k) {
				all = append(all, move{int8(i), storeArrives, int8(k)})
			}
		}
		if p.life != alive {
			continue
		}
		for k := range p.reads {
			if p.reads[k].pending {
				all = append(all, move{int8(i), readHappens, int8(k)})
			}
		}
		s := e.step(p)
		if s.kind == stepOver {
			continue
		}
		if !p.asleep && e.canMake(w, i, p, s) {
			all = append(all, move{int8(i), makesStep, 0})
		}
		if w.kills < e.scenario.kills && e.scenario.processes[i].mortal {
			all = append(all, move{int8(i), dies, 0})
		}
		if w.stops < e.scenario.stops && e.scenario.processes[i].mortal {
			all = append(all, move{int8(i), stops, 0})
		}
	}
	return all
}

// canArrive reports whether a store can become visible.
func (e *exploration) canArrive(p *process, k int) bool {
	if e.order == total {
		return k == 0
	}
	b := p.buffer[:p.buffered]
	for i := range k {
		if b[i].fence || b[k].atomic || b[k].fence || b[i].cell == b[k].cell {
			return false
		}
	}
	return true
}

// canMake reports whether a process need not wait for its own stores and reads first.
func (e *exploration) canMake(w *world, who int, p *process, s *step) bool {
	reading := slices.ContainsFunc(p.reads[:], func(r waitingRead) bool { return r.pending })
	switch s.kind {
	case stepLoad:
		// A load behind an atomic store waits for it.
		if e.order != relaxed || e.scenario.weakLoads {
			return true
		}
		return !slices.ContainsFunc(p.buffer[:p.buffered], func(b waitingStore) bool { return b.atomic })
	case stepStore:
		if !s.plain && (reading || e.order == total && p.buffered > 0) {
			return false
		}
		return e.order == sequential || p.buffered < mostBuffered
	case stepFence:
		return s.stores && (e.order != relaxed || p.buffered < mostBuffered) || !s.stores && !reading
	case stepUse:
		return !reading
	case stepRead, stepTaken, stepBegin, stepEnd:
		return true
	}
	return p.buffered == 0 && !reading
}

// sees is what a process sees in a cell: its own newest store, or memory.
func (w *world) sees(p *process, cell int16) uint64 {
	for i := int(p.buffered) - 1; i >= 0; i-- {
		if b := &p.buffer[i]; b.cell == cell && !b.fence {
			return b.value
		}
	}
	return w.cells[cell]
}

// make makes a move.
func (e *exploration) make(w *world, m move) {
	who := int(m.process)
	p := &w.processes[who]
	switch m.kind {
	case dies, stops:
		p.life = stopped
		w.stops++
		if m.kind == dies {
			p.life = dead
			w.stops--
			w.kills++
		}
		p.asleep, p.reads = false, [mostWords]waitingRead{}
		e.bereave(w, who)
	case storeArrives:
		b := p.buffer[m.at]
		copy(p.buffer[m.at:], p.buffer[m.at+1:p.buffered])
		p.buffered--
		p.buffer[p.buffered] = waitingStore{}
		if !b.fence {
			e.put(w, who, b.cell, b.value)
		}
	case readHappens:
		r := &p.reads[m.at]
		*r = waitingRead{value: w.sees(p, r.cell), cell: r.cell}
	case patrolWakes:
		p.asleep = false
		e.goOn(w, who, shown{})
	case makesStep:
		e.makeStep(w, who, p)
	}
	e.witness(w)
}

// put is a store that arrives in memory.
func (e *exploration) put(w *world, who int, cell int16, v uint64) {
	before := w.cells[cell]
	w.cells[cell] = v
	e.changed(w, who, cell, before)
}

func (e *exploration) makeStep(w *world, who int, p *process) {
	s := e.step(p)
	var got shown
	switch s.kind {
	case stepLoad:
		got[0] = w.sees(p, s.cell)
	case stepStore:
		if e.order == relaxed || e.order == total && s.plain {
			p.buffer[p.buffered] = waitingStore{value: s.new, cell: s.cell, atomic: !s.plain}
			p.buffered++
			break
		}
		e.put(w, who, s.cell, s.new)
	case stepSwap:
		if w.cells[s.cell] == s.old {
			got[0] = 1
			e.put(w, who, s.cell, s.new)
		}
	case stepAdd:
		e.put(w, who, s.cell, uint64(uint32(w.cells[s.cell])+uint32(s.new)))
	case stepFence:
		if s.stores && e.order == relaxed && p.buffered > 0 {
			p.buffer[p.buffered] = waitingStore{cell: noCell, fence: true}
			p.buffered++
		}
	case stepRead:
		p.reads[s.n] = waitingRead{cell: s.cell, pending: true}
		if e.order != relaxed || e.scenario.wordwise {
			p.reads[s.n] = waitingRead{value: w.sees(p, s.cell), cell: s.cell}
		}
	case stepUse:
		for i := range s.n {
			got[i] = p.reads[i].value
		}
		p.reads = [mostWords]waitingRead{}
	case stepSleep:
		if w.cells[s.cell] == s.old {
			p.asleep, p.on = true, s.cell
			return
		}
	case stepWake:
		for i := range w.processes {
			if q := &w.processes[i]; q.asleep && q.on == s.cell {
				q.asleep = false
				e.goOn(w, i, shown{})
			}
		}
	case stepTaken:
		if e.taken(w, who, s.old) {
			got[0] = 1
		}
	}
	e.goOn(w, who, got)
}

// taken reports whether somebody has a seat. Who asks about its own is told that it is free.
func (e *exploration) taken(w *world, who int, seat uint64) bool {
	for i := range e.scenario.processes {
		p := &w.processes[i]
		gone := p.life == dead && p.buffered == 0 // locks go when all that was stored is in memory
		if uint64(e.seatOf(i)) == seat && i != who && w.judge.seated>>i&1 != 0 && !gone {
			return true
		}
	}
	return false
}

func (e *exploration) seatOf(who int) uint32 {
	if as := e.scenario.processes[who].seat; as != 0 {
		return as
	}
	return uint32(who + 1)
}

// goOn has a process know what it was shown, and then do at once what nobody else can notice.
func (e *exploration) goOn(w *world, who int, got shown) {
	p := &w.processes[who]
	p.node = e.follow(who, p.node, got)
	e.settleDown(w, who)
}

// settleDown makes the steps of a process that others cannot notice, and that do not depend on others: the beginnings
// and ends of calls, and looks at the end word that it has. Others change that when they take its owner for dead,
// which is wrong.
func (e *exploration) settleDown(w *world, who int) {
	p := &w.processes[who]
	for e.wrong == "" {
		s := e.step(p)
		switch {
		case s.kind == stepBegin:
			e.began(w, who, s)
		case s.kind == stepEnd:
			e.over(w, who, s)
		case s.kind == stepLoad && w.judge.mine[who] == s.cell+1:
			p.node = e.follow(who, p.node, shown{w.sees(p, s.cell)})
			continue
		default:
			return
		}
		p.node = e.follow(who, p.node, shown{})
	}
}

// explore looks at every state that can be reached, until one is wrong or there are no more. States are remembered by
// a 64-bit hash with a random seed: among ten million, two that share one come once in a million runs.
func (e *exploration) explore(most int) (wrong string, way []move, cut bool) {
	Explored = e.code
	defer func() { Explored = nil }()
	defer e.code.close()
	type pending struct {
		world world
		trail *trail
	}
	start := e.begin()
	if e.wrong != "" {
		return e.wrong, nil, false
	}
	e.witness(&start)
	seen := map[uint64]struct{}{maphash.Comparable(e.seed, start): {}}
	stack := []pending{{start, nil}}
	var moves []move
	for len(stack) > 0 {
		at := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		moves = e.moves(&at.world, moves[:0])
		if !slices.ContainsFunc(moves, func(m move) bool { return m.kind != dies && m.kind != stops }) {
			moves = append(moves, e.patrols(&at.world)...)
			if !slices.ContainsFunc(moves, func(m move) bool { return m.kind != dies && m.kind != stops }) {
				e.ended++
				if wrong := e.rest(&at.world); wrong != "" {
					return wrong, at.trail.all(), false
				}
			}
		}
		for _, m := range moves {
			w := at.world
			e.make(&w, m)
			if e.wrong != "" {
				return e.wrong, append(at.trail.all(), m), false
			}
			key := maphash.Comparable(e.seed, w)
			if _, known := seen[key]; known {
				continue
			}
			if len(seen) >= most {
				return "", nil, true
			}
			seen[key] = struct{}{}
			e.states = len(seen)
			stack = append(stack, pending{w, &trail{at.trail, m}})
		}
	}
	return "", nil, false
}

func (t *trail) all() (way []move) {
	for ; t != nil; t = t.before {
		way = append(way, t.move)
	}
	slices.Reverse(way)
	return way
}

// patrols are the wake-ups of those who sleep by their own patrols. Nobody needs one as long as nobody has died: so
// none looks.
func (e *exploration) patrols(w *world) (all []move) {
	if w.kills == 0 {
		return nil
	}
	for i := range e.scenario.processes {
		if p := &w.processes[i]; p.asleep && e.patrolSees(w, i) {
			all = append(all, move{int8(i), patrolWakes, 0})
		}
	}
	return all
}

// patrolSees has the code's own look say whether there is something for who sleeps.
func (e *exploration) patrolSees(w *world, who int) bool {
	c := e.reach(who, w.processes[who].node)
	defer e.keep(c)
	Explored, e.looks = &lookingOn{e, w}, func(seat uint32) bool { return e.taken(w, who, uint64(seat)) }
	defer func() { Explored, e.looks = e.code, nil }()
	switch a := c.actor; {
	case a.sender != nil:
		return a.sender.look()
	case a.receiver != nil:
		return a.receiver.look()
	default:
		return a.reader.look()
	}
}

// story is a way in words.
func (e *exploration) story(way []move) string {
	Explored = e.code
	defer func() { Explored = nil }()
	text := ""
	w := e.begin()
	e.witness(&w)
	for _, m := range way {
		p := &w.processes[m.process]
		s := *e.step(p)
		name := fmt.Sprintf("%d %s", m.process, e.scenario.processes[m.process].role)
		switch m.kind {
		case dies:
			text += fmt.Sprintf("  %s dies before %s\n", name, e.words(&s))
		case stops:
			text += fmt.Sprintf("  %s stops before %s\n", name, e.words(&s))
		case storeArrives:
			b := p.buffer[m.at]
			if b.fence {
				break
			}
			text += fmt.Sprintf("  %s: arrives: %s = %#x\n", name, e.place(b.cell), b.value)
		case readHappens:
			text += fmt.Sprintf("  %s: reads %s\n", name, e.place(p.reads[m.at].cell))
		case patrolWakes:
			text += fmt.Sprintf("  %s: is woken by its patrol\n", name)
		default:
			saw := ""
			if s.cell >= 0 {
				saw = fmt.Sprintf(" (%#x)", w.sees(p, s.cell))
			}
			text += fmt.Sprintf("  %s: %s%s\n", name, e.words(&s), saw)
		}
		e.make(&w, m)
	}
	return text
}

func (e *exploration) words(s *step) string {
	names := [...]string{"?", "load", "store", "swap", "add", "fence", "read", "use", "sleep", "wake", "is taken",
		"begin", "end", "over"}
	text := names[s.kind]
	if s.cell >= 0 {
		text += " " + e.place(s.cell)
	}
	switch s.kind {
	case stepStore, stepAdd:
		text += fmt.Sprintf(" %#x", s.new)
	case stepSwap:
		text += fmt.Sprintf(" %#x to %#x", s.old, s.new)
	case stepSleep, stepTaken:
		text += fmt.Sprintf(" %#x", s.old)
	}
	return text
}
