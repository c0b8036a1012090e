package kernel

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestWhatACreatorMakes: all files, descriptors and segments that making an object leaves, each with who may open it or
// how it is open. One bit too many lets a neighbour in, and no test of what works notices that. So everything is
// compared, and nothing may be there that is not in the table.
func TestWhatACreatorMakes(t *testing.T) {
	needNative(t)
	r, w, err := os.Pipe() // after this the Go runtime has its own descriptors
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	w.Close()
	for _, umask := range []int{0, 0o077, 0o777} {
		for _, c := range creations() {
			t.Run(fmt.Sprintf("%v%s, umask %03o", c.space, c.name, umask), func(t *testing.T) {
				if c.space == Global {
					globalRoot(t)
				} else {
					ownRoot(t)
				}
				before := openFiles(t)
				if c.group != "" {
					if _, err := SetupGlobal(c.group); err != nil {
						t.Fatal(err)
					}
				}
				usual := unix.Umask(umask)
				defer unix.Umask(usual)
				segment := c.make(t, c.space.String()+"Object")
				got, want := slices.Concat(segment, madeFiles(t), opened(t, before)), c.want()
				slices.Sort(got)
				slices.Sort(want)
				if !slices.Equal(got, want) {
					t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
				}
			})
		}
	}
}

// creation is a row of the table: what is made, and what exists afterwards.
type creation struct {
	name   string
	space  Namespace
	group  string // whose Global directory it is; "" is root's own
	make   func(t *testing.T, name string) (segment []string)
	memory string
	entry  string
	seats  string // "" if the object has no file of them
}

// The groups' numbers are in the table; no account need have them.
const (
	sharers  = "64111"
	setGroup = "64110"
)

// want is everything that exists when the object has been made.
func (c *creation) want() []string {
	const lasting = " for reading and writing"
	dir, mode, controls := "global/", "0755 ours", "0600 ours"
	switch {
	case c.space == Local:
		dir, mode = "local/", "0700 ours"
	case c.group != "":
		mode, controls = "2775 0:"+c.group, "0660 0:"+c.group
	}
	want := []string{c.memory, "file " + dir + " " + mode, "open " + dir + " for its path",
		"file " + dir + "Object " + c.entry, "open " + dir + "Object" + lasting}
	if c.seats != "" {
		want = append(want, "file "+dir+"seats "+c.seats, "open "+dir+"seats"+lasting)
	}
	if c.space == Global {
		want = append(want, "file global/.creating "+controls)
	}
	if c.group != "" {
		want = append(want, "file global/.burial "+controls) // in the other case it is made by the first burial
	}
	return want
}

