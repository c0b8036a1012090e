//go:build !namedshm_steps

package conduit

import (
	"context"
	"sync/atomic"
	"unsafe"

	"github.com/namedshm/namedshm/internal/waiting"
)

// What is read and written in shared memory, payload aside, goes through this file. Each function is one step. With
// the build tag namedshm_steps an explorer decides when each is made, and what it sees: words_namedshm_steps.go.

// word64 is a number on which something depends. What was stored before a store is seen by who sees the store, and
// no load overtakes a store.
type word64 struct{ n atomic.Uint64 }

func (w *word64) load() uint64            { return w.n.Load() }
func (w *word64) store(v uint64)          { w.n.Store(v) }
func (w *word64) swap(old, v uint64) bool { return w.n.CompareAndSwap(old, v) }

// word32 is the same in half the size: on such a number one can sleep.
type word32 struct{ n atomic.Uint32 }

func (w *word32) load() uint32            { return w.n.Load() }
func (w *word32) store(v uint32)          { w.n.Store(v) }
func (w *word32) add(v uint32)            { w.n.Add(v) }
func (w *word32) swap(old, v uint32) bool { return w.n.CompareAndSwap(old, v) }

// storeHeader writes a record's header, which nobody else reads before the lane's tail has moved over it.
func storeHeader(at unsafe.Pointer, v uint64) { *(*uint64)(at) = v }

// loadHeader reads a record's header, once: a peer that may write can change it at any moment.
func loadHeader(at unsafe.Pointer) uint64 { return (*atomic.Uint64)(at).Load() }

// sleepOn sleeps while a number is this one.
func sleepOn(ctx context.Context, s *waiting.Sleeper, w *word32, value uint32) error {
	return s.Sleep(ctx, &w.n, value)
}

// wake wakes all who sleep on a number.
func wake(w *word32) { waiting.Wake(&w.n, waiting.Everybody) }
