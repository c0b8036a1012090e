//go:build linux

package waiting

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/namedshm/namedshm"
)

// history is what a journal tells.
type history struct {
	steps []*step
	kills int
}

type stepID struct{ process, client, serial uint32 }

// newHistory makes a history of records. A record that cannot be part of one is an error.
func newHistory(records []record) (*history, error) {
	h := &history{}
	open := map[stepID]*step{}
	for _, r := range records {
		id := stepID{r.process, r.client, r.serial}
		switch r.kind {
		case calling:
			o := &step{record: r, pending: true, call: r.time}
			open[id] = o
			h.steps = append(h.steps, o)
		case returned:
			o := open[id]
			if o == nil || o.op != r.op {
				return nil, fmt.Errorf("a record of a return without a call: %+v", r)
			}
			o.record, o.pending, o.end = r, false, r.time
			delete(open, id)
			if !o.expected() {
				return nil, fmt.Errorf("%v: %v", o, o.code)
			}
		case killing:
			h.kills++
			h.steps = append(h.steps, &step{record: record{op: opDeath, process: r.process}, call: r.time})
		case reaped:
			h.bury(r, open)
		}
	}
	for id := range open {
		return nil, fmt.Errorf("an operation of a process that lives was not finished: %+v", id)
	}
	h.disturbances()
	h.splitTimeouts()
	return h, nil
}

// expected reports an error that the model knows.
func (o *step) expected() bool {
	switch o.code {
	case 0:
		return true
	case namedshm.ErrNotOwner:
		return o.op == opUnlock
	case namedshm.ErrTooManyPosts:
		return o.op == opRelease
	}
	return false
}

// bury ends what a dead process did.
func (h *history) bury(r record, open map[stepID]*step) {
	for id, o := range open {
		if id.process == r.process {
			o.end = r.time
			delete(open, id)
		}
	}
	for _, o := range h.steps {
		if o.op == opDeath && o.process == r.process {
			o.end = r.time
		}
	}
}

// heldUp is for how long a wait for all may have been held up in the middle before others clear what it has reserved.
const heldUp = 10 * time.Millisecond

// disturbances add to each wait for all that took that long what it may have taken and given back. The library
// documents that others can see it.
func (h *history) disturbances() {
	for _, o := range h.steps {
		if o.op == opAll && time.Duration(o.end-o.call) >= heldUp {
			for result := range int32(2) {
				r := o.record
				r.op, r.code, r.flags, r.result = opDisturb, 0, 0, result
				h.steps = append(h.steps, &step{record: r, call: o.call, end: o.end})
			}
		}
	}
}

// splitTimeouts makes of each wait for any that took nothing one step for each object: it looked at one after the
// other.
func (h *history) splitTimeouts() {
	for _, o := range h.steps {
		if o.op != opAny || o.flags&timedOut == 0 {
			continue
		}
		objects := o.list()
		o.aim(objects[0])
		for _, object := range objects[1:] {
			another := *o
			another.aim(object)
			h.steps = append(h.steps, &another)
		}
	}
}

// judge says whether the history is linearizable, and if not, where it is not.
func (h *history) judge(limit time.Duration) (result porcupine.CheckResult, explanation string) {
	operations := make([]porcupine.Operation, len(h.steps))
	for i, o := range h.steps {
		operations[i] = porcupine.Operation{ClientId: int(o.process), Input: o, Call: o.call, Return: o.end}
	}
	result, info := porcupine.CheckOperationsVerbose(model(), operations, limit)
	if result == porcupine.Ok {
		return result, ""
	}
	return result, h.explain(info)
}

// explain tells the longest part of the history for which there is an order, the end of it, and what comes next.
func (h *history) explain(info porcupine.LinearizationInfo) string {
	var longest []porcupine.Operation
	for _, partition := range info.PartialLinearizationsOperations() {
		for _, p := range partition {
			if len(p) > len(longest) {
				longest = p
			}
		}
	}
	var b strings.Builder
	begin := h.steps[0].call
	line := func(o *step) {
		fmt.Fprintf(&b, "  %10.3f - %10.3f ms  %v\n", float64(o.call-begin)/1e6, float64(o.end-begin)/1e6, o)
	}
	fmt.Fprintf(&b, "%d of %d steps have an order; the last of them:\n", len(longest), len(h.steps))
	placed := map[*step]bool{}
	for i, p := range longest {
		o := p.Input.(*step)
		placed[o] = true
		if i >= len(longest)-25 {
			line(o)
		}
	}
	var rest []*step
	for _, o := range h.steps {
		if !placed[o] {
			rest = append(rest, o)
		}
	}
	slices.SortFunc(rest, func(a, b *step) int { return cmp.Compare(a.end, b.end) })
	b.WriteString("one of these had to come next, and none can:\n")
	for _, o := range rest {
		if o.call <= rest[0].end {
			line(o)
		}
	}
	b.WriteString("and then:\n")
	for _, o := range rest[:min(len(rest), 12)] {
		line(o)
	}
	return b.String()
}

func (h *history) summary() string {
	results := map[string]int{}
	for _, o := range h.steps {
		switch {
		case o.pending:
			results["killed in it"]++
		case o.flags&abandoned != 0:
			results["abandoned"]++
		case o.flags&timedOut != 0:
			results["timed out"]++
		case o.code != 0:
			results[o.code.Symbol()]++
		case o.op == opDisturb:
			results["held up"]++
		default:
			results[o.op.String()]++
		}
	}
	return fmt.Sprintf("%d steps, %d kills: %v", len(h.steps), h.kills, results)
}
