//go:build linux

package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/actors"
)

// globalDirectory is the one of this IPC namespace.
func globalDirectory(t *testing.T) string {
	t.Helper()
	link, err := os.Readlink("/proc/self/ns/ipc")
	must(t, err)
	return shm + "/namedshm-global-i" + strings.Trim(link, "ipc:[]")
}

// plant makes a directory of a stranger's in the place of another.
func plant(t *testing.T, path string, mode os.FileMode, user *actors.User) {
	t.Helper()
	must(t, os.Mkdir(path, 0o700))
	must(t, errors.Join(os.Chmod(path, mode), os.Chown(path, user.UID, user.GID)))
}

// TestPlantedGlobalDirectory: a stranger of the host has made the Global directory before root did. On the host that is
// seen by its owner; in here he has root's number. He has no way to make the sign that root puts on his, even as root
// of a user namespace of his own, where the kernel lets him make one.
func TestPlantedGlobalDirectory(t *testing.T) {
	everywhere(t, func(s *setting, h house) {
		l := s.in(h)
		in := l.let()
		forger := s.in(rootOfHisOwn(stranger))
		dir := globalDirectory(t)
		for _, forged := range []bool{false, true} {
			plant(t, dir, 0o755, stranger)
			if forged {
				forger.Must(request{Op: "sign", Text: dir})
			}
			for _, r := range []request{
				{Op: "open", Name: holding, Access: read}, {Op: "openorcreate", Name: holding}, {Op: "stat", Name: holding},
				{Op: "list", Space: namedshm.Global},
			} {
				in.refused(r, namedshm.ErrAccessDenied, dir, "root")
			}
			must(t, os.Remove(dir))
		}
		plant(t, dir, 0o755, stranger)
		s.host(nil).Must(request{Op: "setup"})
		in.refused(request{Op: "open", Name: holding, Access: read}, namedshm.ErrFileNotFound)
	})
}

// TestSignIsPutOnWhatIsThere: a Global directory that was made without the library, or by a version of it that knew no
// sign, gets it by whatever root does with Global names next.
func TestSignIsPutOnWhatIsThere(t *testing.T) {
	s := newSetting(t)
	dir := globalDirectory(t)
	plant(t, dir, 0o755, &actors.User{})
	l := s.in(rootOfHisOwn(resident))
	in := l.let()
	in.refused(request{Op: "open", Name: holding, Access: read}, namedshm.ErrAccessDenied, "have the host's root run")
	s.host(nil).Must(request{Op: "list", Space: namedshm.Global})
	in.refused(request{Op: "open", Name: holding, Access: read}, namedshm.ErrFileNotFound)
}

// TestPlantedLocalDirectory: what a stranger has put in the place of a Local directory is refused in here as on the
// host, even where he looks like the very user.
func TestPlantedLocalDirectory(t *testing.T) {
	everywhere(t, func(s *setting, h house) {
		l := s.in(h)
		in := l.let()
		in.must(request{Op: "create", Name: "Object"})
		dir := s.local()
		in.kill()
		for _, mode := range []os.FileMode{0o700, 0o755, 0o777} {
			must(t, os.RemoveAll(dir))
			plant(t, dir, mode, stranger)
			next := l.let()
			for _, op := range []string{"create", "open", "openorcreate", "stat"} {
				next.refused(request{Op: op, Name: "Object"}, namedshm.ErrAccessDenied, dir)
			}
		}
		must(t, os.Remove(dir))
		l.let().must(request{Op: "create", Name: "Object"})
	})
}

// TestPlantedLocalDirectoryUnderAFilter: nor is one taken for the user's own where the kernel may not be asked in every
// way, by the user who has the very number that strangers have.
func TestPlantedLocalDirectoryUnderAFilter(t *testing.T) {
	s := newSetting(t)
	for _, errno := range []unix.Errno{0, unix.ENOSYS, unix.EPERM} {
		l := s.in(mapped("nobody of a container", nobody, false, ids(0, subIDs, 65536)))
		in := l.let()
		in.must(request{Op: "create", Name: "Object"})
		dir := s.local()
		in.kill()
		must(t, os.RemoveAll(dir))
		plant(t, dir, 0o700, stranger)
		next := l.let()
		if errno != 0 {
			next.must(request{Op: "forbid", Text: "faccessat2", Number: int64(errno)})
		}
		for _, op := range []string{"create", "open", "openorcreate", "stat"} {
			next.refused(request{Op: op, Name: "Object"}, namedshm.ErrAccessDenied, dir, "who appears as you")
		}
		must(t, os.Remove(dir))
		next.must(request{Op: "create", Name: "Object"}) // his own is
		next.kill()
		s.clear()
	}
}

