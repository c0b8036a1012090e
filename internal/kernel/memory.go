//go:build unix && !aix

package kernel

import (
	"errors"
	"math"
	"os"
	"runtime"
	"unsafe"

	"github.com/namedshm/namedshm/internal/fault"
	"golang.org/x/sys/unix"
)

var pageSize = int64(os.Getpagesize())

func roundToPages(n int64) int64 { return (n + pageSize - 1) &^ (pageSize - 1) }

// addressable is the largest view possible in this process, in whole pages: with 32-bit addresses, less than 2 GiB.
const addressable = math.MaxInt &^ (Granularity - 1)

func tooWide(size int64) error {
	return fault.Fail(fault.NotEnoughMemory, "%d bytes are more than a process of 32 bits can map, %d", size,
		int64(addressable))
}

// viewProtection returns what a view's access means to mmap.
func viewProtection(access Access) (prot, flags int) {
	flags = unix.MAP_SHARED
	switch {
	case access&^Execute == Copy:
		prot, flags = unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE
	case access&Write != 0:
		prot = unix.PROT_READ | unix.PROT_WRITE
	case access&(Read|Copy) != 0:
		prot = unix.PROT_READ
	default:
		return unix.PROT_NONE, flags
	}
	if access&Execute != 0 {
		prot |= unix.PROT_EXEC
	}
	return prot, flags
}

// unmap tries again for a moment: the kernel may lack memory for its own records.
func unmap(mapped []byte) (err error) {
	for range 10 {
		err = unix.MunmapPtr(unsafe.Pointer(unsafe.SliceData(mapped)), uintptr(cap(mapped)))
		if err != unix.ENOMEM {
			break
		}
		runtime.Gosched()
	}
	return err
}

// mapFault says why a range could not be mapped.
func mapFault(err error, length int64) error {
	if err == errLost {
		return err
	}
	f := &fault.Fault{Code: codeOfErrno(err), Cause: err}
	switch {
	case errors.Is(err, unix.ENOMEM), errors.Is(err, unix.EOVERFLOW), errors.Is(err, unix.EINVAL):
		f.Code, f.Advice = fault.NotEnoughMemory, addressSpaceAdvice(length)
	case errors.Is(err, unix.EAGAIN):
		f.Code, f.Advice = fault.NotEnoughMemory,
			"this process locks what it maps (mlockall), and has reached its limit (RLIMIT_MEMLOCK, ulimit -l)"
	case errors.Is(err, unix.ENFILE):
		f.Advice = descriptorAdvice(unix.ENFILE)
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		f.Code = fault.AccessDenied
	case errors.Is(err, unix.EEXIST):
		f.Code = fault.InvalidAddress
	}
	return f
}

// memory is one process's reference to a section's memory.
type memory interface {
	// descriptor is what a door record points at; -1 if there is nothing to point at. openMode is its access mode.
	descriptor() int
	openMode() int
	// ours reports whether the memory's descriptor, if it has one, is still the library's.
	ours() bool
	view(offset, length int64, access Access) ([]byte, error)
	close() error
}

// mapFile maps a range of a file for a view.
func mapFile(fd int, offset, length int64, access Access) ([]byte, error) {
	prot, flags := viewProtection(access)
	p, err := unix.MmapPtr(fd, offset, nil, uintptr(length), prot, flags)
	if err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	return unsafe.Slice((*byte)(p), length), nil
}
