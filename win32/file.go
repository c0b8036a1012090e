package win32

import "os"

// CreateFile opens or makes a file, for a section over it. access is GENERIC_READ, GENERIC_WRITE or both; createmode one
// of the five of which CREATE_NEW is the first.
//
// Errors: InvalidHandle comes with ERROR_FILE_NOT_FOUND, ERROR_PATH_NOT_FOUND, ERROR_ACCESS_DENIED, which a directory has
// as well, ERROR_FILE_EXISTS, ERROR_FILENAME_EXCED_RANGE. A file that existed already with CREATE_ALWAYS and OPEN_ALWAYS is
// no error; [CreateFileExisted] tells of it.
//
//   - Unix: the name is a path of this system. mode, attrs but for FILE_FLAG_DELETE_ON_CLOSE, and templatefile do not
//     count: nobody is kept from opening the file besides. What FILE_FLAG_DELETE_ON_CLOSE removes is the file that was opened,
//     not what has taken its path meanwhile; Linux alone finds a file again that was moved.
//
// Source: CreateFileW.
func CreateFile(name *uint16, access uint32, mode uint32, sa *SecurityAttributes, createmode uint32, attrs uint32, templatefile Handle) (handle Handle, err error) {
	handle, _, err = createFile(name, access, mode, sa, createmode, attrs, templatefile)
	return handle, err
}

// CreateFileExisted is CreateFile that says with CREATE_ALWAYS and OPEN_ALWAYS whether the file existed already. In C the
// last error tells that: it is ERROR_ALREADY_EXISTS though the call succeeded, which golang.org/x/sys/windows keeps to
// itself.
//
// Source: CreateFileW.
func CreateFileExisted(name *uint16, access uint32, mode uint32, sa *SecurityAttributes, createmode uint32, attrs uint32, templatefile Handle) (handle Handle, existed bool, err error) {
	return createFile(name, access, mode, sa, createmode, attrs, templatefile)
}

// FileHandle is a handle of a file that Go has open, to be closed with CloseHandle. It is a duplicate: f stays open, and
// may be closed before.
func FileHandle(f *os.File) (handle Handle, err error) { return fileHandle(f) }

// GetFileSizeEx tells the size of a file in bytes.
//
// Source: GetFileSizeEx.
func GetFileSizeEx(file Handle, size *int64) (err error) { return getFileSizeEx(file, size) }

// GetFileType tells what a file is: FILE_TYPE_DISK, FILE_TYPE_CHAR or FILE_TYPE_PIPE. For a handle that is of no file it is
// FILE_TYPE_UNKNOWN, with ERROR_INVALID_HANDLE.
//
// Source: GetFileType.
func GetFileType(file Handle) (n uint32, err error) { return getFileType(file) }
