//go:build unix && !aix

package kernel

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// place is a namespace as it lies in the file system: a directory of entries, with the rules for it.
//
// A descriptor of the directory is kept for the process's life. It is looked at again before anything is made there,
// and whenever a name is not found: the directory may have been removed and made anew, and a program that closes
// descriptors it does not know may have given its number to something else.
type place struct {
	namespace Namespace
	dir       string
	euid      int
	backing   backing
	locks     liveness
	opened    *atomic.Pointer[openDirectory]
}

func newPlace(n Namespace, dir string, euid int, b backing, l liveness) *place {
	return &place{n, dir, euid, b, l, new(atomic.Pointer[openDirectory])}
}

// openDirectory is a directory that was looked at and found right.
type openDirectory struct {
	fd            int
	device, inode uint64
}

// RootVariable names the environment variable that moves both namespaces' directories. All processes that are to
// meet must agree on it. It is ignored in a process that runs with more rights than its caller.
const RootVariable = "NAMEDSHM_ROOT"

// root is the directory that holds the namespaces' directories.
func root() string {
	if dir := os.Getenv(RootVariable); dir != "" && !elevated() {
		return strings.TrimRight(dir, "/")
	}
	return defaultRoot
}

// elevated reports a set-user-id or set-group-id program, whose environment is not to be trusted.
func elevated() bool {
	return unix.Geteuid() != unix.Getuid() || unix.Getegid() != unix.Getgid()
}

// at is the directory's descriptor for the *at calls. check comes before.
func (p *place) at() int { return p.opened.Load().fd }

// check makes sure that the directory is what it must be. A directory that is not there is FileNotFound.
func (p *place) check() error {
	var st unix.Stat_t
	if d := p.opened.Load(); d != nil {
		switch err := unix.Fstat(d.fd, &st); {
		case err == unix.EBADF: // somebody closed it
		case err != nil: // it may be the right one, and a second descriptor of it would stay for ever
			return p.fault("fstat", p.dir, err)
		case st.Nlink > 0 && uint64(st.Dev) == d.device && uint64(st.Ino) == d.inode && p.judge(&st) == nil:
			return nil
		}
	}
	return p.open()
}

// gone reports that the directory that was opened has been removed.
func (p *place) gone() bool {
	var st unix.Stat_t
	return unix.Fstat(p.at(), &st) == nil && st.Nlink == 0
}

// known is check for those who look for something that is probably there: it does nothing after the first time.
func (p *place) known() error {
	if p.opened.Load() != nil {
		return nil
	}
	return p.open()
}

