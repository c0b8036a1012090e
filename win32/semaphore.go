package win32

// CreateSemaphore creates a semaphore, or opens the one of this name; then the handle comes with ERROR_ALREADY_EXISTS,
// and the counts are ignored. A nil or empty name creates an unnamed semaphore.
//
// Errors: ERROR_INVALID_PARAMETER unless 0 <= initialCount <= maximumCount and 1 <= maximumCount, whether or not the
// name exists; ERROR_INVALID_HANDLE if the name belongs to another kind of object; those of a name.
//
// Source: CreateSemaphoreW.
func CreateSemaphore(semaphoreAttrs *SecurityAttributes, initialCount int32, maximumCount int32,
	name *uint16) (handle Handle, err error) {
	return createSemaphore(semaphoreAttrs, initialCount, maximumCount, name)
}

// CreateSemaphoreEx is CreateSemaphore with flags, none of which exist, and the rights for the handle.
//
// Source: CreateSemaphoreExW.
func CreateSemaphoreEx(semaphoreAttrs *SecurityAttributes, initialCount int32, maximumCount int32, name *uint16,
	flags uint32, desiredAccess uint32) (handle Handle, err error) {
	return createSemaphoreEx(semaphoreAttrs, initialCount, maximumCount, name, flags, desiredAccess)
}

// OpenSemaphore opens an existing semaphore. Errors: those of [OpenEvent].
//
// Source: OpenSemaphoreW.
func OpenSemaphore(desiredAccess uint32, inheritHandle bool, name *uint16) (handle Handle, err error) {
	return openSemaphore(desiredAccess, inheritHandle, name)
}

// ReleaseSemaphore adds to a semaphore's count and, unless previousCount is nil, stores the previous count there.
//
// Errors: ERROR_TOO_MANY_POSTS if the count would exceed its maximum, in which case nothing changes;
// ERROR_INVALID_PARAMETER for a releaseCount below one; ERROR_ACCESS_DENIED without SEMAPHORE_MODIFY_STATE;
// ERROR_INVALID_HANDLE.
//
// Source: ReleaseSemaphore.
func ReleaseSemaphore(semaphore Handle, releaseCount int32, previousCount *int32) (err error) {
	return releaseSemaphore(semaphore, releaseCount, previousCount)
}
