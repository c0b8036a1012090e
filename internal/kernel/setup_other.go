//go:build unix && !(aix || linux)

package kernel

import (
	"errors"

	"golang.org/x/sys/unix"
)

// giveMode gives a directory that was just made the mode bits that the umask took away. One of them may be the right to
// open it. Another user's directory is left alone: then a process of ours has removed ours, and a stranger has put
// another in its place. Only root could change the mode of that one, and root can open every directory.
func giveMode(parent int, name string, mode uint32) error {
	if euid := unix.Geteuid(); euid == 0 {
		fd, err := openAt(parent, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil || int(st.Uid) != euid {
			return err
		}
		return uninterrupted(func() error { return unix.Fchmod(fd, mode) })
	}
	return uninterrupted(func() error { return unix.Fchmodat(parent, name, mode, unix.AT_SYMLINK_NOFOLLOW) })
}

// exchange fails: not all of these systems can.
func exchange(int, string, string) error { return unix.ENOTSUP }

// takeMountAway fails: users mount nothing here.
func takeMountAway(int, string) error { return unix.EBUSY }

// errServed never occurs: on these systems root decides who may mount what.
var errServed = errors.New("a file system that a program serves is mounted there")

// openUnserved opens a directory.
func openUnserved(parent int, name string) (int, error) {
	return openAt(parent, name, directoryFlags|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
}
