package win32

// InvalidHandle is INVALID_HANDLE_VALUE: as a file, the paging file; as a process, this one.
const InvalidHandle = ^Handle(0)

// Constants of waits.
const (
	INFINITE             = 0xffffffff // no time limit
	MAXIMUM_WAIT_OBJECTS = 64         // how many handles one wait takes
	MAX_PATH             = 260        // the longest name in the A functions

	WAIT_OBJECT_0      = 0x00000000 // plus the index: this object satisfied the wait
	WAIT_ABANDONED     = 0x00000080 // plus the index: this mutex did, and its last owner ended without releasing it
	WAIT_ABANDONED_0   = 0x00000080 // the same
	WAIT_IO_COMPLETION = 0x000000C0 // an alertable wait was alerted, which happens only on Windows
	WAIT_FAILED        = 0xFFFFFFFF // the error says why
)

// Protections of pages, for CreateFileMapping, VirtualProtect and VirtualQuery.
const (
	PAGE_NOACCESS          = 0x00000001 // no access
	PAGE_READONLY          = 0x00000002 // read
	PAGE_READWRITE         = 0x00000004 // read and write
	PAGE_WRITECOPY         = 0x00000008 // read, and write to a private copy
	PAGE_EXECUTE           = 0x00000010 // execute
	PAGE_EXECUTE_READ      = 0x00000020 // execute and read
	PAGE_EXECUTE_READWRITE = 0x00000040 // execute, read and write
	PAGE_EXECUTE_WRITECOPY = 0x00000080 // execute, read, and write to a private copy
	PAGE_GUARD             = 0x00000100 // not for sections, and on Unix not for views
	PAGE_NOCACHE           = 0x00000200 // not for sections; reported for views of a section with SEC_NOCACHE
	PAGE_WRITECOMBINE      = 0x00000400 // not for sections; reported for views of a section with SEC_WRITECOMBINE
)

// Attributes of a section, for CreateFileMapping.
const (
	SEC_FILE             = 0x00800000 // reported for a section over a file, never requested
	SEC_IMAGE            = 0x01000000 // an executable file; not on Unix
	SEC_PROTECTED_IMAGE  = 0x02000000 // an executable file; not on Unix
	SEC_RESERVE          = 0x04000000 // commit pages, or committed only after VirtualAlloc has committed them
	SEC_COMMIT           = 0x08000000 // the default
	SEC_NOCACHE          = 0x10000000 // with SEC_RESERVE or SEC_COMMIT; no effect on Unix
	SEC_WRITECOMBINE     = 0x40000000 // with SEC_RESERVE or SEC_COMMIT; no effect on Unix
	SEC_LARGE_PAGES      = 0x80000000 // requires SeLockMemoryPrivilege, which nobody has on Unix
	SEC_IMAGE_NO_EXECUTE = 0x11000000 // SEC_IMAGE and SEC_NOCACHE
)

// Rights to a section, and access for MapViewOfFile.
const (
	SECTION_QUERY            = 0x0001  // NtQuerySection
	SECTION_MAP_WRITE        = 0x0002  // a writable view
	SECTION_MAP_READ         = 0x0004  // a readable or copy-on-write view
	SECTION_MAP_EXECUTE      = 0x0008  // an executable view
	SECTION_EXTEND_SIZE      = 0x0010  // no effect
	SECTION_ALL_ACCESS       = 0xF001F // all of them and the standard rights
	FILE_MAP_COPY            = 0x01    // a copy-on-write view, if alone
	FILE_MAP_WRITE           = 0x02    // a writable view
	FILE_MAP_READ            = 0x04    // a readable view
	FILE_MAP_EXECUTE         = 0x20    // with another one: an executable view
	FILE_MAP_ALL_ACCESS      = 0xF001F // SECTION_ALL_ACCESS, which does not contain FILE_MAP_EXECUTE
	FILE_MAP_LARGE_PAGES     = 0x20000000
	FILE_MAP_TARGETS_INVALID = 0x40000000
)

