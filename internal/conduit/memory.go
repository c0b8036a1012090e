package conduit

import (
	"unsafe"
)

// This file makes addresses of offsets. What it is given was checked against the length of the memory.

// at is the address of a byte.
func at(memory []byte, offset int64) unsafe.Pointer { return unsafe.Pointer(&memory[offset]) }

// controlOf is what lies before the lanes.
func controlOf(memory []byte) *control {
	return (*control)(at(memory[:lanesAt], controlAt))
}

// lowHalf is the lower half of a number: a mistake sleeps on it.
func lowHalf(w *word64) *word32 { return (*word32)(unsafe.Pointer(w)) }

// laneOf is the control words of a lane.
func laneOf(memory []byte, i int) *lane {
	from := int64(lanesAt + i*laneStride)
	return (*lane)(at(memory[:from+laneStride], from))
}

// behind is n bytes behind a header, with no room to grow into their neighbours.
func behind(header unsafe.Pointer, size, n int) []byte {
	return unsafe.Slice((*byte)(header), size+n)[size:]
}

// slotWords are the beginning of a feed's slot.
type slotWords struct {
	seq   word64
	bytes word32
	_     uint32
}

var _ [0]struct{} = [slotHeader - unsafe.Sizeof(slotWords{})]struct{}{}

// dataOf is the data of a lane; a feed's is that of its only one.
func dataOf(memory []byte, h *head, i int) unsafe.Pointer {
	from := h.dataAt + int64(i)*h.stride
	size := h.stride
	if h.kind == KindFeed {
		size *= int64(h.depth)
	}
	return at(memory[:from+size], from)
}

// alignedBytes is memory of this process in which values of all kinds can lie.
func alignedBytes(n int) []byte {
	words := make([]uint64, (n+7)/8)
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), n)
}
