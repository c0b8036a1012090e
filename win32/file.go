package win32

import "os"

// CreateFile opens or creates a file, for a section over it. access is GENERIC_READ, GENERIC_WRITE or both, plus
// GENERIC_EXECUTE for an executable section; createmode is one of CREATE_NEW, CREATE_ALWAYS, OPEN_EXISTING, OPEN_ALWAYS
// and TRUNCATE_EXISTING.
//
// Errors: InvalidHandle comes with ERROR_FILE_NOT_FOUND, ERROR_PATH_NOT_FOUND, ERROR_ACCESS_DENIED (also for a
// directory), ERROR_FILE_EXISTS, ERROR_FILENAME_EXCED_RANGE. An existing file is not an error with CREATE_ALWAYS and
// OPEN_ALWAYS; [CreateFileExisted] reports it.
//
//   - Unix: the name is a path of this system. mode, templatefile, and attrs except FILE_FLAG_DELETE_ON_CLOSE are
//     ignored: others can always open the file too. FILE_FLAG_DELETE_ON_CLOSE removes the file that was opened, not one
//     that has taken its path meanwhile; only Linux finds a file that was moved.
//
// Source: CreateFileW.
func CreateFile(name *uint16, access uint32, mode uint32, sa *SecurityAttributes, createmode uint32, attrs uint32,
	templatefile Handle) (handle Handle, err error) {
	handle, _, err = createFile(name, access, mode, sa, createmode, attrs, templatefile)
	return handle, err
}

// CreateFileExisted is CreateFile that also reports, with CREATE_ALWAYS and OPEN_ALWAYS, whether the file already
// existed. In C the last error says so: it is ERROR_ALREADY_EXISTS although the call succeeded, which
// golang.org/x/sys/windows does not pass on.
//
// Source: CreateFileW.
func CreateFileExisted(name *uint16, access uint32, mode uint32, sa *SecurityAttributes, createmode uint32,
	attrs uint32, templatefile Handle) (handle Handle, existed bool, err error) {
	return createFile(name, access, mode, sa, createmode, attrs, templatefile)
}

// FileHandle returns a handle to a file that Go has open; close it with CloseHandle. It is a duplicate: f stays open,
// and may be closed first.
//
//   - Unix: a readable file counts as executable, because descriptors have no such right.
func FileHandle(f *os.File) (handle Handle, err error) { return fileHandle(f) }

// GetFileSizeEx returns the size of a file in bytes.
//
// Source: GetFileSizeEx.
func GetFileSizeEx(file Handle, size *int64) (err error) { return getFileSizeEx(file, size) }

// GetFileType returns the type of a file: FILE_TYPE_DISK, FILE_TYPE_CHAR or FILE_TYPE_PIPE. For a handle that is not a
// file's it is FILE_TYPE_UNKNOWN, with ERROR_INVALID_HANDLE.
//
// Source: GetFileType.
func GetFileType(file Handle) (n uint32, err error) { return getFileType(file) }
