package flow

import (
	"context"
	"io"
	"iter"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/internal/conduit"
)

// Receiver is a ring's end that receives. There is one at a time.
//
// Each sender's messages come in the order in which they were committed. Senders take turns, so that none keeps the
// others' messages back.
type Receiver[T any] struct{ raw *conduit.Receiver }

// NewReceiver takes the receiving end of the ring of this name, and makes the ring if nobody has it. The options are
// those of [namedshm.Create]; they and the shape's defaults are for a new ring. It begins with what the last
// receiver was not done with.
//
// Errors: [namedshm.ErrBusy] when there is a living receiver, and the text says who; [namedshm.ErrDatatypeMismatch]
// when the ring carries values of another structure, and the text names the first difference;
// [namedshm.ErrInvalidHandle] when the name is not a ring's; [namedshm.ErrInvalidParameter] for another shape than
// the ring's that is there, for a T that cannot be shared, and for options that no ring can have, such as others who
// may only read it; and those of [namedshm.OpenOrCreate].
func NewReceiver[T any](name string, ring Ring, options ...namedshm.SectionOption) (*Receiver[T], error) {
	s, err := structureOf[T]()
	if err != nil {
		return nil, wrap("open receiver", name, err)
	}
	raw, err := conduit.NewReceiver(name, s, conduit.Ring(ring), choices(options))
	if err != nil {
		return nil, wrap("open receiver", name, err)
	}
	return &Receiver[T]{raw}, nil
}

// Next returns the next message, in place. It is valid until the next call of Next, TryNext, All or Done, which says
// that the message is done with. A message of no values is empty and not nil. Without a message Next waits until the
// context is done; with a context that is done it looks once.
//
// Errors: [io.EOF] when there were senders, all have closed and everything is read. If a sender died without closing,
// the error is [io.ErrUnexpectedEOF] instead, with the code [namedshm.ErrBrokenPipe]; a death whose lane has another
// sender by now is returned once. Both errors describe a state: Next returns them again, and returns messages again
// when another sender has come. A receiver that is to wait for senders that come and go opens a [Sender] itself.
// [namedshm.ErrFileCorrupt], once, for a lane that a process has damaged; from then on it counts as a dead sender's.
func (r *Receiver[T]) Next(ctx context.Context) ([]T, error) {
	if n := r.raw.Known(); n >= 0 {
		return values[T](r.raw.Advance(n)), nil
	}
	m, err := r.raw.Next(ctx)
	if err != nil {
		return nil, wrap("receive", r.raw.Name(), err)
	}
	return values[T](m), nil
}

// TryNext is [Receiver.Next] without waiting: ok is false when there is no message now. To ask whether a sender has
// died takes a system call, so only about every thousandth call that finds nothing does.
func (r *Receiver[T]) TryNext() (m []T, ok bool, err error) {
	if n := r.raw.Known(); n >= 0 {
		return values[T](r.raw.Advance(n)), true, nil
	}
	b, ok, err := r.raw.TryNext()
	if err != nil {
		return nil, false, wrap("receive", r.raw.Name(), err)
	}
	return values[T](b), ok, nil
}

// All is [Receiver.Next] as a loop. It ends without an error at [io.EOF], as a loop over a channel does, and after
// any other error, which it yields. A loop that is left early is not done with its last message until the next call
// of Next or Done; a successor would get it again.
func (r *Receiver[T]) All(ctx context.Context) iter.Seq2[[]T, error] {
	return func(yield func([]T, error) bool) {
		for {
			if n := r.raw.Known(); n >= 0 {
				if !yield(values[T](r.raw.Advance(n)), nil) {
					return
				}
				continue
			}
			m, err := r.raw.Next(ctx)
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(nil, wrap("receive", r.raw.Name(), err))
				return
			}
			if !yield(values[T](m), nil) {
				return
			}
		}
	}
}

// Done says that the message which was returned last is done with: a successor will not get it again, whatever
// happens. Without Done that is said for many messages together: when a lane is empty, when an eighth of it has been
// read, and by Close. So after a death a successor may get up to an eighth of each lane again.
func (r *Receiver[T]) Done() { r.raw.Done() }

// Name is the name that the end was opened with.
func (r *Receiver[T]) Name() string { return r.raw.Name() }

// Close frees the end for another receiver, which gets the message that was returned last again, unless Done has said
// that it is done with. A second Close fails with [namedshm.ErrInvalidHandle].
func (r *Receiver[T]) Close() error { return wrap("close", r.raw.Name(), r.raw.Close()) }
