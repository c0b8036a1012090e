package win32

import (
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Every call is the system's own.

func createFileMapping(file Handle, sa *SecurityAttributes, prot, high, low uint32, name *uint16) (Handle, error) {
	return windows.CreateFileMapping(file, sa, prot, high, low, name)
}

func mapViewOfFile(handle Handle, access, high, low uint32, length uintptr) (uintptr, error) {
	return windows.MapViewOfFile(handle, access, high, low, length)
}

func unmapViewOfFile(addr uintptr) error         { return windows.UnmapViewOfFile(addr) }
func flushViewOfFile(addr, length uintptr) error { return windows.FlushViewOfFile(addr, length) }

func virtualQuery(address uintptr, buffer *MemoryBasicInformation, length uintptr) error {
	return windows.VirtualQuery(address, buffer, length)
}

func virtualProtect(address, size uintptr, protect uint32, old *uint32) error {
	return windows.VirtualProtect(address, size, protect, old)
}

func virtualAlloc(address, size uintptr, kind, protect uint32) (uintptr, error) {
	return windows.VirtualAlloc(address, size, kind, protect)
}

func virtualFree(address, size uintptr, kind uint32) error {
	return windows.VirtualFree(address, size, kind)
}

// querySection asks for the one class that this package supports.
func querySection(section Handle, info *SectionBasicInformation) error {
	err := ntQuerySection(section, 0, info, unsafe.Sizeof(*info), nil)
	if status, ok := err.(windows.NTStatus); ok {
		return status.Errno()
	}
	return err
}

func createEvent(sa *SecurityAttributes, manual, initial uint32, name *uint16) (Handle, error) {
	return windows.CreateEvent(sa, manual, initial, name)
}

func createEventEx(sa *SecurityAttributes, name *uint16, flags, access uint32) (Handle, error) {
	return windows.CreateEventEx(sa, name, flags, access)
}

func openEvent(access uint32, inherit bool, name *uint16) (Handle, error) {
	return windows.OpenEvent(access, inherit, name)
}

func setEvent(event Handle) error   { return windows.SetEvent(event) }
func resetEvent(event Handle) error { return windows.ResetEvent(event) }
func pulseEvent(event Handle) error { return windows.PulseEvent(event) }

func createMutex(sa *SecurityAttributes, owner bool, name *uint16) (Handle, error) {
	return windows.CreateMutex(sa, owner, name)
}

func createMutexEx(sa *SecurityAttributes, name *uint16, flags, access uint32) (Handle, error) {
	return windows.CreateMutexEx(sa, name, flags, access)
}

func openMutex(access uint32, inherit bool, name *uint16) (Handle, error) {
	return windows.OpenMutex(access, inherit, name)
}

func releaseMutex(mutex Handle) error { return windows.ReleaseMutex(mutex) }

func endThread() {}

func waitForSingleObject(handle Handle, milliseconds uint32) (uint32, error) {
	return windows.WaitForSingleObject(handle, milliseconds)
}

func waitForMultipleObjects(handles []Handle, all bool, milliseconds uint32) (uint32, error) {
	return windows.WaitForMultipleObjects(handles, all, milliseconds)
}

func sleepEx(milliseconds uint32, alertable bool) uint32 {
	return windows.SleepEx(milliseconds, alertable)
}

func closeHandle(handle Handle) error { return windows.CloseHandle(handle) }

func duplicateHandle(fromProcess, from, toProcess Handle, to *Handle, access uint32, inherit bool,
	options uint32) error {
	return windows.DuplicateHandle(fromProcess, from, toProcess, to, access, inherit, options)
}

func setHandleInformation(handle Handle, mask, flags uint32) error {
	return windows.SetHandleInformation(handle, mask, flags)
}

func currentThread() uint32 { return windows.GetCurrentThreadId() }

func createFile(name *uint16, access, mode uint32, sa *SecurityAttributes, create, attrs uint32,
	template Handle) (Handle, bool, error) {
	handle, err := createFileW(name, access, mode, sa, create, attrs, template)
	if handle != InvalidHandle {
		return handle, err == ERROR_ALREADY_EXISTS, nil
	}
	return handle, false, err
}

func fileHandle(f *os.File) (Handle, error) {
	self := CurrentProcess()
	var duplicate Handle
	err := windows.DuplicateHandle(self, Handle(f.Fd()), self, &duplicate, 0, false, windows.DUPLICATE_SAME_ACCESS)
	if err != nil {
		return InvalidHandle, err
	}
	return duplicate, nil
}

func getFileType(file Handle) (uint32, error) { return windows.GetFileType(file) }

func utf16FromString(s string) ([]uint16, error) { return windows.UTF16FromString(s) }

// utf16PtrFromANSI does what the A functions do before they call the W ones.
func utf16PtrFromANSI(name *byte) (*uint16, error) {
	const codePage = 0 // CP_ACP
	length := int32(len(bytesAt(name)))
	if length == 0 {
		return new(uint16), nil
	}
	n, err := windows.MultiByteToWideChar(codePage, 0, name, length, nil, 0)
	if err != nil {
		return nil, ERROR_INVALID_NAME
	}
	if n > MAX_PATH {
		return nil, ERROR_FILENAME_EXCED_RANGE
	}
	units := make([]uint16, n+1)
	if _, err := windows.MultiByteToWideChar(codePage, 0, name, length, &units[0], n); err != nil {
		return nil, ERROR_INVALID_NAME
	}
	return &units[0], nil
}
