package model

import (
	"fmt"
	"hash/maphash"
	"testing"
	"time"

	"github.com/namedshm/namedshm/internal/depth"
)

// names is the machine that walks through the protocol of names: a configuration.
type names struct {
	name      string
	backing   backing
	processes int
	slots     uint8 // for doors
	left      uint8 // operations of each process
	kills     uint8
	reborn    bool // a dead process's number is given to another one
	both      bool // OpenOrCreate is among the operations
	readers   uint8
	hoarders  uint8
	forks     bool  // the last process is a child that another forks
	child     uint8 // its index
	mistake   mistake

	say    func(line string)
	wrong  string
	seed   maphash.Seed
	onward map[uint64]uint8 // states from which each process goes on alone, so far as known
	judged int              // moments of quiescence

	standing bool                // processes keep their numbers
	order    [maxProcesses]uint8 // which process got which number in the last step
	searched uint8               // the process that the last step looked through
	told     bool                // for people: all numbers stay as they are
}

// What a process may do next.
const (
	goOn what = iota
	beginCreate
	beginOpen
	beginOpenOrCreate
	beginClose
	beginHoard
	fork
	die
	exit
	detach
	beBorn
)

var beginnings = map[what]operation{
	beginCreate: create, beginOpen: openIt, beginOpenOrCreate: openOrCreate, beginClose: closeIt, beginHoard: hoard,
}

func (m *names) start() world {
	m.seed, m.onward, m.judged = maphash.MakeSeed(), map[uint64]uint8{}, 0
	w := world{kills: m.kills}
	for i := range m.processes {
		w.processes[i] = process{life: alive, left: m.left}
	}
	if m.forks {
		m.child = uint8(m.processes - 1)
		w.processes[m.child] = process{}
	}
	return w
}

func (m *names) moves(w *world, to []move) []move {
	for i := range m.processes {
		p, who := &w.processes[i], uint8(i)
		switch p.life {
		case dead:
			if m.reborn && p.left > 0 {
				to = append(to, move{who, beBorn})
			}
		case exiting:
			if p.highest(false) >= 0 {
				to = append(to, move{who, exit})
			}
			if p.highest(true) >= 0 {
				to = append(to, move{who, detach})
			}
		case alive:
			if p.pc == idle {
				to = m.beginnings(w, who, to)
			} else {
				to = append(to, move{who, goOn})
			}
			if w.kills > 0 && (p.pc != idle || p.own > 0) {
				to = append(to, move{who, die})
			}
		}
	}
	return to
}

func (m *names) beginnings(w *world, who uint8, to []move) []move {
	p := &w.processes[who]
	switch {
	case m.hoarders>>who&1 != 0:
		if p.left > 0 && p.own == 0 {
			to = append(to, move{who, beginHoard})
		}
	case p.own > 0:
		to = append(to, move{who, beginClose})
		if m.forks && p.holds && w.processes[m.child].life == unborn {
			to = append(to, move{who, fork})
		}
	case p.own == 0 && p.left > 0:
		if m.readers>>who&1 == 0 {
			to = append(to, move{who, beginCreate})
			if m.both {
				to = append(to, move{who, beginOpenOrCreate})
			}
		}
		to = append(to, move{who, beginOpen})
	}
	return to
}

func (m *names) make(w *world, by move) string {
	m.wrong = ""
	t := turn{m, w, &w.processes[by.process], by.process + 1}
	switch by.what {
	case goOn:
		program[t.p.pc](&t)
	case fork:
		t.fork()
	case die:
		t.die()
	case exit:
		t.exit(false)
	case detach:
		t.exit(true)
	case beBorn:
		t.say("ends, and another one gets its number")
		t.p.life = alive
	default:
		t.begin(beginnings[by.what])
	}
	m.observe(w)
	m.arrange(w)
	return m.wrong
}

// arrange makes one state of those that are alike.
func (m *names) arrange(w *world) {
	if m.told {
		w.forget()
		return
	}
	m.order = [maxProcesses]uint8{0, 1, 2}
	if !m.standing && m.readers|m.hoarders == 0 && !m.forks {
		if who, changed := w.order(m.processes); changed {
			w.rearrange(who)
			m.order = who
		}
	}
	w.normalize()
}

// tell makes the steps twice: in the states that were explored, where numbers change, and in one where they stay.
func (m *names) tell(moves []move) (lines []string) {
	w, told := m.start(), m.start()
	called := [maxProcesses]uint8{0, 1, 2}
	defer func() { m.say, m.told = nil, false }()
	for _, by := range moves {
		m.say, m.told = nil, false
		m.make(&w, by)
		m.searched = called[m.searched]
		m.say, m.told = func(line string) { lines = append(lines, line) }, true
		m.make(&told, move{called[by.process], by.what})
		before := called
		for i, old := range m.order {
			called[i] = before[old]
		}
	}
	return lines
}