func creations() []creation {
	const (
		rw, ro     = Read | Write, Read
		sealed     = "sealed: shrink grow seal"
		localState = "open memory 0600 for reading and writing, sealed: shrink grow seal exec"
	)
	everyone := func(a Access) Share { return Share{Audience: Everyone, Access: a} }
	group := func(a Access) Share { return Share{Audience: Group, Group: sharers, Access: a} }
	return []creation{
		{"section", Local, "", sectionOf(PageReadWrite, rw, Share{}), localState, "0600 ours", ""},
		{"section, by a reader", Local, "", sectionOf(PageReadWrite, ro, Share{}), "open memory 0600 for reading, " +
			sealed + " exec", "0600 ours", ""},
		{"section for reading", Local, "", sectionOf(PageReadOnly, ro, Share{}), "open memory 0600 for reading, " + sealed +
			" exec write", "0600 ours", ""},
		{"section for copies", Local, "", sectionOf(PageWriteCopy, Copy, Share{}), "open memory 0600 for reading, " +
			sealed + " exec write", "0600 ours", ""},
		{"section to run", Local, "", sectionOf(PageExecuteReadWrite, rw|Execute, Share{}),
			"open memory 0700 for reading and writing, " + sealed, "0600 ours", ""},
		{"event", Local, "", makingOf(WaitableSpec{Kind: KindEvent}), localState, "0600 ours", ""},
		{"mutex", Local, "", makingOf(WaitableSpec{Kind: KindMutex, Owned: true}), localState, "0600 ours", ""},
		{"semaphore", Local, "", makingOf(WaitableSpec{Kind: KindSemaphore, Maximum: 1}), localState, "0600 ours", ""},

		// A user who may only read an object can lock nothing in it exclusively: such users cannot write the files on
		// which others lock.
		{"section", Global, "", sectionOf(PageReadWrite, rw, Share{}), "segment 0600 ours, attached rw-s", "0600 ours", ""},
		{"section, by a reader", Global, "", sectionOf(PageReadWrite, ro, Share{}), "segment 0600 ours, attached r--s",
			"0600 ours", ""},
		{"section for all to read", Global, "", sectionOf(PageReadWrite, rw, everyone(ro)),
			"segment 0644 ours, attached rw-s", "0644 ours", ""},
		{"section for all", Global, "", sectionOf(PageReadWrite, rw, everyone(rw)), "segment 0666 ours, attached rw-s",
			"0644 ours", ""},
		{"section for reading, for all", Global, "", sectionOf(PageReadOnly, ro, everyone(rw)),
			"segment 0444 ours, attached r--s", "0644 ours", ""},
		{"section to run, for all", Global, "", sectionOf(PageExecuteReadWrite, rw, everyone(ro)),
			"segment 0755 ours, attached rw-s", "0644 ours", ""},
		{"section for a group to read", Global, "", sectionOf(PageReadWrite, rw, group(ro)),
			"segment 0640 0:64111, attached rw-s", "0640 0:64111", ""},
		{"section for a group", Global, "", sectionOf(PageReadWrite, rw, group(rw)), "segment 0660 0:64111, attached rw-s",
			"0640 0:64111", ""},
		{"mutex", Global, "", makingOf(WaitableSpec{Kind: KindMutex}), "segment 0600 ours, attached rw-s", "0600 ours",
			"0600 ours"},
		{"mutex for all", Global, "", makingOf(WaitableSpec{Kind: KindMutex, Share: everyone(rw)}),
			"segment 0666 ours, attached rw-s", "0644 ours", "0666 ours"},
		{"semaphore for a group", Global, "", makingOf(WaitableSpec{Kind: KindSemaphore, Maximum: 1, Share: group(rw)}),
			"segment 0660 0:64111, attached rw-s", "0640 0:64111", "0660 0:64111"},
		{"event for all to wait for", Global, "",
			makingOf(WaitableSpec{Kind: KindEvent, Manual: true,
				Share: everyone(ro)}), "segment 0644 ours, attached rw-s", "0644 ours", "0600 ours"},
		{"event for a group to wait for", Global, "",
			makingOf(WaitableSpec{Kind: KindEvent, Manual: true,
				Share: group(ro)}), "segment 0640 0:64111, attached rw-s", "0640 0:64111", "0600 0:64111"},

		{"section in a group's directory", Global, setGroup, sectionOf(PageReadWrite, rw, Share{}),
			"segment 0600 ours, attached rw-s", "0620 0:64110", ""},
		{"section in a group's directory, for the group to read", Global, setGroup,
			sectionOf(PageReadWrite, rw,
				Share{Audience: Group, Group: setGroup, Access: ro}), "segment 0640 0:64110, attached rw-s", "0660 0:64110", ""},
		{"mutex in a group's directory", Global, setGroup, makingOf(WaitableSpec{Kind: KindMutex}),
			"segment 0600 ours, attached rw-s", "0620 0:64110", "0660 0:64110"},
		{"mutex in a group's directory, for all", Global, setGroup,
			makingOf(WaitableSpec{Kind: KindMutex,
				Share: everyone(rw)}), "segment 0666 ours, attached rw-s", "0664 0:64110", "0666 0:64110"},
	}
}

// whose tells a file's owner and group, or that they are this process's.
func whose(uid, gid uint32) string {
	if int(uid) == os.Geteuid() && int(gid) == os.Getegid() {
		return "ours"
	}
	return fmt.Sprintf("%d:%d", uid, gid)
}

// sectionOf makes a section, and describes its segment if it has one.
func sectionOf(protection Protection, access Access, share Share) func(*testing.T, string) []string {
	return func(t *testing.T, name string) []string {
		s, _, err := CreateSection(context.Background(), name, Spec{Size: pageSize, Protection: protection, Share: share},
			access, MustBeNew)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return segmentOf(t, s.native)
	}
}

// makingOf is sectionOf for an event, a mutex or a semaphore.
func makingOf(spec WaitableSpec) func(*testing.T, string) []string {
	return func(t *testing.T, name string) []string {
		w, _, err := CreateWaitable(context.Background(), name, spec, MustBeNew)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { w.Close() })
		return segmentOf(t, w.native.handle)
	}
}

