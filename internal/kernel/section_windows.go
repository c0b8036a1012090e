package kernel

import (
	"context"
	"unsafe"

	"github.com/namedshm/namedshm/internal/fault"
	"golang.org/x/sys/windows"
)

// nativeSection is a section handle, and what was asked about it when it was opened.
type nativeSection struct {
	handle windows.Handle
	total  int64
	access Access
	seat   seat
}

// nativeView is a mapped range.
type nativeView struct {
	addr uintptr
	len  int // bytes asked for, or to the section's end
	cap  int // whole pages
}

func createSection(ctx context.Context, name Name, spec Spec, access Access, mode Mode) (nativeSection, bool, error) {
	attributes, err := securityAttributes(spec.Share, sectionRights(spec.Share.Access)|sectionQuery)
	if err != nil {
		return nativeSection{}, false, err
	}
	for wait := newBackoff(ctx, patience); ; {
		s, existed, err := createOnce(name, spec, access, attributes)
		if err == nil && existed && mode == MustBeNew {
			s.close()
			return nativeSection{}, true, &fault.Fault{Code: fault.AlreadyExists}
		}
		if fault.CodeOf(err) != fault.AccessDenied || name.Namespace == Unnamed {
			return s, existed, err
		}
		// CreateFileMapping asks an existing section for all that the protection grants, and is denied if the section's
		// security gives less, even if it gives the access that is wanted here.
		s, openErr := openSection(ctx, name, access)
		switch code := fault.CodeOf(openErr); {
		case mode == MustBeNew && (openErr == nil || code == fault.AccessDenied):
			s.close()
			return nativeSection{}, true, &fault.Fault{Code: fault.AlreadyExists}
		case code != fault.FileNotFound:
			return s, openErr == nil, openErr
		}
		// Either this process may not make the name, or the section died between the two calls.
		if name.Namespace == Global && !mayCreateGlobal() {
			return nativeSection{}, false, fault.Advise(err, "%s", globalAdvice)
		}
		if !wait.pause() {
			return nativeSection{}, false, err
		}
	}
}

func createOnce(
	name Name, spec Spec, access Access, attributes *windows.SecurityAttributes,
) (nativeSection, bool, error) {
	protect := uint32(spec.Protection) | secCommit
	if spec.Commit == CommitNever {
		protect = uint32(spec.Protection) | secReserve
	}
	wide, err := wideName(name)
	if err != nil {
		return nativeSection{}, false, err
	}
	handle, err := windows.CreateFileMapping(windows.InvalidHandle, attributes, protect,
		uint32(spec.Size>>32), uint32(spec.Size), wide)
	existed := err == windows.ERROR_ALREADY_EXISTS
	if err != nil && !existed {
		return nativeSection{}, false, adviseCommit(systemFault(err))
	}
	if handle, err = reduce(handle, spec.Protection.grants(), access); err != nil {
		return nativeSection{}, existed, err
	}
	s, err := newNativeSection(handle, access)
	if err == nil && !existed {
		err = s.furnish(name, &spec)
	}
	return s, existed, err
}

func openSection(_ context.Context, name Name, access Access) (nativeSection, error) {
	wide, err := wideName(name)
	if err != nil {
		return nativeSection{}, err
	}
	rights := sectionRights(access)
	handle, err := openFileMapping(rights|sectionQuery, false, wide)
	if err == windows.ERROR_ACCESS_DENIED {
		// A program that wrote its own security descriptor may allow mapping and forbid querying.
		handle, err = openFileMapping(rights, false, wide)
	}
	if err != nil {
		return nativeSection{}, systemFault(err)
	}
	return newNativeSection(handle, access)
}

// newNativeSection takes ownership of the handle. It asks for the size once, so that it stays known after Close.
func newNativeSection(handle windows.Handle, access Access) (nativeSection, error) {
	total, err := querySize(handle)
	if err != nil {
		total, err = measureSize(handle, access)
	}
	if err != nil {
		windows.CloseHandle(handle)
		return nativeSection{}, err
	}
	return nativeSection{handle: handle, total: total, access: access}, nil
}

// querySize returns the section's size as the system keeps it: in whole pages, except for a section over a file, made
// by another program.
func querySize(handle windows.Handle) (int64, error) {
	var info sectionBasicInformation
	if err := ntQuerySection(handle, sectionBasicClass, &info, unsafe.Sizeof(info), nil); err != nil {
		return 0, systemFault(err)
	}
	return info.size, nil
}

// measureSize finds the size of a section that may be mapped but not queried.
func measureSize(handle windows.Handle, access Access) (int64, error) {
	addr, err := windows.MapViewOfFile(handle, uint32(access), 0, 0, 0)
	if err != nil {
		return 0, systemFault(err)
	}
	defer windows.UnmapViewOfFile(addr)
	var total int64
	// Neighbouring regions of one view differ if only part of a reserved section is committed.
	for {
		region, err := queryRegion(addr + uintptr(total))
		if err != nil || region.AllocationBase != addr {
			return total, err
		}
		total += int64(region.RegionSize)
	}
}

// sectionRights returns the rights to a section that an access needs. FILE_MAP_EXECUTE is not the number of the right,
// and only Windows' own OpenFileMapping translates it; FILE_MAP_COPY has the number of SECTION_QUERY.
func sectionRights(access Access) (rights uint32) {
	if access&(Read|Copy) != 0 {
		rights |= sectionMapRead
	}
	if access&Write != 0 {
		rights |= sectionMapWrite
	}
	if access&Execute != 0 {
		rights |= sectionMapExecute
	}
	return rights
}

