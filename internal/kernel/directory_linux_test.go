package kernel

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/namedshm/namedshm/internal/fault"
	"golang.org/x/sys/unix"
)

// TestDirectoryRightAtTheSecondLook: a directory that is right a moment after it was found wrong is refused to nobody.
// Each round makes it wrong, as mkdir does under a umask that takes bits away, and mends it during another goroutine's
// look.
func TestDirectoryRightAtTheSecondLook(t *testing.T) {
	t.Setenv(RootVariable, t.TempDir())
	for range 1000 {
		p, err := placeOf(Local)
		must(t, err)
		must(t, os.Mkdir(p.dir, 0))
		looking, mended := make(chan bool), make(chan error, 1)
		go func() {
			<-looking
			mended <- os.Chmod(p.dir, 0o700)
		}()
		looking <- true
		use := p.begin()
		if err := p.ensure(); err != nil {
			t.Error(err)
		}
		use.end()
		must(t, <-mended)
		must(t, os.Remove(p.dir))
	}
}

// TestRefusalForAMoment: a refusal says whether it may be over in a moment, however the directory looks when it is
// asked.
func TestRefusalForAMoment(t *testing.T) {
	t.Setenv(RootVariable, t.TempDir())
	p, err := placeOf(Local)
	must(t, err)
	for mode, moment := range map[os.FileMode]bool{0: true, 0o500: true, 0o755: false, 0o777: false} {
		must(t, os.Mkdir(p.dir, 0))
		must(t, os.Chmod(p.dir, mode))
		err := p.check()
		must(t, os.Remove(p.dir))
		if fault.CodeOf(err) != fault.AccessDenied || isBeingMade(err) != moment {
			t.Errorf("mode %04o: %v, over in a moment: %v", mode, err, isBeingMade(err))
		}
	}
}

// removing is a backing under which the directory vanishes each time new memory was made, as often as it says.
type removing struct {
	backing
	times int
	after bool // after the memory was made, not before
}

func (r *removing) create(p *place, spec *Spec, access Access, h *header) (memory, error) {
	if !r.after {
		r.remove(p)
	}
	m, err := r.backing.create(p, spec, access, h)
	if r.after {
		r.remove(p)
	}
	return m, err
}

func (r *removing) remove(p *place) {
	if r.times > 0 {
		r.times--
		os.RemoveAll(p.dir)
	}
}

