//go:build unix && !aix

package kernel

import (
	"errors"
	"math"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

var pageSize = int64(os.Getpagesize())

func roundToPages(n int64) int64 { return (n + pageSize - 1) &^ (pageSize - 1) }

// addressable is the most that one view can be in this process, in whole pages: where addresses have 32 bits, less than
// 2 GiB.
const addressable = math.MaxInt &^ (Granularity - 1)

func tooWide(size int64) error {
	return fail(NotEnoughMemory, "%d bytes are more than a process of 32 bits can map, %d", size, int64(addressable))
}

// viewProtection is what a view's access means to mmap.
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

// unmap may lack memory for the kernel's own books, which a moment later it may have.
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
	f := &Fault{Code: codeOfErrno(err), Cause: err}
	switch {
	case errors.Is(err, unix.ENOMEM), errors.Is(err, unix.EOVERFLOW), errors.Is(err, unix.EINVAL):
		f.Code, f.Advice = NotEnoughMemory, addressSpaceAdvice(length)
	case errors.Is(err, unix.EAGAIN):
		f.Code, f.Advice = NotEnoughMemory, "this process locks what it maps (mlockall), and has reached its limit (RLIMIT_MEMLOCK, ulimit -l)"
	case errors.Is(err, unix.ENFILE):
		f.Advice = descriptorAdvice(unix.ENFILE)
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		f.Code = AccessDenied
	case errors.Is(err, unix.EEXIST):
		f.Code = InvalidAddress
	}
	return f
}
