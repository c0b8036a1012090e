package flow

import (
	"context"

	"github.com/namedshm/namedshm/internal/conduit"
)

// Sender is a ring's end that sends. It has a lane of the ring to itself, so that senders never wait for one
// another: not for one that is slow, stopped or dead either.
//
// A message is claimed, filled in place, and committed; [Sender.Send] is all three. What is not committed when the
// process dies was never there.
type Sender[T any] struct{ raw *conduit.Sender }

// OpenSender takes a lane of the ring of this name. It waits for the name until the context is done, and then
// returns the context's error, as [namedshm.WaitOpen] does; the ring is made by its [Receiver].
//
// Errors: [namedshm.ErrBusy] when all lanes have living senders, and the text says who the first of them is;
// [namedshm.ErrDatatypeMismatch] when the ring carries values of another structure, [namedshm.ErrInvalidHandle] when
// the name is not a ring's, [namedshm.ErrAccessDenied] without the right to write, [namedshm.ErrInvalidParameter]
// for a T that cannot be shared.
func OpenSender[T any](ctx context.Context, name string) (*Sender[T], error) {
	s, err := structureOf[T]()
	if err != nil {
		return nil, wrap("open sender", name, err)
	}
	raw, err := conduit.OpenSender(ctx, name, s)
	if err != nil {
		return nil, wrap("open sender", name, err)
	}
	return &Sender[T]{raw}, nil
}

// Claim returns room for a message of n values, in the ring itself. Nobody sees it before [Sender.Commit], and it is
// valid until then. It holds old bytes. Several claims may be open, for a batch that becomes visible all at once.
//
// Without room Claim waits until the context is done; with a context that is done it looks once.
//
// Errors: [namedshm.ErrBrokenPipe] when there is no room and the receiver has closed or died: a later call goes on
// when there is another receiver. [namedshm.ErrInvalidParameter] for more values than half of a lane takes, or when
// the open claims together take more than a lane. [namedshm.ErrInvalidHandle] after Close.
func (s *Sender[T]) Claim(ctx context.Context, n int) ([]T, error) {
	if s.raw.Fits(n) {
		return values[T](s.raw.Place(n)), nil
	}
	m, err := s.raw.Claim(ctx, n)
	if err != nil {
		return nil, wrap("claim", s.raw.Name(), err)
	}
	return values[T](m), nil
}

// TryClaim is [Sender.Claim] without waiting: ok is false when there is no room now. To ask whether the receiver has
// died takes a system call, so only about every thousandth call that finds no room does.
func (s *Sender[T]) TryClaim(n int) (m []T, ok bool, err error) {
	if s.raw.Fits(n) {
		return values[T](s.raw.Place(n)), true, nil
	}
	b, ok, err := s.raw.TryClaim(n)
	if err != nil {
		return nil, false, wrap("claim", s.raw.Name(), err)
	}
	return values[T](b), ok, nil
}

// Commit makes all open claims visible at once, as messages in the order in which they were claimed. If the process
// dies, they are all there or none is.
func (s *Sender[T]) Commit() { s.raw.Commit() }

// Abort drops all open claims.
func (s *Sender[T]) Abort() { s.raw.Abort() }

// Send sends a copy of the values as one message. It waits for room as [Sender.Claim] does, with the same errors,
// and commits claims that are open.
func (s *Sender[T]) Send(ctx context.Context, m ...T) error {
	room, err := s.raw.Claim(ctx, len(m))
	if err != nil {
		return wrap("send", s.raw.Name(), err)
	}
	conduit.Fill(room, bytesOf(m))
	s.raw.Commit()
	return nil
}

// Drain waits until the receiver is done with everything that this end has committed. Call it before the program
// ends: messages that nobody has read live only as long as any process has an end open.
//
// Errors: those of the context, [namedshm.ErrBrokenPipe] when something is left and the receiver has closed or died,
// [namedshm.ErrInvalidHandle] after Close.
func (s *Sender[T]) Drain(ctx context.Context) error {
	return wrap("drain", s.raw.Name(), s.raw.Drain(ctx))
}

// Name is the name that the end was opened with.
func (s *Sender[T]) Name() string { return s.raw.Name() }

// Close drops open claims, frees the lane, and tells the receiver, which otherwise takes the end for one whose
// process died. A second Close fails with [namedshm.ErrInvalidHandle].
func (s *Sender[T]) Close() error { return wrap("close", s.raw.Name(), s.raw.Close()) }
