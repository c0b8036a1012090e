//go:build linux

package hostile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/actors"
	"github.com/namedshm/namedshm/internal/depth"
)

// planted is what somebody may put into the place of what root is about to make there. treasure is a directory that
// root alone may enter.
var planted = []struct {
	name    string
	typical bool // of a kind: it is tried with everything else
	make    func(path, treasure string) error
}{
	{"nothing", true, func(string, string) error { return nil }},
	{"a link to a directory", true, func(path, treasure string) error { return os.Symlink(treasure, path) }},
	{"a link to a file", false, func(path, treasure string) error { return os.Symlink(treasure+"/key", path) }},
	{"a link that leads nowhere", false, func(path, _ string) error { return os.Symlink(path+"-is-not-there", path) }},
	{"a file", false, func(path, _ string) error {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL, 0o666) // and does not wait at another's FIFO
		if err != nil {
			return err
		}
		return f.Close()
	}},
	{"a FIFO", true, func(path, _ string) error { return unix.Mkfifo(path, 0o666) }},
	{"a socket", false, func(path, _ string) error { return unix.Mknod(path, unix.S_IFSOCK|0o666, 0) }},
	{"an empty directory", false, func(path, _ string) error { return os.Mkdir(path, 0o777) }},
	{"a directory that nobody may read", false, func(path, _ string) error { return os.Mkdir(path, 0) }},
	{"a full directory", true, func(path, treasure string) error {
		return errors.Join(os.Mkdir(path, 0o755), os.Symlink(treasure+"/key", path+"/.burial"),
			os.Symlink(treasure+"/key", path+"/.creating"), os.WriteFile(path+"/Object", nil, 0o666))
	}},
}

// plant takes away what lies at the path Name, if it may, and plants what Text names there. The answer's Text is why it
// could not.
func plant(r request) (reply, error) {
	for _, p := range planted {
		if p.name != r.Text {
			continue
		}
		os.Chmod(r.Name, 0o700) // its own, to remove it
		os.RemoveAll(r.Name)
		if err := p.make(r.Name, r.Own.Treasure); err != nil {
			return reply{Text: err.Error()}, nil
		}
		return reply{}, nil
	}
	return reply{}, fmt.Errorf("nothing is called %q", r.Text)
}

// flicker plants all that there is in turn, as fast as it can, until that is forbidden: somebody else's directory
// stands there.
func flicker(r request) (reply, error) {
	rounds := int64(0)
	for at := int(r.Number); ; at++ {
		p := planted[at%len(planted)]
		err := os.Remove(r.Name)
		if errors.Is(err, fs.ErrPermission) {
			return reply{Number: rounds}, nil
		}
		if p.name == "a full directory" || p.name == "a directory that nobody may read" {
			continue // these take more than one step to be gone again
		}
		p.make(r.Name, r.Own.Treasure)
		rounds++
	}
}

// treasure is a directory of root's, for root alone, with a key in it. untouched fails the test if anything about it is
// different from when it was made: the time of the last change tells of every change.
type treasure struct {
	path   string
	before []unix.Stat_t
}

func (s *setting) treasure() *treasure {
	s.t.Helper()
	// the same file system: what lies there can be moved and linked
	dir, err := os.MkdirTemp("/dev/shm", "namedshm-treasure-")
	must(s.t, err)
	s.t.Cleanup(func() { os.RemoveAll(dir) })
	must(s.t, os.WriteFile(dir+"/key", []byte(precious), 0o600))
	t := &treasure{path: dir}
	t.before = t.look(s.t)
	return t
}

func (v *treasure) look(t *testing.T) (all []unix.Stat_t) {
	t.Helper()
	for _, path := range []string{v.path, v.path + "/key"} {
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		st.Atim = unix.Timespec{} // the test reads it
		all = append(all, st)
	}
	return all
}

