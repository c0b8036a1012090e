package kernel

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// nativeSection is a section handle, and what was asked about it when it was opened.
type nativeSection struct {
	handle windows.Handle
	total  int64
	access Access
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
	for wait := newBackoff(ctx); ; {
		s, existed, err := createOnce(name, spec, access, attributes)
		if err == nil && existed && mode == MustBeNew {
			s.close()
			return nativeSection{}, true, &Fault{Code: AlreadyExists}
		}
		if codeOf(err) != AccessDenied || name.Namespace == Unnamed {
			return s, existed, err
		}
		// CreateFileMapping asks an existing section for all that the protection grants, and is denied where the
		// section's security gives less, although the access that is wanted here may be had.
		s, openErr := openSection(ctx, name, access)
		switch code := codeOf(openErr); {
		case mode == MustBeNew && (openErr == nil || code == AccessDenied):
			s.close()
			return nativeSection{}, true, &Fault{Code: AlreadyExists}
		case code != FileNotFound:
			return s, openErr == nil, openErr
		}
		// Either nobody may make the name here, or the section died between the two calls.
		if name.Namespace == Global && !mayCreateGlobal() {
			return nativeSection{}, false, advise(err, "%s", globalAdvice)
		}
		if !wait.pause() {
			return nativeSection{}, false, err
		}
	}
}

func createOnce(name Name, spec Spec, access Access, attributes *windows.SecurityAttributes) (nativeSection, bool, error) {
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
		return nativeSection{}, false, adviseCommit(fault(err))
	}
	if handle, err = reduce(handle, spec.Protection.grants(), access); err != nil {
		return nativeSection{}, existed, err
	}
	s, err := newNativeSection(handle, access)
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
		// A program that wrote its own security may allow mapping and forbid asking.
		handle, err = openFileMapping(rights, false, wide)
	}
	if err != nil {
		return nativeSection{}, fault(err)
	}
	return newNativeSection(handle, access)
}

// newNativeSection takes the handle over. The size is asked for here, once, so that it stays known after Close.
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

// querySize is the section's size as the system keeps it: whole pages, but for a section over a file, which some other
// program made.
func querySize(handle windows.Handle) (int64, error) {
	var info sectionBasicInformation
	if err := ntQuerySection(handle, sectionBasicClass, &info, unsafe.Sizeof(info), nil); err != nil {
		return 0, fault(err)
	}
	return info.size, nil
}

// measureSize finds the size of a section that may be mapped and not be asked.
func measureSize(handle windows.Handle, access Access) (int64, error) {
	addr, err := windows.MapViewOfFile(handle, uint32(access), 0, 0, 0)
	if err != nil {
		return 0, fault(err)
	}
	defer windows.UnmapViewOfFile(addr)
	var total int64
	// Neighbouring regions of one view differ where only a part of a reserved section is committed.
	for {
		region, err := queryRegion(addr + uintptr(total))
		if err != nil || region.AllocationBase != addr {
			return total, err
		}
		total += int64(region.RegionSize)
	}
}

// sectionRights are the rights to a section that an access needs. FILE_MAP_EXECUTE is another number than the right,
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

// reduce takes from a creator's handle what access does not ask for: CreateFileMapping gives all that the protection
// allows. It takes the handle over.
func reduce(handle windows.Handle, grants, access Access) (windows.Handle, error) {
	rights := sectionRights(access)
	if rights == sectionRights(grants) {
		return handle, nil
	}
	self := windows.CurrentProcess()
	var reduced windows.Handle
	// The source is closed even where this fails; the name never is without a handle.
	err := windows.DuplicateHandle(self, handle, self, &reduced, rights|sectionQuery|windows.READ_CONTROL, false,
		windows.DUPLICATE_CLOSE_SOURCE)
	if err != nil {
		return 0, fault(err)
	}
	return reduced, nil
}

func (s nativeSection) size() int64     { return s.total }
func (s nativeSection) granted() Access { return s.access }

