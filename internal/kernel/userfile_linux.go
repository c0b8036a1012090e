package kernel

import (
	"bytes"
	"os"
	"slices"
	"strconv"
	"sync"

	"github.com/namedshm/namedshm/internal/fault"
	"golang.org/x/sys/unix"
)

// grow makes a file longer, and reserves the blocks: touching a hole in a full file system would end the process. It
// reserves them first and sets the length after, so that on failure others may have changed the length: no call here
// can make the file shorter than another process has made it. Some file systems can only do both at once.
func grow(fd int, from, to int64) error {
	if err := fits(to); err != nil {
		return err
	}
	allocate := func(mode uint32) error {
		return uninterrupted(func() error { return unix.Fallocate(fd, mode, from, to-from) })
	}
	err := allocate(unix.FALLOC_FL_KEEP_SIZE)
	if err == nil || err == unix.EOPNOTSUPP {
		err = allocate(0)
	}
	switch err {
	case nil:
		return nil
	case unix.EOPNOTSUPP:
		return fill(fd, from, to)
	}
	cutBack(fd, from)
	return &fault.Fault{Code: codeOfErrno(err), Cause: os.NewSyscallError("fallocate", err)}
}

// cutBack frees the blocks behind the end of a file that could not be made longer. A file whose end has moved meanwhile
// is somebody else's to care for.
func cutBack(fd int, end int64) {
	var st unix.Stat_t
	if unix.Fstat(fd, &st) == nil && st.Size == end {
		truncate(fd, end)
	}
}

// lower replaces the descriptor by one that can only be read. If that fails, as for a file that its user may write but
// not read again, it stays.
func (m *userFile) lower() {
	var st unix.Stat_t
	fd, err := -1, unix.Fstat(m.file.fd, &st)
	if err == nil {
		fd = keptFiles.take(uint64(st.Dev), st.Ino, unix.O_RDONLY)
	}
	if fd < 0 {
		fd, err = openPath(selfDescriptor(m.file.fd), unix.O_RDONLY|unix.O_CLOEXEC, 0)
		setMark(fd)
	}
	if err == nil {
		closeFile(m.file)
		m.file, m.mode = descriptorOf(fd), unix.O_RDONLY
	}
}

// pathOf returns where a descriptor's file is now, as far as that can be told. The path may lead elsewhere.
func pathOf(fd int) string {
	path, _ := os.Readlink(selfDescriptor(fd))
	return path
}

// keptFiles are descriptors of files that are to be closed, but not while this process has POSIX locks on the file:
// closing any descriptor of it, no matter whose, would drop them all. They are closed together with the next one that
// is, and reused meanwhile, so there are never more than were needed at once.
var keptFiles fileKeeper

type fileKeeper struct {
	mu   sync.Mutex
	kept []userDescriptor
}

// closeFile closes a descriptor of a user's file as soon as that drops no lock. A lock taken between the look and the
// closing is lost.
func closeFile(d userDescriptor) (err error) {
	keptFiles.mu.Lock()
	defer keptFiles.mu.Unlock()
	closed := func(d userDescriptor) bool {
		switch {
		case !d.ours():
			err = errLost
		case locksOn(d.fd):
			return false
		default:
			unix.Close(d.fd)
		}
		return true
	}
	keptFiles.kept = slices.DeleteFunc(keptFiles.kept, closed)
	err = nil // it concerned only this one
	if !closed(d) {
		keptFiles.kept = append(keptFiles.kept, d)
	}
	return err
}

// locksOn reports whether this process may have POSIX locks on a descriptor's file. Mostly nobody has any, which one
// call tells; but of all that have some it names only one. So then the kernel is asked which locks belong to each
// descriptor of the file: a lock belongs to the one through which it was taken. (/proc/locks would list them all, but
// it leaves lines out while others lock and unlock.)
func locksOn(fd int) bool {
	first := unix.Flock_t{Type: unix.F_WRLCK}
	err := setLock(fd, unix.F_OFD_GETLK, &first)
	if err == nil && first.Type == unix.F_UNLCK {
		return false
	}
	var own, st unix.Stat_t
	if err == nil && int(first.Pid) == processID() || unix.Fstat(fd, &own) != nil {
		return true
	}
	const process = "/proc/thread-self/"
	names, lack := directoryNames(process + "fd")
	if names == nil {
		return err == nil || lack != nil
	}
	for _, name := range names {
		n, atoiErr := strconv.Atoi(name)
		if atoiErr != nil || unix.Fstat(n, &st) != nil || st.Dev != own.Dev || st.Ino != own.Ino {
			continue
		}
		told, lack := contents(process + "fdinfo/" + name)
		if lack != nil || bytes.Contains(told, []byte(" POSIX ")) {
			return true
		}
	}
	return false
}

// take returns a kept descriptor of this file and access mode, for reuse; -1 if there is none.
func (k *fileKeeper) take(device, inode uint64, mode int) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i, d := range k.kept {
		if d.device == device && d.inode == inode && d.mode == mode && d.ours() {
			k.kept = slices.Delete(k.kept, i, i+1)
			return d.fd
		}
	}
	return -1
}

// none reports that nothing is kept, which is the usual case.
func (k *fileKeeper) none() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.kept) == 0
}

// ownMark is a signal number that is set on a user's open file which is the library's alone, where it has no effect: it
// distinguishes the library's descriptors of the file from the program's.
const ownMark = 64

func setMark(fd int) {
	if fd >= 0 {
		unix.FcntlInt(uintptr(fd), unix.F_SETSIG, ownMark)
	}
}

func marked(fd int) bool {
	mark, err := unix.FcntlInt(uintptr(fd), unix.F_GETSIG, 0)
	return err == nil && mark == ownMark
}

// anotherDescriptor returns one more descriptor of an open file, with the same access mode.
func anotherDescriptor(fd int) (int, error) {
	var st unix.Stat_t
	if !keptFiles.none() && unix.Fstat(fd, &st) == nil {
		if again := keptFiles.take(uint64(st.Dev), st.Ino, openMode(fd)); again >= 0 {
			return again, nil
		}
	}
	return unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
}

// openKept returns a kept descriptor of the file at a path, for an open that does nothing but open; -1 if there is
// none.
func openKept(path string, flags int) (int, error) {
	var st unix.Stat_t
	if keptFiles.none() || flags&(unix.O_TRUNC|unix.O_EXCL) != 0 || unix.Stat(path, &st) != nil {
		return -1, nil
	}
	mode := flags & unix.O_ACCMODE
	want := map[int]uint32{unix.O_RDONLY: unix.R_OK, unix.O_WRONLY: unix.W_OK, unix.O_RDWR: unix.R_OK | unix.W_OK}[mode]
	if unix.Faccessat(unix.AT_FDCWD, path, want, unix.AT_EACCESS) != nil {
		return -1, nil // the open will say why
	}
	return keptFiles.take(uint64(st.Dev), st.Ino, mode), nil
}
