package wine

import (
	"errors"
	"maps"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestOwners: who is believed to be root, by which user ids there are in the namespace.
func TestOwners(t *testing.T) {
	const overflow = 65534
	for _, c := range []struct {
		what, ids string
		user      uint32
		trusted   []uint32
		not       []uint32
		err       error
	}{
		{"no namespace", "0 0 4294967295", 1000, []uint32{0, 1000}, []uint32{1001, overflow}, nil},
		{"nobody, in no namespace", "0 0 4294967295", overflow, []uint32{0, overflow}, []uint32{1000}, nil},
		{"a sandbox with this user alone", "1000 1000 1", 1000, []uint32{1000, overflow}, []uint32{1001}, nil},
		{"a sandbox in which this user is root", "0 1000 1", 0, []uint32{0, overflow}, []uint32{1000}, nil},
		{"a container with all users that programs expect", "0 1000 1\n1 100000 65536", 0, []uint32{0},
			[]uint32{overflow, 1000}, nil},
		{"the same, as one of its users", "0 1000 1\n1 100000 65536", 33, []uint32{0, 33}, []uint32{overflow}, nil},
		{"its nobody", "0 1000 1\n1 100000 65536", overflow, nil, nil, errUnmapped},
		{"a namespace without a map", "", overflow, nil, nil, errUnmapped},
		{"one that does not map this user", "0 1000 1", overflow, nil, nil, errUnmapped},
	} {
		j := &judge{user: c.user}
		if err := j.count(c.ids, overflow); !errors.Is(err, c.err) {
			t.Errorf("%s: %v", c.what, err)
		}
		for _, id := range c.trusted {
			if !j.trusts(id) {
				t.Errorf("%s: %d is not trusted", c.what, id)
			}
		}
		for _, id := range c.not {
			if j.trusts(id) {
				t.Errorf("%s: %d is trusted", c.what, id)
			}
		}
	}
}

// TestServedFileSystems: the mounts show which file systems a program serves, and whose it is.
func TestServedFileSystems(t *testing.T) {
	mounts := "22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n" +
		"30 22 0:40 / /mnt/a rw,nosuid - fuse.sshfs a@b:/ rw,user_id=1000,group_id=1000,allow_other\n" +
		"31 22 0:41 / /games rw shared:4 - fuseblk /dev/sdb1 rw,user_id=0,group_id=0,default_permissions,allow_other\n" +
		"32 22 0:42 / /odd rw - fuse x rw\n33 22 0:43 / /sys/fs/fuse/connections rw - fusectl fusectl rw\n"
	found := fuses(mounts)
	if want := map[uint64]uint32{30: 1000, 31: 0, 32: 1<<32 - 1}; !maps.Equal(found, want) {
		t.Fatalf("%v, want %v", found, want)
	}
	file := memoryFile(t, 1)
	var st unix.Statx_t
	if err := unix.Statx(int(file.Fd()), "", unix.AT_EMPTY_PATH, unix.STATX_MNT_ID, &st); err != nil {
		t.Fatal(err)
	}
	for server, want := range map[uint32]bool{0: true, 1000: true, 1001: false} {
		j := &judge{user: 1000, fuses: map[uint64]uint32{st.Mnt_id: server}}
		if j.believes(file) != want {
			t.Errorf("what user %d serves is believed: %v", server, !want)
		}
	}
}

// TestOwnGroup: a group that a system gives to each user is the user's alone, until somebody else is in it.
func TestOwnGroup(t *testing.T) {
	us := &user.User{Uid: "1000", Gid: "1000", Username: "a"}
	const users, groups = "root:x:0:0:::\na:x:1000:1000:::\n", "root:x:0:\na:x:1000:\n"
	for _, c := range []struct {
		users, groups string
		want          bool
	}{
		{users, groups, false},
		{users, "a:x:1000:a\n", false},
		{users, "a:x:1000:a,b\n", true},
		{users, "a:x:1000:b\n", true},
		{users + "b:x:1001:1000:::\n", groups, true},
		{users, groups + "again:x:1000:b\n", true},
	} {
		if got := hasOthers(c.users, c.groups, us); got != c.want {
			t.Errorf("%q, %q: %v", c.users, c.groups, got)
		}
	}
}

// TestWalk: a path is followed as the kernel does, over links of every sort, and returned without them.
func TestWalk(t *testing.T) {
	base, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(base, name) }
	for _, err := range []error{
		os.MkdirAll(at("a/b"), 0o755), os.WriteFile(at("a/b/wine"), nil, 0o755), os.Symlink("a/b", at("relative")),
		os.Symlink(at("relative"), at("absolute")), os.Symlink("../b/wine", at("a/b/up")), os.Symlink("loop", at("loop")),
		os.Symlink("relative/", at("slash")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	j, err := newJudge()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a/b/wine", "relative/wine", "absolute/up", "a/../a/./b//wine", "slash/wine",
		"absolute/../b/wine"} {
		file, path, err := j.walk(base + "/" + name)
		if err != nil || path != at("a/b/wine") {
			t.Errorf("%s leads to %q: %v", name, path, err)
			continue
		}
		if got := pathOf(file); got != path {
			t.Errorf("%s: %q is open, not %q", name, got, path)
		}
		file.Close()
	}
	for name, want := range map[string]error{"loop": unix.ELOOP, "a/absent": os.ErrNotExist, "a/b/wine/x": unix.ENOTDIR} {
		if _, _, err := j.walk(at(name)); !errors.Is(err, want) || !strings.Contains(err.Error(), at("")) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	if _, _, err := j.walk("relative"); err == nil {
		t.Error("a relative path is followed")
	}
	if got := j.directories(":" + at("relative") + ":relative:" + at("absent") + ":" + at("a")); got != at("a/b")+":"+
		at("a") {
		t.Errorf("the directories are %s", got)
	}
}

// TestSecluded: a directory is secluded if nobody else can put another into its place, at whatever height.
func TestSecluded(t *testing.T) {
	j, err := newJudge()
	if err != nil {
		t.Fatal(err)
	}
	base := t.TempDir()
	deep := filepath.Join(base, "a", "b", "c")
	if err := os.MkdirAll(deep, 0o700); err != nil {
		t.Fatal(err)
	}
	directory, err := os.Open(deep)
	if err != nil {
		t.Fatal(err)
	}
	defer directory.Close()
	if err := j.secluded(directory); err != nil {
		t.Error(err)
	}
	open := filepath.Join(base, "a")
	for mode, want := range map[os.FileMode]bool{0o755: true, 0o757: false, 0o777 | os.ModeSticky: true} {
		if err := os.Chmod(open, mode); err != nil {
			t.Fatal(err)
		}
		err := j.secluded(directory)
		if (err == nil) != want || err != nil && !strings.Contains(err.Error(), open+" is writable by everybody") {
			t.Errorf("below a directory with mode %v: %v", mode, err)
		}
	}
}

// TestNumberOfAnother: what is held of a process reports nothing once that has ended and another has its number.
func TestNumberOfAnother(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("it takes root to choose the next process's number")
	}
	run := func() (*exec.Cmd, *process) {
		cmd := exec.Command("cat")
		if _, err := cmd.StdinPipe(); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		p, err := openProcess(cmd.Process.Pid)
		if err != nil {
			t.Fatal(err)
		}
		return cmd, p
	}
	end := func(cmd *exec.Cmd) {
		cmd.Process.Kill()
		cmd.Wait()
	}
	first, held := run()
	defer held.close()
	// It may still be being loaded.
	for end := time.Now().Add(10 * time.Second); !held.runsAs(0) || held.environ() == nil; {
		if time.Now().After(end) {
			t.Fatal("nothing can be read of a living process")
		}
	}
	end(first)
	for range 1000 {
		last := strconv.Itoa(first.Process.Pid - 1)
		if err := os.WriteFile("/proc/sys/kernel/ns_last_pid", []byte(last), 0); err != nil {
			t.Skip(err)
		}
		second, other := run()
		same, tells := other.pid == held.pid, other.runsAs(0)
		if same && (!tells || held.runsAs(0) || held.environ() != nil || held.executable() != "" || held.command() != "") {
			t.Errorf("of another process with its number: %v, %q", held.runsAs(0), held.environ())
		}
		other.close()
		end(second)
		if same {
			return
		}
	}
	t.Error("the number was never given again")
}
