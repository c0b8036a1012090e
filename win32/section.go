package win32

// CreateFileMapping creates a section, or opens the one of this name; then the handle comes with ERROR_ALREADY_EXISTS,
// and size, protection and attributes stay what they were.
//
// fhandle is a file, or InvalidHandle for memory that is not backed by a file. prot is one of the PAGE_ constants,
// joined with SEC_ constants; the size is maxSizeHigh<<32 + maxSizeLow bytes. Memory is rounded up to whole pages. A
// section over a file has exactly the requested size, and the file grows to it; size 0 means the size of the file. A
// nil or empty name creates an unnamed section. The handle may be used for what the protection allows.
//
// Errors: ERROR_INVALID_PARAMETER for an impossible protection or size, whether or not the name exists;
// ERROR_NOT_ENOUGH_MEMORY for a size that no section can have, or larger than a file that is open for reading;
// ERROR_COMMITMENT_LIMIT; ERROR_INVALID_HANDLE if the name belongs to another kind of object, or fhandle is not a file;
// ERROR_FILE_INVALID for an empty file; ERROR_DISK_FULL; ERROR_ACCESS_DENIED for a Global name without the privilege,
// and for a protection that the file's handle does not allow: an executable one requires GENERIC_EXECUTE; those of a
// name.
//
//   - Unix: fhandle may also be a descriptor, win32.Handle(f.Fd()). Other programs can change the file's length
//     afterwards: a page that is gone cannot be accessed.
//   - Linux: a section over a file can have a name in the Local namespace. A process that opens it for writing must
//     have the right to open the file for writing. A name in the Global namespace, and on other Unix systems any name,
//     is ERROR_NOT_SUPPORTED.
//
// Source: CreateFileMappingW.
func CreateFileMapping(fhandle Handle, sa *SecurityAttributes, prot uint32, maxSizeHigh uint32, maxSizeLow uint32,
	name *uint16) (handle Handle, err error) {
	return createFileMapping(fhandle, sa, prot, maxSizeHigh, maxSizeLow, name)
}

// OpenFileMapping opens an existing section. desiredAccess is a set of rights; FILE_MAP_COPY alone counts as
// FILE_MAP_READ, and FILE_MAP_EXECUTE alone as SECTION_MAP_EXECUTE. It is checked against the section's protection only
// when a view is mapped.
//
// Errors: ERROR_FILE_NOT_FOUND; ERROR_ACCESS_DENIED if the security does not grant the access, or none was requested;
// ERROR_INVALID_HANDLE for an object of another kind; ERROR_INVALID_PARAMETER for a nil name; those of a name.
//
// Source: OpenFileMappingW.
func OpenFileMapping(desiredAccess uint32, inheritHandle bool, name *uint16) (handle Handle, err error) {
	return openFileMapping(desiredAccess, inheritHandle, name)
}

// SectionBasicInformation is what NtQuerySection reports about a section. Size is in bytes: whole pages, or the exact
// size of a section over a file.
type SectionBasicInformation struct {
	BaseAddress uintptr
	Attributes  uint32 // SEC_ constants
	Size        int64
}

// NtQuerySection returns a section's size and attributes, which no Win32 call does. The handle must have SECTION_QUERY.
//
// Source: NtQuerySection, with its class SectionBasicInformation.
func NtQuerySection(section Handle, info *SectionBasicInformation) (err error) {
	return querySection(section, info)
}
