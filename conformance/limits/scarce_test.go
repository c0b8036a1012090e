//go:build linux

package limits

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/actors"
)

// withstands makes a battery of calls. Each works, or says all of one of the lines of words; none of those in works may
// fail. It returns how many failed.
func (a *actor) withstands(t *testing.T, name string, works []string, lines ...[]string) (failed int) {
	t.Helper()
	for what, said := range a.Must(request{Op: "battery", Name: name}).Own.Each {
		if said == "<nil>" {
			continue
		}
		if what == "open nothing" && strings.Contains(said, "ERROR_FILE_NOT_FOUND") {
			continue
		}
		failed++
		if slices.Contains(works, what) {
			t.Errorf("%s: %s fails: %s", name, what, said)
		}
		if !slices.ContainsFunc(lines, func(words []string) bool {
			return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(said, word) })
		}) {
			t.Errorf("%s: %s: the error does not say what is scarce: %s", name, what, said)
		}
	}
	return failed
}

// ample wants a battery to work.
func (a *actor) ample(t *testing.T, name string) {
	t.Helper()
	if a.withstands(t, name, nil, []string{"nothing may fail here"}) > 0 {
		t.Errorf("%s: it does not work where nothing is scarce", name)
	}
}

var looks = []string{"list", "names", "bury", "open nothing"}

// prefixes are what the names of a battery begin with.
var prefixes = []string{`Local\Battery`, `Global\Battery`}

// TestFullDirectory: at every number of free pages the directory's file system may have, calls work or say that it is
// full; the memory itself is not in it.
func TestFullDirectory(t *testing.T) {
	s := newSetting(t)
	a := s.within(unix.CLONE_NEWNS, "mount -t tmpfs -o mode=1777,size=1m tmpfs $NAMEDSHM_ROOT")
	for _, name := range prefixes {
		a.ample(t, name)
	}
	h := a.Must(request{Op: "create", Name: local, Size: 1 << 24}).Handle
	fill := `rm -f $NAMEDSHM_ROOT/fill; n=$(df -k --output=avail $NAMEDSHM_ROOT | tail -1); head -c $(( (n / 4 - %d) * 4096 )) /dev/zero > $NAMEDSHM_ROOT/fill`
	failed := 0
	for free := range 14 {
		a.Must(request{Op: "shell", Text: fmt.Sprintf(fill, free)})
		for _, name := range prefixes {
			n := a.withstands(t, name, append(looks, "create without a name"),
				[]string{"ERROR_DISK_FULL", "free some space or inodes in " + s.Root})
			if failed += n; free == 0 && n == 0 {
				t.Errorf("%s: with no free page nothing fails?", name)
			}
		}
	}
	t.Logf("%d calls failed", failed)
	// What there is goes on, and can be opened.
	o := a.Must(request{Op: "open", Name: local}).Handle
	v := a.Must(request{Op: "map", Handle: o}).Handle
	a.Must(request{Op: "fill", Handle: v})
	a.Must(request{Op: "close", Handle: h})
	a.Must(request{Op: "close", Handle: o})
	a.Must(request{Op: "shell", Text: "rm $NAMEDSHM_ROOT/fill"})
	for _, name := range prefixes {
		a.ample(t, name)
	}
	if left := a.Must(request{Op: "shell",
		Text: `find $NAMEDSHM_ROOT -mindepth 2 ! -name .creating ! -name .burial`}).Text; left != "" {
		t.Errorf("left: %s", left)
	}
}