// open looks at what has the directory's path and keeps a descriptor of it. One that was kept before is not closed:
// another goroutine may be using it, and if it was closed by somebody else its number is not ours.
func (p *place) open() error {
	fd, err := openPath(p.dir, directoryFlags|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	switch err {
	case nil:
	case unix.ENOENT:
		return &Fault{Code: FileNotFound}
	case unix.ENOTDIR, unix.ELOOP:
		return p.refuse("it is not a directory", "remove it")
	default:
		return p.fault("open", p.dir, err)
	}
	var st unix.Stat_t
	if err = unix.Fstat(fd, &st); err == nil {
		err = cmp.Or(p.judge(&st), p.judgeParent())
	} else {
		err = p.fault("fstat", p.dir, err)
	}
	if err != nil {
		unix.Close(fd)
		return err
	}
	p.opened.Store(&openDirectory{fd, uint64(st.Dev), uint64(st.Ino)})
	return nil
}

// judgeParent says why the directory's parent must not be used: others could put another directory in its place.
func (p *place) judgeParent() error {
	parent := filepath.Dir(p.dir)
	var st unix.Stat_t
	if err := unix.Stat(parent, &st); err != nil {
		return p.fault("stat", parent, err)
	}
	if st.Uid != 0 && int(st.Uid) != p.euid || st.Mode&0o022 != 0 && st.Mode&unix.S_ISVTX == 0 {
		return &Fault{Code: AccessDenied,
			Cause:  fmt.Errorf("%s is refused: others can rename what is in it (user %d, mode %04o)", parent, st.Uid, st.Mode&0o7777),
			Advice: "it must belong to root or to you, and be sticky where others may write it"}
	}
	return nil
}

// judge says why a directory must not be used.
func (p *place) judge(st *unix.Stat_t) error {
	perm := uint32(st.Mode) & 0o7777
	if p.namespace == Global {
		switch {
		case st.Uid != 0:
			return p.refuse(fmt.Sprintf("it belongs to user %d, not to root", st.Uid), "have root run 'shm setup', which moves it aside")
		case perm&0o002 != 0:
			return p.refuse(fmt.Sprintf("everybody may write it (mode %04o)", perm), "have root run 'shm setup'")
		case perm&0o020 != 0 && perm&unix.S_ISGID == 0:
			return p.refuse(fmt.Sprintf("its group may write it, but it is not setgid (mode %04o)", perm), "have root run 'shm setup --group G'")
		}
		return nil
	}
	if int(st.Uid) != p.euid {
		return p.refuse(fmt.Sprintf("it belongs to user %d, not to you (%d)", st.Uid, p.euid), "have its owner or root remove it")
	}
	if perm&^unix.S_ISGID != 0o700 { // setgid is inherited from some parents and means nothing here
		return p.refuse(fmt.Sprintf("its mode is %04o, not 0700", perm), "chmod 700 it, if it was you who changed it")
	}
	return nil
}

// refuse is the error for something in the directory's place that must not be used.
func (p *place) refuse(why, advice string) error {
	return &Fault{Code: AccessDenied, Cause: fmt.Errorf("%s is refused: %s", p.dir, why), Advice: advice}
}

// ensure is check for those who create: it makes the directory if it may.
func (p *place) ensure() error {
	var err error
	for range 100 {
		if err = p.check(); err == nil {
			return nil
		}
		if codeOf(err) != FileNotFound {
			if !p.beingMade() {
				return err
			}
			time.Sleep(time.Millisecond)
			continue
		}
		if err := p.make(); err != nil {
			return err
		}
	}
	return err
}

// beingMade reports a directory of our own that has too few rights: another process of ours made it under a umask
// that took some away, and is about to mend that.
func (p *place) beingMade() bool {
	var st unix.Stat_t
	err := unix.Lstat(p.dir, &st)
	return err == nil && uint32(st.Mode)&unix.S_IFMT == unix.S_IFDIR && uint32(st.Mode)&0o700 != 0o700 && int(st.Uid) == p.euid &&
		time.Since(time.Unix(st.Ctim.Unix())) < time.Second
}

// make makes the directory. That it exists already is no error: check will look at it.
func (p *place) make() error {
	mode := uint32(0o700)
	if p.namespace == Global {
		if p.euid != 0 {
			return &Fault{Code: AccessDenied, Cause: fmt.Errorf("%s does not exist, and only root can make it", p.dir), Advice: globalAdvice}
		}
		mode = 0o755
	}
	switch err := syscall.Mkdir(p.dir, mode); err {
	case nil:
		if err := unix.Chmod(p.dir, mode); err != nil {
			return &Fault{Code: codeOfErrno(err), Cause: pathError("chmod", p.dir, err)}
		}
		return nil
	case unix.EEXIST:
		return nil
	case unix.ENOENT:
		return &Fault{Code: AccessDenied, Cause: pathError("mkdir", p.dir, err), Advice: rootAdvice()}
	default:
		return advise(p.fault("mkdir", p.dir, err), "%s", rootAdvice())
	}
}

const globalAdvice = "making Global names needs the right to write that directory (SeCreateGlobalPrivilege here): " +
	"run as root, or have root run 'shm setup --group G' for a group of yours"

func rootAdvice() string {
	return fmt.Sprintf("the directory %s must exist and be writable; %s can name another", root(), RootVariable)
}

// fault turns the error of a system call on a path of this place into a Fault that says which limit or right it was.
func (p *place) fault(op, path string, err error) error {
	var fault *Fault
	if errors.As(err, &fault) {
		return err
	}
	if errno := unix.Errno(0); errors.As(err, &errno) {
		err = errno // package os has named the path too
	}
	f := &Fault{Code: codeOfErrno(err), Cause: pathError(op, path, err)}
	switch err {
	case unix.ENOENT:
		f.Cause = nil // which file stands for a name that is not there helps nobody
	case unix.EACCES, unix.EPERM:
		if p.namespace == Global && path == p.dir {
			f.Advice = globalAdvice
		}
	case unix.ENOSPC, unix.EDQUOT:
		f.Advice = fmt.Sprintf("free some space or inodes in %s", root())
	case unix.EROFS:
		f.Advice = fmt.Sprintf("%s is mounted read-only; %s can name another directory", root(), RootVariable)
	case unix.EMFILE, unix.ENFILE:
		f.Advice = descriptorAdvice(err)
	case unix.ENOLCK:
		f.Advice = "the system has no memory for another lock, or the file system has no locks"
	}
	return f
}

// descriptorAdvice names the limit behind EMFILE or ENFILE, with its value.
func descriptorAdvice(err error) string {
	if err == unix.ENFILE {
		return "the whole system's limit of open files (fs.file-max) is reached"
	}
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return "this process's limit of open files (RLIMIT_NOFILE) is reached"
	}
	return fmt.Sprintf("this process's limit of open files (RLIMIT_NOFILE, ulimit -n) is %d; an open handle takes two", limit.Cur)
}

