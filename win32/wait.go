package win32

// WaitForSingleObject waits until the object is signaled or the time is up. The event is WAIT_OBJECT_0, WAIT_ABANDONED
// for a mutex whose last owner ended without releasing it, uint32(WAIT_TIMEOUT), or WAIT_FAILED with an error. 0
// milliseconds checks once, INFINITE waits forever.
//
// Errors: ERROR_INVALID_HANDLE; ERROR_ACCESS_DENIED without SYNCHRONIZE, which the handle of a section never has.
//
// Source: WaitForSingleObject.
func WaitForSingleObject(handle Handle, waitMilliseconds uint32) (event uint32, err error) {
	return waitForSingleObject(handle, waitMilliseconds)
}

// WaitForMultipleObjects waits until one of several objects is signaled, or with waitAll until all of them are at once.
// The event is WAIT_OBJECT_0 plus the lowest index that satisfied the wait, WAIT_ABANDONED plus an index, or as in
// WaitForSingleObject.
//
// Errors: ERROR_INVALID_PARAMETER for none or more than MAXIMUM_WAIT_OBJECTS, and with waitAll for an object that
// occurs twice; ERROR_INVALID_HANDLE, also for a pseudo handle; ERROR_ACCESS_DENIED.
//
// Source: WaitForMultipleObjects.
func WaitForMultipleObjects(handles []Handle, waitAll bool, waitMilliseconds uint32) (event uint32, err error) {
	return waitForMultipleObjects(handles, waitAll, waitMilliseconds)
}

// SignalObjectAndWait sets an event, releases a mutex or adds one to a semaphore, and then waits for an object. If the
// first step fails, it does not wait.
//
//   - Unix: these are two separate steps, and alertable is ignored.
//
// Source: SignalObjectAndWait.
func SignalObjectAndWait(signal Handle, wait Handle, waitMilliseconds uint32,
	alertable bool) (event uint32, err error) {
	return signalObjectAndWait(signal, wait, waitMilliseconds, alertable)
}

// SleepEx suspends the thread, forever with INFINITE. It returns 0, or on Windows WAIT_IO_COMPLETION if an alertable
// thread was alerted.
//
//   - Unix: alertable is ignored, so the result is always 0.
//
// Source: SleepEx.
func SleepEx(milliseconds uint32, alertable bool) (ret uint32) {
	return sleepEx(milliseconds, alertable)
}
