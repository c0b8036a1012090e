//go:build linux

package waiting

import (
	"encoding/binary"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/journal"
)

// A process writes a record before each operation and after it. What the records say about time is the clock's, which
// is one for all processes: a call was made after the time in its first record, and had returned before the time in its
// second.

// record is one record of the journal.
type record struct {
	kind    recordKind
	op      opKind
	flags   flags
	process uint32 // 1, 2, … in the order of their start; 0 for who looks last
	client  uint32 // within the process: what one client does is done one after the other
	serial  uint32 // of the operation, within the client
	handle  uint32 // that the operation is done with, unique in a process: a mutex is owned by a handle
	objects uint32 // which objects, four bits for each, in the order of the call
	count   uint32 // how many objects
	number  int32  // what to release
	time    int64
	code    namedshm.Code // 0 for success
	result  int32         // what Release returns, or the index of a wait for several
}

type recordKind uint8

const (
	calling  recordKind = iota + 1 // an operation begins
	returned                       // it has ended
	killing                        // the process is about to be killed
	reaped                         // it is dead
)

type opKind uint8

const (
	opSet opKind = iota + 1
	opReset
	opTake // a wait of any kind for one object
	opAny
	opAll
	opUnlock
	opRelease
	opClose // of a handle to a mutex, which may own it
	// These are no calls of the library, but what becomes of those that were not finished.
	opDeath   // of a process, with what it owns
	opDisturb // what a wait for all leaves for a while, when it was held up: see disturbances
)

func (k opKind) String() string {
	return [...]string{"?", "set", "reset", "take", "any", "all", "unlock", "release", "close", "death", "disturb"}[k]
}

type flags uint8

const (
	timedOut flags = 1 << iota // a wait took nothing
	abandoned
)

func (r record) encode() []byte {
	b := make([]byte, 0, journal.Len)
	b = append(b, byte(r.kind), byte(r.op), byte(r.flags), 0)
	for _, n := range []uint32{r.process, r.client, r.serial, r.handle, r.objects, r.count, uint32(r.number),
		uint32(r.code), uint32(r.result)} {
		b = binary.LittleEndian.AppendUint32(b, n)
	}
	return binary.LittleEndian.AppendUint64(b, uint64(r.time))
}

func decodeRecord(b []byte) record {
	n := func(i int) uint32 { return binary.LittleEndian.Uint32(b[4+4*i:]) }
	return record{
		kind: recordKind(b[0]), op: opKind(b[1]), flags: flags(b[2]),
		process: n(0), client: n(1), serial: n(2), handle: n(3), objects: n(4), count: n(5), number: int32(n(6)),
		code: namedshm.Code(n(7)), result: int32(n(8)), time: int64(binary.LittleEndian.Uint64(b[40:])),
	}
}

// list is which objects the operation is for.
func (r *record) list() []int {
	var all []int
	for i := range r.count {
		all = append(all, int(r.objects>>(4*i)&0xf))
	}
	return all
}

// aim says which objects the operation is for.
func (r *record) aim(objects ...int) {
	r.objects, r.count = 0, uint32(len(objects))
	for i, o := range objects {
		r.objects |= uint32(o) << (4 * i)
	}
}
