//go:build unix && !aix

package kernel

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/namedshm/namedshm/internal/fault"
)

// mapView checks in Windows' order: access of the handle, alignment, protection of the section, range.
func (h *handle) mapView(offset, length int64, access Access) (nativeView, error) {
	if h.mine() && !h.allows(access) {
		return nativeView{}, fault.Fail(fault.AccessDenied, "the handle was not opened for this access")
	}
	return h.mapRange(offset, length, access, func(mapped []byte) ([]byte, error) { return mapped, nil })
}

// mapRange is mapView without a look at the handle's access. move moves the view to where it must lie.
func (h *handle) mapRange(offset, length int64, access Access, move func([]byte) ([]byte, error)) (nativeView, error) {
	switch {
	case !h.mine():
		return nativeView{}, fault.BadHandle("the handle belongs to process %d, which forked this one", h.pid)
	case offset%Granularity != 0:
		return nativeView{}, fault.Fail(fault.MappedAlignment, "offset %d", offset)
	case length < 0:
		return nativeView{}, fault.Fail(fault.InvalidParameter, "the length is %d bytes", length)
	case demands(access)&^h.protect.grants() != 0:
		return nativeView{}, fault.Fail(fault.InvalidParameter, "the section's protection forbids it")
	case offset < 0 || offset >= h.size_:
		return nativeView{}, fault.Fail(fault.AccessDenied, "offset %d is not inside the section of %d bytes", offset,
			h.size_)
	case length > h.size_-offset:
		return nativeView{}, fault.Fail(fault.AccessDenied,
			"%d bytes from offset %d reach past the end of the section of %d bytes", length, offset, h.size_)
	}
	if length == 0 {
		length = h.size_ - offset
	}
	if length > addressable {
		return nativeView{}, tooWide(length)
	}
	mapped, err := h.mem.view(offset, roundToPages(length), access)
	if err == nil {
		mapped, err = move(mapped)
	}
	if err != nil {
		return nativeView{}, mapFault(err, length)
	}
	return nativeView{mapped: mapped, asked: int(length)}, nil
}

// demands returns the access that a view needs: Copy counts only if it stands alone (Execute aside).
func demands(access Access) Access {
	need := access & Execute
	if access&(Read|Write|Copy) == 0 {
		return Read // a view that can be neither read nor run still needs the right to read
	}
	if access&Write != 0 {
		need |= Write
	}
	if access&Read != 0 || access&Write == 0 {
		need |= Read
	}
	return need
}

// allows reports whether the handle grants what a view needs. A handle opened with Copy alone may be read.
func (h *handle) allows(access Access) bool {
	granted := h.access
	if granted&Copy != 0 && granted&^(Copy|Execute) == 0 {
		granted |= Read
	}
	return demands(access)&^granted == 0
}

// nativeView is a mapped range.
type nativeView struct {
	mapped []byte
	asked  int
	apart  apart
}

func (v *nativeView) bytes() []byte { return v.mapped[:v.asked] }
func (v *nativeView) length() int   { return v.asked }
func (v *nativeView) flush() error  { return nil }

// vacate puts private pages in the place of the shared ones, in one step.
func (v *nativeView) vacate() (free func(), err error) {
	length := uintptr(cap(v.mapped))
	at := unsafe.Pointer(unsafe.SliceData(v.mapped))
	_, err = unix.MmapPtr(-1, 0, at, length, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_FIXED|unix.MAP_PRIVATE|unix.MAP_ANON|unreserved)
	if err != nil {
		return func() {}, v.unmap()
	}
	return func() { v.unmap() }, nil
}

func (v *nativeView) unmap() error {
	if err := unmap(v.mapped); err != nil {
		return mapFault(os.NewSyscallError("munmap", err), int64(len(v.mapped)))
	}
	v.apart.end(len(v.mapped))
	return nil
}
