package namedshm

import (
	"context"
	"runtime"

	"github.com/namedshm/namedshm/internal/kernel"
)

// Semaphore is a handle to a semaphore: a named count, from which each wait takes one and which nobody can take below
// zero.
//
// Nobody owns what was taken: a process that dies does not give it back. Methods may be called by several goroutines at
// once. A Semaphore that is dropped without Close is closed when the garbage collector finds it.
type Semaphore struct {
	*waitable
}

// CreateSemaphore makes a semaphore that must be new, with a count of initial that can never be above maximum. If a
// live object has the name it fails with [ErrAlreadyExists], or with [ErrInvalidHandle] if that object is of another
// kind. The empty name makes a semaphore that no other process can open.
//
// Of the options only [ShareWith] has a meaning for semaphores. On Unix the audience must have ReadWrite, because to
// wait is to change the object.
//
// Errors: [ErrInvalidParameter] unless 0 <= initial <= maximum and 1 <= maximum < 2^31; this is looked at before the
// name is.
//
// Source: CreateSemaphoreExW.
func CreateSemaphore(name string, initial, maximum int, options ...Option) (*Semaphore, error) {
	w, _, err := createWaitable(name, semaphoreSpec(initial, maximum), options, kernel.MustBeNew)
	if err != nil {
		return nil, err
	}
	return &Semaphore{w}, nil
}

// OpenOrCreateSemaphore opens the semaphore of this name, or makes it; created says which it did. An existing semaphore
// keeps its count and maximum, but the arguments must be valid all the same.
//
// Source: CreateSemaphoreExW.
func OpenOrCreateSemaphore(name string, initial, maximum int, options ...Option) (s *Semaphore, created bool, err error) {
	w, created, err := createWaitable(name, semaphoreSpec(initial, maximum), options, kernel.MayExist)
	if err != nil {
		return nil, false, err
	}
	return &Semaphore{w}, created, nil
}

// OpenSemaphore opens a semaphore that exists. It never makes one.
//
// Errors: as [OpenEvent].
//
// Source: OpenSemaphoreW.
func OpenSemaphore(name string, rights Rights) (*Semaphore, error) {
	w, err := openWaitable(name, kernel.KindSemaphore, rights)
	if err != nil {
		return nil, err
	}
	return &Semaphore{w}, nil
}

// WaitOpenSemaphore opens a semaphore as soon as it exists, or returns the context's error. It waits as [WaitOpen] does.
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

// Release adds n to the count and returns what it was before. If that would take it above the maximum, nothing is added
// and the error is [ErrTooManyPosts].
//
// Errors also: [ErrInvalidParameter] for an n below 1, [ErrInvalidHandle] after Close, [ErrAccessDenied] for a handle
// without [ModifyState].
//
// Source: ReleaseSemaphore.
func (s *Semaphore) Release(n int) (previous int, err error) {
	before, err := s.kernel.Release(int64(n))
	runtime.KeepAlive(s.waitable)
	return int(before), wrap("release", s.Name(), err)
}

// Wait takes one from the count as soon as it is above zero, or returns the context's error. A context that is done
// already makes it try once, without waiting.
//
// Errors: as [Event.Wait].
//
// Source: WaitForSingleObject.
func (s *Semaphore) Wait(ctx context.Context) error {
	_, err := s.wait(ctx)
	return err
}

// TryWait is Wait that does not wait: it says whether it took one.
func (s *Semaphore) TryWait() (bool, error) {
	acquired, _, err := s.try()
	return acquired, err
}

// Close closes the handle. When it was the last one of all processes the name is free at once, and what was taken from
// the count is forgotten. A second Close fails with [ErrInvalidHandle].
//
// Source: CloseHandle.
func (s *Semaphore) Close() error { return s.close() }
