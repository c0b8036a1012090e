//go:build namedshm_steps

package conduit

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"iter"
	"strings"
	"unsafe"

	"github.com/namedshm/namedshm/internal/fault"
)

// The explorer runs the code itself, not a model of it. This file finds out what the code does: a process is a
// coroutine with an end of its own, which stops before each of its steps, and is told what the step has shown it.
// What it does next depends on that and on nothing else, since there is neither chance nor time in what is explored.
// So all that it can ever do is a graph: a node is what it has been shown so far, with the step that it is about to
// make, and an edge is what that step shows. The graph is found out as it is needed, by running the code; the rest of
// the explorer walks through the graphs of several processes at once.
//
// Two ways that lead to the same end, with the same in its fields, between two calls are one node: what was seen in
// an earlier call is forgotten but for that. So are two ways to fall asleep.

// stepKind is what a step does.
type stepKind uint8

const (
	stepLoad stepKind = iota + 1
	stepStore
	stepSwap
	stepAdd
	stepFence
	stepRead // of a word of a payload: what was read is known at stepUse
	stepUse
	stepSleep
	stepWake
	stepTaken // is a seat taken?
	stepBegin // of a call
	stepEnd
	stepOver
)

const (
	mostWords = 3 // of a message
	noCell    = -1
)

// step is what a process is about to do.
type step struct {
	kind     stepKind
	plain    bool
	stores   bool // a fence for stores
	cell     int16
	old, new uint64
	// Of stepUse: how many words; of stepBegin and stepEnd: which call. Of stepBegin, new is how many messages there
	// are, with those of open claims.
	n   int
	end result
}

// result is what a call has returned.
type result struct {
	code   int
	ok     bool
	words  [mostWords]uint64
	n      int
	lost   uint64
	number uint64
}

// What a call can return. One that it must not is told with the error.
const (
	codeOK = iota
	codeEOF
	codeUnexpected
	codeClosed
	codeBusy
	codeInvalid
	codeOther
)

func codeOf(err error) int {
	switch {
	case err == nil:
		return codeOK
	case err == io.EOF:
		return codeEOF
	case errors.Is(err, io.ErrUnexpectedEOF):
		return codeUnexpected
	case errors.Is(err, io.ErrClosedPipe):
		return codeClosed
	case err == errWild:
		return codeOther
	case fault.CodeOf(err) == fault.Busy:
		return codeBusy
	case fault.CodeOf(err) == fault.InvalidParameter:
		return codeInvalid
	}
	return codeOther
}

// shown is what a step has shown.
type shown [mostWords]uint64

// node is what a process knows.
type node struct {
	step   step
	parent int32
	by     shown
	err    error // of a call that has failed in a way that it must not
}

type edgeFrom struct {
	node int32
	by   shown
}

// between tells the nodes that are between two calls, or asleep: what a process does when it is woken depends on
// nothing but the number at which it fell asleep.
type between struct {
	process, act int
	private      uint64
	step         step
}

// code is what all processes can do.
type code struct {
	scenario  *scenario
	memory    []byte
	head      *head
	cells     map[uintptr]int16 // by offset
	offsets   []uintptr
	nodes     []node
	edges     map[edgeFrom]int32
	betweens  map[between]int32
	seed      maphash.Seed
	sleeping  map[int32]*coroutine   // that stand at a node from which they have not gone on
	coroutine *coroutine             // that runs
	looks     func(seat uint32) bool // tells a patrol who lives
	runs      int
}

// most is how many coroutines are kept where they stand, rather than started anew.
const mostSleeping = 4096

// coroutine is a process that runs.
type coroutine struct {
	code   *code
	who    int
	at     int32
	step   step
	shown  shown
	over   bool
	next   func() (struct{}, bool)
	stop   func()
	yield  func(struct{}) bool
	actor  *actor
	call   int
	failed error
	reads  int // of a payload's words
}

// actor is what a process has in its own memory.
type actor struct {
	sender   *Sender
	receiver *Receiver
	writer   *Writer
	reader   *Reader
	seats    *exploredSeats
	claims   [][]byte
	sent     int // messages that were claimed, as far as they were not given back
	claimed  int
}

type unwound struct{}

// ask makes a step.
func (c *coroutine) ask(s step) shown {
	if c.over {
		return shown{}
	}
	c.step = s
	if !c.yield(struct{}{}) {
		c.over = true
		panic(unwound{})
	}
	return c.shown
}

