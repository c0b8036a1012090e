package kernel

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sysvBacking is Global memory on Linux: a System V segment. It is marked for removal as soon as its creator has
// attached it: Linux lets others attach by id while somebody is attached, and frees it with the last. Its mode bits
// let other users in, and the kernel enforces them.
//
// Who may only read cannot lock anything exclusively, and could hold a shared lock for ever. Therefore an object is
// dead when its segment is gone, whatever locks there are; and entries are removed under a lock on a file that only
// those who may write the directory can open.
type sysvBacking struct{}

const (
	shmDest      = 0o1000   // SHM_DEST: the segment goes with its last attachment
	shmNoReserve = 0o10000  // SHM_NORESERVE
	shmExec      = 0o100000 // SHM_EXEC

	creatingFile = ".creating" // what segments are about to be made, and a lock for each record
	burialFile   = ".burial"   // byte hash of a file name: that entry is being removed
)

func (sysvBacking) id() backingID  { return backingSysV }
func (sysvBacking) openFlags() int { return unix.O_RDONLY }

func (sysvBacking) create(p *place, spec *Spec, access Access, h *header) (memory, error) {
	if err := unix.Faccessat(unix.AT_FDCWD, p.dir, unix.W_OK|unix.X_OK, unix.AT_EACCESS); err != nil {
		return nil, p.fault("write", p.dir, err)
	}
	gid, err := shareGroup(p, &spec.Share)
	if err != nil {
		return nil, err
	}
	sweepSegments(p)
	h.mode = spec.mode()
	m, err := newSegment(p, spec, h, access)
	if err != nil {
		return nil, err
	}
	if err := m.settle(spec, h, gid); err != nil {
		m.close()
		return nil, err
	}
	return m, nil
}

// newSegment makes a segment, attaches it and marks it for removal. A crash in between leaves an empty segment. What is
// about to be made is therefore written down first, in creatingFile, under a lock that dies with the creator.
func newSegment(p *place, spec *Spec, h *header, access Access) (*segment, error) {
	note, err := p.takeNote()
	if err != nil {
		return nil, err
	}
	defer note.drop()
	flags := int(h.mode) | unix.IPC_CREAT | unix.IPC_EXCL
	if spec.Commit == CommitNever {
		flags |= shmNoReserve
	}
	for range 1000 {
		key := int(1 + rand.Int32N(1<<31-1)) // 0 is IPC_PRIVATE, by which nobody finds the segment again
		if err := note.write(intent{uint32(key), uint32(unix.Geteuid()), uint64(spec.Size)}); err != nil {
			return nil, p.fault("write", p.dir, err)
		}
		id, err := unix.SysvShmGet(key, int(spec.Size), flags)
		if err == unix.EEXIST {
			continue
		}
		if err != nil {
			return nil, segmentFault("shmget", err, spec.Size)
		}
		m, err := attachNew(id, spec, access)
		if _, rmErr := unix.SysvShmCtl(id, unix.IPC_RMID, nil); rmErr != nil {
			note.keep = true // for whoever sweeps: this process could not
			if err == nil {
				err = &Fault{Code: codeOfErrno(rmErr), Cause: os.NewSyscallError("shmctl(IPC_RMID)", rmErr)}
				m.close()
			}
		}
		if err != nil {
			return nil, err
		}
		h.identity = [3]uint64{uint64(id), 0, uint64(uint32(key))}
		return m, nil
	}
	return nil, fail(NoSystemResources, "no free System V key")
}

func attachNew(id int, spec *Spec, access Access) (*segment, error) {
	flags := 0
	if access&Write == 0 || spec.Protection.grants()&Write == 0 {
		flags = unix.SHM_RDONLY
	}
	m, err := attach(id, spec.Size, flags)
	if err != nil {
		return nil, segmentFault("shmat", err, spec.Size)
	}
	return m, nil
}

