package win32

import "unsafe"

// MapViewOfFile maps length bytes of a section from the offset offsetHigh<<32 + offsetLow, which must be a multiple of
// 65,536. Length 0 means to the end of the section. The address is a multiple of 65,536 as well, and the view has whole
// pages.
//
// access is FILE_MAP_COPY alone for a copy-on-write view, otherwise FILE_MAP_WRITE for one that is read and written,
// otherwise FILE_MAP_READ; with none of them the view cannot be accessed. FILE_MAP_EXECUTE is added to one of them.
// Another right of a section together with FILE_MAP_COPY, such as SECTION_MAP_EXECUTE, also makes a view that cannot be
// accessed.
//
// Errors, in the order they are checked: ERROR_INVALID_HANDLE; ERROR_ACCESS_DENIED if the handle lacks the right;
// ERROR_MAPPED_ALIGNMENT; ERROR_INVALID_PARAMETER if the section's protection forbids the access, or for a length of
// SIZE_MAX; ERROR_ACCESS_DENIED for a range that is not inside the section; ERROR_NOT_ENOUGH_MEMORY.
//
// The view keeps the memory alive, but not the name. Only UnmapViewOfFile and the end of the process unmap it.
//
// Source: MapViewOfFile.
func MapViewOfFile(handle Handle, access uint32, offsetHigh uint32, offsetLow uint32,
	length uintptr) (addr uintptr, err error) {
	return mapViewOfFile(handle, access, offsetHigh, offsetLow, length)
}

// MapViewOfFileEx is MapViewOfFile at an address of the caller's choice, a multiple of 65,536. 0 leaves the choice to
// the system.
//
// Other errors: ERROR_MAPPED_ALIGNMENT for an unaligned address, ERROR_INVALID_ADDRESS for one that is in use.
//
// Source: MapViewOfFileEx.
func MapViewOfFileEx(handle Handle, access uint32, offsetHigh uint32, offsetLow uint32, length uintptr,
	baseAddress uintptr) (addr uintptr, err error) {
	return mapViewOfFileEx(handle, access, offsetHigh, offsetLow, length, baseAddress)
}

// UnmapViewOfFile unmaps the whole view that contains an address. It fails with ERROR_INVALID_ADDRESS for an address
// that is not in a view.
//
// Source: UnmapViewOfFile.
func UnmapViewOfFile(addr uintptr) (err error) { return unmapViewOfFile(addr) }

// FlushViewOfFile writes the pages of a view over a file to that file, from an address; length 0 means to the view's
// end. For other views there is nothing to do. It fails with ERROR_INVALID_ADDRESS for an address that is not in a
// view.
//
// Source: FlushViewOfFile.
func FlushViewOfFile(addr uintptr, length uintptr) (err error) { return flushViewOfFile(addr, length) }

// Bytes returns length bytes of memory from an address, for a view. The slice is not Go memory: it must not be used
// after UnmapViewOfFile.
//
// It is not inlined: the compiler of Go 1.26 crashes on a copy of a constant to an address derived from nil.
//
//go:noinline
func Bytes(addr uintptr, length int) []byte {
	return unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(nil), addr)), length)
}

// VirtualQuery describes the range of similar pages that begins at an address. length is the size of buffer.
//
// Errors: ERROR_BAD_LENGTH for a length that is too small, ERROR_NOACCESS for a nil buffer.
//
//   - Unix: views are described exactly. For other memory Linux reads /proc/self/maps; elsewhere it is
//     ERROR_NOT_SUPPORTED.
//
// Source: VirtualQuery.
func VirtualQuery(address uintptr, buffer *MemoryBasicInformation, length uintptr) (err error) {
	return virtualQuery(address, buffer, length)
}

// VirtualProtect changes the protection of pages of a view, to one that allows no more than the view was mapped with.
// It affects this view alone.
//
// With PAGE_WRITECOPY, or PAGE_EXECUTE_WRITECOPY, the first write to a page makes it the view's own for good: it is
// then reported as PAGE_READWRITE (PAGE_EXECUTE_READWRITE), and nobody else sees what is written to it. Pages that were
// not written become shared again with PAGE_READWRITE.
//
// Errors: ERROR_NOACCESS for a nil oldprotect; ERROR_INVALID_PARAMETER for a protection that allows more or is invalid;
// ERROR_INVALID_ADDRESS for a range that is not in a view; ERROR_SWAPERROR if pages had to be copied but are gone
// because their file was truncated.
//
//   - Unix: it is for views only, and PAGE_GUARD is ERROR_INVALID_PARAMETER. While pages become shared again, what
//     other threads write to them may be lost.
//   - Linux: the pages of a Global section, which has no descriptor, are copied when they become copy-on-write: until
//     they are written, or are shared again, they show what they had then. So are those of a view whose section's
//     handle is closed, when more than 64 sections are open for their views alone.
//   - Other Unix systems: pages of a shared view cannot become copy-on-write: ERROR_NOT_SUPPORTED.
//
// Source: VirtualProtect.
func VirtualProtect(address uintptr, size uintptr, newprotect uint32, oldprotect *uint32) (err error) {
	return virtualProtect(address, size, newprotect, oldprotect)
}

// VirtualAlloc with MEM_COMMIT commits pages of a view of a section that was created with SEC_RESERVE: they can then be
// accessed through every view.
//
//   - Unix: it is for views only; other memory belongs to Go. Anything else is ERROR_NOT_SUPPORTED.
//
// Source: VirtualAlloc.
func VirtualAlloc(address uintptr, size uintptr, alloctype uint32, protect uint32) (value uintptr, err error) {
	return virtualAlloc(address, size, alloctype, protect)
}

// VirtualFree fails for a view with ERROR_INVALID_PARAMETER: UnmapViewOfFile frees a view.
//
//   - Unix: there is no other memory it could free.
//
// Source: VirtualFree.
func VirtualFree(address uintptr, size uintptr, freetype uint32) (err error) {
	return virtualFree(address, size, freetype)
}
