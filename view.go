package namedshm

import (
	"fmt"
	"io"
	"runtime"

	"github.com/namedshm/namedshm/internal/kernel"
)

// View is a range of a section, mapped into this process. It keeps the memory alive, but not the name.
//
// ReadAt and WriteAt may be called by several goroutines at once, Close included. Nothing orders the bytes of
// different calls: processes that need more than single bytes to change together must agree on how, with
// sync/atomic on typed memory ([At]) or a lock of their own.
//
// A View that is dropped without Close is closed when the garbage collector finds it; build with the tag
// namedshm_debug to have that reported.
type View struct {
	kernel  *kernel.View
	name    string
	cleanup runtime.Cleanup
}

var (
	_ io.ReaderAt = (*View)(nil)
	_ io.WriterAt = (*View)(nil)
)

// Bytes is the view's memory itself. Its length is the length that was mapped; its capacity reaches to the end of the
// last page, which is shared too. It is nil for a closed view and for one that cannot be read.
//
// The slice is not Go memory: using it after Close, or writing to a read view, ends the process as a wild pointer
// does. It does not keep the View alive: hold on to the View for as long as the slice is used (a deferred Close does).
func (v *View) Bytes() []byte { return v.kernel.Bytes() }

// Len is the number of bytes mapped.
func (v *View) Len() int { return v.kernel.Len() }

// Offset is where in the section the view begins.
func (v *View) Offset() int64 { return v.kernel.Offset() }

// Access is what the view was mapped with.
func (v *View) Access() Access { return Access(v.kernel.Access()) }

// ReadAt copies bytes of the view, from offset off in the view, into p. At the end of the view it returns [io.EOF].
// Unlike [View.Bytes] it is safe against a Close in another goroutine: it then fails with [ErrInvalidHandle].
func (v *View) ReadAt(p []byte, off int64) (n int, err error) {
	err = v.kernel.Do(false, func(memory []byte) {
		if 0 <= off && off < int64(len(memory)) {
			n = copy(p, memory[off:])
		}
	})
	switch {
	case err == nil && off < 0:
		err = outside(off, v.Len())
	case err == nil && n < len(p):
		return n, io.EOF
	}
	return n, wrap("read", v.name, err)
}

// WriteAt copies p into the view, at offset off in the view. What does not lie in the view whole is refused with
// [ErrAccessDenied], and nothing is written. It is safe against a Close in another goroutine, as ReadAt is.
func (v *View) WriteAt(p []byte, off int64) (n int, err error) {
	inside := false
	err = v.kernel.Do(true, func(memory []byte) {
		length := int64(len(memory))
		if inside = 0 <= off && off <= length && int64(len(p)) <= length-off; inside {
			n = copy(memory[off:], p)
		}
	})
	if err == nil && !inside {
		err = outside(off+int64(len(p)), v.Len())
	}
	return n, wrap("write", v.name, err)
}

func outside(at int64, length int) error {
	return &kernel.Fault{Code: kernel.AccessDenied, Cause: fmt.Errorf("byte %d is outside the view of %d bytes", at, length)}
}

// Flush returns nil for an open view: a section is backed by no file, there is nothing to write back. Other processes
// see every write at once without it.
//
// Source: FlushViewOfFile.
func (v *View) Flush() error { return wrap("flush", v.name, v.kernel.Flush()) }

// Close unmaps the view. A ReadAt or WriteAt that runs finishes first. A second Close fails with [ErrInvalidAddress].
// A view that the system fails to unmap stays open, and can be closed again.
//
// Source: UnmapViewOfFile.
func (v *View) Close() error {
	v.cleanup.Stop()
	return wrap("unmap", v.name, v.kernel.Close())
}

// At is the value of type T at a byte offset of the view, in place: what is stored through the pointer is shared.
//
// T must hold no pointers (nor strings, slices, maps, channels, functions or interfaces): an address means nothing in
// another process. Such a type, an offset at which T does not lie in the view whole, or one that is not a multiple of
// T's alignment is refused with [ErrInvalidParameter]. The rules for the pointer are those of [View.Bytes].
//
// Go lays structs out as C does on the same machine, for fields of the same sizes; spell padding out to be sure.
func At[T any](v *View, offset int64) (*T, error) {
	p, err := kernel.TypedAt[T](v.kernel, offset, 1)
	if err != nil {
		return nil, wrap("view", v.name, err)
	}
	return &p[0], nil
}

// SliceAt is n values of type T from a byte offset of the view on, in place. The conditions are those of [At].
func SliceAt[T any](v *View, offset int64, n int) ([]T, error) {
	p, err := kernel.TypedAt[T](v.kernel, offset, n)
	return p, wrap("view", v.name, err)
}
