//go:build unix && !aix

package win32

import (
	"sort"
	"sync"
	"unsafe"

	"github.com/namedshm/namedshm/internal/kernel"
)

const pageSize = 4096

// view is a mapped range.
type view struct {
	kernel  *kernel.View
	base    uintptr
	size    uintptr
	allowed uint32       // AllocationProtect
	cache   uint32       // PAGE_NOCACHE or PAGE_WRITECOMBINE, where the section was made so
	changed runs         // protections of pages, by offset, that are not allowed's any more; 0 for those that are
	apart   runs         // of pages that are not mapped as the view is: copied, lost
	pages   *reservation // which of them may be touched; nil: all
	file    bool
}

// Values of apart.
const (
	copied = 1 // mapped copy-on-write although the view is not
	lost   = 2 // not mapped any more, for want of memory, until they are protected again
)

// views are all views of this process, sorted by their addresses.
var views struct {
	sync.Mutex
	list []*view
}

// viewAt returns the view that contains an address, or nil. The lock is held.
func viewAt(address uintptr) *view {
	i := sort.Search(len(views.list), func(i int) bool { return views.list[i].base > address })
	if i == 0 {
		return nil
	}
	if v := views.list[i-1]; address-v.base < v.size {
		return v
	}
	return nil
}

// protectionOf is what the pages of a view are for, by what was asked of MapViewOfFile: copy-on-write only where it
// stands alone, with no other right of a section (SECTION_MAP_EXECUTE, say, which is another bit than
// FILE_MAP_EXECUTE).
func protectionOf(access uint32) uint32 {
	execute := access&FILE_MAP_EXECUTE != 0
	switch {
	case access&^(FILE_MAP_EXECUTE|FILE_MAP_LARGE_PAGES|FILE_MAP_TARGETS_INVALID) == FILE_MAP_COPY:
		if execute {
			return PAGE_EXECUTE_WRITECOPY
		}
		return PAGE_WRITECOPY
	case access&FILE_MAP_WRITE != 0:
		if execute {
			return PAGE_EXECUTE_READWRITE
		}
		return PAGE_READWRITE
	case access&FILE_MAP_READ != 0:
		if execute {
			return PAGE_EXECUTE_READ
		}
		return PAGE_READONLY
	}
	return PAGE_NOACCESS
}

// rightsFor is what a view with a protection takes of a handle.
func rightsFor(protect, access uint32) (need uint32) {
	need = SECTION_MAP_READ
	switch protect {
	case PAGE_READWRITE, PAGE_EXECUTE_READWRITE:
		need = SECTION_MAP_WRITE
	}
	if access&FILE_MAP_EXECUTE != 0 && protect != PAGE_NOACCESS {
		need |= SECTION_MAP_EXECUTE
	}
	return need
}

// accessOf is a protection as the object manager has it.
func accessOf(protect uint32) kernel.Access {
	switch protect {
	case PAGE_READONLY:
		return kernel.Read
	case PAGE_READWRITE:
		return kernel.Read | kernel.Write
	case PAGE_WRITECOPY:
		return kernel.Copy
	case PAGE_EXECUTE, PAGE_EXECUTE_READ:
		return kernel.Read | kernel.Execute
	case PAGE_EXECUTE_READWRITE:
		return kernel.Read | kernel.Write | kernel.Execute
	case PAGE_EXECUTE_WRITECOPY:
		return kernel.Copy | kernel.Execute
	}
	return 0
}

func mapViewOfFile(handle Handle, access, high, low uint32, length uintptr) (uintptr, error) {
	return mapViewOfFileEx(handle, access, high, low, length, 0)
}

func mapViewOfFileEx(handle Handle, access, high, low uint32, length, base uintptr) (uintptr, error) {
	protect := protectionOf(access)
	e, err := lookup(handle, kindSection, rightsFor(protect, access))
	if err != nil {
		return 0, err
	}
	offset := int64(uint64(high)<<32 | uint64(low))
	if base%kernel.Granularity != 0 || offset%kernel.Granularity != 0 {
		return 0, ERROR_MAPPED_ALIGNMENT
	}
	switch {
	case length == ^uintptr(0):
		return 0, ERROR_INVALID_PARAMETER // the whole address space is not a valid length
	case int64(length) < 0:
		return 0, ERROR_ACCESS_DENIED // past any end
	}
	s := e.target.section
	mapped, err := s.MapAt(base, offset, int64(length), accessOf(protect))
	if err != nil {
		return 0, errno(err)
	}
	v := &view{kernel: mapped, base: mapped.Address(), size: uintptr(mapped.Mapped()), allowed: protect,
		cache: cacheOf(s.Attributes()), pages: e.target.pages, file: s.Attributes()&SEC_FILE != 0}
	if v.pages != nil {
		v.pages.enter(v)
	}
	views.Lock()
	defer views.Unlock()
	i := sort.Search(len(views.list), func(i int) bool { return views.list[i].base > v.base })
	views.list = append(views.list, nil)
	copy(views.list[i+1:], views.list[i:])
	views.list[i] = v
	return v.base, nil
}

