package win32

import "unsafe"

// MapViewOfFile maps length bytes of a section from an offset of offsetHigh<<32 + offsetLow, which is a multiple of
// 65,536. Length 0 means to the end of the section. The address is a multiple of 65,536 as well, and the view has whole
// pages.
//
// access is FILE_MAP_COPY alone for a copy-on-write view, otherwise FILE_MAP_WRITE for one that is read and written,
// otherwise FILE_MAP_READ; without any of them the view cannot be touched. FILE_MAP_EXECUTE is added to one of them.
//
// Errors, in the order they are looked for: ERROR_INVALID_HANDLE; ERROR_ACCESS_DENIED when the handle lacks the right;
// ERROR_MAPPED_ALIGNMENT; ERROR_INVALID_PARAMETER when the section's protection forbids the access, or for a length of
// SIZE_MAX; ERROR_ACCESS_DENIED for a range that does not lie in the section; ERROR_NOT_ENOUGH_MEMORY.
//
// The view keeps the memory alive, but not the name. Nothing unmaps it but UnmapViewOfFile, and the end of the process.
//
// Source: MapViewOfFile.
func MapViewOfFile(handle Handle, access uint32, offsetHigh uint32, offsetLow uint32, length uintptr) (addr uintptr, err error) {
	return mapViewOfFile(handle, access, offsetHigh, offsetLow, length)
}

// MapViewOfFileEx is MapViewOfFile at an address of the caller's choice, a multiple of 65,536. 0 leaves the choice to the
// system.
//
// Errors also: ERROR_MAPPED_ALIGNMENT for another address, ERROR_INVALID_ADDRESS for one that is in use.
//
// Source: MapViewOfFileEx.
func MapViewOfFileEx(handle Handle, access uint32, offsetHigh uint32, offsetLow uint32, length uintptr, baseAddress uintptr) (addr uintptr, err error) {
	return mapViewOfFileEx(handle, access, offsetHigh, offsetLow, length, baseAddress)
}

// UnmapViewOfFile unmaps the view that an address lies in, whole. ERROR_INVALID_ADDRESS for an address in no view.
//
// Source: UnmapViewOfFile.
func UnmapViewOfFile(addr uintptr) (err error) { return unmapViewOfFile(addr) }

// FlushViewOfFile has the pages of a view over a file written to it, from an address on; length 0 means to the view's end.
// For other views there is nothing to do. ERROR_INVALID_ADDRESS for an address in no view.
//
// Source: FlushViewOfFile.
func FlushViewOfFile(addr uintptr, length uintptr) (err error) { return flushViewOfFile(addr, length) }

// Bytes is length bytes of memory from an address on, for a view. The rules for the slice are those of any pointer into
// memory that is not Go's: after UnmapViewOfFile it must not be used.
//
// It is not inlined: the compiler of Go 1.26 breaks down over a copy of a constant to an address that is made of nil.
//
//go:noinline
func Bytes(addr uintptr, length int) []byte {
	return unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(nil), addr)), length)
}

// VirtualQuery tells about the pages from an address on that are alike. length is the size of buffer.
//
// Errors: ERROR_BAD_LENGTH for a length that is too small, ERROR_NOACCESS for a nil buffer.
//
//   - Unix: views are told exactly. Linux reads about other memory in /proc/self/maps; elsewhere it is ERROR_NOT_SUPPORTED.
//
// Source: VirtualQuery.
func VirtualQuery(address uintptr, buffer *MemoryBasicInformation, length uintptr) (err error) {
	return virtualQuery(address, buffer, length)
}

// VirtualProtect changes the protection of pages of a view, to one that allows no more than the view was mapped with.
// It affects this view alone.
//
// Errors: ERROR_NOACCESS for a nil oldprotect; ERROR_INVALID_PARAMETER for a protection that allows more, or none at all;
// ERROR_INVALID_ADDRESS for a range that lies in no view.
//
//   - Unix: it is for views only.
//
// Source: VirtualProtect.
func VirtualProtect(address uintptr, size uintptr, newprotect uint32, oldprotect *uint32) (err error) {
	return virtualProtect(address, size, newprotect, oldprotect)
}

// VirtualAlloc with MEM_COMMIT commits pages of a view of a section that was made with SEC_RESERVE: they can be touched
// then, through every view.
//
//   - Unix: it is for views only; other memory is Go's. Anything else is ERROR_NOT_SUPPORTED.
//
// Source: VirtualAlloc.
func VirtualAlloc(address uintptr, size uintptr, alloctype uint32, protect uint32) (value uintptr, err error) {
	return virtualAlloc(address, size, alloctype, protect)
}

// VirtualFree fails for a view with ERROR_INVALID_PARAMETER: UnmapViewOfFile is what frees it.
//
//   - Unix: there is no other memory that it could free.
//
// Source: VirtualFree.
func VirtualFree(address uintptr, size uintptr, freetype uint32) (err error) {
	return virtualFree(address, size, freetype)
}
