//go:build linux

package riot

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/anishathalye/porcupine"

	"github.com/namedshm/namedshm"
)

// The model: what each operation does to one name and to the object that has it, as if it happened at one moment
// between its call and its return. A history is right if there are such moments for all of its operations.

// Kind is a kind of object, and of event.
type Kind uint8

// The kinds. None is that of a name that nobody has.
const (
	None Kind = iota
	Section
	AutoEvent
	ManualEvent
	Mutex
	Semaphore
)

// AllKinds are they.
var AllKinds = []Kind{Section, AutoEvent, ManualEvent, Mutex, Semaphore}

// String is the kind in words.
func (k Kind) String() string {
	return [...]string{"nothing", "section", "auto-reset event", "manual-reset event", "mutex", "semaphore"}[k]
}

// is reports that an object can be opened as what is asked for: how an event resets nobody asks.
func (k Kind) is(wanted Kind) bool {
	return k == wanted || k.event() && wanted.event()
}

func (k Kind) event() bool { return k == AutoEvent || k == ManualEvent }

const semaphoreMaximum = 3

// handleID is a handle of one of the processes; zero is nobody's.
type handleID uint64

func idOf(process, handle uint32) handleID { return handleID(process)<<32 | handleID(handle) }

// state is a name's.
type state struct {
	kind    Kind
	object  uint64 // which section it is; 0 while nobody has told
	handles idSet
	// half holds the handles of killed processes of which one of two things has been placed in the order: the operation
	// that may have made the handle, to no effect, or the handle's end. Then the other one has no effect either.
	half idSet

	set       bool // an event
	count     int32
	owner     handleID
	depth     int32
	abandoned bool
}

// idSet is a small set that can be compared: sorted, eight bytes for each.
type idSet string

func (s idSet) find(id handleID) (at int, found bool) {
	for ; at < len(s); at += 8 {
		if one := handleID(binary.BigEndian.Uint64([]byte(s[at : at+8]))); one >= id {
			return at, one == id
		}
	}
	return at, false
}

func (s idSet) has(id handleID) bool {
	_, found := s.find(id)
	return found
}

func (s idSet) with(id handleID) idSet {
	at, found := s.find(id)
	if found {
		return s
	}
	return s[:at] + idSet(binary.BigEndian.AppendUint64(nil, uint64(id))) + s[at:]
}

func (s idSet) without(id handleID) idSet {
	at, found := s.find(id)
	if !found {
		return s
	}
	return s[:at] + s[at+8:]
}

// step is one operation, as one name sees it, with all that is known of it.
type step struct {
	record
	id      handleID // the handle that is used, made or gone
	pending bool     // the process was killed in it
	unsure  bool     // of a handle's end: nobody knows that there was one
	call    int64
	end     int64
}

// one is a state as the only possible one, if verdict says that there can be one.
func one(s state, verdict bool) []state {
	if !verdict {
		return nil
	}
	return []state{s}
}

// after is every state that the step may leave; none if it cannot have had its result in this one.
func (o *step) after(s state) []state {
	switch o.op {
	case opCreate, opOpen, opEither:
		if o.pending {
			return o.mayAcquire(s)
		}
		return o.acquired(s)
	case opGone:
		return one(o.gone(s), true)
	case opLetGo:
		s.letGo(o.id)
		return one(s, true)
	case opDisturb:
		return o.disturbed(s)
	}
	if o.pending {
		return o.mayUse(s)
	}
	return o.used(s)
}

// acquired is an operation that makes a handle and has returned.
func (o *step) acquired(s state) []state {
	creates := o.op == opCreate || o.op == opEither && o.flags&made != 0
	switch {
	case o.code == namedshm.ErrInvalidHandle:
		return one(s, s.kind != None && !s.kind.is(o.kind))
	case o.code == namedshm.ErrAlreadyExists:
		return one(s, s.kind.is(o.kind))
	case o.code == namedshm.ErrFileNotFound:
		return one(s, s.kind == None)
	case creates:
		return one(o.create(s), s.kind == None)
	}
	right := s.kind.is(o.kind) && (s.object == o.object || s.object == 0)
	s.object = o.object
	s.handles = s.handles.with(o.id)
	return one(s, right)
}

func (o *step) create(s state) state {
	made := state{kind: o.kind, object: o.object, handles: idSet("").with(o.id), half: s.half}
	if o.kind == Semaphore {
		made.count = o.number
	}
	return made
}

// mayAcquire is such an operation that the process was killed in.
func (o *step) mayAcquire(s state) []state {
	if s.half.has(o.id) {
		s.half = s.half.without(o.id)
		return one(s, true)
	}
	not := s
	not.half = s.half.with(o.id)
	switch {
	case s.kind == None && o.op != opOpen:
		return []state{o.create(s), not}
	case s.kind.is(o.kind) && o.op != opCreate:
		s.handles = s.handles.with(o.id)
		return []state{s, not}
	}
	return one(not, true)
}

