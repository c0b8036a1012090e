//go:build linux

package wineprefix

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/internal/depth"
	"github.com/namedshm/namedshm/wine"
	"golang.org/x/sys/unix"
)

// frame is what the Windows program publishes; testdata/game.cpp draws it.
type frame struct {
	number  atomic.Uint64
	payload [63]atomic.Uint64
}

func frameOf(t *testing.T, v *namedshm.View) *frame {
	t.Helper()
	f, err := namedshm.At[frame](v, 0)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// next reads the next whole frame after one: its number.
func (f *frame) next(after uint64) (number uint64, err error) {
	for {
		before := f.number.Load()
		if before%2 == 1 || before/2 == after {
			runtime.Gosched()
			continue
		}
		want, torn := f.payload[0].Load(), false
		for i := range f.payload {
			torn = torn || f.payload[i].Load() != want
		}
		if f.number.Load() != before {
			continue
		}
		if torn || want != before/2 {
			return 0, fmt.Errorf("frame %d holds %d, torn: %v", before/2, want, torn)
		}
		return want, nil
	}
}

// TestLiveUpdates: a Windows program has a section; a native process lists it, attaches by name, and sees ten thousand
// frames as they are written, through read-only pages.
func TestLiveUpdates(t *testing.T) {
	w := need(t)
	g := w.play(t, w.first)
	name := unique(t)
	g.ask("create", name, 70000)
	g.ask("run")
	p := find(t, w.first)
	found, err := p.Sections(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want := (wine.SectionInfo{Name: name, Size: 73728}); !slices.Contains(found, want) {
		t.Fatalf("listed are %v, want %v", found, want)
	}
	s, v := attach(t, p, name, namedshm.Read)
	if s.Section.Size() != 73728 || s.Name() != name || s.Section.Access() != namedshm.Read {
		t.Errorf("%d bytes, name %q, access %v", s.Section.Size(), s.Name(), s.Section.Access())
	}
	f := frameOf(t, v)
	last := uint64(0)
	for range depth.Of(300, 10_000) {
		number, err := f.next(last)
		if err != nil {
			t.Fatal(err)
		}
		if number < last {
			t.Fatalf("frame %d after %d", number, last)
		}
		last = number
	}
	if written := g.ask("stop"); written < fmt.Sprint(last) && len(written) <= len(fmt.Sprint(last)) {
		t.Errorf("frame %d was seen, %s are written", last, written)
	}
	if _, err := s.Section.Map(0, 0, namedshm.ReadWrite); !isCode(err, namedshm.ErrAccessDenied) {
		t.Errorf("mapped for writing: %v", err)
	}
	wantNoHelper(t, w.first)
}

// TestSamePages: the views of both processes are of one file, by device and inode, and what either stores the other
// has.
func TestSamePages(t *testing.T) {
	w := need(t)
	g := w.play(t, w.first)
	name := unique(t)
	g.ask("create", name, 4096)
	s, v := attach(t, find(t, w.first), name, namedshm.ReadWrite)
	theirs, ours := mappingsOf(t, g.command.Process.Pid), mappingsOf(t, os.Getpid())
	file := fmt.Sprintf("%02x:%02x %d", unix.Major(s.Device), unix.Minor(s.Device), s.Inode)
	if !slices.Contains(theirs, file) || !slices.Contains(ours, file) {
		t.Errorf("the section is %s; it maps %q, we map %q", file, theirs, ours)
	}
	var st unix.Stat_t
	if err := unix.Stat(s.Path(), &st); err != nil || st.Ino != s.Inode {
		t.Errorf("%s is inode %d: %v", s.Path(), st.Ino, err)
	}
	g.ask("text", 0, "there")
	if got := string(v.Bytes()[:5]); got != "there" {
		t.Errorf("read %q", got)
	}
	copy(v.Bytes(), "back!")
	if got := g.ask("text", 0); got != "back!" {
		t.Errorf("the Windows program reads %q", got)
	}
}

// mappingsOf is "device inode" of each shared mapping of a process.
func mappingsOf(t *testing.T, pid int) (found []string) {
	t.Helper()
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(maps)) {
		if fields := strings.Fields(line); strings.HasSuffix(fields[1], "s") {
			found = append(found, fields[3]+" "+fields[4])
		}
	}
	return found
}

// TestReadOnlyIsEnforced: the kernel refuses to write through what was opened for reading.
func TestReadOnlyIsEnforced(t *testing.T) {
	w := need(t)
	g := w.play(t, w.first)
	name := unique(t)
	g.ask("create", name, 4096)
	p := find(t, w.first)
	_, v := attach(t, p, name, namedshm.Read)
	if _, err := v.WriteAt([]byte("x"), 0); !isCode(err, namedshm.ErrAccessDenied) {
		t.Errorf("written: %v", err)
	}
	perms := ""
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(maps)) {
		if fields := strings.Fields(line); strings.HasPrefix(fields[0], fmt.Sprintf("%x-", addressOf(v))) {
			perms = fields[1]
		}
	}
	if perms != "r--s" {
		t.Errorf("the view is mapped %q", perms)
	}
	if err := unix.Mprotect(v.Bytes()[:4096:4096], unix.PROT_READ|unix.PROT_WRITE); err != unix.EACCES {
		t.Errorf("the kernel lets the view become writable: %v", err)
	}
	// Wine 8 lets anybody open a read-only section for writing (Windows does not), so for reading is all there is to see.
	g.ask("make", "readonly", name+"-ro")
	attach(t, p, name+"-ro", namedshm.Read)
}

// TestLargeAndReserved: a section of 4 GiB of which nothing is committed is attached as well as any, and Global names
// are found.
func TestLargeAndReserved(t *testing.T) {
	w := need(t)
	g := w.play(t, w.first)
	name := strings.Replace(unique(t), `Local\`, `Global\`, 1)
	g.ask("make", "reserved", name)
	p := find(t, w.first)
	s, err := p.Open(t.Context(), name, namedshm.Read)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.Section.Size() != 1<<32 {
		t.Errorf("%d bytes", s.Section.Size())
	}
	found, err := p.Sections(t.Context())
	if want := (wine.SectionInfo{Name: name, Size: 1 << 32}); err != nil || !slices.Contains(found, want) {
		t.Errorf("listed are %v, want %v: %v", found, want, err)
	}
}

// TestNoNameIsKept: while a native process is attached, the Windows program closes its handle, and the name is gone.
func TestNoNameIsKept(t *testing.T) {
	w := need(t)
	g := w.play(t, w.first)
	name := unique(t)
	g.ask("create", name, 4096)
	g.ask("text", 0, "old")
	p := find(t, w.first)
	_, v := attach(t, p, name, namedshm.Read)
	g.ask("close")
	if _, err := p.Open(t.Context(), name, namedshm.Read); !isCode(err, namedshm.ErrFileNotFound) {
		t.Errorf("after the last handle: %v", err)
	}
	if got := g.ask("create", name, 4096); got != "new" {
		t.Errorf("the next of the name: %s", got)
	}
	g.ask("text", 0, "new")
	if got := string(v.Bytes()[:3]); got != "old" {
		t.Errorf("the view of the old section shows %q", got)
	}
}

func addressOf(v *namedshm.View) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(v.Bytes()))) }

func isCode(err error, code namedshm.Code) bool { return errors.Is(err, code) }
