package conduit

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"hash/fnv"
	"math/bits"
	"unsafe"

	"github.com/namedshm/namedshm/internal/fault"
)

// A ring or a feed in its section, version 1. The numbers of the head are little-endian; all others are the
// machine's own, which order tells. What is not drawn is zero.
//
//	     0 ┌ head: written before anybody else sees it, never again ─────────────────┐
//	       │ "nshmflow"                    8 │ version 4        │ kind             4 │  1 ring, 2 feed
//	    16 │ order 4       │ flags 4         │ hints 4          │ element size     4 │  order: 0x01020304, native
//	    32 │ lanes 4       │ depth 4         │ capacity                            8 │
//	    48 │ stride                        8 │ lanes at 4       │ lane stride      4 │
//	    64 │ data at                       8 │ total                               8 │
//	    80 │ fingerprint                   8 │ text length 4    │ checksum         4 │
//	   128 │ text: the structure of a value, up to 3,968 bytes                       │
//	  4096 ├ bell: on which those sleep who read ────────────────────────────────────┤
//	       │ asleep 4: 0, or the number of the rings at which somebody fell asleep   │
//	  4224 │ rings 4                                                                 │
//	  4352 │ the receiver's end: end word 8 │ who 8 │ namespace 4 │ 0 4 │ since 8    │
//	  4480 │ used 4: how many lanes were ever taken                                  │
//	  4608 ├ lanes, 512 bytes each ──────────────────────────────────────────────────┤
//	       │ tail 8                                                                  │  the line of who sends
//	  +128 │ head 8 │ received 8 │ wants 8                                           │  the line of who receives
//	  +256 │ the sender's or writer's end, as the receiver's                         │
//	  +384 │ room 4: on which a sender sleeps                                        │
//	data at├ ring: lanes × capacity ─────────────────────────────────────────────────┤
//	       │ record: length 8 │ payload, rounded up to 8.  Bit 63 of length: padding │
//	       ├ feed: depth × stride ───────────────────────────────────────────────────┤
//	       │ slot: seq 8 │ bytes 4 │ 0 4 │ payload                                   │
//	       └─────────────────────────────────────────────────────────────────────────┘
//
// What different processes write lies 128 bytes apart, since processors fetch lines of 64 bytes in pairs.
//
// In a ring tail and head count bytes for ever, in multiples of 8: head <= tail <= head + capacity. In a feed tail
// counts messages; message n, from 1, is in slot (n-1) mod depth, whose seq is 2n-1 while it is written and 2n when
// it is there.
//
// An unknown flag is a reason to refuse, an unknown hint is none. data at and total are free to leave room for what
// hints say.
const (
	headSize     = 4096
	textAt       = 128
	controlAt    = 4096
	lanesAt      = 4608
	laneStride   = 512
	leastDataAt  = 8192
	slotHeader   = 16
	recordHeader = 8
	lineSize     = 128
)

// MostText is how long the text of a structure may be, in bytes.
const MostText = headSize - textAt

const (
	version   = 1
	byteOrder = 0x01020304
)

var magic = [8]byte{'n', 's', 'h', 'm', 'f', 'l', 'o', 'w'}

// Kind tells a ring from a feed. The number is written into heads: never renumber.
type Kind uint32

// The kinds.
const (
	KindRing Kind = 1
	KindFeed Kind = 2
)

// String is the kind in one word.
func (k Kind) String() string {
	switch k {
	case KindRing:
		return "ring"
	case KindFeed:
		return "feed"
	}
	return fmt.Sprintf("kind %d", uint32(k))
}

// flagSilent says that others may read a feed who cannot write, and so cannot say that they sleep.
const flagSilent = 1

// endWords is an end that one process at a time has.
type endWords struct {
	word      word64
	who       word64 // the seat << 32 | the process; it counts only with the seat of the word
	namespace word32
	_         uint32
	since     word64 // in nanoseconds since 1970
}

// control is what lies before the lanes.
type control struct {
	asleep   word32
	_        [lineSize - 4]byte
	rings    word32
	_        [lineSize - 4]byte
	receiver endWords
	_        [lineSize - 32]byte
	used     word32
	_        [lineSize - 4]byte
}

// lane is what a ring has for each sender, and a feed once.
type lane struct {
	tail     word64
	_        [lineSize - 8]byte
	head     word64
	received word64
	wants    word64 // the head that the sender waits for; 0 for none
	_        [lineSize - 24]byte
	end      endWords
	_        [lineSize - 32]byte
	room     word32
	_        [lineSize - 4]byte
}

