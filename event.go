package namedshm

import (
	"context"
	"runtime"

	"github.com/namedshm/namedshm/internal/kernel"
	"github.com/namedshm/namedshm/internal/words"
)

// ResetMode says what a satisfied wait does to an event. It is fixed at creation.
type ResetMode uint8

const (
	// AutoReset: a wait that the event satisfies resets it, so that each Set satisfies one wait.
	AutoReset ResetMode = iota
	// ManualReset: the event stays set, and satisfies every wait, until Reset.
	ManualReset
)

var resetWords = words.Table{{Value: uint32(AutoReset), Text: "auto"}, {Value: uint32(ManualReset), Text: "manual"}}

// String is the mode in one word.
func (m ResetMode) String() string { return resetWords.One(uint32(m)) }

// MarshalText is String, for JSON.
func (m ResetMode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (m *ResetMode) UnmarshalText(text []byte) error {
	value, err := resetWords.ReadOne(text, 8)
	return unmarshaled(m, value, err)
}

// Event is a handle to an event: a named flag that processes set and wait for.
//
// Its name lives as long as any handle in any process is open, and shares the namespaces with all other kinds. Methods
// may be called by several goroutines at once. An Event that is dropped without Close is closed when the garbage
// collector finds it.
type Event struct {
	*waitable
}

// CreateEvent creates a new event; signaled is its initial state. If a live object has the name, it fails with
// [ErrAlreadyExists], or with [ErrInvalidHandle] if that object is of another kind. The empty name creates an event
// that no other process can open.
//
// Other errors: [ErrInvalidParameter] for a mode that is neither AutoReset nor ManualReset.
//
// It can take up to a second, as [Create] can.
//
// Source: CreateEventExW.
func CreateEvent(name string, reset ResetMode, signaled bool, options ...WaitableOption) (*Event, error) {
	e, _, err := createEvent(name, reset, signaled, options, kernel.MustBeNew)
	return e, err
}

// OpenOrCreateEvent opens the event of this name or creates it; created reports which. An existing event keeps its mode
// and state.
//
// It can take as long as [CreateEvent] and [OpenEvent].
//
// Source: CreateEventExW.
func OpenOrCreateEvent(name string, reset ResetMode, signaled bool,
	options ...WaitableOption) (e *Event, created bool, err error) {
	return createEvent(name, reset, signaled, options, kernel.MayExist)
}

func createEvent(name string, reset ResetMode, signaled bool, options []WaitableOption,
	mode kernel.Mode) (*Event, bool, error) {
	if reset > ManualReset {
		return nil, false, wrap("create", name, fail("the mode is %v: it must be AutoReset or ManualReset", reset))
	}
	spec := kernel.WaitableSpec{Kind: kernel.KindEvent, Manual: reset == ManualReset, Signaled: signaled}
	w, created, err := createWaitable(name, spec, options, mode)
	if err != nil {
		return nil, false, err
	}
	return &Event{w}, created, nil
}

// OpenEvent opens an existing event. It never creates one.
//
// Errors: [ErrFileNotFound], [ErrAccessDenied] if the security forbids the rights or none are requested,
// [ErrInvalidHandle] for an object of another kind or an empty name.
//
// It can take as long as [Open]. Use [WaitOpenEvent] to wait for a name that does not exist yet.
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

// Name is the name as it was given to the call that opened the handle; empty for an unnamed event.
func (e *Event) Name() string { return e.name() }

// Rights are what the handle may be used for: everything for the creator's handle, otherwise what it was opened with.
func (e *Event) Rights() Rights { return Rights(e.kernel.Rights()) }

// Set sets the event. A manual-reset event then satisfies every wait until Reset; an auto-reset event satisfies one,
// now or later. Setting an event that is already set changes nothing. What was written to shared memory before Set is
// visible after a wait that the event satisfied.
//
// Errors: [ErrInvalidHandle] after Close, [ErrAccessDenied] for a handle without [ModifyState].
//
// Source: SetEvent.
func (e *Event) Set() error {
	err := e.kernel.Set()
	runtime.KeepAlive(e.waitable)
	return wrap("set", e.Name(), err)
}

// Reset undoes a Set that no wait has used yet. Resetting an event that is not set changes nothing.
//
// Source: ResetEvent.
func (e *Event) Reset() error {
	err := e.kernel.Reset()
	runtime.KeepAlive(e.waitable)
	return wrap("reset", e.Name(), err)
}

// Pulse releases the waiters that are blocked at this moment (for an auto-reset event, one of them) and leaves the
// event reset.
//
// It exists because Windows has it. A waiter that is not blocked at that very moment misses the pulse. On Unix, waits
// for several objects ignore the pulse of an auto-reset event, and waits for all of several objects ignore every pulse.
// Microsoft advises against using it, and rightly.
//
// Source: PulseEvent.
func (e *Event) Pulse() error {
	err := e.kernel.Pulse()
	runtime.KeepAlive(e.waitable)
	return wrap("pulse", e.Name(), err)
}

// Wait returns when the event is set, and resets an auto-reset event; or it returns the context's error. If the context
// is already done, it checks once without waiting.
//
// Any of several waiters may be the next. Set skips a waiter that is stopped or dead while another one is blocked; a
// waiter that is killed after Set has released it has used up that Set.
//
// Errors: the context's once it is done, and never before; it matches ctx.Err() and context.Cause(ctx) in errors.Is;
// [ErrInvalidHandle] after Close, [ErrAccessDenied] for a handle without [Synchronize].
//
// Source: WaitForSingleObject.
func (e *Event) Wait(ctx context.Context) error {
	_, err := e.wait(ctx)
	return err
}

// TryWait is Wait without waiting: it reports whether the event was set.
func (e *Event) TryWait() (bool, error) {
	acquired, _, err := e.try()
	return acquired, err
}

// Close closes the handle. If it was the last handle in any process, the name is free at once. A second Close fails
// with [ErrInvalidHandle]. A Wait that another goroutine has begun on this handle continues.
//
// Source: CloseHandle.
func (e *Event) Close() error { return e.close() }
