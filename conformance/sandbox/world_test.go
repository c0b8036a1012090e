//go:build linux

package sandbox

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/namedshm/namedshm/conformance/internal/actors"
)

// withdrawn says that this process has its own /dev/shm.
const withdrawn = "NAMEDSHM_TEST_WITHDRAWN"

// shm is where everybody's names lie.
const shm = "/dev/shm"

func TestMain(m *testing.M) {
	if !actors.Called() && os.Geteuid() == 0 && os.Getenv(withdrawn) == "" {
		withdraw()
	}
	actors.Main(m, act)
}

// withdraw starts this program again in namespaces of its own. It returns where they are not to be had.
func withdraw() {
	self, err := os.Executable()
	unshare, lookErr := exec.LookPath("unshare")
	namespaces := []string{"--mount", "--ipc", "--propagation", "private"}
	if err != nil || lookErr != nil || exec.Command(unshare, append(namespaces, "true")...).Run() != nil {
		return
	}
	const script = `mount -t tmpfs -o mode=1777 tmpfs /dev/shm && exec "$0" "$@"`
	args := slices.Concat([]string{unshare}, namespaces, []string{"sh", "-c", script, self}, os.Args[1:])
	fmt.Fprintln(os.Stderr, syscall.Exec(unshare, args, append(os.Environ(), withdrawn+"=1")))
}

// Users that no machine has.
var (
	resident = &actors.User{UID: 64101, GID: 64101}
	stranger = &actors.User{UID: 64102, GID: 64102}
	member   = &actors.User{UID: 64103, GID: 64103, Groups: []uint32{64110}}
)

const (
	club    = "64110"   // the group of member
	subIDs  = 700000000 // the first of the resident's subordinate ids
	nobody  = 65534     // the overflow id
	holding = `Global\Object`
)

// setting is one test's empty /dev/shm.
type setting struct {
	*actors.World
	t *testing.T
}

func newSetting(t *testing.T) *setting {
	t.Helper()
	actors.NeedRoot(t, "it takes other users and namespaces")
	if actors.OnFileBacking() {
		t.Skip("the file backing trusts its writers, and is a test's on Linux")
	}
	if os.Getenv(withdrawn) == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("no mount namespace is to be had")
		}
		t.Skip("no mount namespace is to be had")
	}
	s := &setting{actors.NewWorld(t), t}
	os.Remove(s.Root)
	s.Root = shm
	s.clear()
	t.Cleanup(s.clear)
	return s
}

// clear removes all names there are.
func (s *setting) clear() {
	for _, dir := range s.directories() {
		must(s.t, os.RemoveAll(dir))
	}
}

// directories are those of all namespaces.
func (s *setting) directories() []string {
	found, err := filepath.Glob(shm + "/namedshm-*")
	must(s.t, err)
	return slices.DeleteFunc(found, func(path string) bool {
		return strings.HasPrefix(filepath.Base(path), "namedshm-actors-")
	})
}

// local is the directory that the resident of a house has his Local names in; the test fails if there is another.
func (s *setting) local() string {
	s.t.Helper()
	found, err := filepath.Glob(shm + "/namedshm-u*")
	must(s.t, err)
	if len(found) != 1 {
		s.t.Fatalf("the Local directories are %q", found)
	}
	return found[0]
}

// house is a kind of sandbox. The actor that it starts is its landlord, and has others live there.
type house struct {
	title   string
	user    *actors.User // outside
	prepare func(*exec.Cmd)
}

// in starts an actor in a house.
func (s *setting) in(h house, environment ...string) *landlord {
	s.t.Helper()
	return &landlord{&actor{Process: s.StartWith(s.t, h.prepare, nil, environment...), T: s.t}}
}

// host starts an actor outside, as a user; nil is root.
func (s *setting) host(user *actors.User) *actor {
	s.t.Helper()
	return &actor{Process: s.Start(s.t, user), T: s.t}
}

// mapped is a user namespace with these ids, in which the actor is uid. With own it has a PID namespace too.
func mapped(title string, uid int, own bool, ids ...syscall.SysProcIDMap) house {
	return house{title, &actors.User{UID: ids[0].HostID, GID: ids[0].HostID}, func(cmd *exec.Cmd) {
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
		if own {
			actors.Script("mount -t proc proc /proc", syscall.CLONE_NEWUSER|syscall.CLONE_NEWPID|syscall.CLONE_NEWNS)(cmd)
		}
		cmd.SysProcAttr.UidMappings, cmd.SysProcAttr.GidMappings = ids, ids
		cmd.SysProcAttr.GidMappingsEnableSetgroups = true
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}
	}}
}

func ids(container, host, size int) syscall.SysProcIDMap {
	return syscall.SysProcIDMap{ContainerID: container, HostID: host, Size: size}
}

// rootOfHisOwn is what unshare -Ur makes.
func rootOfHisOwn(user *actors.User) house {
	h := mapped("root of his own", 0, false, ids(0, user.UID, 1))
	h.user = user
	return h
}

// rootWithGroups is root of his own who keeps his groups, which his namespace does not map: he gets there by himself.
func rootWithGroups(user *actors.User) house {
	return house{title: "root of his own, with groups", user: user}.run("unshare", "--user", "--map-root-user")
}

// run has a program make the house.
func (h house) run(program ...string) house {
	user := h.user
	h.prepare = func(cmd *exec.Cmd) {
		path, err := exec.LookPath(program[0])
		if err == nil {
			cmd.Args = append(slices.Clone(program), cmd.Path)
			cmd.Path = path
		}
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(user.UID), Gid: uint32(user.GID), Groups: user.Groups}
	}
	return h
}

// privateShm is a house with a /dev/shm of its own, as a container has it that shares nothing.
func privateShm() house {
	h := mapped("a container with a /dev/shm of its own", 0, true, ids(0, resident.UID, 1))
	prepare := h.prepare
	h.prepare = func(cmd *exec.Cmd) {
		prepare(cmd)
		cmd.Args[2] = "mount -t tmpfs -o mode=1777 tmpfs /dev/shm && " + cmd.Args[2]
	}
	return h
}

// bubble is bubblewrap's sandbox, in which the user keeps his number.
func bubble(user *actors.User) house {
	return house{title: "bubblewrap", user: user}.run(
		"bwrap", "--unshare-user", "--unshare-pid", "--die-with-parent", "--dev-bind", "/", "/", "--proc", "/proc", "--")
}

// houses are all kinds. None maps the host's root.
func houses() []house {
	return []house{
		mapped("a rootless container", 0, true, ids(0, resident.UID, 1), ids(1, subIDs, 65536)),
		mapped("sub-ids alone", 0, true, ids(0, subIDs, 65536)),
		mapped("a container that keeps the user's number", resident.UID, false,
			ids(resident.UID, resident.UID, 1), ids(0, subIDs, resident.UID), ids(resident.UID+1, subIDs+resident.UID, 1000)),
		mapped("nobody of a container", nobody, false, ids(0, subIDs, 65536)),
		mapped("a service", resident.UID, false, ids(resident.UID, resident.UID, 1)),
		rootOfHisOwn(resident),
		bubble(resident),
	}
}

// everywhere runs a test in each kind of house.
func everywhere(t *testing.T, test func(s *setting, h house)) {
	for _, h := range houses() {
		t.Run(h.title, func(t *testing.T) {
			s := newSetting(t)
			if _, err := exec.LookPath("bwrap"); err != nil && h.title == bubble(resident).title {
				if os.Getenv("CI") == "true" {
					t.Fatal(err)
				}
				t.Skip(err)
			}
			test(s, h)
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
