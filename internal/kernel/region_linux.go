package kernel

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Region is a range of this process's addresses that is alike, as far as the kernel tells.
type Region struct {
	Start, End uintptr
	Mapped     bool   // false: nothing is there
	Shared     bool   // others may see what is written
	Access     Access // Read, Write, Execute
}

// RegionAt is the region that an address lies in.
func RegionAt(address uintptr) (Region, error) {
	if err := needPoller(); err != nil {
		return Region{}, err
	}
	f, err := os.Open("/proc/thread-self/maps")
	if err != nil {
		return Region{}, &Fault{Code: NotSupported, Cause: err}
	}
	defer f.Close()
	free := Region{End: ^uintptr(0)}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var start, end uintptr
		var perms string
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x %s", &start, &end, &perms); err != nil {
			continue
		}
		if address < start {
			free.End = start
			return free, nil
		}
		if address >= end {
			free.Start = end
			continue
		}
		r := Region{Start: start, End: end, Mapped: true, Shared: strings.HasSuffix(perms, "s")}
		for i, a := range []Access{Read, Write, Execute} {
			if perms[i] != '-' {
				r.Access |= a
			}
		}
		return r, nil
	}
	return free, lines.Err()
}

// Written reports for each page of a part of a copy-on-write view whether a write has made it the view's own. Of a view
// that was copied at once nobody can tell.
func (v *View) Written(at, length int) ([]bool, error) {
	const bytesEach, present, swapped, shared = 8, 1 << 63, 1 << 62, 1 << 61
	if !v.uses.enter() {
		return nil, &Fault{Code: InvalidAddress, Cause: os.ErrClosed}
	}
	defer v.leave()
	if v.native.snapshot {
		return nil, &Fault{Code: NotSupported}
	}
	fd, err := unix.Open("/proc/thread-self/pagemap", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &Fault{Code: NotSupported, Cause: err}
	}
	defer unix.Close(fd)
	pages := length / int(pageSize)
	table := make([]byte, pages*bytesEach)
	first := int64(v.Address()+uintptr(at)) / pageSize
	if n, err := unix.Pread(fd, table, first*bytesEach); err != nil || n != len(table) {
		return nil, &Fault{Code: NotSupported, Cause: err}
	}
	own := make([]bool, pages)
	for i := range own {
		page := binary.NativeEndian.Uint64(table[i*bytesEach:])
		own[i] = page&(present|swapped) != 0 && page&shared == 0
	}
	return own, nil
}

// detach puts a private copy in the place of memory that is shared.
func detach(memory []byte, access Access) error {
	length := uintptr(len(memory))
	p, err := unix.MmapPtr(-1, 0, nil, length, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return mapFault(err, int64(length))
	}
	copy(unsafe.Slice((*byte)(p), length), memory)
	prot, _ := viewProtection(access)
	if err := unix.Mprotect(unsafe.Slice((*byte)(p), length), prot); err != nil {
		unix.MunmapPtr(p, length)
		return mapFault(err, int64(length))
	}
	where := unsafe.Pointer(unsafe.SliceData(memory))
	if _, err := unix.MremapPtr(p, length, where, length, unix.MREMAP_MAYMOVE|unix.MREMAP_FIXED); err != nil {
		unix.MunmapPtr(p, length)
		return mapFault(err, int64(length))
	}
	return nil
}
