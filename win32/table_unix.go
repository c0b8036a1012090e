//go:build unix && !aix

package win32

import (
	"sync"
	"sync/atomic"
)

// A handle's number; its two lowest bits are ignored:
//
//	│ 0 │ generation  9 │ index  20 │ 0  0 │
//
// The index selects a slot, and the generation changes each time the slot is used, so that a closed number does not
// refer to what came after it. The indexes begin so high that no descriptor has such a number: where a file is wanted,
// a descriptor is taken for one.
const (
	indexBits      = 20
	firstIndex     = 0x4000
	lastIndex      = 1<<indexBits - 1
	generationMask = 1<<9 - 1
	chunkSize      = 1 << 10
	// restingSlots is how many slots lie idle before the first of them is used again.
	restingSlots = 256
)

// entry is one open handle. Its number and its rights are fixed.
type entry struct {
	value   Handle
	granted uint32
	flags   atomic.Uint32 // HANDLE_FLAG_ constants
	target  *target
}

type slot struct {
	entry      atomic.Pointer[entry]
	generation uint32
}

// handles are all handles of this process. Looking one up takes no lock.
var handles struct {
	chunks [(lastIndex + 1) / chunkSize]atomic.Pointer[[chunkSize]slot]

	mu   sync.Mutex
	used uint32   // how many indexes were ever given out
	idle []uint32 // those that are free again, the longest idle first
}

// slotOf is the slot of an index, or nil.
func slotOf(index uint32) *slot {
	chunk := handles.chunks[index/chunkSize].Load()
	if chunk == nil {
		return nil
	}
	return &chunk[index%chunkSize]
}

// find is the entry of a handle, or nil.
func find(handle Handle) *entry {
	number := uint32(handle) >> 2
	if uint64(handle)>>31 != 0 {
		return nil
	}
	s := slotOf(number & lastIndex)
	if s == nil {
		return nil
	}
	e := s.entry.Load()
	if e == nil || uint32(e.value)>>2 != number {
		return nil
	}
	return e
}

// open makes a handle to a target, and takes over one reference to it.
func open(t *target, granted uint32, inherit bool) (Handle, error) {
	e := &entry{granted: granted, target: t}
	if inherit {
		e.flags.Store(HANDLE_FLAG_INHERIT)
	}
	handles.mu.Lock()
	defer handles.mu.Unlock()
	index, ok := freeIndex()
	if !ok {
		t.release()
		return 0, ERROR_NO_SYSTEM_RESOURCES
	}
	s := slotOf(index)
	e.value = Handle((s.generation&generationMask)<<indexBits|index) << 2
	s.entry.Store(e)
	return e.value, nil
}

// freeIndex is an index whose slot is free. handles.mu is held.
func freeIndex() (uint32, bool) {
	full := firstIndex+handles.used > lastIndex
	if len(handles.idle) > restingSlots || full && len(handles.idle) > 0 {
		index := handles.idle[0]
		handles.idle = handles.idle[1:]
		return index, true
	}
	if full {
		return 0, false
	}
	index := firstIndex + handles.used
	handles.used++
	if chunk := &handles.chunks[index/chunkSize]; chunk.Load() == nil {
		chunk.Store(new([chunkSize]slot))
	}
	return index, true
}

// remove takes a handle out of the table; false if somebody else has done it.
func remove(e *entry) bool {
	index := uint32(e.value) >> 2 & lastIndex
	handles.mu.Lock()
	defer handles.mu.Unlock()
	s := slotOf(index)
	if !s.entry.CompareAndSwap(e, nil) {
		return false
	}
	s.generation++
	handles.idle = append(handles.idle, index)
	return true
}

// replace gives a handle's number to another entry; false if the handle is closed.
func replace(e, other *entry) bool {
	handles.mu.Lock()
	defer handles.mu.Unlock()
	other.value = e.value
	return slotOf(uint32(e.value)>>2&lastIndex).entry.CompareAndSwap(e, other)
}
