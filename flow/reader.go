package flow

import (
	"context"

	"github.com/namedshm/namedshm/internal/conduit"
)

// Reader is a feed's end that reads. There are any number of them, and none keeps the writer or another one back.
type Reader[T any] struct{ raw *conduit.Reader }

// OpenReader opens the feed of this name. It waits for the name until the context is done, and then returns the
// context's error, as [namedshm.WaitOpen] does; the feed is made by its [Writer]. The right to read is enough.
//
// A reader with no more than that can see that the writer of another user's Global feed has closed, but on Unix it
// cannot see that it has died.
//
// Errors: [namedshm.ErrDatatypeMismatch] when the feed carries values of another structure,
// [namedshm.ErrInvalidHandle] when the name is not a feed's, [namedshm.ErrAccessDenied] without the right to read,
// [namedshm.ErrInvalidParameter] for a T that cannot be shared.
func OpenReader[T any](ctx context.Context, name string) (*Reader[T], error) {
	s, err := structureOf[T]()
	if err != nil {
		return nil, wrap("open reader", name, err)
	}
	raw, err := conduit.OpenReader(ctx, name, s)
	if err != nil {
		return nil, wrap("open reader", name, err)
	}
	return &Reader[T]{raw}, nil
}

// Next copies the message behind the one that was returned last into buf, in place of what buf holds, and returns
// the result, which is another slice if the capacity of buf is too small; nil will do. lost is exactly how many
// messages before it were overwritten. A new reader begins with the oldest that is kept. Without a message Next
// waits until the context is done; with a context that is done it looks once. With an error m is buf with no length.
//
// Errors: [io.EOF] when the writer has closed and everything is read; an error that is [io.ErrUnexpectedEOF], with
// the code [namedshm.ErrBrokenPipe], when it has died. Both describe a state: Next goes on when there is another
// writer. [namedshm.ErrBusy] when the writer laps it a thousand times without a pause. [namedshm.ErrFileCorrupt] for
// a message that a process has spoiled, which is then left behind.
func (r *Reader[T]) Next(ctx context.Context, buf []T) (m []T, lost uint64, err error) {
	b, lost, err := r.raw.Next(ctx, emptied(buf))
	if err != nil {
		return buf[:0], lost, wrap("read", r.raw.Name(), err)
	}
	return grown[T](b), lost, nil
}

// Latest copies the newest message as [Reader.Next] does, and never waits. number is how many messages have been
// written to the feed, by all its writers; it is 0 when there is none. Next then goes on behind it.
//
// Errors: [namedshm.ErrBusy] when the writer laps it a thousand times without a pause, [namedshm.ErrFileCorrupt],
// [namedshm.ErrInvalidHandle] after Close.
func (r *Reader[T]) Latest(buf []T) (m []T, number uint64, err error) {
	b, number, err := r.raw.Latest(emptied(buf))
	if err != nil {
		return buf[:0], number, wrap("read", r.raw.Name(), err)
	}
	return grown[T](b), number, nil
}

// Look calls f with the newest message in place, and reports whether it stayed whole meanwhile. If it did not, f has
// seen parts of several messages: f must work whatever it reads, and must do nothing that cannot be undone. Look is
// for large messages of which little is needed. number is the message's, as with [Reader.Latest]; it is 0 when there
// is none, and then f is not called.
func (r *Reader[T]) Look(f func(m []T)) (number uint64, whole bool) {
	return r.raw.Look(func(m []byte) { f(values[T](m)) })
}

// Name is the name that the end was opened with.
func (r *Reader[T]) Name() string { return r.raw.Name() }

// Close closes the end. A second Close fails with [namedshm.ErrInvalidHandle].
func (r *Reader[T]) Close() error { return wrap("close", r.raw.Name(), r.raw.Close()) }