// TestFullDirectoryOfFiles: the same on the backing of other Unix systems, whose memory is in the directory. A page
// that the file system has not got would end who touches it: all are had before anybody can.
func TestFullDirectoryOfFiles(t *testing.T) {
	s := newSetting(t)
	a := s.within(unix.CLONE_NEWNS, "export NAMEDSHM_BACKING=file && mount -t tmpfs -o mode=1777,size=4m tmpfs "+
		"$NAMEDSHM_ROOT")
	for _, name := range prefixes {
		a.ample(t, name)
	}
	fill := `rm -f $NAMEDSHM_ROOT/fill; n=$(df -k --output=avail $NAMEDSHM_ROOT | tail -1); head -c $(( (n / 4 - %d) * 4096 )) /dev/zero > $NAMEDSHM_ROOT/fill`
	for _, free := range []int{0, 1, 2, 15, 16, 17, 18, 21, 22, 23, 24, 30} {
		a.Must(request{Op: "shell", Text: fmt.Sprintf(fill, free)})
		for _, name := range prefixes {
			n := a.withstands(t, name, looks, []string{"ERROR_DISK_FULL", "free some space or inodes in " + s.Root})
			if free == 0 && n == 0 {
				t.Errorf("%s: with no free page nothing fails?", name)
			}
		}
	}
	a.Must(request{Op: "shell", Text: "rm $NAMEDSHM_ROOT/fill"})
	for _, name := range prefixes {
		a.ample(t, name)
	}
}

// TestFewFiles: the same with the number of files.
func TestFewFiles(t *testing.T) {
	s := newSetting(t)
	a := s.within(unix.CLONE_NEWNS, "mount -t tmpfs -o mode=1777,nr_inodes=100 tmpfs $NAMEDSHM_ROOT")
	for _, name := range prefixes {
		a.ample(t, name)
	}
	fill := `rm -f $NAMEDSHM_ROOT/fill*; n=$(df --output=iavail $NAMEDSHM_ROOT | tail -1); i=%d; while [ $i -lt $n ]; do : > $NAMEDSHM_ROOT/fill$i; i=$((i+1)); done`
	for free := range 6 {
		a.Must(request{Op: "shell", Text: fmt.Sprintf(fill, free)})
		for _, name := range prefixes {
			n := a.withstands(t, name, append(looks, "create without a name"),
				[]string{"ERROR_DISK_FULL", "free some space or inodes in " + s.Root})
			if free == 0 && n == 0 {
				t.Errorf("%s: with no free file nothing fails?", name)
			}
		}
	}
	for _, name := range prefixes {
		a.ample(t, name)
	}
}

// TestSmallDirectory: the 64 MB that containers have for /dev/shm are no bound for sections.
func TestSmallDirectory(t *testing.T) {
	s := newSetting(t)
	a := s.within(unix.CLONE_NEWNS, "mount -t tmpfs -o mode=1777,size=64m tmpfs $NAMEDSHM_ROOT")
	for _, name := range []string{local, world} {
		h := a.Must(request{Op: "create", Name: name, Size: 128 << 20}).Handle
		v := a.Must(request{Op: "map", Handle: h}).Handle
		a.Must(request{Op: "fill", Handle: v})
		a.Must(request{Op: "unmap", Handle: v})
		a.Must(request{Op: "close", Handle: h})
	}
	a.Must(request{Op: "shell", Text: "! head -c 100m /dev/zero > $NAMEDSHM_ROOT/file"}) // what a file could not be
}

// TestReadOnlyDirectory: nothing can be made, and the error says so; what was there before can be used to its end.
func TestReadOnlyDirectory(t *testing.T) {
	s := newSetting(t)
	a := s.within(unix.CLONE_NEWNS, "mount -t tmpfs -o mode=1777 tmpfs $NAMEDSHM_ROOT")
	for _, name := range []string{local, world} {
		h := a.Must(request{Op: "create", Name: name}).Handle
		a.Must(request{Op: "map", Handle: h})
	}
	a.Must(request{Op: "shell", Text: "mount --bind $NAMEDSHM_ROOT $NAMEDSHM_ROOT && mount -o remount,bind,ro " +
		"$NAMEDSHM_ROOT"})
	b := s.within(unix.CLONE_NEWNS, "mount -t tmpfs -o mode=1777,ro tmpfs $NAMEDSHM_ROOT")
	words := []string{"ERROR_ACCESS_DENIED", s.Root, "is mounted read-only"}
	for _, name := range prefixes {
		// through the directory that it has open all works
		a.withstands(t, name, append(looks, "create without a name"), words)
		if b.withstands(t, name, append(looks, "create without a name"), words) == 0 {
			t.Errorf("%s: something was made in a read-only directory", name)
		}
	}
	a.Must(request{Op: "write", Handle: 1, Text: "on"})
	a.Must(request{Op: "drop"})
	a.Must(request{Op: "shell", Text: "umount $NAMEDSHM_ROOT"})
	for _, name := range []string{local, world} {
		a.Refused(request{Op: "open", Name: name}, namedshm.ErrFileNotFound)
		a.Must(request{Op: "create", Name: name})
	}
}

