package kernel

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// memfdBacking is Local memory on Linux: a memfd. It has no name; whoever opens the object reaches it through the
// descriptor of a living holder, /proc/<pid>/fd/<n>, which needs no help from the holder: it may be stopped.
type memfdBacking struct{}

// memfdName is the name that a memfd carries in /proc: its token, so that a look at the link tells it from any other.
func memfdName(t token) string { return "namedshm-" + hex.EncodeToString(t[:]) }

// memfdLink is what /proc/<pid>/fd/<n> reads for it.
func memfdLink(t token) string { return "/memfd:" + memfdName(t) + " (deleted)" }

func (memfdBacking) id() backingID  { return backingMemfd }
func (memfdBacking) openFlags() int { return unix.O_RDWR }

func (memfdBacking) create(p *place, spec *Spec, access Access, h *header) (memory, error) {
	m, err := newMemfd(spec, h.token)
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(m.fd, &st); err != nil {
		m.close()
		return nil, memfdFault("fstat", err)
	}
	h.identity = [3]uint64{uint64(st.Dev), st.Ino}
	if access&Write == 0 || spec.Protection.grants()&Write == 0 {
		// The creator's own handle has no more access than it asked for.
		if err := m.reopen(unix.O_RDONLY); err != nil {
			m.close()
			return nil, err
		}
	}
	return m, nil
}

// noExec is what memfd_create is asked for: memory that can never be run, and with Execute memory that can. Kernels
// before 6.3 know neither.
var noExecUnknown atomic.Bool

func newMemfd(spec *Spec, t token) (*memfd, error) {
	flags, exec := unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING, unix.MFD_NOEXEC_SEAL
	if spec.Protection.grants()&Execute != 0 {
		exec = unix.MFD_EXEC
	}
	if noExecUnknown.Load() {
		exec = 0
	}
	fd, err := unix.MemfdCreate(memfdName(t), flags|exec)
	if err == unix.EINVAL && exec != 0 {
		noExecUnknown.Store(true)
		fd, err = unix.MemfdCreate(memfdName(t), flags)
	}
	if err != nil {
		if err == unix.EACCES && exec == unix.MFD_EXEC {
			return nil, advise(memfdFault("memfd_create", err), "vm.memfd_noexec is 2: this machine allows no executable memory")
		}
		return nil, memfdFault("memfd_create", err)
	}
	m := &memfd{fd: fd, mode: unix.O_RDWR}
	if err := m.prepare(spec); err != nil {
		m.close()
		return nil, err
	}
	return m, nil
}

// prepare gives the memory its size, its mode and its seals: nobody can ever shrink it under a reader or grow it, and
// where the protection forbids writing the kernel does too.
func (m *memfd) prepare(spec *Spec) error {
	if err := fits(spec.Size); err != nil {
		return err
	}
	if err := truncate(m.fd, spec.Size); err != nil {
		return memfdFault("ftruncate", err)
	}
	mode := uint32(0o600)
	if spec.Protection.grants()&Execute != 0 {
		mode = 0o700
	}
	if err := unix.Fchmod(m.fd, mode); err != nil {
		return memfdFault("fchmod", err)
	}
	if spec.Commit == CommitNow {
		if err := reserve(m.fd, spec.Size); err != nil {
			return err
		}
	}
	seals := unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_SEAL
	if spec.Protection.grants()&Write == 0 {
		seals |= unix.F_SEAL_WRITE
	}
	if _, err := unix.FcntlInt(uintptr(m.fd), unix.F_ADD_SEALS, seals); err != nil {
		return memfdFault("seal", err)
	}
	return nil
}

