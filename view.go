package namedshm

import (
	"fmt"
	"io"
	"runtime"

	"github.com/namedshm/namedshm/internal/fault"
	"github.com/namedshm/namedshm/internal/kernel"
)

// View is a range of a section mapped into this process. It keeps the memory alive, but not the name.
//
// ReadAt, WriteAt and Close may be called by several goroutines at once. Nothing orders the bytes of different calls:
// processes that need more than single bytes to change together must agree on how, with sync/atomic on typed memory
// ([At]) or a lock of their own.
//
// A View that is dropped without Close is closed when the garbage collector finds it, unless its memory was handed out
// by [View.Bytes], [At] or [SliceAt]: then it stays mapped until the process ends, because it may still be in use.
// Build with the tag namedshm_debug to have both cases reported.
type View struct {
	kernel  *kernel.View
	name    string
	cleanup runtime.Cleanup
}

var (
	_ io.ReaderAt = (*View)(nil)
	_ io.WriterAt = (*View)(nil)
)

// Bytes is the view's memory itself. Its length is the mapped length; its capacity extends to the end of the last page,
// which is shared too. It is nil for a closed view and for one that cannot be read.
//
// The slice is not Go memory: using it after Close, or writing to a read view, crashes the process like a wild pointer.
// Without a Close it is valid for as long as the process runs, even if the View is dropped: a view whose bytes were
// handed out is unmapped only by Close.
func (v *View) Bytes() []byte {
	defer runtime.KeepAlive(v) // the collector must not find it before it is known that the bytes were handed out
	return v.kernel.Bytes()
}

// Len is the number of bytes mapped.
func (v *View) Len() int { return v.kernel.Len() }

// Offset is where in the section the view begins.
func (v *View) Offset() int64 { return v.kernel.Offset() }

// Access is the access the view was mapped with.
func (v *View) Access() Access { return Access(v.kernel.Access()) }

// ReadAt copies bytes of the view, from offset off in the view, into p. At the end of the view it returns [io.EOF]; a
// negative offset is refused with [ErrAccessDenied]. Unlike [View.Bytes] it is safe if another goroutine calls Close:
// it then fails with [ErrInvalidHandle].
func (v *View) ReadAt(p []byte, off int64) (n int, err error) {
	var length int64
	err = v.kernel.Do(false, func(memory []byte) {
		if length = int64(len(memory)); 0 <= off && off < length {
			n = copy(p, memory[off:])
		}
	})
	switch {
	case err == nil && off < 0:
		err = &fault.Fault{Code: fault.AccessDenied, Cause: outside(off, length)}
	case err == nil && n < len(p):
		return n, io.EOF
	}
	return n, wrap("read", v.name, err)
}

// WriteAt copies p into the view, at offset off in the view. If p does not fit in the view, nothing is written: the
// error matches [ErrAccessDenied] and [io.ErrShortWrite], and names the first byte outside. Like ReadAt it is safe if
// another goroutine calls Close.
func (v *View) WriteAt(p []byte, off int64) (n int, err error) {
	inside, length := false, int64(0)
	err = v.kernel.Do(true, func(memory []byte) {
		length = int64(len(memory))
		if inside = 0 <= off && off <= length && int64(len(p)) <= length-off; inside {
			n = copy(memory[off:], p)
		}
	})
	if err == nil && !inside {
		err = &fault.Fault{Code: fault.AccessDenied,
			Cause: fmt.Errorf("%w, nothing was written: %w", io.ErrShortWrite, outside(off, length))}
	}
	return n, wrap("write", v.name, err)
}

// outside returns the first byte from an offset that is not in the view.
func outside(off, length int64) error {
	return fmt.Errorf("byte %d is outside the view of %d bytes", kernel.FirstOutside(off, length), length)
}

// Flush returns nil for an open view: no file backs a section, so there is nothing to write back. Other processes see
// every write at once anyway.
//
// Source: FlushViewOfFile.
func (v *View) Flush() error { return wrap("flush", v.name, v.kernel.Flush()) }

// Close unmaps the view, after any running ReadAt or WriteAt has finished. A second Close fails with
// [ErrInvalidAddress]. If unmapping fails the view stays open, and Close can be called again.
//
// Source: UnmapViewOfFile.
func (v *View) Close() error {
	v.cleanup.Stop()
	return wrap("unmap", v.name, v.kernel.Close())
}

// At returns a pointer to the value of type T at a byte offset of the view, in place: what is stored through it is
// shared.
//
// T must hold no pointers (nor strings, slices, maps, channels, functions or interfaces): an address means nothing in
// another process. Such a type, an offset at which T does not fit in the view, and an offset that is not a multiple of
// T's alignment are refused with [ErrInvalidParameter]. The rules for the pointer are those of [View.Bytes]: it is
// valid until Close, whether the View is kept or not.
//
// Go lays structs out as C does on the same machine, for fields of the same sizes; spell padding out to be sure. Where
// addresses have 32 bits (GOARCH 386 and arm), an int64 or a float64 is aligned to 4 bytes only. In a struct shared by
// 32-bit and 64-bit processes, place them at multiples of 8, or use atomic.Int64, which is aligned to 8 bytes
// everywhere.
func At[T any](v *View, offset int64) (*T, error) {
	p, err := kernel.TypedAt[T](v.kernel, offset, 1)
	runtime.KeepAlive(v)
	if err != nil {
		return nil, wrap("view", v.name, err)
	}
	return &p[0], nil
}

// SliceAt returns a slice of n values of type T from a byte offset of the view, in place. The conditions and rules are
// those of [At].
func SliceAt[T any](v *View, offset int64, n int) ([]T, error) {
	p, err := kernel.TypedAt[T](v.kernel, offset, n)
	return p, wrap("view", v.name, err)
}