// TestNoDirectory: without a directory for the directories nothing can be made, and the error names it and what can
// replace it. What looks finds nothing; but where a variable names what is not there, it says so.
func TestNoDirectory(t *testing.T) {
	for title, c := range map[string]struct {
		script string
		works  []string
		words  []string
	}{
		"another root": {
			"export NAMEDSHM_ROOT=$NAMEDSHM_ROOT/none",
			[]string{"create without a name"},
			[]string{"ERROR_INVALID_PARAMETER", "NAMEDSHM_ROOT", "/none", "does not exist"},
		},
		"no /dev/shm": {
			"unset NAMEDSHM_ROOT && mount -t tmpfs -o mode=755 tmpfs /dev",
			append(looks, "create without a name"),
			[]string{"ERROR_ACCESS_DENIED", "/dev/shm", "must exist and be writable", "NAMEDSHM_ROOT"},
		},
	} {
		t.Run(title, func(t *testing.T) {
			s := newSetting(t)
			a := s.within(unix.CLONE_NEWNS, c.script)
			for _, name := range prefixes {
				if a.withstands(t, name, c.works, c.words) == 0 {
					t.Errorf("%s: where was it made?", name)
				}
			}
		})
	}
}

// TestFewDescriptors: a process opens until its table is full; the error names the limit. Nothing is lost: all can be
// closed, and then as many are open as at first. With every number of free descriptors a whole battery works or says
// so.
func TestFewDescriptors(t *testing.T) {
	const most = 300
	for _, name := range []string{local, world} {
		t.Run(name[:5], func(t *testing.T) {
			s := newSetting(t)
			maker, a := s.start(), s.start()
			maker.Must(request{Op: "create", Name: name})
			a.Must(request{Op: "battery", Name: name})
			a.Must(request{Op: "open", Name: name})
			before := a.Must(request{Op: "count"}).Number
			a.Must(request{Op: "limit", Number: unix.RLIMIT_NOFILE, Size: most, Own: asked{Maximum: 1000}})
			// ERROR_TOO_MANY_OPEN_FILES
			a.Refused(request{Op: "handles", Name: name, Number: 1000}, namedshm.Code(4), "RLIMIT_NOFILE, ulimit -n) is 300")
			for free := range 12 {
				a.Must(request{Op: "limit", Number: unix.RLIMIT_NOFILE, Size: most + int64(free), Own: asked{Maximum: 1000}})
				a.withstands(t, name+"Battery", nil,
					[]string{"ERROR_TOO_MANY_OPEN_FILES", fmt.Sprintf("RLIMIT_NOFILE, ulimit -n) is %d", most+free)})
			}
			a.Must(request{Op: "drop"})
			if after := a.Must(request{Op: "count"}).Number; after > before {
				t.Errorf("%d descriptors are open, before there were %d", after, before)
			}
			a.ample(t, name+"Battery")
			a.Leave()
			maker.Leave()
			s.nothingLeft()
		})
	}
}

// TestLittleAddressSpace: a section larger than what a process may map can be made and opened where handles take no
// address space; where they do, and for a view, the error names the limit.
func TestLittleAddressSpace(t *testing.T) {
	const size = 8 << 30
	s := newSetting(t)
	a := s.start()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", a.PID))
	must(t, err)
	var pages int64
	fmt.Sscan(string(b), &pages)
	limit := pages*int64(os.Getpagesize()) + 1<<30
	a.Must(request{Op: "limit", Number: unix.RLIMIT_AS, Size: limit})
	words := fmt.Sprintf("this process may map %d (RLIMIT_AS, ulimit -v)", limit)
	h := a.Must(request{Op: "create", Name: local, Size: size}).Handle
	a.Refused(request{Op: "map", Handle: h}, namedshm.Code(8), words) // ERROR_NOT_ENOUGH_MEMORY
	part := a.Must(request{Op: "map", Handle: h, Offset: 4 << 30, Length: 65536}).Handle
	a.Must(request{Op: "write", Handle: part, Text: "far"})
	a.Refused(request{Op: "create", Name: world, Size: size}, namedshm.Code(8), words)
	s.start().Must(request{Op: "create", Name: world, Size: size})
	a.Refused(request{Op: "open", Name: world}, namedshm.Code(8), words)
	for _, name := range prefixes {
		a.ample(t, name)
	}
}