func unmapViewOfFile(address uintptr) error {
	views.Lock()
	defer views.Unlock()
	v := viewAt(address)
	if v == nil {
		return ERROR_INVALID_ADDRESS
	}
	if v.pages != nil {
		v.pages.leave(v)
	}
	if err := v.kernel.Close(); err != nil {
		// The system has not unmapped it: it is still a view, and can be unmapped later.
		if v.pages != nil {
			v.pages.enter(v)
		}
		return errno(err)
	}
	i := sort.Search(len(views.list), func(i int) bool { return views.list[i].base >= v.base })
	views.list = append(views.list[:i], views.list[i+1:]...)
	return nil
}

func flushViewOfFile(address, length uintptr) error {
	views.Lock()
	v := viewAt(address)
	views.Unlock()
	if v == nil || length > v.base+v.size-address {
		return ERROR_INVALID_ADDRESS
	}
	if !v.file {
		return nil
	}
	if length == 0 {
		length = v.base + v.size - address
	}
	from := (address - v.base) &^ (pageSize - 1)
	return errno(v.kernel.FlushRange(int(from), int(address-v.base+length-from)))
}

func virtualQuery(address uintptr, buffer *MemoryBasicInformation, length uintptr) error {
	if length < unsafe.Sizeof(*buffer) {
		return ERROR_BAD_LENGTH
	}
	if buffer == nil {
		return ERROR_NOACCESS
	}
	views.Lock()
	defer views.Unlock()
	if v := viewAt(address); v != nil {
		*buffer = v.describe((address - v.base) &^ (pageSize - 1))
		return nil
	}
	r, err := kernel.RegionAt(address)
	if err != nil {
		return errno(err)
	}
	page := address &^ (pageSize - 1)
	*buffer = MemoryBasicInformation{BaseAddress: page, RegionSize: r.End - page, State: MEM_FREE, Protect: PAGE_NOACCESS}
	if r.Mapped {
		buffer.AllocationBase, buffer.State, buffer.Type = r.Start, MEM_COMMIT, MEM_PRIVATE
		if r.Shared {
			buffer.Type = MEM_MAPPED
		}
		buffer.Protect = protectionFor(r.Access)
		buffer.AllocationProtect = buffer.Protect
	}
	return nil
}

// protectionFor is the protection that stands for what may be done with memory.
func protectionFor(access kernel.Access) uint32 {
	switch {
	case access&kernel.Execute != 0 && access&kernel.Write != 0:
		return PAGE_EXECUTE_READWRITE
	case access&kernel.Execute != 0:
		return PAGE_EXECUTE_READ
	case access&kernel.Write != 0:
		return PAGE_READWRITE
	case access&kernel.Read != 0:
		return PAGE_READONLY
	}
	return PAGE_NOACCESS
}

// cacheOf is what VirtualQuery reports of a section's attributes, in addition to each protection. Memory is cached all
// the same.
func cacheOf(attributes uint32) uint32 {
	switch {
	case attributes&SEC_NOCACHE != 0:
		return PAGE_NOCACHE
	case attributes&SEC_WRITECOMBINE != 0:
		return PAGE_WRITECOMBINE
	}
	return 0
}

// told is how a protection of the view's pages is reported.
func (v *view) told(protect uint32) uint32 {
	if protect == 0 || protect == PAGE_NOACCESS {
		return protect
	}
	return protect | v.cache
}

// describe describes the range of similar pages from an offset.
func (v *view) describe(at uintptr) MemoryBasicInformation {
	m := MemoryBasicInformation{BaseAddress: v.base + at, AllocationBase: v.base, AllocationProtect: v.told(v.allowed),
		Type: MEM_MAPPED}
	var end uintptr
	m.State, m.Protect, end = v.alike(at)
	for end < v.size {
		state, protect, next := v.alike(end)
		if state != m.State || protect != m.Protect {
			break
		}
		end = next
	}
	m.RegionSize, m.Protect = end-at, v.told(m.Protect)
	return m
}

// alike returns the state and protection of the page at an offset, and an offset up to which all pages share them.
// Later pages may share them too.
func (v *view) alike(at uintptr) (state, protect uint32, end uintptr) {
	protect, end = v.changed.at(at)
	if protect == 0 {
		protect = v.allowed
	}
	end = min(end, v.size)
	if v.pages != nil {
		committed, until := v.pages.at(v.offset(at))
		end = min(end, until-v.offset(0))
		if !committed {
			return MEM_RESERVE, 0, end
		}
	}
	if !copies(protect) {
		return MEM_COMMIT, protect, end
	}
	written, end := v.written(at, end, false)
	if written && protect == PAGE_WRITECOPY {
		protect = PAGE_READWRITE
	} else if written {
		protect = PAGE_EXECUTE_READWRITE
	}
	return MEM_COMMIT, protect, end
}