// reserve allocates every page, in pieces: a signal interrupts the call, which then gives back what it had.
func reserve(fd int, size int64) error {
	const piece = 16 << 20
	for at := int64(0); at < size; {
		n := min(piece, size-at)
		switch err := unix.Fallocate(fd, 0, at, n); err {
		case nil:
			at += n
		case unix.EINTR:
		case unix.ENOMEM, unix.ENOSPC:
			return &Fault{Code: CommitmentLimit, Cause: os.NewSyscallError("fallocate", err), Advice: memoryAdvice(size)}
		default:
			return memfdFault("fallocate", err)
		}
	}
	return nil
}

func memfdFault(op string, err error) error {
	f := &Fault{Code: codeOfErrno(err), Cause: os.NewSyscallError(op, err)}
	switch err {
	case unix.EMFILE, unix.ENFILE:
		f.Advice = descriptorAdvice(err)
	case unix.EFBIG:
		f.Code = NotEnoughMemory
	}
	return f
}

func (memfdBacking) entryFile(p *place, h *header, m memory) (*entry, error) {
	return newTmpfileEntry(p, h, 0o600, m.descriptor())
}

// newTmpfileEntry makes an entry that has no name, and vanishes with its descriptor until it gets one.
func newTmpfileEntry(p *place, h *header, mode uint32, above int) (*entry, error) {
	fd, err := openAt(p.at(), ".", unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, mode)
	if err != nil {
		return nil, p.fault("open", p.dir, err)
	}
	e := &entry{fd: fd, place: p, file: fileName(h.name), header: *h, first: h.encode()}
	if err := e.adopt(mode, above); err != nil {
		unix.Close(e.fd)
		return nil, p.fault("fstat", p.dir, err)
	}
	return e, nil
}

// adopt finds out who a new entry's file is, and gives it its mode where the umask took something away.
func (e *entry) adopt(mode uint32, above int) error {
	if err := e.raise(above); err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Fstat(e.fd, &st); err != nil {
		return err
	}
	if uint32(st.Mode)&0o7777 != mode {
		if err := unix.Fchmod(e.fd, mode); err != nil {
			return err
		}
	}
	e.device, e.inode, e.owner, e.group, e.mode = uint64(st.Dev), st.Ino, st.Uid, st.Gid, unix.S_IFREG|mode
	return nil
}

// linkEntry gives an entry its name, in one step.
func linkEntry(e *entry) error {
	if e.temporary != "" {
		return linkTemporary(e)
	}
	if !emptyPathRefused.Load() {
		err := unix.Linkat(e.fd, "", e.place.at(), e.file, unix.AT_EMPTY_PATH)
		if err != unix.ENOENT {
			return err
		}
		// Before Linux 6.10 this takes a capability; or the directory is gone, which the other way will say too.
	}
	err := unix.Linkat(unix.AT_FDCWD, selfDescriptor(e.fd), e.place.at(), e.file, unix.AT_SYMLINK_FOLLOW)
	if err == nil {
		emptyPathRefused.Store(true)
	}
	return err
}

var emptyPathRefused atomic.Bool

// selfDescriptor is the path of a descriptor of ours. It goes by the thread: /proc/self is the first thread's, which a
// host program may have ended.
func selfDescriptor(fd int) string { return "/proc/thread-self/fd/" + strconv.Itoa(fd) }

func (memfdBacking) makeSeats(e *entry, _ memory) (*entry, error) { return e, nil }
func (memfdBacking) publishSeats(_, _ *entry) error               { return nil }
func (memfdBacking) openSeats(e *entry, _ memory) (*entry, error) { return e, nil }
func (memfdBacking) removeSeats(*entry)                           {}

func (memfdBacking) dead(*entry) bool { return false }

func (memfdBacking) bury(p *place, e *entry) error {
	got, err := p.locks.lockExclusive(e)
	if err != nil {
		return p.fault("lock", e.path(), err)
	}
	if !got {
		return errMoved
	}
	return p.removeNamed(e)
}

func (memfdBacking) last(p *place, e *entry) {
	if got, _ := p.locks.lockExclusive(e); got {
		p.removeNamed(e)
	}
}

