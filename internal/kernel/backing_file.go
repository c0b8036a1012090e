//go:build unix && !aix

package kernel

import (
	"crypto/rand"
	"encoding/hex"
	"os"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// fileBacking is memory on Unix systems that have neither memfd nor System V segments that outlive their removal: the
// entry's own file, behind the header. Whoever may open the file reaches it, so nothing leads from a name to a dead
// object's memory but the liveness locks, and what a crash leaves is removed by the next create or open in the
// namespace.
//
// No opening range is needed, as other designs with files have it: nobody takes a shared lock without having seen one
// of another handle, or being the creator before publication. So from the moment when the last lock went there is
// none, and an opener that had seen the last one and is late linearizes before it went, unless somebody removed the
// entry meanwhile, which it then sees.
type fileBacking struct{}

func filePlaces(root string, euid int) (local, global *place) {
	return newPlace(Local, root+"/namedshm-file-u"+strconv.Itoa(euid), euid, fileBacking{}, sharedPosixLocks),
		newPlace(Global, root+"/namedshm-file-global", euid, fileBacking{}, sharedPosixLocks)
}

func (fileBacking) id() backingID  { return backingFile }
func (fileBacking) openFlags() int { return unix.O_RDONLY }

const temporaryPrefix = ".new-"

func (b fileBacking) create(p *place, spec *Spec, access Access, h *header) (memory, error) {
	if err := p.ensure(); err != nil { // an unnamed section comes here without
		return nil, err
	}
	gid, err := shareGroup(p, &spec.Share)
	if err != nil {
		return nil, err
	}
	sweepFiles(p)
	h.mode = spec.mode()
	var suffix [12]byte
	rand.Read(suffix[:])
	m := &fileMemory{file: temporaryPrefix + hex.EncodeToString(suffix[:]), flags: accessFlags(access, spec.Protection)}
	fd, err := sharedPosixLocks.openFile(p.at(), m.file, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|entryFlags)
	if err != nil {
		if err != unix.EEXIST {
			unix.Unlinkat(p.at(), m.file, 0) // it may have been made and not looked at
		}
		return nil, p.fault("create", p.dir, err)
	}
	m.fd = fd
	if err := m.prepare(p, spec, h, gid); err != nil {
		unix.Unlinkat(p.at(), m.file, 0)
		return nil, err
	}
	return m, nil
}

// prepare gives the file its size and mode, and unless nothing is to be committed reserves its blocks by writing
// them: there is no other way that all systems have, and a hole in a full file system would kill whoever touches it.
func (m *fileMemory) prepare(p *place, spec *Spec, h *header, gid int) error {
	if err := fits(memoryAt + spec.Size); err != nil {
		return err
	}
	if err := truncate(m.fd, memoryAt+spec.Size); err != nil {
		return p.fault("ftruncate", p.dir, err)
	}
	if spec.Commit != CommitNever {
		zeros := make([]byte, min(spec.Size, 1<<20))
		for at := int64(0); at < spec.Size; {
			n, err := writeAt(m.fd, zeros[:min(int64(len(zeros)), spec.Size-at)], memoryAt+at)
			if err != nil {
				return p.fault("write", p.dir, err)
			}
			at += int64(n)
		}
	}
	if gid >= 0 && p.namespace == Global {
		if err := unix.Fchown(m.fd, -1, gid); err != nil {
			return advise(p.fault("chown", p.dir, err), "only root and members of a group may share with it")
		}
	}
	mode := uint32(0o600)
	if p.namespace == Global {
		mode = h.mode | 0o600
	}
	if err := unix.Fchmod(m.fd, mode); err != nil {
		return p.fault("chmod", p.dir, err)
	}
	return nil
}

// entryFile is the memory's own file: the header comes to stand in front of the memory.
func (fileBacking) entryFile(p *place, h *header, m memory) (_ *entry, err error) {
	fm := m.(*fileMemory)
	defer func() {
		if err != nil {
			unix.Unlinkat(p.at(), fm.file, 0)
		}
	}()
	e := &entry{fd: fm.fd, place: p, file: fileName(h.name), temporary: fm.file, header: *h, first: h.encode()}
	var st unix.Stat_t
	if err := unix.Fstat(e.fd, &st); err != nil {
		return nil, p.fault("fstat", p.dir, err)
	}
	e.device, e.inode, e.owner, e.group, e.mode = uint64(st.Dev), uint64(st.Ino), st.Uid, st.Gid, uint32(st.Mode)
	if err := fm.reopen(p); err != nil {
		return nil, p.fault("open", p.dir, err)
	}
	return e, nil
}

// reach opens the same file once more, with the access that the handle has, for the kernel to enforce.
func (b fileBacking) reach(p *place, e *entry, access Access) (memory, error) {
	if err := p.settle(e); err != nil {
		return nil, err
	}
	m := &fileMemory{file: e.file, flags: accessFlags(access, e.protection), fd: -1}
	if err := m.reopen(p); err != nil {
		if err == unix.ENOENT {
			return nil, errMoved
		}
		return nil, p.fault("open", e.path(), err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(m.fd, &st); err != nil || uint64(st.Ino) != e.inode || uint64(st.Dev) != e.device {
		return nil, errMoved
	}
	if st.Size < memoryAt+e.size {
		return nil, e.corrupt("it is shorter than its memory")
	}
	return m, nil
}

// The seats are locked through the memory's descriptor: an entry of this backing is open for reading.
func (fileBacking) makeSeats(e *entry, m memory) (*entry, error) {
	return fileBacking{}.openSeats(e, m)
}
func (fileBacking) publishSeats(_, _ *entry) error { return nil }
func (fileBacking) removeSeats(*entry)             {}

func (fileBacking) openSeats(e *entry, m memory) (*entry, error) {
	seats := *e
	seats.fd = m.(*fileMemory).fd
	return &seats, nil
}

func accessFlags(access Access, protection Protection) int {
	if access&Write != 0 && protection.grants()&Write != 0 {
		return unix.O_RDWR
	}
	return unix.O_RDONLY
}

func (fileBacking) dead(*entry) bool { return false }

func (fileBacking) bury(p *place, e *entry) error {
	writable, err := p.writableEntry(e)
	if err != nil {
		if codeOf(err) == AccessDenied { // who may not remove it sees that it is dead all the same
			return &Fault{Code: FileNotFound}
		}
		return err
	}
	got, err := p.locks.lockExclusive(writable)
	switch {
	case err != nil:
		return p.fault("lock", e.path(), err)
	case !got:
		return errMoved
	}
	return p.removeNamed(e)
}

// writableEntry is an entry opened for reading, opened for writing, which locking it exclusively takes.
func (p *place) writableEntry(e *entry) (*entry, error) {
	fd, err := p.locks.openFile(p.at(), e.file, unix.O_RDWR|entryFlags)
	if err != nil {
		return nil, p.fault("open", e.path(), err)
	}
	writable := *e
	writable.fd = fd
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || uint64(st.Ino) != e.inode || uint64(st.Dev) != e.device {
		p.locks.closeEntry(&writable)
		return nil, errMoved
	}
	return &writable, nil
}

func (b fileBacking) last(p *place, e *entry) {
	if seen, err := p.locks.look(e); err == nil && seen == nobody && e.file != "" {
		b.bury(p, e)
	}
}

func (fileBacking) describe(e *entry, s *sighting) {
	var st unix.Stat_t
	if unix.Fstat(e.fd, &st) == nil {
		s.Resident = max(0, int64(st.Blocks)*512-int64(roundToPages(int64(len(e.header.name))+slotsAt)))
	}
}

func (fileBacking) survey(p *place, found []*sighting) error { return p.findHolders(found, true) }

// fileMemory is the part of an entry's file behind the header.
type fileMemory struct {
	file  string
	flags int // O_RDONLY or O_RDWR
	fd    int
}

func (m *fileMemory) descriptor() int { return -1 }
func (m *fileMemory) openMode() int   { return m.flags }

func (m *fileMemory) reopen(p *place) error {
	fd, err := sharedPosixLocks.openFile(p.at(), m.file, m.flags|entryFlags)
	if err == nil {
		m.fd = fd
	}
	return err
}

func (m *fileMemory) view(offset, length int64, access Access) ([]byte, error) {
	prot, flags := viewProtection(access)
	p, err := unix.MmapPtr(m.fd, memoryAt+offset, nil, uintptr(length), prot, flags)
	if err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	return unsafe.Slice((*byte)(p), length), nil
}

// close has nothing to do: descriptors of this backing belong to the lock table, which closes them when no handle of
// this process is left.
func (m *fileMemory) close() error { return nil }

func linkTemporary(e *entry) error {
	if err := syscall.Link(e.place.path(e.temporary), e.path()); err != nil {
		return err
	}
	forgetEntry(e)
	return nil
}

// forgetEntry removes what an unpublished entry has in the directory.
func forgetEntry(e *entry) {
	if e.temporary != "" {
		unix.Unlinkat(e.place.at(), e.temporary, 0)
		e.temporary = ""
	}
}

// sweepFiles removes the files of crashed holders, which still take memory.
func sweepFiles(p *place) []Burial {
	names, err := os.ReadDir(p.dir)
	if err != nil {
		return p.unswept(".", err)
	}
	var found []Burial
	for _, d := range names {
		e, err := p.openFile(d.Name(), unix.O_RDONLY)
		if err != nil {
			continue
		}
		if d.Name()[0] == '.' {
			found = append(found, sweepTemporary(p, e)...)
		} else if p.read(e, "") == nil {
			if seen, err := p.locks.look(e); err == nil && seen == nobody && codeOf(p.backing.bury(p, e)) == FileNotFound {
				found = append(found, Burial{Name: Name{p.namespace, e.name}.String(), What: "an object whose holders crashed", Buried: true})
			}
		}
		p.locks.closeEntry(e)
	}
	return found
}

// sweepTemporary removes a file that never got its name. Its creator holds a lock as soon as it has made it whole;
// before that, its age protects it.
func sweepTemporary(p *place, e *entry) []Burial {
	const makingTakes = time.Minute
	var st unix.Stat_t
	seen, err := p.locks.look(e)
	if err != nil || seen != nobody || unix.Fstat(e.fd, &st) != nil || time.Since(time.Unix(st.Mtim.Unix())) < makingTakes {
		return nil
	}
	b := Burial{Name: e.path(), What: "an object whose creator crashed while making it"}
	b.Err = unix.Unlinkat(p.at(), e.file, 0)
	b.Buried = b.Err == nil
	return []Burial{b}
}
