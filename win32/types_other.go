//go:build !windows

package win32

import (
	"io/fs"

	"github.com/namedshm/namedshm/internal/fault"
)

// Handle is an open reference to an object: a number that is meaningful only in this process. It is a multiple of four,
// never 0 or -1, and not reused soon after it is closed; its two lowest bits are ignored, as in Windows.
type Handle uintptr

// Errno is a Win32 error number, and an error by itself: compare it, as in err == win32.ERROR_ALREADY_EXISTS.
type Errno uintptr

// Error returns what the number means for a named object.
func (e Errno) Error() string { return fault.Code(e).Error() }

// Is lets errors.Is match the number with the portable errors of io/fs and errors.
func (e Errno) Is(target error) bool {
	return fault.Code(e).Is(target) || target == fs.ErrExist && e == ERROR_FILE_EXISTS
}

// Timeout reports whether the number is that of a timeout.
func (e Errno) Timeout() bool { return e == WAIT_TIMEOUT || e == ERROR_TIMEOUT }

// SecurityAttributes says whether a handle is inheritable. Security descriptors are not supported here: a call that is
// given one fails with ERROR_NOT_SUPPORTED.
type SecurityAttributes struct {
	Length             uint32 // ignored
	SecurityDescriptor *SECURITY_DESCRIPTOR
	InheritHandle      uint32
}

// SECURITY_DESCRIPTOR exists only on Windows: nothing here creates one.
type SECURITY_DESCRIPTOR struct{ _ byte }

// MemoryBasicInformation is what VirtualQuery reports about a range of similar pages.
type MemoryBasicInformation struct {
	BaseAddress       uintptr
	AllocationBase    uintptr
	AllocationProtect uint32
	PartitionId       uint16
	RegionSize        uintptr
	State             uint32
	Protect           uint32
	Type              uint32
}