// reach goes through the doors of living handles: those on record first, then, because a record is only a hint (a
// forked child may have outlived the process that wrote it, or the table was full), through every descriptor of every
// process. A slot that is locked is a handle that lives; so in the usual case nothing else need be asked.
func (b memfdBacking) reach(p *place, e *entry, access Access) (memory, error) {
	flags := unix.O_RDONLY
	if access&Write != 0 && e.protection.grants()&Write != 0 {
		flags = unix.O_RDWR
	}
	var closed error // why a living holder's door did not open
	exiting := false
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
		if err == unix.EACCES || err == unix.EPERM {
			closed = unreachable(int(d.pid))
		}
		exiting = exiting || isExiting(int(d.pid))
	}
	if err := p.settle(e); err != nil {
		return nil, err
	}
	if exiting {
		return nil, &again{why: fail(Busy, "its last holder is exiting, and the kernel has not taken its handle back yet"), dying: true}
	}
	if e.slotsChanged() {
		return nil, errMoved
	}
	m, err := e.search(flags)
	if m != nil || isFinal(err) {
		return m, err
	}
	if closed == nil {
		closed = fail(AccessDenied, "a process holds the name, but none that can be seen in /proc has the memory")
	}
	return nil, &again{why: closed}
}

// slotsChanged reports that a holder came after the slots were read: its record leads to the memory, so that nothing
// need be searched. A search takes seconds where some program has a hundred thousand descriptors.
func (e *entry) slotsChanged() bool {
	fresh := pages.Get().(*page)
	defer pages.Put(fresh)
	n, err := readAt(e.fd, fresh[slotsAt:], slotsAt)
	if err != nil {
		return false
	}
	clear(fresh[slotsAt+n:])
	return !bytes.Equal(fresh[slotsAt:], e.first[slotsAt:])
}

// isFinal tells a failure that another door would not mend: this process is out of descriptors, or may not have the
// access it wants.
func isFinal(err error) bool {
	var f *Fault
	return errors.As(err, &f)
}

func unreachable(pid int) error {
	return &Fault{
		Code:  AccessDenied,
		Cause: fmt.Errorf("the object lives, but its holder, process %d, may not be looked into (/proc/%d/fd)", pid, pid),
		Advice: "it runs with other credentials or capabilities, in another PID namespace, or undumpable; " +
			"open the object from a process like it, or as root",
	}
}

// enter opens the memory through one door. What a recycled process id may have put there is never opened: O_PATH does
// nothing to a file, and only when device, inode and size are right is it opened for real. (Inode numbers of memfds
// are not used twice while the machine runs: they are counted with 64 bits.)
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

// linkReads reports whether a link reads exactly want.
func linkReads(path, want string) bool {
	var buffer [128]byte
	n, err := unix.Readlink(path, buffer[:])
	return err == nil && string(buffer[:n]) == want
}

// search looks for the token among the descriptors of all processes, and of their threads, which may have tables of
// their own. It is nil without an error when nobody who can be looked into has it.
func (e *entry) search(flags int) (memory, error) {
	if e.overFile() {
		return e.searchFile(flags)
	}
	want := memfdLink(e.token)
	pids, err := processes()
	if err != nil {
		return nil, err
	}
	for _, pid := range pids {
		tasks := "/proc/" + strconv.Itoa(pid) + "/task"
		tids, err := directoryNames(tasks)
		if err != nil {
			return nil, err
		}
		for _, tid := range tids {
			if id, err := strconv.Atoi(tid); err != nil || id != pid && sameDescriptors(pid, id) {
				continue // looked through with the first thread
			}
			table := tasks + "/" + tid + "/fd"
			descriptors, err := directoryNames(table)
			if err != nil {
				return nil, err
			}
			for _, fd := range descriptors {
				if path := table + "/" + fd; linkReads(path, want) {
					m, err := e.enter(path, flags)
					if err == nil || isFinal(err) {
						return m, err
					}
				}
			}
		}
	}
	return nil, nil
}