// written reports whether a write has made the page at an offset the view's own, and up to where that holds, limit
// aside. unknown is the answer if it cannot be determined.
func (v *view) written(at, limit uintptr, unknown bool) (own bool, end uintptr) {
	const atOnce = 1 << 28 // for a large view no more is looked up than necessary
	limit = min(limit, at+atOnce)
	pages, err := v.kernel.Written(int(at), int(limit-at))
	if err != nil || len(pages) == 0 {
		return unknown, limit
	}
	i := 1
	for i < len(pages) && pages[i] == pages[0] {
		i++
	}
	if i == len(pages) {
		return pages[0], limit
	}
	return pages[0], at + uintptr(i)*pageSize
}

// offset is where in the section a page of the view lies.
func (v *view) offset(at uintptr) uintptr { return uintptr(v.kernel.Offset()) + at }

// readers are the protections that pages of any view have which can be read: copying on write takes no more.
const readers = PAGE_NOACCESS | PAGE_READONLY | PAGE_WRITECOPY

// within are the protections that the pages of a view can have, by what it was mapped with. It is Windows' table, with
// one entry that does not follow from the rights: pages of an executable view can be both copy-on-write and executable
// only if the view itself was mapped for writing, shared or not.
var within = map[uint32]uint32{
	PAGE_NOACCESS:          PAGE_NOACCESS,
	PAGE_READONLY:          readers,
	PAGE_WRITECOPY:         readers,
	PAGE_READWRITE:         readers | PAGE_READWRITE,
	PAGE_EXECUTE_READ:      readers | PAGE_EXECUTE | PAGE_EXECUTE_READ,
	PAGE_EXECUTE_WRITECOPY: readers | PAGE_EXECUTE | PAGE_EXECUTE_READ | PAGE_EXECUTE_WRITECOPY,
	PAGE_EXECUTE_READWRITE: readers | PAGE_READWRITE | PAGE_EXECUTE | PAGE_EXECUTE_READ | PAGE_EXECUTE_READWRITE |
		PAGE_EXECUTE_WRITECOPY,
}

// admits reports whether pages of the view may get a protection.
func (v *view) admits(protect uint32) bool {
	return protect != 0 && protect&(protect-1) == 0 && protect&^within[v.allowed] == 0
}

// copies reports a protection with which the first write to a page makes it the view's own.
func copies(protect uint32) bool {
	return protect == PAGE_WRITECOPY || protect == PAGE_EXECUTE_WRITECOPY
}

func virtualProtect(address, size uintptr, protect uint32, old *uint32) error {
	if old == nil {
		return ERROR_NOACCESS
	}
	views.Lock()
	defer views.Unlock()
	v := viewAt(address)
	if v == nil || size == 0 || size > v.base+v.size-address {
		return ERROR_INVALID_ADDRESS
	}
	at := (address - v.base) &^ (pageSize - 1)
	end := min((address-v.base+size+pageSize-1)&^(pageSize-1), v.size)
	before, err := v.protect(at, end, protect)
	if err == nil {
		*old = before
	}
	return err
}

// protect changes the protection of pages, and says what that of the first was.
func (v *view) protect(at, end uintptr, protect uint32) (before uint32, err error) {
	if !v.admits(protect) {
		return 0, ERROR_INVALID_PARAMETER
	}
	if v.pages != nil {
		if committed, until := v.pages.at(v.offset(at)); !committed || until < v.offset(end) {
			return 0, ERROR_INVALID_ADDRESS
		}
	}
	_, before, _ = v.alike(at)
	for at < end {
		next, err := v.protectAlike(at, end, protect)
		if err != nil {
			return 0, errno(err)
		}
		v.changed.set(at, next, protect)
		at = next
	}
	return v.told(before), nil
}

// protectAlike changes the page at an offset and the following ones that need the same change, and returns where it
// stopped. A page that a write has made the view's own stays so whatever it is protected with. The others are the
// section's again as soon as they can be written for all; until then they need not be, for they show what the section
// has.
//
// A write of another thread to a page that is just coming back may be lost: the kernel has no call for both at once.
func (v *view) protectAlike(at, end uintptr, protect uint32) (next uintptr, err error) {
	apart, next := v.apart.at(at)
	next = min(next, end)
	access := accessOf(protect)
	switch {
	case copies(v.allowed):
	case copies(protect) && apart != copied:
		if err := v.kernel.Detach(int(at), int(next-at), access); err != nil {
			return at, err
		}
		v.apart.set(at, next, copied)
		return next, nil
	case protect == PAGE_NOACCESS && apart == lost:
		return next, nil
	case apart == lost:
		return v.rejoin(at, next, access)
	case access&kernel.Write != 0 && apart == copied:
		own, alike := v.written(at, next, true)
		next = alike
		if own {
			break
		}
		return v.rejoin(at, next, access)
	}
	return next, v.kernel.Protect(int(at), int(next-at), access)
}

