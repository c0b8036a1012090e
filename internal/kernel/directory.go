//go:build unix && !aix

package kernel

import (
	"cmp"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/namedshm/namedshm/internal/fault"
	"github.com/namedshm/namedshm/internal/waiting"
	"golang.org/x/sys/unix"
)

// place is a namespace in the file system: a directory of entries, with the rules for it.
//
// A descriptor of the directory is kept open. It is checked again before anything is made there, and whenever a name is
// not found: the directory may have been removed and made again, and a program that closes descriptors it does not know
// may have reused its number.
type place struct {
	namespace Namespace
	dir       string
	euid      int
	users     userMap
	outer     bool // the directory above belongs to an outsider: see userMap
	backing   backing
	locks     liveness
	secret    bool // the directory is its owner's alone, in Global too
	opened    *atomic.Pointer[openDirectory]
	replaced  *replacedDirectories
}

func newPlace(n Namespace, dir string, euid int, b backing, l liveness) *place {
	return &place{namespace: n, dir: dir, euid: euid, backing: b, locks: l, opened: new(atomic.Pointer[openDirectory]),
		replaced: new(replacedDirectories)}
}

// openDirectory is a directory that was checked and found right.
type openDirectory struct {
	fd            int
	device, inode uint64
}

// at is the directory's descriptor for the *at calls, after check. If it was lost meanwhile the directory is opened
// again; if that fails, at returns -1.
func (p *place) at() int {
	if d := p.opened.Load(); leadsTo(d.fd, d.device, d.inode) {
		return d.fd
	}
	if p.open() != nil {
		return -1
	}
	return p.opened.Load().fd
}

// check makes sure that the directory is what it must be. If there is none, the error is FileNotFound.
func (p *place) check() error {
	var st unix.Stat_t
	if d := p.opened.Load(); d != nil {
		switch err := unix.Fstat(d.fd, &st); {
		case err == unix.EBADF:
		case err != nil: // it may be the right one, and a second descriptor would stay open for ever
			return p.fault("fstat", p.dir, err)
		case st.Nlink > 0 && uint64(st.Dev) == d.device && uint64(st.Ino) == d.inode && p.judge(&st) == nil:
			return nil
		}
	}
	return p.open()
}

// gone reports whether the directory that was opened has been removed.
func (p *place) gone() bool {
	var st unix.Stat_t
	return unix.Fstat(p.at(), &st) == nil && st.Nlink == 0
}

// openOnce is check for callers that look for something probably there: after the first time it does nothing.
func (p *place) openOnce() error {
	if p.opened.Load() != nil {
		return nil
	}
	return p.open()
}

// open looks at what the path leads to and keeps a descriptor of it. The previous descriptor is closed once no
// operation uses it; if somebody else closed it, its number is no longer ours.
func (p *place) open() error {
	parent, refusal, err := p.openParent()
	if err == nil {
		defer unix.Close(parent)
	}
	fd := -1
	if err == nil {
		fd, err = openUnserved(parent, p.base())
	}
	switch err {
	case nil:
	case unix.ENOENT:
		return &fault.Fault{Code: fault.FileNotFound}
	case unix.ENOTDIR, unix.ELOOP:
		return p.refuse("it is not a directory", "remove it")
	case errServed:
		return p.refuse(err.Error(),
			"unmount it, or have "+p.rootName()+" run 'shm setup', which removes a user's mount from Global names")
	default:
		return p.fault("open", p.dir, err)
	}
	var st unix.Stat_t
	if err = unix.Fstat(fd, &st); err == nil {
		err = p.judge(&st)
		if refusal != nil && (err == nil || isBeingMade(err)) {
			err = refusal
		}
		if err == nil {
			err = p.judgeOpen(fd, &st)
		}
	} else {
		err = p.fault("fstat", p.dir, err)
	}
	if err != nil {
		unix.Close(fd)
		return err
	}
	before := p.opened.Swap(&openDirectory{fd, uint64(st.Dev), uint64(st.Ino)})
	switch {
	case before == nil:
	case leadsTo(before.fd, before.device, before.inode):
		p.retire(before)
	default:
		waiting.NoteLoss() // whoever closed this one has closed others
	}
	return nil
}

// base is the directory's name in its parent.
func (p *place) base() string { return filepath.Base(p.dir) }

// openParent opens the directory's parent. Everything there is looked at or made through this descriptor: at the second
// look a path could lead elsewhere. refusal says why nothing there must be made or believed.
func (p *place) openParent() (fd int, refusal, err error) {
	path := filepath.Dir(p.dir)
	fd, err = openPath(path, directoryFlags|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, nil, cmp.Or(wrongRoot(setting(RootVariable)), err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return -1, nil, err
	}
	return fd, p.judgeParent(path, &st), nil
}

// ensure is check for creators: it makes the directory if it may.
func (p *place) ensure() error {
	var err error
	for range 100 {
		if err = p.check(); err == nil {
			return nil
		}
		switch {
		case isBeingMade(err):
			time.Sleep(time.Millisecond)
		case fault.CodeOf(err) != fault.FileNotFound:
			return err
		default:
			if err := p.make(); err != nil {
				return err
			}
		}
	}
	return err
}

// make makes the directory. If it exists already, that is no error: check will look at it.
func (p *place) make() error {
	parent, refusal, err := p.openParent()
	if err == nil {
		defer unix.Close(parent)
		if refusal != nil {
			return refusal // before making a directory that nobody can use
		}
	}
	mode := uint32(0o700)
	if p.namespace == Global {
		if !p.byRoot() {
			return &fault.Fault{Code: fault.AccessDenied,
				Cause: fmt.Errorf("%s does not exist, and only %s can make it", p.dir, p.rootName()), Advice: p.globalAdvice()}
		}
		if !p.secret {
			mode = 0o755
		}
	}
	if err == nil {
		if err = mkdirAt(parent, p.base(), mode); err == nil {
			switch err = giveMode(parent, p.base(), mode); err {
			case nil:
			case unix.ENOENT, unix.ENOTDIR, unix.ELOOP:
				err = nil // another process of ours removed it: check will see that, and what is there now
			default:
				unix.Unlinkat(parent, p.base(), unix.AT_REMOVEDIR)
			}
		}
	}
	switch err {
	case nil, unix.EEXIST:
		return nil
	case unix.ENOENT:
		return &fault.Fault{Code: fault.AccessDenied, Cause: pathError("mkdir", p.dir, err), Advice: rootAdvice()}
	default:
		return fault.Advise(p.fault("mkdir", p.dir, err), "%s", rootAdvice())
	}
}

// removeEmpty removes the directory with its last entry, or if nothing came of the first, where strangers have their
// directories beside it: some day the numbers in its name will be others'. A process about to make something in it
// finds it gone, as if anybody had removed it, and makes another. It is removed by name, since there is no other way;
// but only while it is empty and the name leads to the directory that was judged, which in a sticky parent no other
// user can replace.
func (p *place) removeEmpty() {
	d := p.opened.Load()
	if !p.outer || p.namespace != Local || d == nil {
		return
	}
	parent, refusal, err := p.openParent()
	if err != nil {
		return
	}
	defer unix.Close(parent)
	var st unix.Stat_t
	if refusal == nil && unix.Fstatat(parent, p.base(), &st, unix.AT_SYMLINK_NOFOLLOW) == nil &&
		uint64(st.Dev) == d.device && uint64(st.Ino) == d.inode {
		unix.Unlinkat(parent, p.base(), unix.AT_REMOVEDIR)
	}
}

// path is the path of a file in the directory, for messages.
func (p *place) path(file string) string { return p.dir + "/" + file }
