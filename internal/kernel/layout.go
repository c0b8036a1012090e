//go:build unix && !aix

package kernel

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"
)

// An entry is the small file that stands for a name. Its bytes, all numbers little-endian:
//
//	     0 ┌──────────────────────────────────────────────┐
//	       │ magic    8 │ version  4 │ kind             4 │
//	    16 │ size     8 │ protection 4 │ backing        4 │
//	    32 │ token                                     16 │  random; also the memory's own name on Linux
//	    48 │ identity                              3 × 8  │  what the memory must be when it is reached
//	    72 │ created  8 │ name length 4 │ mode          4 │
//	    88 │ attributes 4 │ maximum                    4 │  of an event, of a semaphore
//	    96 │ checksum 4 │ zero                         28 │  CRC-32 of bytes 0 to 96 and of the name
//	   128 │ name, when it has at most 384 bytes          │
//	   512 │ door slots                         224 × 16  │  the only bytes that change after publication
//	  4096 │ name, when it is longer: up to 98,298 bytes  │
//	       └──────────────────────────────────────────────┘
//	131072   the memory itself, in the file backing alone
//
// and of a door slot:
//
//	0 │ handle id  8 │ process id  4 │ descriptor 4 │
//
// The lock bytes of an entry are numbers, not places: nothing need stand there. All of them are liveness: any lock
// there says that the name lives, and one byte is one handle.
//
//	0 … 223         the handle whose door record stands in that slot: exclusive, so that it has the slot for itself
//	2^32 … 2^62-1   a handle without a slot, at a random byte: shared
//
// Behind the liveness range come the seats of waitable objects, one byte for each handle, exclusive: who may own a
// mutex. Where others may read the entry they are in a file of their own.
//
//	2^62 + id       the handle with that id lives
const (
	entryVersion  = 1
	headerLen     = 128
	checkedLen    = 96
	inlineNameMax = slotsAt - headerLen
	slotsAt       = 512
	slotLen       = 16
	slotCount     = 224
	longNameAt    = 4096
	maxNameBytes  = 3 * maxNameUnits
	memoryAt      = 131072

	unslottedStart = int64(1) << 32
	livenessEnd    = int64(1) << 62
	seatsStart     = livenessEnd
)

// The drawing, checked by the compiler: an index out of range or a negative array length does not build.
var (
	_ [0]struct{} = [slotsAt + slotCount*slotLen - longNameAt]struct{}{}
	_ [memoryAt - longNameAt - maxNameBytes]struct{}
	_ [0]struct{} = [memoryAt % Granularity]struct{}{}
)

var entryMagic = [8]byte{'n', 'a', 'm', 'e', 'd', 's', 'h', 'm'}

// manualReset, in the attributes of an event, means that a satisfied wait does not reset it.
const manualReset = 1

// seated, in the attributes of a section, says that its handles have seats. The other bits are Windows' SEC_*.
const seated = 2

type backingID uint32

// These are written into entries: never renumber.
const (
	backingMemfd backingID = 1
	backingSysV  backingID = 2
	backingFile  backingID = 3
)

func (b backingID) String() string {
	switch b {
	case backingMemfd:
		return "memfd"
	case backingSysV:
		return "sysv"
	case backingFile:
		return "file"
	}
	return "unknown"
}

type token [16]byte

// header is the part of an entry that never changes once it is published.
type header struct {
	kind       Kind
	size       int64
	protection Protection
	backing    backingID
	token      token
	identity   [3]uint64
	created    int64  // nanoseconds since 1970
	mode       uint32 // who may open the memory, as permission bits
	attributes uint32 // of an event: manualReset; of a section: Windows' SEC_*, and seated
	maximum    uint32 // of a semaphore's count
	name       string // without the prefix
}

func (h *header) createdAt() time.Time { return time.Unix(0, h.created) }

