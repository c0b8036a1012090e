package wine

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// judge says what is this user's own, and what nobody but this user and root can have made. Whatever a process says,
// and every path that it names, is a stranger's until it has been judged, by a descriptor that is used from then on.
type judge struct {
	user uint32 // this process's
	// how a root that is not mapped in this user namespace appears; 0 if it cannot be distinguished from others
	root  uint32
	fuses map[uint64]uint32
}

// errUnmapped is the error of a process whose own user id is meaningless: everybody else's appears as the same number.
var errUnmapped = errors.New("this process's user id is not mapped in its user namespace, so what belongs to this " +
	"user is unknown: " +
	"start the namespace with a mapping of the user id (unshare --map-current-user)")

// newJudge looks at which user ids there are here. In a sandbox there may be this user's alone; all others show as one,
// the overflow id.
func newJudge() (*judge, error) {
	ids, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		return nil, err
	}
	overflow := uint64(65534)
	if text, err := os.ReadFile("/proc/sys/kernel/overflowuid"); err == nil {
		if overflow, err = strconv.ParseUint(strings.TrimSpace(string(text)), 10, 32); err != nil {
			return nil, err
		}
	}
	j := &judge{user: uint32(os.Geteuid())}
	if err := j.count(string(ids), overflow); err != nil {
		return nil, err
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	j.fuses = fuses(string(mounts))
	return j, nil
}

// count works out which owners can be distinguished, from /proc/self/uid_map and the overflow id.
func (j *judge) count(ids string, overflow uint64) error {
	total, itself := uint64(0), false
	for line := range strings.Lines(ids) {
		var first, outside, count uint64
		if _, err := fmt.Sscan(line, &first, &outside, &count); err != nil {
			return err
		}
		total += count
		itself = itself || overflow >= first && overflow-first < count
	}
	switch {
	case total >= math.MaxUint32: // all users there are; the last number is none
	case uint64(j.user) == overflow:
		return errUnmapped
	case !itself:
		j.root = uint32(overflow)
	}
	return nil
}

// alsoIn is the judge for the mounts of a process, which may be in a container.
func (j *judge) alsoIn(p *process) *judge {
	there := *j
	there.fuses = fuses(string(p.read("mountinfo")))
	for id, user := range j.fuses {
		there.fuses[id] = user
	}
	return &there
}

// fuses maps the mount numbers of file systems that a program serves to the user whose program it is. Owners and modes
// are there what it says.
func fuses(mountinfo string) map[uint64]uint32 {
	found := map[uint64]uint32{}
	for line := range strings.Lines(mountinfo) {
		// number, parent, device, root, mount point, options, tags, "-", type, source, the file system's options
		head, tail, _ := strings.Cut(line, " - ")
		number, _, _ := strings.Cut(head, " ")
		id, err := strconv.ParseUint(number, 10, 64)
		fields := strings.Fields(tail)
		if err != nil || len(fields) < 3 || !strings.HasPrefix(fields[0], "fuse") || fields[0] == "fusectl" {
			continue
		}
		found[id] = math.MaxUint32
		for option := range strings.SplitSeq(fields[len(fields)-1], ",") {
			if value, ok := strings.CutPrefix(option, "user_id="); ok {
				if user, err := strconv.ParseUint(value, 10, 32); err == nil {
					found[id] = uint32(user)
				}
			}
		}
	}
	return found
}

// own reports whether an open file is this user's.
func (j *judge) own(file *os.File, st *unix.Stat_t) bool { return st.Uid == j.user && j.believes(file) }

// believes reports whether the owners that a file system reports can be trusted: its server, which makes them up, must
// belong to this user or root.
func (j *judge) believes(file *os.File) bool {
	if len(j.fuses) == 0 {
		return true
	}
	var st unix.Statx_t
	if err := unix.Statx(int(file.Fd()), "", unix.AT_EMPTY_PATH, unix.STATX_MNT_ID, &st); err != nil ||
		st.Mask&unix.STATX_MNT_ID == 0 {
		return false // a kernel before 5.8
	}
	user, found := j.fuses[st.Mnt_id]
	return !found || user == 0 || user == j.user
}

// trusts reports whether a file's owner is this user or root. If root is not mapped, its files look like those of any
// unmapped owner. They are believed to be root's: what is in a sandbox was put there by its creator, which is this user
// or root.
func (j *judge) trusts(owner uint32) bool {
	return owner == j.user || owner == 0 || owner == j.root && j.root != 0
}

// distrusted is the error for what another user could have made or can change.
type distrusted struct{ path, why string }

func (d *distrusted) Error() string { return d.path + " " + d.why }

// distrust is the error for an open file that could be another user's doing; nil if it could not. A directory that
// others write is good enough where its sticky bit keeps them from everything that is not theirs: what is in it is
// judged for itself.
func (j *judge) distrust(file *os.File, path string, st *unix.Stat_t) error {
	if why := j.suspect(file, st); why != "" {
		return &distrusted{path, why}
	}
	return nil
}

func (j *judge) suspect(file *os.File, st *unix.Stat_t) string {
	link, directory := st.Mode&unix.S_IFMT == unix.S_IFLNK, st.Mode&unix.S_IFMT == unix.S_IFDIR
	switch {
	case !j.trusts(st.Uid):
		return "belongs to " + userName(st.Uid)
	case !j.believes(file):
		return "is in a file system served by another user"
	case link, directory && st.Mode&unix.S_ISVTX != 0, st.Mode&0o022 == 0:
		return ""
	case st.Mode&0o002 != 0:
		return "is writable by everybody"
	case !j.alone(file, st.Gid):
		return "is writable by a group"
	}
	return ""
}

