package namedshm

import (
	"context"
	"runtime"

	"github.com/namedshm/namedshm/internal/kernel"
)

// ResetMode says what a satisfied wait does to an event. It is fixed at creation.
type ResetMode uint8

const (
	// AutoReset: a wait that the event satisfies resets it, so that each Set lets one waiter through.
	AutoReset ResetMode = iota
	// ManualReset: the event stays set, and lets everybody through, until Reset.
	ManualReset
)

// String is the mode in one word.
func (m ResetMode) String() string {
	if m == ManualReset {
		return "manual"
	}
	return "auto"
}

// MarshalText makes ResetMode readable in JSON.
func (m ResetMode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// Event is a handle to an event: a named flag that processes set and wait for.
//
// Its name lives as long as any handle in any process is open, and shares the namespaces with all other kinds. Methods
// may be called by several goroutines at once. An Event that is dropped without Close is closed when the garbage
// collector finds it.
type Event struct {
	*waitable
}

// CreateEvent makes an event that must be new, set already if signaled says so. If a live object has the name it fails
// with [ErrAlreadyExists], or with [ErrInvalidHandle] if that object is of another kind. The empty name makes an event
// that no other process can open.
//
// Of the options only [ShareWith] has a meaning for events. An audience with Read may wait, one with ReadWrite may set
// and reset too. On Unix the kernel can keep these apart for a manual-reset event alone, since every other wait changes
// the object: anything else that is shared for Read fails with an error that matches [errors.ErrUnsupported].
//
// Source: CreateEventExW.
func CreateEvent(name string, reset ResetMode, signaled bool, options ...Option) (*Event, error) {
	w, _, err := createWaitable(name, eventSpec(reset, signaled), options, kernel.MustBeNew)
	if err != nil {
		return nil, err
	}
	return &Event{w}, nil
}

// OpenOrCreateEvent opens the event of this name, or makes it; created says which it did. An existing event keeps its
// mode and state.
//
// Source: CreateEventExW.
func OpenOrCreateEvent(name string, reset ResetMode, signaled bool, options ...Option) (e *Event, created bool, err error) {
	w, created, err := createWaitable(name, eventSpec(reset, signaled), options, kernel.MayExist)
	if err != nil {
		return nil, false, err
	}
	return &Event{w}, created, nil
}

// OpenEvent opens an event that exists. It never makes one.
//
// Errors: [ErrFileNotFound], [ErrAccessDenied] where the security forbids the rights or none are asked for,
// [ErrInvalidHandle] for an object of another kind or an empty name.
//
// Source: OpenEventW.
func OpenEvent(name string, rights Rights) (*Event, error) {
	w, err := openWaitable(name, kernel.KindEvent, rights)
	if err != nil {
		return nil, err
	}
	return &Event{w}, nil
}

// WaitOpenEvent opens an event as soon as it exists, or returns the context's error. It waits as [WaitOpen] does.
func WaitOpenEvent(ctx context.Context, name string, rights Rights) (*Event, error) {
	w, err := waitOpenWaitable(ctx, name, kernel.KindEvent, rights)
	if err != nil {
		return nil, err
	}
	return &Event{w}, nil
}

func eventSpec(reset ResetMode, signaled bool) kernel.WaitableSpec {
	return kernel.WaitableSpec{Kind: kernel.KindEvent, Manual: reset == ManualReset, Signaled: signaled}
}

// Set sets the event. A manual-reset event then lets everybody through until Reset, an auto-reset event one waiter, now
// or later; setting a set event changes nothing. What was written to shared memory before Set is seen by whoever the
// event lets through.
//
// Errors: [ErrInvalidHandle] after Close, [ErrAccessDenied] for a handle without [ModifyState].
//
// Source: SetEvent.
func (e *Event) Set() error {
	err := e.kernel.Set()
	runtime.KeepAlive(e.waitable)
	return wrap("set", e.Name(), err)
}

// Reset takes back a Set that nobody has used yet. Resetting an event that is not set changes nothing.
//
// Source: ResetEvent.
func (e *Event) Reset() error {
	err := e.kernel.Reset()
	runtime.KeepAlive(e.waitable)
	return wrap("reset", e.Name(), err)
}

// Pulse lets through those who wait at this moment (of an auto-reset event: one of them) and leaves the event reset.
//
// It is here because Windows has it. Who is not asleep in his wait at the very moment misses it; on Unix waits for several
// objects take no notice of the pulse of an auto-reset event, and waits for all of several of none. Microsoft says not to
// use it, and rightly.
//
// Source: PulseEvent.
func (e *Event) Pulse() error {
	err := e.kernel.Pulse()
	runtime.KeepAlive(e.waitable)
	return wrap("pulse", e.Name(), err)
}

// Wait returns when the event is set, and resets it if it is an auto-reset event; or it returns the context's error. A
// context that is done already makes it look once, without waiting.
//
// Of several waiters any may be the next. Set passes over a waiter that is stopped or dead while another sleeps; one that
// is killed after Set let it through has had that Set.
//
// Errors: those of the context, untouched but for operation and name; [ErrInvalidHandle] after Close, [ErrAccessDenied]
// for a handle without [Synchronize].
//
// Source: WaitForSingleObject.
func (e *Event) Wait(ctx context.Context) error {
	_, err := e.wait(ctx)
	return err
}

// TryWait is Wait that does not wait: it says whether the event was set.
func (e *Event) TryWait() (bool, error) {
	acquired, _, err := e.try()
	return acquired, err
}

// Close closes the handle. When it was the last one of all processes the name is free at once. A second Close fails
// with [ErrInvalidHandle]. A Wait that another goroutine began on this handle goes on.
//
// Source: CloseHandle.
func (e *Event) Close() error { return e.close() }
