//go:build linux

package doctor

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/actors"
	"github.com/namedshm/namedshm/inspect"
	"github.com/namedshm/namedshm/internal/depth"
)

// Where the namespace's directories are not there yet, doctor tries things in one of its own beside them. Here they are
// there: they themselves are judged, for root, for a member of the group that may make Global names, and for who is
// none.

// club is the group that may make Global names.
const club = 64110

// Users that no machine has.
var (
	member   = &actors.User{UID: 64103, GID: 64103, Groups: []uint32{club}}
	stranger = &actors.User{UID: 64105, GID: 64105}
)

// cast is for whom the rows are judged.
type cast struct {
	title string
	user  *actors.User
	group string // who may make Global names; "" is root alone
	opens bool   // he may open Global names, and make none
}

var (
	asRoot     = cast{"root", nil, "", false}
	asMember   = cast{"a member", member, fmt.Sprint(club), false}
	asStranger = cast{"a stranger", stranger, fmt.Sprint(club), true}
	asUser     = cast{"a user where there is no group", stranger, "", true}
)

// everybody is all of them. The quick runs have those for whom most can differ.
var everybody = []cast{asRoot, asMember, asStranger, asUser}

// shown is a Global object that everybody may read.
const shown = `Global\Shown`

// standing is a world with both directories in it.
type standing struct {
	*world
	cast     cast
	founder  *actor // root's
	resident *actor // the cast's own
}

// newStanding makes one, in a mount namespace of its own if apart. Nothing is forbidden or broken yet. The Global
// directory is made as root makes it, with setup for a group and else by a create; and both have had objects in them.
func newStanding(t actors.Host, c cast, environment []string, apart bool) *standing {
	t.Helper()
	w := &world{World: actors.NewWorld(t), t: t, row: &row{environment: environment}}
	s := &standing{world: w, cast: c}
	if apart {
		script := actors.Script(fmt.Sprintf(mount, "1777"), unix.CLONE_NEWNS)
		s.founder = &actor{&actors.Actor[request, reply]{Process: w.StartWith(t, script, nil, environment...)}}
		w.keeper = s.founder.PID
	} else {
		s.founder = w.start()
	}
	s.founder.mustDo(t, request{Op: "setup", Group: c.group}, c.group != "")
	w.user = c.user
	s.resident = s.founder
	if w.user != nil {
		s.resident = w.start()
	}
	for name, a := range map[string]*actor{local: s.resident, global: s.founder} {
		a.mustDo(t, request{Op: "create", Name: name}, true)
		a.mustDo(t, request{Op: "close", Name: name}, true)
	}
	return s
}

// judge runs a row, whose place is broken already if it is to be, and returns what is wrong. The shown object is there.
func (s *standing) judge(r *row, environment ...string) []string {
	s.t.Helper()
	w := *s.world
	w.row = r
	complains := slices.Clone(r.complains)
	if r.founding {
		complains = nil
	}
	if s.cast.user == nil {
		complains = append(complains, r.forRoot...)
	}
	if s.cast.opens {
		complains = append(complains, gdir, globals)
	}
	doctor, creator := w.start(environment...), w.start(environment...)
	f := w.examine(doctor, complains)
	if r.advises != "" && !s.cast.opens && !r.founding && !strings.Contains(f.lines[r.complains[0]].Advice, r.advises) {
		f.add("doctor advises %q", f.lines[r.complains[0]].Advice)
	}
	opener := doctor
	if r.landlock != 0 {
		opener = s.resident // in a sandbox of its own it could not look into the creator
	}
	f.objects(creator, opener, locals, local)
	if !s.cast.opens {
		f.objects(creator, opener, globals, global)
	} else if got := creator.do(request{Op: "create", Name: global}); got.Error == "" {
		f.add("who may make no Global names made one")
	}
	f.names(creator)
	f.shown(doctor, s.cast.opens)
	for _, a := range []*actor{doctor, creator} {
		a.Kill()
	}
	return f.found
}

// shown has a process open what somebody else has made for all. The line tells of that if it is all that the process
// may do; else it tells of making objects too, which takes more.
func (f *findings) shown(a *actor, all bool) {
	f.t.Helper()
	line, got := f.lines[globals], a.do(request{Op: "look", Name: shown})
	if directory := f.lines[gdir]; got.Error == "" && directory.Status == inspect.Missing && all {
		f.add("doctor says %s %s (%s), and what others made in it was opened", directory.Status, directory.Topic,
			directory.Detail)
	}
	switch works := got.Error == ""; {
	case !works && line.Status != inspect.Missing, works && line.Status == inspect.Missing && all:
		f.add("doctor says %s %s (%s), and who opens what others made meets %q", line.Status, line.Topic, line.Detail,
			got.Error)
	case !works && all:
		f.reasons(line, got.Error)
	}
}

