package win32

// WaitForSingleObject waits until the object lets the caller through, or until the time is up. The event is
// WAIT_OBJECT_0, WAIT_ABANDONED for a mutex whose last owner ended without releasing it, uint32(WAIT_TIMEOUT), or
// WAIT_FAILED with an error. 0 milliseconds looks once, INFINITE waits without limit.
//
// Errors: ERROR_INVALID_HANDLE; ERROR_ACCESS_DENIED without SYNCHRONIZE, which the handle of a section never has.
//
// Source: WaitForSingleObject.
func WaitForSingleObject(handle Handle, waitMilliseconds uint32) (event uint32, err error) {
	return waitForSingleObject(handle, waitMilliseconds)
}

// WaitForMultipleObjects waits for one of several objects, or with waitAll until all of them would let the caller through
// at one moment. The event is WAIT_OBJECT_0 plus the lowest index that ended the wait, WAIT_ABANDONED plus an index, or as
// in WaitForSingleObject.
//
// Errors: ERROR_INVALID_PARAMETER for none or more than MAXIMUM_WAIT_OBJECTS, and with waitAll for an object that is there
// twice; ERROR_INVALID_HANDLE, also for a pseudo handle; ERROR_ACCESS_DENIED.
//
// Source: WaitForMultipleObjects.
func WaitForMultipleObjects(handles []Handle, waitAll bool, waitMilliseconds uint32) (event uint32, err error) {
	return waitForMultipleObjects(handles, waitAll, waitMilliseconds)
}

// SignalObjectAndWait sets an event, releases a mutex or adds one to a semaphore, and then waits for an object. If the
// first fails it does not wait.
//
//   - Unix: the two are two steps, and alertable does not count.
//
// Source: SignalObjectAndWait.
func SignalObjectAndWait(signal Handle, wait Handle, waitMilliseconds uint32, alertable bool) (event uint32, err error) {
	return signalObjectAndWait(signal, wait, waitMilliseconds, alertable)
}

// SleepEx lets time pass, with INFINITE without end. It is 0, or on Windows WAIT_IO_COMPLETION for an alertable thread that
// was alerted.
//
//   - Unix: alertable does not count, and so it is always 0.
//
// Source: SleepEx.
func SleepEx(milliseconds uint32, alertable bool) (ret uint32) {
	return sleepEx(milliseconds, alertable)
}
