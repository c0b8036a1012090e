//go:build unix && !aix

package win32

import (
	"io"
	"sync/atomic"

	"github.com/namedshm/namedshm/internal/fault"
	"github.com/namedshm/namedshm/internal/kernel"
	"github.com/namedshm/namedshm/internal/wtf8"
)

// target is what a handle refers to. Duplicates share it; the last one closes it. A call that runs meanwhile learns
// from the object itself that it is closed; calls on a mutex or a file have a reference, and the last of them closes
// it.
type target struct {
	refs    atomic.Int32
	kind    kind
	name    string           // "" for an object without one
	section *kernel.Section  // of a section
	pages   *reservation     // of a section without a name that was made with SEC_RESERVE
	object  *kernel.Waitable // of an event and of a semaphore
	mutex   *mutex
	file    *file
	other   io.Closer
}

func newTarget(k kind, name string) *target {
	t := &target{kind: k, name: name}
	t.refs.Store(1)
	return t
}

// release ends one reference.
func (t *target) release() {
	if t.refs.Add(-1) > 0 {
		return
	}
	switch t.kind {
	case kindSection:
		t.section.Close()
	case kindEvent, kindSemaphore:
		t.object.Close()
	case kindMutex:
		t.mutex.drop()
	case kindFile:
		t.file.close()
	case kindOther:
		t.other.Close()
	}
}

// errno converts an error of the object manager to Windows' number.
func errno(err error) error {
	if err == nil {
		return nil
	}
	if code := fault.CodeOf(err); code != 0 {
		return Errno(code)
	}
	return ERROR_GEN_FAILURE
}

// nameAt is a name; "" for nil.
func nameAt(name *uint16) string { return wtf8.Decode(unitsAt(name)) }

// inherits is what security attributes say about a new handle. Security descriptors are not supported here.
func inherits(sa *SecurityAttributes) (bool, error) {
	if sa == nil {
		return false, nil
	}
	if sa.SecurityDescriptor != nil {
		return false, ERROR_NOT_SUPPORTED
	}
	return sa.InheritHandle != 0, nil
}

// lookup is the entry of a handle to an object of a kind, with a right.
func lookup(handle Handle, k kind, need uint32) (*entry, error) {
	e := find(handle)
	if e == nil || e.target.kind != k {
		return nil, ERROR_INVALID_HANDLE
	}
	if need&^e.granted != 0 {
		return nil, ERROR_ACCESS_DENIED
	}
	return e, nil
}

func closeHandle(handle Handle) error {
	if handle == CurrentProcess() {
		return nil
	}
	e := find(handle)
	if e == nil || e.flags.Load()&HANDLE_FLAG_PROTECT_FROM_CLOSE != 0 || !remove(e) {
		return ERROR_INVALID_HANDLE
	}
	e.target.release()
	return nil
}

func duplicateHandle(fromProcess, from, toProcess Handle, to *Handle, access uint32, inherit bool,
	options uint32) error {
	if to != nil {
		*to = 0
	}
	if fromProcess != CurrentProcess() {
		return ERROR_INVALID_HANDLE
	}
	e := find(from)
	if e == nil && from != CurrentProcess() {
		return ERROR_INVALID_HANDLE
	}
	closes := e != nil && options&DUPLICATE_CLOSE_SOURCE != 0
	other, err := duplicate(e, access, options&DUPLICATE_SAME_ACCESS != 0)
	if err == nil && toProcess != CurrentProcess() {
		other.target.release()
		err = ERROR_INVALID_HANDLE
	}
	if err != nil || to == nil {
		if err == nil {
			other.target.release()
		}
		if closes {
			closeHandle(from)
		}
		return err
	}
	if inherit {
		other.flags.Store(HANDLE_FLAG_INHERIT)
	}
	if closes && e.flags.Load()&HANDLE_FLAG_PROTECT_FROM_CLOSE == 0 && replace(e, other) {
		e.target.release()
		*to = other.value
		return nil
	}
	*to, err = open(other.target, other.granted, inherit)
	return err
}

// duplicate is another entry for the target of a handle, nil being that of the process itself. It has no number yet.
func duplicate(e *entry, access uint32, same bool) (*entry, error) {
	if e == nil {
		return &entry{granted: rightsOf[kindProcess].all, target: newTarget(kindProcess, "")}, nil
	}
	t := e.target
	granted := e.granted
	if !same {
		mask, maximum, err := t.kind.specific(access)
		if err != nil {
			return nil, err
		}
		if !t.kind.grantable(mask) {
			return nil, ERROR_ACCESS_DENIED
		}
		if maximum {
			mask |= e.granted
		}
		granted = mask
	}
	if t.kind == kindSection && granted&SECTION_MAP_WRITE&^e.granted != 0 ||
		t.kind == kindEvent && granted&EVENT_MODIFY_STATE&^e.granted != 0 {
		wider, err := t.reopen(granted)
		if err != nil {
			return nil, err
		}
		return &entry{granted: granted, target: wider}, nil
	}
	if !t.refer() {
		return nil, ERROR_INVALID_HANDLE
	}
	return &entry{granted: granted, target: t}, nil
}

// refer takes one more reference, unless the last one is gone.
func (t *target) refer() bool {
	for {
		n := t.refs.Load()
		if n == 0 {
			return false
		}
		if t.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// reopen opens the object once more, for rights that its own opening did not ask for. An unnamed object can have been
// opened only by its creator, who had all rights.
func (t *target) reopen(granted uint32) (*target, error) {
	if t.name == "" {
		if !t.refer() {
			return nil, ERROR_INVALID_HANDLE
		}
		return t, nil
	}
	if t.kind == kindSection {
		return openSectionTarget(t.name, sectionAccess(granted))
	}
	return openObjectTarget(t.kind, t.name, true)
}

func compareObjectHandles(first, second Handle) bool {
	s, t := targetOf(first), targetOf(second)
	switch {
	case s == nil, t == nil, s.kind != t.kind:
		return false
	case s == t:
		return true
	case s.kind == kindMutex:
		return s.mutex == t.mutex
	case s.kind == kindSection:
		return s.section.Same(t.section)
	case s.kind == kindEvent, s.kind == kindSemaphore:
		return s.object.Token() == t.object.Token()
	}
	return s.kind == kindProcess
}

// thisProcess is what the pseudo handle refers to.
var thisProcess = newTarget(kindProcess, "")

// targetOf returns what a handle refers to, or nil.
func targetOf(handle Handle) *target {
	if e := find(handle); e != nil {
		return e.target
	}
	if handle == CurrentProcess() {
		return thisProcess
	}
	return nil
}

func getHandleInformation(handle Handle, flags *uint32) error {
	e := find(handle)
	if e == nil || flags == nil {
		return ERROR_INVALID_HANDLE
	}
	*flags = e.flags.Load()
	return nil
}

func setHandleInformation(handle Handle, mask, flags uint32) error {
	const known = HANDLE_FLAG_INHERIT | HANDLE_FLAG_PROTECT_FROM_CLOSE
	e := find(handle)
	switch {
	case e == nil:
		return ERROR_INVALID_HANDLE
	case mask&^known != 0:
		return ERROR_INVALID_PARAMETER
	}
	for {
		old := e.flags.Load()
		if e.flags.CompareAndSwap(old, old&^mask|flags&mask) {
			return nil
		}
	}
}

func currentThread() uint32 { return uint32(kernel.CurrentThread()) }