// encode returns the entry's first bytes: the header, the name if it belongs there, and at least one empty slot. Slots
// that are not written read as empty.
func (h *header) encode() []byte {
	n := slotsAt + slotLen
	if len(h.name) > inlineNameMax {
		n = longNameAt + len(h.name)
	}
	b := make([]byte, n)
	copy(b, entryMagic[:])
	le := binary.LittleEndian
	le.PutUint32(b[8:], entryVersion)
	le.PutUint32(b[12:], uint32(h.kind))
	le.PutUint64(b[16:], uint64(h.size))
	le.PutUint32(b[24:], uint32(h.protection))
	le.PutUint32(b[28:], uint32(h.backing))
	copy(b[32:], h.token[:])
	for i, v := range h.identity {
		le.PutUint64(b[48+8*i:], v)
	}
	le.PutUint64(b[72:], uint64(h.created))
	le.PutUint32(b[80:], uint32(len(h.name)))
	le.PutUint32(b[84:], h.mode)
	copy(b[nameAt(len(h.name)):], h.name)
	le.PutUint32(b[88:], h.attributes)
	le.PutUint32(b[92:], h.maximum)
	le.PutUint32(b[checkedLen:], checksum(b, h.name))
	return b
}

func nameAt(length int) int {
	if length > inlineNameMax {
		return longNameAt
	}
	return headerLen
}

func checksum(b []byte, name string) uint32 {
	return crc32.Update(crc32.ChecksumIEEE(b[:checkedLen]), crc32.IEEETable, []byte(name))
}

// errNoEntry is the cause if a file is not an entry: it never was one, or it was damaged.
var errNoEntry = errors.New("this is not an entry of this library, or a damaged one")

// errOtherVersion is the cause for an entry of another version of this library. The magic and the liveness range are
// the same in all versions, so that each can bury what another left.
var errOtherVersion = errors.New("it was made by an unknown version of this library")

// decode reads a header back. first is the entry's first longNameAt bytes, padded with zeros; rest reads a longer name.
// Its error is not the header's fault, and is returned unchanged.
func (h *header) decode(first []byte, rest func(p []byte, off int64) (int, error)) error {
	if [8]byte(first[:8]) != entryMagic {
		return errNoEntry
	}
	le := binary.LittleEndian
	if le.Uint32(first[8:]) != entryVersion {
		return errOtherVersion
	}
	if le.Uint32(first[80:]) > maxNameBytes {
		return errNoEntry
	}
	length := int(le.Uint32(first[80:]))
	if length <= inlineNameMax {
		h.name = string(first[headerLen : headerLen+length])
	} else {
		name := make([]byte, length)
		switch n, err := rest(name, longNameAt); {
		case err != nil:
			return err
		case n != length:
			return errNoEntry
		}
		h.name = string(name)
	}
	if le.Uint32(first[checkedLen:]) != checksum(first, h.name) ||
		[headerLen - checkedLen - 4]byte(first[checkedLen+4:headerLen]) != [headerLen - checkedLen - 4]byte{} {
		return errNoEntry
	}
	h.kind = Kind(le.Uint32(first[12:]))
	h.size = int64(le.Uint64(first[16:]))
	h.protection = Protection(le.Uint32(first[24:]))
	h.backing = backingID(le.Uint32(first[28:]))
	h.token = token(first[32:48])
	for i := range h.identity {
		h.identity[i] = le.Uint64(first[48+8*i:])
	}
	h.created = int64(le.Uint64(first[72:]))
	h.mode = le.Uint32(first[84:])
	h.attributes = le.Uint32(first[88:])
	h.maximum = le.Uint32(first[92:])
	if h.size <= 0 || h.size >= maxSize+memoryAt || h.protection.grants() == 0 {
		return errNoEntry
	}
	return nil
}

// door says where to find a holder's descriptor of the memory. It may be stale or garbage, so whoever follows it
// verifies what it leads to.
type door struct {
	pid        int32
	descriptor int32
	mode       int32 // O_RDONLY or O_RDWR: how the holder has it open
}

func (d door) encode() []byte {
	b := make([]byte, slotLen)
	binary.LittleEndian.PutUint32(b, uint32(d.pid))
	binary.LittleEndian.PutUint32(b[4:], uint32(d.descriptor))
	binary.LittleEndian.PutUint32(b[8:], uint32(d.mode))
	return b
}

// doorAt returns the record in slot i of an entry's first bytes; false if there is none.
func doorAt(first []byte, i int) (door, bool) {
	b := first[slotsAt+i*slotLen:][:slotLen]
	d := door{
		pid:        int32(binary.LittleEndian.Uint32(b)),
		descriptor: int32(binary.LittleEndian.Uint32(b[4:])),
		mode:       int32(binary.LittleEndian.Uint32(b[8:])),
	}
	return d, d.pid > 0 && d.descriptor >= 0
}
