//go:build unix && !linux && !aix

package kernel

import "golang.org/x/sys/unix"

// unreserved is no flag: these systems have none for it, or need none.
const unreserved = 0

// moveView leaves a view where the system put it: these systems cannot move a mapping.
func moveView(mapped []byte, base uintptr) ([]byte, error) {
	if base == 0 {
		return mapped, nil
	}
	unmap(mapped)
	return nil, unix.ENOTSUP
}
