//go:build unix && !aix

package kernel

import (
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"
)

// entry is an open entry file.
type entry struct {
	fd     int
	device uint64
	inode  uint64
	owner  uint32
	group  uint32
	mode   uint32
	place  *place
	file   string // its name in the directory; "" for an object without a name
	header
	first     []byte // the first longNameAt bytes, door slots included
	hint      int64  // the slot from which on to look for a free one
	temporary string // file backing: the name that an unpublished entry has meanwhile
}

// path is where the entry lies, for messages.
func (e *entry) path() string { return e.place.path(e.file) }

// openEntry opens the entry of a name and reads it. Errors: FileNotFound; AccessDenied; FileCorrupt for whatever in
// its place is no entry, which is then left alone: entries are complete before they have a name, so no crash of ours
// makes such a thing.
func (p *place) openEntry(base string, flags int) (*entry, error) {
	e, err := p.openFile(fileName(base), flags)
	if err != nil {
		if codeOf(err) == AccessDenied && p.buryUnread(fileName(base)) {
			return nil, &Fault{Code: FileNotFound}
		}
		return nil, err
	}
	err = p.read(e, base)
	if err == nil {
		return e, nil
	}
	if errors.Is(err, errOtherVersion) {
		// Its holders may live, and then it is in the way; a dead one is buried like any other.
		if seen, lookErr := p.locks.look(e); lookErr == nil && seen == nobody {
			e.done()
			err = p.backing.bury(p, e)
		}
	}
	p.locks.closeEntry(e)
	return nil, err
}

// buryUnread buries a dead entry that this process may write, because it may write the directory, but not read: in a
// Global directory that belongs to a group, another member's own.
func (p *place) buryUnread(file string) bool {
	e := p.deadUnread(file)
	if e == nil {
		return false
	}
	defer p.locks.closeEntry(e)
	return codeOf(p.backing.bury(p, e)) == FileNotFound
}

// deadUnread is such an entry, open, if it is dead; otherwise nil. Its locks tell that: to ask for them takes no right
// to read.
func (p *place) deadUnread(file string) *entry {
	if p.namespace != Global {
		return nil
	}
	e, err := p.openFile(file, unix.O_WRONLY)
	if err != nil {
		return nil
	}
	if seen, err := p.locks.look(e); err != nil || seen != nobody {
		p.locks.closeEntry(e)
		return nil
	}
	return e
}

// liesDead is deadUnread for those who only want to know.
func (p *place) liesDead(file string) bool {
	e := p.deadUnread(file)
	if e == nil {
		return false
	}
	p.locks.closeEntry(e)
	return true
}

// entryFlags are how every entry is opened: what a link, a FIFO or a terminal in its place could do must not happen.
const entryFlags = unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC

// openFile opens whatever has a name in the directory, without following a link or waiting for the other end of a
// FIFO, and refuses what cannot be an entry.
func (p *place) openFile(file string, flags int) (*entry, error) {
	fd, err := p.locks.openFile(p.at(), file, flags|entryFlags)
	if err != nil {
		return nil, p.fault("open", p.path(file), err)
	}
	e := &entry{fd: fd, place: p, file: file}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		p.locks.closeEntry(e)
		return nil, p.fault("fstat", e.path(), err)
	}
	e.device, e.inode = uint64(st.Dev), uint64(st.Ino)
	e.owner, e.group, e.mode = st.Uid, st.Gid, uint32(st.Mode)
	if why := p.permitted(e); why != "" {
		p.locks.closeEntry(e)
		return nil, e.corrupt(why)
	}
	return e, nil
}

// corrupt is the error for a file that stands in the way of a name.
func (e *entry) corrupt(why string) error {
	return &Fault{Code: FileCorrupt, Cause: fmt.Errorf("%s is refused: %s", e.path(), why), Advice: "remove it if nobody needs it"}
}

