//go:build unix && !aix

package kernel

import (
	"context"
	"os"
	"unsafe"

	"github.com/namedshm/namedshm/internal/fault"
	"golang.org/x/sys/unix"
)

// What package win32 needs besides. It numbers handles and keeps their rights itself, so it wants a view at an address,
// an object's identity, and one more owner for a mutex.

// Attributes is what the section's creator noted for those who open it.
func (s *Section) Attributes() uint32 { return s.native.attributes &^ seated }

// Protection returns the section's protection.
func (s *Section) Protection() Protection { return s.native.protect }

// MapAt is Map for a caller that has checked the handle's rights itself. base is where the view must lie, a multiple of
// Granularity; 0 means anywhere. If the system allows it, views always lie at such multiples.
func (s *Section) MapAt(base uintptr, offset, length int64, access Access) (*View, error) {
	if !s.uses.Enter() {
		return nil, closedHandle()
	}
	defer s.leave()
	native, err := s.native.mapRange(offset, length, access,
		func(mapped []byte) ([]byte, error) { return moveView(mapped, base) })
	if err != nil {
		return nil, err
	}
	native.apart.loan = s.native.lend()
	return &View{native: native, offset: offset, access: access}, nil
}

// Address is the view's address.
func (v *View) Address() uintptr {
	return uintptr(unsafe.Pointer(unsafe.SliceData(v.native.mapped)))
}

// Mapped is the view's length in bytes, in whole pages.
func (v *View) Mapped() int { return len(v.native.mapped) }

// Token is the object's identity: the same for all handles of it, in all processes.
func (w *Waitable) Token() [16]byte { return w.native.Object.Token() }

// Another returns one more handle to the same object, which can own a mutex that this one does not.
func (w *Waitable) Another() (*Waitable, error) {
	if w.name == "" {
		return w.lend()
	}
	other, err := OpenWaitable(context.Background(), w.name, w.kind, w.rights)
	if err == nil && !other.native.same(w.native) {
		other.Close()
		return nil, fault.BadHandle("the name now refers to another object")
	}
	if fault.CodeOf(err) == fault.FileNotFound { // although this handle is open
		err = errLost
	}
	return other, err
}

// lend makes another handle of an unnamed object: it shares the memory, which stays until both are closed.
func (w *Waitable) lend() (*Waitable, error) {
	if !w.uses.Enter() {
		return nil, closedHandle()
	}
	n := &nativeWaitable{handle: w.native.handle, lender: w}
	w.native.Lend(&n.Object)
	return newWaitable("", w.kind, w.rights, n), nil
}

// Alone reports whether no other handle of the object is open in any process.
func (w *Waitable) Alone() bool {
	n := w.native
	if n.entry == nil || n.entry.file == fileName("") {
		return true
	}
	defer n.place.locks.begin()()
	if n.place.locks.ofProcess() {
		return n.place.locks.count(n.entry, 2) < 2
	}
	seen, err := n.place.locks.look(n.entry)
	return err == nil && seen == nobody
}

// Same reports whether two handles refer to one section.
func (s *Section) Same(other *Section) bool {
	a, b := s.native, other.native
	return a == b || a.entry != nil && b.entry != nil && a.entry.token == b.entry.token
}

// Protect changes the protection of a part of the view. access is as for viewProtection, and no more than the view's.
func (v *View) Protect(at, length int, access Access) error {
	if !v.uses.Enter() {
		return closedView(fault.InvalidAddress)
	}
	defer v.leave()
	prot, _ := viewProtection(access)
	if err := unix.Mprotect(v.native.mapped[at:at+length], prot); err != nil {
		return &fault.Fault{Code: codeOfErrno(err), Cause: os.NewSyscallError("mprotect", err)}
	}
	return nil
}

// Detach makes a part of a shared view copy-on-write: what is written to a page from now on is the view's own, and
// until then the page shows the section's contents. If the section's memory has no descriptor, the part is copied at
// once instead. Calls for one view must not overlap.
func (v *View) Detach(at, length int, access Access) error {
	if !v.uses.Enter() {
		return closedView(fault.InvalidAddress)
	}
	defer v.leave()
	return v.native.detach(at, length, v.offset, access)
}

// Attach undoes Detach for a part to which nothing was written. If it fails, lost reports that the part can no longer
// be accessed, until it is attached or detached again.
func (v *View) Attach(at, length int, access Access) (lost bool, err error) {
	if !v.uses.Enter() {
		return false, closedView(fault.InvalidAddress)
	}
	defer v.leave()
	return v.native.attach(at, length, access)
}

// FlushRange writes a part of a view over a file back to it; for pages that are apart, what was written before they
// were.
func (v *View) FlushRange(at, length int) error {
	if !v.uses.Enter() {
		return closedView(fault.InvalidAddress)
	}
	defer v.leave()
	for _, part := range [][]byte{v.native.mapped[at : at+length], v.native.apart.sharedPart(at, length)} {
		if len(part) == 0 {
			continue
		}
		err := uninterrupted(func() error { return unix.Msync(part, unix.MS_SYNC) })
		if err != nil {
			return &fault.Fault{Code: codeOfErrno(err), Cause: os.NewSyscallError("msync", err)}
		}
	}
	return nil
}