// The picture, checked by the compiler.
var (
	_ [0]struct{} = [lanesAt - controlAt - unsafe.Sizeof(control{})]struct{}{}
	_ [0]struct{} = [laneStride - unsafe.Sizeof(lane{})]struct{}{}
	_ [0]struct{} = [4224 - controlAt - unsafe.Offsetof(control{}.rings)]struct{}{}
	_ [0]struct{} = [4352 - controlAt - unsafe.Offsetof(control{}.receiver)]struct{}{}
	_ [0]struct{} = [4480 - controlAt - unsafe.Offsetof(control{}.used)]struct{}{}
	_ [0]struct{} = [128 - unsafe.Offsetof(lane{}.head)]struct{}{}
	_ [0]struct{} = [136 - unsafe.Offsetof(lane{}.received)]struct{}{}
	_ [0]struct{} = [144 - unsafe.Offsetof(lane{}.wants)]struct{}{}
	_ [0]struct{} = [256 - unsafe.Offsetof(lane{}.end)]struct{}{}
	_ [0]struct{} = [384 - unsafe.Offsetof(lane{}.room)]struct{}{}
	_ [0]struct{} = [24 - unsafe.Offsetof(endWords{}.since)]struct{}{}
)

// head is what stands in the head.
type head struct {
	kind     Kind
	flags    uint32
	element  int // bytes of a value
	lanes    int
	depth    int   // feed: messages
	capacity int64 // ring: bytes of a lane; feed: bytes of the longest message
	stride   int64 // from one lane's data to the next, from one slot to the next
	dataAt   int64
	total    int64
	text     string
}

// Limits of what a head may say.
const (
	mostLanes     = 64
	leastCapacity = 4 << 10
	mostCapacity  = 1 << 40
	leastDepth    = 3
	mostDepth     = 1 << 24
	mostElement   = 1 << 30
	mostTotal     = 1<<47 - 1
)

// ringHead is that of a new ring.
func ringHead(s *Structure, shape Ring) (*head, error) {
	if err := shape.check(); err != nil {
		return nil, err
	}
	h := &head{kind: KindRing, element: s.Size, lanes: shape.Lanes, capacity: shape.Capacity, stride: shape.Capacity,
		text: s.String()}
	if h.most() < 1 {
		return nil, fault.Fail(fault.InvalidParameter, "a value has %d bytes, and messages in a lane of %d bytes have at "+
			"most %d; give the ring a larger Capacity", s.Size, shape.Capacity, shape.Capacity/2-recordHeader)
	}
	return h.complete()
}

// feedHead is that of a new feed.
func feedHead(s *Structure, shape Feed) (*head, error) {
	if err := shape.check(); err != nil {
		return nil, err
	}
	h := &head{kind: KindFeed, element: s.Size, lanes: 1, depth: shape.Depth, text: s.String()}
	high, payload := bits.Mul64(uint64(shape.Most), uint64(s.Size))
	if high != 0 || payload > mostElement {
		return nil, fault.Fail(fault.InvalidParameter, "messages of %d values of %d bytes; a feed's have at most %d bytes",
			shape.Most, s.Size, mostElement)
	}
	h.capacity = int64(payload)
	h.stride = (slotHeader + h.capacity + 63) &^ 63
	return h.complete()
}

// complete adds where the data is, and how much there is of all.
func (h *head) complete() (*head, error) {
	h.dataAt = max(leastDataAt, (lanesAt+int64(h.lanes)*laneStride+4095)&^4095)
	high, data := bits.Mul64(h.parts(), uint64(h.stride))
	if high != 0 || data > mostTotal-uint64(h.dataAt) {
		return nil, fault.Fail(fault.NotEnoughMemory, "%d times %d bytes", h.parts(), h.stride)
	}
	h.total = h.dataAt + int64(data)
	return h, nil
}

// parts is how many strides there are.
func (h *head) parts() uint64 {
	if h.kind == KindRing {
		return uint64(h.lanes)
	}
	return uint64(h.depth)
}

// write writes the head of a new ring or feed. The magic comes last, for those who see the memory meanwhile.
func (h *head) write(memory []byte) {
	b := make([]byte, textAt)
	le := binary.LittleEndian
	le.PutUint32(b[8:], version)
	le.PutUint32(b[12:], uint32(h.kind))
	binary.NativeEndian.PutUint32(b[16:], byteOrder)
	le.PutUint32(b[20:], h.flags)
	le.PutUint32(b[28:], uint32(h.element))
	le.PutUint32(b[32:], uint32(h.lanes))
	le.PutUint32(b[36:], uint32(h.depth))
	le.PutUint64(b[40:], uint64(h.capacity))
	le.PutUint64(b[48:], uint64(h.stride))
	le.PutUint32(b[56:], lanesAt)
	le.PutUint32(b[60:], laneStride)
	le.PutUint64(b[64:], uint64(h.dataAt))
	le.PutUint64(b[72:], uint64(h.total))
	le.PutUint64(b[80:], fingerprint(h.text))
	le.PutUint32(b[88:], uint32(len(h.text)))
	copy(b, magic[:])
	le.PutUint32(b[92:], checksum(b, h.text))
	copy(memory[textAt:], h.text)
	copy(memory[8:textAt], b[8:])
	(*word64)(at(memory, 0)).store(binary.NativeEndian.Uint64(magic[:]))
}

