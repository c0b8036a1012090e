//go:build unix && !aix

package kernel

import "golang.org/x/sys/unix"

// A signal may interrupt a system call. The Go runtime's handlers have the kernel restart such a call, but the library
// may be loaded into a program with handlers of its own, and some file systems (FUSE, NFS) return EINTR whatever a
// handler asked for. So calls that can wait for a file system are repeated until they have an answer.

// uninterrupted repeats a call until no signal interrupts it.
func uninterrupted(call func() error) error {
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}

// counted is uninterrupted for a call that returns a number.
func counted(call func() (int, error)) (int, error) {
	for {
		if n, err := call(); err != unix.EINTR {
			return n, err
		}
	}
}

func openAt(dir int, path string, flags int, mode uint32) (fd int, err error) {
	return counted(func() (int, error) { return unix.Openat(dir, path, flags, mode) })
}

func mkdirAt(dir int, path string, mode uint32) error {
	return uninterrupted(func() error { return unix.Mkdirat(dir, path, mode) })
}

func openPath(path string, flags int, mode uint32) (fd int, err error) {
	return counted(func() (int, error) { return unix.Open(path, flags, mode) })
}

func readAt(fd int, b []byte, at int64) (int, error) {
	return counted(func() (int, error) { return unix.Pread(fd, b, at) })
}

func writeAt(fd int, b []byte, at int64) (int, error) {
	return counted(func() (int, error) { return unix.Pwrite(fd, b, at) })
}

func truncate(fd int, size int64) error {
	return uninterrupted(func() error { return unix.Ftruncate(fd, size) })
}

// setLock takes, drops or queries a lock of the process.
func setLock(fd int, cmd int, l *unix.Flock_t) error {
	return uninterrupted(func() error { return unix.FcntlFlock(uintptr(fd), cmd, l) })
}
