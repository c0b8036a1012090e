//go:build namedshm_steps

package conduit

import (
	"fmt"
	"hash/maphash"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/namedshm/namedshm/internal/depth"
)

// actorOf is a process of a scenario.
type actorOf struct {
	role    string
	script  string
	mortal  bool   // it may die or stop
	seat    uint32 // instead of its own
	invalid int    // the call that must be refused; 0 for none

	there bool // it has its end from the start: the script begins with "there" instead of "open"
	calls []call
}

// scenario is what is explored.
type scenario struct {
	name      string
	kind      Kind
	lanes     int
	capacity  int64 // of a lane, in bytes; of a feed's message
	depth     int
	processes []actorOf
	kills     uint8
	stops     uint8
	begins    uint64 // where positions begin
	dead      uint32 // the seat of one that has died as owner of lane 0
	wordwise  bool   // a feed's payload is copied in atomic words, without fences
	weakLoads bool   // an atomic load may overtake an atomic store: LDAPR
	busy      bool   // somebody may be told that an end is taken
	all       bool   // the readers are there before the first message
	orders    []order
	quick     bool // it is explored in a quick run, too, over memory of the first order
}

// newExploration is one of a scenario over memory that behaves in one way.
func newExploration(s scenario, o order) *exploration {
	h := &head{kind: s.kind, element: 8, lanes: max(s.lanes, 1), depth: s.depth, capacity: s.capacity,
		stride: s.capacity, dataAt: leastDataAt}
	if s.kind == KindFeed {
		h.stride = slotHeader + s.capacity
	}
	h.total = h.dataAt + h.stride*int64(h.parts())
	for i := range s.processes {
		p := &s.processes[i]
		rest, there := strings.CutPrefix(p.script, "there")
		if p.calls, p.there = callsOf(rest), there; there {
			p.calls = callsOf("open" + rest)
		}
	}
	x := &code{scenario: &s, memory: alignedBytes(int(h.total)), head: h, cells: map[uintptr]int16{},
		edges:    map[edgeFrom]int32{},
		betweens: map[between]int32{}, seed: maphash.MakeSeed(), sleeping: map[int32]*coroutine{}}
	return &exploration{code: x, order: o, seed: maphash.MakeSeed()}
}

// cells is what stands in memory at the start.
func (s *scenario) cells(e *exploration) map[uintptr]uint64 {
	all := map[uintptr]uint64{}
	put := func(field unsafe.Pointer, v uint64) {
		all[uintptr(field)-uintptr(unsafe.Pointer(unsafe.SliceData(e.memory)))] = v
	}
	for i := range e.head.lanes {
		if s.begins > 0 {
			put(unsafe.Pointer(&e.lane(i).tail), s.begins)
			put(unsafe.Pointer(&e.lane(i).head), s.begins)
		}
	}
	if s.dead != 0 {
		put(unsafe.Pointer(&e.lane(0).end.word), successor(0, s.dead))
		put(unsafe.Pointer(&controlOf(e.memory).used), 1)
	}
	return all
}

// place names a cell.
func (e *exploration) place(cell int16) string {
	c := controlOf(e.memory)
	named := map[string]unsafe.Pointer{"asleep": unsafe.Pointer(&c.asleep), "rings": unsafe.Pointer(&c.rings),
		"receiver": unsafe.Pointer(&c.receiver.word), "used": unsafe.Pointer(&c.used)}
	for i := range e.head.lanes {
		l := e.lane(i)
		for name, field := range map[string]unsafe.Pointer{"tail": unsafe.Pointer(&l.tail),
			"head":  unsafe.Pointer(&l.head),
			"wants": unsafe.Pointer(&l.wants), "end": unsafe.Pointer(&l.end.word), "room": unsafe.Pointer(&l.room)} {
			named[fmt.Sprint(name, i)] = field
		}
	}
	if cell == noCell {
		return "nothing"
	}
	for name, field := range named {
		if e.is(cell, field) {
			return name
		}
	}
	return fmt.Sprintf("data+%d", int64(e.offsets[cell])-e.head.dataAt)
}

var (
	anyOrder    = []order{sequential, total, relaxed}
	inOrder     = []order{sequential}
	relaxedOnly = []order{relaxed}
)