func (v *treasure) untouched(t *testing.T, when string) {
	t.Helper()
	if after := v.look(t); !slices.Equal(after, v.before) {
		t.Fatalf("%s: %s was %+v, is %+v", when, v.path, v.before, after)
	}
	names, err := os.ReadDir(v.path)
	text, _ := os.ReadFile(v.path + "/key")
	if err != nil || len(names) != 1 || string(text) != precious {
		t.Fatalf("%s: %s has %v, %v, and the key is %q", when, v.path, names, err, text)
	}
}

// globalDirectory is where root makes the Global directory.
func (s *setting) globalDirectory() string {
	s.t.Helper()
	link, err := os.Readlink("/proc/self/ns/ipc")
	must(s.t, err)
	return s.Root + "/namedshm-global-i" + strings.Trim(strings.TrimPrefix(link, "ipc:"), "[]")
}

// isReady fails the test unless the Global directory is what setup makes, for a group or for root alone.
func (s *setting) isReady(when string, group uint32) {
	s.t.Helper()
	mode, control := uint32(0o755), uint32(0o600)
	if group != 0 {
		mode, control = unix.S_ISGID|0o775, 0o660
	}
	dir := s.globalDirectory()
	want := map[string]uint32{dir: unix.S_IFDIR | mode, dir + "/.burial": unix.S_IFREG | control,
		dir + "/.creating": unix.S_IFREG | control}
	for path, mode := range want {
		var st unix.Stat_t
		err := unix.Lstat(path, &st)
		if err != nil || st.Uid != 0 || st.Gid != group || st.Mode != mode ||
			st.Mode&unix.S_IFMT == unix.S_IFREG && st.Nlink != 1 {
			s.t.Fatalf("%s: %s: %v, user %d, group %d, mode %o, %d links", when, path, err, st.Uid, st.Gid, st.Mode, st.Nlink)
		}
	}
}

// clear removes all that is in the root directory.
func (s *setting) clear() {
	s.t.Helper()
	names, err := os.ReadDir(s.Root)
	must(s.t, err)
	for _, name := range names {
		removeAll(s.t, filepath.Join(s.Root, name.Name()))
	}
}

// atEachCall has root set up the Global directory, again and again, and calls act before the n-th system call of that.
// It ends when setup has no n-th call.
func (s *setting) atEachCall(root *actor, group string, v *treasure, prepare, act func(), check func(when string)) {
	s.t.Helper()
	for n := 1; ; n++ {
		s.clear()
		prepare()
		tr := actors.Trace(s.t, root.Process)
		root.Ask(request{Op: "setup", Group: group, Marked: true})
		call, last := tr.StopBefore(n)
		when := fmt.Sprintf("before call %d, %s", n, call)
		act()
		tr.LetGo()
		got := root.Answer()
		v.untouched(s.t, when)
		if got.Error != "" {
			s.t.Fatalf("%s: setup: %s", when, got.Error)
		}
		check(when)
		if last {
			if n < 8 {
				s.t.Fatalf("setup made %d calls: the marks are not where they should be", n)
			}
			return
		}
	}
}

// TestSetupRaced: a stranger changes what is in the Global directory's place, before any one of the system calls with
// which root sets it up. Nothing outside is touched, and root's directory stands there in the end, with what root makes
// in it.
func TestSetupRaced(t *testing.T) {
	for _, first := range planted {
		if !first.typical || first.name == "a FIFO" {
			continue
		}
		t.Run("at first "+first.name, func(t *testing.T) {
			s := newSetting(t)
			root, thief, v, dir := s.as(nil), s.as(stranger), s.treasure(), s.globalDirectory()
			root.Must(request{Op: "setup"}) // what a process does once is not among the calls
			plants := func(what string) string {
				return thief.Must(request{Op: "plant", Text: what, Name: dir, Own: asked{Treasure: v.path}}).Text
			}
			for _, then := range planted {
				if (first.name != "nothing" || !depth.Full()) && !then.typical {
					continue
				}
				stood := false
				s.atEachCall(root, "", v, func() { plants(first.name) },
					func() { stood = plants(then.name) != "" || then.name == "nothing" },
					func(when string) {
						when = fmt.Sprintf("%s, then %s %s", first.name, then.name, when)
						s.isReady(when, 0)
					})
				if !stood {
					t.Errorf("at first %s: when setup was over, a stranger could still plant %s", first.name, then.name)
				}
			}
		})
	}
}

