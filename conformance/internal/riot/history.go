//go:build linux

package riot

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/namedshm/namedshm"
)

// History is what a riot's journal tells: for each name the steps of its object, what was counted, and what is wrong on
// the face of it.
type History struct {
	Counts   map[string]int
	names    []string
	steps    [][]*step // for each name
	problems []string

	calls   map[handleID]*step // that have not returned; by process and serial
	handles map[handleID]*step // that are open: the steps that made them
	made    map[uint64]int     // how often each section was made
	dying   map[uint32]int64   // when the processes were killed that are not reaped yet
	blocks  map[blockID]int64  // when a stopped process was seen to keep others from a name
	spans   [][]span           // for each name: for how long
}

type blockID struct {
	process uint32
	name    uint8
}

type span struct{ from, to int64 }

// heldUp is for how long a wait for all may have been held up in the middle before others clear what it has reserved.
const heldUp = 10 * time.Millisecond

// newHistory makes a history of records.
func newHistory(names []string, records []record) *History {
	h := &History{
		Counts: map[string]int{}, names: names, steps: make([][]*step, len(names)), spans: make([][]span, len(names)),
		calls: map[handleID]*step{}, handles: map[handleID]*step{}, made: map[uint64]int{}, dying: map[uint32]int64{},
		blocks: map[blockID]int64{},
	}
	for _, r := range records {
		h.add(r)
	}
	for id := range h.calls {
		h.problem("operation %d of process %d was never finished", uint32(id), id>>32)
	}
	for object, times := range h.made {
		if times > 1 {
			h.problem("section %x was made %d times", object, times)
		}
	}
	h.allowBusy()
	return h
}

func (h *History) problem(format string, args ...any) {
	h.problems = append(h.problems, fmt.Sprintf(format, args...))
}

// add takes the next record.
func (h *History) add(r record) {
	id := idOf(r.process, r.serial)
	switch r.what {
	case calling:
		h.calls[id] = &step{record: r, call: r.time}
	case returned:
		if o := h.calls[id]; o != nil && o.op == r.op {
			o.record, o.end = r, r.time
			delete(h.calls, id)
			h.finish(o)
		} else {
			h.problem("operation %d of process %d returned and was never called", r.serial, r.process)
		}
	case changed:
		h.problem("section %x, which process %d holds under the name %s, has words that are not its own", r.object, r.process,
			h.names[r.names[0]])
	case killing:
		h.Counts["kills"]++
		h.dying[r.process] = r.time
	case reaped:
		h.bury(r)
	case stopped:
		h.Counts["stops"]++
	case blocked:
		b := blockID{r.process, r.names[0]}
		if from := h.blocks[b]; r.result == 0 {
			h.blocks[b] = r.time
			h.Counts["stops in a burial"]++
		} else if from != 0 {
			h.spans[b.name] = append(h.spans[b.name], span{from, r.time})
			delete(h.blocks, b)
		}
	}
}

// finish takes in an operation that has returned.
func (h *History) finish(o *step) {
	h.count(o)
	if !o.expected() {
		h.problem("%v", o)
		return
	}
	switch o.op {
	case opFork:
	case opCreate, opOpen, opEither:
		o.id = idOf(o.process, o.serial)
		h.place(o)
		if o.code == 0 {
			h.handles[o.id] = o
			if o.object != 0 && (o.op == opCreate || o.flags&made != 0) {
				h.made[o.object]++
			}
		}
	case opClose:
		h.close(o)
	default:
		h.split(o)
	}
}

func (h *History) place(o *step) { h.steps[o.names[0]] = append(h.steps[o.names[0]], o) }

// close is a handle's end by its process's will, or by its death.
func (h *History) close(o *step) {
	gone := *o
	gone.op, gone.pending = opGone, false
	gone.id = idOf(o.process, o.handles[0])
	if o.kind == Mutex {
		// The owner's seat and the handle's lock are two things: another handle may see them go one after the other.
		letGo := gone
		letGo.op = opLetGo
		h.place(&letGo)
	}
	h.place(&gone)
	delete(h.handles, gone.id)
}

// split makes of an operation by handles one step for each of the names. Whether a wait for all takes all at one moment
// is for other tests to ask.
func (h *History) split(o *step) {
	for i := range int(o.count) {
		if o.op == opAny && !o.pending && o.flags&timedOut == 0 && i != int(o.result) {
			continue
		}
		one := *o
		one.names[0], one.id = o.names[i], idOf(o.process, o.handles[i])
		h.place(&one)
		if o.op == opAll && time.Duration(o.end-o.call) >= heldUp {
			for result := range int32(2) {
				disturb := one
				disturb.op, disturb.result, disturb.pending, disturb.code, disturb.flags = opDisturb, result, false, 0, 0
				h.place(&disturb)
			}
		}
	}
}

