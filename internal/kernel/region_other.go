//go:build unix && !linux && !aix

package kernel

import "github.com/namedshm/namedshm/internal/fault"

// Region is a range of this process's addresses with the same properties.
type Region struct {
	Start, End uintptr
	Mapped     bool
	Shared     bool
	Access     Access
}

// RegionAt fails: no way to tell works on all of these systems.
func RegionAt(uintptr) (Region, error) { return Region{}, &fault.Fault{Code: fault.NotSupported} }

// Written fails: it cannot tell which pages of a view are its own.
func (v *View) Written(int, int) ([]bool, error) { return nil, &fault.Fault{Code: fault.NotSupported} }
