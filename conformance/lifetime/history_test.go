//go:build linux

package lifetime

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/namedshm/namedshm"
)

// history is what a journal tells, with the positions of the records as time.
//
// Of each operation two spans are known. A handle was *certainly* held from the record that its operation had returned
// to the one that it is being closed, or its process killed. It was *possibly* held from the record before the call to
// the one after the close, or after the process was reaped. The rules below use the first where a handle must show,
// and the second where it may; so what they call a fault is one, whatever the processors did between two records.
type history struct {
	now      int
	open     map[operationID]*operation // that are under way, or whose handle is open
	all      []*operation
	held     map[*operation]bool // certainly, at this moment
	heldFrom int                 // since when held was never empty; it means nothing while held is empty
	dying    map[uint16]bool     // processes that are being killed: they may still write, but hold nothing for certain
	lastGone int                 // when a handle was last gone that was possibly held
	problems []string
}

type operationID struct {
	process uint16
	serial  uint32
}

type operation struct {
	event         // the last that is known
	call, end int // the span in which a handle was possibly held
	ret       int // when the operation had returned; 0 if it never did
}

func newHistory() *history {
	return &history{open: map[operationID]*operation{}, held: map[*operation]bool{}, dying: map[uint16]bool{}}
}

func (h *history) fault(o *operation, format string, args ...any) {
	h.problems = append(h.problems, fmt.Sprintf("record %d: process %d, operation %d: ", h.now, o.process, o.serial)+
		fmt.Sprintf(format, args...))
}

// add takes the next record.
func (h *history) add(e event) {
	h.now++
	id := operationID{e.process, e.serial}
	switch o := h.open[id]; e.kind {
	case called:
		o = &operation{event: e, call: h.now}
		h.open[id] = o
		h.all = append(h.all, o)
	case returned:
		h.finish(o, e)
	case changed:
		h.fault(o, "the section's identity changed while it was held")
	case closing:
		h.release(o)
	case closed:
		o.end, h.lastGone = h.now, h.now
		delete(h.open, id)
	case killing:
		h.dying[e.process] = true
		for id, o := range h.open {
			if id.process == e.process {
				h.release(o)
			}
		}
	case reaped:
		for id, o := range h.open {
			if id.process == e.process {
				o.end, h.lastGone = h.now, h.now
				delete(h.open, id)
			}
		}
	}
}

func (h *history) release(o *operation) { delete(h.held, o) }

// finish judges what an operation was told by what was certain meanwhile.
func (h *history) finish(o *operation, e event) {
	o.event, o.ret = e, h.now
	heldAllTheTime := len(h.held) > 0 && h.heldFrom < o.call
	if e.result != 0 {
		o.end = h.now
		delete(h.open, operationID{e.process, e.serial})
		switch {
		case e.result == namedshm.ErrFileNotFound && e.op == opOpen:
			if heldAllTheTime {
				h.fault(o, "was told not-found, while the name was held all the time")
			}
		case e.result == namedshm.ErrAlreadyExists && e.op == opCreate:
			if len(h.open) == 0 && h.lastGone < o.call {
				h.fault(o, "was told that the name exists, while nobody had it")
			}
		default:
			h.fault(o, "failed with %v", e.result)
		}
		return
	}
	if heldAllTheTime && (e.op == opCreate || e.op == opMade) {
		h.fault(o, "created the name, while it was held all the time")
	}
	for other := range h.held {
		if other.identity != e.identity {
			h.fault(o, "holds section %x, while operation %d of process %d holds section %x", e.identity, other.serial,
				other.process, other.identity)
		}
	}
	if h.dying[e.process] {
		return
	}
	if len(h.held) == 0 {
		h.heldFrom = h.now
	}
	h.held[o] = true
}

// judge says what was wrong, after the last record.
func (h *history) judge() []string {
	sections := map[uint64][]*operation{}
	var unknown []*operation // killed before they could tell
	for _, o := range h.all {
		switch {
		case o.end == 0:
			h.fault(o, "never ended")
		case o.ret == 0:
			unknown = append(unknown, o)
		case o.result == 0:
			sections[o.identity] = append(sections[o.identity], o)
		}
	}
	for _, handles := range sections {
		h.judgeLife(handles, unknown)
	}
	slices.Sort(h.problems)
	return h.problems
}

// judgeLife checks that a section was created once, and that its life had no gap: whoever opened it did so while
// somebody possibly held it.
func (h *history) judgeLife(handles, unknown []*operation) {
	creators := 0
	for _, o := range handles {
		if o.op == opCreate || o.op == opMade {
			creators++
		}
	}
	if creators > 1 {
		h.fault(handles[0], "section %x was created %d times", handles[0].identity, creators)
	}
	slices.SortFunc(handles, func(a, b *operation) int { return cmp.Compare(a.call, b.call) })
	begin, lived := handles[0].call, handles[0].end
	for _, o := range handles[1:] {
		if o.call > lived {
			lived = bridge(unknown, lived, o.call)
		}
		if o.call > lived {
			h.fault(o, "opened section %x, whose last holder was gone at record %d; its life began at %d", o.identity, lived,
				begin)
		}
		lived = max(lived, o.end)
	}
}

// bridge prolongs a life by operations of which nobody knows what they held.
func bridge(unknown []*operation, lived, until int) int {
	for again := true; again && lived < until; {
		again = false
		for _, u := range unknown {
			if u.call <= lived && u.end > lived {
				lived, again = u.end, true
			}
		}
	}
	return lived
}

