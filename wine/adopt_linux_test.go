package wine

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/namedshm/namedshm"
	"golang.org/x/sys/unix"
)

// memoryFile is a file of some bytes, which stands for what a wineserver holds.
func memoryFile(t *testing.T, size int64) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "memory"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(f.Name()); err != nil { // as Wine does
		t.Fatal(err)
	}
	return f
}

// isolate gives a test names of its own.
func isolate(t *testing.T) {
	t.Helper()
	if os.Getenv("NAMEDSHM_BACKING") == "file" {
		t.Skip("memory cannot be adopted in this backing")
	}
	t.Setenv("NAMEDSHM_ROOT", t.TempDir())
}

func fromFile(t *testing.T, f *os.File, access namedshm.Access) *Attachment {
	t.Helper()
	s, err := SectionOfFile(f, access)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return &Attachment{Section: s, name: "Local\\Foo"}
}

// TestSectionOfFile: what is written through a view is in the file, and the section has a descriptor of its own.
func TestSectionOfFile(t *testing.T) {
	isolate(t)
	f := memoryFile(t, 5000)
	s := fromFile(t, f, namedshm.ReadWrite)
	if s.Section.Size() != 8192 {
		t.Errorf("%d bytes", s.Section.Size())
	}
	v, err := s.Section.Map(0, 0, namedshm.ReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	copy(v.Bytes(), "stored")
	got := make([]byte, 6)
	if _, err := f.ReadAt(got, 0); err != nil || string(got) != "stored" {
		t.Errorf("%q, %v", got, err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if w, err := s.Section.Map(0, 0, namedshm.Read); err != nil || string(w.Bytes()[:6]) != "stored" {
		t.Errorf("after the file was closed: %v", err)
	}
	if _, err := SectionOfFile(memoryFile(t, 0), namedshm.Read); !errors.Is(err, namedshm.ErrInvalidParameter) {
		t.Errorf("an empty file: %v", err)
	}
}

// TestReadOnlyStaysSo: a section that was opened for reading has a descriptor that cannot write, though the file's own
// can.
func TestReadOnlyStaysSo(t *testing.T) {
	isolate(t)
	s := fromFile(t, memoryFile(t, 4096), namedshm.Read)
	if _, err := s.Section.Map(0, 0, namedshm.ReadWrite); !errors.Is(err, namedshm.ErrAccessDenied) {
		t.Errorf("mapped for writing: %v", err)
	}
	v, err := s.Section.Map(0, 0, namedshm.Read)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if err := unix.Mprotect(v.Bytes(), unix.PROT_READ|unix.PROT_WRITE); err != unix.EACCES {
		t.Errorf("the kernel lets the view become writable: %v", err)
	}
}

// TestLinkNames: which names and which memory can be linked, and what native programs may then do.
func TestLinkNames(t *testing.T) {
	isolate(t)
	f := memoryFile(t, 8192)
	s := fromFile(t, f, namedshm.Read)
	linked, err := s.Link("Linked")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Link("Linked"); !errors.Is(err, namedshm.ErrAlreadyExists) {
		t.Errorf("linked twice: %v", err)
	}
	other, err := namedshm.Open("Linked", namedshm.Read)
	if err != nil {
		t.Fatal(err)
	}
	if err := linked.Close(); err != nil {
		t.Error(err)
	}
	// A process that has opened it keeps the name, as of any section.
	writer, err := namedshm.Open("Linked", namedshm.ReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := writer.Map(0, 0, namedshm.ReadWrite); !errors.Is(err, namedshm.ErrInvalidParameter) {
		t.Errorf("what was linked for reading is mapped for writing: %v", err)
	}
	v, err := other.Map(0, 0, namedshm.Read)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if _, err := f.WriteAt([]byte("live"), 4096); err != nil || string(v.Bytes()[4096:4100]) != "live" {
		t.Errorf("the view shows %q: %v", v.Bytes()[4096:4100], err)
	}
	if err := errors.Join(other.Close(), writer.Close()); err != nil {
		t.Error(err)
	}
	if _, err := namedshm.Open("Linked", namedshm.Read); !errors.Is(err, namedshm.ErrFileNotFound) {
		t.Errorf("after the last handle: %v", err)
	}
	if _, err := s.Link(`Global\Linked`); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a Global name: %v", err)
	}
	if _, err := fromFile(t, memoryFile(t, 5000), namedshm.Read).Link("Odd"); !errors.Is(err,
		namedshm.ErrInvalidParameter) {
		t.Errorf("a file that does not end at a page: %v", err)
	}
}

// TestText: names go to Windows' characters and back, lone surrogates too.
func TestText(t *testing.T) {
	for _, name := range []string{"", "Foo", "größe", "漢字", "a😀b", "\xed\xa0\xbdx", "x\xed\xb8\x80"} {
		if got := narrow(wide(name)); got != name {
			t.Errorf("%q becomes %q", name, got)
		}
	}
	if got := wide("A😀"); string(got) != "A\x00\x3d\xd8\x00\xde" {
		t.Errorf("%x", got)
	}
}

// TestSame: device and inode say which file it is; where the kernel numbers devices in two ways, inode and path.
func TestSame(t *testing.T) {
	b := backing{device: 7, inode: 8, text: "/tmp/tmpmap-1 (deleted)"}
	for _, c := range []struct {
		device, inode uint64
		text          string
		want          bool
	}{
		{7, 8, "/elsewhere", true}, {7, 9, b.text, false}, {6, 8, b.text, true}, {6, 8, "/elsewhere", false},
	} {
		if got := b.same(&unix.Stat_t{Dev: c.device, Ino: c.inode}, c.text); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// TestPrefixOf: which prefix an environment means, and which words mean a prefix.
func TestPrefixOf(t *testing.T) {
	for environ, want := range map[string]string{
		"HOME=/h": "/h/.wine", "HOME=/h WINEPREFIX=/p/": "/p", "WINEPREFIX=/a/compatdata/5/pfx": "/a/compatdata/5/pfx",
	} {
		if got := prefixOf(strings.Fields(environ)); got != want {
			t.Errorf("%s: %s", environ, got)
		}
	}
	proton := filepath.Join(t.TempDir(), "compatdata", "805550", "pfx")
	if err := os.MkdirAll(proton, 0o755); err != nil {
		t.Fatal(err)
	}
	p := Prefix{Path: proton, Flavor: Proton, App: "805550"}
	for which, want := range map[string]bool{
		proton: true, filepath.Dir(proton): true, "805550": true, "80555": false, filepath.Dir(filepath.Dir(proton)): false,
		"/": false,
	} {
		if got := p.is(which); got != want {
			t.Errorf("%s: %v", which, got)
		}
	}
}