// sameDescriptors reports that two threads share one table of descriptors, as nearly all threads of a process do. Where
// the kernel cannot tell, they do not.
func sameDescriptors(pid, tid int) bool {
	const kcmpFiles = 2
	order, _, errno := unix.Syscall6(unix.SYS_KCMP, uintptr(pid), uintptr(tid), kcmpFiles, 0, 0, 0)
	return errno == 0 && order == 0
}

// processes is every process id in /proc.
func processes() ([]int, error) {
	names, err := directoryNames("/proc")
	var pids []int
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids, err
}

// directoryNames is what a directory holds; nothing when there is none, or it may not be read. An error says that this
// process is out of what it takes to read it, so that nothing is known of what it holds.
func directoryNames(path string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, shortage(err)
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	return names, shortage(err)
}

// contents is a file of /proc; nil without an error as in directoryNames.
func contents(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, shortage(err)
	}
	return b, nil
}

// describe reads the holders off the door records of living handles, and asks the first door that opens how much
// memory is in use. Handles without a record are counted, but nobody's.
func (memfdBacking) describe(e *entry, s *sighting) {
	for slot := range slotCount {
		if len(s.Holders) > 0 && countOf(s.Holders) >= s.Handles {
			break
		}
		d, ok := doorAt(e.first, slot)
		if !ok || !slotLocked(e, slot) {
			continue
		}
		s.addHandle(int(d.pid))
		if s.Resident < 0 && !e.overFile() {
			s.Resident = e.residentAt(d)
		}
	}
}

func (memfdBacking) survey(p *place, found []*sighting) error { return p.findHolders(found, false) }

// residentAt is the memory in use as one holder's descriptor tells it, -1 if it cannot be asked.
func (e *entry) residentAt(d door) int64 {
	var st unix.Stat_t
	path := "/proc/" + strconv.Itoa(int(d.pid)) + "/fd/" + strconv.Itoa(int(d.descriptor))
	if unix.Stat(path, &st) == nil && uint64(st.Dev) == e.identity[0] && st.Ino == e.identity[1] {
		return st.Blocks * 512
	}
	return -1
}

// memfd is memory behind a descriptor.
type memfd struct {
	fd   int
	mode int // O_RDONLY or O_RDWR
}

func (m *memfd) descriptor() int { return m.fd }
func (m *memfd) openMode() int   { return m.mode }

func (m *memfd) view(offset, length int64, access Access) ([]byte, error) {
	return mapFile(m.fd, offset, length, access)
}

func (m *memfd) close() error { return closeMemory(m.fd) }

// reopen exchanges the descriptor for one with another access mode.
func (m *memfd) reopen(flags int) error {
	fd, err := openPath(selfDescriptor(m.fd), flags|unix.O_CLOEXEC, 0)
	if err != nil {
		return memfdFault("open", err)
	}
	unix.Close(m.fd)
	m.fd, m.mode = fd, flags
	return nil
}

// mapFile maps a range of a file for a view.
func mapFile(fd int, offset, length int64, access Access) ([]byte, error) {
	prot, flags := viewProtection(access)
	p, err := unix.MmapPtr(fd, offset, nil, uintptr(length), prot, flags)
	if err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	return unsafe.Slice((*byte)(p), length), nil
}

// isExiting reports a process that has begun to exit: its doors are gone, its locks will go when the kernel comes to
// them. Before that it may have gigabytes of other memory to free.
func isExiting(pid int) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	// pid (comm) state ppid pgrp session tty_nr tpgid flags …; the command may hold anything, even ")".
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(f) < 7 {
		return false
	}
	const exitingFlag = 0x4 // PF_EXITING
	flags, _ := strconv.ParseUint(f[6], 10, 64)
	return f[0] == "Z" || f[0] == "X" || flags&exitingFlag != 0
}
