package kernel

import (
	"os"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/namedshm/namedshm/internal/fault"
	"golang.org/x/sys/unix"
)

// Pages of a shared view go apart from the section when they become copy-on-write. They come back when they are to be
// shared again and nothing was written to them meanwhile. Going apart means mapping the same memory privately at the
// same address, which requires a descriptor. Where there is none, as for System V segments, the pages are copied.
// Coming back requires no descriptor: from the first time on the view keeps a second mapping of the section, and the
// kernel can duplicate a mapping.

// apart is what a view needs for that. The zero value is that of a view of which nothing ever went apart.
type apart struct {
	loan   *loan
	shared unsafe.Pointer // the second mapping, as long as the view; atomic, because a flush waits for nobody
}

// sharedPart returns a range of the second mapping; nil if there is none.
func (a *apart) sharedPart(at, length int) []byte {
	shared := atomic.LoadPointer(&a.shared)
	if shared == nil {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Add(shared, at)), length)
}

// detach makes a part of the view copy-on-write.
func (v *nativeView) detach(at, length int, offset int64, access Access) error {
	if err := v.keepShared(); err != nil {
		return mapFault(os.NewSyscallError("mremap", err), int64(len(v.mapped)))
	}
	prot, _ := viewProtection(access)
	where := unsafe.Pointer(unsafe.SliceData(v.mapped[at:]))
	done, err := v.apart.loan.mapPrivately(where, length, offset+int64(at), prot)
	if err == nil && !done {
		_, err = privateCopy(v.apart.sharedPart(at, length), where, prot)
	}
	if _, known := err.(*fault.Fault); err != nil && !known {
		return mapFault(err, int64(length))
	}
	return err
}

// keepShared makes the second mapping. With a length of zero, mremap duplicates a shared mapping and leaves the first
// one alone. If the beginning of the view has been closed to access, so is that of the new mapping.
func (v *nativeView) keepShared() error {
	if v.apart.sharedPart(0, 0) != nil {
		return nil
	}
	length := uintptr(len(v.mapped))
	p, err := unix.MremapPtr(unsafe.Pointer(unsafe.SliceData(v.mapped)), 0, nil, length, unix.MREMAP_MAYMOVE)
	if err != nil {
		return err
	}
	shared := unsafe.Slice((*byte)(p), length)
	if err := unix.Mprotect(shared, unix.PROT_READ); err != nil {
		unmap(shared)
		return err
	}
	atomic.StorePointer(&v.apart.shared, p)
	return nil
}

// attach brings a part back. The part gets its protection before it moves into place: other threads may be using the
// memory all the time.
//
// The kernel unmaps what is there before it finds that it lacks memory for the replacement. In that case pages without
// access are put there: otherwise whatever was mapped into the hole next would be unmapped with the view. lost reports
// that.
func (v *nativeView) attach(at, length int, access Access) (lost bool, err error) {
	prot, _ := viewProtection(access)
	part := v.apart.sharedPart(at, length)
	if err := unix.Mprotect(part, prot); err != nil {
		return false, mapFault(os.NewSyscallError("mprotect", err), int64(length))
	}
	where := unsafe.Pointer(unsafe.SliceData(v.mapped[at:]))
	_, err = unix.MremapPtr(unsafe.Pointer(unsafe.SliceData(part)), 0, where, uintptr(length),
		unix.MREMAP_MAYMOVE|unix.MREMAP_FIXED)
	if err == nil {
		return false, nil
	}
	// This needs less than what has failed: no memory is charged, and there is at most one mapping more.
	unix.MmapPtr(-1, 0, where, uintptr(length), unix.PROT_NONE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE|unix.MAP_FIXED)
	return true, mapFault(os.NewSyscallError("mremap", err), int64(length))
}

// end is called when a view of length bytes is unmapped.
func (a *apart) end(length int) {
	if shared := a.sharedPart(0, length); shared != nil {
		unmap(shared)
	}
	a.loan.giveBack()
	*a = apart{}
}

