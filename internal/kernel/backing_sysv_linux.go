package kernel

import (
	"cmp"
	"context"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"runtime"

	"github.com/namedshm/namedshm/internal/fault"
	"golang.org/x/sys/unix"
)

// sysvBacking is Global memory on Linux: a System V segment. The creator marks it for removal as soon as it has
// attached it: Linux lets others attach by id as long as somebody is attached, and frees the segment with the last. Its
// mode bits admit other users, and the kernel enforces them.
//
// A user who may only read cannot lock anything exclusively, and could hold a shared lock for ever. Therefore an object
// is dead when its segment is gone, whatever locks there are, and entries are removed under a lock on a file that only
// those who may write the directory can open.
type sysvBacking struct {
	elsewhere bool // the segments belong to another IPC namespace, and cannot be seen
}

func (sysvBacking) id() backingID  { return backingSysV }
func (sysvBacking) openFlags() int { return unix.O_RDONLY }

func (sysvBacking) nature() nature {
	return nature{namespaced: true, handleMaps: true, controlFiles: []string{creatingFile, burialFile}}
}

func (sysvBacking) create(p *place, spec *Spec, access Access, h *header) (memory, error) {
	if err := unix.Faccessat(p.at(), ".", unix.W_OK|unix.X_OK, unix.AT_EACCESS); err != nil {
		return nil, p.fault("write", p.dir, err)
	}
	if spec.Size > addressable { // a handle attaches the whole segment
		return nil, tooWide(spec.Size)
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
	if err := m.finish(spec, h, gid); err != nil {
		m.close()
		return nil, err
	}
	return m, nil
}

// entryFile makes an entry that is readable by exactly the users who may read the segment, and writable by exactly
// those who may write the directory.
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
		return nil, fault.Advise(p.fault("chown", p.dir, err), "only root and members of a group may share an object with it")
	}
	return e, nil
}

// makeSeats makes the file and writes the entry's name into it, to show whose it is. It can be written by exactly those
// who may write the segment or the directory.
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
		sweepSeats(p) // this reads the whole directory: now and then is enough for what hardly ever happens
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
	if fault.CodeOf(err) == fault.FileNotFound {
		return nil, e.corrupt("the file that records its waiters, " + seatsFile(e.token) + ", is gone")
	}
	return seats, err
}

func (sysvBacking) removeSeats(e *entry) {
	if (e.kind != KindSection || e.attributes&seated != 0) && e.token != (token{}) {
		unix.Unlinkat(e.place.at(), seatsFile(e.token), 0)
	}
}

// reach attaches by id, and only then asks whose segment it is: an attached segment cannot go, and its id cannot be
// given to another.
func (b sysvBacking) reach(p *place, e *entry, access Access) (memory, error) {
	if seen, err := p.locks.look(e); err != nil {
		return nil, p.fault("lock", e.path(), err)
	} else if seen == burier {
		return nil, errBurying
	} else if seen == nobody {
		return nil, errDead
	}
	if e.size > addressable { // a handle attaches the whole segment
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
			return nil, &fault.Fault{Code: fault.AccessDenied, Cause: os.NewSyscallError("shmat", err),
				Advice: cmp.Or(filterAdvice("shmat", err), "its creator did not share it with this user, or not for this access")}
		}
		return nil, segmentFault("shmat", err, e.size)
	}
	if err := b.identify(e); err != nil {
		m.close()
		return nil, err
	}
	return m, nil
}

// dead reports whether the entry's segment is gone, or its id now belongs to another segment.
func (b sysvBacking) dead(e *entry) bool { return !b.elsewhere && b.identify(e) == errDead }