// segmentOf describes a handle's segment: who may attach it, and how it is attached here.
func segmentOf(t *testing.T, h *handle) (found []string) {
	t.Helper()
	m, ok := h.mem.(*segment)
	if !ok {
		return nil
	}
	var st unix.SysvShmDesc
	if _, err := unix.SysvShmCtl(m.id, unix.IPC_STAT, &st); err != nil {
		t.Fatal(err)
	}
	mapped, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	how := map[string]bool{}
	for line := range strings.Lines(string(mapped)) {
		// range protection offset device inode path, and of a segment the inode is its id
		if f := strings.Fields(line); len(f) > 5 && strings.HasPrefix(f[5], "/SYSV") && f[4] == fmt.Sprint(m.id) {
			how[f[1]] = true
		}
	}
	return []string{fmt.Sprintf("segment %04o %s, attached %s", st.Perm.Mode&0o777, whose(st.Perm.Uid, st.Perm.Gid),
		strings.Join(slices.Sorted(maps.Keys(how)), " "))}
}

// madeFiles lists what is below the root.
func madeFiles(t *testing.T) (found []string) {
	t.Helper()
	err := filepath.WalkDir(root(), func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == root() {
			return err
		}
		var st unix.Stat_t
		err = unix.Lstat(path, &st)
		found = append(found, fmt.Sprintf("file %s %04o %s", short(path), st.Mode&0o7777, whose(st.Uid, st.Gid)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// short is a path without what differs from run to run.
func short(path string) string {
	path, _ = filepath.Rel(root(), path)
	dir, file, _ := strings.Cut(path, "/")
	switch {
	case strings.HasPrefix(dir, "namedshm-global-"):
		dir = "global"
	case strings.HasPrefix(dir, "namedshm-u"):
		dir = "local"
	}
	if strings.HasPrefix(file, seatsPrefix) {
		file = "seats"
	}
	return dir + "/" + file
}

// openFiles is this process's descriptors, and what each leads to.
func openFiles(t *testing.T) map[string]string {
	t.Helper()
	holderTable.mu.Lock()
	holderTable.forget()
	holderTable.mu.Unlock()
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, d := range names {
		if link, err := os.Readlink("/proc/self/fd/" + d.Name()); err == nil {
			all[d.Name()] = link
		}
	}
	return all
}

// opened describes the descriptors that were not there before.
func opened(t *testing.T, before map[string]string) (found []string) {
	t.Helper()
	now := openFiles(t)
	maps.DeleteFunc(now, func(fd, link string) bool { return before[fd] == link })
	for name, link := range now {
		var fd int
		fmt.Sscan(name, &fd)
		found = append(found, "open "+describeOpen(t, fd, link))
	}
	return found
}

func describeOpen(t *testing.T, fd int, link string) string {
	t.Helper()
	var st unix.Stat_t
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err == nil {
		err = unix.Fstat(fd, &st)
	}
	inherited, fdErr := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	if err != nil || fdErr != nil {
		t.Fatal(err, fdErr)
	}
	what := link
	if strings.HasPrefix(link, "/memfd:namedshm-") {
		what = fmt.Sprintf("memory %04o", st.Mode&0o7777)
	}
	filepath.WalkDir(root(), func(path string, _ fs.DirEntry, _ error) error {
		var at unix.Stat_t
		if unix.Lstat(path, &at) == nil && at.Ino == st.Ino && at.Dev == st.Dev {
			what = short(path)
		}
		return nil
	})
	how := map[int]string{unix.O_RDONLY: "for reading", unix.O_WRONLY: "for writing",
		unix.O_RDWR: "for reading and writing"}[flags&unix.O_ACCMODE]
	if flags&unix.O_PATH != 0 {
		how = "for its path"
	}
	if inherited&unix.FD_CLOEXEC == 0 {
		how += ", inherited"
	}
	if seals, err := unix.FcntlInt(uintptr(fd), unix.F_GET_SEALS, 0); err == nil && strings.HasPrefix(what, "memory") {
		how += ", sealed:" + sealNames(seals)
	}
	return what + " " + how
}

// sealNames names seals. Seals that a kernel before 6.3 does not know are named as if they were there.
func sealNames(seals int) (names string) {
	if last := len(memfdWays[0]) - 1; memfdWays[0][last] == unix.MFD_ALLOW_SEALING && int(memfdWay[0].Load()) == last {
		seals |= unix.F_SEAL_EXEC
	}
	for _, s := range []struct {
		bit  int
		name string
	}{
		{unix.F_SEAL_SHRINK, " shrink"}, {unix.F_SEAL_GROW, " grow"}, {unix.F_SEAL_SEAL, " seal"}, {unix.F_SEAL_EXEC,
			" exec"},
		{unix.F_SEAL_WRITE, " write"}, {unix.F_SEAL_FUTURE_WRITE, " future"},
	} {
		if seals&s.bit != 0 {
			names += s.name
		}
	}
	return names
}
