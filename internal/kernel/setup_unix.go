//go:build unix && !aix

package kernel

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os/user"
	"path/filepath"
	"strconv"

	"github.com/namedshm/namedshm/internal/fault"
	"golang.org/x/sys/unix"
)

// setupGlobal makes the Global directory, or gives an existing one the right owner, group and mode, with its lock
// files. What does not belong to root there is moved aside, so that a directory somebody planted blocks nobody.
//
// Everybody may write the parent, between any two steps too. So nothing is done by path: the parent is opened once and
// judged, the directory is looked up in it once, and everything else goes through the directory's descriptor.
func setupGlobal(group string) (Setup, error) {
	p, err := placeOf(Global)
	if err != nil {
		return Setup{}, err
	}
	s := Setup{Directory: p.dir, Mode: "0755", Group: group}
	if !p.byRoot() {
		return s, &fault.Fault{Code: fault.PrivilegeNotHeld, Cause: fmt.Errorf("%s belongs to root", p.dir),
			Advice: "run this as " + p.rootName()}
	}
	gid, mode := 0, uint32(0o755)
	if group != "" {
		if gid, err = lookupGroup(group); err != nil {
			return s, err
		}
		mode, s.Mode = unix.S_ISGID|0o775, "2775"
	}
	parent, refusal, err := p.openParent()
	if err != nil {
		return s, fault.Advise(p.fault("open", root(), err), "%s", rootAdvice())
	}
	defer unix.Close(parent)
	if refusal != nil {
		return s, refusal
	}
	dir, err := p.claim(parent, &s)
	if err != nil {
		return s.soFar(), err
	}
	defer unix.Close(dir)
	if err := p.mend(dir, gid, mode, &s); err != nil {
		return s.soFar(), err
	}
	s.Warning = p.unsigned(dir)
	if p.ownIPC() {
		s.Transient = "this IPC namespace is a sandbox's own, and another one has another directory: set up each of " +
			"them, or " + sharedIPC
	} else {
		s.Persist = persistLines(p.dir, mode, group)
	}
	return s, p.check()
}

// soFar is what a failed setup has done.
func (s *Setup) soFar() Setup { return Setup{Lost: s.Lost, Aside: s.Aside} }

// claimTries is how often to try for the directory's place. Each try succeeds with a probability of at least one half.
const claimTries = 1000

// claim opens root's directory in the directory's place, and makes it if need be. Once there, it stays: the parent is
// sticky, and nobody else can remove it.
//
// Until then a stranger can make and remove things there as fast as it likes. Making a directory fails if something is
// there, and exchanging one for what is there fails if nothing is; so the stranger need only guess which comes next.
// Chance decides that, and the stranger guesses wrong every other time.
func (p *place) claim(parent int, s *Setup) (dir int, err error) {
	base := p.base()
	aside := "" // an empty directory of root's with an unguessable name, to exchange for what is in the way
	defer func() {
		if aside != "" {
			unix.Unlinkat(parent, aside, unix.AT_REMOVEDIR)
		}
	}()
	for range claimTries {
		if aside == "" || flip() {
			if err = mkdirAt(parent, base, 0o700); err != nil && err != unix.EEXIST {
				return -1, fault.Advise(p.fault("mkdir", p.dir, err), "%s", rootAdvice())
			}
		} else if err = p.displace(parent, &aside, s); err != nil && err != unix.ENOENT {
			return -1, p.fault("rename", p.dir, err)
		}
		for range claimTries {
			if dir, err = openRoots(parent, base); err == nil || isAnothers(err) || shortage(err) != nil {
				break
			}
		}
		if !isAnothers(err) {
			break
		}
		if aside == "" {
			name := base + ".foreign-" + unguessable()
			if err := mkdirAt(parent, name, 0o700); err != nil {
				return -1, fault.Advise(p.fault("mkdir", p.dir, err), "%s", rootAdvice())
			}
			aside = name
		}
	}
	switch {
	case isAnothers(err):
		return -1, p.refuse("something else takes its place again and again", "run this again, and find out who does that")
	case err != nil:
		return -1, p.fault("open", p.dir, err)
	}
	return dir, nil
}

func flip() bool {
	var b [1]byte
	rand.Read(b[:])
	return b[0]&1 == 0
}

