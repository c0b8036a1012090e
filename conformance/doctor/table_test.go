//go:build linux

package doctor

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/namedshm/namedshm/conformance/internal/actors"
	"github.com/namedshm/namedshm/inspect"
)

const (
	local  = `Local\Patient`
	global = `Global\Patient`
)

// row is something that a process may be forbidden, or a place that is broken.
type row struct {
	name        string
	rules       []actors.Rule
	landlock    uint64 // what may be done to no file
	script      string // breaks the place, in a mount namespace
	user        bool   // as an ordinary user
	environment []string
	complains   []string // the lines that are not ok
	founding    bool     // they are ok where the directories are there already
	// those that are not ok for root besides: only root's processes here were started by one of the same user
	forRoot []string
	advises string   // words in the advice of the first line that complains
	says    []string // words in the error of a create that fails, and in doctor's lines
}

func (r *row) onFiles() bool { return slices.Contains(r.environment, "NAMEDSHM_BACKING=file") }

// What doctor's lines are about.
const (
	proc    = "/proc"
	shm     = "shared-memory directory"
	locals  = "Local objects"
	globals = "Global objects"
	ldir    = "Local directory"
	gdir    = "Global directory"
	memfd   = "memfd"
	doors   = "doors"
	shmmni  = "kernel.shmmni"
	waits   = "waits"
	inotify = "inotify"
)

// topics are the lines that the table looks at. The others tell of the machine what no row changes.
var topics = []string{proc, shm, ldir, locals, gdir, globals, memfd, doors, shmmni, waits, inotify}

var onFiles = []string{"NAMEDSHM_BACKING=file"}

// forbidden are the rows for calls. Each is run with EPERM and with ENOSYS.
var forbidden = []row{
	{name: "nothing"},
	{name: "nothing, on files", environment: onFiles},
	{name: "memfd_create", complains: []string{locals, memfd}, says: []string{"seccomp", "NAMEDSHM_BACKING=file"}},
	{name: "memfd_create, on files", environment: onFiles},
	{name: "memfd_create with MFD_NOEXEC_SEAL or MFD_EXEC", rules: when(1, unix.MFD_NOEXEC_SEAL|unix.MFD_EXEC)},
	{name: "memfd_create with MFD_ALLOW_SEALING", rules: when(1, unix.MFD_ALLOW_SEALING)},
	{name: "memfd_create with any flag for seals", rules: when(1, unix.MFD_ALLOW_SEALING|unix.MFD_NOEXEC_SEAL),
		complains: []string{locals, memfd}},
	{name: "fcntl F_ADD_SEALS", rules: equal(1, unix.F_ADD_SEALS), complains: []string{locals, memfd},
		says: []string{"seccomp"}},
	{name: "fcntl F_OFD_SETLK", rules: equal(1, unix.F_OFD_SETLK), complains: []string{locals, globals},
		says: []string{"seccomp"}},
	{name: "fcntl F_OFD_GETLK", rules: equal(1, unix.F_OFD_GETLK), complains: []string{locals, globals}},
	{name: "fcntl F_SETLK, on files", environment: onFiles, rules: equal(1, unix.F_SETLK),
		complains: []string{locals, globals}, says: []string{"seccomp"}},
	{name: "fcntl F_GETLK, on files", environment: onFiles, rules: equal(1, unix.F_GETLK),
		complains: []string{locals, globals}},
	{name: "shmget", complains: []string{globals}, says: []string{"seccomp", "forbid shmget"}},
	{name: "shmat", complains: []string{globals}, says: []string{"seccomp", "forbid shmat"}},
	{name: "shmctl", complains: []string{globals}, says: []string{"seccomp", "forbid shmctl"}},
	{name: "shmctl IPC_RMID", rules: none(1, ^uint32(0)), complains: []string{globals}, says: []string{"IPC_RMID"}},
	{name: "shmctl IPC_STAT", rules: equal(1, unix.IPC_STAT), complains: []string{globals}, says: []string{"IPC_STAT"}},
	{name: "linkat", complains: []string{locals, globals}, says: []string{"seccomp", "forbid link"}},
	{name: "linkat with AT_EMPTY_PATH", rules: when(4, unix.AT_EMPTY_PATH)},
	{name: "linkat, on files", environment: onFiles, complains: []string{locals, globals}},
	{name: "openat with O_TMPFILE", rules: when(2, unix.O_TMPFILE&^unix.O_DIRECTORY), complains: []string{locals, globals},
		says: []string{"seccomp"}},
	{name: "mkdirat", complains: []string{ldir, locals, gdir, globals}, founding: true},
	{name: "readlinkat", complains: []string{proc, ldir, locals, gdir, globals}},
	{name: "pidfd_open", complains: []string{doors}},
	{name: "pidfd_getfd", complains: []string{doors}},
	{name: "futex_waitv", complains: []string{waits}},
	{name: "futex between processes", rules: none(1, 128), complains: []string{waits}}, // Go's own are private
	{name: "inotify_init1", complains: []string{inotify}},
	{name: "inotify_add_watch", complains: []string{inotify}},
	{name: "kcmp"},
	{name: "faccessat2"},
	{name: "statx"},
	{name: "setxattr", complains: []string{gdir}, advises: "root's sign", founding: true},
	{name: "prlimit64"},
}

