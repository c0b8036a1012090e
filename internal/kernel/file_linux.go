package kernel

import (
	"bytes"
	"os"
	"slices"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// grow makes a file longer, and reserves the blocks: a hole in a file system that is full would end whoever touches it. They
// are reserved first and the length comes after, so that a failure leaves the length to whoever else may change it: no call
// here can make the file shorter than another process has made it. Some file systems do only both at once.
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
	giveBack(fd, from)
	return &Fault{Code: codeOfErrno(err), Cause: os.NewSyscallError("fallocate", err)}
}

// giveBack frees the blocks behind the end of a file that was to become longer and could not. A file that has another end
// by now is somebody else's to care for.
func giveBack(fd int, end int64) {
	var st unix.Stat_t
	if unix.Fstat(fd, &st) == nil && st.Size == end {
		truncate(fd, end)
	}
}

// lower exchanges the descriptor for one that can only be read. Where that cannot be had, as for a file that its user may
// write and not read again, it stays.
func (m *userFile) lower() {
	var st unix.Stat_t
	fd, err := -1, unix.Fstat(m.fd, &st)
	if err == nil {
		fd = keptFiles.take(uint64(st.Dev), st.Ino, unix.O_RDONLY)
	}
	if fd < 0 {
		fd, err = openPath(selfDescriptor(m.fd), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	}
	if err == nil {
		closeFile(m.fd)
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

// keptFiles are descriptors of files that are to be closed, but not while this process has POSIX locks on the file:
// closing any descriptor of it, whosever it is, would drop them all. They are closed with the next one that is, and
// used again meanwhile, so that there are never more of them than were needed at once.
var keptFiles fileKeeper

type fileKeeper struct {
	mu   sync.Mutex
	kept []int
}

// closeFile closes a descriptor of a file of the user's as soon as no lock goes with it. Whoever takes a lock between the
// look and the closing loses it.
func closeFile(fd int) {
	locked := locksOn(fd)
	if !locked {
		unix.Close(fd)
	}
	keptFiles.mu.Lock()
	defer keptFiles.mu.Unlock()
	keptFiles.kept = slices.DeleteFunc(keptFiles.kept, func(fd int) bool {
		free := !locksOn(fd)
		if free {
			unix.Close(fd)
		}
		return free
	})
	if locked {
		keptFiles.kept = append(keptFiles.kept, fd)
	}
}

// locksOn reports whether this process may have POSIX locks on a descriptor's file. Mostly nobody has any, which one call
// tells; but of all those who have it names one. Then the kernel is asked what goes with each descriptor of the file: a
// lock goes with that through which it was taken. (/proc/locks would tell it in one list, but leaves lines out while others
// lock and unlock.)
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

// take is a kept descriptor of this file and access mode, to be used again; -1 if there is none.
func (k *fileKeeper) take(device, inode uint64, mode int) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i, fd := range k.kept {
		var st unix.Stat_t
		if unix.Fstat(fd, &st) == nil && uint64(st.Dev) == device && st.Ino == inode && openMode(fd) == mode {
			k.kept = slices.Delete(k.kept, i, i+1)
			return fd
		}
	}
	return -1
}

// none reports that nothing is kept, as it is mostly.
func (k *fileKeeper) none() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.kept) == 0
}

// anotherDescriptor is one more descriptor of an open file, with the same access mode.
func anotherDescriptor(fd int) (int, error) {
	var st unix.Stat_t
	if !keptFiles.none() && unix.Fstat(fd, &st) == nil {
		if again := keptFiles.take(uint64(st.Dev), st.Ino, openMode(fd)); again >= 0 {
			return again, nil
		}
	}
	return unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
}

// openKept is a kept descriptor of the file at a path, for an open that does no more than to open; -1 if there is none.
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
