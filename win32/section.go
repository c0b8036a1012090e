package win32

// CreateFileMapping makes a section, or opens the one of this name; then the handle comes with ERROR_ALREADY_EXISTS, and
// size, protection and attributes stay what they were.
//
// fhandle is a file, or InvalidHandle for memory that no file keeps. prot is one of the PAGE_ constants, joined with SEC_
// constants; the size is maxSizeHigh<<32 + maxSizeLow bytes. Memory is rounded up to whole pages. A section over a file
// has exactly the size that was asked for, to which the file is grown; the size 0 means that of the file. A nil or empty
// name makes a section without one. The handle may do what the protection allows.
//
// Errors: ERROR_INVALID_PARAMETER for an impossible protection or size, whether or not the name exists;
// ERROR_NOT_ENOUGH_MEMORY for a size that no section can have, and for one that a file open for reading has not;
// ERROR_COMMITMENT_LIMIT; ERROR_INVALID_HANDLE when the name is another kind of object, or fhandle no file;
// ERROR_FILE_INVALID for an empty file; ERROR_DISK_FULL; ERROR_ACCESS_DENIED for a Global name without the privilege, and
// for a protection that the file's handle does not allow; those of a name.
//
//   - Unix: fhandle may also be a descriptor, win32.Handle(f.Fd()). What other programs do to the file's length afterwards is
//     theirs to answer for: a page that is not there any more cannot be touched.
//   - Linux: a section over a file can have a name in the Local namespace. Who opens it for writing must have the right to
//     open the file so. A name in the Global namespace, and on other Unix systems any, is ERROR_NOT_SUPPORTED.
//
// Source: CreateFileMappingW.
func CreateFileMapping(fhandle Handle, sa *SecurityAttributes, prot uint32, maxSizeHigh uint32, maxSizeLow uint32, name *uint16) (handle Handle, err error) {
	return createFileMapping(fhandle, sa, prot, maxSizeHigh, maxSizeLow, name)
}

// OpenFileMapping opens a section that exists. desiredAccess are rights, of which exactly FILE_MAP_COPY is taken for
// FILE_MAP_READ and FILE_MAP_EXECUTE for SECTION_MAP_EXECUTE. It is not checked against the section's protection, but
// when a view is mapped.
//
// Errors: ERROR_FILE_NOT_FOUND; ERROR_ACCESS_DENIED where the security does not grant the access, or none was asked for;
// ERROR_INVALID_HANDLE for an object of another kind; ERROR_INVALID_PARAMETER for a nil name; those of a name.
//
// Source: OpenFileMappingW.
func OpenFileMapping(desiredAccess uint32, inheritHandle bool, name *uint16) (handle Handle, err error) {
	return openFileMapping(desiredAccess, inheritHandle, name)
}

// SectionBasicInformation is what NtQuerySection tells of a section. Size is in bytes: whole pages, or the exact size of
// a section over a file.
type SectionBasicInformation struct {
	BaseAddress uintptr
	Attributes  uint32 // SEC_ constants
	Size        int64
}

// NtQuerySection tells a section's size and attributes, which no Win32 call does. The handle needs SECTION_QUERY.
//
// Source: NtQuerySection, with its class SectionBasicInformation.
func NtQuerySection(section Handle, info *SectionBasicInformation) (err error) {
	return querySection(section, info)
}
