package kernel

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/namedshm/namedshm/internal/fault"
	"golang.org/x/sys/unix"
)

// A killed container leaves its objects in a directory named after its namespaces, which nobody looks into any more.
// Root or the owner buries them here.
//
// The locks that show that handles are alive are in the kernel, on the file: everybody who opens it sees them, in
// whichever namespace, and whether or not the holder can be seen. So an entry that can be locked exclusively is dead,
// and nobody can bring it to life while that lock is held; its own namespace may well be in use, and its processes go
// on as after a burial by one of them. Only the other question about a Global entry, whether its segment exists, cannot
// be answered from another IPC namespace: there an entry stays as long as anybody has a lock on it.
//
// Another user's directory is hostile. It is opened once, not through a link, and everything is done through that
// descriptor: whatever is substituted meanwhile, only names in that very directory are removed.

// elsewhere matches the names of namespaces' directories.
var elsewhere = regexp.MustCompile(`^namedshm-(?:u[0-9]+-p([0-9]+)(?:-n([0-9]+))?(?:-o[0-9]+)?|global-i[0-9]+)$`)

// mostElsewhere bounds how many files of one directory are looked at in one go: another user may make them without end.
const mostElsewhere = 1 << 20

// mostBeside bounds how many names are looked at in the directory above, which everybody may write.
const mostBeside = 1 << 18

// elsewhereBatch is how many names are read at once.
const elsewhereBatch = 1024

// errTooMany is why a look ended early.
func errTooMany(most int) error {
	return fault.Fail(fault.NoSystemResources, "there are more than %d files: run it again for the rest", most)
}

// distantSweep is one look at all namespaces' directories.
type distantSweep struct {
	own    *knownPlaces
	pid    string // of the namespace of this process
	user   string // "" for the initial one
	parent int    // the directory above, open
	found  []Burial
}

func buryElsewhere() ([]Burial, error) {
	local, err := placeOf(Local)
	if err != nil {
		return nil, err
	}
	global, err := placeOf(Global)
	if err != nil || !local.backing.nature().namespaced {
		return nil, err
	}
	session, err := sessionOf()
	if err != nil {
		return nil, err
	}
	s := &distantSweep{own: &knownPlaces{local: local, global: global}, pid: session.pid, user: session.user}
	if s.user == initialUserNamespace {
		s.user = ""
	}
	s.parent, err = openPath(root(), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		if wrong := wrongRoot(setting(RootVariable)); wrong != nil {
			return nil, wrong
		}
		if err == unix.ENOENT {
			return nil, nil
		}
		return nil, local.fault("open", root(), err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(s.parent, &st); err != nil || !local.protects(root(), &st) {
		unix.Close(s.parent)
		return nil, fault.Fail(fault.AccessDenied, "%s is refused: others can rename what is in it", root())
	}
	s.sweep(mostBeside, s.directory)
	return s.found, nil
}

// sweep looks at what is in the directory above, which it closes, but at no more than most names, since others may make
// any number of them. If some are left, it says so.
func (s *distantSweep) sweep(most int, look func(name string)) {
	if err := readNames(s.parent, most, look); err != nil {
		s.found = append(s.found, Burial{Name: root(), What: "a directory that could not be read completely", Err: err})
	}
}

// readNames calls use for the names in an open directory, which it closes, but for no more than most.
func readNames(fd, most int, use func(name string)) error {
	f := os.NewFile(uintptr(fd), "directory")
	defer f.Close()
	for left := most; ; {
		names, err := f.Readdirnames(elsewhereBatch)
		for _, name := range names {
			if left--; left < 0 {
				return errTooMany(most)
			}
			use(name)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return &fault.Fault{Code: codeOfErrno(err), Cause: err}
		}
	}
}

// directory buries the dead in one directory, if it is a namespace's and this process may touch it.
func (s *distantSweep) directory(name string) {
	numbers := elsewhere.FindStringSubmatch(name)
	path := below(root(), name)
	if numbers == nil || path == s.own.local.dir || path == s.own.global.dir {
		return
	}
	fd, err := -1, error(nil)
	if at, notOpened := openUnserved(s.parent, name); notOpened != nil {
		err = notOpened
	} else {
		fd, err = openAt(at, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		unix.Close(at)
	}
	if err != nil { // another user's, or not a directory
		if err := shortage(err); err != nil {
			s.found = append(s.found, Burial{Name: path, What: "a directory that could not be examined", Err: err})
		}
		return
	}
	var st unix.Stat_t
	p := s.place(path, numbers[1] == "")
	if err := unix.Fstat(fd, &st); err != nil || !s.mine(p, &st) {
		unix.Close(fd)
		return
	}
	p.euid = int(st.Uid)
	p.opened.Store(&openDirectory{fd, uint64(st.Dev), uint64(st.Ino)})
	s.bury(p, fd)
	// By name, since there is no other way. Only the owner's own directory, or root's, can be there, and it goes only
	// if empty.
	if p.namespace == Local && (numbers[1] != s.pid || numbers[2] != s.user) &&
		unix.Unlinkat(s.parent, name, unix.AT_REMOVEDIR) == nil {
		s.found = append(s.found, Burial{Name: path, What: "an empty directory of other namespaces", Buried: true})
	}
}

// place is a directory as it is for the processes whose namespace it is.
func (s *distantSweep) place(path string, global bool) *place {
	if global {
		return newPlace(Global, path, 0, sysvBacking{elsewhere: true}, ofdLocks{})
	}
	return newPlace(Local, path, 0, memfdBacking{}, ofdLocks{slots: true})
}

// mine reports whether this process may touch what is in a directory. Its owner may, and so may root, except where
// root's user namespace does not map the owner.
func (s *distantSweep) mine(p *place, st *unix.Stat_t) bool {
	own := s.own.local
	if own.users.mayHide(st.Uid) {
		return false
	}
	if p.namespace == Global {
		return own.byRoot() && p.judge(st) == nil
	}
	return own.euid == 0 || own.isOurs(st.Uid)
}

// bury buries the dead in an open directory. What stays is reported in one line: the owner may have put anything there.
func (s *distantSweep) bury(p *place, fd int) {
	left := Burial{}
	count := 0
	err := readNames(fd, mostElsewhere, func(file string) {
		if p.namespace == Global && slices.Contains(s.own.global.backing.nature().controlFiles, file) {
			return
		}
		b, ok := Burial{}, false
		if strings.HasPrefix(file, seatsPrefix) && p.namespace == Global {
			b, ok = p.sweepSeat(file)
		} else {
			b, ok = p.buryOne(file)
		}
		switch {
		case !ok:
		case b.Buried:
			b.What += ", in " + p.dir
			s.found = append(s.found, b)
		default:
			count++
			left.Err = cmp.Or(left.Err, b.Err)
		}
	})
	if count > 0 {
		left.Name, left.What = p.dir, fmt.Sprintf("%d files that are not entries, or could not be examined", count)
		s.found = append(s.found, left)
	}
	if err != nil {
		s.found = append(s.found, Burial{Name: p.dir, What: "a directory that could not be read completely", Err: err})
	}
}