// rejoin makes pages the section's again, and says where it has stopped.
func (v *view) rejoin(at, end uintptr, access kernel.Access) (next uintptr, err error) {
	gone, err := v.kernel.Attach(int(at), int(end-at), access)
	switch {
	case err == nil:
		v.apart.set(at, end, 0)
		return end, nil
	case gone:
		v.apart.set(at, end, lost)
		v.changed.set(at, end, PAGE_NOACCESS)
	}
	return at, err
}

func virtualAlloc(address, size uintptr, kind, protect uint32) (uintptr, error) {
	views.Lock()
	defer views.Unlock()
	v := viewAt(address)
	if v == nil {
		if kind == MEM_COMMIT && address != 0 {
			return 0, ERROR_INVALID_ADDRESS
		}
		return 0, ERROR_NOT_SUPPORTED
	}
	at := (address - v.base) &^ (pageSize - 1)
	end := (address - v.base + size + pageSize - 1) &^ (pageSize - 1)
	switch {
	case kind != MEM_COMMIT && kind != MEM_RESET:
		return 0, ERROR_INVALID_ADDRESS
	case size == 0:
		return 0, ERROR_INVALID_PARAMETER
	case size > v.base+v.size-address:
		return 0, ERROR_INVALID_ADDRESS
	case kind == MEM_RESET:
		return v.base + at, nil
	case v.file:
		return 0, ERROR_ACCESS_DENIED
	case !v.admits(protect):
		return 0, ERROR_INVALID_PARAMETER
	}
	if v.pages != nil {
		if err := v.pages.commit(v.offset(at), v.offset(end)); err != nil {
			return 0, err
		}
	}
	if changed, until := v.changed.at(at); changed != 0 || until < end || protect != v.allowed {
		if _, err := v.protect(at, end, protect); err != nil {
			return 0, err
		}
	}
	return v.base + at, nil
}

func virtualFree(address, _ uintptr, _ uint32) error {
	views.Lock()
	defer views.Unlock()
	if viewAt(address) != nil {
		return ERROR_INVALID_PARAMETER
	}
	return ERROR_INVALID_ADDRESS
}

// reservation says which pages of a section without a name may be touched. All views of such a section are this
// process's own, so a page that is committed can be opened in each of them.
type reservation struct {
	mu        sync.Mutex
	committed runs // by offset in the section: 1 where pages are committed
	views     []*view
}

// at reports whether the page at an offset of the section is committed, and up to where that is the same.
func (r *reservation) at(offset uintptr) (committed bool, end uintptr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	value, end := r.committed.at(offset)
	return value != 0, end
}

// enter closes the pages of a new view that are not committed.
func (r *reservation) enter(v *view) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.views = append(r.views, v)
	for at := uintptr(0); at < v.size; {
		committed, end := r.committed.at(v.offset(at))
		end = min(end-v.offset(0), v.size)
		if committed == 0 {
			v.kernel.Protect(int(at), int(end-at), 0)
		}
		at = end
	}
}

func (r *reservation) leave(v *view) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, other := range r.views {
		if other == v {
			r.views = append(r.views[:i], r.views[i+1:]...)
			return
		}
	}
}

// commit opens pages, from an offset of the section to another, in all views. Those that are committed already may have
// another protection in some view, and are left alone.
func (r *reservation) commit(from, to uintptr) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for at := from; at < to; {
		committed, end := r.committed.at(at)
		end = min(end, to)
		if committed == 0 {
			if err := r.open(at, end); err != nil {
				return err
			}
			r.committed.set(at, end, 1)
		}
		at = end
	}
	return nil
}

// open opens pages in all views, or in none. mu is held.
func (r *reservation) open(from, to uintptr) error {
	for i, v := range r.views {
		if err := v.openPages(from, to, accessOf(v.allowed)); err != nil {
			for _, other := range r.views[:i+1] {
				other.openPages(from, to, 0)
			}
			return errno(err)
		}
	}
	return nil
}

// openPages allows an access to the part of the view that is within a range of the section.
func (v *view) openPages(from, to uintptr, access kernel.Access) error {
	from, to = max(from, v.offset(0)), min(to, v.offset(v.size))
	if from >= to {
		return nil
	}
	return v.kernel.Protect(int(from-v.offset(0)), int(to-from), access)
}
