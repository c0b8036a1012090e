package kernel

import (
	"strconv"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// newTmpfileEntry makes an entry without a name. It vanishes with its descriptor until it gets one.
func newTmpfileEntry(p *place, h *header, mode uint32, above int) (*entry, error) {
	// The caller has just checked the directory, and a file without a name is in nobody's way.
	fd, err := openAt(p.opened.Load().fd, ".", unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, mode)
	if err != nil {
		return nil, p.fault("open", p.dir, err)
	}
	e := &entry{fd: fd, place: p, file: fileName(h.name), header: *h, first: h.encode()}
	if err := e.setUp(mode, above); err != nil {
		unix.Close(e.fd)
		return nil, p.fault("fstat", p.dir, err)
	}
	return e, nil
}

// setUp reads who owns a new entry's file, and sets its mode where the umask took bits away.
func (e *entry) setUp(mode uint32, above int) error {
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
		if err != unix.ENOENT && !filtered(err) {
			return err
		}
		// Before Linux 6.10 this requires a capability; a filter may reject the flag; or the directory is gone, which
		// the other way will report too.
	}
	err := unix.Linkat(unix.AT_FDCWD, selfDescriptor(e.fd), e.place.at(), e.file, unix.AT_SYMLINK_FOLLOW)
	if err == nil {
		emptyPathRefused.Store(true)
	}
	return err
}

var emptyPathRefused atomic.Bool

// selfDescriptor is the path of one of our descriptors. It goes through the thread: /proc/self is the first thread's,
// which a host program may have ended.
func selfDescriptor(fd int) string { return "/proc/thread-self/fd/" + strconv.Itoa(fd) }
