//go:build (amd64 || arm64) && !purego && !race && !namedshm_steps

package conduit

import "unsafe"

// A feed's payload is read while it may be written. What was read is believed only if the slot's number is the same
// before and after; so the copy may be of any kind, as long as it lies between the two looks, and the writing
// between the two stores.
//
// amd64 keeps stores in order among stores, and loads among loads. arm64 lets a store pass an earlier release, and a
// load a later acquire: there the fences are instructions. The race detector knows nothing of fences, so it gets the
// other form, in copy_words.go, and so do all other processors.

// inPlace says that a writer writes in the slot itself, and a reader may look there.
const inPlace = true

// storeLength stores a number that belongs to the payload.
func storeLength(w *word32, v uint32) { *(*uint32)(unsafe.Pointer(w)) = v }

// copyOut copies from shared memory.
func copyOut(to []byte, from unsafe.Pointer) {
	// In pieces that stay in the cache: a larger copy goes past it, which costs more than it saves.
	for len(to) > copyPiece {
		copy(to[:copyPiece], unsafe.Slice((*byte)(from), copyPiece))
		to, from = to[copyPiece:], unsafe.Add(from, copyPiece)
	}
	copy(to, unsafe.Slice((*byte)(from), len(to)))
}

// copyIn copies into shared memory.
func copyIn(to unsafe.Pointer, from []byte) {
	for len(from) > copyPiece {
		copy(unsafe.Slice((*byte)(to), copyPiece), from[:copyPiece])
		to, from = unsafe.Add(to, copyPiece), from[copyPiece:]
	}
	copy(unsafe.Slice((*byte)(to), len(from)), from)
}

const copyPiece = 128 << 10
