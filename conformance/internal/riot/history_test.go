//go:build linux

package riot

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/journal"
)

// story makes records; one millisecond passes between two of them.
type story struct{ records []record }

func (s *story) tell(r record) *story {
	r.count = max(r.count, 1)
	r.time = int64(len(s.records)+1) * int64(time.Millisecond)
	s.records = append(s.records, r)
	return s
}

// begin and end are an operation of a process on name 0; the serial of each is also that of the handle it makes.
func (s *story) begin(process uint32, o op, kind Kind) *story {
	return s.tell(record{what: calling, process: process, op: o, kind: kind, serial: process,
		handles: [most]uint32{process}})
}

func (s *story) end(process uint32, o op, kind Kind, code namedshm.Code, object uint64) *story {
	return s.tell(record{what: returned, process: process, op: o, kind: kind, serial: process,
		handles: [most]uint32{process},
		code:    code, object: object})
}

// done is an operation with nothing in between.
func (s *story) done(process uint32, o op, kind Kind, code namedshm.Code, object uint64) *story {
	return s.begin(process, o, kind).end(process, o, kind, code, object)
}

func (s *story) made(process uint32, object uint64) *story {
	return s.done(process, opCreate, Section, 0, object)
}

func (s *story) opened(process uint32, object uint64) *story {
	return s.done(process, opOpen, Section, 0, object)
}

func (s *story) refused(process uint32, o op, code namedshm.Code) *story {
	return s.done(process, o, Section, code, 0)
}

func (s *story) gone(process uint32) *story { return s.done(process, opClose, Section, 0, 0) }

func (s *story) dead(process uint32) *story { return s.killing(process).reaped(process) }

func (s *story) killing(process uint32) *story {
	return s.tell(record{what: killing, process: process})
}

func (s *story) reaped(process uint32) *story { return s.tell(record{what: reaped, process: process}) }

// block is a stopped process that holds the entry locked, while a second passes.
func (s *story) block(process uint32, result int32) *story {
	s.tell(record{what: blocked, process: process, result: result})
	return s
}

func (s *story) second() *story {
	for range 1000 {
		s.tell(record{what: stopped, process: 9})
	}
	return s
}

// TestJudge: the judge finds each fault, and none where there is none.
func TestJudge(t *testing.T) {
	const notFound, exists, busy = namedshm.ErrFileNotFound, namedshm.ErrAlreadyExists, namedshm.ErrBusy
	const disorder = "has no order"
	tell := func() *story { return &story{} }
	judgeAll(t, map[string]judgement{
		"one after the other": {"", tell().made(1, 7).gone(1).made(2, 8).gone(2)},
		"two at once":         {disorder, tell().made(1, 7).made(2, 8).gone(1).gone(2)},
		"opened":              {"", tell().made(1, 7).opened(2, 7).gone(1).gone(2)},
		"another one opened":  {disorder, tell().made(1, 7).opened(2, 8).gone(1).gone(2)},
		"lost":                {disorder, tell().made(1, 7).refused(2, opOpen, notFound).gone(1)},
		"not found while it is closed": {"",
			tell().made(1, 7).begin(1, opClose, Section).refused(2, opOpen, notFound).end(1, opClose, Section, 0, 0)},
		"not found while it is made": {"",
			tell().begin(1, opCreate, Section).refused(2, opOpen, notFound).end(1, opCreate, Section, 0, 7).gone(1)},
		"made twice in turn":             {"was made 2 times", tell().made(1, 7).gone(1).made(2, 7).gone(2)},
		"opened after the last close":    {disorder, tell().made(1, 7).gone(1).opened(2, 7).gone(2)},
		"opened after the last death":    {disorder, tell().made(1, 7).dead(1).opened(2, 7).gone(2)},
		"opened while the last one dies": {"", tell().made(1, 7).killing(1).opened(2, 7).reaped(1).gone(2)},
		"not found while it dies":        {"", tell().made(1, 7).killing(1).refused(2, opOpen, notFound).reaped(1)},
		"there and not there as it dies": {"",
			tell().made(1, 7).killing(1).refused(2, opCreate, exists).refused(3, opOpen, notFound).reaped(1)},
		"not there and there as it dies": {disorder,
			tell().made(1, 7).killing(1).refused(3, opOpen, notFound).refused(2, opCreate, exists).reaped(1)},
		"already there":                   {"", tell().made(1, 7).refused(2, opCreate, exists).gone(1)},
		"there, and nobody has it":        {disorder, tell().made(1, 7).gone(1).refused(2, opCreate, exists)},
		"killed in a create that was":     {"", tell().begin(1, opCreate, Section).opened(2, 7).dead(1).gone(2)},
		"killed in a create that was not": {"", tell().begin(1, opCreate, Section).refused(2, opOpen, notFound).dead(1)},
		"a killed creator's name lives on": {disorder,
			tell().begin(1, opCreate, Section).dead(1).refused(2, opCreate, exists)},
		"a killed create that comes and goes": {"",
			tell().begin(1, opCreate, Section).refused(2, opOpen, notFound).killing(1).
				refused(2, opCreate, exists).refused(3, opOpen, notFound).reaped(1)},
		"a killed create that comes twice": {disorder,
			tell().begin(1, opCreate, Section).killing(1).refused(2, opCreate, exists).
				refused(3, opOpen, notFound).refused(2, opCreate, exists).reaped(1)},
		"kept alive by a killed open": {"", tell().made(1, 7).begin(3, opOpen, Section).gone(1).opened(2, 7).gone(2).dead(3)},
		"killed in a close": {"",
			tell().made(1, 7).begin(1, opClose, Section).refused(2, opOpen, notFound).dead(1)},
		"killed in a close, and there": {disorder, tell().made(1, 7).begin(1, opClose, Section).dead(1).
			refused(2, opCreate, exists)},
		"of another kind":            {"", tell().made(1, 7).done(2, opOpen, Mutex, namedshm.ErrInvalidHandle, 0).gone(1)},
		"of another kind, and it is": {disorder, tell().made(1, 7).refused(2, opOpen, namedshm.ErrInvalidHandle).gone(1)},
		"busy for a reason": {"", tell().block(9, 0).begin(1, opOpen, Section).second().
			end(1, opOpen, Section, busy, 0).block(9, 1)},
		"busy for no reason": {"no stopped process was seen",
			tell().begin(1, opOpen, Section).second().end(1, opOpen, Section, busy, 0)},
		"busy before there was a reason": {"no stopped process was seen",
			tell().begin(1, opOpen, Section).end(1, opOpen, Section, busy, 0).
				block(9, 0).second().block(9, 1)},
		"busy, and the reason went": {"no stopped process was seen",
			tell().block(9, 0).begin(1, opOpen, Section).block(9, 1).second().
				end(1, opOpen, Section, busy, 0)},
		"another failure": {"ERROR_ACCESS_DENIED", tell().refused(1, opOpen, namedshm.ErrAccessDenied)},
		"never finished":  {"never finished", tell().begin(1, opOpen, Section)},
		"other words":     {"not its own", tell().made(1, 7).tell(record{what: changed, process: 1, object: 7}).gone(1)},
	})
}

