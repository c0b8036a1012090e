package namedshm

import (
	"context"
	"runtime"

	"github.com/namedshm/namedshm/internal/kernel"
)

// Semaphore is a handle to a semaphore: a named count that each satisfied wait decreases by one, and that is never
// below zero.
//
// Nobody owns what a wait has taken: a process that dies does not give it back. Methods may be called by several
// goroutines at once. A Semaphore that is dropped without Close is closed when the garbage collector finds it.
type Semaphore struct {
	*waitable
}

// CreateSemaphore creates a new semaphore with a count of initial, which can never be above maximum. If a live object
// has the name, it fails with [ErrAlreadyExists], or with [ErrInvalidHandle] if that object is of another kind. The
// empty name creates a semaphore that no other process can open.
//
// Errors: [ErrInvalidParameter] unless 0 <= initial <= maximum and 1 <= maximum < 2^31; this is checked before the
// name.
//
// It can take up to a second, as [Create] can.
//
// Source: CreateSemaphoreExW.
func CreateSemaphore(name string, initial, maximum int, options ...WaitableOption) (*Semaphore, error) {
	w, _, err := createWaitable(name, semaphoreSpec(initial, maximum), options, kernel.MustBeNew)
	if err != nil {
		return nil, err
	}
	return &Semaphore{w}, nil
}

// OpenOrCreateSemaphore opens the semaphore of this name or creates it; created reports which. An existing semaphore
// keeps its count and maximum, but the arguments must still be valid.
//
// It can take as long as [CreateSemaphore] and [OpenSemaphore].
//
// Source: CreateSemaphoreExW.
func OpenOrCreateSemaphore(name string, initial, maximum int,
	options ...WaitableOption) (s *Semaphore, created bool, err error) {
	w, created, err := createWaitable(name, semaphoreSpec(initial, maximum), options, kernel.MayExist)
	if err != nil {
		return nil, false, err
	}
	return &Semaphore{w}, created, nil
}

// OpenSemaphore opens an existing semaphore. It never creates one.
//
// Errors: as [OpenEvent].
//
// It can take as long as [Open]. Use [WaitOpenSemaphore] to wait for a name that does not exist yet.
//
// Source: OpenSemaphoreW.
func OpenSemaphore(name string, rights Rights) (*Semaphore, error) {
	w, err := openWaitable(name, kernel.KindSemaphore, rights)
	if err != nil {
		return nil, err
	}
	return &Semaphore{w}, nil
}

// WaitOpenSemaphore opens a semaphore as soon as it exists, or returns the context's error. It waits as [WaitOpen]
// does.
func WaitOpenSemaphore(ctx context.Context, name string, rights Rights) (*Semaphore, error) {
	w, err := waitOpenWaitable(ctx, name, kernel.KindSemaphore, rights)
	if err != nil {
		return nil, err
	}
	return &Semaphore{w}, nil
}

func semaphoreSpec(initial, maximum int) kernel.WaitableSpec {
	return kernel.WaitableSpec{Kind: kernel.KindSemaphore, Initial: int64(initial), Maximum: int64(maximum)}
}

// Name is the name as it was given to the call that opened the handle; empty for an unnamed semaphore.
func (s *Semaphore) Name() string { return s.name() }

// Rights are what the handle may be used for: everything for the creator's handle, otherwise what it was opened with.
func (s *Semaphore) Rights() Rights { return Rights(s.kernel.Rights()) }

// Release adds n to the count and returns what it was before. If that would raise it above the maximum, nothing is
// added and the error is [ErrTooManyPosts].
//
// Other errors: [ErrInvalidParameter] for an n below 1, [ErrInvalidHandle] after Close, [ErrAccessDenied] for a handle
// without [ModifyState].
//
// Source: ReleaseSemaphore.
func (s *Semaphore) Release(n int) (previous int, err error) {
	before, err := s.kernel.Release(int64(n))
	runtime.KeepAlive(s.waitable)
	return int(before), wrap("release", s.Name(), err)
}

// Wait decreases the count by one as soon as it is above zero, or returns the context's error. If the context is
// already done, it tries once without waiting.
//
// Errors: as [Event.Wait].
//
// Source: WaitForSingleObject.
func (s *Semaphore) Wait(ctx context.Context) error {
	_, err := s.wait(ctx)
	return err
}

// TryWait is Wait without waiting: it reports whether it took one.
func (s *Semaphore) TryWait() (bool, error) {
	acquired, _, err := s.try()
	return acquired, err
}

// Close closes the handle. If it was the last handle in any process, the name is free at once, and the count is gone
// with it. A second Close fails with [ErrInvalidHandle].
//
// Source: CloseHandle.
func (s *Semaphore) Close() error { return s.close() }