func when(argument int, bits uint32) []actors.Rule {
	return []actors.Rule{{Argument: argument, Any: bits}}
}

func equal(argument int, number uint32) []actors.Rule {
	return []actors.Rule{{Argument: argument, Equal: number}}
}

func none(argument int, bits uint32) []actors.Rule {
	return []actors.Rule{{Argument: argument, None: bits}}
}

// with is the row with an error for its call, whose name it begins with.
func (r row) with(errno unix.Errno) *row {
	r.name = strings.TrimSuffix(r.name, ",") + ": " + unix.ErrnoName(errno)
	call := strings.TrimRight(strings.Fields(r.name)[0], ",:")
	if call == "nothing" {
		return &r
	}
	if r.rules == nil {
		r.rules = []actors.Rule{{}}
	}
	r.rules = slices.Clone(r.rules)
	r.rules[0].Call, r.rules[0].Errno = call, errno
	return &r
}

const mount = "mount -t tmpfs -o mode=%s tmpfs $NAMEDSHM_ROOT"

// nowhere is the lines that complain where nothing can be made; an ordinary user cannot make Global names anyway.
var nowhere = []string{ldir, locals, gdir, globals}

// noRoot is the lines that complain where the variable for the directory of all names none.
var noRoot = append(append([]string{shm}, nowhere...), inotify)

// broken are the rows for places, and for variables that name none.
var broken = []row{
	{name: "0755, for root", script: fmt.Sprintf(mount, "755")},
	{name: "0755, for a user", script: fmt.Sprintf(mount, "755"), user: true, complains: nowhere,
		says: []string{"must exist and be writable"}},
	{name: "1777, for a user", script: fmt.Sprintf(mount, "1777"), user: true, complains: []string{gdir, globals}},
	{name: "0777 and not sticky", script: fmt.Sprintf(mount, "777"), complains: nowhere,
		says: []string{"others can rename what is in it"}},
	{name: "another user's", script: fmt.Sprintf(mount, "1777,uid=64106"), complains: nowhere,
		says: []string{"others can rename what is in it"}},
	{name: "read-only", script: fmt.Sprintf(mount, "1777,ro"), complains: append([]string{shm}, nowhere...),
		says: []string{"read-only"}},
	{name: "absent", environment: []string{"NAMEDSHM_ROOT=/nowhere"}, complains: noRoot,
		says: []string{`NAMEDSHM_ROOT is "/nowhere", which does not exist`}},
	{name: "a file", environment: []string{"NAMEDSHM_ROOT=/etc/passwd"}, complains: noRoot,
		says: []string{`NAMEDSHM_ROOT is "/etc/passwd", which is not a directory`}},
	{name: "below a file", environment: []string{"NAMEDSHM_ROOT=/etc/passwd/x"}, complains: noRoot,
		says: []string{"which is not a directory"}},
	{name: "a relative path", environment: []string{"NAMEDSHM_ROOT=mnt"}, complains: noRoot,
		says: []string{`NAMEDSHM_ROOT is "mnt", which is not an absolute path`}},
	{name: "a wrong way to wait", environment: []string{"NAMEDSHM_WAIT=pol"}, complains: []string{locals, globals, waits},
		says: []string{`NAMEDSHM_WAIT is "pol"`}},
	{name: "full", script: fmt.Sprintf(mount, "1777,size=4k") + " && head -c 4096 /dev/zero > $NAMEDSHM_ROOT/fill",
		complains: []string{shm, locals, globals}, says: []string{"free some space or inodes"}},
	{name: "out of inodes", script: fmt.Sprintf(mount, "1777,nr_inodes=2") + " && : > $NAMEDSHM_ROOT/fill",
		complains: append([]string{shm}, nowhere...), says: []string{"free some space or inodes"}},
	{name: "one inode left", script: fmt.Sprintf(mount, "1777,nr_inodes=2"),
		complains: []string{shm, locals, gdir, globals}, says: []string{"free some space or inodes"}},
	{name: "noexec", script: fmt.Sprintf(mount, "1777,noexec,nosuid,nodev")},
	{name: "a Local directory with another mode", script: fmt.Sprintf(mount, "1777") +
		" && mkdir -m 755 $NAMEDSHM_ROOT/namedshm-u0-p$(readlink /proc/self/ns/pid | tr -dc 0-9)",
		complains: []string{ldir, locals}, says: []string{"mode is 0755"}},
	{name: "a planted Global directory", script: fmt.Sprintf(mount, "1777") +
		" && d=$NAMEDSHM_ROOT/namedshm-global-i$(readlink /proc/self/ns/ipc | tr -dc 0-9) && mkdir $d && chown 64106 $d",
		complains: []string{gdir, globals}, says: []string{"belongs to user 64106"}},
	{name: "a Global directory of root's, for a user", script: fmt.Sprintf(mount, "1777") +
		" && mkdir -m 755 $NAMEDSHM_ROOT/namedshm-global-i$(readlink /proc/self/ns/ipc | tr -dc 0-9)",
		user: true, complains: []string{gdir, globals}},
	{name: "hidepid=1", script: remount("hidepid=1"), user: true, complains: []string{proc, gdir, globals}},
	{name: "hidepid=2", script: remount("hidepid=2"), user: true, complains: []string{proc, gdir, globals}},
	{name: "hidepid=4", script: remount("hidepid=4"), user: true, complains: []string{proc, gdir, globals}},
	{name: "subset=pid", script: remount("subset=pid"), complains: []string{proc, shmmni}},
	{name: "no /proc", script: "mount -t tmpfs tmpfs /proc", complains: append([]string{proc}, nowhere...),
		says: []string{"Linux needs /proc mounted"}},
	{name: "Landlock without new files", landlock: unix.LANDLOCK_ACCESS_FS_MAKE_REG,
		complains: []string{locals, globals, doors}},
	{name: "Landlock without new directories", landlock: unix.LANDLOCK_ACCESS_FS_MAKE_DIR,
		complains: append(nowhere, doors)},
}

