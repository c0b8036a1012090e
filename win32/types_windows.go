package win32

import "golang.org/x/sys/windows"

// The types are those of golang.org/x/sys/windows, so that what either package returns can be given to the other.

// Handle is an open reference to an object: a number that has a meaning in this process alone.
type Handle = windows.Handle

// Errno is a Win32 error number, and an error by itself.
type Errno = windows.Errno

// SecurityAttributes says who may open a new object, and whether children inherit its handle.
type SecurityAttributes = windows.SecurityAttributes

// MemoryBasicInformation is what VirtualQuery reports about a range of similar pages.
type MemoryBasicInformation = windows.MemoryBasicInformation