// permitted says why a file cannot be an entry of this place, or "".
func (p *place) permitted(e *entry) string {
	if e.mode&unix.S_IFMT != unix.S_IFREG {
		return "it is not a regular file"
	}
	if p.namespace == Local {
		if int(e.owner) != p.euid {
			return fmt.Sprintf("it belongs to user %d", e.owner)
		}
		return ""
	}
	if e.owner == 0 {
		return ""
	}
	// Only who may write the directory can have put it there; but root's own directory has root's entries alone.
	var st unix.Stat_t
	if unix.Fstat(p.at(), &st) != nil || uint32(st.Mode)&0o020 == 0 || st.Gid != e.group {
		return fmt.Sprintf("it belongs to user %d, who may not write %s", e.owner, p.dir)
	}
	return ""
}

// read reads the entry's header and slots, and checks that it is the entry of this name.
func (p *place) read(e *entry, base string) error {
	e.first = pages.Get().(*page)[:]
	n, err := readAt(e.fd, e.first, 0)
	if err != nil {
		return p.fault("read", e.path(), err)
	}
	clear(e.first[n:])
	if n < headerLen {
		return e.corrupt(errNoEntry.Error())
	}
	err = e.decode(e.first, func(b []byte, off int64) (int, error) { return readAt(e.fd, b, off) })
	var errno unix.Errno
	if errors.As(err, &errno) {
		return p.fault("read", e.path(), err)
	}
	if err != nil {
		return &Fault{Code: FileCorrupt, Cause: fmt.Errorf("%s is refused: %w", e.path(), err), Advice: "remove it if nobody needs it"}
	}
	if base != "" && e.name != base || fileName(e.name) != e.file {
		return e.corrupt("it is the entry of another name")
	}
	if e.backing != p.backing.id() {
		return e.corrupt(fmt.Sprintf("its memory is of the kind %q, this process uses %q", e.backing, p.backing.id()))
	}
	return nil
}

// named reports whether the entry's path still leads to this very file.
func (e *entry) named() bool {
	var st unix.Stat_t
	return unix.Fstatat(e.place.at(), e.file, &st, unix.AT_SYMLINK_NOFOLLOW) == nil && uint64(st.Ino) == e.inode && uint64(st.Dev) == e.device
}

// page is what the first bytes of an entry are read into. The pages go round: most are needed for a few microseconds.
type page [longNameAt]byte

var pages = sync.Pool{New: func() any { return new(page) }}

// done gives back what was read of an entry, of which only the header is needed any more.
func (e *entry) done() {
	if cap(e.first) == longNameAt {
		pages.Put((*page)(e.first[:longNameAt]))
	}
	e.first = nil
}

// slowToFree is a size of memory that takes the kernel long enough to free to be noticed.
const slowToFree = 1 << 20

// raise moves the entry's descriptor above that of the memory. When a process dies, the kernel releases its
// descriptors from the highest down, and freeing a large memory takes it a while: a lock that goes first makes the
// name free at once. The other way round, openers would find a lock without memory for as long.
func (e *entry) raise(memory int) error {
	if e.fd > memory || e.size < slowToFree {
		return nil
	}
	fd, err := unix.FcntlInt(uintptr(e.fd), unix.F_DUPFD_CLOEXEC, memory+1)
	if err == unix.EINVAL { // memory has the last number that the limit allows
		err = unix.EMFILE
	}
	if err != nil {
		return err
	}
	unix.Close(e.fd)
	e.fd = fd
	return nil
}

// removeNamed removes an entry that the caller holds locked against every other burier. FileNotFound is its success.
func (p *place) removeNamed(e *entry) error {
	if e.named() || mistake("burial without a look at the path") {
		if err := unix.Unlinkat(p.at(), e.file, 0); err != nil && err != unix.ENOENT {
			return p.fault("unlink", e.path(), err)
		}
		p.backing.removeSeats(e)
	}
	return &Fault{Code: FileNotFound}
}
