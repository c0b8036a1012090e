package kernel

import (
	"fmt"

	"github.com/namedshm/namedshm/internal/fault"
	"golang.org/x/sys/unix"
)

// control opens one of the lock files of those who may write the directory, which nobody else can open. Root makes them
// with the directory: a file of another user could be removed together with that user's login.
//
// In a user namespace that does not map the host's root, any outsider's file looks like root's. Only somebody who may
// write the directory, a member of its group, can have put one there, and gains nothing by it. The lock keeps buriers
// apart, so that none takes a living entry for the dead one that it replaced; but a member can remove any entry anyway,
// or hold root's lock file locked. And a member can write the same records into root's file, and they are believed no
// further than there: see credible. Only a file that is somebody else's must not be written to on a member's behalf,
// and a file with a second name may be one.
func (p *place) control(name string) (int, error) {
	path := p.path(name)
	fd, err := openAt(p.at(), name, unix.O_RDWR|entryFlags, 0)
	if err == unix.ENOENT && p.byRoot() {
		if err = p.makeControl(name); err == nil || err == unix.EEXIST {
			fd, err = openAt(p.at(), name, unix.O_RDWR|entryFlags, 0)
		}
	}
	if err == unix.ENOENT && unix.Faccessat(p.at(), ".", unix.W_OK, unix.AT_EACCESS) != nil {
		err = unix.EACCES // it is not there yet, but this process could not open it either
	}
	if err == unix.ENOENT && p.gone() {
		return -1, &fault.Fault{Code: fault.FileNotFound}
	}
	if err == unix.ENOENT {
		return -1, &fault.Fault{Code: fault.FileCorrupt, Cause: pathError("open", path, err),
			Advice: "have root run 'shm setup', which repairs the directory"}
	}
	if err != nil {
		return -1, p.fault("open", path, err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return -1, p.fault("fstat", path, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Mode&0o007 != 0 || !p.isRoots(st.Uid) || p.outer && st.Nlink > 1 {
		unix.Close(fd)
		return -1, &fault.Fault{Code: fault.FileCorrupt,
			Cause:  fmt.Errorf("%s is refused: it must belong to root, and be open to writers of the directory only", path),
			Advice: "have root remove it and run 'shm setup'"}
	}
	return fd, nil
}

// makeControl makes a lock file with its final mode before it gets its name, so that nobody finds it with another mode.
func (p *place) makeControl(name string) error {
	fd, err := openAt(p.at(), ".", unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.Fchmod(fd, 0o600|p.writersBit()*3); err != nil { // readable too: records are read
		return err
	}
	if err = unix.Linkat(unix.AT_FDCWD, selfDescriptor(fd), p.at(), name, unix.AT_SYMLINK_FOLLOW); filtered(err) {
		err = p.fault("link", p.path(name), err)
	}
	return err
}

// ownersAlone reports whether only the directory's owner may write it, if that can be told.
func (p *place) ownersAlone() bool {
	var st unix.Stat_t
	return unix.Fstat(p.at(), &st) == nil && st.Mode&0o022 == 0
}

// writersBit is group-write if the group may write the directory: the same people must be able to write what is in it.
func (p *place) writersBit() uint32 {
	var st unix.Stat_t
	if unix.Fstat(p.at(), &st) == nil && st.Mode&0o020 != 0 {
		return 0o020
	}
	return 0
}

const (
	creatingFile = ".creating" // the segments about to be made, and a lock for each record
	burialFile   = ".burial"   // byte hash of a file name: that entry is being removed
)