func remount(option string) string { return "mount -t proc -o " + option + " proc /proc" }

// findings are what is wrong with doctor's lines in a row: what they say, against what the row says, and against what
// processes meet who create, open and wait.
type findings struct {
	t     actors.Host
	row   *row
	lines map[string]inspect.Check
	found []string
}

func (f *findings) add(format string, args ...any) {
	f.found = append(f.found, fmt.Sprintf(format, args...))
}

// judge runs a row, and returns what is wrong.
func judge(t actors.Host, r *row, program string, environment ...string) []string {
	t.Helper()
	w := newWorld(t, r, program)
	f := w.examine(w.start(environment...), r.complains)
	if r.advises != "" && !strings.Contains(f.lines[r.complains[0]].Advice, r.advises) {
		f.add("doctor advises %q", f.lines[r.complains[0]].Advice)
	}
	creator, opener := w.start(environment...), w.start(environment...)
	for topic, name := range map[string]string{locals: local, globals: global} {
		f.objects(creator, opener, topic, name)
	}
	f.names(w.start(environment...))
	return f.found
}

// examine has a process be the doctor. complains are the lines that are not to be ok.
func (w *world) examine(a *actor, complains []string) *findings {
	w.t.Helper()
	f := &findings{t: w.t, row: w.row, lines: map[string]inspect.Check{}}
	seen := a.mustDo(w.t, request{Op: "doctor"}, true)
	if seen.Left != nil {
		f.add("doctor leaves %q", seen.Left)
	}
	for _, line := range seen.Checks {
		f.lines[line.Topic] = line
	}
	for _, topic := range topics {
		line, told := f.lines[topic]
		if complaint := told && line.Status != inspect.OK; complaint != slices.Contains(complains, topic) {
			f.add("doctor's line: %s %s: %s", line.Status, topic, line.Detail)
		}
	}
	return f
}

// objects compares a line with what becomes of objects.
func (f *findings) objects(creator, opener *actor, topic, name string) {
	f.t.Helper()
	line := f.lines[topic]
	got := creator.do(request{Op: "create", Name: name})
	if got.Error == "" {
		got = opener.do(request{Op: "open", Name: name})
		if got.Error == "" && got.Text != "seen" {
			f.add("%s: the memory reads %q", name, got.Text)
		}
	}
	switch works := got.Error == ""; {
	case works != (line.Status == inspect.OK):
		f.add("doctor says %s %s (%s), and a program meets %q", line.Status, topic, line.Detail, got.Error)
	case works:
		f.wait(creator, opener, name)
		for _, a := range []*actor{creator, opener} {
			if closed := a.do(request{Op: "close", Name: name}); closed.Error != "" {
				f.add("close: %s", closed.Error)
			}
		}
	case line.Status == inspect.Missing:
		f.reasons(line, got.Error)
	case !strings.Contains(got.Error, line.Advice):
		f.add("doctor advises %q, and a program is told %q", line.Advice, got.Error)
	}
}