// TestJudgeOfWaits is the same for events and mutexes.
func TestJudgeOfWaits(t *testing.T) {
	const disorder = "has no order"
	tell := func() *story { return &story{} }
	judgeAll(t, map[string]judgement{
		"an abandoned mutex": {"", tell().done(1, opCreate, Mutex, 0, 0).done(2, opOpen, Mutex, 0, 0).
			done(1, opTake, Mutex, 0, 0).dead(1).
			tell(record{what: calling, process: 2, op: opTake, kind: Mutex, serial: 2, handles: [most]uint32{2}}).
			tell(record{what: returned, process: 2, op: opTake, kind: Mutex, serial: 2, handles: [most]uint32{2},
				flags: abandoned})},
		"an abandoned mutex that is not told": {disorder, tell().done(1, opCreate, Mutex, 0, 0).done(2, opOpen, Mutex, 0, 0).
			done(1, opTake, Mutex, 0, 0).dead(1).done(2, opTake, Mutex, 0, 0)},
		"two owners": {disorder, tell().done(1, opCreate, Mutex, 0, 0).done(2, opOpen, Mutex, 0, 0).
			done(1, opTake, Mutex, 0, 0).done(2, opTake, Mutex, 0, 0)},
		"an event lets two through": {disorder, tell().done(1, opCreate, AutoEvent, 0, 0).done(1, opSet, AutoEvent, 0, 0).
			done(1, opTake, AutoEvent, 0, 0).done(1, opTake, AutoEvent, 0, 0)},
		"a killed Set": {"", tell().done(1, opCreate, AutoEvent, 0, 0).done(2, opOpen, AutoEvent, 0, 0).
			begin(1, opSet, AutoEvent).done(2, opTake, AutoEvent, 0, 0).dead(1)},
		"an object that begins anew": {disorder,
			tell().done(1, opCreate, AutoEvent, 0, 0).done(1, opSet, AutoEvent, 0, 0).dead(1).
				done(2, opCreate, AutoEvent, 0, 0).done(2, opTake, AutoEvent, 0, 0)},
	})
}

// judgement is a history, and what the judge says about it: "" for one that is right.
type judgement struct {
	want  string
	story *story
}

func judgeAll(t *testing.T, judgements map[string]judgement) {
	t.Helper()
	for name, c := range judgements {
		problems, undecided := newHistory([]string{"it"}, c.story.records).Judge(10 * time.Second)
		got := strings.Join(slices.Concat(problems, undecided), "\n")
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: want %q, got %q", name, c.want, got)
		}
	}
}

// TestRecord: a record is read as it was written, and is not too long.
func TestRecord(t *testing.T) {
	want := record{blocked, opAll, Semaphore, abandoned | made, 8, 9, [most]uint8{1, 2, 3}, [most]uint32{4, 5, 1 << 31}, 3,
		-1, -2, 1 << 30,
		1 << 62, 1 << 63}
	b := want.encode()
	if got := decodeRecord(b); got != want || len(b) > journal.Len {
		t.Errorf("got %s of %d bytes, want %s", fmt.Sprintf("%+v", got), len(b), fmt.Sprintf("%+v", want))
	}
}
