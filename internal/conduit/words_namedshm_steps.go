//go:build namedshm_steps

package conduit

import (
	"context"
	"sync/atomic"
	"unsafe"

	"github.com/namedshm/namedshm/internal/waiting"
)

// Explorer is who decides what happens next, and what each process sees: with it a test drives this code through all
// orders of its steps, those of weaker memory included. All that it drives runs in turns. The functions without an
// explorer do what those of words.go do.
type Explorer interface {
	// Load and Store are of a number of 4 or 8 bytes. A plain one may be seen later than what comes after it.
	Load(at unsafe.Pointer, size int, plain bool) uint64
	Store(at unsafe.Pointer, size int, v uint64, plain bool)
	// Swap is a compare-and-swap, and Add adds.
	Swap(at unsafe.Pointer, size int, old, v uint64) bool
	Add(at unsafe.Pointer, v uint32)
	// Fence keeps what is stored (or loaded) before it before what is stored (or loaded) after it.
	Fence(stores bool)
	// Copy copies a payload out of shared memory, or into it.
	Copy(to, from []byte, out bool)
	// Sleep returns when the number may be another, or when somebody wakes who sleeps there. Wake wakes all of those.
	Sleep(at unsafe.Pointer, value uint32)
	Wake(at unsafe.Pointer)
}

// Explored is the explorer; nil for none.
var Explored Explorer

type word64 struct{ n atomic.Uint64 }

func (w *word64) load() uint64 {
	if Explored != nil {
		return Explored.Load(unsafe.Pointer(w), 8, false)
	}
	return w.n.Load()
}

func (w *word64) store(v uint64) {
	if Explored != nil {
		Explored.Store(unsafe.Pointer(w), 8, v, false)
		return
	}
	w.n.Store(v)
}

func (w *word64) swap(old, v uint64) bool {
	if Explored != nil {
		return Explored.Swap(unsafe.Pointer(w), 8, old, v)
	}
	return w.n.CompareAndSwap(old, v)
}

type word32 struct{ n atomic.Uint32 }

func (w *word32) load() uint32 {
	if Explored != nil {
		return uint32(Explored.Load(unsafe.Pointer(w), 4, false))
	}
	return w.n.Load()
}

func (w *word32) store(v uint32) {
	if Explored != nil {
		Explored.Store(unsafe.Pointer(w), 4, uint64(v), false)
		return
	}
	w.n.Store(v)
}

func (w *word32) add(v uint32) {
	if Explored != nil {
		Explored.Add(unsafe.Pointer(w), v)
		return
	}
	w.n.Add(v)
}

func (w *word32) swap(old, v uint32) bool {
	if Explored != nil {
		return Explored.Swap(unsafe.Pointer(w), 4, uint64(old), uint64(v))
	}
	return w.n.CompareAndSwap(old, v)
}

func storeHeader(at unsafe.Pointer, v uint64) {
	if Explored != nil {
		Explored.Store(at, 8, v, true)
		return
	}
	*(*uint64)(at) = v
}

func loadHeader(at unsafe.Pointer) uint64 {
	if Explored != nil {
		return Explored.Load(at, 8, false)
	}
	return (*atomic.Uint64)(at).Load()
}

func sleepOn(ctx context.Context, s *waiting.Sleeper, w *word32, value uint32) error {
	if Explored != nil {
		Explored.Sleep(unsafe.Pointer(w), value)
		return nil
	}
	return s.Sleep(ctx, &w.n, value)
}

func wake(w *word32) {
	if Explored != nil {
		Explored.Wake(unsafe.Pointer(w))
		return
	}
	waiting.Wake(&w.n, waiting.Everybody)
}

func exploredCopy(to, from []byte, out bool) bool {
	if Explored != nil {
		Explored.Copy(to, from, out)
	}
	return Explored != nil
}

func exploredLength(w *word32, v uint32) bool {
	if Explored != nil {
		Explored.Store(unsafe.Pointer(w), 4, uint64(v), true)
	}
	return Explored != nil
}

func exploredFence(stores bool) {
	if Explored != nil {
		Explored.Fence(stores)
	}
}