// bury ends what a dead process did and had.
func (h *History) bury(r record) {
	killed := h.dying[r.process]
	delete(h.dying, r.process)
	for _, id := range slices.Sorted(maps.Keys(h.calls)) {
		o := h.calls[id]
		if o.process != r.process {
			continue
		}
		delete(h.calls, id)
		h.Counts["killed in an operation"]++
		o.pending, o.end = true, r.time
		switch o.op {
		case opFork:
		case opClose:
			h.close(o)
		case opCreate, opOpen, opEither:
			o.id = id
			h.place(o)
			h.place(&step{record: record{op: opGone, kind: o.kind, process: r.process, names: o.names},
				id: id, unsure: true, call: killed, end: r.time})
		default:
			h.split(o)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(h.handles)) {
		if o := h.handles[id]; o.process == r.process {
			death := record{process: r.process, kind: o.kind, names: o.names, handles: [most]uint32{uint32(id)}}
			h.close(&step{record: death, call: killed, end: r.time})
		}
	}
}

// expected reports a result that the model knows.
func (r *record) expected() bool {
	acquires := r.op == opCreate || r.op == opOpen || r.op == opEither
	switch r.code {
	case 0:
		return true
	case namedshm.ErrInvalidHandle, namedshm.ErrBusy:
		return acquires
	case namedshm.ErrFileNotFound:
		return r.op == opOpen
	case namedshm.ErrAlreadyExists:
		return r.op == opCreate
	case namedshm.ErrNotOwner:
		return r.op == opUnlock
	case namedshm.ErrTooManyPosts:
		return r.op == opRelease
	}
	return false
}

// allowBusy takes out the operations that were refused because of a stopped process, where one was seen to be the
// reason.
func (h *History) allowBusy() {
	// The library tries for a second. Most of that the process must have stood there.
	const reason = int64(500 * time.Millisecond)
	for name, steps := range h.steps {
		h.steps[name] = slices.DeleteFunc(steps, func(o *step) bool {
			if o.code != namedshm.ErrBusy {
				return false
			}
			if !slices.ContainsFunc(h.spans[name], func(s span) bool { return min(s.to, o.end)-max(s.from, o.call) >= reason }) {
				h.problem("%v, and no stopped process was seen to hold the entry of %s locked", o, h.names[name])
			}
			return true
		})
	}
}

// count counts what came of an operation.
func (h *History) count(o *step) {
	what := o.op.String()
	switch {
	case o.op == opClose || o.op == opFork:
	case o.op <= opEither:
		what = fmt.Sprintf("%v: %v", o.kind, o.op)
	default:
		what = fmt.Sprintf("%v: %v", o.kind, what)
	}
	switch {
	case o.code != 0:
		h.Counts["refused: "+o.code.Symbol()]++
	case o.flags&timedOut != 0:
		h.Counts["timed out"]++
	}
	if o.flags&abandoned != 0 {
		h.Counts["abandoned mutexes"]++
	}
	h.Counts[what]++
	h.Counts["operations"]++
}

// Judge says what is wrong with the history; nothing, if nothing is. undecided are names of which the time that it may
// take did not suffice to tell.
func (h *History) Judge(limit time.Duration) (problems, undecided []string) {
	problems = slices.Clone(h.problems)
	for i, steps := range h.steps {
		operations := make([]porcupine.Operation, len(steps))
		for j, o := range steps {
			operations[j] = porcupine.Operation{ClientId: int(o.process), Input: o, Call: o.call, Return: o.end}
		}
		switch porcupine.CheckOperationsTimeout(model(), operations, limit) {
		case porcupine.Ok:
		case porcupine.Unknown:
			undecided = append(undecided, h.names[i])
		default:
			_, info := porcupine.CheckOperationsVerbose(model(), operations, limit)
			problems = append(problems, fmt.Sprintf("the history of %s has no order: %s", h.names[i], explain(steps, info)))
		}
	}
	return problems, undecided
}

// explain tells the longest part of a history for which there is an order, the end of it, and what comes next.
func explain(steps []*step, info porcupine.LinearizationInfo) string {
	var longest []porcupine.Operation
	for _, p := range slices.Concat(info.PartialLinearizationsOperations()...) {
		if len(p) > len(longest) {
			longest = p
		}
	}
	var b strings.Builder
	begin := steps[0].call
	line := func(o *step) {
		fmt.Fprintf(&b, "  %10.3f - %10.3f ms  %v\n", float64(o.call-begin)/1e6, float64(o.end-begin)/1e6, o)
	}
	fmt.Fprintf(&b, "%d of %d steps have one; the last of them:\n", len(longest), len(steps))
	placed := map[*step]bool{}
	for i, p := range longest {
		o := p.Input.(*step)
		placed[o] = true
		if i >= len(longest)-16 {
			line(o)
		}
	}
	rest := slices.DeleteFunc(slices.Clone(steps), func(o *step) bool { return placed[o] })
	slices.SortFunc(rest, func(a, b *step) int { return cmp.Compare(a.end, b.end) })
	b.WriteString("one of these had to come next, and none can:\n")
	for _, o := range rest {
		if o.call <= rest[0].end {
			line(o)
		}
	}
	return b.String()
}
