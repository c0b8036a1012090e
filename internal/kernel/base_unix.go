//go:build unix && !linux && !aix

package kernel

import "golang.org/x/sys/unix"

// settleAt leaves a view where the system has put it: here a mapping cannot be moved.
func settleAt(mapped []byte, base uintptr) ([]byte, error) {
	if base == 0 {
		return mapped, nil
	}
	unmap(mapped)
	return nil, unix.ENOTSUP
}