// TestRefusedLeavesNothing: where the directory above is refused none is made in it, in a sandbox or outside.
func TestRefusedLeavesNothing(t *testing.T) {
	s := newSetting(t)
	above := filepath.Join(t.TempDir(), "above")
	for path := filepath.Dir(above); path != filepath.Clean(os.TempDir()) && path != "/"; path = filepath.Dir(path) {
		must(t, os.Chmod(path, 0o755)) // not the directory for temporary files itself
	}
	for _, c := range []struct {
		title string
		mode  os.FileMode
		owner int
		house house
	}{
		{"not sticky", 0o777, 0, rootOfHisOwn(resident)},
		{"not sticky, in a container", 0o777, 0, houses()[0]},
		{"a user's of the container, who looks like root outside", 0o777 | os.ModeSticky, subIDs + nobody, houses()[1]},
		{"root's, who looks like a user of the container", 0o777 | os.ModeSticky, 0, houses()[1]},
		{"another user's of the container", 0o777 | os.ModeSticky, subIDs + 5, houses()[1]},
		{"a stranger's, who looks like the user himself", 0o777 | os.ModeSticky, stranger.UID, houses()[3]},
		{"a stranger's, outside", 0o777 | os.ModeSticky, stranger.UID, house{}},
	} {
		t.Run(c.title, func(t *testing.T) {
			must(t, os.RemoveAll(above))
			must(t, os.Mkdir(above, 0o700))
			must(t, errors.Join(os.Chown(above, c.owner, c.owner), os.Chmod(above, c.mode)))
			elsewhere := "NAMEDSHM_ROOT=" + above
			refuse := func(r request) {
				t.Helper()
				if c.house.prepare == nil {
					a := &actor{Process: s.Start(t, resident, elsewhere), T: t}
					a.Refused(r, namedshm.ErrAccessDenied, above, "others can rename")
					return
				}
				s.in(c.house, elsewhere).Refused(r, namedshm.ErrAccessDenied, above, "others can rename")
			}
			for _, op := range []string{"create", "openorcreate"} {
				refuse(request{Op: op, Name: "Object"})
				refuse(request{Op: op, Name: holding})
			}
			left, err := os.ReadDir(above)
			must(t, err)
			if len(left) != 0 {
				t.Errorf("it left %v", left)
			}
		})
	}
}

// TestFailureLeavesNothing: in a directory above that strangers use too, no directory stays of a create that failed,
// nor of a wait for a name that did not come, or that was killed; and what another process has in it is not touched.
func TestFailureLeavesNothing(t *testing.T) {
	everywhere(t, func(s *setting, h house) {
		l := s.in(h)
		a, waiter, other := l.let(), l.let(), l.let()
		failures := func() {
			t.Helper()
			a.must(request{Op: "limit"})
			for _, op := range []string{"create", "openorcreate", "event create", "mutex create"} {
				if got := a.do(request{Op: op, Name: "Object"}); got.Error == "" {
					t.Errorf("%s has made an object", op)
				}
			}
			a.must(request{Op: "limit", Number: -1})
			a.do(request{Op: "await", Name: "Nope"})
			a.refused(request{Op: "open", Name: "Nope"}, namedshm.ErrFileNotFound)
		}
		failures()
		waiter.waitFor("Nope")
		waiter.kill()
		if left := s.directories(); len(left) != 0 {
			t.Errorf("there are %q", left)
		}
		made := other.must(request{Op: "create", Name: "Other"}).Handle
		failures()
		a.must(request{Op: "open", Name: "Other"})
		other.must(request{Op: "close", Handle: made})
	})
}

// TestLinkedLockFile: a member of the group that may write the Global directory has put a file of somebody else's in a
// lock file's place, which looks like root's in a sandbox. Nothing is written to it.
func TestLinkedLockFile(t *testing.T) {
	s := newSetting(t)
	root := s.host(nil)
	root.Must(request{Op: "setup", Group: club})
	inner := s.in(rootWithGroups(member)).let()
	inner.must(request{Op: "create", Name: `Global\Before`})
	precious, path := shm+"/namedshm-actors-precious", globalDirectory(t)+"/.creating"
	t.Cleanup(func() { os.Remove(precious) })
	for _, owner := range []*actors.User{stranger, {}} {
		must(t, os.WriteFile(precious, []byte("precious"), 0o600))
		must(t, errors.Join(os.Chown(precious, owner.UID, int(member.Groups[0])), os.Chmod(precious, 0o660)))
		must(t, errors.Join(os.Remove(path), os.Link(precious, path)))
		inner.refused(request{Op: "create", Name: `Global\Object`}, namedshm.ErrFileCorrupt, path)
		if b, err := os.ReadFile(precious); string(b) != "precious" {
			t.Errorf("the file of user %d has %q, %v", owner.UID, b, err)
		}
		root.Must(request{Op: "setup", Group: club})
		made := inner.must(request{Op: "openorcreate", Name: `Global\Object`})
		inner.must(request{Op: "close", Handle: made.Handle})
	}
}

// TestAnOutsidersStickyDirectory: the directory above need not be the system's own where nobody in here looks like its
// owner.
func TestAnOutsidersStickyDirectory(t *testing.T) {
	s := newSetting(t)
	above := shm + "/namedshm-actors-above"
	must(t, os.Mkdir(above, 0o700))
	t.Cleanup(func() { os.RemoveAll(above) })
	must(t, os.Chmod(above, 0o777|os.ModeSticky))
	for _, h := range []house{rootOfHisOwn(resident), bubble(resident)} {
		s.in(h, "NAMEDSHM_ROOT="+above).Must(request{Op: "create", Name: "Object"})
	}
}

// sign puts on a directory what its owner can make of root's sign.
func sign(path string) error {
	value := make([]byte, 20)
	value[3] = 2
	if err := unix.Setxattr(path, "security.capability", value, 0); err != nil {
		return err
	}
	n, err := unix.Getxattr(path, "security.capability", make([]byte, 64))
	if err != nil || n != len(value) {
		return fmt.Errorf("the forger himself sees %d bytes of it: %v", n, err)
	}
	return nil
}
