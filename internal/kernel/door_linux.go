package kernel

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"

	"github.com/namedshm/namedshm/internal/fault"
	"golang.org/x/sys/unix"
)

// holderDescriptors copies descriptors out of holders (pidfd_getfd). That is four times cheaper than going through
// /proc, and safer: it opens nothing, and the remembered process cannot become another one. It requires the right to
// trace the holder, which Yama's ptrace_scope or a container's filter may refuse where /proc allows it. Openers mostly
// come to the same holder, so one is remembered, with whether it may be traced: an undumpable one says nothing about
// the others. After a row of refusals by different holders it is not tried again.
type holderDescriptors struct {
	mu      sync.Mutex
	pid     int32
	fd      int // a pidfd; 0 when there is none
	dev     uint64
	ino     uint64
	closed  bool // this holder may not be traced
	row     int  // the number of holders in a row that refused
	refused bool
	parked  int // copies of files that are kept open
}

// refusedRow is how many refusals in a row make it give up.
const refusedRow = 8

var holderTable holderDescriptors

// copy returns a duplicate of a holder's descriptor, or -1.
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
		// Either the holder has no such descriptor, or somebody closed the pidfd, and its number is no longer ours.
		if !t.ours() {
			t.fd = 0
		}
	default:
		t.forget()
	}
	return -1
}

// ours reports whether the pidfd is still the one that was opened: nobody has closed it and reused its number. Before
// Linux 6.9 all pidfds have one inode, so it is also asked whether it is a pidfd at all.
func (t *holderDescriptors) ours() bool {
	var st unix.Stat_t
	return fstat(t.fd, &st) == nil && st.Dev == t.dev && st.Ino == t.ino &&
		unix.PidfdSendSignal(t.fd, 0, nil, 0) != unix.EBADF
}

// mostParked is how many copies of files are kept before copying stops.
const mostParked = 8

