//go:build unix && !aix

package kernel

import (
	"github.com/namedshm/namedshm/internal/waiting"
	"golang.org/x/sys/unix"
)

// A program may close descriptors that are not its own: a daemon closes all those that it does not know, and the files
// it opens next get their numbers. So a descriptor that is kept from one call to the next is checked before each use of
// its number. Then nothing else is closed, locked, unlocked or mapped by mistake. A descriptor that another thread
// closes in the middle of a call goes unnoticed.

// errLost is the error of a call that needs a descriptor which is no longer the library's.
var errLost = waiting.ErrLost

// lossUnless notes a loss unless the descriptor is still ours.
func lossUnless(ours bool) bool {
	if !ours {
		waiting.NoteLoss()
	}
	return ours
}

// leadsTo reports whether a descriptor is open on a certain file. Nothing but the library opens entries and memory, so
// the descriptor is then the library's own.
func leadsTo(fd int, device, inode uint64) bool {
	var st unix.Stat_t
	err := fstat(fd, &st)
	if err != nil && err != unix.EBADF {
		err = fstat(fd, &st) // what is taken for lost is never closed, so a passing failure must not look like a loss
	}
	return err == nil && uint64(st.Dev) == device && uint64(st.Ino) == inode
}

// userFileAt looks at a descriptor of a user's file, whose file system may be slow.
func userFileAt(fd int) (st unix.Stat_t, err error) {
	if err = unix.Fstat(fd, &st); err != nil && err != unix.EBADF {
		err = unix.Fstat(fd, &st)
	}
	return st, err
}

// ours reports whether the entry's descriptor is still the library's.
func (e *entry) ours() bool { return lossUnless(leadsTo(e.fd, e.device, e.inode)) }

// descriptorOf describes a descriptor of a user's file that was just opened, by what later tells it from another
// descriptor of the same file: the program may open that file too.
func descriptorOf(fd int) (d userDescriptor) {
	d.fd = fd
	if st, err := userFileAt(fd); err == nil {
		d.device, d.inode, d.mode, d.marked = uint64(st.Dev), uint64(st.Ino), openMode(fd), marked(fd)
	}
	return d
}

// ours reports whether the descriptor is still the library's. The program's own seldom have close-on-exec set.
func (d userDescriptor) ours() bool {
	st, err := userFileAt(d.fd)
	if err != nil || uint64(st.Dev) != d.device || uint64(st.Ino) != d.inode {
		return false
	}
	flags, err := unix.FcntlInt(uintptr(d.fd), unix.F_GETFD, 0)
	return err == nil && flags&unix.FD_CLOEXEC != 0 && openMode(d.fd) == d.mode && (!d.marked || marked(d.fd))
}
