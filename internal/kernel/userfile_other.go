//go:build unix && !linux && !aix

package kernel

import "golang.org/x/sys/unix"

// grow makes a file longer by writing it: no other way to reserve blocks exists on all systems.
func grow(fd int, from, to int64) error { return fill(fd, from, to) }

// lower does nothing: no way to open a file again exists on all systems.
func (m *userFile) lower() {}

// closeFile drops the POSIX locks that this process has on the file: not all systems report them.
func closeFile(d userDescriptor) error {
	if !d.ours() {
		return errLost
	}
	unix.Close(d.fd)
	return nil
}

// setMark does nothing: no system call for a mark exists on all systems.
func setMark(int) {}

func marked(int) bool { return false }

// openMode returns a descriptor's access mode; -1 if it cannot be told.
func openMode(fd int) int {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		return -1
	}
	return flags & unix.O_ACCMODE
}

func fstat(fd int, st *unix.Stat_t) error { return unix.Fstat(fd, st) }

// anotherDescriptor returns one more descriptor of an open file.
func anotherDescriptor(fd int) (int, error) {
	return unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
}

// openKept finds nothing: no descriptors are kept here.
func openKept(string, int) (int, error) { return -1, nil }

// pathOf returns nothing: not all systems tell.
func pathOf(int) string { return "" }
