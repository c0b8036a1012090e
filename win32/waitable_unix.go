//go:build unix && !aix

package win32

import (
	"context"
	"errors"
	"time"

	"github.com/namedshm/namedshm/internal/fault"
	"github.com/namedshm/namedshm/internal/kernel"
	"github.com/namedshm/namedshm/internal/waiting"
)

// createObject makes an event, a mutex or a semaphore, or opens the one of this name. The handle has the requested
// rights; for a new object they are never denied.
func createObject(k kind, spec kernel.WaitableSpec, sa *SecurityAttributes, name *uint16,
	access uint32) (Handle, error) {
	inherit, err := inherits(sa)
	if err != nil {
		return 0, err
	}
	mask, maximum, err := k.specific(access)
	switch {
	case err != nil:
		return 0, err
	case maximum:
		mask = rightsOf[k].all
	case !k.grantable(mask):
		return 0, ERROR_ACCESS_DENIED
	}
	spec.Kind = k.kernel()
	text := nameAt(name)
	object, existed, err := kernel.CreateWaitable(context.Background(), text, spec, kernel.MayExist)
	if err != nil {
		return 0, errno(err)
	}
	if existed && mask == 0 {
		object.Close()
		return 0, ERROR_ACCESS_DENIED
	}
	t := newTarget(k, text)
	if k == kindMutex {
		t.mutex = adopt(object, spec.Owned && !existed)
	} else {
		t.object = object
	}
	handle, err := open(t, mask, inherit)
	if err == nil && existed {
		err = ERROR_ALREADY_EXISTS
	}
	return handle, err
}

// openObject opens an object that exists.
func openObject(k kind, access uint32, inherit bool, name *uint16) (Handle, error) {
	if name == nil {
		return 0, ERROR_INVALID_PARAMETER
	}
	mask, maximum, refused := k.specific(access)
	if refused == nil && (!k.grantable(mask) || mask == 0 && !maximum) {
		refused = ERROR_ACCESS_DENIED
	}
	// The name is looked at before the rights are.
	t, err := openObjectTarget(k, nameAt(name), refused == nil && mask&EVENT_MODIFY_STATE != 0)
	if err != nil {
		return 0, err
	}
	if refused != nil {
		t.release()
		return 0, refused
	}
	if maximum {
		mask |= rightsOf[k].all
		if k == kindEvent && t.object.Rights()&kernel.ModifyState == 0 {
			mask &^= EVENT_MODIFY_STATE
		}
	}
	return open(t, mask, inherit)
}

// openObjectTarget opens an object with all rights, which nearly every wait takes, or an event that is not to be
// modified without that.
func openObjectTarget(k kind, name string, modify bool) (*target, error) {
	const all = kernel.Synchronize | kernel.ModifyState
	object, err := kernel.OpenWaitable(context.Background(), name, k.kernel(), all)
	if k == kindEvent && !modify && fault.CodeOf(err) == fault.AccessDenied {
		object, err = kernel.OpenWaitable(context.Background(), name, k.kernel(), kernel.Synchronize)
	}
	if err != nil {
		return nil, errno(err)
	}
	t := newTarget(k, name)
	if k == kindMutex {
		t.mutex = adopt(object, false)
	} else {
		t.object = object
	}
	return t, nil
}

func createEvent(sa *SecurityAttributes, manual, initial uint32, name *uint16) (Handle, error) {
	spec := kernel.WaitableSpec{Manual: manual != 0, Signaled: initial != 0}
	return createObject(kindEvent, spec, sa, name, EVENT_ALL_ACCESS)
}

func createEventEx(sa *SecurityAttributes, name *uint16, flags, access uint32) (Handle, error) {
	if flags&^(CREATE_EVENT_MANUAL_RESET|CREATE_EVENT_INITIAL_SET) != 0 {
		return 0, ERROR_INVALID_PARAMETER
	}
	spec := kernel.WaitableSpec{Manual: flags&CREATE_EVENT_MANUAL_RESET != 0,
		Signaled: flags&CREATE_EVENT_INITIAL_SET != 0}
	return createObject(kindEvent, spec, sa, name, access)
}

func openEvent(access uint32, inherit bool, name *uint16) (Handle, error) {
	return openObject(kindEvent, access, inherit, name)
}

func setEvent(event Handle) error {
	e, err := lookup(event, kindEvent, EVENT_MODIFY_STATE)
	if err != nil {
		return err
	}
	return errno(e.target.object.Set())
}

func resetEvent(event Handle) error {
	e, err := lookup(event, kindEvent, EVENT_MODIFY_STATE)
	if err != nil {
		return err
	}
	return errno(e.target.object.Reset())
}

func pulseEvent(event Handle) error {
	e, err := lookup(event, kindEvent, EVENT_MODIFY_STATE)
	if err != nil {
		return err
	}
	return errno(e.target.object.Pulse())
}

func createMutex(sa *SecurityAttributes, owner bool, name *uint16) (Handle, error) {
	return createObject(kindMutex, kernel.WaitableSpec{Owned: owner}, sa, name, MUTEX_ALL_ACCESS)
}

func createMutexEx(sa *SecurityAttributes, name *uint16, flags, access uint32) (Handle, error) {
	if flags&^CREATE_MUTEX_INITIAL_OWNER != 0 {
		return 0, ERROR_INVALID_PARAMETER
	}
	return createObject(kindMutex, kernel.WaitableSpec{Owned: flags&CREATE_MUTEX_INITIAL_OWNER != 0}, sa, name, access)
}

func openMutex(access uint32, inherit bool, name *uint16) (Handle, error) {
	return openObject(kindMutex, access, inherit, name)
}