// TestSetupRacedByAMember is that for what lies in a directory that a group may write, whose members are not to be led
// by root to what is root's alone either. Where a member has the last word the next setup mends it.
func TestSetupRacedByAMember(t *testing.T) {
	s := newSetting(t)
	root, thief, v, dir := s.as(nil), s.as(member), s.treasure(), s.globalDirectory()
	root.Must(request{Op: "setup", Group: club})
	// In a directory of his own lies a file of root's. He cannot read it, but he can move it.
	home := v.path + "-home"
	t.Cleanup(func() { os.RemoveAll(home) })
	must(t, os.Mkdir(home, 0o755))
	must(t, os.Chown(home, member.UID, member.GID))
	prepare := func() {
		root.Must(request{Op: "setup", Group: club})
		must(t, os.WriteFile(home+"/key", []byte(precious), 0o600))
	}
	for _, group := range []string{club, "64111", ""} { // the same, another, none
		for i, then := range planted {
			if (group != club || !depth.Full()) && !then.typical {
				continue
			}
			what, control := then.name, []string{".burial", ".creating"}[i%2]
			change := request{Op: "plant", Text: what, Name: dir + "/" + control, Own: asked{Treasure: v.path}}
			if what == "nothing" {
				what = "a file of root's"
				change = request{Op: "move", Text: home + "/key", Name: dir + "/" + control}
			}
			s.atEachCall(root, group, v, prepare, func() { thief.Must(change) }, func(when string) {
				when = fmt.Sprintf("for %q, %s in the place of %s %s", group, what, control, when)
				s.stillClosed(when, home+"/key", dir+"/"+control)
				root.Must(request{Op: "setup", Group: group})
				gid := uint32(0)
				fmt.Sscan(group, &gid)
				s.isReady(when, gid)
			})
		}
	}
}