// quickCalls are the rows that a quick run has: one for each way in which a line comes about.
var quickCalls = []string{
	"fcntl F_OFD_GETLK: EPERM", "shmat: EPERM", "shmctl IPC_STAT: EPERM", "linkat: EPERM", "mkdirat: EPERM",
	"setxattr: EPERM",
}

// TestDoctorAgreesLater: in every row for a call, where both directories are there.
func TestDoctorAgreesLater(t *testing.T) {
	actors.NeedRoot(t, "Global names and other users")
	for _, c := range depth.Of(everybody[:3], everybody) {
		for _, environment := range depth.Of([][]string{nil}, [][]string{nil, onFiles}) {
			title := c.title
			if environment != nil {
				title += ", on files"
			}
			t.Run(title, func(t *testing.T) {
				t.Parallel()
				s := newStanding(t, c, environment, false)
				for _, r := range calls() {
					if !slices.Equal(r.environment, environment) || !depth.Full() && !slices.Contains(quickCalls, r.name) {
						continue
					}
					s.founder.mustDo(t, request{Op: "show", Name: shown}, true)
					for _, complaint := range s.judge(r) {
						t.Errorf("%s: %s", r.name, complaint)
					}
					s.founder.mustDo(t, request{Op: "close", Name: shown}, true)
					s.NothingLeft(t, environment != nil, func() {
						s.founder.mustDo(t, request{Op: "bury", Space: namedshm.Global}, true)
						s.resident.mustDo(t, request{Op: "bury", Space: namedshm.Local}, true)
					})
				}
			})
		}
	}
}

// What the scripts call the directories.
const (
	localDir  = "$NAMEDSHM_ROOT/namedshm-u*"
	globalDir = "$NAMEDSHM_ROOT/namedshm-*global*"
)

// What is said where the directory above is read-only, and where a namespace's own is.
const (
	aboveReadOnly  = "is mounted read-only; NAMEDSHM_ROOT can name another directory"
	itselfReadOnly = "is mounted read-only: unmount"
)

// ruined are the rows for places in which the directories are.
var ruined = []row{
	{name: "0755", script: "chmod 755 $NAMEDSHM_ROOT"},
	{name: "0777 and not sticky", script: "chmod 777 $NAMEDSHM_ROOT", complains: nowhere,
		says: []string{"others can rename what is in it"}},
	{name: "another user's", script: "chown 64106 $NAMEDSHM_ROOT", complains: nowhere,
		says: []string{"others can rename what is in it"}},
	{name: "read-only", script: readOnly("$NAMEDSHM_ROOT"), complains: append([]string{shm}, nowhere...),
		says: []string{aboveReadOnly}},
	{name: "full", script: "mount -o remount,size=$(stat -f -c '(%b-%f)*%S' $NAMEDSHM_ROOT | xargs -I _ sh -c 'echo " +
		"$((_))') $NAMEDSHM_ROOT",
		complains: []string{shm, locals, globals}, says: []string{"free some space or inodes"}},
	{name: "out of inodes", script: inodes(0), complains: []string{shm, locals, globals},
		says: []string{"free some space or inodes"}},
	{name: "few inodes left", script: inodes(8), complains: []string{shm}},
	{name: "noexec", script: "mount -o remount,noexec,nosuid,nodev $NAMEDSHM_ROOT"},
	{name: "a Local directory with another mode", script: "chmod 755 " + localDir, complains: []string{ldir, locals},
		says: []string{"mode is 0755"}},
	{name: "a Local directory of another's", script: "chown 64106 " + localDir, complains: []string{ldir, locals},
		says: []string{"belongs to user 64106"}},
	{name: "a file in the Local directory's place", script: "d=$(echo " + localDir + ") && rm -r $d && : > $d",
		complains: []string{ldir, locals}, says: []string{"not a directory"}},
	{name: "a Local directory that is read-only", script: readOnly(localDir), complains: []string{ldir, locals},
		says: []string{itselfReadOnly}, advises: "/namedshm-u"},
	{name: "a Global directory of another's", script: "chown 64106 " + globalDir, complains: []string{gdir, globals},
		says: []string{"belongs to user 64106"}},
	{name: "a Global directory that everybody may write", script: "chmod o+w " + globalDir,
		complains: []string{gdir, globals}, says: []string{"everybody may write it"}},
	{name: "a Global directory that is not setgid", script: "chmod g+w,g-s " + globalDir,
		complains: []string{gdir, globals}, says: []string{"not setgid"}},
	{name: "a Global directory that is read-only", script: readOnly(globalDir), complains: []string{gdir, globals},
		says: []string{itselfReadOnly}, advises: "/namedshm-global-"},
	{name: "a Global directory that is read-only, on files", environment: onFiles, script: readOnly(globalDir),
		complains: []string{gdir, globals},
		says:      []string{itselfReadOnly}, advises: "/namedshm-file-global"},
	{name: "a lock file of another's", script: "chown 64106 " + globalDir + "/.creating",
		complains: []string{gdir, globals}, says: []string{"it must belong to root"}},
	{name: "a link in a lock file's place", script: "ln -sf /etc/passwd $(echo " + globalDir + ")/.creating",
		complains: []string{gdir, globals}},
	{name: "hidepid=1", script: remount("hidepid=1"), complains: []string{proc}},
	{name: "hidepid=2", script: remount("hidepid=2"), complains: []string{proc}},
	{name: "subset=pid", script: remount("subset=pid"), complains: []string{proc, shmmni}},
	{name: "no /proc", script: "mount -t tmpfs tmpfs /proc", complains: append([]string{proc}, nowhere...),
		says: []string{"Linux needs /proc mounted"}},
	{name: "Landlock without new files", landlock: unix.LANDLOCK_ACCESS_FS_MAKE_REG, complains: []string{locals, globals},
		forRoot: []string{doors}},
	{name: "Landlock without new files, on files", environment: onFiles, landlock: unix.LANDLOCK_ACCESS_FS_MAKE_REG,
		complains: []string{locals, globals}},
	{name: "Landlock without writing, on files", environment: onFiles, landlock: unix.LANDLOCK_ACCESS_FS_WRITE_FILE,
		complains: []string{locals, globals}},
	{name: "Landlock without new directories", landlock: unix.LANDLOCK_ACCESS_FS_MAKE_DIR, forRoot: []string{doors}},
	{name: "Landlock without writing", landlock: unix.LANDLOCK_ACCESS_FS_WRITE_FILE,
		complains: []string{locals, gdir, globals}, forRoot: []string{doors}},
}