func (h *history) summary() string {
	sections := map[uint64]bool{}
	results := map[string]int{}
	for _, o := range h.all {
		switch {
		case o.ret == 0:
			results["killed in the call"]++
		case o.result == namedshm.ErrFileNotFound:
			results["not found"]++
		case o.result == namedshm.ErrAlreadyExists:
			results["already there"]++
		case o.op == opCreate || o.op == opMade:
			results["created"]++
		case o.result == 0:
			results["opened"]++
		}
		if o.result == 0 && o.ret != 0 {
			sections[o.identity] = true
		}
	}
	return fmt.Sprintf("%d operations on %d sections: %v", len(h.all), len(sections), results)
}

// TestHistory: the judge of the chaos finds each fault, and none where there is none.
func TestHistory(t *testing.T) {
	const notFound, exists = namedshm.ErrFileNotFound, namedshm.ErrAlreadyExists
	begin := func(process uint16, op opKind) event { return event{process: process, kind: called, op: op, serial: 1} }
	end := func(process uint16, op opKind, result namedshm.Code, identity uint64) event {
		return event{process: process, kind: returned, op: op, result: result, serial: 1, identity: identity}
	}
	at := func(process uint16, kind eventKind) event { return event{process: process, kind: kind, serial: 1} }
	made := func(process uint16, identity uint64) []event {
		return []event{begin(process, opCreate), end(process, opCreate, 0, identity)}
	}
	gone := func(process uint16) []event { return []event{at(process, closing), at(process, closed)} }
	dead := func(process uint16) []event { return []event{at(process, killing), at(process, reaped)} }
	for name, c := range map[string]struct {
		want   string // "" for a history that is right
		events [][]event
	}{
		"one after the other": {"", [][]event{made(1, 7), gone(1), made(2, 8), gone(2)}},
		"two at once":         {"holds section 8, while", [][]event{made(1, 7), made(2, 8), gone(1), gone(2)}},
		"opened":              {"", [][]event{made(1, 7), {begin(2, opOpen), end(2, opOpen, 0, 7)}, gone(1), gone(2)}},
		"lost": {"not-found, while the name was held", [][]event{
			made(1, 7), {begin(2, opOpen), end(2, opOpen, notFound, 0)}, gone(1)}},
		"not found while it is closed": {"", [][]event{
			made(1, 7), {begin(2, opOpen), at(1, closing), end(2, opOpen, notFound, 0), at(1, closed)}}},
		"not found while it is made": {"", [][]event{
			{begin(2, opOpen)}, made(1, 7), {end(2, opOpen, notFound, 0)}, gone(1)}},
		"lost by a chain of holders": {"not-found, while the name was held", [][]event{
			made(1, 7), {begin(3, opOpen)}, {begin(2, opOpen), end(2, opOpen, 0, 7)}, gone(1), {end(3, opOpen, notFound, 0)},
			gone(2)}},
		"created twice": {"created the name, while it was held", [][]event{
			made(1, 7), {begin(2, opEither), end(2, opMade, 0, 7)}, gone(1), gone(2)}},
		"created twice in turn": {"was created 2 times", [][]event{made(1, 7), gone(1), made(2, 7), gone(2)}},
		"opened after the last close": {"whose last holder was gone",
			[][]event{made(1, 7), gone(1), {begin(2, opOpen), end(2, opOpen, 0, 7)}, gone(2)}},
		"opened after the last death": {"whose last holder was gone",
			[][]event{made(1, 7), dead(1), {begin(2, opOpen), end(2, opOpen, 0, 7)}, gone(2)}},
		"two that keep each other alive": {"whose last holder was gone", [][]event{
			made(1, 7), gone(1), {begin(2, opOpen), begin(3, opOpen), end(2, opOpen, 0, 7), end(3, opOpen, 0, 7)}, gone(2),
			gone(3)}},
		"kept alive by one that was killed in its call": {"", [][]event{
			made(1, 7), {begin(3, opOpen)}, gone(1), {begin(2, opOpen), end(2, opOpen, 0, 7)}, gone(2), dead(3)}},
		"another failure": {"failed with", [][]event{{begin(1, opOpen), end(1, opOpen, namedshm.ErrBusy, 0)}}},
		"already there":   {"", [][]event{made(1, 7), {begin(2, opCreate), end(2, opCreate, exists, 0)}, gone(1)}},
		"already there and nobody has it": {"while nobody had it", [][]event{
			made(1, 7), gone(1), {begin(2, opCreate), end(2, opCreate, exists, 0)}}},
		"returned while it was being killed": {"", [][]event{
			{begin(1, opCreate), at(1, killing), end(1, opCreate, 0, 7)}, {begin(2, opOpen), end(2, opOpen, notFound, 0)},
			{at(1, reaped)}}},
		"changed":     {"identity changed", [][]event{made(1, 7), {at(1, changed)}, gone(1)}},
		"never ended": {"never ended", [][]event{made(1, 7)}},
	} {
		h := newHistory()
		for _, e := range slices.Concat(c.events...) {
			h.add(e)
		}
		problems := strings.Join(h.judge(), "\n")
		if c.want == "" && problems != "" || !strings.Contains(problems, c.want) {
			t.Errorf("%s: want %q, got %q", name, c.want, problems)
		}
	}
}
