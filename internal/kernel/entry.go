//go:build unix && !aix

package kernel

import (
	"errors"
	"fmt"
	"sync"

	"github.com/namedshm/namedshm/internal/fault"
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
	hint      int64  // the slot from which to look for a free one
	temporary string // file backing: the name of an unpublished entry
	losses    int    // POSIX locks: how often those of the file had been lost when this one was taken
}

// path is the entry's path, for messages.
func (e *entry) path() string { return e.place.path(e.file) }

// openEntry opens the entry of a name and reads it. Errors: FileNotFound; AccessDenied; FileCorrupt for anything there
// that is not an entry. That is left alone: entries are complete before they have a name, so no crash of ours leaves
// such a thing.
func (p *place) openEntry(base string, flags int) (*entry, error) {
	e, err := p.openFile(fileName(base), flags)
	if err != nil {
		if fault.CodeOf(err) == fault.AccessDenied && p.buryUnread(fileName(base)) {
			return nil, &fault.Fault{Code: fault.FileNotFound}
		}
		return nil, err
	}
	err = p.read(e, base)
	if err == nil {
		return e, nil
	}
	if errors.Is(err, errOtherVersion) {
		// Its holders may be alive, and then it is in the way. A dead one is buried like any other.
		if seen, lookErr := p.locks.look(e); lookErr == nil && seen == nobody {
			e.freePage()
			err = p.backing.bury(p, e)
		}
	}
	p.locks.closeEntry(e)
	return nil, err
}

// entryFlags are how every entry is opened: they disarm a link, a FIFO or a terminal in its place.
const entryFlags = unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC

// openFile opens whatever has a name in the directory, without following a link or waiting for the other end of a FIFO,
// and refuses what cannot be an entry.
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

// corrupt is the error for a file that occupies a name.
func (e *entry) corrupt(why string) error {
	return &fault.Fault{Code: fault.FileCorrupt, Cause: fmt.Errorf("%s is refused: %s", e.path(), why),
		Advice: "remove it if nobody needs it"}
}

// permitted says why a file cannot be an entry of this place, or "".
func (p *place) permitted(e *entry) string {
	if e.mode&unix.S_IFMT != unix.S_IFREG {
		return "it is not a regular file"
	}
	if p.namespace == Local {
		if !p.isOurs(e.owner) {
			return fmt.Sprintf("it belongs to user %d", e.owner)
		}
		return ""
	}
	if p.isRoots(e.owner) {
		return ""
	}
	// Only a user who may write the directory can have put it there; but root's own directory has only root's entries.
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
		return &fault.Fault{Code: fault.FileCorrupt, Cause: fmt.Errorf("%s is refused: %w", e.path(), err),
			Advice: "remove it if nobody needs it"}
	}
	if base != "" && e.name != base || fileName(e.name) != e.file {
		return e.corrupt("it is the entry of another name")
	}
	if e.backing != p.backing.id() {
		return e.corrupt(fmt.Sprintf("its memory is of the kind %q, this process uses %q", e.backing, p.backing.id()))
	}
	return nil
}

// named reports whether the entry's path still leads to this very file. It does not if the directory is lost.
func (e *entry) named() bool {
	var st unix.Stat_t
	return unix.Fstatat(e.place.opened.Load().fd, e.file, &st, unix.AT_SYMLINK_NOFOLLOW) == nil &&
		uint64(st.Ino) == e.inode && uint64(st.Dev) == e.device
}

// page is what the first bytes of an entry are read into. Pages are pooled: most are needed for a few microseconds.
type page [longNameAt]byte

var pages = sync.Pool{New: func() any { return new(page) }}

// freePage gives back the bytes of an entry when only its header is still needed.
func (e *entry) freePage() {
	if cap(e.first) == longNameAt {
		pages.Put((*page)(e.first[:longNameAt]))
	}
	e.first = nil
}

// slowToFree is a size of memory that takes the kernel noticeably long to free.
const slowToFree = 1 << 20

// raise moves the entry's descriptor above the memory's. When a process dies the kernel releases its descriptors from
// the highest down, and a large memory takes a while to free: if the lock goes first, the name is free at once. The
// other way round, openers would find a lock without memory for that while.
func (e *entry) raise(memory int) error {
	if e.fd > memory || e.size < slowToFree {
		return nil
	}
	fd, err := unix.FcntlInt(uintptr(e.fd), unix.F_DUPFD_CLOEXEC, memory+1)
	if err == unix.EINVAL { // memory has the highest number that the limit allows
		err = unix.EMFILE
	}
	if err != nil {
		return err
	}
	unix.Close(e.fd)
	e.fd = fd
	return nil
}

// write writes a new entry's bytes.
func (e *entry) write() error {
	if err := fits(int64(len(e.first))); err != nil {
		return err
	}
	n, err := writeAt(e.fd, e.first, 0)
	if err == nil && n != len(e.first) {
		return unix.ENOSPC
	}
	return err
}