// stillClosed fails the test if a file of root's with something precious in it has been opened to others, wherever it
// is.
func (s *setting) stillClosed(when string, paths ...string) {
	s.t.Helper()
	for _, path := range paths {
		var st unix.Stat_t
		if unix.Lstat(path, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
			continue
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != precious {
			continue
		}
		if st.Uid != 0 || st.Mode&0o777 != 0o600 {
			s.t.Fatalf("%s: %s, with what is root's alone, has now mode %o and user %d", when, path, st.Mode, st.Uid)
		}
	}
}

// TestSetupBlocked: nobody keeps root from setting up the directory, by taking beforehand whatever name what is moved
// aside might get.
func TestSetupBlocked(t *testing.T) {
	s := newSetting(t)
	root, thief, dir := s.as(nil), s.as(stranger), s.globalDirectory()
	for _, first := range planted[1:] {
		s.clear()
		for _, aside := range []string{"foreign", "aside", "old", "new"} {
			for _, number := range []int{0, 1, root.PID, root.Thread} {
				thief.Must(request{Op: "plant", Text: "a full directory", Name: fmt.Sprintf("%s.%s-%d", dir, aside, number)})
			}
		}
		thief.Must(request{Op: "plant", Text: first.name, Name: dir, Own: asked{Treasure: s.Root}})
		root.Must(request{Op: "setup"})
		s.isReady(first.name, 0)
		// What was there is the stranger's, and is not lost.
		if kept, err := filepath.Glob(dir + ".foreign-*"); err != nil || len(kept) != 5 {
			t.Errorf("%s: aside lie %q", first.name, kept)
		}
	}
}

// TestSetupFlickering: strangers make and remove things in the directory's place as fast as they can.
func TestSetupFlickering(t *testing.T) {
	s := newSetting(t)
	root, v, dir := s.as(nil), s.treasure(), s.globalDirectory()
	thieves := []*actor{s.as(stranger), s.as(stranger)}
	rounds := int64(0)
	for n := range 100 {
		s.clear()
		for i, thief := range thieves {
			thief.Ask(request{Op: "flicker", Name: dir, Number: int64(n + i), Own: asked{Treasure: v.path}})
		}
		root.Must(request{Op: "setup"})
		for _, thief := range thieves {
			rounds += thief.Answer().Number
		}
		v.untouched(t, "in a flicker")
		s.isReady("in a flicker", 0)
		aside, err := filepath.Glob(dir + ".foreign-*")
		must(t, err)
		for _, path := range aside {
			var st unix.Stat_t
			if unix.Lstat(path, &st) == nil && st.Uid == 0 {
				t.Fatalf("%s is root's, and left behind", path)
			}
		}
	}
	if rounds < 100 {
		t.Errorf("the strangers planted %d things in 100 setups", rounds)
	}
}

// TestSetupKeepsTheLiving: setting up again, for the same or for others, takes no object from anybody.
func TestSetupKeepsTheLiving(t *testing.T) {
	s := newSetting(t)
	root := s.as(nil)
	for _, group := range []string{"", club, club, "", ""} {
		root.Must(request{Op: "setup", Group: group})
		if group == "" {
			s.isReady("again", 0)
		}
		h := root.Must(request{Op: "openorcreate", Name: world})
		if h.Created != (h.Handle == 1) {
			t.Fatalf("after setup for %q: %v", group, h)
		}
	}
	if found := root.Must(request{Op: "list", Space: namedshm.Global}).List; len(found) != 1 {
		t.Errorf("there are %q", found)
	}
}

// TestSetupMounted: what a user has mounted in the directory's place is in nobody's way. What root has mounted is told,
// and left.
func TestSetupMounted(t *testing.T) {
	s := newSetting(t)
	for range 2 { // and once more beside what was moved aside
		a := s.within(unix.CLONE_NEWNS, script)
		a.Must(request{Op: "mount", Name: s.globalDirectory(), Text: closed})
		a.Must(request{Op: "setup"})
		s.isReady("over a user's file system", 0)
		a.Kill()
		removeAll(t, s.globalDirectory())
	}
	a := s.within(unix.CLONE_NEWNS, script)
	a.Must(request{Op: "mount", Name: s.globalDirectory(), Text: memory})
	a.Refused(request{Op: "setup"}, namedshm.ErrAccessDenied, "something is mounted on it", "unmount it")
	if left, err := os.ReadDir(s.Root); err != nil || len(left) != 3 {
		t.Errorf("a setup that was refused left %v, %v", left, err)
	}
}

// TestSetupUnsigned: where root cannot put his sign on the directory, setup and doctor say so and why, and on the host
// all goes on.
func TestSetupUnsigned(t *testing.T) {
	const ramfs = "mount -t ramfs -o mode=1777 ramfs $NAMEDSHM_ROOT"
	for _, c := range []struct{ title, script, call, why string }{
		{"without the capability", `exec setpriv --bounding-set=-setfcap "$0"`, "", "CAP_SETFCAP"},
		{"a file system without attributes", ramfs, "", "does not support security attributes"},
		{"under a filter", "true", "setxattr", "filter (seccomp)"},
		{"with all that it takes", "true", "", ""},
	} {
		t.Run(c.title, func(t *testing.T) {
			s := newSetting(t)
			a := s.within(unix.CLONE_NEWNS, c.script)
			if c.call != "" {
				a.Must(request{Op: "forbid", Text: c.call})
			}
			told := func(when, text string) {
				t.Helper()
				if !strings.Contains(text, c.why) || (c.why == "") != !strings.Contains(text, "sign cannot be put on it") {
					t.Errorf("%s: %q", when, text)
				}
			}
			told("doctor, before", a.Must(request{Op: "doctor"}).Text)
			told("setup", a.Must(request{Op: "setup"}).Text)
			told("doctor", a.Must(request{Op: "doctor"}).Text)
			a.Must(request{Op: "create", Name: world, Size: 4096})
		})
	}
}
