//go:build !windows

package win32

import (
	"io/fs"

	"github.com/namedshm/namedshm/internal/kernel"
)

// Handle is an open reference to an object: a number that has a meaning in this process alone. It is a multiple of
// four, never 0 or -1, and not soon used again after it is closed; its two lowest bits are ignored, as in Windows.
type Handle uintptr

// Errno is a Win32 error number, and an error by itself: err == win32.ERROR_ALREADY_EXISTS is how it is asked for.
type Errno uintptr

// Error says what the number means for a named object.
func (e Errno) Error() string { return kernel.Code(e).Error() }

// Is lets errors.Is match the number with the portable errors of io/fs and errors.
func (e Errno) Is(target error) bool {
	return kernel.Code(e).Is(target) || target == fs.ErrExist && e == ERROR_FILE_EXISTS
}

// Timeout reports whether the number says that time ran out.
func (e Errno) Timeout() bool { return e == WAIT_TIMEOUT || e == ERROR_TIMEOUT }

// SecurityAttributes says whether a handle is inheritable. There are no security descriptors here: a call that is given
// one fails with ERROR_NOT_SUPPORTED.
type SecurityAttributes struct {
	Length             uint32 // is not looked at
	SecurityDescriptor *SECURITY_DESCRIPTOR
	InheritHandle      uint32
}

// SECURITY_DESCRIPTOR is Windows' own: nothing makes one here.
type SECURITY_DESCRIPTOR struct{ _ byte }

// MemoryBasicInformation is what VirtualQuery tells about a range of pages that are alike.
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