// start starts a process at its beginning.
func (x *code) start(who int) *coroutine {
	c := &coroutine{code: x, who: who, at: -1 - int32(who)}
	x.runs++
	c.next, c.stop = iter.Pull(func(yield func(struct{}) bool) {
		defer func() {
			if r := recover(); r != nil && r != any(unwound{}) {
				panic(r)
			}
		}()
		c.yield = yield
		c.live()
	})
	c.resume()
	return c
}

// resume lets a process go on to its next step.
func (c *coroutine) resume() {
	before := c.code.coroutine
	c.code.coroutine = c
	if _, ok := c.next(); !ok {
		c.step = step{kind: stepOver, cell: noCell}
	}
	c.code.coroutine = before
}

// halt ends it where it stands.
func (c *coroutine) halt() {
	before := c.code.coroutine
	c.code.coroutine, c.over = c, true
	c.stop()
	c.code.coroutine = before
}

// live is the life of a process.
func (c *coroutine) live() {
	c.actor = &actor{seats: &exploredSeats{c.code, uint32(c.who + 1)}}
	script := c.code.scenario.processes[c.who].calls
	for c.call = 0; c.call < len(script); {
		c.ask(step{kind: stepBegin, cell: noCell, n: c.call, new: uint64(c.actor.sent + c.actor.claimed)})
		got, err := c.make(script[c.call])
		got.code = codeOf(err)
		if c.failed = err; got.code != codeOther {
			c.failed = nil
		}
		c.ask(step{kind: stepEnd, cell: noCell, n: c.call, end: got})
		switch {
		case got.code == codeOther, got.code == codeBusy, got.code == codeClosed && script[c.call].does != "close":
			return
		case script[c.call].repeated && got.code == codeOK:
		default:
			c.call++
		}
	}
}

// first is the node at which a process begins.
func (x *code) first(who int) int32 {
	c := x.start(who)
	return x.settle(c, -1-int32(who), shown{})
}

// settle finds or makes the node at which a coroutine stands that came from another by what it was shown.
func (x *code) settle(c *coroutine, from int32, by shown) int32 {
	key := between{process: c.who, act: c.call, step: c.step}
	if c.step.kind == stepBegin || c.step.kind == stepOver || c.step.kind == stepSleep {
		key.private = x.private(c.actor)
		if c.step.kind == stepOver {
			key.act = -1
		}
		if n, known := x.betweens[key]; known {
			c.halt()
			x.edges[edgeFrom{from, by}] = n
			return n
		}
	}
	n := int32(len(x.nodes))
	x.nodes = append(x.nodes, node{c.step, from, by, c.failed})
	x.edges[edgeFrom{from, by}] = n
	if key.private != 0 {
		x.betweens[key] = n
	}
	c.at = n
	x.keep(c)
	return n
}

func (x *code) keep(c *coroutine) {
	if len(x.sleeping) >= mostSleeping || c.step.kind == stepOver {
		c.halt()
		return
	}
	x.sleeping[c.at] = c
}

// follow is the node to which a process comes that is shown something.
func (x *code) follow(who int, at int32, by shown) int32 {
	if n, known := x.edges[edgeFrom{at, by}]; known {
		return n
	}
	c := x.reach(who, at)
	c.shown = by
	c.resume()
	return x.settle(c, at, by)
}

// reach is a coroutine that stands at a node.
func (x *code) reach(who int, at int32) *coroutine {
	if c := x.sleeping[at]; c != nil {
		delete(x.sleeping, at)
		return c
	}
	var way []shown
	for n := at; n >= 0 && x.nodes[n].parent >= 0; n = x.nodes[n].parent {
		way = append(way, x.nodes[n].by)
	}
	c := x.start(who)
	for i := len(way) - 1; i >= 0; i-- {
		c.shown = way[i]
		c.resume()
	}
	if c.step != x.nodes[at].step {
		panic(fmt.Sprintf("the code is not the same twice: %+v, then %+v", x.nodes[at].step, c.step))
	}
	c.at = at
	return c
}

func (x *code) close() {
	for _, c := range x.sleeping {
		c.halt()
	}
	clear(x.sleeping)
}

// private hashes what an end knows between two calls.
func (x *code) private(a *actor) uint64 {
	var h maphash.Hash
	h.SetSeed(x.seed)
	add := func(all ...any) { fmt.Fprintln(&h, all...) }
	add(a.sent, a.claimed, len(a.claims))
	if s := a.sender; s != nil {
		add("s", s.at, s.tail, s.next, s.limit, s.refused, s.over, s.taken)
	}
	if r := a.receiver; r != nil {
		add("r", r.used, r.at, r.empty, r.deaths, r.over, r.taken)
		for i := range r.lanes {
			l := &r.lanes[i]
			add(l.pos, l.next, l.tail, l.told, l.received, l.damaged)
		}
	}
	if w := a.writer; w != nil {
		add("w", w.tail, w.claimed, w.over, w.taken)
	}
	if r := a.reader; r != nil {
		add("f", r.next, r.over)
	}
	return h.Sum64() | 1
}

