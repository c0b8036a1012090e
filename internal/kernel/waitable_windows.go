package kernel

import (
	"context"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/namedshm/namedshm/internal/fault"
	"github.com/namedshm/namedshm/internal/waiting"
	"golang.org/x/sys/windows"
)

// nativeWaitable is a handle to an event, a mutex or a semaphore. The system does all that these do. Two things are
// added: wait_windows.go ends a wait when its context is done, and owner_windows.go makes a mutex belong to a handle,
// of which the system knows nothing.
type nativeWaitable struct {
	handle windows.Handle
	kind   Kind
	order  uint64        // the order in which several are locked
	uses   *waiting.Uses // of the whole handle: it is in use as long as it owns a mutex
	ownership
}

var lastOrder atomic.Uint64

func newNativeWaitable(handle windows.Handle, kind Kind) *nativeWaitable {
	n := &nativeWaitable{handle: handle, kind: kind, order: lastOrder.Add(1)}
	n.settled.L = &n.mu
	return n
}

func createWaitable(ctx context.Context, name Name, spec WaitableSpec, mode Mode) (*nativeWaitable, bool, error) {
	attributes, err := securityAttributes(spec.Share, audienceRights(spec.Kind, spec.Share.Access))
	if err != nil {
		return nil, false, err
	}
	for pause := newBackoff(ctx, patience); ; {
		n, existed, err := createWaitableOnce(name, spec, attributes)
		if err == nil && existed && mode == MustBeNew {
			n.close()
			return nil, true, &fault.Fault{Code: fault.AlreadyExists}
		}
		if fault.CodeOf(err) != fault.AccessDenied || name.Namespace == Unnamed {
			return n, existed, err
		}
		// An existing object is asked for everything that a new one grants. Its security may give less, and still give
		// what the handle needs.
		n, openErr := openWaitable(ctx, name, spec.Kind, allRights)
		switch code := fault.CodeOf(openErr); {
		case mode == MustBeNew && openErr == nil:
			n.close()
			return nil, true, &fault.Fault{Code: fault.AlreadyExists}
		case mode == MustBeNew && code == fault.AccessDenied:
			return nil, true, &fault.Fault{Code: fault.AlreadyExists}
		case code != fault.FileNotFound:
			return n, openErr == nil, openErr
		}
		// Either this process may not make the name, or the object died between the two calls.
		if !pause.pause() {
			return nil, false, err
		}
	}
}

func createWaitableOnce(
	name Name, spec WaitableSpec, attributes *windows.SecurityAttributes,
) (*nativeWaitable, bool, error) {
	wide, err := wideName(name)
	if err != nil {
		return nil, false, err
	}
	if spec.Kind == KindMutex && spec.Owned {
		return createOwned(wide, attributes)
	}
	access := waitableRights(spec.Kind, allRights) | stateQuery | windows.READ_CONTROL
	var handle windows.Handle
	switch spec.Kind {
	case KindEvent:
		handle, err = windows.CreateEventEx(attributes, wide, eventFlags(spec), access)
	case KindMutex:
		handle, err = windows.CreateMutexEx(attributes, wide, 0, access)
	case KindSemaphore:
		handle, err = createSemaphoreEx(attributes, int32(spec.Initial), int32(spec.Maximum), wide, 0, access)
	}
	return madeWaitable(handle, spec.Kind, err)
}

// madeWaitable returns the result of a call that creates. x/sys reports an existing object as an error, but with a
// handle.
func madeWaitable(handle windows.Handle, kind Kind, err error) (*nativeWaitable, bool, error) {
	if handle == 0 {
		return nil, false, systemFault(err)
	}
	return newNativeWaitable(handle, kind), err == windows.ERROR_ALREADY_EXISTS, nil
}

func eventFlags(spec WaitableSpec) (flags uint32) {
	if spec.Manual {
		flags |= windows.CREATE_EVENT_MANUAL_RESET
	}
	if spec.Signaled {
		flags |= windows.CREATE_EVENT_INITIAL_SET
	}
	return flags
}

func openWaitable(_ context.Context, name Name, kind Kind, rights Rights) (*nativeWaitable, error) {
	wide, err := wideName(name)
	if err != nil {
		return nil, err
	}
	access := waitableRights(kind, rights)
	handle, err := openByName(kind, access|stateQuery, wide)
	if err == windows.ERROR_ACCESS_DENIED {
		// A program that wrote its own security descriptor may allow waiting and forbid querying.
		handle, err = openByName(kind, access, wide)
	}
	if err != nil {
		return nil, systemFault(err)
	}
	return newNativeWaitable(handle, kind), nil
}