func (s nativeSection) close() error {
	if s.handle == 0 {
		return nil // a creation that failed
	}
	return fault(windows.CloseHandle(s.handle))
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
		return nativeView{}, fail(NotEnoughMemory, "%d bytes do not fit into a 32-bit process", actual)
	}
	addr, err := windows.MapViewOfFile(s.handle, uint32(access), uint32(uint64(offset)>>32), uint32(offset), uintptr(length))
	if err != nil {
		return nativeView{}, adviseCommit(fault(err))
	}
	page := int64(windows.Getpagesize())
	view := nativeView{addr: addr, len: int(actual), cap: int((actual + page - 1) &^ (page - 1))}
	if err := view.commit(); err != nil {
		view.unmap()
		return nativeView{}, adviseCommit(err)
	}
	return view, nil
}

// refuseLength refuses a negative length, which MapViewOfFile cannot be given, for the first of the reasons that
// Windows would find.
func (s nativeSection) refuseLength(offset, length int64, access Access) error {
	switch {
	case sectionRights(access)&^sectionRights(s.access) != 0:
		return &Fault{Code: AccessDenied}
	case offset%Granularity != 0:
		return &Fault{Code: MappedAlignment}
	}
	return fail(InvalidParameter, "the length is %d bytes", length)
}

// commit makes the pages of the view usable that are only reserved, as they are in a section that was made with
// SEC_RESERVE: touching one would end the process. What is committed is so for all views, in all processes.
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
				return fault(err)
			}
		}
		at += size
	}
	return nil
}

func queryRegion(addr uintptr) (region windows.MemoryBasicInformation, err error) {
	if err := windows.VirtualQuery(addr, &region, unsafe.Sizeof(region)); err != nil {
		return region, fault(err)
	}
	return region, nil
}

func (v nativeView) bytes() []byte {
	return unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(nil), v.addr)), v.cap)[:v.len]
}

func (v nativeView) length() int  { return v.len }
func (v nativeView) flush() error { return fault(windows.FlushViewOfFile(v.addr, 0)) }
func (v nativeView) unmap() error { return fault(windows.UnmapViewOfFile(v.addr)) }

// exists reports whether a name is taken, by an object of whatever kind.
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

// buryObjects finds nothing: the kernel closes the handles of the dead.
func buryObjects(Namespace) ([]Burial, error) { return nil, nil }

// nameWatch waits for a name to appear. Windows tells nobody when one does, so this pauses, longer each time.
type nameWatch struct{ next time.Duration }

func newNameWatch(Name) *nameWatch { return &nameWatch{next: time.Millisecond} }

// wait returns when it is worth to look again, or with the context's error.
func (w *nameWatch) wait(ctx context.Context) error {
	timer := time.NewTimer(w.next)
	defer timer.Stop()
	w.next = min(w.next*2, 50*time.Millisecond)
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *nameWatch) close() {}

// wideName is a name as the system takes it: nil for the unnamed object. A lone surrogate comes through.
func wideName(name Name) (*uint16, error) {
	if name.Namespace == Unnamed {
		return nil, nil
	}
	wide, err := windows.UTF16PtrFromString(name.String())
	if err != nil {
		return nil, &Fault{Code: InvalidName, Cause: err}
	}
	return wide, nil
}

// fault makes a Fault of the system's error; nil stays nil. The system's own text is kept only for a code that has no
// sentence of ours: the others would say the same thing twice.
func fault(err error) error {
	if err == nil {
		return nil
	}
	var errno syscall.Errno
	if status, ok := err.(windows.NTStatus); ok {
		errno = status.Errno()
	} else if !errors.As(err, &errno) {
		return err
	}
	f := &Fault{Code: Code(errno)}
	if f.Code.Symbol() == "" {
		f.Cause = errno
	}
	return f
}

// adviseCommit adds to a refusal for want of memory which limit it is and how much of it is left.
func adviseCommit(err error) error {
	if codeOf(err) != CommitmentLimit {
		return err
	}
	left := ""
	if status, err := queryMemory(); err == nil {
		left = fmt.Sprintf(": %d MiB, of which %d MiB are free", status.totalCommit>>20, status.freeCommit>>20)
	}
	return advise(err, "RAM and paging file together are the limit%s; enlarge the paging file, or map less of a section "+
		"made without commit", left)
}

func queryMemory() (memoryStatus, error) {
	status := memoryStatus{length: uint32(unsafe.Sizeof(memoryStatus{}))}
	err := globalMemoryStatusEx(&status)
	return status, err
}
