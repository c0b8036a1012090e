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
	allowed uint32             // AllocationProtect
	changed map[uintptr]uint32 // protections of pages, by offset, that are not allowed's any more
	pages   *reservation       // which of them may be touched; nil: all
	file    bool
}

// views are all views of this process, sorted by their addresses.
var views struct {
	sync.Mutex
	list []*view
}

// viewAt is the view that an address lies in, or nil. The lock is held.
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

// protectionOf is what the pages of a view are for, by what was asked of MapViewOfFile: copy-on-write only where it stands
// alone.
func protectionOf(access uint32) uint32 {
	execute := access&FILE_MAP_EXECUTE != 0
	switch {
	case access&(FILE_MAP_COPY|FILE_MAP_WRITE|FILE_MAP_READ) == FILE_MAP_COPY:
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
		return 0, ERROR_INVALID_PARAMETER // the whole of the address space is no length at all
	case int64(length) < 0:
		return 0, ERROR_ACCESS_DENIED // past any end
	}
	s := e.target.section
	mapped, err := s.MapAt(base, offset, int64(length), accessOf(protect))
	if err != nil {
		return 0, errno(err)
	}
	v := &view{kernel: mapped, base: mapped.Address(), size: uintptr(mapped.Mapped()), allowed: protect,
		pages: e.target.pages, file: s.Attributes()&SEC_FILE != 0}
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
	i := sort.Search(len(views.list), func(i int) bool { return views.list[i].base >= v.base })
	views.list = append(views.list[:i], views.list[i+1:]...)
	if v.pages != nil {
		v.pages.leave(v)
	}
	return errno(v.kernel.Close())
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

// describe tells about the pages from an offset on that are alike.
func (v *view) describe(at uintptr) MemoryBasicInformation {
	m := MemoryBasicInformation{BaseAddress: v.base + at, AllocationBase: v.base, AllocationProtect: v.allowed, Type: MEM_MAPPED}
	own := v.written(at)
	m.State, m.Protect = v.page(at, own, 0)
	end := at + pageSize
	if v.changed == nil && v.pages == nil && own == nil {
		end = v.size
	}
	for i := 1; end < v.size; end, i = end+pageSize, i+1 {
		if state, protect := v.page(end, own, i); state != m.State || protect != m.Protect {
			break
		}
	}
	m.RegionSize = end - at
	return m
}

// written says of the pages from an offset on whether a write has made them the view's own; nil where none can be, or it
// cannot be told.
func (v *view) written(at uintptr) []bool {
	if v.allowed != PAGE_WRITECOPY && v.allowed != PAGE_EXECUTE_WRITECOPY && v.changed == nil {
		return nil
	}
	own, _ := v.kernel.Written(int(at), int(v.size-at))
	return own
}

// page is the state and the protection of one page, at an offset; it is the i-th of own.
func (v *view) page(at uintptr, own []bool, i int) (state, protect uint32) {
	protect = v.allowed
	if changed, ok := v.changed[at]; ok {
		protect = changed
	}
	if v.pages != nil && !v.pages.has(v.offset(at)) {
		return MEM_RESERVE, 0
	}
	if i < len(own) && own[i] {
		switch protect {
		case PAGE_WRITECOPY:
			protect = PAGE_READWRITE
		case PAGE_EXECUTE_WRITECOPY:
			protect = PAGE_EXECUTE_READWRITE
		}
	}
	return MEM_COMMIT, protect
}

// offset is where in the section a page of the view lies.
func (v *view) offset(at uintptr) uintptr { return uintptr(v.kernel.Offset()) + at }

// within reports whether a view that was mapped with one protection may get another, which may allow no more.
func within(allowed, protect uint32) bool {
	demanded := accessOf(protect)
	if demanded&kernel.Copy != 0 {
		demanded = demanded&^kernel.Copy | kernel.Read
	}
	granted := accessOf(allowed)
	if granted&kernel.Copy != 0 {
		granted |= kernel.Read
	}
	return demanded&^granted == 0
}

// isProtection reports one of the eight protections that pages can have.
func isProtection(protect uint32) bool {
	return protect != 0 && protect <= PAGE_EXECUTE_WRITECOPY && protect&(protect-1) == 0
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
	if !isProtection(protect) || !within(v.allowed, protect) {
		return 0, ERROR_INVALID_PARAMETER
	}
	state, before := v.page(at, v.written(at), 0)
	if state != MEM_COMMIT {
		return 0, ERROR_INVALID_ADDRESS
	}
	copies := protect == PAGE_WRITECOPY || protect == PAGE_EXECUTE_WRITECOPY
	if copies && v.allowed != PAGE_WRITECOPY && v.allowed != PAGE_EXECUTE_WRITECOPY {
		err = v.kernel.Detach(int(at), int(end-at), accessOf(protect))
	} else {
		err = v.kernel.Protect(int(at), int(end-at), accessOf(protect))
	}
	if err != nil {
		return 0, errno(err)
	}
	if v.changed == nil {
		v.changed = map[uintptr]uint32{}
	}
	for ; at < end; at += pageSize {
		v.changed[at] = protect
	}
	return before, nil
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
	case !isProtection(protect) || !within(v.allowed, protect):
		return 0, ERROR_INVALID_PARAMETER
	}
	if v.pages != nil {
		if err := v.pages.commit(v.offset(at), v.offset(end)); err != nil {
			return 0, err
		}
	}
	if _, changed := v.changed[at]; changed || protect != v.allowed {
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

// reservation says which pages of a section without a name may be touched. All views of such a section are this process's
// own, so a page that is committed can be opened in each of them.
type reservation struct {
	mu        sync.Mutex
	committed []bool
	views     []*view
}

func newReservation(size int64) *reservation {
	return &reservation{committed: make([]bool, size/pageSize)}
}

func (r *reservation) has(offset uintptr) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.committed[offset/pageSize]
}

// enter closes the pages of a new view that are not committed.
func (r *reservation) enter(v *view) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.views = append(r.views, v)
	for at := uintptr(0); at < v.size; {
		end := at + pageSize
		open := r.committed[v.offset(at)/pageSize]
		for end < v.size && r.committed[v.offset(end)/pageSize] == open {
			end += pageSize
		}
		if !open {
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

// commit opens pages, from an offset of the section to another, in all views.
func (r *reservation) commit(from, to uintptr) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for page := from; page < to; page += pageSize {
		if r.committed[page/pageSize] {
			continue
		}
		for _, v := range r.views {
			at := page - uintptr(v.kernel.Offset())
			if page < uintptr(v.kernel.Offset()) || at >= v.size {
				continue
			}
			if err := v.kernel.Protect(int(at), pageSize, accessOf(v.allowed)); err != nil {
				return errno(err)
			}
		}
		r.committed[page/pageSize] = true
	}
	return nil
}