// What follows is the Explorer that the code calls.

// quiet are the cells that are no steps: what is written there is for people alone, or for nobody who is explored.
func (x *code) at(p unsafe.Pointer) (cell int16, offset uintptr) {
	offset = uintptr(p) - uintptr(unsafe.Pointer(unsafe.SliceData(x.memory)))
	if x.forPeople(offset) {
		return noCell, offset
	}
	cell, known := x.cells[offset]
	if !known {
		cell = int16(len(x.offsets))
		if int(cell) >= mostCells {
			panic("more cells than there is room for")
		}
		x.cells[offset], x.offsets = cell, append(x.offsets, offset)
	}
	return cell, offset
}

func (x *code) forPeople(offset uintptr) bool {
	in := func(w *endWords) bool {
		from := uintptr(unsafe.Pointer(w)) - uintptr(unsafe.Pointer(unsafe.SliceData(x.memory)))
		return offset > from && offset < from+unsafe.Sizeof(*w)
	}
	if offset < headSize || in(&controlOf(x.memory).receiver) {
		return true
	}
	for i := range x.head.lanes {
		l := laneOf(x.memory, i)
		received := uintptr(unsafe.Pointer(&l.received)) - uintptr(unsafe.Pointer(unsafe.SliceData(x.memory)))
		if in(&l.end) || offset == received {
			return true
		}
	}
	return false
}

func (x *code) Load(p unsafe.Pointer, size int, plain bool) uint64 {
	cell, _ := x.at(p)
	if cell == noCell {
		return 0
	}
	return x.coroutine.ask(step{kind: stepLoad, cell: cell, plain: plain})[0]
}

func (x *code) Store(p unsafe.Pointer, size int, v uint64, plain bool) {
	if cell, _ := x.at(p); cell != noCell {
		x.coroutine.ask(step{kind: stepStore, cell: cell, new: v, plain: plain && !x.scenario.wordwise})
	}
}

func (x *code) Swap(p unsafe.Pointer, size int, old, v uint64) bool {
	cell, _ := x.at(p)
	return x.coroutine.ask(step{kind: stepSwap, cell: cell, old: old, new: v})[0] == 1
}

func (x *code) Add(p unsafe.Pointer, v uint32) {
	cell, _ := x.at(p)
	x.coroutine.ask(step{kind: stepAdd, cell: cell, new: uint64(v)})
}

func (x *code) Fence(stores bool) {
	x.coroutine.ask(step{kind: stepFence, cell: noCell, stores: stores})
}

func (x *code) Copy(to, from []byte, out bool) {
	c := x.coroutine
	c.reads = 0
	for i := 0; i < len(from); i += 8 {
		if out {
			cell, _ := x.at(unsafe.Pointer(&from[i]))
			c.ask(step{kind: stepRead, cell: cell, n: i / 8, plain: true})
			c.reads++
			continue
		}
		cell, _ := x.at(unsafe.Pointer(&to[i]))
		c.ask(step{kind: stepStore, cell: cell, new: binary.NativeEndian.Uint64(from[i:]), plain: !x.scenario.wordwise})
	}
}

func (x *code) Sleep(p unsafe.Pointer, value uint32) {
	cell, _ := x.at(p)
	x.coroutine.ask(step{kind: stepSleep, cell: cell, old: uint64(value)})
}

func (x *code) Wake(p unsafe.Pointer) {
	cell, _ := x.at(p)
	x.coroutine.ask(step{kind: stepWake, cell: cell})
}

// exploredSeats is who lives: process i has the seat i+1, unless the scenario gives it another's.
type exploredSeats struct {
	code *code
	seat uint32
}

func (s *exploredSeats) Seat() uint32 {
	if as := s.code.scenario.processes[s.seat-1].seat; as != 0 {
		return as
	}
	return s.seat
}

func (s *exploredSeats) SeatTaken(id uint32) bool {
	if s.code.looks != nil {
		return s.code.looks(id)
	}
	return s.code.coroutine.ask(step{kind: stepTaken, cell: noCell, old: uint64(id)})[0] == 1
}
func (s *exploredSeats) SeatsSeen() bool { return true }
func (s *exploredSeats) SeatLost() bool  { return false }

// call is one that a process makes.
type call struct {
	does     string
	n        int
	repeated bool // as long as it succeeds
}

