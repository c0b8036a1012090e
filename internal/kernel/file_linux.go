package kernel

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// grow makes a file longer, and reserves the blocks: a hole in a file system that is full would end whoever touches it.
func grow(fd int, from, to int64) error {
	if err := fits(to); err != nil {
		return err
	}
	for {
		switch err := unix.Fallocate(fd, 0, from, to-from); err {
		case nil:
			return nil
		case unix.EINTR:
		case unix.EOPNOTSUPP:
			return fill(fd, from, to)
		default:
			truncate(fd, from)
			return &Fault{Code: codeOfErrno(err), Cause: os.NewSyscallError("fallocate", err)}
		}
	}
}

// lower exchanges the descriptor for one that can only be read. Where that cannot be had, as for a file that its user may
// write and not read again, it stays.
func (m *userFile) lower() {
	if fd, err := openPath(selfDescriptor(m.fd), unix.O_RDONLY|unix.O_CLOEXEC, 0); err == nil {
		unix.Close(m.fd)
		m.fd, m.mode = fd, unix.O_RDONLY
	}
}

// pathOf is where a descriptor's file lies now, as far as that can be told. It may be a path that leads elsewhere.
func pathOf(fd int) string {
	path, _ := os.Readlink(selfDescriptor(fd))
	return path
}

// searchFile looks for a file of the user's among the descriptors of all processes, by device and inode. It is nil without
// an error when nobody who can be looked into has it open.
func (e *entry) searchFile(flags int) (memory, error) {
	pids, err := processes()
	if err != nil {
		return nil, err
	}
	for _, pid := range pids {
		table := "/proc/" + strconv.Itoa(pid) + "/fd"
		fds, err := directoryNames(table)
		if err != nil {
			return nil, err
		}
		for _, fd := range fds {
			path := table + "/" + fd
			var st unix.Stat_t
			if unix.Stat(path, &st) != nil || uint64(st.Dev) != e.identity[0] || st.Ino != e.identity[1] {
				continue
			}
			m, err := e.enter(path, flags)
			if err == nil || isFinal(err) {
				return m, err
			}
		}
	}
	return nil, nil
}