func releaseMutex(handle Handle) error {
	e, err := lookup(handle, kindMutex, 0)
	if err != nil {
		return err
	}
	if !e.target.refer() {
		return ERROR_INVALID_HANDLE
	}
	defer e.target.release()
	return e.target.mutex.unlock()
}

func createSemaphore(sa *SecurityAttributes, initial, maximum int32, name *uint16) (Handle, error) {
	return createSemaphoreEx(sa, initial, maximum, name, 0, SEMAPHORE_ALL_ACCESS)
}

func createSemaphoreEx(sa *SecurityAttributes, initial, maximum int32, name *uint16, flags,
	access uint32) (Handle, error) {
	if flags != 0 {
		return 0, ERROR_INVALID_PARAMETER
	}
	spec := kernel.WaitableSpec{Initial: int64(initial), Maximum: int64(maximum)}
	return createObject(kindSemaphore, spec, sa, name, access)
}

func openSemaphore(access uint32, inherit bool, name *uint16) (Handle, error) {
	return openObject(kindSemaphore, access, inherit, name)
}

func releaseSemaphore(semaphore Handle, count int32, previous *int32) error {
	e, err := lookup(semaphore, kindSemaphore, SEMAPHORE_MODIFY_STATE)
	if err != nil {
		return err
	}
	before, err := e.target.object.Release(int64(count))
	if err == nil && previous != nil {
		*previous = int32(before)
	}
	return errno(err)
}

// waited is the event that a wait ended with.
func waited(abandoned bool, index int, err error) (uint32, error) {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return uint32(WAIT_TIMEOUT), nil
	case err != nil:
		return WAIT_FAILED, errno(err)
	case abandoned:
		return WAIT_ABANDONED + uint32(index), nil
	}
	return WAIT_OBJECT_0 + uint32(index), nil
}

func waitForSingleObject(handle Handle, milliseconds uint32) (uint32, error) {
	if handle == CurrentProcess() {
		return outlive(milliseconds)
	}
	e := find(handle)
	if e == nil {
		return WAIT_FAILED, ERROR_INVALID_HANDLE
	}
	if e.granted&SYNCHRONIZE == 0 {
		return WAIT_FAILED, ERROR_ACCESS_DENIED
	}
	switch e.target.kind {
	case kindMutex:
		if !e.target.refer() {
			return WAIT_FAILED, ERROR_INVALID_HANDLE
		}
		defer e.target.release()
		return e.target.mutex.wait(milliseconds)
	case kindFile:
		return WAIT_OBJECT_0, nil // nothing is ever under way on it
	case kindProcess:
		return outlive(milliseconds)
	}
	// Most waits need no limit, which would have to be allocated.
	if got, _, err := e.target.object.Try(); got || err != nil {
		return waited(false, 0, err)
	}
	if milliseconds == 0 {
		return uint32(WAIT_TIMEOUT), nil
	}
	_, err := e.target.object.Wait(&waiting.Limit{Milliseconds: milliseconds})
	return waited(false, 0, err)
}

// outlive waits for the end of this process, which nobody in it sees.
func outlive(milliseconds uint32) (uint32, error) {
	if milliseconds == INFINITE {
		select {}
	}
	time.Sleep(time.Duration(milliseconds) * time.Millisecond)
	return uint32(WAIT_TIMEOUT), nil
}

func waitForMultipleObjects(list []Handle, all bool, milliseconds uint32) (uint32, error) {
	if len(list) < 1 || len(list) > MAXIMUM_WAIT_OBJECTS {
		return WAIT_FAILED, ERROR_INVALID_PARAMETER
	}
	entries := make([]*entry, len(list))
	for i, handle := range list {
		if entries[i] = find(handle); entries[i] == nil {
			return WAIT_FAILED, ERROR_INVALID_HANDLE
		}
		if entries[i].granted&SYNCHRONIZE == 0 {
			return WAIT_FAILED, ERROR_ACCESS_DENIED
		}
		if k := entries[i].target.kind; k == kindFile || k == kindProcess {
			return WAIT_FAILED, ERROR_INVALID_HANDLE // which take no part in a wait for several here
		}
	}
	var w several
	defer w.giveBack()
	if err := w.borrow(entries); err != nil {
		return WAIT_FAILED, err
	}
	outcome, err := kernel.Wait(&waiting.Limit{Milliseconds: milliseconds}, w.objects, all)
	if err == nil && all {
		for i := range entries {
			w.own(i)
		}
	} else if err == nil {
		w.own(outcome.Index)
	}
	return waited(outcome.Abandoned, outcome.Index, err)
}

func signalObjectAndWait(signal, wait Handle, milliseconds uint32, _ bool) (uint32, error) {
	e := find(wait)
	if e == nil && wait != CurrentProcess() {
		return WAIT_FAILED, ERROR_INVALID_HANDLE
	}
	if e != nil && e.granted&SYNCHRONIZE == 0 {
		return WAIT_FAILED, ERROR_ACCESS_DENIED
	}
	s := find(signal)
	if s == nil {
		return WAIT_FAILED, ERROR_INVALID_HANDLE
	}
	var err error
	switch s.target.kind {
	case kindEvent:
		err = setEvent(signal)
	case kindMutex:
		err = releaseMutex(signal)
	case kindSemaphore:
		err = releaseSemaphore(signal, 1, nil)
	default:
		err = ERROR_INVALID_HANDLE
	}
	if err != nil {
		return WAIT_FAILED, err
	}
	return waitForSingleObject(wait, milliseconds)
}
