//go:build linux

package sandbox

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/namedshm/namedshm/conformance/internal/actors"
)

// container starts an actor of a container that has the host's users and /dev/shm, but a PID namespace of its own, and
// with apart an IPC namespace too.
func (s *setting) container(user *actors.User, apart bool) *actor {
	s.t.Helper()
	flags := uintptr(syscall.CLONE_NEWPID | syscall.CLONE_NEWNS)
	if apart {
		flags |= syscall.CLONE_NEWIPC
	}
	script := "mount -t proc proc /proc"
	if user != nil { // the script is root's
		script += fmt.Sprintf(" && exec setpriv --reuid %d --regid %d --clear-groups \"$0\"", user.UID, user.GID)
	}
	return &actor{Process: s.StartWith(s.t, func(cmd *exec.Cmd) { actors.Script(script, flags)(cmd) }, nil), T: s.t}
}

// fill makes objects, and says how.
func fill(a *actor, prefix string, count int) {
	a.T.Helper()
	for i := range count {
		a.Must(request{Op: "create", Name: fmt.Sprintf("%sObject%d", prefix, i),
			Share: map[bool]string{true: "read"}[strings.HasPrefix(prefix, "Global")]})
	}
}

// files are all that lies in the namespaces' directories, but for the lock files.
func (s *setting) files() []string {
	s.t.Helper()
	var found []string
	for _, dir := range s.directories() {
		entries, err := os.ReadDir(dir)
		must(s.t, err)
		for _, e := range entries {
			if e.Name() != ".burial" && e.Name() != ".creating" {
				found = append(found, filepath.Join(dir, e.Name()))
			}
		}
	}
	return found
}

// TestKilledContainers: what killed containers left in a shared /dev/shm is buried from outside, by root all of it and
// by a user his own; what a living one has is left to it.
func TestKilledContainers(t *testing.T) {
	const containers, objects = 6, 25
	s := newSetting(t)
	root := s.host(nil)
	var killed []*actor
	for i := range containers {
		user := resident
		if i%2 == 1 {
			user = stranger
		}
		a := s.container(user, false)
		fill(a, "", objects)
		killed = append(killed, a)
	}
	alive := s.container(resident, false)
	fill(alive, "", objects)
	for _, a := range killed {
		a.Kill()
	}
	if got := len(s.files()); got != (containers+1)*objects {
		t.Fatalf("%d files", got)
	}
	got := s.host(resident).Must(request{Op: "elsewhere"})
	if want := containers / 2 * (objects + 1); got.Number != int64(want) {
		t.Errorf("a user buries %d of his %d: %q", got.Number, want, got.List)
	}
	got = root.Must(request{Op: "elsewhere"})
	if want := containers / 2 * (objects + 1); got.Number != int64(want) || len(got.List) != want {
		t.Errorf("root buries %d of the other %d: %q", got.Number, want, got.List)
	}
	if left := s.files(); len(left) != objects || len(s.directories()) != 1 {
		t.Errorf("left are %d files in %q", len(left), s.directories())
	}
	for i := range objects {
		alive.Must(request{Op: "open", Name: fmt.Sprintf("Object%d", i)})
	}
	alive.Kill()
	root.Must(request{Op: "elsewhere"})
	if left := s.directories(); len(left) != 0 {
		t.Errorf("left are %q", left)
	}
}

// TestKilledSandboxes: the same for those in user namespaces, whose directories belong to subordinate ids.
func TestKilledSandboxes(t *testing.T) {
	everywhere(t, func(s *setting, h house) {
		l := s.in(h)
		killed, alive := l.let(), l.let()
		killed.must(request{Op: "create", Name: "Killed"})
		alive.must(request{Op: "create", Name: "Alive"})
		killed.kill()
		if got := s.host(nil).Must(request{Op: "elsewhere"}); got.Number != 1 ||
			!strings.Contains(got.List[0], `Local\Killed`) {
			t.Errorf("buried: %q", got.List)
		}
		alive.must(request{Op: "open", Name: "Alive"})
	})
}