// settle finishes a new segment: its group, its pages if they are to be committed, and who it is.
func (m *segment) settle(spec *Spec, h *header, gid int) error {
	if spec.Commit == CommitNow {
		if err := m.populate(); err != nil {
			return err
		}
	}
	var st unix.SysvShmDesc
	if _, err := unix.SysvShmCtl(m.id, unix.IPC_STAT, &st); err != nil {
		return &Fault{Code: codeOfErrno(err), Cause: os.NewSyscallError("shmctl(IPC_STAT)", err)}
	}
	if gid >= 0 {
		st.Perm.Gid = uint32(gid)
		setMode(&st.Perm.Mode, h.mode)
		if _, err := unix.SysvShmCtl(m.id, unix.IPC_SET, &st); err != nil {
			return &Fault{Code: codeOfErrno(err), Cause: os.NewSyscallError("shmctl(IPC_SET)", err)}
		}
		if _, err := unix.SysvShmCtl(m.id, unix.IPC_STAT, &st); err != nil {
			return &Fault{Code: codeOfErrno(err), Cause: os.NewSyscallError("shmctl(IPC_STAT)", err)}
		}
	}
	h.identity[1] = uint64(st.Ctime)
	h.identity[2] |= uint64(st.Perm.Cuid) << 32
	return nil
}

// setMode exists because the field has not the same type on all architectures.
func setMode[T uint16 | uint32](field *T, mode uint32) { *field = *field&^0o777 | T(mode) }

// populate reserves every page. Reading is enough: a page of shared memory is allocated by the first access of any
// kind, and the handle may be read-only.
func (m *segment) populate() error {
	err := unix.Madvise(m.attached, unix.MADV_POPULATE_READ)
	if err == unix.EINVAL { // before Linux 5.14
		var sum byte
		for at := int64(0); at < int64(len(m.attached)); at += pageSize {
			sum += m.attached[at]
		}
		_ = sum
		return nil
	}
	if err != nil {
		return &Fault{Code: CommitmentLimit, Cause: os.NewSyscallError("madvise", err), Advice: memoryAdvice(int64(len(m.attached)))}
	}
	return nil
}

