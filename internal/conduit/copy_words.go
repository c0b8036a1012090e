//go:build !((amd64 || arm64) && !purego && !race && !namedshm_steps)

package conduit

import (
	"sync/atomic"
	"unsafe"
)

// A feed's payload is read while it may be written. Here it is copied word by word, each an atomic operation, on
// both sides. That is right by Go's memory model, on all processors, and the race detector can follow it. See
// copy_fenced.go for the quick form.

// inPlace says that a writer writes in the slot itself, and a reader may look there.
const inPlace = false

func fenceStores() { exploredFence(true) }
func fenceLoads()  { exploredFence(false) }

// storeLength stores a number that belongs to the payload.
func storeLength(w *word32, v uint32) {
	if !exploredLength(w, v) {
		w.store(v)
	}
}

const wordSize = int(unsafe.Sizeof(uintptr(0)))

// copyOut copies from shared memory, which ends at a whole word.
func copyOut(to []byte, from unsafe.Pointer) {
	if exploredCopy(to, unsafe.Slice((*byte)(from), len(to)), true) {
		return
	}
	for len(to) > 0 {
		word := atomic.LoadUintptr((*uintptr)(from))
		to = to[copy(to, unsafe.Slice((*byte)(unsafe.Pointer(&word)), wordSize)):]
		from = unsafe.Add(from, wordSize)
	}
}

// copyIn copies into shared memory. What of the last word is not the message is zero.
func copyIn(to unsafe.Pointer, from []byte) {
	if exploredCopy(unsafe.Slice((*byte)(to), len(from)), from, false) {
		return
	}
	for len(from) > 0 {
		var word uintptr
		from = from[copy(unsafe.Slice((*byte)(unsafe.Pointer(&word)), wordSize), from):]
		atomic.StoreUintptr((*uintptr)(to), word)
		to = unsafe.Add(to, wordSize)
	}
}