// observe notes for each look-up that runs what is so at this moment.
func (m *names) observe(w *world) {
	held := false
	for i := range w.processes {
		held = held || w.processes[i].life == alive && w.processes[i].holds
	}
	lives := w.lives(m.backing == sysvBacking)
	for i := range w.processes {
		if p := &w.processes[i]; p.op.looksUp() {
			p.sawNone = p.sawNone || p.op == openIt && !held
			p.sawSome = p.sawSome || lives && (p.op == create || m.another(w, i))
		}
	}
}

// another reports that somebody else has a handle of what the name leads to, or will have had one since now: an open
// that has its lock counts if it has itself found somebody. A hoarder counts while the segment is there: he may read
// it, and could as well have opened it.
func (m *names) another(w *world, who int) bool {
	for i := range w.processes {
		q := &w.processes[i]
		if i == who || (q.op == openIt || q.op == openOrCreate) && !q.built && !q.sawSome {
			continue
		}
		for _, d := range q.descriptors {
			if d.kind == entryFile && w.open[d.of-1].file == w.path && w.open[d.of-1].lock > 0 {
				return true
			}
		}
	}
	return false
}

// check is the invariants.
func (m *names) check(w *world) string {
	if w.path != 0 && !w.file(w.path).complete {
		return "the name leads to an entry that is not complete"
	}
	quiet := true
	for i := range m.processes {
		p := &w.processes[i]
		if p.life == alive && p.holds {
			if wrong := m.checkHandle(w, p); wrong != "" {
				return "one process has a handle, and " + wrong
			}
		}
		hoards := m.hoarders>>i&1 != 0
		quiet = quiet && p.life != exiting && (p.life != alive || p.pc == idle && (p.own == 0 || hoards))
	}
	if quiet {
		m.judged++
		return m.checkQuiet(w)
	}
	return m.checkAlone(w)
}

// checkHandle is the first invariant: all who have a handle have the memory that the name leads to, which is alive by a
// lock of theirs.
func (m *names) checkHandle(w *world, p *process) string {
	d := w.description(p, p.own)
	mem := p.descriptors[p.mem-1]
	switch f := w.file(d.file); {
	case w.path != d.file:
		return "the name does not lead to its entry"
	case d.lock == 0:
		return "its lock is gone"
	case mem.kind == entryFile || mem.of != f.memory:
		return "its memory is not the one that the name leads to"
	case m.backing == sysvBacking && !w.made.has(f.memory):
		return "its memory is gone"
	}
	return ""
}

// checkQuiet is what must be so where nobody has a handle and no operation runs: without a death nothing is left; and
// in any case Open finds nothing, Create makes new memory, and then nothing is left.
func (m *names) checkQuiet(w *world) string {
	if w.kills == m.kills && m.readers|m.hoarders == 0 && w.path != 0 {
		return "all have closed their handles, and the name is still there"
	}
	if wrong := m.audit(*w, openIt, "not found"); wrong != "" {
		return wrong
	}
	s := *w
	s.processes[0] = process{life: alive, left: 2}
	for _, op := range []operation{create, closeIt} {
		if wrong := m.alone(&s, 0, op); wrong != "" {
			return "nobody has a handle, and " + wrong
		}
		if op == create && !s.processes[0].holds {
			return "nobody has a handle, and Create makes none"
		}
	}
	if m.hoarders == 0 && s.path != 0 {
		return "a Create and a Close leave the name"
	}
	for i := range s.files {
		if s.files[i].temporary {
			return "a file is left under a temporary name"
		}
	}
	if s.made != 0 {
		return "a segment is left that nobody has attached"
	}
	return ""
}

// audit has a new process begin an operation where all others stand still, and compares how it ends.
func (m *names) audit(w world, op operation, want string) string {
	w.processes[0] = process{life: alive, left: 1}
	if wrong := m.alone(&w, 0, op); wrong != "" {
		return "nobody has a handle, and " + wrong
	}
	if w.processes[0].holds != (want != "not found") {
		return "nobody has a handle, and Open opens something"
	}
	return ""
}

// alone runs an operation of one process from its beginning to its end.
func (m *names) alone(w *world, who uint8, op operation) string {
	say := m.say
	m.say, m.standing = nil, true
	defer func() { m.say, m.standing = say, false }()
	t := turn{m, w, &w.processes[who], who + 1}
	m.wrong = ""
	t.begin(op)
	m.observe(w)
	for steps := 0; t.p.pc != idle; steps++ {
		if wrong := m.make(w, move{who, goOn}); wrong != "" {
			return wrong
		}
		if steps > mostAlone {
			return fmt.Sprintf("%v does not end", op)
		}
	}
	return ""
}