// Rights to events, mutexes and semaphores, and flags for creating them.
const (
	EVENT_QUERY_STATE  = 0x0001                                       // no effect
	EVENT_MODIFY_STATE = 0x0002                                       // SetEvent, ResetEvent, PulseEvent
	EVENT_ALL_ACCESS   = STANDARD_RIGHTS_REQUIRED | SYNCHRONIZE | 0x3 // all
	MUTANT_QUERY_STATE = 0x0001                                       // no effect
	MUTANT_ALL_ACCESS  = STANDARD_RIGHTS_REQUIRED | SYNCHRONIZE | 0x1 // all
	// no effect: the owner of a mutex may release it
	MUTEX_MODIFY_STATE         = MUTANT_QUERY_STATE
	MUTEX_ALL_ACCESS           = MUTANT_ALL_ACCESS                            // all
	SEMAPHORE_QUERY_STATE      = 0x0001                                       // no effect
	SEMAPHORE_MODIFY_STATE     = 0x0002                                       // ReleaseSemaphore
	SEMAPHORE_ALL_ACCESS       = STANDARD_RIGHTS_REQUIRED | SYNCHRONIZE | 0x3 // all
	CREATE_EVENT_MANUAL_RESET  = 0x1                                          // CreateEventEx: a manual-reset event
	CREATE_EVENT_INITIAL_SET   = 0x2                                          // CreateEventEx: initially set
	CREATE_MUTEX_INITIAL_OWNER = 0x1                                          // CreateMutexEx: the caller owns it
)

// Rights that every kind of object has, and generic ones.
const (
	DELETE                   = 0x00010000 // granted, no effect
	READ_CONTROL             = 0x00020000 // granted, no effect on Unix
	WRITE_DAC                = 0x00040000 // granted, no effect on Unix
	WRITE_OWNER              = 0x00080000 // granted, no effect on Unix
	SYNCHRONIZE              = 0x00100000 // waiting
	STANDARD_RIGHTS_REQUIRED = 0x000F0000 // the four before SYNCHRONIZE
	STANDARD_RIGHTS_READ     = READ_CONTROL
	STANDARD_RIGHTS_WRITE    = READ_CONTROL
	STANDARD_RIGHTS_EXECUTE  = READ_CONTROL
	STANDARD_RIGHTS_ALL      = 0x001F0000
	SPECIFIC_RIGHTS_ALL      = 0x0000FFFF
	ACCESS_SYSTEM_SECURITY   = 0x01000000 // requires a privilege
	MAXIMUM_ALLOWED          = 0x02000000 // whatever the security grants
	GENERIC_READ             = 0x80000000 // the rights for reading this kind of object
	GENERIC_WRITE            = 0x40000000 // the rights for writing
	GENERIC_EXECUTE          = 0x20000000 // the rights for executing or waiting
	GENERIC_ALL              = 0x10000000 // everything
)

// Flags of handles, and options of DuplicateHandle.
const (
	HANDLE_FLAG_INHERIT            = 0x00000001 // inherited by children; on Unix it is remembered, but never inherited
	HANDLE_FLAG_PROTECT_FROM_CLOSE = 0x00000002 // CloseHandle fails
	DUPLICATE_CLOSE_SOURCE         = 0x00000001 // close the source
	DUPLICATE_SAME_ACCESS          = 0x00000002 // keep the source's access
)

// States and types of memory, for VirtualAlloc, VirtualFree and VirtualQuery.
const (
	MEM_COMMIT   = 0x00001000 // commit pages, or committed
	MEM_RESERVE  = 0x00002000 // reserve addresses, or reserved
	MEM_DECOMMIT = 0x00004000 // not for views
	MEM_RELEASE  = 0x00008000 // not for views
	MEM_FREE     = 0x00010000 // free
	MEM_PRIVATE  = 0x00020000 // private to this process
	MEM_MAPPED   = 0x00040000 // of a view
	MEM_RESET    = 0x00080000 // the contents are no longer needed; no effect on a view
	MEM_IMAGE    = 0x01000000 // of an executable file
)

