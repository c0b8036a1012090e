package win32

// CreateEvent makes an event, or opens the one of this name; then the handle comes with ERROR_ALREADY_EXISTS, and the
// other arguments do not count. A nil or empty name makes an event without one.
//
// Errors: ERROR_INVALID_HANDLE when the name is another kind of object; those of a name.
//
// Source: CreateEventW.
func CreateEvent(eventAttrs *SecurityAttributes, manualReset uint32, initialState uint32, name *uint16) (handle Handle, err error) {
	return createEvent(eventAttrs, manualReset, initialState, name)
}

// CreateEventEx is CreateEvent with flags, and with the rights that the handle is to have.
//
// Source: CreateEventExW.
func CreateEventEx(eventAttrs *SecurityAttributes, name *uint16, flags uint32, desiredAccess uint32) (handle Handle, err error) {
	return createEventEx(eventAttrs, name, flags, desiredAccess)
}

// OpenEvent opens an event that exists.
//
// Errors: ERROR_FILE_NOT_FOUND; ERROR_ACCESS_DENIED where the security does not grant the rights, or none were asked for;
// ERROR_INVALID_HANDLE for an object of another kind; ERROR_INVALID_PARAMETER for a nil name; those of a name.
//
// Source: OpenEventW.
func OpenEvent(desiredAccess uint32, inheritHandle bool, name *uint16) (handle Handle, err error) {
	return openEvent(desiredAccess, inheritHandle, name)
}

// SetEvent signals an event. Of an auto-reset event it lets one wait through, of a manual-reset one all, until ResetEvent.
//
// Errors: ERROR_INVALID_HANDLE; ERROR_ACCESS_DENIED without EVENT_MODIFY_STATE.
//
// Source: SetEvent.
func SetEvent(event Handle) (err error) { return setEvent(event) }

// ResetEvent takes the signal back.
//
// Source: ResetEvent.
func ResetEvent(event Handle) (err error) { return resetEvent(event) }

// PulseEvent lets through who waits now, one or all, and leaves the event reset.
//
// Source: PulseEvent.
func PulseEvent(event Handle) (err error) { return pulseEvent(event) }
