//go:build unix && !aix

package kernel

import (
	"crypto/rand"
	"encoding/hex"
	"strconv"
	"time"

	"github.com/namedshm/namedshm/internal/fault"
	"golang.org/x/sys/unix"
)

// fileBacking is memory on Unix systems that lack memfd and System V segments that outlive their removal: the entry's
// own file, behind the header. Anybody who may open the file reaches it. So only the liveness locks keep openers from a
// dead object's memory, and what a crash leaves is removed by the next create or open in the namespace.
//
// It needs no opening range, unlike other designs with files: a process takes a shared lock only after it has seen one
// of another handle, or if it is the creator before publication. So once the last lock is gone there are none. An
// opener that saw the last lock and takes its own too late counts as having opened before the last lock went, unless
// the entry was removed meanwhile, which it then notices.
type fileBacking struct{}

func filePlaces(root string, euid int) (local, global *place) {
	return newPlace(Local, below(root, "namedshm-file-u"+strconv.Itoa(euid)), euid, fileBacking{}, sharedPosixLocks),
		newPlace(Global, below(root, "namedshm-file-global"), euid, fileBacking{}, sharedPosixLocks)
}

func (fileBacking) id() backingID  { return backingFile }
func (fileBacking) openFlags() int { return unix.O_RDONLY }
func (fileBacking) nature() nature { return nature{locksTell: true, insideEntry: true, fragile: true} }

const temporaryPrefix = ".new-"

func (b fileBacking) create(p *place, spec *Spec, access Access, h *header) (memory, error) {
	if err := p.ensure(); err != nil { // not done yet for an unnamed section
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
			unix.Unlinkat(p.at(), m.file, 0) // it may have been made before the call failed
		}
		return nil, p.fault("create", p.dir, err)
	}
	m.fd = fd
	if err := m.shape(p, spec, h, gid); err != nil {
		unix.Unlinkat(p.at(), m.file, 0)
		return nil, err
	}
	return m, nil
}

// shape gives the file its size and mode. Unless nothing is to be committed, it reserves the blocks by writing them: no
// other way exists on all systems, and touching a hole in a full file system would kill the process.
func (m *fileMemory) shape(p *place, spec *Spec, h *header, gid int) error {
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
			return fault.Advise(p.fault("chown", p.dir, err), "only root and members of a group may share an object with it")
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

// entryFile is the memory's own file: the header is written in front of the memory.
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
	fm.device, fm.inode = e.device, e.inode
	if err := fm.reopen(p); err != nil {
		return nil, p.fault("open", p.dir, err)
	}
	return e, nil
}

// reach opens the same file once more with the handle's access, which the kernel then enforces.
func (b fileBacking) reach(p *place, e *entry, access Access) (memory, error) {
	if err := p.aliveOrBury(e); err != nil {
		return nil, err
	}
	m := &fileMemory{file: e.file, flags: accessFlags(access, e.protection), fd: -1, device: e.device, inode: e.inode}
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
		return nil, e.corrupt("it is too short to hold its memory")
	}
	return m, nil
}

// Seats are locked through the memory's descriptor: an entry of this backing is open for reading.
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

func (fileBacking) dead(*entry) bool             { return false }
func (fileBacking) sweep(p *place) []Burial      { return sweepFiles(p) }
func (fileBacking) tryReach() error              { return nil }
func (fileBacking) mappedAs(e *entry) mappingKey { return mappingKey{e.place.dir, e.inode} }

func (fileBacking) bury(p *place, e *entry) error {
	writable, err := p.writableEntry(e)
	if err != nil {
		if fault.CodeOf(err) == fault.AccessDenied { // a user who may not remove it sees all the same that it is dead
			return &fault.Fault{Code: fault.FileNotFound}
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

// writableEntry returns an entry that was opened for reading, opened for writing: an exclusive lock requires that.
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

func (b fileBacking) buryIfLast(p *place, e *entry) {
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
	file          string
	flags         int // O_RDONLY or O_RDWR
	fd            int
	device, inode uint64
}

func (m *fileMemory) descriptor() int { return -1 }
func (m *fileMemory) openMode() int   { return m.flags }
func (m *fileMemory) ours() bool      { return lossUnless(leadsTo(m.fd, m.device, m.inode)) }

func (m *fileMemory) reopen(p *place) error {
	fd, err := sharedPosixLocks.openFile(p.at(), m.file, m.flags|entryFlags)
	if err == nil {
		m.fd = fd
	}
	return err
}

func (m *fileMemory) view(offset, length int64, access Access) ([]byte, error) {
	if !m.ours() {
		return nil, errLost
	}
	return mapFile(m.fd, memoryAt+offset, length, access)
}

// close does nothing: descriptors of this backing belong to the lock table, which closes them when no handle of this
// process is left.
func (m *fileMemory) close() error { return nil }

func linkTemporary(e *entry) error {
	if err := e.place.link(e.temporary, e.file); err != nil {
		return err
	}
	forgetEntry(e)
	return nil
}

// forgetEntry removes the name that an unpublished entry has in the directory.
func forgetEntry(e *entry) {
	if e.temporary != "" {
		unix.Unlinkat(e.place.at(), e.temporary, 0)
		e.temporary = ""
	}
}

// sweepFiles removes the files of crashed holders, which still occupy memory.
func sweepFiles(p *place) []Burial {
	names, err := p.fileNames()
	if err != nil {
		return p.unswept(".", err)
	}
	var found []Burial
	for _, name := range names {
		e, err := p.openFile(name, unix.O_RDONLY)
		if err != nil {
			continue
		}
		if name[0] == '.' {
			found = append(found, sweepTemporary(p, e)...)
		} else if p.read(e, "") == nil {
			if seen, err := p.locks.look(e); err == nil && seen == nobody &&
				fault.CodeOf(p.backing.bury(p, e)) == fault.FileNotFound {
				found = append(found, Burial{Name: Name{p.namespace, e.name}.String(), What: "an object whose holders crashed",
					Buried: true})
			}
		}
		p.locks.closeEntry(e)
	}
	return found
}

// sweepTemporary removes a file that never got its name. Its creator holds a lock as soon as the file is complete;
// before that, the file's age protects it.
func sweepTemporary(p *place, e *entry) []Burial {
	const makingTakes = time.Minute
	var st unix.Stat_t
	seen, err := p.locks.look(e)
	if err != nil || seen != nobody || unix.Fstat(e.fd, &st) != nil ||
		time.Since(time.Unix(st.Mtim.Unix())) < makingTakes {
		return nil
	}
	b := Burial{Name: e.path(), What: "an object whose creator crashed while making it"}
	b.Err = unix.Unlinkat(p.at(), e.file, 0)
	b.Buried = b.Err == nil
	return []Burial{b}
}
