//go:build linux

package waiting

import (
	"fmt"
	"slices"
	"strings"

	"github.com/anishathalye/porcupine"

	"github.com/namedshm/namedshm"
)

// The model: what each operation does to the objects, as if each happened at one moment between its call and its
// return. A history is right if there are such moments for all of its operations.
//
// An operation of a process that was killed in it may have had its effect or not, and if it had, then before the
// process was reaped. That is stricter than to say that it may have it at any time later, and true: a dead process does
// nothing.

// riotKind is what a crowd of processes uses.
type riotKind string

const (
	autoEvent   riotKind = "auto"
	manualEvent riotKind = "manual"
	aMutex      riotKind = "mutex"
	aSemaphore  riotKind = "semaphore"
	mixed       riotKind = "mixed" // one of each, and waits for several
)

var riotKinds = []riotKind{autoEvent, manualEvent, aMutex, aSemaphore, mixed}

// objects are which objects a kind of riot has.
func (k riotKind) objects() []int {
	switch k {
	case autoEvent:
		return []int{theAuto}
	case manualEvent:
		return []int{theManual}
	case aMutex:
		return []int{theMutex}
	case aSemaphore:
		return []int{theSemaphore}
	}
	return []int{theAuto, theManual, theMutex, theSemaphore}
}

const (
	theAuto = iota
	theManual
	theMutex
	theSemaphore
	objectCount
)

const semaphoreInitial, semaphoreMaximum = 2, 4

// objectState is the state of all objects.
type objectState struct {
	auto, manual bool
	owner        handleID
	depth        int
	abandoned    bool
	count        int
}

// handleID is a handle of a process; zero is nobody's.
type handleID struct{ process, handle uint32 }

// step is one operation, with all that is known of it.
type step struct {
	record
	pending bool // the process was killed in it
	call    int64
	end     int64
}

func (o *step) owner() handleID { return handleID{o.process, o.handle} }

// lets reports whether an object would let a wait of this handle through.
func (s *objectState) lets(object int, who handleID) bool {
	switch object {
	case theAuto:
		return s.auto
	case theManual:
		return s.manual
	case theMutex:
		return s.owner == handleID{} || s.owner == who
	}
	return s.count > 0
}

// take is what that wait does; abandoned is what it is told.
func (s *objectState) take(object int, who handleID) (abandoned bool) {
	switch object {
	case theAuto:
		s.auto = false
	case theMutex:
		abandoned = s.owner == handleID{} && s.abandoned
		s.owner, s.abandoned, s.depth = who, false, s.depth+1
	case theSemaphore:
		s.count--
	}
	return abandoned
}

// give undoes take.
func (s *objectState) give(object int, who handleID) {
	switch object {
	case theAuto:
		s.auto = true
	case theMutex:
		if s.owner == who {
			if s.depth--; s.depth == 0 {
				s.owner = handleID{}
			}
		}
	case theSemaphore:
		s.count = min(s.count+1, semaphoreMaximum)
	}
}

// after is every state that an operation with this result may leave; none if it cannot have had it.
func (o *step) after(s objectState) []objectState {
	next, possible := o.effect(s)
	if !o.pending {
		return next[:min(len(next), possible)]
	}
	return append(next, s)
}

// effect is after for an operation that took place. possible is 0 where the result, which one that is pending does not
// have, is not what the state allows.
func (o *step) effect(s objectState) (next []objectState, possible int) {
	const yes = 1 << 30
	before := s
	verdict := func(right bool) int {
		if right {
			return yes
		}
		return 0
	}
	switch o.op {
	case opSet, opReset:
		if o.list()[0] == theAuto {
			s.auto = o.op == opSet
		} else {
			s.manual = o.op == opSet
		}
		return []objectState{s}, verdict(o.code == 0)
	case opRelease:
		return o.release(s)
	case opUnlock:
		owned := s.owner == o.owner()
		s.give(theMutex, o.owner())
		return []objectState{s}, verdict(owned && o.code == 0 || !owned && o.code == namedshm.ErrNotOwner)
	case opClose, opDeath:
		if s.owner == o.owner() || o.op == opDeath && s.owner.process == o.process {
			s.owner, s.depth, s.abandoned = handleID{}, 0, true
		}
		return []objectState{s}, verdict(o.code == 0)
	case opDisturb:
		return o.disturbed(before), yes
	}
	if o.pending {
		return o.pendingWait(s), yes
	}
	return o.waited(s, verdict)
}