// How CreateFile opens, and results of GetFileType.
const (
	FILE_SHARE_READ           = 0x00000001 // no effect on Unix, nor have the next two
	FILE_SHARE_WRITE          = 0x00000002
	FILE_SHARE_DELETE         = 0x00000004
	CREATE_NEW                = 1 // fails if it exists
	CREATE_ALWAYS             = 2 // truncates it if it exists
	OPEN_EXISTING             = 3 // fails if it does not exist
	OPEN_ALWAYS               = 4 // creates it if it does not exist
	TRUNCATE_EXISTING         = 5 // fails if it does not exist, and truncates it
	FILE_ATTRIBUTE_NORMAL     = 0x00000080
	FILE_ATTRIBUTE_TEMPORARY  = 0x00000100
	FILE_FLAG_DELETE_ON_CLOSE = 0x04000000
	FILE_TYPE_UNKNOWN         = 0x0000
	FILE_TYPE_DISK            = 0x0001
	FILE_TYPE_CHAR            = 0x0002
	FILE_TYPE_PIPE            = 0x0003
)

// Errors, with Windows' names and numbers. WAIT_TIMEOUT is among them as in golang.org/x/sys/windows, but a wait
// returns its number as an event, without an error.
const (
	ERROR_SUCCESS                Errno = 0
	ERROR_FILE_NOT_FOUND         Errno = 2
	ERROR_PATH_NOT_FOUND         Errno = 3
	ERROR_TOO_MANY_OPEN_FILES    Errno = 4
	ERROR_ACCESS_DENIED          Errno = 5
	ERROR_INVALID_HANDLE         Errno = 6
	ERROR_NOT_ENOUGH_MEMORY      Errno = 8
	ERROR_WRITE_PROTECT          Errno = 19
	ERROR_BAD_LENGTH             Errno = 24
	ERROR_GEN_FAILURE            Errno = 31
	ERROR_SHARING_VIOLATION      Errno = 32
	ERROR_NOT_SUPPORTED          Errno = 50
	ERROR_FILE_EXISTS            Errno = 80
	ERROR_INVALID_PARAMETER      Errno = 87
	ERROR_DISK_FULL              Errno = 112
	ERROR_INVALID_NAME           Errno = 123
	ERROR_BAD_PATHNAME           Errno = 161
	ERROR_BUSY                   Errno = 170
	ERROR_ALREADY_EXISTS         Errno = 183
	ERROR_BAD_EXE_FORMAT         Errno = 193
	ERROR_FILENAME_EXCED_RANGE   Errno = 206
	WAIT_TIMEOUT                 Errno = 258
	ERROR_NOT_OWNER              Errno = 288
	ERROR_TOO_MANY_POSTS         Errno = 298
	ERROR_INVALID_ADDRESS        Errno = 487
	ERROR_MUTANT_LIMIT_EXCEEDED  Errno = 587
	ERROR_NOACCESS               Errno = 998
	ERROR_SWAPERROR              Errno = 999
	ERROR_FILE_INVALID           Errno = 1006
	ERROR_MAPPED_ALIGNMENT       Errno = 1132
	ERROR_UNKNOWN_REVISION       Errno = 1305
	ERROR_PRIVILEGE_NOT_HELD     Errno = 1314
	ERROR_NONE_MAPPED            Errno = 1332
	ERROR_INVALID_SECURITY_DESCR Errno = 1338
	ERROR_FILE_CORRUPT           Errno = 1392
	ERROR_NO_SYSTEM_RESOURCES    Errno = 1450
	ERROR_COMMITMENT_LIMIT       Errno = 1455
	ERROR_TIMEOUT                Errno = 1460
	ERROR_NOT_SAME_OBJECT        Errno = 1656
)
