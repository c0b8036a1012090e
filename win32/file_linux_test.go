package win32_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/inspect"
	"github.com/namedshm/namedshm/win32"
)

// newFile is a file with some bytes in it.
func newFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func openFile(t *testing.T, path string, access uint32) win32.Handle {
	t.Helper()
	h, err := win32.CreateFile(wide(path), access, 0, nil, win32.OPEN_EXISTING, 0, 0)
	return closes(t, h, err)
}

const readWrite = win32.GENERIC_READ | win32.GENERIC_WRITE

func mapView(t *testing.T, section win32.Handle, access uint32) uintptr {
	t.Helper()
	at, err := win32.MapViewOfFile(section, access, 0, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { win32.UnmapViewOfFile(at) })
	return at
}

func overFile(t *testing.T, file win32.Handle, size uint32, name *uint16) win32.Handle {
	t.Helper()
	h, err := win32.CreateFileMapping(file, nil, win32.PAGE_READWRITE, 0, size, name)
	return closes(t, h, err)
}

// TestFileIsTheMemory: what is written to the file is seen in the view, and the other way round.
func TestFileIsTheMemory(t *testing.T) {
	path := newFile(t, "hello, world")
	file := openFile(t, path, readWrite)
	section := overFile(t, file, 0, nil)
	if err := win32.CloseHandle(file); err != nil { // the section keeps it
		t.Fatal(err)
	}
	at := mapView(t, section, win32.FILE_MAP_WRITE)
	view := win32.Bytes(at, 12)
	if string(view) != "hello, world" {
		t.Fatalf("the view has %q", view)
	}
	copy(view, "HELLO")
	if err := win32.FlushViewOfFile(at, 5); err != nil {
		t.Error(err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "HELLO, world" {
		t.Errorf("the file has %q, %v", b, err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteAt([]byte("WORLD"), 7)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	if string(view) != "HELLO, WORLD" {
		t.Errorf("the view has %q", view)
	}
	private := win32.Bytes(mapView(t, section, win32.FILE_MAP_COPY), 12)
	copy(private, "xxxxx")
	if b, _ := os.ReadFile(path); !bytes.HasPrefix(b, []byte("HELLO")) {
		t.Errorf("a copy view wrote the file: %q", b)
	}
}

// TestDescriptorIsAFile: Handle(f.Fd()) is what programs for Windows pass, and FileHandle what outlives f.
func TestDescriptorIsAFile(t *testing.T) {
	f, err := os.OpenFile(newFile(t, "by descriptor"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	section := overFile(t, win32.Handle(f.Fd()), 0, nil)
	handle, err := win32.FileHandle(f)
	closes(t, handle, err)
	var size int64
	if err := win32.GetFileSizeEx(win32.Handle(f.Fd()), &size); err != nil || size != 13 {
		t.Errorf("size %d, %v", size, err)
	}
	if kind, err := win32.GetFileType(handle); kind != win32.FILE_TYPE_DISK || err != nil {
		t.Errorf("type %d, %v", kind, err)
	}
	if err := win32.CloseHandle(win32.Handle(f.Fd())); err != win32.ERROR_INVALID_HANDLE {
		t.Errorf("CloseHandle of a descriptor gives %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for _, s := range []win32.Handle{section, overFile(t, handle, 0, nil)} {
		if got := win32.Bytes(mapView(t, s, win32.FILE_MAP_READ), 13); string(got) != "by descriptor" {
			t.Errorf("the view has %q", got)
		}
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if _, err := win32.CreateFileMapping(win32.Handle(r.Fd()), nil, win32.PAGE_READONLY, 0, 1,
		nil); err != win32.ERROR_INVALID_HANDLE {
		t.Errorf("a section over a pipe gives %v", err)
	}
}

// refusesNames reports that the file backing is tested, which has no names for files, and wants it to say so.
func refusesNames(t *testing.T, path, name string) bool {
	if os.Getenv("NAMEDSHM_BACKING") != "file" {
		return false
	}
	h, err := win32.CreateFileMapping(openFile(t, path, readWrite), nil, win32.PAGE_READWRITE, 0, 0, wide(name))
	if h != 0 || err != win32.ERROR_NOT_SUPPORTED || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a name for a file gives %#x, %v", h, err)
	}
	return true
}

// TestFileName: the name of a section over a file lives as any name does: through whoever has a handle, stopped or not,
// and not a moment longer.
func TestFileName(t *testing.T) {
	path, name := newFile(t, "contents"), fresh()
	if refusesNames(t, path, name) {
		return
	}
	creator, heir := startActor(t), startActor(t)
	creator.does("CreateOverFile", name, path)
	open := func() (win32.Handle, error) {
		return win32.OpenFileMapping(win32.FILE_MAP_WRITE, false, wide(name))
	}
	if err := creator.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	heir.does("OpenFileMapping", name) // the creator cannot help
	creator.kill()
	h, err := open() // through the heir
	section := closes(t, h, err)
	view := win32.Bytes(mapView(t, section, win32.FILE_MAP_WRITE), 8)
	if string(view) != "contents" {
		t.Fatalf("the view has %q", view)
	}
	copy(view, "CONTENTS")
	var info win32.SectionBasicInformation
	if all, err := win32.OpenFileMapping(win32.FILE_MAP_ALL_ACCESS, false, wide(name)); err != nil {
		t.Error(err)
	} else {
		if err := win32.NtQuerySection(all, &info); err != nil || info.Size != 8 || info.Attributes != win32.SEC_FILE {
			t.Errorf("%+v, %v", info, err)
		}
		win32.CloseHandle(all)
	}
	if err := win32.CloseHandle(section); err != nil {
		t.Fatal(err)
	}
	heir.kill()
	if _, err := open(); err != win32.ERROR_FILE_NOT_FOUND {
		t.Errorf("the dead name gives %v", err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "CONTENTS" {
		t.Errorf("the file has %q, %v", b, err)
	}
	h, err = win32.CreateFileMapping(win32.InvalidHandle, nil, win32.PAGE_READWRITE, 0, 8, wide(name))
	anew := closes(t, h, err)
	if got := win32.Bytes(mapView(t, anew, win32.FILE_MAP_READ), 8); !bytes.Equal(got, make([]byte, 8)) {
		t.Errorf("a new section of the name has %q", got)
	}
}

// TestFileThatIsNotFollowed: a file that replaces another one is not reached by the other's name.
func TestFileThatIsNotFollowed(t *testing.T) {
	path, name := newFile(t, "the first"), fresh()
	if refusesNames(t, path, name) {
		return
	}
	creator := startActor(t)
	creator.does("CreateOverFile", name, path)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("another one"), 0o600); err != nil {
		t.Fatal(err)
	}
	h, err := win32.OpenFileMapping(win32.FILE_MAP_READ, false, wide(name))
	section := closes(t, h, err)
	if got := win32.Bytes(mapView(t, section, win32.FILE_MAP_READ), 9); string(got) != "the first" {
		t.Errorf("the view has %q", got)
	}
}

// TestDoorToAnotherFile: where a holder's descriptor has become another file, nobody gets that for the section's
// memory.
func TestDoorToAnotherFile(t *testing.T) {
	path, name := newFile(t, "the section"), fresh()
	if refusesNames(t, path, name) {
		return
	}
	creator := startActor(t)
	creator.does("CreateOverFile", name, path)
	table := fmt.Sprintf("/proc/%d/fd", creator.cmd.Process.Pid)
	descriptors, err := os.ReadDir(table)
	if err != nil {
		t.Fatal(err)
	}
	covered := 0
	for _, d := range descriptors {
		if to, _ := os.Readlink(filepath.Join(table, d.Name())); to == path {
			creator.does("Cover", d.Name(), newFile(t, "nobody's business"))
			covered++
		}
	}
	if covered != 1 {
		t.Fatalf("the creator has the file open %d times", covered)
	}
	if h, err := win32.OpenFileMapping(win32.FILE_MAP_READ, false, wide(name)); err != win32.ERROR_ACCESS_DENIED {
		t.Errorf("%#x, %v", h, err)
		win32.CloseHandle(h)
	}
}

// TestFileRights: a section takes no more than the file's handle gives, and a handle that only reads cannot grow the
// file.
func TestFileRights(t *testing.T) {
	path := newFile(t, "twelve bytes")
	for _, c := range []struct {
		access, protect, size uint32
		want                  error
	}{
		{win32.GENERIC_READ, win32.PAGE_READWRITE, 0, win32.ERROR_ACCESS_DENIED},
		{win32.GENERIC_WRITE, win32.PAGE_READONLY, 0, win32.ERROR_ACCESS_DENIED},
		{win32.GENERIC_READ, win32.PAGE_READONLY, 13, win32.ERROR_NOT_ENOUGH_MEMORY},
		{win32.GENERIC_READ, win32.PAGE_WRITECOPY, 13, win32.ERROR_NOT_ENOUGH_MEMORY},
		{readWrite, win32.PAGE_READONLY, 13, win32.ERROR_NOT_ENOUGH_MEMORY},
		{readWrite, win32.PAGE_READWRITE | win32.SEC_IMAGE, 0, win32.ERROR_BAD_EXE_FORMAT},
		{readWrite, win32.PAGE_NOACCESS, 0, win32.ERROR_INVALID_PARAMETER},
		{win32.GENERIC_READ, win32.PAGE_READONLY, 12, nil},
		{win32.GENERIC_READ, win32.PAGE_WRITECOPY, 5, nil},
		{readWrite, win32.PAGE_READWRITE, 13, nil},
	} {
		h, err := win32.CreateFileMapping(openFile(t, path, c.access), nil, c.protect, 0, c.size, nil)
		if err != c.want {
			t.Errorf("access %#x, protection %#x, %d bytes: %v, want %v", c.access, c.protect, c.size, err, c.want)
		}
		if err == nil {
			win32.CloseHandle(h)
		}
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := win32.CreateFileMapping(win32.Handle(f.Fd()), nil, win32.PAGE_READWRITE, 0, 0,
		nil); err != win32.ERROR_ACCESS_DENIED {
		t.Errorf("a section to be written over a descriptor to be read gives %v", err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "twelve bytes\x00" {
		t.Errorf("the file has %q, %v", b, err)
	}
}

func TestCreateFile(t *testing.T) {
	directory := t.TempDir()
	path := filepath.Join(directory, "new")
	for _, c := range []struct {
		path           string
		access, create uint32
		want           error
	}{
		{path, readWrite, win32.OPEN_EXISTING, win32.ERROR_FILE_NOT_FOUND},
		{path, readWrite, win32.TRUNCATE_EXISTING, win32.ERROR_FILE_NOT_FOUND},
		{path, win32.GENERIC_READ, win32.TRUNCATE_EXISTING, win32.ERROR_INVALID_PARAMETER},
		{filepath.Join(directory, "no", "file"), readWrite, win32.CREATE_ALWAYS, win32.ERROR_PATH_NOT_FOUND},
		{directory, readWrite, win32.OPEN_EXISTING, win32.ERROR_ACCESS_DENIED},
		{directory, win32.GENERIC_READ, win32.OPEN_EXISTING, win32.ERROR_ACCESS_DENIED},
		{directory, 0, win32.OPEN_EXISTING, win32.ERROR_ACCESS_DENIED},
		{directory, win32.GENERIC_READ, win32.OPEN_ALWAYS, win32.ERROR_ACCESS_DENIED},
		{directory, readWrite, win32.CREATE_ALWAYS, win32.ERROR_ACCESS_DENIED},
		{filepath.Join(directory, strings.Repeat("n", 256)), readWrite, win32.CREATE_ALWAYS,
			win32.ERROR_FILENAME_EXCED_RANGE},
		{strings.Repeat("/n", 4096), readWrite, win32.OPEN_EXISTING, win32.ERROR_FILENAME_EXCED_RANGE},
		{"", readWrite, win32.OPEN_EXISTING, win32.ERROR_PATH_NOT_FOUND},
		{path, readWrite, 9, win32.ERROR_INVALID_PARAMETER},
		{path, readWrite, win32.CREATE_NEW, nil},
		{path, readWrite, win32.CREATE_NEW, win32.ERROR_FILE_EXISTS},
		{path, readWrite, win32.OPEN_ALWAYS, nil},
		{path, readWrite, win32.CREATE_ALWAYS, nil},
	} {
		h, err := win32.CreateFile(wide(c.path), c.access, 0, nil, c.create, 0, 0)
		if err != c.want || (err != nil) != (h == win32.InvalidHandle) {
			t.Errorf("%.80q, %#x, %d: %#x, %v, want %v", c.path, c.access, c.create, h, err, c.want)
		}
		if err == nil {
			win32.CloseHandle(h)
		}
	}
	h, err := win32.CreateFile(wide(path), readWrite, 0, nil, win32.OPEN_EXISTING, win32.FILE_FLAG_DELETE_ON_CLOSE, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := win32.CloseHandle(h); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is still there: %v", err)
	}
}

// TestCreateFileExisted: the two dispositions that accept an existing file report it, and no others do.
func TestCreateFileExisted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	dangling := path + ".link"
	if err := os.Symlink(path+".target", dangling); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path    string
		create  uint32
		existed bool
		want    error
		size    int64
	}{
		{path, win32.OPEN_ALWAYS, false, nil, 0},
		{path, win32.OPEN_ALWAYS, true, nil, 1},
		{path, win32.OPEN_EXISTING, false, nil, 1},
		{path, win32.CREATE_NEW, false, win32.ERROR_FILE_EXISTS, 1},
		{path, win32.CREATE_ALWAYS, true, nil, 0},
		{path, win32.TRUNCATE_EXISTING, false, nil, 0},
		{path + ".new", win32.CREATE_ALWAYS, false, nil, 0},
		{path + ".new", win32.CREATE_ALWAYS, true, nil, 0},
		{filepath.Dir(path), win32.OPEN_ALWAYS, false, win32.ERROR_ACCESS_DENIED, -1},
		{filepath.Join(path, "under"), win32.OPEN_ALWAYS, false, win32.ERROR_PATH_NOT_FOUND, -1},
		{filepath.Join(path+".none", "under"), win32.OPEN_ALWAYS, false, win32.ERROR_PATH_NOT_FOUND, -1},
		{dangling, win32.OPEN_ALWAYS, false, nil, 0},
		{dangling, win32.OPEN_ALWAYS, true, nil, 1},
	} {
		h, existed, err := win32.CreateFileExisted(wide(c.path), readWrite, 0, nil, c.create, 0, 0)
		if existed != c.existed || err != c.want || (err != nil) != (h == win32.InvalidHandle) {
			t.Errorf("%q, %d: %#x, %v, %v, want %v, %v", c.path, c.create, h, existed, err, c.existed, c.want)
		}
		if err == nil {
			win32.CloseHandle(h)
		}
		if c.size < 0 {
			continue
		}
		if i, err := os.Stat(c.path); err != nil || i.Size() != c.size {
			t.Errorf("after %d there are %d bytes, want %d: %v", c.create, i.Size(), c.size, err)
		}
		if err := os.WriteFile(c.path, []byte("x"), 0); err != nil { // for the next one to empty or to keep
			t.Fatal(err)
		}
	}
}

// TestDeletedFileIsTheOpenOne: what goes with the last handle is the file that was opened, and nothing that has taken
// its path.
func TestDeletedFileIsTheOpenOne(t *testing.T) {
	exists := func(path string) bool {
		_, err := os.Lstat(path)
		return err == nil
	}
	create := func(path string, disposition uint32) win32.Handle {
		t.Helper()
		h, err := win32.CreateFile(wide(path), readWrite, 0, nil, disposition, win32.FILE_FLAG_DELETE_ON_CLOSE, 0)
		return closes(t, h, err)
	}
	closeNow := func(h win32.Handle) {
		t.Helper()
		if err := win32.CloseHandle(h); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("after a change of directory", func(t *testing.T) {
		here, there := t.TempDir(), t.TempDir()
		other := filepath.Join(there, "file")
		if err := os.WriteFile(other, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		t.Chdir(here)
		h := create("file", win32.CREATE_NEW)
		t.Chdir(there)
		closeNow(h)
		if exists(filepath.Join(here, "file")) || !exists(other) {
			t.Errorf("the file is there: %v; the other one: %v", exists(filepath.Join(here, "file")), exists(other))
		}
	})
	t.Run("after a rename", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "file")
		h := create(path, win32.CREATE_NEW)
		if err := os.Rename(path, path+".moved"); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		closeNow(h)
		if exists(path+".moved") || !exists(path) {
			t.Errorf("the file is there: %v; the other one: %v", exists(path+".moved"), exists(path))
		}
	})
	t.Run("after a link has taken the path", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "file")
		h := create(path, win32.CREATE_NEW)
		if err := errors.Join(os.Rename(path, path+".moved"), os.Symlink(path+".moved", path)); err != nil {
			t.Fatal(err)
		}
		closeNow(h)
		if !exists(path) || exists(path+".moved") {
			t.Errorf("the link is there: %v; the file: %v", exists(path), exists(path+".moved"))
		}
	})
	t.Run("through a link", func(t *testing.T) {
		path := newFile(t, "linked")
		link := path + ".link"
		if err := os.Symlink(path, link); err != nil {
			t.Fatal(err)
		}
		closeNow(create(link, win32.OPEN_EXISTING))
		if exists(path) || !exists(link) {
			t.Errorf("the file is there: %v; the link: %v", exists(path), exists(link))
		}
	})
}

// TestDiskFull: the table's row MIS-001. What a file cannot be grown to is refused, and it stays as it was.
func TestDiskFull(t *testing.T) {
	directory := t.TempDir()
	if err := syscall.Mount("tmpfs", directory, "tmpfs", 0, "size=64k"); err != nil {
		if os.Getenv("CI") != "true" {
			t.Skipf("a small file system takes root: %v", err)
		}
		t.Fatal(err)
	}
	defer syscall.Unmount(directory, syscall.MNT_DETACH)
	path := filepath.Join(directory, "file")
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := openFile(t, path, readWrite)
	if _, err := win32.CreateFileMapping(file, nil, win32.PAGE_READWRITE, 0, 1<<20, nil); err != win32.ERROR_DISK_FULL {
		t.Errorf("1 MiB on 64 KiB gives %v", err)
	}
	if i, err := os.Stat(path); err != nil || i.Size() != 1 {
		t.Errorf("the file has %d bytes, %v", i.Size(), err)
	}
	section := overFile(t, file, 8192, nil)
	win32.Bytes(mapView(t, section, win32.FILE_MAP_WRITE), 8192)[8191] = 1
}

// TestFileIsTold: what describes names describes such a section too, and the Go API opens it.
func TestFileIsTold(t *testing.T) {
	path, name := newFile(t, "told"), fresh()
	if refusesNames(t, path, name) {
		return
	}
	overFile(t, openFile(t, path, readWrite), 0, wide(name))
	info, err := inspect.Stat(name)
	if err != nil || info.Size != 4 || info.Backing != "user file" || info.Handles != 1 {
		t.Errorf("%+v, %v", info, err)
	}
	s, err := namedshm.Open(name, namedshm.Read)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	v, err := s.Map(0, 0, namedshm.Read)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if string(v.Bytes()) != "told" {
		t.Errorf("the view has %q", v.Bytes())
	}
}

// TestOwnLocksStay: a program has part of a file locked, in the old way of Unix, by which closing any descriptor of the
// file drops the lock. What the library closes meanwhile does not, and what it keeps open for that goes with the lock.
func TestOwnLocksStay(t *testing.T) {
	path := newFile(t, "contents")
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lock := func(kind int16) {
		t.Helper()
		if err := unix.FcntlFlock(f.Fd(), unix.F_SETLK, &unix.Flock_t{Type: kind, Start: 1, Len: 2}); err != nil {
			t.Fatal(err)
		}
	}
	lock(unix.F_RDLCK)
	ways := map[string]func() (win32.Handle, error){
		"a descriptor": func() (win32.Handle, error) { return win32.Handle(f.Fd()), nil },
		"FileHandle":   func() (win32.Handle, error) { return win32.FileHandle(f) },
		"a path": func() (win32.Handle, error) {
			return win32.CreateFile(wide(path), readWrite, 0, nil, win32.OPEN_EXISTING, 0, 0)
		},
	}
	for what, file := range ways {
		for _, protection := range []uint32{win32.PAGE_READWRITE, win32.PAGE_READONLY} {
			for range 20 {
				h, err := file()
				if err != nil {
					t.Fatal(err)
				}
				section, err := win32.CreateFileMapping(h, nil, protection, 0, 0, nil)
				if err != nil {
					t.Fatal(err)
				}
				if h != win32.Handle(f.Fd()) {
					win32.CloseHandle(h)
				}
				win32.CloseHandle(section)
			}
		}
		// Not by the process itself, whose own lock proves nothing to it.
		seen := unix.Flock_t{Type: unix.F_WRLCK}
		if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, &seen); err != nil || seen.Type != unix.F_RDLCK ||
			int(seen.Pid) != os.Getpid() {
			t.Fatalf("%s: the lock is gone: %+v, %v", what, seen, err)
		}
	}
	if n := descriptorsOf(t, path); n > 4 {
		t.Errorf("%d descriptors of the file are open", n)
	}
	lock(unix.F_UNLCK)
	win32.CloseHandle(openFile(t, newFile(t, "another"), win32.GENERIC_READ))
	if n := descriptorsOf(t, path); n != 1 {
		t.Errorf("%d descriptors of the file are open without a lock on it", n)
	}
}

// descriptorsOf counts this process's descriptors of a file.
func descriptorsOf(t *testing.T, path string) (n int) {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		if to, _ := os.Readlink("/proc/self/fd/" + d.Name()); to == path {
			n++
		}
	}
	return n
}