// control opens one of the files that serve as locks among those who may write the directory, and nobody else. Root
// makes them with the directory: a file of another user could be taken away with that user's login.
func (p *place) control(name string) (int, error) {
	path := p.path(name)
	fd, err := openAt(p.at(), name, unix.O_RDWR|entryFlags, 0)
	if err == unix.ENOENT && p.euid == 0 {
		if err = p.makeControl(name); err == nil || err == unix.EEXIST {
			fd, err = openAt(p.at(), name, unix.O_RDWR|entryFlags, 0)
		}
	}
	if err == unix.ENOENT && unix.Faccessat(unix.AT_FDCWD, p.dir, unix.W_OK, unix.AT_EACCESS) != nil {
		err = unix.EACCES // not there yet; but this process could not open it either
	}
	if err == unix.ENOENT && p.gone() {
		return -1, &Fault{Code: FileNotFound}
	}
	if err == unix.ENOENT {
		return -1, &Fault{Code: FileCorrupt, Cause: pathError("open", path, err), Advice: "have root run 'shm setup', which mends the directory"}
	}
	if err != nil {
		return -1, p.fault("open", path, err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return -1, p.fault("fstat", path, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Mode&0o007 != 0 || st.Uid != 0 {
		unix.Close(fd)
		return -1, &Fault{Code: FileCorrupt, Cause: fmt.Errorf("%s is refused: it is not a file of root's that only writers of the directory can open", path),
			Advice: "have root remove it and run 'shm setup'"}
	}
	return fd, nil
}

// makeControl makes a lock file with its final mode before it gets its name, so that nobody finds it with another.
func (p *place) makeControl(name string) error {
	fd, err := openAt(p.at(), ".", unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.Fchmod(fd, 0o600|p.writersBit()*3); err != nil { // read too: records are read
		return err
	}
	return unix.Linkat(unix.AT_FDCWD, selfDescriptor(fd), p.at(), name, unix.AT_SYMLINK_FOLLOW)
}

// ownersAlone reports that the directory's owner alone may write it, if that can be told.
func (p *place) ownersAlone() bool {
	var st unix.Stat_t
	return unix.Fstat(p.at(), &st) == nil && st.Mode&0o022 == 0
}

// writersBit is group-write when the directory's group may write the directory: what is in it must be writable by
// the same people.
func (p *place) writersBit() uint32 {
	var st unix.Stat_t
	if unix.Fstat(p.at(), &st) == nil && st.Mode&0o020 != 0 {
		return 0o020
	}
	return 0
}

// entryFile makes an entry that can be read by exactly those who may read the segment, and written by exactly those
// who may write the directory.
func (sysvBacking) entryFile(p *place, h *header, m memory) (*entry, error) {
	mode := 0o600 | h.mode&0o044 | p.writersBit()
	e, err := newTmpfileEntry(p, h, mode, m.descriptor())
	if err != nil {
		return nil, err
	}
	var st unix.SysvShmDesc
	if h.mode&0o077 != 0 && h.mode&0o007 == 0 { // shared with a group
		_, err = unix.SysvShmCtl(int(h.identity[0]), unix.IPC_STAT, &st)
		if err == nil && st.Perm.Gid != e.group {
			err = unix.Fchown(e.fd, -1, int(st.Perm.Gid))
			e.group = st.Perm.Gid
		}
	}
	if err != nil {
		unix.Close(e.fd)
		return nil, advise(p.fault("chown", p.dir, err), "only root and members of a group may share with it")
	}
	return e, nil
}

// seatsPrefix begins the names of the files in which the handles of waitable objects lock their seats. An entry does not
// do for that: those who may own a mutex must be able to lock exclusively, and so to write the file.
const seatsPrefix = ".seats-"

func seatsFile(t token) string { return seatsPrefix + hex.EncodeToString(t[:]) }

// makeSeats makes the file, with the name of the entry in it, by which it is known whose it is. It can be written by
// exactly those who may write the segment or the directory.
func (sysvBacking) makeSeats(e *entry, _ memory) (*entry, error) {
	p := e.place
	mode := 0o600 | e.header.mode&0o022*3 | p.writersBit()*3
	seats, err := newTmpfileEntry(p, &e.header, mode, -1)
	if err != nil {
		return nil, err
	}
	if seats.group != e.group {
		err = unix.Fchown(seats.fd, -1, int(e.group))
	}
	if err == nil {
		err = fits(int64(len(e.file)))
	}
	if err == nil {
		_, err = writeAt(seats.fd, []byte(e.file), 0)
	}
	if err != nil {
		unix.Close(seats.fd)
		return nil, p.fault("write", p.dir, err)
	}
	seats.file = seatsFile(e.token)
	if rand.IntN(64) == 0 {
		sweepSeats(p) // a look at the whole directory: now and then is enough for what hardly ever happens
	}
	return seats, nil
}

func (sysvBacking) publishSeats(e, seats *entry) error {
	if err := linkEntry(seats); err != nil {
		return e.place.fault("link", seats.path(), err)
	}
	return nil
}

func (sysvBacking) openSeats(e *entry, _ memory) (*entry, error) {
	seats, err := e.place.openFile(seatsFile(e.token), unix.O_RDWR)
	if codeOf(err) == FileNotFound {
		return nil, e.corrupt("the file with its seats, " + seatsFile(e.token) + ", is gone")
	}
	return seats, err
}

func (sysvBacking) removeSeats(e *entry) {
	if e.kind != KindSection && e.token != (token{}) {
		unix.Unlinkat(e.place.at(), seatsFile(e.token), 0)
	}
}

// sweepSeats removes files of seats whose object is gone: its creator died before the object had its name, or it was
// buried by somebody who could not read it.
func sweepSeats(p *place) []Burial {
	files, err := directoryEntries(p.dir)
	if err != nil {
		return p.unswept(".", err)
	}
	var found []Burial
	for _, file := range files {
		if !strings.HasPrefix(file, seatsPrefix) {
			continue
		}
		e, err := p.openFile(file, unix.O_RDWR)
		if err != nil {
			continue
		}
		if orphaned(p, e) {
			err := unix.Unlinkat(p.at(), file, 0)
			found = append(found, Burial{Name: p.path(file), What: "the seats of an object that is gone", Buried: err == nil, Err: err})
		}
		p.locks.closeEntry(e)
	}
	return found
}

// orphaned reports that nobody sits on the seats of a file, and that no entry is there to which they belong. Its creator
// sits there before the file has a name.
func orphaned(p *place, seats *entry) bool {
	l := unix.Flock_t{Type: unix.F_RDLCK, Start: seatsStart, Len: 1 << idBits}
	if ofd(seats.fd, unix.F_OFD_GETLK, &l) != nil || l.Type != unix.F_UNLCK {
		return false
	}
	var name [256]byte
	n, err := readAt(seats.fd, name[:], 0)
	if err != nil || n == 0 || bytes.ContainsAny(name[:n], "/\x00") {
		return err == nil
	}
	e, err := p.openFile(string(name[:n]), unix.O_RDONLY)
	if err != nil {
		return codeOf(err) == FileNotFound
	}
	defer p.locks.closeEntry(e)
	defer e.done()
	return p.read(e, "") == nil && seatsFile(e.token) != seats.file
}

// reach attaches by id, and only then asks whose segment it is: an attached one cannot go, and its id cannot be
// given to another.
func (b sysvBacking) reach(p *place, e *entry, access Access) (memory, error) {
	if seen, err := p.locks.look(e); err != nil {
		return nil, p.fault("lock", e.path(), err)
	} else if seen == burier {
		return nil, errBurying
	} else if seen == nobody {
		return nil, errDead
	}
	if e.size > addressable { // a handle is an attachment of the whole
		return nil, tooWide(e.size)
	}
	flags := unix.SHM_RDONLY
	if access&Write != 0 && e.protection.grants()&Write != 0 {
		flags = 0
	}
	m, err := attach(int(e.identity[0]), e.size, flags)
	if err != nil {
		if identity := b.identify(e); identity != nil {
			return nil, identity
		}
		if err == unix.EACCES || err == unix.EPERM {
			return nil, &Fault{Code: AccessDenied, Cause: os.NewSyscallError("shmat", err),
				Advice: "its creator did not share it with this user, or not for this access"}
		}
		return nil, segmentFault("shmat", err, e.size)
	}
	if err := b.identify(e); err != nil {
		m.close()
		return nil, err
	}
	return m, nil
}

// dead reports whether the entry's segment is gone, or its id is another segment's by now.
func (b sysvBacking) dead(e *entry) bool { return b.identify(e) == errDead }

// identify compares the segment that has the entry's id with what the entry says: nil, errDead, or a Fault where the
// one cannot be told.
func (sysvBacking) identify(e *entry) error {
	// The namespace is the thread's: between two calls the goroutine must not move to another.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	id := int(e.identity[0])
	var st unix.SysvShmDesc
	_, err := unix.SysvShmCtl(id, unix.IPC_STAT, &st)
	s := segmentState{id: id, mode: uint32(st.Perm.Mode), size: int64(st.Segsz), creator: st.Perm.Cuid, changed: int64(st.Ctime)}
	if err == unix.EACCES {
		// Somebody who may not read it asks; the list of all segments is for everybody.
		var found bool
		if s, found, err = findSegment(id); err == nil && !found {
			err = unix.EINVAL
		}
	}
	switch err {
	case nil:
	case unix.EINVAL, unix.EIDRM:
		return goneHere() // which nothing else may be taken for: who finds it dead buries it
	default:
		if isFinal(err) {
			return err
		}
		return segmentFault("shmctl(IPC_STAT)", err, e.size)
	}
	switch {
	case s.mode&shmDest == 0 || s.size != e.size || uint64(s.creator) != e.identity[2]>>32 || uint64(s.changed) < e.identity[1]:
		return goneHere()
	case uint64(s.changed) != e.identity[1]:
		return e.corrupt("its segment was changed after it was made (by shmctl IPC_SET?)")
	}
	return nil
}

// goneHere is errDead, if this thread looks at the IPC namespace that the directory belongs to. A thread that was
// moved to another one sees nothing of the first, and must not bury it.
func goneHere() error {
	session, err := sessionOf()
	if err != nil {
		return err
	}
	link, err := os.Readlink("/proc/thread-self/ns/ipc")
	if err != nil || link != "ipc:["+session.ipc+"]" {
		return fail(AccessDenied, "this thread was moved to the IPC namespace %q, the process began in %s", link, session.ipc)
	}
	return errDead
}

// bury removes the entry if its segment is gone, whatever locks remain, or if no handle lives. Who may not write the
// directory leaves it there: it is absent for everybody all the same.
func (b sysvBacking) bury(p *place, e *entry) error {
	control, err := p.control(burialFile)
	if err != nil {
		if codeOf(err) == AccessDenied {
			return &Fault{Code: FileNotFound}
		}
		return err
	}
	defer unix.Close(control)
	grave := unix.Flock_t{Type: unix.F_WRLCK, Start: nameHash(e.file), Len: 1}
	got, err := tryLock(ofd(control, unix.F_OFD_SETLK, &grave))
	switch {
	case err != nil:
		return p.fault("lock", e.path(), err)
	case !got:
		return errBurying
	}
	// By hand, not by closing: a child forked just now shares the lock and may keep it for its life.
	defer ofd(control, unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_UNLCK, Start: grave.Start, Len: 1})
	if e.first != nil && b.dead(e) {
		return p.removeNamed(e)
	}
	fd, err := openAt(p.at(), e.file, unix.O_WRONLY|entryFlags, 0)
	if err != nil {
		return p.fault("open", e.path(), err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Ino != e.inode || uint64(st.Dev) != e.device {
		return errMoved
	}
	writable := *e
	writable.fd = fd
	got, err = p.locks.lockExclusive(&writable)
	switch {
	case err != nil:
		return p.fault("lock", e.path(), err)
	case !got:
		return errMoved
	}
	return p.removeNamed(e)
}

// nameHash is the byte of burialFile that stands for an entry's file name. Two names that share one only wait for each other.
func nameHash(file string) int64 {
	h := fnv.New64a()
	h.Write([]byte(file))
	return int64(h.Sum64() >> 2)
}

// last tries again where somebody has the burial lock: he may be about to leave the entry there, because the handle that
// is now closed still lived when he looked, or he may still have the lock from burying an earlier one of that name.
func (b sysvBacking) last(p *place, e *entry) {
	retry(context.Background(), func() (struct{}, error) {
		if seen, err := p.locks.look(e); err != nil || seen != nobody {
			return struct{}{}, nil
		}
		if err := b.bury(p, e); err == errBurying {
			return struct{}{}, err
		}
		return struct{}{}, nil
	})
}

func (sysvBacking) describe(*entry, *sighting) {}

// survey finds the handles too in /proc: entries of this backing have no records.
func (sysvBacking) survey(p *place, found []*sighting) error {
	all, err := segments()
	if err != nil && err != error(errSegmentsHidden) {
		return err
	}
	resident := map[int]int64{}
	for _, s := range all {
		resident[s.id] = s.resident
	}
	for _, s := range found {
		if s.entry == nil {
			continue
		}
		if bytes, ok := resident[int(s.entry.identity[0])]; ok {
			s.Resident = bytes
		}
	}
	return p.findHolders(found, true)
}

// segment is an attached System V segment. The attachment is what keeps it alive for a handle; views attach anew.
type segment struct {
	id       int
	attached []byte
}

func attach(id int, size int64, flags int) (*segment, error) {
	addr, _, errno := unix.Syscall(unix.SYS_SHMAT, uintptr(id), 0, uintptr(flags))
	if errno != 0 {
		return nil, errno
	}
	return &segment{id: id, attached: unsafe.Slice((*byte)(unsafe.Add(nil, addr)), size)}, nil
}

func (m *segment) descriptor() int { return -1 }
func (m *segment) openMode() int   { return -1 }

// view attaches the segment once more and gives back what lies outside of the range. Copy-on-write does not exist for
// segments: such a view is a private copy.
func (m *segment) view(offset, length int64, access Access) ([]byte, error) {
	prot, kind := viewProtection(access)
	if kind == unix.MAP_PRIVATE {
		return m.snapshot(offset, length, prot)
	}
	flags := unix.SHM_RDONLY
	if prot&unix.PROT_WRITE != 0 {
		flags = 0
	}
	if prot&unix.PROT_EXEC != 0 {
		flags |= shmExec
	}
	whole, err := attach(m.id, int64(len(m.attached)), flags)
	if err != nil {
		return nil, os.NewSyscallError("shmat", err)
	}
	if prot == unix.PROT_NONE {
		if err := unix.Mprotect(whole.attached, prot); err != nil {
			whole.close()
			return nil, os.NewSyscallError("mprotect", err)
		}
	}
	if err := whole.keep(offset, length); err != nil {
		whole.close()
		return nil, os.NewSyscallError("munmap", err)
	}
	return whole.attached[offset : offset+length : offset+length], nil
}

// keep gives the address space of an attachment back but for one range. Where that fails the whole can still be
// detached: the kernel knows what is left of an attachment by its address.
func (m *segment) keep(offset, length int64) error {
	if offset > 0 {
		if err := unmap(m.attached[:offset:offset]); err != nil {
			return err
		}
	}
	if end := offset + length; end < int64(len(m.attached)) {
		return unmap(m.attached[end:])
	}
	return nil
}

// snapshots tells the views of a segment from others.
func (m *segment) snapshots() {}

func (m *segment) snapshot(offset, length int64, prot int) ([]byte, error) {
	p, err := unix.MmapPtr(-1, 0, nil, uintptr(length), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	view := unsafe.Slice((*byte)(p), length)
	copy(view, m.attached[offset:])
	if prot&unix.PROT_EXEC != 0 {
		if err := unix.Mprotect(view, prot); err != nil {
			unmap(view)
			return nil, os.NewSyscallError("mprotect", err)
		}
	}
	return view, nil
}

func (m *segment) close() error {
	_, _, errno := unix.Syscall(unix.SYS_SHMDT, uintptr(unsafe.Pointer(unsafe.SliceData(m.attached))), 0, 0)
	if errno != 0 {
		return os.NewSyscallError("shmdt", errno)
	}
	return nil
}

// segmentFault says which of the kernel's limits on segments a call ran into, with its value. The same error means
// another limit to another call: only shmget makes a segment, what shmat wants is address space.
func segmentFault(call string, err error, size int64) error {
	f := &Fault{Code: codeOfErrno(err), Cause: os.NewSyscallError(call, err)}
	if call != "shmget" {
		if err == unix.ENOMEM {
			f.Code, f.Advice = NotEnoughMemory, addressSpaceAdvice(size)
		}
		return f
	}
	switch err {
	case unix.ENOSPC:
		f.Code = NoSystemResources
		f.Advice = fmt.Sprintf("the machine's limit of segments is reached: kernel.shmmni is %s segments, kernel.shmall %s pages; root can raise them with sysctl",
			sysctl("kernel/shmmni"), sysctl("kernel/shmall"))
	case unix.EINVAL:
		f.Code = NoSystemResources
		f.Advice = fmt.Sprintf("%d bytes are more than kernel.shmmax, %s, allows; root can raise it with sysctl", size, sysctl("kernel/shmmax"))
	case unix.ENOMEM:
		f.Code, f.Advice = CommitmentLimit, memoryAdvice(size)
	case unix.ENFILE:
		f.Advice = descriptorAdvice(err)
	}
	return f
}

// segmentState is a line of /proc/sysvipc/shm.
type segmentState struct {
	id       int
	mode     uint32
	size     int64
	creator  uint32
	changed  int64
	resident int64
}

// segmentsFile is the list of all segments.
var segmentsFile = "/proc/sysvipc/shm"

// segments reads that list, which everybody may read.
func segments() ([]segmentState, error) {
	b, err := contents(segmentsFile)
	if err != nil {
		return nil, err
	}
	if len(b) == 0 { // it has a heading at least, where it is there and may be read
		return nil, errSegmentsHidden
	}
	// key shmid perms size cpid lpid nattch uid gid cuid cgid atime dtime ctime rss swap
	var all []segmentState
	for line := range bytes.Lines(b) {
		f := bytes.Fields(line)
		if len(f) < 16 || f[0][0] == 'k' {
			continue
		}
		number := func(i, base int) int64 {
			n, _ := strconv.ParseInt(string(f[i]), base, 64)
			return n
		}
		all = append(all, segmentState{
			id: int(number(1, 10)), mode: uint32(number(2, 8)), size: number(3, 10), creator: uint32(number(9, 10)),
			changed: number(13, 10), resident: number(14, 10) + number(15, 10),
		})
	}
	return all, nil
}

// errSegmentsHidden: nothing is known of any segment, and least of all that it is gone.
var errSegmentsHidden = &Fault{Code: AccessDenied, Cause: errors.New("/proc/sysvipc/shm, the list of all segments, is not there or cannot be read"),
	Advice: "this process is shown a part of /proc only (systemd's ProcSubset=, a container's masks)"}

// findSegment looks for a segment in the list. An error says that the list is not to be had.
func findSegment(id int) (segmentState, bool, error) {
	all, err := segments()
	for _, s := range all {
		if s.id == id {
			return s, true, nil
		}
	}
	return segmentState{}, false, err
}