// TestKilledContainersGlobal: of Global names of another IPC namespace those are buried that nobody has locked. A
// reader's lock keeps one, since it cannot be seen that its memory is gone.
func TestKilledContainersGlobal(t *testing.T) {
	s := newSetting(t)
	root := s.host(nil)
	killed, alive := s.container(nil, true), s.container(nil, true)
	fill(killed, `Global\`, 5)
	killed.Must(request{Op: "event create", Name: `Global\Event`})
	fill(alive, `Global\`, 5)
	dead := ""
	for _, file := range s.files() {
		if strings.HasSuffix(file, "/Event") {
			dead = filepath.Dir(file)
		}
	}
	killed.Kill()
	reader := s.host(stranger)
	reader.Must(request{Op: "hoard", Text: dead + "/Object3"})
	got := root.Must(request{Op: "elsewhere"})
	if got.Number != 5 { // the event's seats go with it
		t.Errorf("buried: %q", got.List)
	}
	var left []string
	for _, file := range s.files() {
		if filepath.Dir(file) == dead {
			left = append(left, filepath.Base(file))
		}
	}
	if len(left) != 1 || left[0] != "Object3" {
		t.Errorf("left of the killed: %q", left)
	}
	for i := range 5 {
		alive.Must(request{Op: "open", Name: fmt.Sprintf(`Global\Object%d`, i), Access: read})
	}
	reader.Kill()
	if got := root.Must(request{Op: "elsewhere"}); got.Number != 1 {
		t.Errorf("after the reader: %q", got.List)
	}
}

// TestHostileDirectoryElsewhere: root looks into a stranger's directory, in which there is whatever he can make: it
// takes nothing away but the dead entries there, follows nothing, waits for nothing, and tells the rest in one line.
func TestHostileDirectoryElsewhere(t *testing.T) {
	s := newSetting(t)
	root := s.host(nil)
	a := s.container(stranger, false)
	fill(a, "", 2)
	dir := s.local()
	a.Kill()
	precious := shm + "/namedshm-actors-precious"
	must(t, os.WriteFile(precious, []byte("precious"), 0o600))
	t.Cleanup(func() { os.Remove(precious) })
	must(t, os.Symlink(precious, dir+"/Link"))
	must(t, os.Link(precious, dir+"/HardLink"))
	must(t, unix.Mkfifo(dir+"/Fifo", 0o666))
	must(t, os.WriteFile(dir+"/Garbage", []byte("namedshm and no more"), 0o600))
	must(t, os.Mkdir(dir+"/Directory", 0o777))
	for _, name := range []string{"Link", "Fifo", "Garbage", "Directory"} {
		must(t, os.Lchown(dir+"/"+name, stranger.UID, stranger.GID))
	}
	foreign := shm + "/namedshm-u64199-p1-n2" // a link to a directory of root's, as if it was one
	must(t, os.Mkdir(precious+".d", 0o755))
	t.Cleanup(func() { os.RemoveAll(precious + ".d") })
	must(t, os.Symlink(precious+".d", foreign))
	plant(t, shm+"/namedshm-global-i17", 0o755, stranger)
	got := root.Must(request{Op: "elsewhere"})
	if got.Number != 2 || len(got.List) != 3 || !strings.Contains(got.List[2], "5 files") {
		t.Errorf("it says %q", got.List)
	}
	for _, name := range []string{"Link", "HardLink", "Fifo", "Garbage", "Directory"} {
		if _, err := os.Lstat(dir + "/" + name); err != nil {
			t.Error(err)
		}
	}
	for _, path := range []string{precious, precious + ".d", foreign, shm + "/namedshm-global-i17"} {
		if _, err := os.Lstat(path); err != nil {
			t.Error(err)
		}
	}
	if b, err := os.ReadFile(precious); string(b) != "precious" {
		t.Errorf("%q, %v", b, err)
	}
}

// TestWaiterInAContainer: gc --all removes a living container's directory if nothing is in it. Who waits for a name in
// there hears of it all the same.
func TestWaiterInAContainer(t *testing.T) {
	s := newSetting(t)
	root := s.host(nil)
	l := &landlord{s.container(resident, false)}
	maker, waiter := l.let(), l.let()
	for i := range 3 {
		made := maker.must(request{Op: "create", Name: "Object"}).Handle
		waiter.waitFor(fmt.Sprintf("Later%d", i))
		maker.must(request{Op: "close", Handle: made})
		if i > 0 {
			waiter.stop()
		}
		root.Must(request{Op: "elsewhere"})
		if left := s.directories(); len(left) != 0 {
			t.Fatalf("there are %q", left)
		}
		if i > 1 {
			maker.must(request{Op: "create", Name: "Object"})
		}
		if i > 0 {
			waiter.resume()
		}
		later := maker.must(request{Op: "create", Name: fmt.Sprintf("Later%d", i)}).Handle
		got := waiter.answer()
		if got.Error != "" {
			t.Fatal(got.Error)
		}
		maker.must(request{Op: "close", Handle: later})
		waiter.must(request{Op: "close", Handle: got.Handle})
	}
}

// TestOwnDirectoryStays: the directory of a user's own namespaces is not removed, though it is empty.
func TestOwnDirectoryStays(t *testing.T) {
	s := newSetting(t)
	a := s.host(resident)
	a.Must(request{Op: "create", Name: "Object"})
	a.Must(request{Op: "close", Handle: 1})
	dir := s.local()
	for _, by := range []*actor{s.host(nil), a} {
		if got := by.Must(request{Op: "elsewhere"}); got.Number != 0 {
			t.Errorf("buried: %q", got.List)
		}
	}
	if s.local() != dir {
		t.Error("it is gone")
	}
}
