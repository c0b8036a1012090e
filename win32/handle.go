package win32

import "os"

// CloseHandle closes a handle. The object's name is gone with the last handle in any process; views stay. Closing the
// pseudo handle of the process does nothing and succeeds.
//
// Errors: ERROR_INVALID_HANDLE, also for a handle that is protected from closing.
//
// Source: CloseHandle.
func CloseHandle(handle Handle) (err error) { return closeHandle(handle) }

// DuplicateHandle creates another handle to the same object, with the requested rights or, with DUPLICATE_SAME_ACCESS,
// the same ones. With DUPLICATE_CLOSE_SOURCE the source is closed even if the call fails. A duplicate that replaces its
// source may have the source's number.
//
// Errors: ERROR_INVALID_HANDLE; ERROR_ACCESS_DENIED for rights that the object's security does not grant.
//
//   - Unix: both processes must be this one.
//
// Source: DuplicateHandle.
func DuplicateHandle(hSourceProcessHandle Handle, hSourceHandle Handle, hTargetProcessHandle Handle,
	lpTargetHandle *Handle, dwDesiredAccess uint32, bInheritHandle bool, dwOptions uint32) (err error) {
	return duplicateHandle(hSourceProcessHandle, hSourceHandle, hTargetProcessHandle, lpTargetHandle, dwDesiredAccess,
		bInheritHandle, dwOptions)
}

// CompareObjectHandles reports whether two handles refer to the same object. The pseudo handle of the process and a
// duplicate of it do. Where Windows sets the last error to ERROR_NOT_SAME_OBJECT, or to ERROR_INVALID_HANDLE for an
// invalid handle, the result here is just false.
//
// Source: CompareObjectHandles.
func CompareObjectHandles(first Handle, second Handle) (same bool) {
	return compareObjectHandles(first, second)
}

// GetHandleInformation returns a handle's flags: HANDLE_FLAG_INHERIT and HANDLE_FLAG_PROTECT_FROM_CLOSE.
//
// Source: GetHandleInformation.
func GetHandleInformation(handle Handle, flags *uint32) (err error) {
	return getHandleInformation(handle, flags)
}

// SetHandleInformation changes the flags of a handle that are in mask.
//
//   - Unix: HANDLE_FLAG_INHERIT is stored and reported, but no child inherits a handle: fork and exec know nothing of
//     them.
//
// Source: SetHandleInformation.
func SetHandleInformation(handle Handle, mask uint32, flags uint32) (err error) {
	return setHandleInformation(handle, mask, flags)
}

// GetCurrentProcess is the pseudo handle of this process. The error is always nil.
//
// Source: GetCurrentProcess.
func GetCurrentProcess() (Handle, error) { return CurrentProcess(), nil }

// CurrentProcess is the pseudo handle of this process, which has the number of InvalidHandle and need not be closed.
//
// Source: GetCurrentProcess.
func CurrentProcess() Handle { return InvalidHandle }

// GetCurrentProcessId is the number of this process.
//
// Source: GetCurrentProcessId.
func GetCurrentProcessId() (pid uint32) { return uint32(os.Getpid()) }

// GetCurrentThreadId is the number of the calling thread, which is what owns mutexes.
//
// Source: GetCurrentThreadId.
func GetCurrentThreadId() (id uint32) { return currentThread() }
