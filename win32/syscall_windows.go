package win32

// The calls that golang.org/x/sys/windows does not have, and CreateFileW, because it does not report whether the file
// existed.

//sys	openFileMapping(access uint32, inherit bool, name *uint16) (handle Handle, err error) = kernel32.OpenFileMappingW
//sys	mapViewOfFileEx(handle Handle, access uint32, offsetHigh uint32, offsetLow uint32, length uintptr, base uintptr) (addr uintptr, err error) = kernel32.MapViewOfFileEx
//sys	createFileW(name *uint16, access uint32, mode uint32, attributes *SecurityAttributes, create uint32, attrs uint32, template Handle) (handle Handle, err error) [failretval==InvalidHandle || e1==windows.ERROR_ALREADY_EXISTS] = kernel32.CreateFileW
//sys	openSemaphore(access uint32, inherit bool, name *uint16) (handle Handle, err error) = kernel32.OpenSemaphoreW
//sys	createSemaphore(attributes *SecurityAttributes, initial int32, maximum int32, name *uint16) (handle Handle, err error) [failretval==0 || e1==windows.ERROR_ALREADY_EXISTS] = kernel32.CreateSemaphoreW
//sys	createSemaphoreEx(attributes *SecurityAttributes, initial int32, maximum int32, name *uint16, flags uint32, access uint32) (handle Handle, err error) [failretval==0 || e1==windows.ERROR_ALREADY_EXISTS] = kernel32.CreateSemaphoreExW
//sys	releaseSemaphore(semaphore Handle, count int32, previous *int32) (err error) = kernel32.ReleaseSemaphore
//sys	signalObjectAndWait(signal Handle, wait Handle, milliseconds uint32, alertable bool) (event uint32, err error) [failretval==0xffffffff] = kernel32.SignalObjectAndWait
//sys	compareObjectHandles(first Handle, second Handle) (same bool) = kernelbase.CompareObjectHandles
//sys	getHandleInformation(handle Handle, flags *uint32) (err error) = kernel32.GetHandleInformation
//sys	getFileSizeEx(file Handle, size *int64) (err error) = kernel32.GetFileSizeEx
//sys	ntQuerySection(section Handle, class uint32, info *SectionBasicInformation, length uintptr, returned *uintptr) (ntstatus error) = ntdll.NtQuerySection