// reasons compares the reason that doctor gives with the one that a program is given.
func (f *findings) reasons(line inspect.Check, met string) {
	reason := line.Detail[strings.LastIndex(line.Detail, ": ")+1:]
	if !strings.Contains(met, reason) || !strings.Contains(met, line.Advice) {
		f.add("doctor's reason is %q, with the advice %q; a program is told %q", line.Detail, line.Advice, met)
	}
	for _, word := range f.row.says {
		if !strings.Contains(met, word) || !strings.Contains(line.Detail+line.Advice, word) {
			f.add("%q is not in doctor's line %q, or not in the error %q", word, line.Detail+line.Advice, met)
		}
	}
}

// wait has one process wait for another.
func (f *findings) wait(creator, opener *actor, name string) {
	f.t.Helper()
	opener.Process.Ask(request{Op: "wait", Name: name})
	if line := f.lines[waits]; line.Status == inspect.OK {
		for late := time.Now().Add(actors.Prompt / 2); !asleep(opener); time.Sleep(time.Millisecond) {
			if time.Now().After(late) {
				f.add("doctor says that waits sleep in the kernel, and one does not")
				break
			}
		}
	}
	if got := creator.do(request{Op: "set", Name: name}); got.Error != "" {
		f.add("set: %s", got.Error)
	}
	var got reply
	if opener.Process.Answer(&got); got.Error != "" {
		f.add("wait: %s", got.Error)
	}
}

// asleep reports that an actor's thread sleeps in the call that a wait which can be cancelled makes.
func asleep(a *actor) bool {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/syscall", a.PID, a.Thread))
	return strings.HasPrefix(string(b), strconv.Itoa(unix.SYS_FUTEX_WAITV)+" ")
}

// names compares the line on inotify with a wait for a name.
func (f *findings) names(a *actor) {
	f.t.Helper()
	if f.lines[locals].Status != inspect.OK || f.row.onFiles() {
		return
	}
	got := a.do(request{Op: "await", Name: `Local\Awaited`})
	if got.Error != "" {
		f.add("wait for a name: %s", got.Error)
	}
	if line := f.lines[inotify]; (got.Number > 0) != (line.Status == inspect.OK) {
		f.add("doctor says %s inotify (%s), and a wait for a name has %d of it", line.Status, line.Detail, got.Number)
	}
}

// calls are the rows for calls.
func calls() (all []*row) {
	for i := range forbidden {
		for _, errno := range []unix.Errno{unix.EPERM, unix.ENOSYS} {
			all = append(all, forbidden[i].with(errno))
		}
	}
	return all
}

// rows are all that the calls and places make.
func rows() []*row {
	all := calls()
	for i := range broken {
		all = append(all, &broken[i])
	}
	return all
}

// TestDoctorAgrees: in every row.
func TestDoctorAgrees(t *testing.T) {
	for _, r := range rows() {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			actors.NeedRoot(t, "Global names, mounts and other users")
			for _, complaint := range judge(t, r, "") {
				t.Error(complaint)
			}
			if len(r.rules) > 0 && !t.Failed() {
				newWorldBeside(t, r)
			}
		})
	}
}

// newWorldBeside is for who fails to make an object: nothing of it is left.
func newWorldBeside(t *testing.T, r *row) {
	t.Helper()
	w := newWorld(t, r, "")
	a := w.start()
	for _, name := range []string{local, global} {
		a.do(request{Op: "create", Name: name})
	}
	a.Kill()
	w.nothingLeft(t)
}

// TestWrongDoctorIsFound: one that says what it has not tried is found out in each row in which a create fails.
func TestWrongDoctorIsFound(t *testing.T) {
	actors.NeedRoot(t, "Global names, mounts and other users")
	dir := t.TempDir()
	for _, above := range []string{filepath.Dir(dir), dir} { // other users run it too
		if err := os.Chmod(above, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	program := filepath.Join(dir, "mistaken")
	build := exec.Command("go", "test", "-c", "-vet=off", "-tags", "namedshm_mistakes", "-o", program, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := os.Chmod(program, 0o755); err != nil { // whatever the umask says
		t.Fatal(err)
	}
	const mistake = "NAMEDSHM_MISTAKE=doctor believes without trying"
	for _, name := range []string{"shmget: EPERM", "shmat: ENOSYS", "linkat: EPERM", "fcntl F_OFD_SETLK: EPERM", "full"} {
		found := strings.Join(judge(t, rowNamed(t, rows(), name), program, mistake), "\n")
		if !strings.Contains(found, "doctor says ok") {
			t.Errorf("%s: a doctor that tries nothing is believed: %s", name, found)
		}
	}
	testWrongDoctorLater(t, program, mistake)
}