// unguessable is part of a name that nobody else can have taken beforehand.
func unguessable() string {
	var b [12]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// errForeign is the error of openRoots for what is not root's directory.
var errForeign = fmt.Errorf("it is not a directory that belongs to root")

// isAnothers reports that openRoots found something else, or nothing. Every other error may concern a directory of
// root's, which must stay; or what was there changed meanwhile.
func isAnothers(err error) bool { return err == errForeign || err == unix.ENOENT }

// openRoots opens a directory of root's. At first it opens it for nothing but its identity: what a stranger has mounted
// there would answer for itself, or not at all.
func openRoots(parent int, name string) (int, error) {
	var st unix.Stat_t
	at, err := openUnserved(parent, name)
	switch {
	case err == nil:
	case err == unix.ENOENT, shortage(err) != nil:
		return -1, err
	case err == errServed, err == unix.ENOTDIR, err == unix.ELOOP: // it was asked nothing more
		return -1, errForeign
	case unix.Fstatat(parent, name, &st, unix.AT_SYMLINK_NOFOLLOW) != nil, st.Uid != 0,
		st.Mode&unix.S_IFMT != unix.S_IFDIR:
		return -1, errForeign
	default:
		return -1, err
	}
	defer unix.Close(at)
	if unix.Fstat(at, &st) != nil || st.Uid != 0 {
		return -1, errForeign
	}
	return openAt(at, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
}

// displace exchanges what is in the directory's place for an empty directory of root's. The latter's name then leads to
// what was moved aside: that is reported, and *aside is cleared. ENOENT means that nothing was there.
func (p *place) displace(parent int, aside *string, s *Setup) error {
	err := exchange(parent, *aside, p.base())
	switch err {
	case nil:
	case unix.EBUSY:
		if err = takeMountAway(parent, p.base()); err == unix.EBUSY {
			return p.refuse("something is mounted on it", "unmount it")
		}
		return err
	case unix.ENOSYS, unix.EINVAL, unix.ENOTSUP:
		// This file system cannot exchange. So it is moved, and with luck nothing takes its place before the directory
		// does.
		away := p.base() + ".foreign-" + unguessable()
		err = uninterrupted(func() error { return unix.Renameat(parent, p.base(), parent, away) })
		if err == nil {
			s.Aside = append(s.Aside, filepath.Join(filepath.Dir(p.dir), away))
			err = mkdirAt(parent, p.base(), 0o700)
		}
		if err == unix.EEXIST {
			err = nil
		}
		return err
	default:
		return err
	}
	// Another process of root's may have been quicker, and may have names in its directory by now.
	if dir, err := openRoots(parent, *aside); !isAnothers(err) {
		if err == nil {
			unix.Close(dir)
		}
		return exchange(parent, *aside, p.base())
	}
	s.Aside = append(s.Aside, filepath.Join(filepath.Dir(p.dir), *aside))
	*aside = ""
	return nil
}

// mend gives root's directory its group and mode, and its lock files. If all is as it must be nothing is touched.
//
// During repairs nobody else can write the directory: members of a group that may write it could replace the lock files
// at every step. And if this process dies here, mode 0700 says that nothing in the directory has been checked.
func (p *place) mend(dir, gid int, mode uint32, s *Setup) error {
	var st unix.Stat_t
	if err := unix.Fstat(dir, &st); err != nil {
		return p.fault("fstat", p.dir, err)
	}
	found := uint32(st.Mode) & 0o7777
	control := controlFile{gid: uint32(gid), mode: 0o600, trusted: found == 0o755}
	if mode&0o020 != 0 {
		control.mode = 0o660
	}
	right := found == mode && st.Gid == control.gid
	for _, name := range p.backing.nature().controlFiles {
		right = right && control.isRight(dir, name)
	}
	if right {
		return nil
	}
	if !control.trusted && found != 0o700 {
		if err := unix.Fchmod(dir, 0o700); err != nil {
			return p.fault("chmod", p.dir, err)
		}
		if isGroups(found) {
			s.Lost = groupName(st.Gid) // until the group gets it back below, or for good if this fails before
		}
	}
	if err := unix.Fchown(dir, 0, gid); err != nil {
		return p.fault("chown", p.dir, err)
	}
	for _, name := range p.backing.nature().controlFiles {
		if control.isRight(dir, name) {
			continue
		}
		away, err := control.mend(dir, name)
		if err != nil {
			return p.fault("mend", p.path(name), err)
		}
		if away != "" {
			s.Aside = append(s.Aside, p.path(away))
		}
	}
	// The mode comes last: from here on others may write.
	if err := unix.Fchmod(dir, mode); err != nil {
		return p.fault("chmod", p.dir, err)
	}
	switch kept := isGroups(found) && isGroups(mode) && st.Gid == uint32(gid); {
	case kept:
		s.Lost = ""
	case isGroups(mode):
		s.Gained = groupName(uint32(gid))
	}
	return nil
}

// isGroups reports the mode of a Global directory in which a group can create names. judge refuses a directory that
// lets its group write in any other mode.
func isGroups(mode uint32) bool { return mode&(unix.S_ISGID|0o022) == unix.S_ISGID|0o020 }

// groupName returns a group's name; its number if it has none.
func groupName(gid uint32) string {
	number := strconv.FormatUint(uint64(gid), 10)
	if g, err := user.LookupGroupId(number); err == nil {
		return g.Name
	}
	return number
}

// controlFile is what the lock files of a directory must be.
type controlFile struct {
	gid, mode uint32
	trusted   bool // only root can have put there what is there
}

// isRight reports whether a lock file needs no repair.
func (c controlFile) isRight(dir int, name string) bool {
	var st unix.Stat_t
	return unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW) == nil && isFileOfRoots(&st) && st.Gid == c.gid &&
		uint32(st.Mode)&0o7777 == c.mode
}

// isFileOfRoots reports a file of root's with no second name, which might be the name of a file elsewhere.
func isFileOfRoots(st *unix.Stat_t) bool {
	return st.Uid == 0 && st.Nlink == 1 && st.Mode&unix.S_IFMT == unix.S_IFREG
}

// mend gives a lock file of root's the right group and mode, and replaces anything else by a new one. Nobody else can
// write the directory meanwhile. Those who could write it before may have moved a file of root's there from elsewhere,
// to have it opened to them. In that case what is there is replaced even if it is root's, and whoever has the old one
// locked at this moment goes unseen. away is the new name of a directory that was there.
func (c controlFile) mend(dir int, name string) (away string, err error) {
	fd := -1
	var st unix.Stat_t
	if unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW) == nil {
		if c.trusted && isFileOfRoots(&st) {
			if fd, err = openAt(dir, name, unix.O_RDWR|entryFlags, 0); err != nil {
				return "", err
			}
		} else if away, err = moveAway(dir, name, &st); err != nil {
			return "", err
		}
	}
	if fd < 0 {
		if fd, err = openAt(dir, name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|entryFlags, 0o600); err != nil {
			return away, err
		}
	}
	defer unix.Close(fd)
	if err := unix.Fchown(fd, 0, int(c.gid)); err != nil {
		return away, err
	}
	return away, unix.Fchmod(fd, c.mode)
}

// moveAway frees a lock file's name. A directory, which may not be empty, gets another name, which is returned.
func moveAway(dir int, name string, st *unix.Stat_t) (away string, err error) {
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return "", unix.Unlinkat(dir, name, 0)
	}
	away = ".foreign-" + unguessable()
	return away, unix.Renameat(dir, name, dir, away)
}

// persistLines returns what makes the directory again at every boot: /dev/shm is empty then.
func persistLines(dir string, mode uint32, group string) []string {
	if group == "" {
		group = "root"
	}
	lines := []string{
		"/etc/tmpfiles.d/namedshm.conf",
		"# What these lines create lacks root's sign: sandboxes refuse it until root runs 'shm setup' or makes a " +
			"Global name.",
		fmt.Sprintf("d %s %04o root %s -", dir, mode, group),
	}
	control := "0600"
	if mode&0o020 != 0 {
		control = "0660"
	}
	p, err := placeOf(Global)
	if err != nil {
		return lines
	}
	for _, name := range p.backing.nature().controlFiles {
		lines = append(lines, fmt.Sprintf("f %s/%s %s root %s -", dir, name, control, group))
	}
	return lines
}