// gone is a handle's end.
func (o *step) gone(s state) state {
	if o.unsure && !s.handles.has(o.id) {
		if s.half.has(o.id) {
			s.half = s.half.without(o.id)
		} else {
			s.half = s.half.with(o.id)
		}
		return s
	}
	s.letGo(o.id)
	if s.handles = s.handles.without(o.id); s.handles == "" {
		return state{half: s.half}
	}
	return s
}

// letGo takes a mutex from an owner that goes.
func (s *state) letGo(id handleID) {
	if s.owner == id {
		s.owner, s.depth, s.abandoned = 0, 0, true
	}
}

// lets reports that the object would let a wait by this handle through.
func (s *state) lets(id handleID) bool {
	switch s.kind {
	case AutoEvent, ManualEvent:
		return s.set
	case Mutex:
		return s.owner == 0 || s.owner == id
	}
	return s.count > 0
}

// take is what that wait does; told is what it is told of the mutex.
func (s *state) take(id handleID) (told bool) {
	switch s.kind {
	case AutoEvent:
		s.set = false
	case Mutex:
		told = s.abandoned
		s.owner, s.abandoned, s.depth = id, false, s.depth+1
	case Semaphore:
		s.count--
	}
	return told
}

// give undoes take.
func (s *state) give(id handleID) {
	switch {
	case s.kind == AutoEvent:
		s.set = true
	case s.kind == Semaphore:
		s.count = min(s.count+1, semaphoreMaximum)
	case s.kind == Mutex && s.owner == id:
		if s.depth--; s.depth == 0 {
			s.owner = 0
		}
	}
}

// used is an operation by a handle that has returned.
func (o *step) used(s state) []state {
	ok := o.code == 0
	switch o.op {
	case opSet, opReset:
		s.set = o.op == opSet
		return one(s, ok)
	case opUnlock:
		owned := s.owner == o.id
		s.give(o.id)
		return one(s, owned && ok || !owned && o.code == namedshm.ErrNotOwner)
	case opRelease:
		if s.count+o.number > semaphoreMaximum {
			return one(s, o.code == namedshm.ErrTooManyPosts)
		}
		right := ok && o.result == s.count
		s.count += o.number
		return one(s, right)
	}
	if o.flags&timedOut != 0 {
		// There was a moment at which it was not let through; of a wait for all, for one of the objects.
		return one(s, o.op == opAll && o.count > 1 || !s.lets(o.id))
	}
	if !s.lets(o.id) {
		return nil
	}
	told := s.take(o.id)
	if o.op == opAll && o.count > 1 {
		return one(s, !told || o.flags&abandoned != 0) // another one may have been
	}
	return one(s, told == (o.flags&abandoned != 0))
}

// mayUse is such an operation that the process was killed in.
func (o *step) mayUse(s state) []state {
	not := s
	if !s.handles.has(o.id) {
		return one(not, true) // the process is dead already
	}
	switch o.op {
	case opSet, opReset:
		s.set = o.op == opSet
	case opUnlock:
		s.give(o.id)
	case opRelease:
		if s.count+o.number <= semaphoreMaximum {
			s.count += o.number
		}
	default:
		if s.lets(o.id) {
			s.take(o.id)
		}
	}
	if s == not {
		return one(not, true)
	}
	return []state{s, not}
}

// disturbed is what a wait for all may do that was held up for so long that others cleared its reservations: it has
// taken an object, and gives it back. The library documents that others can see it.
func (o *step) disturbed(s state) []state {
	not := s
	if !s.handles.has(o.id) {
		return one(not, true)
	}
	if o.result == 1 {
		s.give(o.id)
	} else if s.lets(o.id) {
		told := s.abandoned
		s.take(o.id)
		s.abandoned = told // it is given back as it was
	}
	if s == not {
		return one(not, true)
	}
	return []state{s, not}
}

// model is the model as porcupine wants it.
func model() porcupine.Model {
	nondeterministic := porcupine.NondeterministicModel{
		Init: func() []any { return []any{state{}} },
		Step: func(s, input, _ any) []any {
			var all []any
			for _, next := range input.(*step).after(s.(state)) {
				all = append(all, next)
			}
			return all
		},
		Equal:             func(a, b any) bool { return a.(state) == b.(state) },
		DescribeOperation: func(input, _ any) string { return input.(*step).String() },
		DescribeState:     func(s any) string { return fmt.Sprintf("%+v", s) },
	}
	return nondeterministic.ToModel()
}

// String is for who looks for a fault.
func (o *step) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d.%d: %v", o.process, o.serial, o.op)
	if o.op == opCreate || o.op == opOpen || o.op == opEither {
		fmt.Fprintf(&b, " %v", o.kind)
	} else {
		fmt.Fprintf(&b, " handle %d", uint32(o.id))
	}
	switch {
	case o.pending:
		b.WriteString(": killed in it")
	case o.code != 0:
		b.WriteString(": " + o.code.Symbol())
	case o.flags&timedOut != 0:
		b.WriteString(": timed out")
	case o.object != 0:
		fmt.Fprintf(&b, ": section %x", o.object)
	default:
		fmt.Fprintf(&b, ": %d", o.result)
	}
	if o.flags&made != 0 {
		b.WriteString(" made")
	}
	if o.flags&abandoned != 0 {
		b.WriteString(" abandoned")
	}
	return b.String()
}
