//go:build linux

package riot

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
	what    what
	op      op
	kind    Kind // of object, that the operation is for
	flags   flags
	process uint32        // 1, 2, … in the order of their start; of the riot's leader where it tells what it sees
	serial  uint32        // of the operation, within the process
	names   [most]uint8   // which names, by their index
	handles [most]uint32  // that are used, or made: the serial of the operation that made each
	count   uint8         // how many of these
	number  int32         // what to release, or a new semaphore's count
	result  int32         // what Release returns, or the index of a wait for several
	code    namedshm.Code // 0 for success
	time    int64
	object  uint64 // which section it was: what stands in its first eight bytes
}

// most is how many objects one operation can be for.
const most = 3

type what uint8

const (
	calling  what = iota + 1 // an operation begins
	returned                 // it has ended
	changed                  // a section that is held suddenly is another one
	killing                  // the process is about to be killed
	reaped                   // it is dead
	stopped                  // it has been stopped
	resuming                 // it is about to go on, or to be killed
	blocked                  // with stopped and resuming: somebody holds the name's entry locked to remove it
)

type op uint8

const (
	opCreate op = iota + 1
	opOpen
	opEither // OpenOrCreate
	opClose
	opFork // a child is forked, closes what it has inherited, and ends
	opSet
	opReset
	opTake // a wait of any sort for one object
	opAny
	opAll
	opUnlock
	opRelease
	// These are no calls of the library, but what follows from calls and deaths: see steps.
	opGone    // a handle goes
	opLetGo   // a mutex loses the owner that it had by a handle that goes
	opDisturb // a wait for all that was held up has taken something for a while, or gives it back
)

var opNames = [...]string{"?", "create", "open", "open or create", "close", "fork", "set", "reset", "take", "wait any",
	"wait all",
	"unlock", "release", "gone", "let go", "disturb"}

func (o op) String() string { return opNames[o] }

type flags uint8

const (
	made      flags = 1 << iota // OpenOrCreate made the object
	timedOut                    // a wait took nothing
	abandoned                   // a mutex was, by its last owner
)

func (r record) encode() []byte {
	b := make([]byte, 0, journal.Len)
	b = append(b, byte(r.what), byte(r.op), byte(r.kind), byte(r.flags), r.names[0], r.names[1], r.names[2], r.count)
	for _, n := range []uint32{r.process, r.serial, r.handles[0], r.handles[1], r.handles[2],
		uint32(r.number), uint32(r.result), uint32(r.code)} {
		b = binary.LittleEndian.AppendUint32(b, n)
	}
	b = binary.LittleEndian.AppendUint64(b, uint64(r.time))
	return binary.LittleEndian.AppendUint64(b, r.object)
}

func decodeRecord(b []byte) record {
	n := func(i int) uint32 { return binary.LittleEndian.Uint32(b[8+4*i:]) }
	return record{
		what: what(b[0]), op: op(b[1]), kind: Kind(b[2]), flags: flags(b[3]), names: [most]uint8(b[4:7]), count: b[7],
		process: n(0), serial: n(1), handles: [most]uint32{n(2), n(3), n(4)},
		number: int32(n(5)), result: int32(n(6)), code: namedshm.Code(n(7)),
		time: int64(binary.LittleEndian.Uint64(b[40:])), object: binary.LittleEndian.Uint64(b[48:]),
	}
}