// discard gives up a copy that is not what was looked for. A copy of a file stays open: closing it would drop the POSIX
// locks that this process may have on that file. Checking first, by the link in /proc, would cost each open among many
// names more than the rest of the door.
func (t *holderDescriptors) discard(fd int) {
	var st unix.Stat_t
	_, notSealable := unix.FcntlInt(uintptr(fd), unix.F_GET_SEALS, 0) // it is a memfd, a file that nobody locks
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

// enterDoor opens the memory through one door. It tries the cheaper way first, which yields the holder's own access
// mode. The record names that mode, but may be left from an earlier handle in the same slot, so the kernel is asked.
func (e *entry) enterDoor(d door, flags int) (memory, error) {
	if int(d.mode) == flags && (!e.overFile() || keptFiles.none()) {
		if fd := holderTable.copy(d); fd >= 0 {
			if e.isMemory(fd) && openMode(fd) == flags {
				return e.opened(fd, flags), nil
			}
			holderTable.discard(fd)
		}
	}
	m, err := e.enter(d.path(), flags)
	if err == nil || isFinal(err) {
		return m, err
	}
	if task := survivor(int(d.pid)); task != "" {
		return e.enter(task+"/fd/"+strconv.Itoa(int(d.descriptor)), flags)
	}
	return nil, err
}

// access is what the holder can do by that descriptor.
func (d door) access() Access {
	if d.mode == unix.O_RDONLY {
		return Read
	}
	return Read | Write
}

// path is the door's path in /proc.
func (d door) path() string {
	return "/proc/" + strconv.Itoa(int(d.pid)) + "/fd/" + strconv.Itoa(int(d.descriptor))
}

// opened is the memory behind a descriptor.
func (e *entry) opened(fd, mode int) memory {
	if e.overFile() {
		return &userFile{file: descriptorOf(fd), mode: mode}
	}
	return &memfd{fd: fd, mode: mode, device: e.identity[0], inode: e.identity[1]}
}

// openMode returns a descriptor's access mode; -1 if it cannot be told. The call never blocks, so the scheduler is not
// informed.
func openMode(fd int) int {
	mode, _, errno := unix.RawSyscall(unix.SYS_FCNTL, uintptr(fd), unix.F_GETFL, 0)
	if errno != 0 {
		return -1
	}
	return int(mode) & unix.O_ACCMODE
}

// isMemory compares device, inode and size with the entry's. A user's file may have any size by now.
func (e *entry) isMemory(fd int) bool {
	if mistake("doors trusted without verification") {
		return true
	}
	var st unix.Stat_t
	look := fstat
	if e.overFile() {
		look = unix.Fstat // the file system may be slow
	}
	return look(fd, &st) == nil && uint64(st.Dev) == e.identity[0] && st.Ino == e.identity[1] &&
		(st.Size == e.size || e.overFile())
}

// throughDoors opens the memory through the door of a living handle. It returns nil without an error if none opens.
func (e *entry) throughDoors(flags int) (memory, error) {
	for slot := range slotCount {
		d, ok := doorAt(e.first, slot)
		if !ok || !slotLocked(e, slot) {
			continue
		}
		m, err := e.enterDoor(d, flags)
		if err == nil {
			e.hint = int64(slot) + 1
			return m, nil
		}
		if isFinal(err) {
			return nil, err
		}
	}
	return nil, nil
}

// unreached explains why an object is alive although its memory was found nowhere. Only now does it matter whether the
// holders on record are exiting: before, their locks might have been those of others, such as children that they
// forked.
func (e *entry) unreached(isExiting func(pid int) bool) *again {
	exiting := false
	for slot := range slotCount {
		d, ok := doorAt(e.first, slot)
		if !ok || !slotLocked(e, slot) {
			continue
		}
		if isExiting(int(d.pid)) {
			exiting = true
		} else if !mayEnter(d) {
			return &again{why: unreachable(int(d.pid))}
		}
	}
	if exiting {
		return &again{why: fault.Fail(fault.Busy,
			"its last holder is exiting, and the kernel has not closed its handle yet"), dying: true}
	}
	why := &fault.Fault{
		Code:   fault.AccessDenied,
		Cause:  errors.New("a process holds the name, but no process that can be inspected has the memory"),
		Advice: "it may be a child of the process that opened the object; " + whyUnreachable,
	}
	return &again{why: why, least: 3} // the memory can have got past one of so many searches, but hardly past all
}

// mayEnter reports whether a holder may be looked into, whatever is behind its door. For a thread that has ended the
// kernel answers differently.
func mayEnter(d door) bool {
	path := d.path()
	if task := survivor(int(d.pid)); task != "" {
		path = task + "/fd/" + strconv.Itoa(int(d.descriptor))
	}
	_, err := os.Readlink(path)
	return !errors.Is(err, os.ErrPermission)
}

// slotsChanged reports whether a holder came after the slots were read: its record leads to the memory, so no search is
// needed. A search takes seconds if some program has a hundred thousand descriptors.
func (e *entry) slotsChanged() bool {
	fresh := pages.Get().(*page)
	defer pages.Put(fresh)
	return e.readSlots(fresh[:]) == nil && !bytes.Equal(fresh[slotsAt:], e.first[slotsAt:])
}

// readSlots reads the slots again, into their position among an entry's first bytes.
func (e *entry) readSlots(into []byte) error {
	n, err := readAt(e.fd, into[slotsAt:], slotsAt)
	if err == nil {
		clear(into[slotsAt+n:])
	}
	return err
}

// isFinal reports a failure that another door would not mend: this process is out of descriptors, or lacks the right to
// the access it wants.
func isFinal(err error) bool {
	var f *fault.Fault
	return errors.As(err, &f)
}

func unreachable(pid int) error {
	return &fault.Fault{
		Code:   fault.AccessDenied,
		Cause:  fmt.Errorf("the object exists, but its holder, process %d, cannot be inspected (/proc/%d/fd)", pid, pid),
		Advice: whyUnreachable,
	}
}

// whyUnreachable are the kernel's reasons why one process may not look into another.
const whyUnreachable = "it runs with other credentials or capabilities, in another PID or user namespace, " +
	"outside this process's Landlock sandbox, or is undumpable; open the object from a process like it, or as root"

// enter opens the memory through one door. What a recycled process id may have put there is never opened: O_PATH does
// nothing to a file, and only if device, inode and size are right is it opened for real. (Inode numbers of memfds are
// not reused while the machine runs: they are counted in 64 bits.)
func (e *entry) enter(path string, flags int) (memory, error) {
	at, err := openPath(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		if err == unix.EMFILE || err == unix.ENFILE {
			return nil, memfdFault("open", err)
		}
		return nil, err
	}
	defer unix.Close(at)
	if !e.isMemory(at) {
		return nil, unix.ENOENT
	}
	if e.overFile() {
		if fd := keptFiles.take(e.identity[0], e.identity[1], flags); fd >= 0 {
			return e.opened(fd, flags), nil
		}
	}
	fd, err := openPath(selfDescriptor(at), flags|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, memfdFault("open", err)
	}
	return e.opened(fd, flags), nil
}
