//go:build aix || (!unix && !windows)

package win32

import "os"

// The twins of a platform that has nothing to share. They fail, and say so.

func createFileMapping(Handle, *SecurityAttributes, uint32, uint32, uint32, *uint16) (Handle, error) {
	return 0, ERROR_NOT_SUPPORTED
}

func openFileMapping(uint32, bool, *uint16) (Handle, error) { return 0, ERROR_NOT_SUPPORTED }

func querySection(Handle, *SectionBasicInformation) error { return ERROR_NOT_SUPPORTED }

func mapViewOfFile(Handle, uint32, uint32, uint32, uintptr) (uintptr, error) {
	return 0, ERROR_NOT_SUPPORTED
}

func mapViewOfFileEx(Handle, uint32, uint32, uint32, uintptr, uintptr) (uintptr, error) {
	return 0, ERROR_NOT_SUPPORTED
}

func unmapViewOfFile(uintptr) error          { return ERROR_NOT_SUPPORTED }
func flushViewOfFile(uintptr, uintptr) error { return ERROR_NOT_SUPPORTED }

func virtualQuery(uintptr, *MemoryBasicInformation, uintptr) error { return ERROR_NOT_SUPPORTED }

func virtualProtect(uintptr, uintptr, uint32, *uint32) error { return ERROR_NOT_SUPPORTED }

func virtualAlloc(uintptr, uintptr, uint32, uint32) (uintptr, error) { return 0, ERROR_NOT_SUPPORTED }

func virtualFree(uintptr, uintptr, uint32) error { return ERROR_NOT_SUPPORTED }

func createEvent(*SecurityAttributes, uint32, uint32, *uint16) (Handle, error) {
	return 0, ERROR_NOT_SUPPORTED
}

func createEventEx(*SecurityAttributes, *uint16, uint32, uint32) (Handle, error) {
	return 0, ERROR_NOT_SUPPORTED
}

func openEvent(uint32, bool, *uint16) (Handle, error) { return 0, ERROR_NOT_SUPPORTED }

func setEvent(Handle) error   { return ERROR_NOT_SUPPORTED }
func resetEvent(Handle) error { return ERROR_NOT_SUPPORTED }
func pulseEvent(Handle) error { return ERROR_NOT_SUPPORTED }

func createMutex(*SecurityAttributes, bool, *uint16) (Handle, error) { return 0, ERROR_NOT_SUPPORTED }

func createMutexEx(*SecurityAttributes, *uint16, uint32, uint32) (Handle, error) {
	return 0, ERROR_NOT_SUPPORTED
}

func openMutex(uint32, bool, *uint16) (Handle, error) { return 0, ERROR_NOT_SUPPORTED }

func releaseMutex(Handle) error { return ERROR_NOT_SUPPORTED }

func endThread() {}

func createSemaphore(*SecurityAttributes, int32, int32, *uint16) (Handle, error) {
	return 0, ERROR_NOT_SUPPORTED
}

func createSemaphoreEx(*SecurityAttributes, int32, int32, *uint16, uint32, uint32) (Handle, error) {
	return 0, ERROR_NOT_SUPPORTED
}

func openSemaphore(uint32, bool, *uint16) (Handle, error) { return 0, ERROR_NOT_SUPPORTED }

func releaseSemaphore(Handle, int32, *int32) error { return ERROR_NOT_SUPPORTED }

func waitForSingleObject(Handle, uint32) (uint32, error) { return WAIT_FAILED, ERROR_NOT_SUPPORTED }

func waitForMultipleObjects([]Handle, bool, uint32) (uint32, error) {
	return WAIT_FAILED, ERROR_NOT_SUPPORTED
}

func signalObjectAndWait(Handle, Handle, uint32, bool) (uint32, error) {
	return WAIT_FAILED, ERROR_NOT_SUPPORTED
}

func closeHandle(Handle) error { return ERROR_NOT_SUPPORTED }

func duplicateHandle(Handle, Handle, Handle, *Handle, uint32, bool, uint32) error {
	return ERROR_NOT_SUPPORTED
}

func compareObjectHandles(Handle, Handle) bool { return false }

func getHandleInformation(Handle, *uint32) error { return ERROR_NOT_SUPPORTED }

func setHandleInformation(Handle, uint32, uint32) error { return ERROR_NOT_SUPPORTED }

func currentThread() uint32 { return 0 }

func createFile(*uint16, uint32, uint32, *SecurityAttributes, uint32, uint32, Handle) (Handle, bool, error) {
	return InvalidHandle, false, ERROR_NOT_SUPPORTED
}

func fileHandle(*os.File) (Handle, error) { return InvalidHandle, ERROR_NOT_SUPPORTED }

func getFileSizeEx(Handle, *int64) error { return ERROR_NOT_SUPPORTED }

func getFileType(Handle) (uint32, error) { return FILE_TYPE_UNKNOWN, ERROR_NOT_SUPPORTED }
