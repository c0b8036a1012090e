package kernel

import (
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// unreserved is the flag of mmap for pages that count as memory only once they are written.
const unreserved = unix.MAP_NORESERVE

// nextBase is where the next view is tried: right below the last one, as the kernel itself would do.
var nextBase atomic.Uintptr

// moveView moves a fresh mapping to where the view must lie: to base, or else to a multiple of Granularity. It reserves
// the new range first, so that nothing already there can be overwritten. A mapping that cannot be moved is unmapped.
func moveView(mapped []byte, base uintptr) ([]byte, error) {
	at := uintptr(unsafe.Pointer(unsafe.SliceData(mapped)))
	length := uintptr(len(mapped))
	if base == 0 && at%Granularity == 0 || at == base {
		return mapped, nil
	}
	where, err := reserveAt(base, length)
	if err != nil {
		unmap(mapped)
		return nil, err
	}
	from := unsafe.Pointer(unsafe.SliceData(mapped))
	to, err := unix.MremapPtr(from, length, where, length, unix.MREMAP_MAYMOVE|unix.MREMAP_FIXED)
	if err != nil {
		unix.MunmapPtr(where, length)
		unmap(mapped)
		return nil, err
	}
	return unsafe.Slice((*byte)(to), length), nil
}

// reserveAt reserves addresses: at base, or else at a multiple of Granularity.
func reserveAt(base, length uintptr) (unsafe.Pointer, error) {
	const mask = uintptr(Granularity - 1)
	if base != 0 {
		p, err := reserveRange(base, length, unix.MAP_FIXED_NOREPLACE)
		if err == nil && uintptr(p) != base { // before Linux 4.17 the flag is unknown, and the address only a hint
			unix.MunmapPtr(p, length)
			err = unix.EEXIST
		}
		return p, err
	}
	span := (length + mask) &^ mask
	if hint := nextBase.Load(); hint > span {
		p, err := reserveRange(hint-span, length, 0)
		if err == nil && uintptr(p)&mask == 0 {
			nextBase.Store(uintptr(p))
			return p, nil
		}
		if err == nil {
			unix.MunmapPtr(p, length)
		}
	}
	p, err := reserveRange(0, length+Granularity, 0)
	if err != nil {
		return nil, err
	}
	start := uintptr(p)
	first := (start + mask) &^ mask
	aligned := unsafe.Add(p, first-start)
	if first > start {
		unix.MunmapPtr(p, first-start)
	}
	unix.MunmapPtr(unsafe.Add(aligned, length), start+Granularity-first)
	nextBase.Store(first)
	return aligned, nil
}

// reserveRange reserves addresses that can be neither read nor written.
func reserveRange(at, length uintptr, flags int) (unsafe.Pointer, error) {
	return unix.MmapPtr(-1, 0, unsafe.Add(unsafe.Pointer(nil), at), length, unix.PROT_NONE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE|flags)
}
