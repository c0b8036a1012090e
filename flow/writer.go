package flow

import (
	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/internal/conduit"
)

// Writer is a feed's end that writes. There is one at a time. It never waits for readers, and does not know them.
type Writer[T any] struct{ raw *conduit.Writer }

// NewWriter takes the writing end of the feed of this name, and makes the feed if nobody has it. The options are
// those of [namedshm.Create]; they and the shape's defaults are for a new feed. With [namedshm.ShareAccess] for Read
// alone other users can read the feed and do nothing else; each message then takes a system call, since they cannot
// say that they sleep.
//
// Errors: [namedshm.ErrBusy] when there is a living writer, and the text says who; otherwise those of [NewReceiver].
func NewWriter[T any](name string, feed Feed, options ...namedshm.SectionOption) (*Writer[T], error) {
	s, err := structureOf[T]()
	if err != nil {
		return nil, wrap("open writer", name, err)
	}
	raw, err := conduit.NewWriter(name, s, conduit.Feed(feed), choices(options))
	if err != nil {
		return nil, wrap("open writer", name, err)
	}
	return &Writer[T]{raw}, nil
}

// Claim returns the place of the next message, with room for the most values that a message can have. It holds old
// bytes. Nobody sees it before [Writer.Commit]; a second Claim returns the same place. It is nil once the end is
// closed, or another process has taken it; Commit then says which.
func (w *Writer[T]) Claim() []T {
	m, err := w.raw.Claim()
	if err != nil {
		return nil
	}
	return values[T](m)
}

// Commit makes the first n values of what was claimed the newest message.
//
// Errors: [namedshm.ErrInvalidParameter] for more values than were claimed, [namedshm.ErrInvalidHandle] after Close.
func (w *Writer[T]) Commit(n int) error { return wrap("commit", w.raw.Name(), w.raw.Commit(n)) }

// Write makes a copy of the values the newest message.
//
// Errors: [namedshm.ErrInvalidParameter] for more values than the feed's messages can have,
// [namedshm.ErrInvalidHandle] after Close.
func (w *Writer[T]) Write(m ...T) error {
	if err := w.raw.Write(bytesOf(m)); err != nil {
		return wrap("write", w.raw.Name(), err)
	}
	return nil
}

// Name is the name that the end was opened with.
func (w *Writer[T]) Name() string { return w.raw.Name() }

// Close frees the end for another writer and tells the readers, which otherwise take the end for one whose process
// died. The messages that are kept stay as long as any process has an end open. A second Close fails with
// [namedshm.ErrInvalidHandle].
func (w *Writer[T]) Close() error { return wrap("close", w.raw.Name(), w.raw.Close()) }
