package namedshm

import (
	"context"
	"runtime"

	"github.com/namedshm/namedshm/internal/kernel"
)

// Mutex is a handle to a mutex: a named lock that one owner has at a time, in all processes together.
//
// # Who owns it
//
// The owner is the handle, this very Mutex. Lock may be called in one goroutine and Unlock in another. The owner may lock
// again, and must then unlock as many times. So goroutines that use *one* Mutex do not exclude each other: give each
// its own, by [OpenMutex], or a [sync.Mutex] besides.
//
// An owner that ends without unlocking (the process dies, however; the handle is closed) leaves the mutex abandoned: the
// next Lock gets it, and is told so once. What the mutex protects may then be half changed. A stopped process is no
// dead one: it keeps what it owns.
//
//   - Windows: there a mutex belongs to a thread, and goroutines move between threads. Each held Mutex therefore has a
//     thread of its own, which does the system's calls. To other programs it is a thread like any.
//   - Unix: the owner's death is told by a lock that the kernel drops with its process. A waiter learns of it within a
//     tenth of a second. Lock and Unlock of a mutex that nobody else wants make no system call.
//
// Methods may be called by several goroutines at once. A Mutex that is dropped without Close is closed when the garbage
// collector finds it.
type Mutex struct {
	*waitable
}

// CreateMutex makes a mutex that must be new, and locks it if owned says so. If a live object has the name it fails with
// [ErrAlreadyExists], or with [ErrInvalidHandle] if that object is of another kind. The empty name makes a mutex that no
// other process can open.
//
// Of the options only [ShareWith] has a meaning for mutexes. On Unix the audience must have ReadWrite, because to lock
// is to change the object.
//
// Source: CreateMutexExW.
func CreateMutex(name string, owned bool, options ...Option) (*Mutex, error) {
	w, _, err := createWaitable(name, kernel.WaitableSpec{Kind: kernel.KindMutex, Owned: owned}, options, kernel.MustBeNew)
	if err != nil {
		return nil, err
	}
	return &Mutex{w}, nil
}

// OpenOrCreateMutex opens the mutex of this name, or makes it; created says which it did. An existing mutex stays as it
// is: owned counts for a new one only.
//
// Source: CreateMutexExW.
func OpenOrCreateMutex(name string, owned bool, options ...Option) (m *Mutex, created bool, err error) {
	w, created, err := createWaitable(name, kernel.WaitableSpec{Kind: kernel.KindMutex, Owned: owned}, options, kernel.MayExist)
	if err != nil {
		return nil, false, err
	}
	return &Mutex{w}, created, nil
}

// OpenMutex opens a mutex that exists. It never makes one. [Synchronize] is the only right that locking and unlocking
// need.
//
// Errors: as [OpenEvent].
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

// Lock returns when this handle owns the mutex, or with the context's error. A context that is done already makes it
// try once, without waiting. abandoned says that the last owner ended without unlocking: the mutex is locked all the
// same, and nobody is told a second time.
//
// Errors: those of the context, untouched but for operation and name; [ErrInvalidHandle] after Close, [ErrAccessDenied]
// for a handle without [Synchronize], [ErrMutexLimit] when it is locked 2^31-1 times already.
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

// TryLock is Lock that does not wait: it says whether this handle owns the mutex now.
func (m *Mutex) TryLock() (locked, abandoned bool, err error) { return m.try() }

// Unlock undoes one Lock. The last one lets the next waiter have the mutex.
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

// Close closes the handle. A mutex that it owns is abandoned. (On Windows, CloseHandle alone would leave it locked until
// the thread ends; here the owner is the handle, which ends now.) When it was the last handle of all processes the name
// is free at once. A second Close fails with [ErrInvalidHandle].
//
// Source: CloseHandle.
func (m *Mutex) Close() error { return m.close() }
