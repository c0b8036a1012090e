package kernel

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"os"
	"strings"

	"github.com/namedshm/namedshm/internal/fault"
	"golang.org/x/sys/unix"
)

// Region is a range of this process's addresses with the same properties, as far as the kernel tells.
type Region struct {
	Start, End uintptr
	Mapped     bool   // false: nothing is there
	Shared     bool   // others may see what is written
	Access     Access // Read, Write, Execute
}

// RegionAt returns the region that contains an address.
func RegionAt(address uintptr) (Region, error) {
	if err := needPoller(); err != nil {
		return Region{}, err
	}
	f, err := os.Open("/proc/thread-self/maps")
	if err != nil {
		return Region{}, &fault.Fault{Code: fault.NotSupported, Cause: err}
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

// Written reports for each page of a copy-on-write part of a view whether a write has made it the view's own.
func (v *View) Written(at, length int) ([]bool, error) {
	const bytesEach, present, swapped, shared = 8, 1 << 63, 1 << 62, 1 << 61
	if !v.uses.Enter() {
		return nil, closedView(fault.InvalidAddress)
	}
	defer v.leave()
	fd, err := unix.Open("/proc/thread-self/pagemap", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fault.Fault{Code: fault.NotSupported, Cause: err}
	}
	defer unix.Close(fd)
	pages := length / int(pageSize)
	table := make([]byte, pages*bytesEach)
	first := int64(v.Address()+uintptr(at)) / pageSize
	if n, err := unix.Pread(fd, table, first*bytesEach); err != nil || n != len(table) {
		return nil, &fault.Fault{Code: fault.NotSupported, Cause: err}
	}
	own := make([]bool, pages)
	for i := range own {
		page := binary.NativeEndian.Uint64(table[i*bytesEach:])
		own[i] = page&(present|swapped) != 0 && page&shared == 0
	}
	return own, nil
}
