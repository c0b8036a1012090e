//go:build unix && !aix

package kernel

import "golang.org/x/sys/unix"

// A signal may interrupt a system call. The handlers of the Go runtime have the kernel begin such a call anew, but the
// library may live in a program with handlers of its own, and some file systems (FUSE, NFS) answer EINTR whatever a
// handler asked for. So the calls that can wait for a file system are made until they have an answer.

// uninterrupted makes a call until no signal interrupts it.
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

// closeMemory closes a descriptor of memory. The descriptor is free whatever the kernel says besides, and there is nothing
// to be written anywhere; only that it was none is worth an error, because somebody else closed it then.
func closeMemory(fd int) error {
	if err := unix.Close(fd); err == unix.EBADF {
		return err
	}
	return nil
}
