//go:build linux

package wineprefix

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/inspect"
)

// TestLink: a Windows program's section has a native name, under which every native program of this user opens the
// Windows program's own pages. When the Windows program has gone, so has the native name; a restart brings it back.
func TestLink(t *testing.T) {
	w := need(t)
	name := unique(t)
	linked := name + "-linked"
	b := w.start(t, "wine", "link", name, linked, "--prefix", w.first)
	for round := range 2 {
		g := w.play(t, w.first)
		g.ask("create", name, 8192)
		g.ask("text", 0, fmt.Sprintf("round%d", round))
		b.says(name + " is " + linked)
		if out, errs, code := w.run(t, "", "open", linked); code != 0 || out != fmt.Sprintf("round%d\n", round) {
			t.Fatalf("shm open: %q, %q, status %d", out, errs, code)
		}
		s, err := namedshm.Open(linked, namedshm.Read)
		if err != nil {
			t.Fatal(err)
		}
		v := mapAll(t, s, namedshm.Read)
		g.ask("text", 100, "live")
		if got := string(v.Bytes()[100:104]); got != "live" || s.Size() != 8192 {
			t.Errorf("read %q of %d bytes", got, s.Size())
		}
		if _, _, code := w.run(t, "", "write", linked, "--text", "x"); code != 1 {
			t.Errorf("shm write: status %d: it was linked for reading", code)
		}
		if info, err := inspect.Stat(linked); err != nil || info.Handles != 2 || info.Resident <= 0 {
			t.Errorf("stat: %+v, %v", info, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		g.kill()
		b.says("gone from")
		until(t, "the native name is gone", func() bool {
			_, err := inspect.Stat(linked)
			return isCode(err, namedshm.ErrFileNotFound)
		})
		b.forget()
	}
}

// forget forgets what the command has said.
func (b *background) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.said.Reset()
}

// TestLinkWritable: with --write native programs write what the Windows program reads; and killed, link leaves nothing.
func TestLinkWritable(t *testing.T) {
	w := need(t)
	name := unique(t)
	g := w.play(t, w.first)
	g.ask("create", name, 4096)
	b := w.start(t, "wine", "link", name, "--write", "--prefix", w.first)
	b.says(name + " is " + name)
	if _, errs, code := w.run(t, "", "write", name, "--text", "native"); code != 0 {
		t.Fatal(errs)
	}
	if got := g.ask("text", 0); got != "native" {
		t.Errorf("the Windows program reads %q", got)
	}
	b.cmd.Process.Kill()
	b.cmd.Wait()
	until(t, "the native name is gone", func() bool {
		_, err := inspect.Stat(name)
		return isCode(err, namedshm.ErrFileNotFound)
	})
	wantNoHelper(t, w.first)
}

// TestLinkWaits: a native program that holds the old section keeps its bytes and the name; the new section gets the
// name when it has let go.
func TestLinkWaits(t *testing.T) {
	w := need(t)
	name := unique(t)
	b := w.start(t, "wine", "link", name, "--prefix", w.first)
	g := w.play(t, w.first)
	g.ask("create", name, 4096)
	g.ask("text", 0, "old")
	b.says(name + " is " + name)
	s, err := namedshm.Open(name, namedshm.Read)
	if err != nil {
		t.Fatal(err)
	}
	v := mapAll(t, s, namedshm.Read)
	b.forget()
	g.kill()
	g = w.play(t, w.first)
	g.ask("create", name, 4096)
	g.ask("text", 0, "new")
	b.says("native programs still hold the old section")
	if out, _, _ := w.run(t, "", "open", name); out != "old\n" {
		t.Errorf("the name leads to %q", out)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	b.says(name + " is " + name)
	if out, _, _ := w.run(t, "", "open", name); out != "new\n" {
		t.Errorf("the name leads to %q", out)
	}
	if string(v.Bytes()[:3]) != "old" {
		t.Errorf("the old view shows %q", v.Bytes()[:3])
	}
}

// TestLinkTellsItsWait: who has mistyped a name, or forgotten to start the game, is told what is waited for.
func TestLinkTellsItsWait(t *testing.T) {
	w := need(t)
	name := unique(t)
	stopped := w.freshPrefix(t)
	absent := name + ": no Windows program in " + w.first + " has it; waiting for one"
	notThere := name + ": " + stopped + " is not running; waiting for it"
	w.start(t, "wine", "link", name, "--prefix", w.first).says("shm: " + absent + "\n")
	w.start(t, "wine", "link", name, "--prefix", stopped).says("shm: " + notThere + "\n")
	w.start(t, "wine", "link", name, "--prefix", w.first, "--json").says(fmt.Sprintf(`{"note":%q}`, absent))
	w.start(t, "wine", "link", name, "--prefix", stopped, "--json").says(fmt.Sprintf(`{"note":%q}`, notThere))
	file, path := posixNameOf(t)
	b := w.start(t, "wine", "link", name, file, "--posix", "--size", "4KiB", "--prefix", stopped)
	b.says("shm: " + name + ": " + stopped + " is not running; waiting for it\n")
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

// TestLinkShortName: a name that is given without its namespace is shown with it, as every verb shows names.
func TestLinkShortName(t *testing.T) {
	w := need(t)
	name := unique(t)
	w.play(t, w.first).ask("create", name, 4096)
	short := strings.TrimPrefix(name, `Local\`)
	w.start(t, "wine", "link", short, "--prefix", w.first).says(" is " + name + "\n")
	w.start(t, "wine", "link", short, short+"-other", "--prefix", w.first).says(" is " + name + "-other\n")
}

// TestLinkTaken: a native object that was there first is left alone.
func TestLinkTaken(t *testing.T) {
	w := need(t)
	name := unique(t)
	native(t, name, 4096)
	w.play(t, w.first).ask("create", name, 4096)
	if _, errs, code := w.run(t, "", "wine", "link", name, "--prefix", w.first); code != 1 ||
		!strings.Contains(errs, "ERROR_ALREADY_EXISTS") {
		t.Errorf("status %d: %s", code, errs)
	}
	wantNoHelper(t, w.first)
}

// python runs a few lines that use Python's SharedMemory, and gives what they print.
func python(t *testing.T, name, text string) string {
	t.Helper()
	if _, err := exec.LookPath("python3"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	// Its resource tracker would remove what is not its own; that it can be told not to is new in 3.13.
	script := "import sys\nfrom multiprocessing import resource_tracker, shared_memory\n" +
		"resource_tracker.register = lambda *a: None\nm = shared_memory.SharedMemory(sys.argv[1])\n" + text
	out, err := exec.Command("python3", "-c", script, name).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

// posixNameOf is a name for a file in /dev/shm that is removed after the test whatever happens.
func posixNameOf(t *testing.T) (name, path string) {
	name = fmt.Sprintf("namedshm-test-%s-%d", strings.ReplaceAll(t.Name(), "/", "."), os.Getpid())
	path = filepath.Join("/dev/shm", name)
	t.Cleanup(func() { os.Remove(path) })
	return name, path
}

func wantNoFile(t *testing.T, path string) {
	t.Helper()
	until(t, path+" is gone", func() bool {
		_, err := os.Lstat(path)
		return os.IsNotExist(err)
	})
}

// TestPosixFirst: a file in /dev/shm is there before the Windows program, which is given it: Python and the Windows
// program share pages. The file goes with link, by kill -9 too.
func TestPosixFirst(t *testing.T) {
	w := need(t)
	name := unique(t)
	file, path := posixNameOf(t)
	b := w.start(t, "wine", "link", name, file, "--posix", "--size", "64KiB", "--prefix", w.first)
	b.says(name + " is " + path)
	g := w.play(t, w.first)
	if got := g.ask("create", name, 65536); got != "existed" {
		t.Errorf("the Windows program made it %s", got)
	}
	g.ask("text", 65000, "windows")
	if got := python(t, file, "print(bytes(m.buf[65000:65007]).decode())\nm.buf[0:6] = b'python'\n"); got != "windows\n" {
		t.Errorf("Python reads %q", got)
	}
	if got := g.ask("text", 0); got != "python" {
		t.Errorf("the Windows program reads %q", got)
	}
	if _, errs, code := w.run(t, "", "wine", "link", name, file, "--posix", "--size", "64KiB", "--prefix",
		w.first); code != 1 || !strings.Contains(errs, "exists") {
		t.Errorf("a second time: status %d, %s", code, errs)
	}
	b.cmd.Process.Signal(syscall.SIGKILL)
	b.cmd.Wait()
	wantNoFile(t, path)
	wantNoHelper(t, w.first)
}

// TestPosixCopy: of a section that the Windows program made there is a copy, which follows what the Windows program
// writes and goes with it.
func TestPosixCopy(t *testing.T) {
	w := need(t)
	name := unique(t)
	file, path := posixNameOf(t)
	b := w.start(t, "wine", "link", name, file, "--posix", "--prefix", w.first)
	for _, text := range []string{"first", "again"} {
		g := w.play(t, w.first)
		g.ask("create", name, 8192)
		b.says(name + " is " + path)
		g.ask("text", 5000, text)
		until(t, "the copy has it", func() bool {
			return python(t, file, "print(bytes(m.buf[5000:5005]).decode())\n") == text+"\n"
		})
		g.kill()
		wantNoFile(t, path)
		b.forget()
	}
	if err := b.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := b.cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// TestPosixSymlink: a symbolic link leads programs that open files to the very pages; shm_open refuses it.
func TestPosixSymlink(t *testing.T) {
	w := need(t)
	name := unique(t)
	file, path := posixNameOf(t)
	g := w.play(t, w.first)
	g.ask("create", name, 4096)
	b := w.start(t, "wine", "link", name, file, "--posix", "--symlink", "--prefix", w.first)
	b.says(name + " is " + path)
	opened, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	s, _ := attach(t, find(t, w.first), name, namedshm.Read)
	var st syscall.Stat_t
	if err := syscall.Fstat(int(opened.Fd()), &st); err != nil || st.Ino != s.Inode {
		t.Errorf("inode %d, the section's is %d: %v", st.Ino, s.Inode, err)
	}
	g.ask("text", 0, "same")
	got := make([]byte, 4)
	if _, err := opened.ReadAt(got, 0); err != nil || string(got) != "same" {
		t.Errorf("read %q: %v", got, err)
	}
	b.cmd.Process.Signal(syscall.SIGKILL)
	b.cmd.Wait()
	wantNoFile(t, path)
}
