package kernel

import (
	"os"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// processID returns this process's id without a system call: it is kept in a page that the kernel wipes in a forked
// child.
func processID() int {
	page := pidPage()
	if page == nil {
		return os.Getpid()
	}
	if pid := atomic.LoadInt64(page); pid != 0 {
		return int(pid)
	}
	pid := os.Getpid()
	atomic.StoreInt64(page, int64(pid))
	return pid
}

// pidPage is nil if the kernel cannot wipe a page (before Linux 4.14).
var pidPage = sync.OnceValue(func() *int64 {
	p, err := unix.MmapPtr(-1, 0, nil, uintptr(pageSize), unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil
	}
	if unix.Madvise(unsafe.Slice((*byte)(p), pageSize), unix.MADV_WIPEONFORK) != nil {
		unix.MunmapPtr(p, uintptr(pageSize))
		return nil
	}
	return (*int64)(p)
})