// openByName opens an object of a kind.
func openByName(kind Kind, access uint32, wide *uint16) (windows.Handle, error) {
	switch kind {
	case KindSection:
		return openFileMapping(access, false, wide)
	case KindEvent:
		return windows.OpenEvent(access, false, wide)
	case KindMutex:
		return windows.OpenMutex(access, false, wide)
	case KindSemaphore:
		return openSemaphore(access, false, wide)
	}
	return 0, nil // objects of the other kinds are not queried
}

// waitableRights returns the system's rights for ours, which have its numbers. A mutex has no state that a right would
// allow to modify: whoever may wait may own it, and whoever owns it may release it.
func waitableRights(kind Kind, rights Rights) uint32 {
	switch {
	case kind != KindMutex:
		return uint32(rights)
	case rights&Synchronize != 0:
		return windows.SYNCHRONIZE
	}
	return windows.MUTEX_MODIFY_STATE
}

// rights returns what an access to a section stands for in the security of other kinds.
func (a Access) rights() (r Rights) {
	if a&Read != 0 {
		r |= Synchronize
	}
	if a&Write != 0 {
		r |= ModifyState
	}
	return r
}

// audienceRights returns what an object's security grants those it is shared with. As Write implies Read, modifying
// implies waiting.
func audienceRights(kind Kind, access Access) uint32 {
	rights := access.rights()
	if rights&ModifyState != 0 {
		rights |= Synchronize
	}
	return waitableRights(kind, rights) | stateQuery
}

// setUnwatched and takeSoon have no short way: the system looks and waits.
func (n *nativeWaitable) setUnwatched() bool { return false }
func (n *nativeWaitable) takeSoon() bool     { return false }

// holds is called after unlockHeld, which has done everything.
func (n *nativeWaitable) holds() bool { return false }

// bind tells the platform's part which uses are its own.
func (n *nativeWaitable) bind(u *waiting.Uses) {
	n.uses = u
	if n.owner != nil {
		u.Again()
	}
}

func (n *nativeWaitable) set() error   { return systemFault(windows.SetEvent(n.handle)) }
func (n *nativeWaitable) reset() error { return systemFault(windows.ResetEvent(n.handle)) }
func (n *nativeWaitable) pulse() error { return systemFault(windows.PulseEvent(n.handle)) }

func (n *nativeWaitable) release(count int64) (previous int64, err error) {
	var before int32
	err = releaseSemaphore(n.handle, int32(count), &before)
	return int64(before), systemFault(err)
}

// same reports whether two handles refer to one object.
func (n *nativeWaitable) same(other *nativeWaitable) bool {
	return n.kind == other.kind && compareObjectHandles(n.handle, other.handle)
}

func (n *nativeWaitable) close() error { return systemFault(windows.CloseHandle(n.handle)) }

// SetWaitSpin changes nothing: the system waits.
func SetWaitSpin(time.Duration) time.Duration { return 0 }

// queryState returns the state of an object, for which the handle needs stateQuery. The system does not report how many
// wait.
func queryState(handle windows.Handle, kind Kind) (*State, error) {
	s := &State{Waiters: -1}
	switch kind {
	case KindEvent:
		var info eventBasicInformation
		if err := ntQueryEvent(handle, stateBasicClass, &info, uint32(unsafe.Sizeof(info)), nil); err != nil {
			return nil, systemFault(err)
		}
		s.Manual, s.Signaled = info.automatic == 0, info.signaled != 0
	case KindMutex:
		info, err := queryMutex(handle)
		if err != nil {
			return nil, err
		}
		s.Signaled, s.Owned, s.Abandoned = info.count > 0, info.count <= 0, info.abandoned != 0
		s.OwnerPID = queryOwner(handle)
	case KindSemaphore:
		var info semaphoreBasicInformation
		if err := ntQuerySemaphore(handle, stateBasicClass, &info, uint32(unsafe.Sizeof(info)), nil); err != nil {
			return nil, systemFault(err)
		}
		s.Signaled, s.Count, s.Maximum = info.count > 0, int64(info.count), int64(info.maximum)
	}
	return s, nil
}