// readOnly mounts a directory upon itself, to be read only.
func readOnly(dir string) string {
	return "d=$(echo " + dir + ") && mount --bind $d $d && mount -o remount,bind,ro $d"
}

// inodes leaves so many.
func inodes(left int) string {
	return fmt.Sprintf("set -- $(stat -f -c '%%c %%d' $NAMEDSHM_ROOT) && mount -o remount,nr_inodes=$(($1-$2+%d)) "+
		"$NAMEDSHM_ROOT", left)
}

// TestDoctorAgreesInRuins: in every row for a place that is broken when both directories are there.
func TestDoctorAgreesInRuins(t *testing.T) {
	actors.NeedRoot(t, "mounts and other users")
	for _, c := range depth.Of([]cast{asMember, asStranger}, everybody) {
		for i := range ruined {
			r := &ruined[i]
			// where opening works, and making has two reasons not to
			if c.opens && !depth.Full() && !strings.Contains(r.name, "read-only") {
				continue
			}
			t.Run(c.title+"/"+r.name, func(t *testing.T) {
				t.Parallel()
				s := newStanding(t, c, r.environment, true)
				s.founder.mustDo(t, request{Op: "show", Name: shown}, true)
				s.founder.mustDo(t, request{Op: "run", Script: r.script}, r.script != "")
				for _, complaint := range s.judge(r) {
					t.Error(complaint)
				}
			})
		}
	}
}

// rowNamed is one of them.
func rowNamed(t *testing.T, all []*row, name string) *row {
	t.Helper()
	at := slices.IndexFunc(all, func(r *row) bool { return r.name == name })
	if at < 0 {
		t.Fatalf("no row is called %q", name)
	}
	return all[at]
}

// testWrongDoctorLater: a doctor that tries nothing is found out by these rows too.
func testWrongDoctorLater(t *testing.T, program, mistake string) {
	for _, wrong := range []struct {
		cast cast
		row  string
	}{{asRoot, "linkat: EPERM"}, {asMember, "fcntl F_OFD_SETLK: ENOSYS"}, {asStranger, "shmat: EPERM"},
		{asUser, "fcntl F_OFD_GETLK: EPERM"}} {
		s := newStanding(t, wrong.cast, nil, false)
		s.Program = program
		s.founder.mustDo(t, request{Op: "show", Name: shown}, true)
		found := strings.Join(s.judge(rowNamed(t, calls(), wrong.row), mistake), "\n")
		if !strings.Contains(found, "doctor says") {
			t.Errorf("%s, %s: a doctor that tries nothing is believed: %s", wrong.cast.title, wrong.row, found)
		}
	}
}
