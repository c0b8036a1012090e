//go:build unix && !linux && !aix

package kernel

import "golang.org/x/sys/unix"

// grow makes a file longer by writing it: there is no other way to reserve blocks that all systems have.
func grow(fd int, from, to int64) error { return fill(fd, from, to) }

// lower has no way to open a file again that all systems have.
func (m *userFile) lower() {}

// closeFile drops the POSIX locks that this process has on the file: not all systems tell of them.
func closeFile(fd int) { unix.Close(fd) }

// anotherDescriptor is one more descriptor of an open file.
func anotherDescriptor(fd int) (int, error) {
	return unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
}

// openKept has nothing: no descriptor is kept here.
func openKept(string, int) (int, error) { return -1, nil }

// pathOf is not told by all systems.
func pathOf(int) string { return "" }