func (o *step) release(s objectState) (next []objectState, possible int) {
	previous, fits := s.count, s.count+int(o.number) <= semaphoreMaximum
	if fits {
		s.count += int(o.number)
	}
	if o.pending || fits && o.code == 0 && int(o.result) == previous || !fits && o.code == namedshm.ErrTooManyPosts {
		possible = 1
	}
	return []objectState{s}, possible
}

// waited is a wait that has returned.
func (o *step) waited(s objectState, verdict func(bool) int) ([]objectState, int) {
	objects := o.list()
	through := func(object int) bool { return s.lets(object, o.owner()) }
	all := !slices.ContainsFunc(objects, func(object int) bool { return !through(object) })
	if o.flags&timedOut != 0 {
		// There was a moment at which it was not let through. A wait for any of several is one such step for each object.
		return []objectState{s}, verdict(!all && o.code == 0)
	}
	if o.op != opAll {
		object := objects[o.result]
		if !through(object) {
			return nil, 0
		}
		told := s.take(object, o.owner())
		return []objectState{s}, verdict(told == (o.flags&abandoned != 0) && o.code == 0)
	}
	if !all {
		return nil, 0
	}
	told, first := false, 0
	for i, object := range objects {
		if s.take(object, o.owner()) {
			told, first = true, i
		}
	}
	return []objectState{s}, verdict(told == (o.flags&abandoned != 0) && int(o.result) == first && o.code == 0)
}

// pendingWait is a wait that the process was killed in. One for all of several objects may have taken a part of them,
// which is what the library's documentation says.
func (o *step) pendingWait(s objectState) []objectState {
	var next []objectState
	if o.op == opAll {
		return o.subsets(s, func(s *objectState, object int) {
			if s.lets(object, o.owner()) {
				s.take(object, o.owner())
			}
		})
	}
	for _, object := range o.list() {
		if taken := s; taken.lets(object, o.owner()) {
			taken.take(object, o.owner())
			next = append(next, taken)
		}
	}
	return next
}

// disturbed is what a wait for all does that was held up for so long that others cleared its reservations: it has taken
// some of the objects, and gives them back.
func (o *step) disturbed(s objectState) []objectState {
	return o.subsets(s, func(s *objectState, object int) {
		switch {
		case o.result == 0 && s.lets(object, o.owner()):
			told := s.abandoned
			s.take(object, o.owner())
			s.abandoned = told // it is given back as it was
		case o.result == 1:
			s.give(object, o.owner())
		}
	})
}

// subsets is every state that comes from doing something to any of the operation's objects.
func (o *step) subsets(s objectState, do func(*objectState, int)) []objectState {
	next := []objectState{s}
	for _, object := range o.list() {
		for _, s := range slices.Clone(next) {
			do(&s, object)
			if !slices.Contains(next, s) {
				next = append(next, s)
			}
		}
	}
	return next
}

// model is the model as porcupine wants it.
func model() porcupine.Model {
	nondeterministic := porcupine.NondeterministicModel{
		Init: func() []any { return []any{objectState{count: semaphoreInitial}} },
		Step: func(state, input, _ any) []any {
			var all []any
			for _, s := range input.(*step).after(state.(objectState)) {
				all = append(all, s)
			}
			return all
		},
		Equal: func(a, b any) bool { return a.(objectState) == b.(objectState) },
		DescribeOperation: func(input, _ any) string {
			return input.(*step).String()
		},
		DescribeState: func(state any) string { return fmt.Sprintf("%+v", state) },
	}
	return nondeterministic.ToModel()
}

// String is for who looks for a fault.
func (o *step) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d.%d handle %d: %v", o.process, o.client, o.handle, o.op)
	for _, object := range o.list() {
		b.WriteString(" " + [...]string{"auto", "manual", "mutex", "semaphore"}[object])
	}
	if o.op == opRelease {
		fmt.Fprintf(&b, " %d", o.number)
	}
	switch {
	case o.pending:
		b.WriteString(": killed in it")
	case o.code != 0:
		fmt.Fprintf(&b, ": error %d", o.code)
	case o.flags&timedOut != 0:
		b.WriteString(": timed out")
	default:
		fmt.Fprintf(&b, ": %d", o.result)
	}
	if o.flags&abandoned != 0 {
		b.WriteString(" abandoned")
	}
	return b.String()
}
