package kernel

import (
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// holderDescriptors copies descriptors out of holders (pidfd_getfd), which is four times cheaper than the way through
// /proc, and safer still: it opens nothing, and the process that is remembered cannot become another one. It takes
// the right to trace the holder, which Yama's ptrace_scope or a container's filter may refuse where /proc allows it.
// Openers mostly come to the same holder, so one is remembered, and whether it may be traced: an undumpable one says
// nothing about the others. Where a whole row of different holders refused, it is not tried again.
type holderDescriptors struct {
	mu      sync.Mutex
	pid     int32
	fd      int // a pidfd; 0 when there is none
	dev     uint64
	ino     uint64
	closed  bool // this holder may not be traced
	row     int  // so many holders, one after the other, might not
	refused bool
	parked  int // copies of files that are kept open
}

// refusedRow is how many refusals make a rule.
const refusedRow = 8

var holderTable holderDescriptors

// copy is a duplicate of a holder's descriptor, or -1.
func (t *holderDescriptors) copy(d door) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.refused {
		return -1
	}
	if t.fd == 0 || t.pid != d.pid {
		t.forget()
		fd, err := unix.PidfdOpen(int(d.pid), 0)
		if err != nil {
			t.refused = err == unix.ENOSYS || err == unix.EPERM
			return -1
		}
		var st unix.Stat_t
		fstat(fd, &st)
		t.pid, t.fd, t.closed, t.dev, t.ino = d.pid, fd, false, st.Dev, st.Ino
	}
	if t.closed {
		return -1
	}
	fd, err := unix.PidfdGetfd(t.fd, int(d.descriptor), 0)
	switch err {
	case nil:
		t.row = 0
		return fd
	case unix.EPERM:
		t.closed = true
		if t.row++; t.row < refusedRow {
			break
		}
		fallthrough
	case unix.ENOSYS:
		t.refused = true
		t.forget()
	case unix.EBADF:
		// The holder has no such descriptor; or the pidfd was closed by somebody, and its number is not ours any more.
		if !t.ours() {
			t.fd = 0
		}
	default:
		t.forget()
	}
	return -1
}

// ours reports whether the pidfd is still the one that was opened: nobody has closed it and taken the number over. Before
// Linux 6.9 all of them are one inode, and it is asked whether it is a pidfd at all.
func (t *holderDescriptors) ours() bool {
	var st unix.Stat_t
	return fstat(t.fd, &st) == nil && st.Dev == t.dev && st.Ino == t.ino && unix.PidfdSendSignal(t.fd, 0, nil, 0) != unix.EBADF
}

// mostParked is how many copies of files are kept before nothing is copied any more.
const mostParked = 8

// discard gives up a copy that is not what was looked for. One of a file is kept open: to close it would drop the POSIX
// locks that this process may have on that file. To look first, by the link in /proc, costs each open among many names
// more than all the rest of the door.
func (t *holderDescriptors) discard(fd int) {
	var st unix.Stat_t
	_, notSealable := unix.FcntlInt(uintptr(fd), unix.F_GET_SEALS, 0) // a memfd is a file that nobody locks
	if notSealable == nil || unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		unix.Close(fd)
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.parked++; t.parked >= mostParked {
		t.refused = true
		t.forget()
	}
}

func (t *holderDescriptors) forget() {
	if t.fd > 0 && t.ours() {
		unix.Close(t.fd)
	}
	t.fd = 0
}

// enterDoor opens the memory through one door, by the cheaper way first, which gives the access that the holder has. The
// record says which, but a record may be that of an earlier handle in the same slot: the kernel is asked.
func (e *entry) enterDoor(d door, flags int) (memory, error) {
	path := "/proc/" + strconv.Itoa(int(d.pid)) + "/fd/" + strconv.Itoa(int(d.descriptor))
	if int(d.mode) == flags && (!e.overFile() || keptFiles.none()) {
		if fd := holderTable.copy(d); fd >= 0 {
			if e.isMemory(fd) && openMode(fd) == flags {
				return e.opened(fd, flags), nil
			}
			holderTable.discard(fd)
		}
	}
	return e.enter(path, flags)
}

// opened is the memory behind a descriptor.
func (e *entry) opened(fd, mode int) memory {
	if e.overFile() {
		return &userFile{fd: fd, mode: mode}
	}
	return &memfd{fd: fd, mode: mode}
}

// openMode is a descriptor's access mode; -1 if it cannot be told. The call never waits, so the scheduler need not be
// told of it.
func openMode(fd int) int {
	mode, _, errno := unix.RawSyscall(unix.SYS_FCNTL, uintptr(fd), unix.F_GETFL, 0)
	if errno != 0 {
		return -1
	}
	return int(mode) & unix.O_ACCMODE
}

// isMemory compares device, inode and size with what the entry says. A file of the user's may have any size by now.
func (e *entry) isMemory(fd int) bool {
	if mistake("doors trusted without verification") {
		return true
	}
	var st unix.Stat_t
	look := fstat
	if e.overFile() {
		look = unix.Fstat // a file system may take its time
	}
	return look(fd, &st) == nil && uint64(st.Dev) == e.identity[0] && st.Ino == e.identity[1] && (st.Size == e.size || e.overFile())
}
