//go:build linux

package hostile

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/actors"
	"github.com/namedshm/namedshm/inspect"
	"github.com/namedshm/namedshm/upkeep"
)

// ownerOf is the user that a process runs as, as seen from here.
func ownerOf(t *testing.T, pid int) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	must(t, err)
	for line := range strings.Lines(string(b)) {
		var uid int
		if n, _ := fmt.Sscanf(line, "Uid: %d", &uid); n == 1 {
			return uid
		}
	}
	t.Fatal("a process without a user")
	return 0
}

// wander moves one thread to another IPC namespace, where no segment of the first is to be seen, and has it look at the
// object and bury what is dead. The answer's List is what it says; Number how many segments it sees.
func wander(r request) (answer reply, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and it ends with the goroutine
		if err = unix.Unshare(unix.CLONE_NEWIPC); err != nil {
			return
		}
		table, _ := os.ReadFile("/proc/sysvipc/shm")
		answer.Number = int64(len(actors.ParseSegments(string(table))))
		_, openErr := namedshm.Open(r.Name, namedshm.Read)
		_, createErr := namedshm.Create(r.Name, 4096, namedshm.ReadWrite)
		_, statErr := inspect.Stat(r.Name)
		found, buryErr := upkeep.Sweep(namedshm.Global)
		answer.List = append(answer.List, fmt.Sprint(openErr), fmt.Sprint(createErr), fmt.Sprint(statErr),
			fmt.Sprint(buryErr), fmt.Sprint(len(found)))
	}()
	<-done
	return answer, err
}

// TestWanderingThread: a thread that went to another IPC namespace sees no segment any more, and must not bury what it
// takes for dead.
func TestWanderingThread(t *testing.T) {
	s := newSetting(t)
	v := s.holding(s.as(nil), world, "", "")
	before := v.Must(request{Op: "count"})
	wanderer := s.as(nil)
	got := wanderer.Must(request{Op: "wander", Name: world})
	if got.Number != 0 {
		t.Fatalf("it still sees %d segments", got.Number)
	}
	for _, said := range got.List[:2] {
		if !strings.Contains(said, "ERROR_ACCESS_DENIED") && !strings.Contains(said, "ERROR_ALREADY_EXISTS") ||
			strings.Contains(said, "ERROR_FILE_NOT_FOUND") {
			t.Errorf("it says %q", said)
		}
	}
	if got.List[4] != "0" {
		t.Errorf("it buried: %q", got.List)
	}
	v.unharmed(s.as(nil), before)
	v.unharmed(wanderer, before) // its other threads stayed
}

// TestOtherNamespaces: a process in other namespaces means other objects by the same names, even in the same
// directories, and takes nobody's away.
func TestOtherNamespaces(t *testing.T) {
	for _, c := range []struct {
		title  string
		flags  uintptr
		script string
		name   string
		code   namedshm.Code // of Open; and Create makes another object, if that is not-found
	}{
		{"another PID namespace", unix.CLONE_NEWPID | unix.CLONE_NEWNS, "mount -t proc proc /proc", local,
			namedshm.ErrFileNotFound},
		{"another PID namespace, the old /proc", unix.CLONE_NEWPID, "true", local, namedshm.Code(50)},
		{"another PID namespace, for Global", unix.CLONE_NEWPID | unix.CLONE_NEWNS, "mount -t proc proc /proc", world, 0},
		{"another IPC namespace", unix.CLONE_NEWIPC, "true", world, namedshm.ErrFileNotFound},
		{"another IPC namespace, for Local", unix.CLONE_NEWIPC, "true", local, 0},
		{"another mount namespace", unix.CLONE_NEWNS, "true", world, 0},
		{"another /dev/shm", unix.CLONE_NEWNS, "mount -t tmpfs -o mode=1777 tmpfs /dev/shm && mkdir -m 1777 $NAMEDSHM_ROOT",
			world, namedshm.ErrFileNotFound},
	} {
		t.Run(c.title, func(t *testing.T) {
			s := newSetting(t)
			v := s.holding(s.as(nil), c.name, "", "")
			before := v.Must(request{Op: "count"})
			visitor, other := s.as(nil), s.within(c.flags, c.script)
			got := other.Do(request{Op: "open", Name: c.name})
			if got.Code != c.code {
				t.Errorf("it opens the object: %+v", got)
			}
			other.Do(request{Op: "bury", Space: namedshm.Local})
			other.Do(request{Op: "bury", Space: namedshm.Global})
			if c.code == namedshm.ErrFileNotFound {
				h := other.Must(request{Op: "create", Name: c.name, Size: 4096}).Handle
				other.Must(request{Op: "map", Handle: h})
				other.Must(request{Op: "close", Handle: h})
			}
			v.unharmed(visitor, before)
		})
	}
}

// TestRootOfHisOwn: who is root in a user namespace that he made can neither make Global names, nor is his directory
// taken for root's; where he squats on the victims' directories they are refused, and root puts it right.
func TestRootOfHisOwn(t *testing.T) {
	s := newSetting(t)
	squatter := s.asRootOf(stranger)
	// Find out what the directories are called, and make room again.
	v, u := s.holding(s.as(nil), world, "write", ""), s.holding(s.as(owner), local, "", "")
	for _, op := range []string{"create", "openorcreate"} {
		squatter.Refused(request{Op: op, Name: `Global\Other`}, namedshm.ErrAccessDenied)
	}
	before := v.Must(request{Op: "count"})
	v.unharmed(s.as(owner), before)
	v.Kill()
	u.Kill()
	for _, c := range []struct {
		object
		name string
		user *actors.User
	}{{v.object, world, nil}, {u.object, local, owner}} {
		dir := c.Entry[:strings.LastIndexByte(c.Entry, '/')]
		for _, mode := range []os.FileMode{0o755, 0o700, 0o777} {
			removeAll(t, dir)
			must(t, os.Mkdir(dir, 0o700))
			must(t, errors.Join(os.Chmod(dir, mode), os.Chown(dir, stranger.UID, stranger.GID)))
			for _, op := range []string{"create", "open", "openorcreate", "stat", "list"} {
				got := s.as(c.user).Do(request{Op: op, Name: c.name, Space: namespaceOf(c.name)})
				if got.Code != namedshm.ErrAccessDenied || !strings.Contains(got.Error, dir) {
					t.Errorf("%s in a squatter's directory of mode %o: %+v", op, mode, got)
				}
			}
		}
		if c.user == nil {
			s.as(nil).Must(request{Op: "setup"})
		} else {
			removeAll(t, dir)
		}
		s.as(c.user).Must(request{Op: "create", Name: c.name})
	}
}

func namespaceOf(name string) namedshm.Namespace {
	if strings.HasPrefix(name, `Global\`) {
		return namedshm.Global
	}
	return namedshm.Local
}