// TestShortFiles: with RLIMIT_FSIZE at every size that a file of the library's has, a battery works or names it.
func TestShortFiles(t *testing.T) {
	s := newSetting(t)
	a := s.start()
	for _, limit := range []int64{0, 1, 16, 100, 528, 4096, 65535} {
		a.Must(request{Op: "limit", Number: unix.RLIMIT_FSIZE, Size: limit, Own: asked{Maximum: 1 << 40}})
		for _, name := range prefixes {
			a.withstands(t, name, looks, []string{"ERROR_NO_SYSTEM_RESOURCES", fmt.Sprintf("at most %d (RLIMIT_FSIZE", limit)})
		}
	}
	a.Must(request{Op: "limit", Number: unix.RLIMIT_FSIZE, Size: 1 << 30, Own: asked{Maximum: 1 << 40}})
	for _, name := range prefixes {
		a.ample(t, name)
	}
}

// TestSegmentLimits: each of the kernel's limits on System V segments is named, with its value.
func TestSegmentLimits(t *testing.T) {
	for _, c := range []struct {
		limit         string
		value, enough int
		size          int64
	}{
		{"shmmni", 0, 4096, 4096},
		{"shmmni", 3, 4096, 4096},
		{"shmmax", 65536, 1 << 24, 65537},
		{"shmall", 20, 1 << 24, 21 * 4096},
	} {
		t.Run(fmt.Sprint(c.limit, " ", c.value), func(t *testing.T) {
			s := newSetting(t)
			a := s.within(unix.CLONE_NEWIPC, fmt.Sprintf("echo %d > /proc/sys/kernel/%s", c.value, c.limit))
			if c.limit == "shmmni" {
				a.Do(request{Op: "many", Name: `Global\Many`, Number: int64(c.value)})
			}
			a.Refused(request{Op: "create", Name: world, Size: c.size}, namedshm.ErrNoSystemResources, "kernel."+c.limit,
				fmt.Sprint(c.value), "sysctl")
			a.Must(request{Op: "create", Name: local, Size: c.size})
			a.Must(request{Op: "shell", Text: fmt.Sprintf("echo %d > /proc/sys/kernel/%s", c.enough, c.limit)})
			a.Must(request{Op: "create", Name: world, Size: c.size})
		})
	}
}

// TestNoInotify: where no more inotify instances are to be had, waiting for a name still ends when it comes.
func TestNoInotify(t *testing.T) {
	s := newSetting(t)
	script := actors.Script("echo 0 > /proc/sys/user/max_inotify_instances", unix.CLONE_NEWUSER)
	a := s.actor(s.StartWith(t, func(cmd *exec.Cmd) {
		script(cmd)
		same := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1}}
		cmd.SysProcAttr.UidMappings, cmd.SysProcAttr.GidMappings = same, same
	}, nil))
	a.Must(request{Op: "await", Name: local})
}

// TestHiddenProcesses: a /proc that hides the processes of others is no obstacle to who shares objects with himself, or
// by Global names.
func TestHiddenProcesses(t *testing.T) {
	s := newSetting(t)
	const script = `mount -t proc -o hidepid=2 proc /proc && exec setpriv --reuid=64102 --regid=64102 --clear-groups "$0"`
	hidden := func() *actor { return s.within(unix.CLONE_NEWNS, script) }
	root := s.start()
	a, b := hidden(), hidden()
	if got := a.Must(request{Op: "shell", Text: "ls -d /proc/1 2>&1 || true"}).Text; !strings.Contains(got,
		"cannot access") {
		t.Fatalf("nothing is hidden: %s", got)
	}
	a.Must(request{Op: "create", Name: local})
	a.Must(request{Op: "map", Handle: 1})
	a.Must(request{Op: "write", Handle: 1, Text: "seen"})
	b.Must(request{Op: "open", Name: local})
	b.Must(request{Op: "map", Handle: 1})
	if got := b.Must(request{Op: "read", Handle: 1, Number: 4}).Text; got != "seen" {
		t.Errorf("the memory reads %q", got)
	}
	root.Must(request{Op: "create", Name: world})
	b.Refused(request{Op: "open", Name: world}, namedshm.ErrAccessDenied)
	b.ample(t, prefixes[0])
	a.Kill()
	b.Must(request{Op: "drop"})
	b.Refused(request{Op: "open", Name: local}, namedshm.ErrFileNotFound)
}