// privateCopy maps a private copy of memory over whatever lies at where; nil means anywhere. The copy is a file of its
// own, so that the pages the program writes can be told from those that were only copied. The kernel does the copying:
// memory that has gone, as in a file that was made shorter, is then an error and not a fault.
func privateCopy(memory []byte, where unsafe.Pointer, prot int) ([]byte, error) {
	if err := fits(int64(len(memory))); err != nil {
		return nil, err
	}
	fd, err := makeMemfd("namedshm-copy", 0)
	if err != nil {
		return nil, memfdFault("memfd_create", err)
	}
	defer unix.Close(fd)
	if err := truncate(fd, int64(len(memory))); err != nil {
		return nil, memfdFault("ftruncate", err)
	}
	for at := 0; at < len(memory); {
		n, err := writeAt(fd, memory[at:min(at+16<<20, len(memory))], int64(at))
		switch {
		case err == unix.EFAULT:
			return nil, &fault.Fault{Code: fault.InPageError, Cause: os.NewSyscallError("write", err),
				Advice: "the memory behind the view is gone: was its file truncated?"}
		case err != nil:
			return nil, memfdFault("write", err)
		}
		at += n
	}
	flags := unix.MAP_PRIVATE
	if where != nil {
		flags |= unix.MAP_FIXED
	}
	p, err := unix.MmapPtr(fd, 0, where, uintptr(len(memory)), prot, flags)
	if err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	return unsafe.Slice((*byte)(p), len(memory)), nil
}

// keptAtMost is how many descriptors stay open for views alone, after the section's handle was closed. Most views never
// need one, and a program may have more views than descriptors.
const keptAtMost = 64

var keptOpen atomic.Int32

// lending is the part of a handle that keeps track of views that may map its memory again.
type lending struct {
	mu    sync.Mutex
	views int
	kept  bool // the handle is closed, and the last view will close the memory
	gone  bool // it can no longer be lent
}

// loan is a view's share in a section's memory: a descriptor that the handle will close, and the file it must lead to.
type loan struct {
	handle        *handle
	fd            int
	base          int64 // where in the file the section begins
	device, inode uint64
}

// lend lets a view map the memory again. It returns nil if there is no descriptor.
func (h *handle) lend() *loan {
	l := &loan{handle: h}
	switch m := h.mem.(type) {
	case *memfd:
		l.fd, l.device, l.inode = m.fd, m.device, m.inode
	case *userFile:
		l.fd, l.device, l.inode = m.file.fd, m.file.device, m.file.inode
	case *fileMemory:
		l.fd, l.device, l.inode, l.base = m.fd, m.device, m.inode, memoryAt
	default:
		return nil
	}
	h.lent.mu.Lock()
	defer h.lent.mu.Unlock()
	h.lent.views++
	return l
}

// mapPrivately maps a range of the section copy-on-write over what lies at where. It refuses if the descriptor was
// closed or is now somebody else's: programs close descriptors that they do not know.
func (l *loan) mapPrivately(where unsafe.Pointer, length int, offset int64, prot int) (done bool, err error) {
	if l == nil {
		return false, nil
	}
	lent := &l.handle.lent
	lent.mu.Lock()
	defer lent.mu.Unlock()
	var st unix.Stat_t
	if lent.gone || unix.Fstat(l.fd, &st) != nil || uint64(st.Dev) != l.device || st.Ino != l.inode {
		return false, nil
	}
	_, err = unix.MmapPtr(l.fd, l.base+offset, where, uintptr(length), prot, unix.MAP_PRIVATE|unix.MAP_FIXED)
	if err != nil {
		return true, os.NewSyscallError("mmap", err)
	}
	return true, nil
}

func (l *loan) giveBack() {
	if l == nil {
		return
	}
	lent := &l.handle.lent
	lent.mu.Lock()
	defer lent.mu.Unlock()
	lent.views--
	if lent.kept && lent.views == 0 {
		lent.kept, lent.gone = false, true
		keptOpen.Add(-1)
		l.handle.mem.close()
	}
}

// recall decides what becomes of the memory when the handle is about to be closed: views keep it, unless it came from
// the lock table, whose descriptors they cannot keep.
func (h *handle) recall() {
	h.lent.mu.Lock()
	defer h.lent.mu.Unlock()
	_, ofTable := h.mem.(*fileMemory)
	if h.lent.views > 0 && !ofTable && keptOpen.Add(1) <= keptAtMost {
		h.lent.kept = true
		return
	}
	if h.lent.views > 0 && !ofTable {
		keptOpen.Add(-1)
	}
	h.lent.gone = true
}

// closeMemory closes the memory unless a view keeps it.
func (h *handle) closeMemory() error {
	h.lent.mu.Lock()
	defer h.lent.mu.Unlock()
	if h.lent.kept {
		return nil
	}
	return h.mem.close()
}
