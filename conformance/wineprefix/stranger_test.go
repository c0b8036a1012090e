//go:build linux

package wineprefix

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/internal/depth"
	"github.com/namedshm/namedshm/wine"
	"golang.org/x/sys/unix"
)

// stranger is a user that no machine has.
const stranger = 64101

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("it takes root")
	}
	t.Skip("it takes root")
}

// A verb is one way in which a prefix is entered. It is over when the prefix was looked at: the command has ended, or
// says what it waits for.
type verb []string

// verbs is every verb of the command, for a prefix. Follow and Offer, of package wine, are what "attach --follow" and
// "publish" do.
func verbs(d *decoy) []verb {
	name, file := `Local\`+filepath.Base(d.base), filepath.Base(d.base)
	return append(ways(0, d),
		verb{"wine", "attach", name, "--write", "--prefix", d.prefix()},
		verb{"wine", "link", name, "--prefix", d.prefix()},
		verb{"wine", "link", name, file, "--posix", "--size", "4KiB", "--prefix", d.prefix()},
	)
}

// ways is the verbs that enter a prefix in different ways; the others do what one of these does.
func ways(_ int, d *decoy) []verb {
	name := `Local\` + filepath.Base(d.base)
	return []verb{
		{"wine", "ls", "--prefix", d.prefix()},
		{"wine", "attach", name, "--prefix", d.prefix()},
		{"wine", "attach", name, "--follow", "--prefix", d.prefix()},
		{"wine", "publish", name, name + "-native", "--size", "4KiB", "--prefix", d.prefix()},
	}
}

// inTurn is "ls" and one more of the ways, another for each decoy; in full depth it is all of them for each.
func inTurn(i int, d *decoy) []verb {
	all := ways(i, d)
	return depth.Of([]verb{all[0], all[1+i%(len(all)-1)]}, all)
}

// drive runs a verb, and gives what it says.
func (w *world) drive(ctx context.Context, v verb) (said string, err error) {
	cmd := exec.CommandContext(ctx, w.shm, v...)
	input, err := cmd.StdinPipe()
	if err != nil {
		return "", err
	}
	defer input.Close()
	if v[1] == "attach" {
		input.Close()
	}
	output, theirs, err := os.Pipe()
	if err != nil {
		return "", err
	}
	defer output.Close()
	cmd.Stdout, cmd.Stderr = theirs, theirs
	err = cmd.Start()
	theirs.Close()
	if err != nil {
		return "", err
	}
	defer func() {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
	}()
	var b bytes.Buffer
	for piece := make([]byte, 4096); !strings.Contains(b.String(), "; waiting for "); {
		n, err := output.Read(piece)
		b.Write(piece[:n])
		if err != nil {
			break
		}
	}
	return b.String(), nil
}

// directly makes every call of package wine that takes a prefix, with one that is described by hand: what was found
// once need not be so any more.
func directly(t *testing.T, d *decoy) {
	t.Helper()
	p := &wine.Prefix{Path: d.prefix(), Flavor: wine.Wine, Server: d.cmd.Process.Pid, Loader: d.named()}
	s, err := namedshm.Create("", 4096, namedshm.ReadWrite)
	must(t, err)
	defer s.Close()
	_, listErr := p.Sections(bounded(t))
	_, openErr := p.Open(bounded(t), "Foo", namedshm.Read)
	_, publishErr := p.Publish(bounded(t), s, "Foo")
	for _, err := range []error{listErr, openErr, publishErr} {
		if err == nil {
			t.Error("a decoy was entered")
		}
	}
}

// TestDecoyWorks: a decoy that nothing is amiss with is entered by every verb, which runs its program as root. So the
// decoys below would be, if what is amiss with them were not seen. The program is given nothing of the decoy's
// environment that could lead it, and Wine's own.
func TestDecoyWorks(t *testing.T) {
	needRoot(t)
	w := need(t)
	d := newDecoy(t, 0)
	good, bad := filepath.Join(d.base, "good"), filepath.Join(d.base, "bad")
	must(t, os.Mkdir(good, 0o755), os.Mkdir(bad, 0o755), os.Chown(bad, stranger, stranger))
	d.environ = append(d.environ, "WINEESYNC=1", "STEAM_COMPAT_DATA_PATH=x", "LD_PRELOAD=libc.so.6",
		"LD_DEBUG_OUTPUT="+bad, "GCONV_PATH="+bad,
		"BASH_ENV="+bad, "LD_LIBRARY_PATH="+bad+":"+good, "WINEDLLPATH="+good+":"+bad+":relative", "WINESERVER="+bad)
	d.start(t)
	ctx := bounded(t)
	for _, v := range verbs(d) {
		os.Remove(d.proof())
		said, err := w.drive(ctx, v)
		must(t, err)
		by := d.wasRun(t)
		if !strings.HasPrefix(by, "0\n") {
			t.Errorf("%q: the program was not run: %q\n%s", v, by, said)
		}
		if strings.Contains(by, bad) || strings.Contains(by, "LD_PRELOAD") {
			t.Errorf("%q: the program is told of %s:\n%s", v, bad, by)
		}
		for _, want := range []string{"WINEESYNC=1\n", "STEAM_COMPAT_DATA_PATH=x\n", "LD_LIBRARY_PATH=" + good + "\n",
			"WINEDLLPATH=" + good + "\n", "WINELOADER=" + d.loader() + "\n"} {
			if !strings.Contains(by, want) {
				t.Errorf("%q: the program is not told %q:\n%s", v, want, by)
			}
		}
	}
	os.Remove(d.proof())
	directly(t, d)
	if by := d.wasRun(t); strings.Count(by, "WINESERVERSOCKET=3\n") != 3 {
		t.Errorf("called directly: %q", by)
	}
}

// dishonest is one thing that is amiss with a decoy.
type dishonest struct {
	what   string
	before func(t *testing.T, d *decoy) // before it starts
	after  func(t *testing.T, d *decoy) // when it runs
}

// byIDs is a decoy with these user ids.
func byIDs(ids [3]int, forFiles int) func(*testing.T, *decoy) {
	return func(_ *testing.T, d *decoy) { d.IDs, d.FS = ids, forFiles }
}

// owned gives something of a decoy's to the stranger.
func owned(of func(d *decoy) string) func(*testing.T, *decoy) {
	return func(t *testing.T, d *decoy) { must(t, os.Lchown(of(d), stranger, stranger)) }
}

// open lets others write something of a decoy's, or enter it.
func open(mode os.FileMode, of func(d *decoy) string) func(*testing.T, *decoy) {
	return func(t *testing.T, d *decoy) { must(t, os.Chmod(of(d), mode)) }
}

// elsewhere names another wine program, which a function makes from the decoy's.
func elsewhere(make func(t *testing.T, d *decoy) string) func(*testing.T, *decoy) {
	return func(t *testing.T, d *decoy) { d.environ[1] = "WINELOADER=" + make(t, d) }
}

// beyond puts the wine program below more directories, of which one is the stranger's or anybody's.
func beyond(spoil func(path string) error) func(*testing.T, *decoy) {
	return elsewhere(func(t *testing.T, d *decoy) string {
		far := filepath.Join(d.base, "a", "b", "c")
		must(t, os.MkdirAll(far, 0o755), os.Rename(d.loader(), filepath.Join(far, "wine")), spoil(filepath.Join(d.base, "a")))
		return filepath.Join(far, "wine")
	})
}

func server(d *decoy) string   { return d.Server }
func lock(d *decoy) string     { return d.in("lock") }
func loader(d *decoy) string   { return d.loader() }
func bin(d *decoy) string      { return filepath.Dir(d.loader()) }
func wine64(d *decoy) string   { return d.loader() + "64" }
func link(d *decoy) string     { return filepath.Join(d.base, "link") }
func socketOf(d *decoy) string { return d.in("socket") }

// linkTo makes a link to something of a decoy's, and goes over it.
func linkTo(target func(d *decoy) string, rest string, spoil func(*testing.T, *decoy)) func(*testing.T, *decoy) {
	return elsewhere(func(t *testing.T, d *decoy) string {
		must(t, os.Symlink(target(d), link(d)))
		spoil(t, d)
		return link(d) + rest
	})
}

// dishonesties is what can be amiss with a decoy, so that it is no prefix of root's: for each step that trusts
// something, somebody else's hand in it.
var dishonesties = []dishonest{
	// The process.
	{"its real user is the stranger", byIDs([3]int{stranger, 0, 0}, 0), nil},
	{"its real and its saved user are the stranger", byIDs([3]int{stranger, 0, stranger}, 0), nil},
	{"its saved user is the stranger", byIDs([3]int{0, 0, stranger}, 0), nil},
	{"its effective user is the stranger", byIDs([3]int{0, stranger, 0}, stranger), nil},
	{"its user for files is the stranger", byIDs([3]int{0, 0, 0}, stranger), nil},
	{"only its effective user is root", byIDs([3]int{stranger, 0, stranger}, stranger), nil},

	// The prefix, and the wineserver's directory.
	{"the prefix is the stranger's", nil, owned((*decoy).prefix)},
	{"the prefix is the stranger's, over a link of root's", func(t *testing.T, d *decoy) {
		must(t, os.Symlink(d.prefix(), link(d)))
		d.environ[0] = "WINEPREFIX=" + link(d)
	}, owned((*decoy).prefix)},
	{"the server's directory is the stranger's", nil, owned(server)},
	{"others enter the server's directory", nil, open(0o755, server)},
	{"a group writes the server's directory", nil, open(0o770, server)},
	{"the server's directory is named for another prefix", nil, func(t *testing.T, d *decoy) {
		must(t, os.Rename(d.prefix(), d.prefix()+"-old"), os.Mkdir(d.prefix(), 0o755))
	}},

	// The lock.
	{"the lock is the stranger's", nil, owned(lock)},
	{"the lock is a link", nil, func(t *testing.T, d *decoy) {
		must(t, os.Rename(lock(d), lock(d)+"-real"), os.Symlink("lock-real", lock(d)))
	}},
	{"the lock is a directory", nil, func(t *testing.T, d *decoy) {
		must(t, os.Remove(lock(d)), os.Mkdir(lock(d), 0o700))
	}},
	{"the lock is a pipe", nil, func(t *testing.T, d *decoy) { must(t, os.Remove(lock(d)), unix.Mkfifo(lock(d), 0o600)) }},
	{"it has no lock", func(_ *testing.T, d *decoy) { d.Lock = "none" }, nil},
	{"its lock belongs to an open file, which anybody may have", func(_ *testing.T, d *decoy) { d.Lock = "ofd" }, nil},
	{"another process has the lock", func(_ *testing.T, d *decoy) { d.Lock = "none" }, func(t *testing.T, d *decoy) {
		other := newDecoy(t, 0)
		other.Server = d.Server
		must(t, os.Remove(socketOf(d)))
		other.start(t)
	}},

	{"the stranger listens", func(t *testing.T, d *decoy) {
		d.Listener = stranger
		must(t, os.Chmod(d.Server, 0o777))
	}, func(t *testing.T, d *decoy) { must(t, os.Chmod(d.Server, 0o700), os.Chown(socketOf(d), 0, 0)) }},
}

// refusals is what is amiss with a prefix of root's that is not entered: its socket, or its wine program.
var refusals = []dishonest{
	{"the socket is the stranger's", nil, owned(socketOf)},
	{"the socket is a link", nil, func(t *testing.T, d *decoy) {
		must(t, os.Rename(socketOf(d), socketOf(d)+"-real"), os.Symlink("socket-real", socketOf(d)))
	}},

	{"the program is the stranger's", owned(loader), nil},
	{"everybody writes the program", open(0o777, loader), nil},
	{"a group writes the program", open(0o775, loader), nil},
	{"the program's directory is the stranger's", owned(bin), nil},
	{"everybody writes the program's directory", open(0o777, bin), nil},
	{"a group writes the program's directory", open(0o775, bin), nil},
	{"a directory above is the stranger's", beyond(func(path string) error {
		return os.Chown(path, stranger, stranger)
	}), nil},
	{"everybody writes a directory above", beyond(func(path string) error { return os.Chmod(path, 0o777) }), nil},
	{"the program is the stranger's, in a sticky directory", func(t *testing.T, d *decoy) {
		must(t, os.Chmod(bin(d), 0o1777|os.ModeSticky), os.Chown(loader(d), stranger, stranger))
	}, nil},
	{"the program is a link of the stranger's to a good one", linkTo(loader, "", owned(link)), nil},
	{"the program is a link of root's to the stranger's", linkTo(loader, "", owned(loader)), nil},
	{"the program lies beyond a link of the stranger's", linkTo(bin, "/wine", owned(link)), nil},
	{"the program lies beyond a link of root's to a directory of the stranger's", linkTo(bin, "/wine", owned(bin)), nil},
	{"the way leads through a directory of the stranger's and out of it", elsewhere(func(t *testing.T, d *decoy) string {
		must(t, os.Mkdir(link(d), 0o755), os.Chown(link(d), stranger, stranger))
		return link(d) + "/../bin/wine"
	}), nil},
	{"the 64-bit program beside it is the stranger's", func(t *testing.T, d *decoy) {
		b, err := os.ReadFile(loader(d))
		must(t, err, os.WriteFile(wine64(d), b, 0o755), os.Chown(wine64(d), stranger, stranger))
	}, nil},
}

// TestStrangersHand: of a decoy that somebody else has a hand in nothing is run, whatever it is.
func TestStrangersHand(t *testing.T) {
	needRoot(t)
	w := need(t)
	all := slices.Concat(dishonesties, refusals)
	decoys := make([]*decoy, len(all))
	for i, how := range all {
		d := newDecoy(t, 0)
		if how.before != nil {
			how.before(t, d)
		}
		d.start(t)
		if how.after != nil {
			how.after(t, d)
		}
		decoys[i] = d
	}
	w.wantNothingRun(t, decoys, inTurn, func(i int) string { return all[i].what })
	out, _, _ := w.run(t, "", "doctor", "--json")
	for i, d := range decoys {
		told := slices.ContainsFunc(strings.Split(out, "\n"), func(line string) bool {
			return strings.Contains(line, d.prefix()) && strings.Contains(line, `"warning"`)
		})
		if refused := i >= len(dishonesties); told != refused {
			t.Errorf("%s: doctor warns of it: %v\n%s", all[i].what, told, out)
		}
	}
}

// wantNothingRun drives verbs against decoys: several at once, for most wait.
func (w *world) wantNothingRun(t *testing.T, decoys []*decoy, by func(int, *decoy) []verb, what func(int) string) {
	t.Helper()
	ctx := bounded(t)
	var running sync.WaitGroup
	places := make(chan struct{}, 16)
	said := make([]string, len(decoys))
	var mu sync.Mutex
	for i, d := range decoys {
		for _, v := range by(i, d) {
			places <- struct{}{}
			running.Go(func() {
				words, err := w.drive(ctx, v)
				if err != nil || words == "" {
					t.Errorf("%s: %q says %q: %v", what(i), v, words, err)
				}
				if strings.Contains(words, "winepath") {
					t.Errorf("%s: %q tells a person to run the program:\n%s", what(i), v, words)
				}
				mu.Lock()
				said[i] += fmt.Sprintf("%q: %s\n", v, words)
				mu.Unlock()
				<-places
			})
		}
	}
	running.Wait()
	for i, d := range decoys {
		directly(t, d)
		if run := d.wasRun(t); run != "" {
			user, _, _ := strings.Cut(run, "\n")
			t.Errorf("%s: its program was run by user %s\n%s", what(i), user, said[i])
		}
	}
}

// disguises are programs that a process of the stranger's becomes, and what makes them more than others.
var disguises = []struct {
	what string
	make func(path string) error // of a copy of cat, which is root's
}{
	{"a set-user-id program of root's", func(path string) error { return os.Chmod(path, 0o755|os.ModeSetuid) }},
	{"a set-group-id program of root's", func(path string) error { return os.Chmod(path, 0o755|os.ModeSetgid) }},
	{"a program that may not be read", func(path string) error { return os.Chmod(path, 0o711) }},
	{"a program with a capability", func(path string) error {
		const revision, bindService = 0x02000001, 1 << 10 // effective
		b := make([]byte, 20)
		b[0], b[3], b[5] = revision&0xFF, revision>>24, bindService>>8
		return unix.Setxattr(path, "security.capability", b, 0)
	}},
}

// TestDisguise: a process that a stranger started, in a prefix of the stranger's, has more of root than it should. It
// is no prefix of root's, whichever verb looks at it.
func TestDisguise(t *testing.T) {
	needRoot(t)
	w := need(t)
	cat, err := exec.LookPath("cat")
	must(t, err)
	program, err := os.ReadFile(cat)
	must(t, err)
	var decoys []*decoy
	for _, how := range disguises {
		d := newDecoy(t, stranger)
		copied := filepath.Join(d.base, "cat")
		d.Exec = filepath.Join(d.base, "wineserver")
		must(t, os.WriteFile(copied, program, 0o755), os.Symlink(copied, d.Exec), how.make(copied))
		decoys = append(decoys, d)
	}
	// As sudo does, before it has asked for a password.
	risen := newDecoy(t, stranger)
	risen.IDs, risen.FS = [3]int{}, 0
	decoys = append(decoys, risen)
	what := func(i int) string {
		if i < len(disguises) {
			return disguises[i].what
		}
		return "a program that has taken all of root's user ids"
	}
	for _, d := range decoys {
		d.start(t)
	}
	var st unix.Stat_t
	if err := unix.Stat(fmt.Sprintf("/proc/%d", decoys[0].cmd.Process.Pid), &st); err != nil || st.Uid != 0 {
		t.Fatalf("%s runs as %d, %v: is %s mounted without set-user-id programs?", what(0), st.Uid, err, os.TempDir())
	}
	w.wantNothingRun(t, decoys, func(_ int, d *decoy) []verb { return verbs(d) }, what)
	// And where no prefix is named, all that run are looked at.
	out, errs, _ := w.run(t, "", "wine", "ls")
	for i, d := range decoys {
		if strings.Contains(out+errs, d.base) || d.wasRun(t) != "" {
			t.Errorf("%s is listed:\n%s%s", what(i), out, errs)
		}
	}
}