// TestNoProc: without /proc nothing is guessed: each call says that it is missing. Where it goes away later, calls work
// or fail with an error.
func TestNoProc(t *testing.T) {
	s := newSetting(t)
	a := s.within(unix.CLONE_NEWNS, "mount -t tmpfs tmpfs /proc")
	for _, name := range prefixes {
		if a.withstands(t, name, nil, []string{"ERROR_NOT_SUPPORTED", "/proc"}) == 0 {
			t.Errorf("%s: all works without /proc?", name)
		}
	}
	b := s.within(unix.CLONE_NEWNS, "true")
	b.Must(request{Op: "create", Name: local})
	b.Must(request{Op: "map", Handle: 1})
	b.Must(request{Op: "shell", Text: "mount -t tmpfs tmpfs /proc"})
	for _, name := range prefixes {
		b.withstands(t, name, nil, []string{"ERROR_"})
	}
	b.Must(request{Op: "write", Handle: 1, Text: "on"})
	b.Must(request{Op: "drop"})
	s.start().Refused(request{Op: "open", Name: local}, namedshm.ErrFileNotFound)
}

// memoryCgroup makes a memory cgroup with a limit and puts an actor into it; false where the machine has none to make.
func memoryCgroup(t *testing.T, a *actor, limit int64) bool {
	t.Helper()
	for _, v := range []struct{ mount, limit, swap string }{
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.memsw.limit_in_bytes"},
		{"/sys/fs/cgroup", "memory.max", "memory.swap.max"},
	} {
		dir := filepath.Join(v.mount, fmt.Sprintf("namedshm-limits-%d", os.Getpid()))
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Logf("no memory cgroup: %v", err)
			continue
		}
		t.Cleanup(func() {
			if err := os.Remove(dir); err != nil {
				t.Error(err)
			}
		})
		err := os.WriteFile(filepath.Join(dir, v.limit), []byte(fmt.Sprint(limit)), 0o644)
		if err == nil {
			os.WriteFile(filepath.Join(dir, v.swap), []byte(fmt.Sprint(limit)), 0o644) // swap would help out; there may be none
			err = os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(fmt.Sprint(a.PID)), 0o644)
		}
		if err == nil {
			t.Cleanup(a.Kill)
			return true
		}
		t.Logf("no memory cgroup: %v", err)
	}
	return false
}

// TestSmallMemoryCgroup: what is reserved at creation is refused where the cgroup has not that much, with its name and
// value. A page that cannot be had when it is touched has the kernel end the process, as for all memory; its objects
// are gone then, and nobody else is harmed.
func TestSmallMemoryCgroup(t *testing.T) {
	const limit = 64 << 20
	s := newSetting(t)
	a, other := s.start(), s.start()
	if !memoryCgroup(t, a, limit) {
		t.Skip("this machine lets nobody make a memory cgroup")
	}
	for _, name := range []string{local, world} {
		a.Refused(request{Op: "create", Name: name, Size: 2 * limit, Now: true}, namedshm.ErrCommitmentLimit,
			"namedshm-limits", fmt.Sprint(limit))
	}
	a.Must(request{Op: "create", Name: local, Size: 4 * limit})
	a.Must(request{Op: "map", Handle: 1})
	other.Must(request{Op: "create", Name: world})
	a.Ask(request{Op: "fill", Handle: 1})
	if how := a.End(); how != "signal: killed" {
		t.Errorf("the process that touched more than there is: %s", how)
	}
	other.Refused(request{Op: "open", Name: local}, namedshm.ErrFileNotFound)
	other.Must(request{Op: "open", Name: world})
	other.Kill()
	s.nothingLeft()
}