// callsOf reads a script, like "open claim2 commit" or "open next*".
func callsOf(script string) (all []call) {
	for _, word := range strings.Fields(script) {
		c := call{does: strings.TrimRight(word, "0123456789*"), repeated: strings.HasSuffix(word, "*")}
		fmt.Sscanf(strings.TrimPrefix(word, c.does), "%d", &c.n)
		all = append(all, c)
	}
	return all
}

// forever never ends; looking is over already, so that a call looks once.
var forever = context.Background()

var looking = func() context.Context {
	ctx, cancel := context.WithCancel(forever)
	cancel()
	return ctx
}()

// make makes a call.
func (c *coroutine) make(it call) (got result, err error) {
	a := c.actor
	switch it.does {
	case "open":
		return got, c.open()
	case "close":
		for _, end := range []io.Closer{a.sender, a.receiver, a.writer, a.reader} {
			switch end := end.(type) {
			case *Sender:
				if end != nil {
					return got, end.Close()
				}
			case *Receiver:
				if end != nil {
					return got, end.Close()
				}
			case *Writer:
				if end != nil {
					return got, end.Close()
				}
			}
		}
		return got, nil
	case "next":
		return c.makeNext()
	case "latest":
		m, number, err := a.reader.Latest(nil)
		got.number = number
		c.use(&got, m, err == nil && number > 0)
		return got, err
	case "pass":
		c.code.Fence(false)
		return got, nil
	case "done":
		a.receiver.Done()
		return got, nil
	case "write":
		a.sent++
		return got, a.writer.Write(c.message(a.sent, it.n))
	}
	return c.makeSender(it)
}

func (c *coroutine) makeNext() (got result, err error) {
	a := c.actor
	if a.reader != nil {
		m, lost, err := a.reader.Next(forever, nil)
		got.lost = lost
		c.use(&got, m, err == nil)
		return got, err
	}
	m, err := a.receiver.Next(forever)
	if err == nil {
		c.code.Copy(make([]byte, len(m)), m, true)
	}
	c.use(&got, m, err == nil)
	return got, err
}

func (c *coroutine) makeSender(it call) (got result, err error) {
	a := c.actor
	var m []byte
	switch it.does {
	case "claim", "try":
		ctx := forever
		if it.does == "try" {
			ctx = looking
		}
		if m, err = a.sender.Claim(ctx, it.n); err == nil {
			a.claimed++
			c.code.Copy(m, c.message(a.sent+a.claimed, it.n), false)
		} else if errors.Is(err, context.Canceled) || it.does == "try" && codeOf(err) == codeInvalid {
			err = nil
		}
	case "commit":
		a.sent += a.claimed
		a.claimed = 0
		a.sender.Commit()
	case "abort":
		a.claimed = 0
		a.sender.Abort()
	case "drain":
		err = a.sender.Drain(forever)
	default:
		panic(it.does)
	}
	return got, err
}

// message is the k-th of a process, in so many words, each of which tells what it is.
func (c *coroutine) message(k, words int) []byte {
	m := make([]byte, 0, 8*words)
	for i := range words {
		m = binary.NativeEndian.AppendUint64(m, wordOf(c.who, k, i, words))
	}
	return m
}

func wordOf(who, k, i, words int) uint64 {
	return uint64(1+who)<<32 | uint64(k)<<16 | uint64(words)<<8 | uint64(i+1)
}

// use has the words of a message be what was read.
func (c *coroutine) use(got *result, m []byte, there bool) {
	if !there {
		return
	}
	got.ok, got.n = true, len(m)/8
	words := c.ask(step{kind: stepUse, cell: noCell, n: got.n})
	got.words = [mostWords]uint64(words)
}

// open takes an end over memory that is not as large as that of a section must be.
func (c *coroutine) open() error {
	x, a := c.code, c.actor
	lie := func(e *end) *end {
		e.head, e.memory, e.control, e.seats, e.page = x.head, x.memory, controlOf(x.memory), a.seats, new(int64)
		return e
	}
	switch role := x.scenario.processes[c.who].role; role {
	case "sender":
		a.sender = new(Sender)
		lie(&a.sender.end)
		return a.sender.takeEnd()
	case "receiver":
		a.receiver = new(Receiver)
		lie(&a.receiver.end)
		return a.receiver.takeEnd()
	case "writer":
		a.writer = new(Writer)
		lie(&a.writer.end)
		return a.writer.takeEnd()
	case "reader":
		a.reader = new(Reader)
		lie(&a.reader.end)
		return a.reader.begin()
	default:
		panic(role)
	}
}
