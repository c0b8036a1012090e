package win32

// CreateMutex makes a mutex, or opens the one of this name; then the handle comes with ERROR_ALREADY_EXISTS, and the
// caller does not own it. A nil or empty name makes a mutex without one.
//
// A mutex belongs to the thread that waited for it, through whatever handle. It may wait again, and must then release as
// many times. A thread that ends without releasing abandons it: the next wait returns WAIT_ABANDONED, once. Closing a
// handle releases nothing. A goroutine must be locked to its thread for as long as it owns a mutex.
//
//   - Unix: in this process a thread's end is noticed by the next wait, in others within a tenth of a second. The last
//     handle of all processes takes the mutex with it, owned or not; while others have handles the thread goes on owning it.
//
// Errors: ERROR_INVALID_HANDLE when the name is another kind of object; those of a name.
//
// Source: CreateMutexW.
func CreateMutex(mutexAttrs *SecurityAttributes, initialOwner bool, name *uint16) (handle Handle, err error) {
	return createMutex(mutexAttrs, initialOwner, name)
}

// CreateMutexEx is CreateMutex with flags, and with the rights that the handle is to have.
//
// Source: CreateMutexExW.
func CreateMutexEx(mutexAttrs *SecurityAttributes, name *uint16, flags uint32, desiredAccess uint32) (handle Handle, err error) {
	return createMutexEx(mutexAttrs, name, flags, desiredAccess)
}

// OpenMutex opens a mutex that exists. Errors: those of [OpenEvent].
//
// Source: OpenMutexW.
func OpenMutex(desiredAccess uint32, inheritHandle bool, name *uint16) (handle Handle, err error) {
	return openMutex(desiredAccess, inheritHandle, name)
}

// ReleaseMutex undoes one wait of the calling thread. It takes no right.
//
// Errors: ERROR_NOT_OWNER, ERROR_INVALID_HANDLE.
//
// Source: ReleaseMutex.
func ReleaseMutex(mutex Handle) (err error) { return releaseMutex(mutex) }

// EndThread says that the calling thread is about to end: the mutexes that it owns are abandoned now, and not when its
// end is noticed. It is for libraries that are told of a thread's end. On Windows the system knows, and this does nothing.
func EndThread() { endThread() }
