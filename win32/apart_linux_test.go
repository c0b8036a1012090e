package win32_test

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/namedshm/namedshm/win32"
)

const pageBytes = 4096

// protect changes the protection of pages of a view, and wants what it was.
func protect(t *testing.T, at uintptr, from, pages uintptr, to, old uint32) {
	t.Helper()
	var was uint32
	if err := win32.VirtualProtect(at+from*pageBytes, pages*pageBytes, to, &was); err != nil || was != old {
		t.Fatalf("VirtualProtect to %#x: %v, the old protection is %#x, want %#x", to, err, was, old)
	}
}

// sectionsOfEachKind runs a test for memory without a name and with one, and for a file.
func sectionsOfEachKind(t *testing.T, pages uint32, test func(t *testing.T, section win32.Handle, copiedAtOnce bool)) {
	create := func(t *testing.T, name *uint16) win32.Handle {
		h, err := win32.CreateFileMapping(win32.InvalidHandle, nil, win32.PAGE_EXECUTE_READWRITE, 0, pages*pageBytes, name)
		return closes(t, h, err)
	}
	file := os.Getenv("NAMEDSHM_BACKING") == "file"
	t.Run("unnamed", func(t *testing.T) { test(t, create(t, nil), false) })
	t.Run("Local", func(t *testing.T) { test(t, create(t, wide(unique(t, `Local\`))), false) })
	if os.Geteuid() == 0 { // others may not make the directory
		t.Run("Global", func(t *testing.T) { test(t, create(t, wide(unique(t, `Global\`))), !file) })
	}
	t.Run("file", func(t *testing.T) {
		all := uint32(readWrite | win32.GENERIC_EXECUTE)
		f := openFile(t, newFile(t, strings.Repeat("\x00", int(pages)*pageBytes)), all)
		h, err := win32.CreateFileMapping(f, nil, win32.PAGE_EXECUTE_READWRITE, 0, 0, nil)
		test(t, closes(t, h, err), false)
	})
}

func unique(t *testing.T, prefix string) string {
	return fmt.Sprintf("%s%s.%d", prefix, strings.ReplaceAll(t.Name(), "/", "."), os.Getpid())
}

// TestCopiedWhenWritten: pages that become copy-on-write show what the section has until they are written, a written
// page is the view's own from then on, and the others are shared again with PAGE_READWRITE. It does not matter in what
// pieces.
func TestCopiedWhenWritten(t *testing.T) {
	const pages = 8
	sectionsOfEachKind(t, pages, func(t *testing.T, section win32.Handle, copiedAtOnce bool) {
		at, other := mapView(t, section, win32.FILE_MAP_WRITE), mapView(t, section, win32.FILE_MAP_WRITE)
		mine, theirs := win32.Bytes(at, pages*pageBytes), win32.Bytes(other, pages*pageBytes)
		write := func(memory []byte, value byte, pages ...int) {
			for _, i := range pages {
				memory[i*pageBytes] = value
			}
		}
		wants := func(what string, memory []byte, want ...byte) {
			t.Helper()
			var got []byte
			for i := range want {
				got = append(got, memory[i*pageBytes])
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s is %v, want %v", what, got, want)
			}
		}
		told := func(want ...[2]uint32) {
			t.Helper()
			if got := regions(t, at, pages*pageBytes); !slices.Equal(got, want) {
				t.Errorf("the view has %v, want %v", got, want)
			}
		}
		const both, copied, closed = win32.PAGE_READWRITE, win32.PAGE_WRITECOPY, win32.PAGE_NOACCESS
		write(mine, 1, 0, 1, 2, 3, 4, 5, 6, 7)
		protect(t, at, 1, 2, closed, both)
		protect(t, at, 1, 4, copied, closed) // pages 1 and 2 could not be read
		told([2]uint32{1, both}, [2]uint32{4, copied}, [2]uint32{3, both})
		write(theirs, 2, 0, 1, 5)
		follows := map[bool]byte{false: 2, true: 1}[copiedAtOnce]
		wants("what was not written", mine, 2, follows, 1, 1, 1, 2, 1, 1)
		write(mine, 3, 2, 4, 6)
		wants("what the others see", theirs, 2, 2, 1, 1, 1, 2, 3, 1)
		told([2]uint32{1, both}, [2]uint32{1, copied}, [2]uint32{1, both}, [2]uint32{1, copied}, [2]uint32{4, both})
		protect(t, at, 3, 3, copied, copied) // once more, and one page more: what was written stays
		wants("the view", mine, 2, follows, 3, 1, 3, 2, 3, 1)
		protect(t, at, 2, 1, win32.PAGE_READONLY, both)
		protect(t, at, 2, 1, copied, win32.PAGE_READONLY)
		told([2]uint32{1, both}, [2]uint32{1, copied}, [2]uint32{1, both}, [2]uint32{1, copied}, [2]uint32{1, both},
			[2]uint32{1, copied}, [2]uint32{2, both})
		protect(t, at, 0, pages, both, both)
		told([2]uint32{pages, both})
		wants("the view, shared again", mine, 2, 2, 3, 1, 3, 2, 3, 1)
		write(mine, 4, 0, 1, 2, 3, 4, 5, 6, 7)
		wants("what the others see at last", theirs, 4, 4, 1, 4, 1, 4, 4, 4)
		write(theirs, 5, 1, 2)
		wants("the view at last", mine, 4, 5, 4, 4, 4, 4, 4, 4)
		protect(t, at, 0, pages, copied, both)
		told([2]uint32{2, copied}, [2]uint32{1, both}, [2]uint32{1, copied}, [2]uint32{1, both}, [2]uint32{3, copied})
	})
}

// TestViewAloneIsCopiedWhenWritten: so is a view whose section has no handle any more, until it is unmapped, which
// gives the descriptor back. Of many such views some have none, and are copied at once.
func TestViewAloneIsCopiedWhenWritten(t *testing.T) {
	const views, kept = 100, 64
	open := func() int {
		names, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(names)
	}
	before := open()
	path := newFile(t, strings.Repeat("\x01", pageBytes))
	var mine, theirs []uintptr
	for i := range views {
		file := win32.InvalidHandle
		if i%2 == 1 {
			file = openFile(t, path, readWrite)
		}
		section, err := win32.CreateFileMapping(file, nil, win32.PAGE_READWRITE, 0, pageBytes, nil)
		win32.CloseHandle(file)
		if err != nil {
			t.Fatal(err)
		}
		mine, theirs = append(mine, mapView(t, section, win32.FILE_MAP_WRITE)),
			append(theirs, mapView(t, section, win32.FILE_MAP_WRITE))
		if err := win32.CloseHandle(section); err != nil {
			t.Fatal(err)
		}
	}
	if got := open() - before; got > kept {
		t.Errorf("%d views keep %d descriptors open", views, got)
	}
	for i, at := range mine {
		p, q := &win32.Bytes(at, 1)[0], &win32.Bytes(theirs[i], 1)[0]
		*q = 1
		protect(t, at, 0, 1, win32.PAGE_WRITECOPY, win32.PAGE_READWRITE)
		*q = 2
		if i < kept && *p != 2 {
			t.Fatalf("view %d does not show what was written to the section", i)
		}
		protect(t, at, 0, 1, win32.PAGE_READWRITE, win32.PAGE_WRITECOPY)
		if *p = 3; *q != 3 {
			t.Fatalf("view %d is not shared again", i)
		}
		protect(t, at, 0, 1, win32.PAGE_WRITECOPY, win32.PAGE_READWRITE)
		*p = 4
		protect(t, at, 0, 1, win32.PAGE_READWRITE, win32.PAGE_READWRITE)
		if *p != 4 || *q != 3 {
			t.Fatalf("view %d has %d, the other one %d", i, *p, *q)
		}
	}
	for i := range mine {
		for _, at := range []uintptr{mine[i], theirs[i]} {
			if err := win32.UnmapViewOfFile(at); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := open(); got != before {
		t.Errorf("%d descriptors are open, there were %d", got, before)
	}
}

// TestShortFileIsNoFault: a file that was made shorter under a view ends nobody who changes a protection. Where the
// pages have to be copied at once it is an error.
func TestShortFileIsNoFault(t *testing.T) {
	shortened := func() (at uintptr, section win32.Handle, path string) {
		path = newFile(t, strings.Repeat("\x01", 2*pageBytes))
		section = overFile(t, openFile(t, path, readWrite), 0, nil)
		at = mapView(t, section, win32.FILE_MAP_WRITE)
		if err := os.Truncate(path, 0); err != nil {
			t.Fatal(err)
		}
		return at, section, path
	}
	at, _, path := shortened()
	protect(t, at, 0, 2, win32.PAGE_WRITECOPY, win32.PAGE_READWRITE)
	if err := os.Truncate(path, 2*pageBytes); err != nil {
		t.Fatal(err)
	}
	win32.Bytes(at, 1)[0] = 1 // it is there again

	at, section, _ := shortened()
	for range 64 { // none of the descriptors that may be kept for views is left
		h, err := win32.CreateFileMapping(win32.InvalidHandle, nil, win32.PAGE_READWRITE, 0, pageBytes, nil)
		mapView(t, closes(t, h, err), win32.FILE_MAP_READ)
		win32.CloseHandle(h)
	}
	win32.CloseHandle(section)
	var old uint32
	if err := win32.VirtualProtect(at, 2*pageBytes, win32.PAGE_WRITECOPY, &old); err != win32.ERROR_SWAPERROR {
		t.Errorf("the pages are gone, and VirtualProtect gives %v", err)
	}
	if got := regions(t, at, 2*pageBytes); !slices.Equal(got, [][2]uint32{{2, win32.PAGE_READWRITE}}) {
		t.Errorf("after a failure the view has %v", got)
	}
}

// TestFlushOfCopiedPages: what was written before the pages became copy-on-write reaches the file with a flush, and
// what was written afterwards never does.
func TestFlushOfCopiedPages(t *testing.T) {
	path := newFile(t, strings.Repeat("\x00", 2*pageBytes))
	section := overFile(t, openFile(t, path, readWrite), 0, nil)
	at := mapView(t, section, win32.FILE_MAP_WRITE)
	memory := win32.Bytes(at, 2*pageBytes)
	memory[0], memory[pageBytes] = 1, 1
	protect(t, at, 0, 1, win32.PAGE_WRITECOPY, win32.PAGE_READWRITE)
	memory[0] = 2
	for _, length := range []uintptr{0, 1, pageBytes, 2 * pageBytes} {
		if err := win32.FlushViewOfFile(at, length); err != nil {
			t.Error(err)
		}
	}
	b, err := os.ReadFile(path)
	if err != nil || b[0] != 1 || b[pageBytes] != 1 {
		t.Errorf("the file has %d and %d, %v", b[0], b[pageBytes], err)
	}
}

// TestFlushBesideCopying: a view is written to its file while another thread makes pages of it copy-on-write for the
// first time.
func TestFlushBesideCopying(t *testing.T) {
	section := overFile(t, openFile(t, newFile(t, strings.Repeat("\x00", 2*pageBytes)), readWrite), 0, nil)
	for range 20 {
		at, err := win32.MapViewOfFile(section, win32.FILE_MAP_WRITE, 0, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		begun, stop, done := make(chan bool), make(chan bool), make(chan error)
		go func() {
			err := win32.FlushViewOfFile(at, 0)
			close(begun)
			for stopped := false; !stopped && err == nil; {
				err = win32.FlushViewOfFile(at, 0)
				select {
				case <-stop:
					stopped = true
				default:
				}
			}
			done <- err
		}()
		<-begun
		protect(t, at, 0, 1, win32.PAGE_WRITECOPY, win32.PAGE_READWRITE)
		protect(t, at, 1, 1, win32.PAGE_WRITECOPY, win32.PAGE_READWRITE)
		close(stop)
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := win32.UnmapViewOfFile(at); err != nil {
			t.Fatal(err)
		}
	}
}

// TestClosedDescriptorMapsNoOtherFile: a program that closes descriptors it does not know may have another file where
// the section's memory was. Its pages never come into the view.
func TestClosedDescriptorMapsNoOtherFile(t *testing.T) {
	path := newFile(t, strings.Repeat("\x01", pageBytes))
	section := overFile(t, openFile(t, path, readWrite), 0, nil)
	at := mapView(t, section, win32.FILE_MAP_WRITE)
	var st, wanted unix.Stat_t
	if err := unix.Stat(path, &wanted); err != nil {
		t.Fatal(err)
	}
	stranger, err := os.Open(newFile(t, strings.Repeat("\x09", pageBytes)))
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	replaced := 0
	for fd := range 1000 {
		if unix.Fstat(fd, &st) == nil && st.Dev == wanted.Dev && st.Ino == wanted.Ino {
			if err := unix.Dup3(int(stranger.Fd()), fd, unix.O_CLOEXEC); err != nil {
				t.Fatal(err)
			}
			replaced++
		}
	}
	protect(t, at, 0, 1, win32.PAGE_WRITECOPY, win32.PAGE_READWRITE)
	if got := win32.Bytes(at, 1)[0]; got != 1 || replaced == 0 {
		t.Errorf("with %d descriptors replaced the view has %d", replaced, got)
	}
}

// TestReservedPagesBecomeCopies: pages that are not committed do not become copy-on-write, and those that are do, in
// this view alone.
func TestReservedPagesBecomeCopies(t *testing.T) {
	h, at := reserve(t, 1<<16)
	second := mapView(t, h, win32.FILE_MAP_WRITE)
	var old uint32
	if err := win32.VirtualProtect(at, pageBytes, win32.PAGE_WRITECOPY, &old); err != win32.ERROR_INVALID_ADDRESS {
		t.Errorf("a reserved page: %v", err)
	}
	if _, err := win32.VirtualAlloc(at+pageBytes, 2*pageBytes, win32.MEM_COMMIT, win32.PAGE_WRITECOPY); err != nil {
		t.Fatal(err)
	}
	win32.Bytes(at+pageBytes, 1)[0] = 1
	if got := win32.Bytes(second+pageBytes, 1)[0]; got != 0 {
		t.Errorf("the other view has %d", got)
	}
	win32.Bytes(second+2*pageBytes, 1)[0] = 2
	if got := win32.Bytes(at+2*pageBytes, 1)[0]; got != 2 {
		t.Errorf("the page that was not written has %d", got)
	}
}

// TestWritersGoOn: while pages become copies and are shared again, those who use them meet no fault.
func TestWritersGoOn(t *testing.T) {
	sectionsOfEachKind(t, 4, func(t *testing.T, section win32.Handle, _ bool) {
		at := mapView(t, section, win32.FILE_MAP_WRITE)
		var stop atomic.Bool
		begun, done := make(chan bool), make(chan bool)
		go func() {
			word := (*atomic.Uint32)(unsafe.Pointer(&win32.Bytes(at+pageBytes, 4)[0]))
			word.Add(1)
			close(begun)
			for !stop.Load() {
				word.Add(1)
			}
			close(done)
		}()
		<-begun
		var old uint32
		for range 100 {
			for _, to := range []uint32{win32.PAGE_WRITECOPY, win32.PAGE_READWRITE} {
				if err := win32.VirtualProtect(at, 4*pageBytes, to, &old); err != nil {
					t.Error(err)
				}
			}
		}
		stop.Store(true)
		<-done
	})
}

// withoutMremap runs a test on a thread of its own that the kernel has no memory for when it is to move or double a
// mapping.
func withoutMremap(t *testing.T, test func()) {
	done := make(chan error)
	go func() {
		defer close(done)
		runtime.LockOSThread() // for good: the filter stays
		program := []unix.SockFilter{
			{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS},
			{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_MREMAP, Jf: 1},
			{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.ENOMEM)},
			{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
		}
		filter := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			done <- err
			return
		}
		if err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&filter)), 0,
			0); err != nil {
			done <- err
			return
		}
		test()
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// TestPagesThatCannotReturn: pages that were to be shared again, for which the kernel has no memory, cannot be accessed
// and are reported that way; the next change gives them the section's contents, whatever the new protection.
func TestPagesThatCannotReturn(t *testing.T) {
	sectionsOfEachKind(t, 4, func(t *testing.T, section win32.Handle, _ bool) {
		at, other := mapView(t, section, win32.FILE_MAP_WRITE), mapView(t, section, win32.FILE_MAP_WRITE)
		for _, to := range []uint32{win32.PAGE_READWRITE, win32.PAGE_READONLY, win32.PAGE_WRITECOPY, win32.PAGE_NOACCESS} {
			win32.Bytes(other, pageBytes*2)[pageBytes] = 5
			protect(t, at, 1, 2, win32.PAGE_WRITECOPY, win32.PAGE_READWRITE)
			withoutMremap(t, func() {
				var old uint32
				err := win32.VirtualProtect(at+pageBytes, 2*pageBytes, win32.PAGE_READWRITE, &old)
				if err != win32.ERROR_NOT_ENOUGH_MEMORY {
					t.Errorf("without memory: %v", err)
				}
			})
			want := [][2]uint32{{1, win32.PAGE_READWRITE}, {2, win32.PAGE_NOACCESS}, {1, win32.PAGE_READWRITE}}
			if got := regions(t, at, 4*pageBytes); !slices.Equal(got, want) {
				t.Fatalf("the view has %v, want %v", got, want)
			}
			protect(t, at, 1, 2, to, win32.PAGE_NOACCESS)
			if to != win32.PAGE_NOACCESS {
				if got := win32.Bytes(at, 2*pageBytes)[pageBytes]; got != 5 {
					t.Errorf("%#x: the page has %d", to, got)
				}
			}
			protect(t, at, 1, 2, win32.PAGE_READWRITE, to)
			win32.Bytes(at, 2*pageBytes)[pageBytes] = 6
			if got := win32.Bytes(other, 2*pageBytes)[pageBytes]; got != 6 {
				t.Errorf("%#x, then shared again: the other view has %d", to, got)
			}
		}
	})
}
