//go:build linux

package hostile

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/namedshm/namedshm"
)

// hoards are what somebody can keep of a file that he may only read.
var hoards = []struct {
	name  string
	keeps bool // who may only read can
	keep  func(fd int) error
}{
	{"a shared lock on all there is", true, func(fd int) error {
		return unix.FcntlFlock(uintptr(fd), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_RDLCK})
	}},
	{"a shared lock on the range of the living", true, func(fd int) error {
		return unix.FcntlFlock(uintptr(fd), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_RDLCK, Len: 1 << 62})
	}},
	{"two thousand shared locks", true, func(fd int) error {
		for i := range int64(2000) {
			if err := unix.FcntlFlock(uintptr(fd), unix.F_OFD_SETLK,
				&unix.Flock_t{Type: unix.F_RDLCK, Start: 2 * i, Len: 1}); err != nil {
				return err
			}
		}
		return nil
	}},
	{"a shared lock of the process", true, func(fd int) error {
		return unix.FcntlFlock(uintptr(fd), unix.F_SETLK, &unix.Flock_t{Type: unix.F_RDLCK})
	}},
	{"an exclusive flock", true, func(fd int) error { return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) }},
	{"an inotify watch", true, func(fd int) error {
		watch, err := unix.InotifyInit1(0)
		if err == nil {
			_, err = unix.InotifyAddWatch(watch, fmt.Sprintf("/proc/self/fd/%d", fd), unix.IN_ALL_EVENTS)
		}
		return err
	}},
	{"a mapping of it", true, func(fd int) error {
		_, err := unix.Mmap(fd, 0, 4096, unix.PROT_READ, unix.MAP_SHARED)
		return err
	}},
	{"an exclusive lock", false, func(fd int) error {
		return unix.FcntlFlock(uintptr(fd), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK})
	}},
	{"a lease", false, func(fd int) error {
		_, err := unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_WRLCK)
		return err
	}},
}

// hoard keeps what Text names of the file that Object has for an entry; Number is how often.
func (s *stage) hoard(r request) (reply, error) {
	for _, h := range hoards {
		if h.name != r.Text {
			continue
		}
		fd, err := unix.Open(r.Own.Object.Entry, unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			fd, err = unix.Open(r.Own.Object.Entry, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		}
		if err != nil {
			return reply{}, err
		}
		s.kept = append(s.kept, fd)
		return reply{}, h.keep(fd)
	}
	return reply{}, fmt.Errorf("nobody can keep %q", r.Text)
}

// TestHoarding: whatever a reader keeps of a live object's entry it hinders nobody, and when the object dies it keeps
// no name alive.
func TestHoarding(t *testing.T) {
	for _, h := range hoards {
		t.Run(h.name, func(t *testing.T) {
			s := newSetting(t)
			root, visitor := s.as(nil), s.as(owner)
			v := s.holding(s.as(nil), world, "read", "")
			s.hoards(s.as(stranger), v, h.name, h.keeps)
			v.unharmed(visitor, v.Must(request{Op: "count"}))
			root.Refused(request{Op: "create", Name: world}, namedshm.ErrAlreadyExists)
			v.Kill()
			s.staysDead(v)
		})
	}
}

// TestHoardingTheDead: nor does what is kept of a dead object's entry, which who may only read cannot bury.
func TestHoardingTheDead(t *testing.T) {
	for _, h := range hoards {
		t.Run(h.name, func(t *testing.T) {
			s := newSetting(t)
			v := s.holding(s.as(nil), world, "read", "")
			v.Kill()
			s.hoards(s.as(stranger), v, h.name, h.keeps)
			s.staysDead(v)
		})
	}
}

// hoards has a stranger keep something, if he can; what he cannot, root can: it is no more than a matter of rights.
func (s *setting) hoards(hoarder *actor, v *victim, what string, can bool) {
	s.t.Helper()
	keep := request{Op: "keep", Text: what, Own: asked{Object: v.object}}
	if got := hoarder.Do(keep); (got.Error == "") != can {
		s.t.Fatalf("a reader keeps it: %q", got.Error)
	}
	if can {
		return
	}
	path := filepath.Join(s.Root, "own")
	must(s.t, os.WriteFile(path, nil, 0o600))
	keep.Own.Object.Entry = path
	s.as(nil).Must(keep)
}

// staysDead: a name whose entry somebody hoards is absent for those who cannot bury it, and free for those who can.
func (s *setting) staysDead(v *victim) {
	s.t.Helper()
	root, visitor := s.as(nil), s.as(owner)
	if _, err := os.Stat(v.Entry); err != nil {
		s.t.Fatalf("there is nothing left that anybody could hoard: %v", err)
	}
	for _, op := range []string{"open", "stat"} {
		visitor.Refused(request{Op: op, Name: world, Access: read}, namedshm.ErrFileNotFound)
	}
	if found := visitor.Must(request{Op: "list", Space: namedshm.Global}).List; len(found) != 0 {
		s.t.Errorf("the dead one is listed: %q", found)
	}
	again := s.holding(root, world, "read", "")
	again.unharmed(visitor, root.Must(request{Op: "count"}))
	root.Must(request{Op: "close", Handle: 1})
	visitor.Refused(request{Op: "open", Name: world, Access: read}, namedshm.ErrFileNotFound)
	root.Leave()
	s.nothingLeft(s.as(nil))
}

// TestControlFilesAreOutOfReach: who may not write the directory opens none of the files that serve as locks there.
func TestControlFilesAreOutOfReach(t *testing.T) {
	s := newSetting(t)
	v := s.holding(s.as(nil), world, "write", "")
	for _, file := range []string{".burial", ".creating"} {
		path := filepath.Join(filepath.Dir(v.Entry), file)
		if _, err := os.Stat(path); err != nil && file == ".creating" {
			t.Fatal(err)
		} else if err != nil {
			must(t, os.WriteFile(path, nil, 0o600))
		}
		for _, attacker := range []*actor{s.as(stranger), s.asRootOf(stranger)} {
			keep := request{Op: "keep", Text: hoards[0].name, Own: asked{Object: object{Entry: path}}}
			if got := attacker.Do(keep); got.Error == "" {
				t.Errorf("a stranger locks %s", file)
			}
		}
		s.as(nil).Must(request{Op: "keep", Text: hoards[0].name, Own: asked{Object: object{Entry: path}}})
	}
}