// shortage is the Fault for an error that says nothing about what was looked for, only that this process or the machine
// is out of what looking takes. For every other error it is nil. Who takes the one for the other finds nothing, and
// believes that nothing is there.
func shortage(err error) error {
	var f *Fault
	switch code := codeOfErrno(err); {
	case err == nil, errors.As(err, &f) && f.Code != TooManyOpenFiles && f.Code != NotEnoughMemory:
		return nil
	case f != nil:
		return f
	case errors.Is(err, unix.EMFILE):
		return &Fault{Code: code, Cause: err, Advice: descriptorAdvice(unix.EMFILE)}
	case errors.Is(err, unix.ENFILE):
		return &Fault{Code: code, Cause: err, Advice: descriptorAdvice(unix.ENFILE)}
	case errors.Is(err, unix.ENOMEM):
		return &Fault{Code: code, Cause: err}
	}
	return nil
}

// fits refuses a file of that length where this process may not write one. The kernel would not only fail the call, and
// without a word which limit it was: it sends SIGXFSZ, which a Go program survives, and a C program that has loaded this
// library does not.
func fits(length int64) error {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_FSIZE, &limit) != nil || uint64(length) <= uint64(limit.Cur) {
		return nil
	}
	return &Fault{Code: NoSystemResources, Cause: unix.EFBIG,
		Advice: fmt.Sprintf("a file of %d bytes is needed, this process may write no longer ones than %d (RLIMIT_FSIZE, ulimit -f)", length, limit.Cur)}
}

func pathError(op, path string, err error) error {
	return &os.PathError{Op: op, Path: path, Err: err}
}

// codeOfErrno is what Windows would call a failed system call.
func codeOfErrno(err error) Code {
	var errno unix.Errno
	if !errors.As(err, &errno) {
		return InvalidParameter
	}
	switch errno {
	case unix.ENOENT:
		return FileNotFound
	case unix.EACCES, unix.EPERM, unix.EROFS:
		return AccessDenied
	case unix.EEXIST:
		return AlreadyExists
	case unix.EMFILE, unix.ENFILE:
		return TooManyOpenFiles
	case unix.ENOMEM:
		return NotEnoughMemory
	case unix.ENOSPC, unix.EDQUOT, unix.EFBIG:
		return DiskFull
	case unix.ENOLCK, unix.EAGAIN:
		return NoSystemResources
	case unix.EIO:
		return IODevice
	case unix.ENOSYS, unix.EOPNOTSUPP:
		return NotSupported
	case unix.ELOOP, unix.ENOTDIR, unix.EISDIR, unix.ENXIO:
		return FileCorrupt
	}
	return InvalidParameter
}

// path is a file of the directory, for messages.
func (p *place) path(file string) string { return p.dir + "/" + file }

// fileName makes a file name of an object name: bytes that may be trouble become %XX, and what is then too long is
// replaced by a hash; the entry has the full name. No name begins with a dot, so that names which do are free for the
// library's own files, and "~" stands first in hashed ones alone.
func fileName(base string) string {
	const hexDigits = "0123456789ABCDEF"
	const longest = 200 // file systems take 255; leave room for a temporary suffix
	plain := len(base) <= longest && !strings.HasPrefix(base, ".")
	for i := 0; plain && i < len(base); i++ {
		plain = isPlain(base[i])
	}
	if plain {
		return base
	}
	var b strings.Builder
	for i := 0; i < len(base) && b.Len() <= longest; i++ {
		if c := base[i]; isPlain(c) && !(c == '.' && i == 0) {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(hexDigits[c>>4])
			b.WriteByte(hexDigits[c&15])
		}
	}
	if b.Len() <= longest {
		return b.String()
	}
	sum := sha256.Sum256([]byte(base))
	return "~" + hex.EncodeToString(sum[:])
}

// isPlain reports a byte that stands for itself in a file name. On a file system that folds case, capitals do not.
func isPlain(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
		return true
	case 'A' <= c && c <= 'Z':
		return !fileSystemFoldsCase
	}
	return false
}