// reduce takes from a creator's handle the rights that access does not ask for: CreateFileMapping grants all that the
// protection allows. It takes ownership of the handle.
func reduce(handle windows.Handle, grants, access Access) (windows.Handle, error) {
	rights := sectionRights(access)
	if rights == sectionRights(grants) {
		return handle, nil
	}
	self := windows.CurrentProcess()
	var reduced windows.Handle
	// The source is closed even if this fails; but the name is never without a handle.
	err := windows.DuplicateHandle(self, handle, self, &reduced, rights|sectionQuery|windows.READ_CONTROL, false,
		windows.DUPLICATE_CLOSE_SOURCE)
	if err != nil {
		return 0, systemFault(err)
	}
	return reduced, nil
}

func (s nativeSection) size() int64     { return s.total }
func (s nativeSection) granted() Access { return s.access }

func (s nativeSection) close() error {
	if s.handle == 0 {
		return nil // the creation failed
	}
	s.getUp()
	return systemFault(windows.CloseHandle(s.handle))
}

func (s nativeSection) mapView(offset, length int64, access Access) (nativeView, error) {
	if length < 0 {
		return nativeView{}, s.refuseLength(offset, length, access)
	}
	actual := length
	if length == 0 {
		actual = s.total - offset
	}
	if int64(int(actual)) != actual {
		return nativeView{}, fault.Fail(fault.NotEnoughMemory, "%d bytes do not fit into a 32-bit process", actual)
	}
	addr, err := windows.MapViewOfFile(s.handle, uint32(access), uint32(uint64(offset)>>32), uint32(offset),
		uintptr(length))
	if err != nil {
		return nativeView{}, adviseCommit(systemFault(err))
	}
	page := int64(windows.Getpagesize())
	view := nativeView{addr: addr, len: int(actual), cap: int((actual + page - 1) &^ (page - 1))}
	if err := view.commit(); err != nil {
		view.unmap()
		return nativeView{}, adviseCommit(err)
	}
	return view, nil
}

// refuseLength refuses a negative length, which cannot be passed to MapViewOfFile, for the first reason that Windows
// would find.
func (s nativeSection) refuseLength(offset, length int64, access Access) error {
	switch {
	case sectionRights(access)&^sectionRights(s.access) != 0:
		return &fault.Fault{Code: fault.AccessDenied}
	case offset%Granularity != 0:
		return &fault.Fault{Code: fault.MappedAlignment}
	}
	return fault.Fail(fault.InvalidParameter, "the length is %d bytes", length)
}

// commit makes those pages of the view usable that are only reserved, as in a section that was made with SEC_RESERVE:
// touching one would end the process. Committing affects all views, in all processes.
func (v nativeView) commit() error {
	end := v.addr + uintptr(v.cap)
	for at := v.addr; at < end; {
		region, err := queryRegion(at)
		if err != nil {
			return err
		}
		size := min(region.RegionSize, end-at)
		if region.State == windows.MEM_RESERVE && region.AllocationProtect != windows.PAGE_NOACCESS {
			if _, err := windows.VirtualAlloc(at, size, windows.MEM_COMMIT, region.AllocationProtect); err != nil {
				return systemFault(err)
			}
		}
		at += size
	}
	return nil
}

func queryRegion(addr uintptr) (region windows.MemoryBasicInformation, err error) {
	if err := windows.VirtualQuery(addr, &region, unsafe.Sizeof(region)); err != nil {
		return region, systemFault(err)
	}
	return region, nil
}

func (v nativeView) bytes() []byte {
	return unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(nil), v.addr)), v.cap)[:v.len]
}

func (v nativeView) length() int  { return v.len }
func (v nativeView) flush() error { return systemFault(windows.FlushViewOfFile(v.addr, 0)) }
func (v nativeView) unmap() error { return systemFault(windows.UnmapViewOfFile(v.addr)) }

// vacate unmaps the view and then takes its addresses, if nobody else in the process has taken them in between and the
// system has so much memory to promise.
func (v nativeView) vacate() (free func(), err error) {
	free = func() {}
	if err := v.unmap(); err != nil {
		return free, err
	}
	_, err = windows.VirtualAlloc(v.addr, uintptr(v.cap), windows.MEM_RESERVE|windows.MEM_COMMIT, windows.PAGE_READWRITE)
	if err == nil {
		free = func() { windows.VirtualFree(v.addr, 0, windows.MEM_RELEASE) }
	}
	return free, nil
}

// exists reports whether a name is taken, by an object of any kind.
func exists(name Name) bool {
	wide, err := wideName(name)
	if err != nil {
		return false
	}
	handle, err := openFileMapping(sectionQuery, false, wide)
	if err == nil {
		windows.CloseHandle(handle)
	}
	return err == nil || err == windows.ERROR_ACCESS_DENIED || err == windows.ERROR_INVALID_HANDLE
}

// wideName returns a name as the system takes it: nil for the unnamed object. A lone surrogate is kept.
func wideName(name Name) (*uint16, error) {
	if name.Namespace == Unnamed {
		return nil, nil
	}
	wide, err := windows.UTF16PtrFromString(name.String())
	if err != nil {
		return nil, &fault.Fault{Code: fault.InvalidName, Cause: err}
	}
	return wide, nil
}
