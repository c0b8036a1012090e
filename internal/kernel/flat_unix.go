//go:build unix && !aix

package kernel

import (
	"context"
	"errors"
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What package win32 needs besides, which gives numbers to handles and keeps their rights itself: a view at an address,
// an object's identity, and one more owner for a mutex.

// Attributes is what the section's creator noted for those who open it.
func (s *Section) Attributes() uint32 { return s.native.attributes }

// Protection is the section's.
func (s *Section) Protection() Protection { return s.native.protect }

// MapAt is Map for a caller who has checked the handle's rights himself. base is where the view is to lie, a multiple of
// Granularity; 0 leaves that open. Where the system allows it, views lie at such multiples always.
func (s *Section) MapAt(base uintptr, offset, length int64, access Access) (*View, error) {
	if !s.uses.enter() {
		return nil, closedHandle()
	}
	defer s.leave()
	native, err := s.native.mapRange(offset, length, access, func(mapped []byte) ([]byte, error) { return settleAt(mapped, base) })
	if err != nil {
		return nil, err
	}
	return &View{native: native, offset: offset, access: access}, nil
}

// Address is where the view lies.
func (v *View) Address() uintptr {
	return uintptr(unsafe.Pointer(unsafe.SliceData(v.native.mapped)))
}

// Mapped is how many bytes it has, in whole pages.
func (v *View) Mapped() int { return len(v.native.mapped) }

// Token is the object's identity: the same for all handles of it, in all processes.
func (w *Waitable) Token() [16]byte { return w.native.token }

// Another is one more handle of the same object, which can own a mutex that this one does not.
func (w *Waitable) Another() (*Waitable, error) {
	if w.name == "" {
		return w.lend()
	}
	other, err := OpenWaitable(context.Background(), w.name, w.kind, w.rights)
	if err == nil && !other.native.same(w.native) {
		other.Close()
		return nil, &Fault{Code: InvalidHandle, Cause: errors.New("the name leads to another object now")}
	}
	return other, err
}

// lastLoan counts the handles that share an unnamed object, of which the first has the number 1.
var lastLoan atomic.Uint32

// lend makes another handle of an unnamed object: it shares the memory, which stays until both are closed.
func (w *Waitable) lend() (*Waitable, error) {
	if !w.uses.enter() {
		return nil, closedHandle()
	}
	lender := w.native
	n := &nativeWaitable{
		handle: lender.handle, kind: lender.kind, manual: lender.manual, maximum: lender.maximum, token: lender.token,
		state: lender.state, fragile: lender.fragile, lender: w, id: lastLoan.Add(1)%(mutexOwner-2) + 2,
	}
	other := newWaitable("", w.kind, w.rights, n)
	enroll(n)
	return other, nil
}

// Alone reports whether no other handle of the object is open in any process.
func (w *Waitable) Alone() bool {
	n := w.native
	if n.entry == nil || n.entry.file == fileName("") {
		return true
	}
	defer n.place.locks.begin()()
	if n.fragile { // the locks of the file backing are the process's
		return n.place.locks.count(n.entry, 2) < 2
	}
	seen, err := n.place.locks.look(n.entry)
	return err == nil && seen == nobody
}

// Same reports whether two handles are of one section.
func (s *Section) Same(other *Section) bool {
	a, b := s.native, other.native
	return a == b || a.entry != nil && b.entry != nil && a.entry.token == b.entry.token
}

// Protect changes what a part of the view may be used for: access is what viewProtection takes, and no more than the
// view's.
func (v *View) Protect(at, length int, access Access) error {
	if !v.uses.enter() {
		return &Fault{Code: InvalidAddress, Cause: os.ErrClosed}
	}
	defer v.leave()
	prot, _ := viewProtection(access)
	if err := unix.Mprotect(v.native.mapped[at:at+length], prot); err != nil {
		return &Fault{Code: codeOfErrno(err), Cause: os.NewSyscallError("mprotect", err)}
	}
	return nil
}

// Detach makes a part of the view, which can be read, a copy of its own, which can be written too and which nobody else
// sees.
func (v *View) Detach(at, length int, access Access) error {
	if !v.uses.enter() {
		return &Fault{Code: InvalidAddress, Cause: os.ErrClosed}
	}
	defer v.leave()
	return detach(v.native.mapped[at:at+length], access)
}

// FlushRange has a part of a view over a file written to it.
func (v *View) FlushRange(at, length int) error {
	if !v.uses.enter() {
		return &Fault{Code: InvalidAddress, Cause: os.ErrClosed}
	}
	defer v.leave()
	err := uninterrupted(func() error { return unix.Msync(v.native.mapped[at:at+length], unix.MS_SYNC) })
	if err != nil {
		return &Fault{Code: codeOfErrno(err), Cause: os.NewSyscallError("msync", err)}
	}
	return nil
}
