package win32

// CreateSemaphore makes a semaphore, or opens the one of this name; then the handle comes with ERROR_ALREADY_EXISTS, and
// the counts do not count. A nil or empty name makes a semaphore without one.
//
// Errors: ERROR_INVALID_PARAMETER unless 0 <= initialCount <= maximumCount and 1 <= maximumCount, whether or not the name
// exists; ERROR_INVALID_HANDLE when the name is another kind of object; those of a name.
//
// Source: CreateSemaphoreW.
func CreateSemaphore(semaphoreAttrs *SecurityAttributes, initialCount int32, maximumCount int32, name *uint16) (handle Handle, err error) {
	return createSemaphore(semaphoreAttrs, initialCount, maximumCount, name)
}

// CreateSemaphoreEx is CreateSemaphore with flags, of which there are none, and with the rights that the handle is to have.
//
// Source: CreateSemaphoreExW.
func CreateSemaphoreEx(semaphoreAttrs *SecurityAttributes, initialCount int32, maximumCount int32, name *uint16, flags uint32, desiredAccess uint32) (handle Handle, err error) {
	return createSemaphoreEx(semaphoreAttrs, initialCount, maximumCount, name, flags, desiredAccess)
}

// OpenSemaphore opens a semaphore that exists. Errors: those of [OpenEvent].
//
// Source: OpenSemaphoreW.
func OpenSemaphore(desiredAccess uint32, inheritHandle bool, name *uint16) (handle Handle, err error) {
	return openSemaphore(desiredAccess, inheritHandle, name)
}

// ReleaseSemaphore adds to a semaphore's count and, unless previousCount is nil, says what it was.
//
// Errors: ERROR_TOO_MANY_POSTS if the count would go above its maximum, which changes nothing; ERROR_INVALID_PARAMETER for
// a releaseCount below one; ERROR_ACCESS_DENIED without SEMAPHORE_MODIFY_STATE; ERROR_INVALID_HANDLE.
//
// Source: ReleaseSemaphore.
func ReleaseSemaphore(semaphore Handle, releaseCount int32, previousCount *int32) (err error) {
	return releaseSemaphore(semaphore, releaseCount, previousCount)
}