// alone reports whether nobody but this user is in a group: many systems give each user such a group, and files that it
// may write. It has the user's name and number then.
func (j *judge) alone(file *os.File, group uint32) bool {
	if j.user == 0 || group != j.user {
		return false
	}
	// An access control list gives the right to others, and shows as the group's.
	if _, err := unix.Getxattr(openFile(os.Getpid(), int(file.Fd())), "system.posix_acl_access", nil); err == nil {
		return false
	}
	id := strconv.FormatUint(uint64(group), 10)
	us, err := user.LookupId(id)
	if err != nil || us.Gid != id {
		return false
	}
	ours, err := user.LookupGroupId(id)
	if err != nil || ours.Name != us.Username {
		return false
	}
	users, _ := os.ReadFile("/etc/passwd")
	groups, _ := os.ReadFile("/etc/group")
	return !hasOthers(string(users), string(groups), us)
}

// hasOthers reports whether the files of users and of groups name somebody else in a user's group.
func hasOthers(users, groups string, us *user.User) bool {
	for line := range strings.Lines(users) {
		fields := strings.Split(strings.TrimSpace(line), ":") // name, password, user, group, …
		if len(fields) > 3 && fields[3] == us.Gid && fields[2] != us.Uid {
			return true
		}
	}
	for line := range strings.Lines(groups) {
		fields := strings.Split(strings.TrimSpace(line), ":") // name, password, group, members
		if len(fields) < 4 || fields[2] != us.Gid {
			continue
		}
		for member := range strings.SplitSeq(fields[3], ",") {
			if member != "" && member != us.Username {
				return true
			}
		}
	}
	return false
}

// userName is a user in a message.
func userName(id uint32) string {
	number := strconv.FormatUint(uint64(id), 10)
	if u, err := user.LookupId(number); err == nil {
		return "user " + u.Username
	}
	return "user " + number
}

// maxLinks is how many symbolic links a path may lead over, as for the kernel.
const maxLinks = 40

// walk opens what a path refers to, from the root, one name at a time, if only this user and root could redirect it or
// change what is there: every directory, every link and the file itself is judged by its descriptor. The path that
// comes back has no links. Others cannot change what it refers to, so it may be given to programs.
func (j *judge) walk(path string) (at *os.File, physical string, err error) {
	if !filepath.IsAbs(path) {
		return nil, "", &fs.PathError{Op: "open", Path: path, Err: errors.New("not an absolute path")}
	}
	defer func() {
		if err != nil && at != nil {
			at.Close()
			at = nil
		}
	}()
	if at, err = j.top(); err != nil {
		return at, "", err
	}
	physical = "/"
	rest := strings.Split(path, "/")
	for links := 0; len(rest) > 0; {
		name := rest[0]
		rest = rest[1:]
		if name == "" || name == "." {
			continue
		}
		next, target, err := j.step(at, physical, name)
		if err != nil {
			return at, "", err
		}
		if target == "" {
			at.Close()
			at, physical = next, filepath.Join(physical, name)
			continue
		}
		next.Close()
		if links++; links > maxLinks {
			return at, "", &fs.PathError{Op: "open", Path: path, Err: unix.ELOOP}
		}
		rest = slices.Concat(strings.Split(target, "/"), rest)
		if filepath.IsAbs(target) {
			at.Close()
			if at, err = j.top(); err != nil {
				return at, "", err
			}
			physical = "/"
		}
	}
	return at, physical, nil
}

// directories is those of a list, as search paths are written, that nobody else can write.
func (j *judge) directories(list string) string {
	var good []string
	for path := range strings.SplitSeq(list, ":") {
		if directory, physical, err := j.walk(path); err == nil {
			directory.Close()
			good = append(good, physical)
		}
	}
	return strings.Join(good, ":")
}

// top opens the root directory.
func (j *judge) top() (*os.File, error) {
	fd, err := unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("open", err)
	}
	top := os.NewFile(uintptr(fd), "/")
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return top, os.NewSyscallError("stat", err)
	}
	return top, j.distrust(top, "/", &st)
}

// step opens a name in a directory, and judges it. target is where a symbolic link leads.
func (j *judge) step(directory *os.File, path, name string) (next *os.File, target string, err error) {
	next, err = openAt(directory, name, unix.O_PATH|unix.O_NOFOLLOW)
	path = filepath.Join(path, name)
	if err != nil {
		var failed *fs.PathError
		if errors.As(err, &failed) {
			failed.Path = path
		}
		return nil, "", err
	}
	var st unix.Stat_t
	if err = unix.Fstat(int(next.Fd()), &st); err == nil {
		err = j.distrust(next, path, &st)
	}
	if err == nil && st.Mode&unix.S_IFMT == unix.S_IFLNK {
		if target = linkAt(next, ""); target == "" {
			err = &fs.PathError{Op: "readlink", Path: path, Err: unix.ENOENT}
		}
	}
	if err != nil {
		next.Close()
		return nil, "", err
	}
	return next, target, nil
}

// secluded reports whether nobody but this user and root can put another directory into the place of an open one: it
// judges what lies above it, wherever that is mounted.
func (j *judge) secluded(directory *os.File) error {
	var below unix.Stat_t
	if err := unix.Fstat(int(directory.Fd()), &below); err != nil {
		return os.NewSyscallError("stat", err)
	}
	at := directory
	for {
		above, err := openAt(at, "..", unix.O_PATH|unix.O_DIRECTORY)
		if at != directory {
			at.Close()
		}
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err = unix.Fstat(int(above.Fd()), &st); err == nil {
			err = j.distrust(above, pathOf(above), &st)
		}
		if err != nil || st.Dev == below.Dev && st.Ino == below.Ino {
			above.Close()
			return err
		}
		at, below = above, st
	}
}
