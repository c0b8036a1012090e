package win32

// CreateMutex creates a mutex, or opens the one of this name; then the handle comes with ERROR_ALREADY_EXISTS, and the
// caller does not own the mutex. A nil or empty name creates an unnamed mutex.
//
// A mutex belongs to the thread that waited for it, whatever handle it used. The thread may wait again, and must then
// release it as many times. A thread that ends without releasing abandons it: the next wait returns WAIT_ABANDONED,
// once. Closing a handle releases nothing. A goroutine must be locked to its thread for as long as it owns a mutex.
//
// One thread of a Go program never ends: the main one, which the runtime parks when a goroutine locked to it ends. So
// what that goroutine owned is not abandoned before the process ends. Any goroutine may run there, unless an init
// function of package main has called [runtime.LockOSThread], which keeps the main thread for the main goroutine.
//
//   - Unix: in this process a thread's end is noticed by the next wait, in others within a tenth of a second. Closing
//     the last handle in any process destroys the mutex, owned or not; while there are other handles, the thread still
//     owns it.
//
// Errors: ERROR_INVALID_HANDLE if the name belongs to another kind of object; those of a name.
//
// Source: CreateMutexW.
func CreateMutex(mutexAttrs *SecurityAttributes, initialOwner bool, name *uint16) (handle Handle, err error) {
	return createMutex(mutexAttrs, initialOwner, name)
}

// CreateMutexEx is CreateMutex with flags and the rights for the handle.
//
// Source: CreateMutexExW.
func CreateMutexEx(mutexAttrs *SecurityAttributes, name *uint16, flags uint32,
	desiredAccess uint32) (handle Handle, err error) {
	return createMutexEx(mutexAttrs, name, flags, desiredAccess)
}

// OpenMutex opens an existing mutex. Errors: those of [OpenEvent].
//
// Source: OpenMutexW.
func OpenMutex(desiredAccess uint32, inheritHandle bool, name *uint16) (handle Handle, err error) {
	return openMutex(desiredAccess, inheritHandle, name)
}

// ReleaseMutex undoes one wait of the calling thread. It requires no right.
//
// Errors: ERROR_NOT_OWNER, ERROR_INVALID_HANDLE.
//
// Source: ReleaseMutex.
func ReleaseMutex(mutex Handle) (err error) { return releaseMutex(mutex) }

// EndThread declares that the calling thread is about to end: the mutexes that it owns are abandoned now rather than
// when its end is noticed. It is for libraries that are notified of a thread's end. On Windows the system knows, and
// EndThread does nothing.
func EndThread() { endThread() }
