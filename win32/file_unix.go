//go:build unix && !aix

package win32

import "os"

type file struct{ f *os.File }

func (f *file) close() { f.f.Close() }

func createOverFile(handle Handle, page, flags uint32, size uint64, name string, inherit bool) (Handle, error) {
	return 0, ERROR_NOT_SUPPORTED
}

func createFile(name *uint16, access, mode uint32, sa *SecurityAttributes, create, attrs uint32, template Handle) (Handle, error) {
	return InvalidHandle, ERROR_NOT_SUPPORTED
}

func fileHandle(f *os.File) (Handle, error) { return InvalidHandle, ERROR_NOT_SUPPORTED }

func getFileSizeEx(file Handle, size *int64) error { return ERROR_NOT_SUPPORTED }

func getFileType(file Handle) (uint32, error) { return FILE_TYPE_UNKNOWN, ERROR_NOT_SUPPORTED }
