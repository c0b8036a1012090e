package win32

// CreateEvent creates an event, or opens the one of this name; then the handle comes with ERROR_ALREADY_EXISTS, and the
// other arguments are ignored. A nil or empty name creates an unnamed event.
//
// Errors: ERROR_INVALID_HANDLE if the name belongs to another kind of object; those of a name.
//
// Source: CreateEventW.
func CreateEvent(eventAttrs *SecurityAttributes, manualReset uint32, initialState uint32,
	name *uint16) (handle Handle, err error) {
	return createEvent(eventAttrs, manualReset, initialState, name)
}

// CreateEventEx is CreateEvent with flags and the rights for the handle.
//
// Source: CreateEventExW.
func CreateEventEx(eventAttrs *SecurityAttributes, name *uint16, flags uint32,
	desiredAccess uint32) (handle Handle, err error) {
	return createEventEx(eventAttrs, name, flags, desiredAccess)
}

// OpenEvent opens an existing event.
//
// Errors: ERROR_FILE_NOT_FOUND; ERROR_ACCESS_DENIED if the security does not grant the rights, or none were requested;
// ERROR_INVALID_HANDLE for an object of another kind; ERROR_INVALID_PARAMETER for a nil name; those of a name.
//
// Source: OpenEventW.
func OpenEvent(desiredAccess uint32, inheritHandle bool, name *uint16) (handle Handle, err error) {
	return openEvent(desiredAccess, inheritHandle, name)
}

// SetEvent signals an event. An auto-reset event then satisfies one wait, a manual-reset event every wait until
// ResetEvent.
//
// Errors: ERROR_INVALID_HANDLE; ERROR_ACCESS_DENIED without EVENT_MODIFY_STATE.
//
// Source: SetEvent.
func SetEvent(event Handle) (err error) { return setEvent(event) }

// ResetEvent makes an event nonsignaled.
//
// Source: ResetEvent.
func ResetEvent(event Handle) (err error) { return resetEvent(event) }

// PulseEvent releases the threads that are waiting now, one or all, and leaves the event reset.
//
// Source: PulseEvent.
func PulseEvent(event Handle) (err error) { return pulseEvent(event) }