func fingerprint(text string) uint64 {
	f := fnv.New64a()
	f.Write([]byte(text))
	return f.Sum64()
}

// checksum is over the head as far as it, and the text.
func checksum(head []byte, text string) uint32 {
	return crc32.Update(crc32.ChecksumIEEE(head[:92]), crc32.IEEETable, []byte(text))
}

// begun reports whether the memory has a head, of whatever version.
func begun(memory []byte) bool {
	return len(memory) >= leastDataAt && (*word64)(at(memory, 0)).load() == binary.NativeEndian.Uint64(magic[:])
}

// readHead reads and checks a head, once: whoever may write it can change it, and what was checked is what is used.
func readHead(memory []byte) (*head, error) {
	if !begun(memory) {
		return nil, errNeither
	}
	b := append([]byte(nil), memory[:headSize]...)
	le := binary.LittleEndian
	length := le.Uint32(b[88:])
	switch {
	case binary.NativeEndian.Uint32(b[16:]) != byteOrder:
		return nil, fault.Fail(fault.NotSupported, "it was made by a processor with another order of bytes")
	case le.Uint32(b[8:]) != version:
		return nil, fault.Fail(fault.NotSupported, "it has version %d of the layout, and this library knows version %d",
			le.Uint32(b[8:]), version)
	case length > MostText:
		return nil, corruptHead("its text is longer than there is room")
	}
	h := &head{
		kind: Kind(le.Uint32(b[12:])), flags: le.Uint32(b[20:]), element: int(le.Uint32(b[28:]) & (1<<31 - 1)),
		lanes: int(le.Uint32(b[32:]) & (1<<31 - 1)), depth: int(le.Uint32(b[36:]) & (1<<31 - 1)),
		capacity: int64(le.Uint64(b[40:])), stride: int64(le.Uint64(b[48:])), dataAt: int64(le.Uint64(b[64:])),
		total: int64(le.Uint64(b[72:])),
		text:  string(b[textAt : textAt+length]),
	}
	switch {
	case le.Uint32(b[92:]) != checksum(b, h.text):
		return nil, corruptHead("its checksum is wrong")
	case le.Uint64(b[80:]) != fingerprint(h.text):
		return nil, corruptHead("its fingerprint is not that of the structure")
	case le.Uint32(b[56:]) != lanesAt || le.Uint32(b[60:]) != laneStride:
		return nil, corruptHead("its lanes are elsewhere")
	case h.flags&^flagSilent != 0:
		return nil, fault.Fail(fault.NotSupported, "it has flags %#x, which this library does not know", h.flags)
	}
	return h, h.check(int64(len(memory)))
}

// check refuses what no maker writes.
func (h *head) check(size int64) error {
	switch {
	case h.element < 1 || h.element > mostElement:
		return corruptHead("a value has no size, or is too large")
	case h.total > size || h.dataAt < leastDataAt || h.dataAt%4096 != 0 ||
		h.dataAt < lanesAt+int64(h.lanes)*laneStride || h.dataAt > h.total:
		return corruptHead("it says that it is larger than the section, or that parts of it overlap")
	}
	switch h.kind {
	case KindRing:
		if (&Ring{h.lanes, h.capacity}).check() != nil || h.stride != h.capacity {
			return corruptHead("its shape is not one that a ring can have")
		}
	case KindFeed:
		if h.lanes != 1 || h.depth < leastDepth || h.depth > mostDepth || h.capacity < int64(h.element) ||
			h.capacity > mostElement ||
			h.capacity%int64(h.element) != 0 || h.stride != (slotHeader+h.capacity+63)&^63 {
			return corruptHead("its shape is not one that a feed can have")
		}
	default:
		return corruptHead("it is neither a ring nor a feed")
	}
	if high, data := bits.Mul64(h.parts(), uint64(h.stride)); high != 0 || data > uint64(h.total-h.dataAt) {
		return corruptHead("its data is larger than itself")
	}
	return nil
}

var errNeither = fault.BadHandle("the section is neither a ring nor a feed")

func corruptHead(what string) error {
	return fault.Fail(fault.FileCorrupt, "the head is damaged: %s", what)
}