// TestTheDirectoryVanishes: a creator never gets "not found" for the name, at whatever point the directory is removed.
// It is made again; and if that does not help, the error says what is wrong.
func TestTheDirectoryVanishes(t *testing.T) {
	for _, n := range []Namespace{Local, Global} {
		for _, c := range []struct {
			name  string
			when  string
			times int
			want  fault.Code
		}{
			{"before the memory is made", "before", 1, 0},
			{"before the entry is made", "after", 1, 0},
			{"before the entry gets its name", "prepare", 1, 0},
			{"three times", "prepare", 3, 0},
			{"again and again", "prepare", 1 << 30, fault.Busy},
		} {
			t.Run(strings.Trim(n.String(), `\`)+" "+c.name, func(t *testing.T) {
				if n == Global {
					globalRoot(t)
				} else {
					ownRoot(t)
				}
				p, err := placeOf(n)
				if err != nil {
					t.Fatal(err)
				}
				m := &making{Spec: Spec{Size: 4096, Protection: PageReadWrite}, access: Read | Write, kind: KindSection}
				r := &removing{backing: p.backing, times: c.times, after: c.when == "after"}
				if c.when == "prepare" {
					m.prepare = func(*handle) error { r.remove(p); return nil }
				} else {
					p.backing = r
				}
				h, existed, err := createObject(context.Background(), Name{n, "Object"}, m, MustBeNew)
				if fault.CodeOf(err) != c.want || existed {
					t.Fatalf("existed: %v, %v; want %v", existed, err, c.want)
				}
				if err != nil {
					if !strings.Contains(err.Error(), p.dir) {
						t.Errorf("the error does not name the directory: %v", err)
					}
					return
				}
				defer h.close()
				opened, err := OpenSection(context.Background(), n.String()+"Object", Read)
				if err != nil {
					t.Fatalf("nobody can open what was made: %v", err)
				}
				opened.Close()
			})
		}
	}
}

// TestReplacedDirectoryStaysOpen: the descriptor of a directory that was removed and made again is closed, but not
// while an operation runs that may have begun with it. If its number is something else's by then, that is left alone.
func TestReplacedDirectoryStaysOpen(t *testing.T) {
	for _, taken := range []bool{false, true} {
		ownRoot(t)
		p, err := placeOf(Local)
		must(t, err)
		must(t, p.ensure())
		before := p.opened.Load()
		p.pin()
		running := p.begin()
		must(t, os.Remove(p.dir))
		must(t, p.ensure())
		running.end()
		if !leadsTo(before.fd, before.device, before.inode) {
			t.Fatal("it was closed under a running operation")
		}
		if taken {
			other, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
			must(t, err)
			must(t, unix.Dup3(other, before.fd, unix.O_CLOEXEC))
			unix.Close(other)
		}
		p.unpin()
		var st unix.Stat_t
		if err := unix.Fstat(before.fd, &st); (err == nil) != taken {
			t.Errorf("taken by something else: %v; afterwards fstat says %v", taken, err)
		}
		if taken {
			unix.Close(before.fd)
		}
		if d := p.opened.Load(); !leadsTo(d.fd, d.device, d.inode) {
			t.Error("the new one is not open")
		}
	}
}

// TestRemoveEmptyKnowsItsOwn: a directory is removed with its last entry only if it is the one that was checked, and
// only where it is not wanted.
func TestRemoveEmptyKnowsItsOwn(t *testing.T) {
	ownRoot(t)
	p, err := placeOf(Local)
	must(t, err)
	stands := func(want bool, when string) {
		t.Helper()
		if _, err := os.Lstat(p.dir); (err == nil) != want {
			t.Errorf("%s: %v", when, err)
		}
	}
	must(t, p.ensure())
	p.removeEmpty()
	stands(true, "where no strangers come")
	p.outer = true
	defer func() { p.outer = false }()
	aside := p.dir + "-aside"
	must(t, os.Rename(p.dir, aside))
	must(t, os.Mkdir(p.dir, 0o700))
	p.removeEmpty()
	stands(true, "another one")
	must(t, os.Remove(p.dir))
	must(t, os.Symlink(aside, p.dir))
	p.removeEmpty()
	stands(true, "a link")
	must(t, os.Remove(p.dir))
	must(t, os.Rename(aside, p.dir))
	must(t, os.WriteFile(p.dir+"/file", nil, 0o600))
	p.removeEmpty()
	stands(true, "one with something in it")
	must(t, os.Remove(p.dir+"/file"))
	p.removeEmpty()
	stands(false, "its own")
}

// TestUnnamedLeavesNoDirectory: the file backing makes unnamed memory in the directory too.
func TestUnnamedLeavesNoDirectory(t *testing.T) {
	ownRoot(t)
	t.Setenv(BackingVariable, "file")
	p, err := placeOf(Local)
	must(t, err)
	p.outer = true
	defer func() { p.outer = false }()
	h, _, err := createSection(context.Background(), Name{}, Spec{Size: 1, Protection: PageReadWrite}, Read|Write,
		MustBeNew)
	must(t, err)
	defer h.close()
	if _, err := os.Lstat(p.dir); err == nil {
		t.Error("it is there")
	}
}

// TestDoctorLooksAtTheJudged: what doctor reports about the Global directory is about the one that was judged, whatever
// has its path meanwhile.
func TestDoctorLooksAtTheJudged(t *testing.T) {
	globalRoot(t)
	p, err := placeOf(Global)
	must(t, err)
	must(t, p.ensure())
	must(t, os.Rename(p.dir, p.dir+"-aside"))
	if c := p.checkDirectory(Check{}, false); c.Status != OK {
		t.Errorf("%+v", c)
	}
}

// TestModeOfAStrangersDirectory: if a stranger's directory has replaced the one that was just made, its mode is not
// changed; that of our own is, whatever the umask has left of it.
func TestModeOfAStrangersDirectory(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("it takes root")
	}
	parent, err := unix.Open(t.TempDir(), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(parent)
	for _, mode := range []uint32{0, 0o500, 0o700, 0o777} {
		for _, uid := range []int{0, 64102, 65534} {
			must(t, unix.Mkdirat(parent, "made", 0o700))
			must(t, unix.Fchownat(parent, "made", uid, uid, 0))
			must(t, unix.Fchmodat(parent, "made", mode, 0))
			must(t, giveMode(parent, "made", 0o755))
			var st unix.Stat_t
			must(t, unix.Fstatat(parent, "made", &st, 0))
			want := mode
			if uid == 0 {
				want = 0o755
			}
			if got := st.Mode & 0o7777; got != want {
				t.Errorf("mode %04o of user %d became %04o", mode, uid, got)
			}
			must(t, unix.Unlinkat(parent, "made", unix.AT_REMOVEDIR))
		}
	}
}

// TestTheDirectoryIsNotItself: nothing is made in a directory that was removed or replaced, though its descriptor is as
// good as ever.
func TestTheDirectoryIsNotItself(t *testing.T) {
	ownRoot(t)
	p, err := placeOf(Local)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.ensure(); err != nil {
		t.Fatal(err)
	}
	first := *p.opened.Load()
	if err := os.Remove(p.dir); err != nil {
		t.Fatal(err)
	}
	if err := p.check(); fault.CodeOf(err) != fault.FileNotFound {
		t.Errorf("the directory was removed: %v", err)
	}
	if err := os.Mkdir(p.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := p.check(); err != nil {
		t.Errorf("another one was made: %v", err)
	}
	if now := p.opened.Load(); now.fd == first.fd {
		t.Error("the one that was removed is used on")
	}
}
