package namedshm

import (
	"context"
	"runtime"

	"github.com/namedshm/namedshm/internal/kernel"
)

// Mutex is a handle to a mutex: a named lock with one owner at a time across all processes.
//
// # Who owns it
//
// The owner is the handle, this very Mutex. Lock may be called in one goroutine and Unlock in another. The owner may
// lock again, and must then unlock as many times. So goroutines that use *one* Mutex do not exclude each other: give
// each its own with [OpenMutex], or add a [sync.Mutex].
//
// An owner that ends without unlocking (the process dies, however; the handle is closed) leaves the mutex abandoned:
// the next Lock acquires it and reports that, once. What the mutex protects may then be half changed. A stopped process
// is not dead: it keeps what it owns.
//
//   - Windows: there a mutex belongs to a thread, and goroutines move between threads. Each held Mutex therefore has a
//     thread of its own that makes the system calls. To other programs it is an ordinary thread.
//   - Unix: the owner's death shows in a lock that the kernel drops with the process. A waiter learns of it within a
//     tenth of a second. Lock and Unlock of a mutex that nobody else wants make no system call.
//
// Methods may be called by several goroutines at once. A Mutex that is dropped without Close is closed when the garbage
// collector finds it.
type Mutex struct {
	*waitable
}

// CreateMutex creates a new mutex; if owned is true, the caller holds it locked. If a live object has the name, it
// fails with [ErrAlreadyExists], or with [ErrInvalidHandle] if that object is of another kind. The empty name creates a
// mutex that no other process can open.
//
// It can take up to a second, as [Create] can.
//
// Source: CreateMutexExW.
func CreateMutex(name string, owned bool, options ...WaitableOption) (*Mutex, error) {
	w, _, err := createWaitable(name, kernel.WaitableSpec{Kind: kernel.KindMutex, Owned: owned}, options, kernel.MustBeNew)
	if err != nil {
		return nil, err
	}
	return &Mutex{w}, nil
}

// OpenOrCreateMutex opens the mutex of this name or creates it; created reports which. An existing mutex stays as it
// is: owned applies only to a new one.
//
// It can take as long as [CreateMutex] and [OpenMutex].
//
// Source: CreateMutexExW.
func OpenOrCreateMutex(name string, owned bool, options ...WaitableOption) (m *Mutex, created bool, err error) {
	w, created, err := createWaitable(name, kernel.WaitableSpec{Kind: kernel.KindMutex, Owned: owned}, options,
		kernel.MayExist)
	if err != nil {
		return nil, false, err
	}
	return &Mutex{w}, created, nil
}

// OpenMutex opens an existing mutex. It never creates one. Locking and unlocking require only [Synchronize].
//
// Errors: as [OpenEvent].
//
// It can take as long as [Open]. Use [WaitOpenMutex] to wait for a name that does not exist yet.
//
// Source: OpenMutexW.
func OpenMutex(name string, rights Rights) (*Mutex, error) {
	w, err := openWaitable(name, kernel.KindMutex, rights)
	if err != nil {
		return nil, err
	}
	return &Mutex{w}, nil
}

// WaitOpenMutex opens a mutex as soon as it exists, or returns the context's error. It waits as [WaitOpen] does.
func WaitOpenMutex(ctx context.Context, name string, rights Rights) (*Mutex, error) {
	w, err := waitOpenWaitable(ctx, name, kernel.KindMutex, rights)
	if err != nil {
		return nil, err
	}
	return &Mutex{w}, nil
}

// Name is the name as it was given to the call that opened the handle; empty for an unnamed mutex.
func (m *Mutex) Name() string { return m.name() }

// Rights are what the handle may be used for: everything for the creator's handle, otherwise what it was opened with.
func (m *Mutex) Rights() Rights { return Rights(m.kernel.Rights()) }

// Lock returns when this handle owns the mutex, or with the context's error. If the context is already done, it tries
// once without waiting. abandoned reports that the last owner ended without unlocking: the mutex is locked all the
// same, and this is reported only once.
//
// Errors: the context's, as from [Event.Wait]; [ErrInvalidHandle] after Close, [ErrAccessDenied] for a handle without
// [Synchronize], [ErrMutexLimit] when it is locked 2^31-1 times already.
//
// Source: WaitForSingleObject.
func (m *Mutex) Lock(ctx context.Context) (abandoned bool, err error) {
	abandoned, err = m.kernel.Lock(ctx)
	runtime.KeepAlive(m.waitable)
	if err != nil {
		return false, wrap("lock", m.Name(), err)
	}
	return abandoned, nil
}

// TryLock is Lock without waiting: it reports whether this handle owns the mutex now.
func (m *Mutex) TryLock() (locked, abandoned bool, err error) { return m.try() }

// Unlock undoes one Lock. The last Unlock releases the mutex to the next waiter.
//
// Errors: [ErrNotOwner] if this handle does not own it, [ErrInvalidHandle] after Close.
//
// Source: ReleaseMutex.
func (m *Mutex) Unlock() error {
	err := m.kernel.Unlock()
	if err != nil {
		err = wrap("unlock", m.Name(), err)
	}
	runtime.KeepAlive(m.waitable)
	return err
}

// Close closes the handle. A mutex that it owns is abandoned. (On Windows, CloseHandle alone would leave it locked
// until the thread ends; here the owner is the handle, which ends now.) If it was the last handle in any process, the
// name is free at once. A second Close fails with [ErrInvalidHandle].
//
// Source: CloseHandle.
func (m *Mutex) Close() error { return m.close() }