// scenarios are what is explored, each to its end. What can be seen under sequential consistency or through a store
// buffer can also be seen where memory is relaxed, so that the larger ones are explored there alone.
var scenarios = []scenario{
	{name: "messages of 1 to 3 words, a wrap with padding", kind: KindRing, capacity: 64, begins: 16,
		orders: anyOrder, quick: true,
		processes: []actorOf{
			{role: "sender", script: "open claim3 commit claim2 commit claim1 commit close"},
			{role: "receiver", script: "open next* close"}}},
	{name: "batches, an abort, a drain", kind: KindRing, capacity: 64, begins: 8, orders: anyOrder, quick: true,
		processes: []actorOf{
			{role: "sender", script: "open claim1 claim1 commit claim3 abort claim2 commit drain close"},
			{role: "receiver", script: "open next next* close"}}},
	{name: "a batch that would take more than a lane", kind: KindRing, capacity: 64, begins: 40, orders: inOrder,
		quick: true,
		processes: []actorOf{
			{role: "sender", script: "open claim1 commit claim3 claim3 commit close", invalid: 4},
			{role: "receiver", script: "open next* close"}}},
	{name: "a claim that gives up before padding", kind: KindRing, capacity: 64, begins: 16, orders: inOrder,
		quick: true,
		processes: []actorOf{
			{role: "sender", script: "open claim2 commit claim1 try3 commit claim1 commit close"},
			{role: "receiver", script: "open next* close"}}},
	{name: "a receiver closes while a sender waits for room", kind: KindRing, capacity: 32, orders: anyOrder,
		quick: true,
		processes: []actorOf{
			{role: "sender", script: "open claim1 commit claim1 commit claim1 commit claim1 commit close"},
			{role: "receiver", script: "open next close"}}},
	{name: "a drain of a lane that is nearly empty", kind: KindRing, capacity: 256, orders: inOrder, quick: true,
		processes: []actorOf{
			{role: "sender", script: "there claim1 commit drain claim2 commit drain close"},
			{role: "receiver", script: "there next*"}}},
	{name: "room for one", kind: KindRing, capacity: 32, begins: 16, orders: inOrder,
		processes: []actorOf{
			{role: "sender", script: "there claim1 commit claim1 commit claim1 commit claim1 commit claim1 commit close"},
			{role: "receiver", script: "there next done next done next*"}}},
	{name: "a lane is taken", kind: KindRing, capacity: 32, lanes: 2, orders: inOrder, quick: true,
		processes: []actorOf{
			{role: "sender", script: "there close"},
			{role: "sender", script: "open claim1 commit"},
			{role: "receiver", script: "there next* next*"}}},
	{name: "a sender dies", kind: KindRing, capacity: 64, begins: 24, orders: anyOrder, quick: true, kills: 1,
		processes: []actorOf{
			{role: "sender", script: "open claim1 claim2 commit close", mortal: true},
			{role: "receiver", script: "open next*"}}},
	{name: "a receiver dies", kind: KindRing, capacity: 32, orders: anyOrder, quick: true, kills: 1,
		processes: []actorOf{
			{role: "receiver", script: "open next*", mortal: true},
			{role: "sender", script: "there claim1 commit claim1 commit claim1 commit drain close"}}},
	{name: "a sender dies beside another", kind: KindRing, capacity: 32, lanes: 2, orders: relaxedOnly, kills: 1,
		processes: []actorOf{
			{role: "sender", script: "there claim1 commit", mortal: true},
			{role: "sender", script: "there claim1 commit close"},
			{role: "receiver", script: "there next*"}}},
	{name: "a sender dies while it comes", kind: KindRing, capacity: 32, lanes: 2, orders: relaxedOnly, kills: 1,
		processes: []actorOf{
			{role: "sender", script: "open claim1 commit", mortal: true},
			{role: "sender", script: "there close"},
			{role: "receiver", script: "there next*"}}},
	{name: "a sender dies, its successor goes on in its lane", kind: KindRing, capacity: 32, orders: relaxedOnly,
		kills: 1, busy: true,
		processes: []actorOf{
			{role: "sender", script: "there claim1 commit claim1 commit", mortal: true},
			{role: "sender", script: "open claim1 commit close"},
			{role: "receiver", script: "there next* next*"}}},
	{name: "a receiver dies, its successor goes on", kind: KindRing, capacity: 64, begins: 24, orders: relaxedOnly,
		kills: 1, busy: true,
		processes: []actorOf{
			{role: "receiver", script: "there next done next", mortal: true},
			{role: "receiver", script: "open next* close"},
			{role: "sender", script: "there claim1 commit claim1 commit close"}}},
	{name: "a sender stops beside another", kind: KindRing, capacity: 32, lanes: 2, stops: 1, orders: relaxedOnly,
		processes: []actorOf{
			{role: "sender", script: "there claim1 commit", mortal: true},
			{role: "sender", script: "there claim1 commit claim1 commit"},
			{role: "receiver", script: "there next*"}}},
	{name: "a sender stops beside another, in order", kind: KindRing, capacity: 32, lanes: 2, stops: 1,
		orders: inOrder, quick: true,
		processes: []actorOf{
			{role: "sender", script: "there claim1 commit", mortal: true},
			{role: "sender", script: "there claim1 commit"},
			{role: "receiver", script: "there next*"}}},
	{name: "one closes, one goes on, one comes", kind: KindRing, capacity: 32, lanes: 2, orders: inOrder, busy: true,
		processes: []actorOf{
			{role: "sender", script: "there close"},
			{role: "sender", script: "there close"},
			{role: "sender", script: "open close"},
			{role: "receiver", script: "there next"}}},
	{name: "one closes, another comes, sends and closes", kind: KindRing, capacity: 32, orders: relaxedOnly, busy: true,
		processes: []actorOf{
			{role: "sender", script: "there claim1 commit close"},
			{role: "sender", script: "open claim1 commit close"},
			{role: "receiver", script: "there next* next*"}}},
	{name: "three take the lane of a dead one, two have one seat", kind: KindRing, capacity: 32, dead: 9, busy: true,
		orders: inOrder, quick: true,
		processes: []actorOf{
			{role: "sender", script: "open"},
			{role: "sender", script: "open close"},
			{role: "sender", script: "pass open", seat: 9}}},
	{name: "feed of depth 3, Next", kind: KindFeed, depth: 3, capacity: 16, orders: anyOrder, all: true, quick: true,
		processes: []actorOf{
			{role: "writer", script: "open write2 write2 write2 write2 close"},
			{role: "reader", script: "there next*"}}},
	{name: "feed of depth 4, Next", kind: KindFeed, depth: 4, capacity: 16, orders: anyOrder, all: true,
		processes: []actorOf{
			{role: "writer", script: "open write2 write2 write2 write2 write2 close"},
			{role: "reader", script: "there next*"}}},
	{name: "feed of depth 3 in atomic words, Next", kind: KindFeed, depth: 3, capacity: 16, orders: relaxedOnly,
		all: true, wordwise: true,
		processes: []actorOf{
			{role: "writer", script: "open write2 write2 write2 write2 close"},
			{role: "reader", script: "there next*"}}},
	{name: "feed of depth 3, Latest, a reader that comes late", kind: KindFeed, depth: 3, capacity: 16,
		orders: anyOrder, quick: true,
		processes: []actorOf{
			{role: "writer", script: "there write2 write2 write2 write2 write2 close"},
			{role: "reader", script: "open latest latest next"}}},
	{name: "feed, a writer dies, another comes", kind: KindFeed, depth: 3, capacity: 16, orders: relaxedOnly,
		kills: 1, busy: true, all: true,
		processes: []actorOf{
			{role: "writer", script: "there write2", mortal: true},
			{role: "writer", script: "open write2"},
			{role: "reader", script: "there next* next*"}}},
	{name: "feed, a writer dies, another comes, Latest", kind: KindFeed, depth: 3, capacity: 16, orders: relaxedOnly,
		kills: 1, busy: true,
		processes: []actorOf{
			{role: "writer", script: "there write2 write2", mortal: true},
			{role: "writer", script: "open write2 write2"},
			{role: "reader", script: "there latest latest"}}},
	{name: "feed, a writer dies, another comes, in order", kind: KindFeed, depth: 3, capacity: 8, orders: inOrder,
		kills: 1, busy: true, all: true, quick: true,
		processes: []actorOf{
			{role: "writer", script: "there write1", mortal: true},
			{role: "writer", script: "open write1"},
			{role: "reader", script: "there next"}}},
	{name: "feed, a writer stops", kind: KindFeed, depth: 3, capacity: 16, orders: anyOrder, stops: 1, all: true,
		processes: []actorOf{
			{role: "writer", script: "there write2 write2 write2 write2", mortal: true},
			{role: "reader", script: "there next*"}}},
	{name: "feed, two readers", kind: KindFeed, depth: 3, capacity: 8, orders: relaxedOnly, all: true,
		processes: []actorOf{
			{role: "writer", script: "there write1 close"},
			{role: "reader", script: "there next*"},
			{role: "reader", script: "there next*"}}},
	{name: "feed, two readers, in order", kind: KindFeed, depth: 3, capacity: 8, orders: inOrder, all: true,
		processes: []actorOf{
			{role: "writer", script: "there write1 write1"},
			{role: "reader", script: "there next"},
			{role: "reader", script: "there next next"}}},
}

// most is how many states are looked at.
const most = 20_000_000

// TestExplore runs the code in every order of its steps, over memory that behaves as the scenario says.
func TestExplore(t *testing.T) {
	before := SetSpin(0)
	defer SetSpin(before)
	sum := 0
	for _, s := range scenarios {
		if !s.quick && !depth.Full() {
			continue
		}
		for i, o := range s.orders {
			if i > 0 && !depth.Full() {
				continue
			}
			t.Run(fmt.Sprintf("%s/%s", s.name, o), func(t *testing.T) {
				e := newExploration(s, o)
				began := time.Now()
				wrong, way, cut := e.explore(most)
				t.Logf("%d states, %d of them ends, %d asleep there, %d nodes, %d runs of the code, %.1f s", e.states,
					e.ended, e.sleeps, len(e.nodes), e.runs,
					time.Since(began).Seconds())
				sum += e.states
				if cut {
					t.Error("there are more states than were looked at")
				}
				if wrong != "" {
					e.wrong = ""
					t.Errorf("%s, after\n%s", wrong, e.story(way))
				}
			})
		}
	}
	t.Logf("%d states in all", sum)
}
