//go:build unix && !linux && !aix

package kernel

// Region is a range of this process's addresses that is alike.
type Region struct {
	Start, End uintptr
	Mapped     bool
	Shared     bool
	Access     Access
}

// RegionAt has no way to tell here that all of these systems have.
func RegionAt(uintptr) (Region, error) { return Region{}, &Fault{Code: NotSupported} }

// Written cannot tell which pages of a view are its own.
func (v *View) Written(int, int) ([]bool, error) { return nil, &Fault{Code: NotSupported} }

// detach would need a mapping to be moved.
func detach([]byte, Access) error { return &Fault{Code: NotSupported} }
