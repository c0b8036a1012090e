package kernel

import "golang.org/x/sys/windows"

// The calls that x/sys does not have. Its own MapViewOfFile and VirtualQuery are used as they are.

//sys	openFileMapping(access uint32, inherit bool, name *uint16) (handle windows.Handle, err error) = kernel32.OpenFileMappingW
//sys	openSemaphore(access uint32, inherit bool, name *uint16) (handle windows.Handle, err error) = kernel32.OpenSemaphoreW
//sys	createSemaphoreEx(attributes *windows.SecurityAttributes, initial int32, maximum int32, name *uint16, flags uint32, access uint32) (handle windows.Handle, err error) [failretval==0 || e1==windows.ERROR_ALREADY_EXISTS] = kernel32.CreateSemaphoreExW
//sys	releaseSemaphore(semaphore windows.Handle, count int32, previous *int32) (err error) = kernel32.ReleaseSemaphore
//sys	waitForMultipleObjectsEx(count uint32, handles *windows.Handle, all bool, milliseconds uint32, alertable bool) (status uint32, err error) [failretval==0xffffffff] = kernel32.WaitForMultipleObjectsEx
//sys	queueUserAPC(function uintptr, thread windows.Handle, data uintptr) (err error) = kernel32.QueueUserAPC
//sys	compareObjectHandles(first windows.Handle, second windows.Handle) (same bool) = kernelbase.CompareObjectHandles
//sys	globalMemoryStatusEx(status *memoryStatus) (err error) = kernel32.GlobalMemoryStatusEx
//sys	ntQuerySection(section windows.Handle, class uint32, info *sectionBasicInformation, length uintptr, returned *uintptr) (ntstatus error) = ntdll.NtQuerySection
//sys	ntQueryEvent(event windows.Handle, class uint32, info *eventBasicInformation, length uint32, returned *uint32) (ntstatus error) = ntdll.NtQueryEvent
//sys	ntQueryMutant(mutant windows.Handle, class uint32, info unsafe.Pointer, length uint32, returned *uint32) (ntstatus error) = ntdll.NtQueryMutant
//sys	ntQuerySemaphore(semaphore windows.Handle, class uint32, info *semaphoreBasicInformation, length uint32, returned *uint32) (ntstatus error) = ntdll.NtQuerySemaphore
//sys	ntQueryObject(object windows.Handle, class uint32, info unsafe.Pointer, length uint32, returned *uint32) (ntstatus error) = ntdll.NtQueryObject
//sys	ntOpenDirectoryObject(directory *windows.Handle, access uint32, attributes *windows.OBJECT_ATTRIBUTES) (ntstatus error) = ntdll.NtOpenDirectoryObject
//sys	ntQueryDirectoryObject(directory windows.Handle, buffer *byte, length uint32, single bool, restart bool, context *uint32, returned *uint32) (status windows.NTStatus) = ntdll.NtQueryDirectoryObject

// Rights to a section, to a directory of names, and to what can be waited for. The numbers are those of the Windows
// headers.
const (
	sectionQuery      = 0x0001
	sectionMapWrite   = 0x0002
	sectionMapRead    = 0x0004
	sectionMapExecute = 0x0008
	directoryQuery    = 0x0001
	stateQuery        = 0x0001 // EVENT_QUERY_STATE, MUTANT_QUERY_STATE, SEMAPHORE_QUERY_STATE
)

// Attributes of CreateFileMapping beside the page protection.
const (
	secReserve = 0x04000000
	secCommit  = 0x08000000
)

// Classes of information.
const (
	sectionBasicClass = 0
	objectBasicClass  = 0
	objectNameClass   = 1
	stateBasicClass   = 0 // of events, mutexes and semaphores
	mutantOwnerClass  = 1
)

// sectionBasicInformation is SECTION_BASIC_INFORMATION.
type sectionBasicInformation struct {
	baseAddress uintptr
	attributes  uint32
	size        int64
}

// objectBasicInformation is OBJECT_BASIC_INFORMATION, which ends in a time that only directories and links have.
type objectBasicInformation struct {
	attributes         uint32
	grantedAccess      uint32
	handleCount        uint32
	pointerCount       uint32
	pagedPoolCharge    uint32
	nonPagedPoolCharge uint32
	reserved           [3]uint32
	nameInfoSize       uint32
	typeInfoSize       uint32
	descriptorSize     uint32
	created            windows.Filetime
}

// memoryStatus is MEMORYSTATUSEX.
type memoryStatus struct {
	length        uint32
	load          uint32
	totalPhysical uint64
	freePhysical  uint64
	totalCommit   uint64
	freeCommit    uint64
	totalVirtual  uint64
	freeVirtual   uint64
	freeExtended  uint64
}

// directoryEntry is OBJECT_DIRECTORY_INFORMATION: the strings point into the buffer that it came in.
type directoryEntry struct {
	name windows.NTUnicodeString
	kind windows.NTUnicodeString
}

// handleEntry is SYSTEM_HANDLE_TABLE_ENTRY_INFO_EX.
type handleEntry struct {
	object     uintptr
	pid        uintptr
	handle     uintptr
	access     uint32
	trace      uint16
	kind       uint16
	attributes uint32
	reserved   uint32
}

// eventBasicInformation is EVENT_BASIC_INFORMATION.
type eventBasicInformation struct {
	automatic uint32 // EVENT_TYPE: 0 is NotificationEvent, which is reset by hand
	signaled  int32
}

// mutantBasicInformation is MUTANT_BASIC_INFORMATION. The count is one for a mutex that nobody owns.
type mutantBasicInformation struct {
	count     int32
	own       uint8
	abandoned uint8
}

// mutantOwnerInformation is MUTANT_OWNER_INFORMATION.
type mutantOwnerInformation struct {
	process uintptr
	thread  uintptr
}

// semaphoreBasicInformation is SEMAPHORE_BASIC_INFORMATION.
type semaphoreBasicInformation struct {
	count   uint32
	maximum uint32
}