// identify compares the segment that has the entry's id with the entry. It returns nil if it is the entry's, errDead if
// the entry's is gone, or a Fault if that cannot be told.
func (sysvBacking) identify(e *entry) error {
	// The IPC namespace is the thread's: the goroutine must not move to another thread between two calls.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	id := int(e.identity[0])
	var st unix.SysvShmDesc
	_, err := unix.SysvShmCtl(id, unix.IPC_STAT, &st)
	s := segmentState{id: id, mode: uint32(st.Perm.Mode), size: int64(st.Segsz), creator: st.Perm.Cuid,
		changed: int64(st.Ctime)}
	if err == unix.EACCES {
		// This user may not read it; but everybody may read the list of all segments.
		var found bool
		if s, found, err = findSegment(id); err == nil && !found {
			err = unix.EINVAL
		}
	}
	switch err {
	case nil:
	case unix.EINVAL, unix.EIDRM:
		return goneHere() // only these two errors mean it is gone; the caller will remove the entry
	default:
		if isFinal(err) {
			return err
		}
		return segmentFault("shmctl(IPC_STAT)", err, e.size)
	}
	switch {
	case s.mode&shmDest == 0 || s.size != e.size || !e.madeBy(s.creator) || uint64(s.changed) < e.identity[1]:
		return goneHere()
	case uint64(s.changed) != e.identity[1]:
		return e.corrupt("its segment was changed after it was made (by shmctl IPC_SET?)")
	}
	return nil
}

// madeBy reports whether the user who made a segment may be the one who made the entry. The entry has the user's number
// in the creator's own user namespace, where it may mean somebody else than here; the file's owner is in the same
// numbers as the segment's. Either is enough: root may have changed one of them, and what is taken for dead gets
// buried.
func (e *entry) madeBy(creator uint32) bool {
	return creator == e.owner || uint64(creator) == e.identity[2]>>32
}

// goneHere returns errDead if this thread is in the IPC namespace that the directory belongs to. A thread that was
// moved to another one sees nothing of the first, and must not bury its objects.
func goneHere() error {
	session, err := sessionOf()
	if err != nil {
		return err
	}
	link, err := os.Readlink("/proc/thread-self/ns/ipc")
	if err != nil || link != "ipc:["+session.ipc+"]" {
		return fault.Fail(fault.AccessDenied, "this thread was moved to the IPC namespace %q; the process started in %s",
			link, session.ipc)
	}
	return errDead
}

// bury removes the entry if its segment is gone, whatever locks remain, or if no handle is alive. A user who may not
// write the directory leaves it there: it is absent for everybody all the same.
func (b sysvBacking) bury(p *place, e *entry) error {
	control, err := p.control(burialFile)
	if err != nil {
		if fault.CodeOf(err) == fault.AccessDenied {
			return &fault.Fault{Code: fault.FileNotFound}
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
	// Explicitly, not by closing: a child forked just now shares the lock and may keep it for its life.
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

// nameHash is the byte of burialFile that stands for an entry's file name. Two names with the same byte only wait for
// each other.
func nameHash(file string) int64 {
	h := fnv.New64a()
	h.Write([]byte(file))
	return int64(h.Sum64() >> 2)
}

// buryIfLast tries again if another process has the burial lock. That one may be about to leave the entry alone,
// because the handle now closed was still alive when it looked; or it may still hold the lock from burying an earlier
// entry of that name.
func (b sysvBacking) buryIfLast(p *place, e *entry) {
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

func (sysvBacking) sweep(p *place) []Burial { return append(sweepSegments(p), sweepSeats(p)...) }

// tryReach uses an id that no segment has.
func (sysvBacking) tryReach() error {
	if err := segmentCall(-1, unix.IPC_STAT); filtered(err) {
		return segmentFault("shmctl(IPC_STAT)", err, pageSize)
	}
	if _, err := attach(-1, pageSize, unix.SHM_RDONLY); filtered(err) {
		return segmentFault("shmat", err, pageSize)
	}
	return nil
}

// mappedAs: maps shows a segment's id in place of an inode.
func (sysvBacking) mappedAs(e *entry) mappingKey { return mappingKey{segmentPath, e.identity[0]} }

func (sysvBacking) describe(*entry, *sighting) {}

// survey finds handles in /proc too: entries of this backing have no records.
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