// mostAlone is more steps than any operation takes that nobody disturbs.
const mostAlone = 200

// checkAlone is the last invariant: all but one process may be stopped where they are, and that one goes on to the end
// of its operation. Two things are waited for: a burier that has locked, and who is exiting, which nothing can stop.
func (m *names) checkAlone(w *world) string {
	m.standing = true
	defer func() { m.standing = false }()
	s := *w
	for i := range m.processes {
		for s.processes[i].life == exiting {
			as := exit
			if s.processes[i].highest(true) >= 0 {
				as = detach
			}
			m.make(&s, move{uint8(i), as})
		}
	}
	if s.burial != 0 {
		return ""
	}
	for i := range s.open {
		if s.open[i].exclusive && s.open[i].file == s.path {
			return ""
		}
	}
	for i := range m.processes {
		if s.processes[i].life == alive && s.processes[i].pc != idle && !m.goesOn(s, uint8(i)) {
			return "one process does not get on while the others stand still"
		}
	}
	return ""
}

// goesOn lets one process go on alone, to where it is known that it ends.
func (m *names) goesOn(w world, who uint8) bool {
	var way []uint64
	for range mostAlone {
		key := maphash.Comparable(m.seed, w)
		known := w.processes[who].pc == idle || m.onward[key]>>who&1 != 0
		if !known {
			way = append(way, key)
			m.make(&w, move{who, goOn})
			continue
		}
		for _, key := range way {
			m.onward[key] |= 1 << who
		}
		return true
	}
	return false
}

// TestNames explores the protocol of names. Nothing in it may be wrong.
func TestNames(t *testing.T) {
	for _, m := range []names{
		{name: "two processes", processes: 2, left: 3, both: true},
		{name: "two processes, deaths, their numbers used again", processes: 2, left: 2, kills: 2, reborn: true, both: true},
		{name: "three processes, a death", processes: 3, left: 1, kills: 1},
		{name: "a child that was forked", processes: 2, left: 2, kills: 2, forks: true},
		{name: "a third, and a child", processes: 3, left: 1, forks: true},
		{name: "one that may not write the directory", processes: 2, left: 3, kills: 1, readers: 2},
		{name: "two that may not", processes: 3, left: 1, kills: 1, readers: 6},
		{name: "one that hoards locks", processes: 3, left: 1, kills: 1, readers: 4, hoarders: 4},
	} {
		exploreNames(t, m, depth.Of[int](quickMost, 2e6))
	}
	if !depth.Every() {
		return
	}
	for _, m := range []names{
		{name: "two processes, more deaths, their numbers used again", processes: 2, left: 3, kills: 3, reborn: true,
			both: true},
		{name: "three processes", processes: 3, left: 2},
		{name: "three processes, deaths, their numbers used again", processes: 3, left: 1, kills: 3, reborn: true,
			both: true},
		{name: "three processes and one slot", processes: 3, left: 1, kills: 2, slots: 1},
		{name: "a third, and a child, and deaths", processes: 3, left: 1, kills: 2, forks: true},
		{name: "one of three that may not write the directory", processes: 3, left: 2, kills: 1, readers: 2},
		{name: "one that hoards locks, and more deaths", processes: 3, left: 2, kills: 1, readers: 4, hoarders: 4},
	} {
		exploreNames(t, m, 12e6)
	}
}

// quickMost is how many states of a configuration a quick run explores: all of most of them.
const quickMost = 50_000

// mustEnd reports whether every configuration has to be explored to its end. Those that are left out unless nothing is
// have more states than memory may hold.
func mustEnd() bool { return depth.Full() && !depth.Every() }

// exploreNames explores a configuration with each backing for which it means something.
func exploreNames(t *testing.T, m names, most int) {
	for b, name := range []string{memfdBacking: "memfd", sysvBacking: "sysv", fileBacking: "file"} {
		m := m
		m.backing, m.name = backing(b), name+": "+m.name
		if m.slots == 0 {
			m.slots = 2
		}
		if m.readers|m.hoarders != 0 && m.backing != sysvBacking || m.forks && m.backing == fileBacking {
			continue
		}
		t.Run(m.name, func(t *testing.T) {
			began := time.Now()
			found := explore(&m, most)
			found.report(t, m.name, began)
			if found.wrong != "" {
				t.Fatalf("\n%s", found.story())
			}
			if m.judged == 0 || found.cut && mustEnd() {
				t.Error("it was not explored to the end")
			}
		})
	}
}
