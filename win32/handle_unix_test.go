//go:build unix

package win32_test

import (
	"errors"
	"io/fs"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/win32"
)

func TestHandleNumbers(t *testing.T) {
	many := min(3000, descriptors(t)-100) // a semaphore takes one
	seen := map[win32.Handle]bool{}
	for range 2 {
		var open []win32.Handle
		for range many {
			h, err := win32.CreateSemaphore(nil, 0, 1, nil)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { win32.CloseHandle(h) }) // or a failure here has all others fail too
			open = append(open, h)
			if h == 0 || h == win32.InvalidHandle || h%4 != 0 || h < 0x10000 || h>>31 != 0 {
				t.Fatalf("%#x is no number for a handle", h)
			}
			if seen[h] {
				t.Fatalf("%#x was used before", h)
			}
			seen[h] = true
		}
		for _, h := range open {
			if err := win32.CloseHandle(h); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range many { // one at a time: its slot would be the next one's
		h, err := win32.CreateSemaphore(nil, 0, 1, nil)
		if err != nil || seen[h] {
			t.Fatalf("%#x was used before: %v", h, err)
		}
		seen[h] = true
		win32.CloseHandle(h)
	}
}

// descriptors is how many descriptors this process may have.
func descriptors(t *testing.T) int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	return int(min(limit.Cur, 1<<20))
}

// TestLowBits: the two lowest bits of a handle are not looked at.
func TestLowBits(t *testing.T) {
	h, err := win32.CreateEvent(nil, 0, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := win32.SetEvent(h | 3); err != nil {
		t.Error(err)
	}
	if event, err := win32.WaitForSingleObject(h|1, 0); event != win32.WAIT_OBJECT_0 || err != nil {
		t.Errorf("%#x, %v", event, err)
	}
	if err := win32.CloseHandle(h); err != nil {
		t.Error(err)
	}
}

// TestClosedHandles: every call refuses a handle that is closed, that never was, or that is of another kind.
func TestClosedHandles(t *testing.T) {
	closed, err := win32.CreateEvent(nil, 0, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := win32.CloseHandle(closed); err != nil {
		t.Fatal(err)
	}
	section, err := win32.CreateFileMapping(win32.InvalidHandle, nil, win32.PAGE_READWRITE, 0, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer win32.CloseHandle(section)
	var size int64
	var flags uint32
	var info win32.SectionBasicInformation
	self := win32.CurrentProcess()
	for name, call := range map[string]func(h win32.Handle) error{
		"SetEvent": win32.SetEvent, "ResetEvent": win32.ResetEvent, "PulseEvent": win32.PulseEvent,
		"ReleaseMutex":     win32.ReleaseMutex,
		"ReleaseSemaphore": func(h win32.Handle) error { return win32.ReleaseSemaphore(h, 1, nil) },
		"GetFileSizeEx":    func(h win32.Handle) error { return win32.GetFileSizeEx(h, &size) },
		"CreateFileMapping": func(h win32.Handle) error {
			_, err := win32.CreateFileMapping(h, nil, win32.PAGE_READWRITE, 0, 1, nil)
			return err
		},
		"SignalObjectAndWait": func(h win32.Handle) error {
			_, err := win32.SignalObjectAndWait(h, closed, 0, false)
			return err
		},
	} {
		for _, h := range []win32.Handle{closed, 0x7ffffff0, section} {
			if name == "CreateFileMapping" && h == 0 {
				continue
			}
			if err := call(h); err != win32.ERROR_INVALID_HANDLE {
				t.Errorf("%s of %#x gives %v", name, h, err)
			}
		}
	}
	for name, call := range map[string]func() error{
		"CloseHandle":          func() error { return win32.CloseHandle(closed) },
		"MapViewOfFile":        func() error { _, err := win32.MapViewOfFile(closed, 4, 0, 0, 0); return err },
		"NtQuerySection":       func() error { return win32.NtQuerySection(closed, &info) },
		"GetHandleInformation": func() error { return win32.GetHandleInformation(closed, &flags) },
		"SetHandleInformation": func() error { return win32.SetHandleInformation(closed, 1, 1) },
		"DuplicateHandle": func() error {
			var to win32.Handle
			return win32.DuplicateHandle(self, closed, self, &to, 0, false, win32.DUPLICATE_SAME_ACCESS)
		},
		"WaitForSingleObject": func() error { _, err := win32.WaitForSingleObject(closed, 0); return err },
		"WaitForMultipleObjects": func() error {
			_, err := win32.WaitForMultipleObjects([]win32.Handle{closed}, false, 0)
			return err
		},
	} {
		if err := call(); err != win32.ERROR_INVALID_HANDLE {
			t.Errorf("%s of a closed handle gives %v", name, err)
		}
	}
}

// TestCloseUnderCalls: handles are closed while others use them. Each call works or reports that the handle is closed.
func TestCloseUnderCalls(t *testing.T) {
	const rounds, users = 300, 4
	for range rounds {
		h, err := win32.CreateEvent(nil, 1, 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for range users {
			all.Go(func() {
				for {
					err := win32.SetEvent(h)
					if err == nil {
						_, err = win32.WaitForSingleObject(h, 0)
					}
					if err == win32.ERROR_INVALID_HANDLE {
						return
					}
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		if err := win32.CloseHandle(h); err != nil {
			t.Error(err)
		}
		all.Wait()
	}
}

func TestDuplicatesShareAnObject(t *testing.T) {
	self := win32.CurrentProcess()
	h, err := win32.CreateEvent(nil, 0, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	var waits win32.Handle
	if err := win32.DuplicateHandle(self, h, self, &waits, win32.SYNCHRONIZE, true, 0); err != nil {
		t.Fatal(err)
	}
	if !win32.CompareObjectHandles(h, waits) || win32.CompareObjectHandles(h, self) {
		t.Error("CompareObjectHandles does not tell them apart")
	}
	if err := win32.SetEvent(waits); err != win32.ERROR_ACCESS_DENIED {
		t.Errorf("a duplicate without the right sets: %v", err)
	}
	if err := win32.SetEvent(h); err != nil {
		t.Error(err)
	}
	if err := win32.CloseHandle(h); err != nil {
		t.Error(err)
	}
	var flags uint32
	if err := win32.GetHandleInformation(waits, &flags); err != nil || flags != win32.HANDLE_FLAG_INHERIT {
		t.Errorf("flags %#x, %v", flags, err)
	}
	if event, err := win32.WaitForSingleObject(waits, 0); event != win32.WAIT_OBJECT_0 || err != nil {
		t.Errorf("the duplicate's wait gives %#x, %v", event, err)
	}
	if err := win32.DuplicateHandle(self, waits, self, nil, 0, false,
		win32.DUPLICATE_CLOSE_SOURCE|win32.DUPLICATE_SAME_ACCESS); err != nil {
		t.Error(err)
	}
	if _, err := win32.WaitForSingleObject(waits, 0); err != win32.ERROR_INVALID_HANDLE {
		t.Errorf("the closed source's wait gives %v", err)
	}
}

func TestErrnoMatchesPortableErrors(t *testing.T) {
	for code, want := range map[win32.Errno]error{
		win32.ERROR_FILE_EXISTS: fs.ErrExist, win32.ERROR_FILE_NOT_FOUND: fs.ErrNotExist,
		win32.ERROR_ALREADY_EXISTS: fs.ErrExist,
		win32.ERROR_ACCESS_DENIED:  fs.ErrPermission, win32.ERROR_NOT_SUPPORTED: errors.ErrUnsupported,
	} {
		if !errors.Is(code, want) || code.Error() == "" {
			t.Errorf("%d is no %v", code, want)
		}
	}
}

func TestNamesInUTF16(t *testing.T) {
	for _, s := range []string{"", "plain", "Ünïcödé", "漢字😀", "lone\xed\xa0\x80surrogate", "\xed\xb0\x80"} {
		units, err := win32.UTF16FromString(s)
		if err != nil {
			t.Fatal(err)
		}
		if got := win32.UTF16ToString(units); got != s {
			t.Errorf("%q comes back as %q", s, got)
		}
		if got := win32.UTF16PtrToString(&units[0]); got != s {
			t.Errorf("%q comes back as %q", s, got)
		}
	}
	if _, err := win32.UTF16FromString("a\x00b"); err == nil {
		t.Error("a NUL is taken")
	}
	if got := win32.UTF16ToString([]uint16{'a', 0xD800, 0xDC00, 0}); got != "a\U00010000" {
		t.Errorf("a pair becomes %q", got)
	}
	if got := win32.UTF16PtrToString(nil); got != "" {
		t.Errorf("nil becomes %q", got)
	}
}

func TestOldNamesOfUTF16(t *testing.T) {
	if got := win32.StringToUTF16("Local\\é"); !slices.Equal(got, []uint16{'L', 'o', 'c', 'a', 'l', '\\', 'é', 0}) {
		t.Errorf("%v", got)
	}
	if got := win32.UTF16PtrToString(win32.StringToUTF16Ptr("漢字")); got != "漢字" {
		t.Errorf("%q", got)
	}
	defer func() {
		if recover() == nil {
			t.Error("a NUL is taken")
		}
	}()
	win32.StringToUTF16("a\x00b")
}

func TestSleep(t *testing.T) {
	const milliseconds = 3
	for _, alertable := range []bool{false, true} {
		began := time.Now()
		if got := win32.SleepEx(milliseconds, alertable); got != 0 || time.Since(began) < milliseconds*time.Millisecond {
			t.Errorf("SleepEx gives %d after %v", got, time.Since(began))
		}
	}
}

func TestNamesOfTheAFunctions(t *testing.T) {
	for _, c := range []struct {
		name string
		want error
	}{
		{strings.Repeat("n", win32.MAX_PATH), nil},
		{strings.Repeat("n", win32.MAX_PATH+1), win32.ERROR_FILENAME_EXCED_RANGE},
		{strings.Repeat("é", win32.MAX_PATH), nil},
		{strings.Repeat("😀", win32.MAX_PATH/2+1), win32.ERROR_FILENAME_EXCED_RANGE},
		{"\xff", win32.ERROR_INVALID_NAME},
	} {
		bytes := append([]byte(c.name), 0)
		p, err := win32.UTF16PtrFromANSI(&bytes[0])
		if err != c.want || err == nil && win32.UTF16PtrToString(p) != c.name {
			t.Errorf("%.20q, %d bytes: %v, want %v", c.name, len(c.name), err, c.want)
		}
	}
	if p, err := win32.UTF16PtrFromANSI(nil); p != nil || err != nil {
		t.Errorf("nil gives %v, %v", p, err)
	}
}

// TestNamedReservation: pages of a section that has a name are committed when they are mapped, which VirtualQuery says.
func TestNamedReservation(t *testing.T) {
	h, err := win32.CreateFileMapping(win32.InvalidHandle, nil, win32.PAGE_READWRITE|win32.SEC_RESERVE, 0, 1<<20,
		wide(`Local\win32.reserved`))
	if err != nil {
		t.Fatal(err)
	}
	defer win32.CloseHandle(h)
	at, err := win32.MapViewOfFile(h, win32.FILE_MAP_WRITE, 0, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer win32.UnmapViewOfFile(at)
	win32.Bytes(at, 1)[0] = 1
	var m win32.MemoryBasicInformation
	if err := win32.VirtualQuery(at, &m, unsafe.Sizeof(m)); err != nil || m.State != win32.MEM_COMMIT ||
		m.RegionSize != 1<<20 {
		t.Errorf("%+v, %v", m, err)
	}
	if got, err := win32.VirtualAlloc(at, 4096, win32.MEM_COMMIT, win32.PAGE_READWRITE); got != at || err != nil {
		t.Errorf("%#x, %v", got, err)
	}
}

// TestOrderOfChecks: if a call to MapViewOfFile has several faults, it reports the first in Windows' order.
func TestOrderOfChecks(t *testing.T) {
	create := func(name string, protect uint32) win32.Handle {
		h, err := win32.CreateFileMapping(win32.InvalidHandle, nil, protect, 0, 1<<17, wide(name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { win32.CloseHandle(h) })
		return h
	}
	open := func(name string, access uint32) win32.Handle {
		h, err := win32.OpenFileMapping(access, false, wide(name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { win32.CloseHandle(h) })
		return h
	}
	both := create(`Local\win32.order.rw`, win32.PAGE_READWRITE)
	create(`Local\win32.order.ro`, win32.PAGE_READONLY)
	reads, forbidden := open(`Local\win32.order.rw`, win32.FILE_MAP_READ),
		open(`Local\win32.order.ro`, win32.FILE_MAP_WRITE)
	const all = ^uintptr(0)
	for _, c := range []struct {
		handle win32.Handle
		offset uint32
		length uintptr
		want   error
	}{
		{0x7ffffff0, 1, all, win32.ERROR_INVALID_HANDLE},
		{reads, 1, all, win32.ERROR_ACCESS_DENIED},
		{forbidden, 1, all, win32.ERROR_MAPPED_ALIGNMENT},
		{both, 1, all, win32.ERROR_MAPPED_ALIGNMENT},
		{both, 1, 1 << 20, win32.ERROR_MAPPED_ALIGNMENT},
		{forbidden, 1 << 20, 1, win32.ERROR_INVALID_PARAMETER},
		{both, 1 << 20, all, win32.ERROR_INVALID_PARAMETER},
		{both, 1 << 20, 1, win32.ERROR_ACCESS_DENIED},
		{both, 0, 1<<17 + 1, win32.ERROR_ACCESS_DENIED},
		{both, 0, all - 1, win32.ERROR_ACCESS_DENIED},
	} {
		if at, err := win32.MapViewOfFile(c.handle, win32.FILE_MAP_WRITE, 0, c.offset, c.length); err != c.want || at != 0 {
			t.Errorf("handle %#x, offset %#x, length %#x: %#x, %v, want %v", c.handle, c.offset, c.length, at, err, c.want)
		}
	}
}

// TestErrorTexts: every error that has a name here says what it means, and not its number alone.
func TestErrorTexts(t *testing.T) {
	source, err := os.ReadFile("const.go")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^\t(\w+) +Errno = (\d+)$`).FindAllStringSubmatch(string(source), -1)
	if len(found) < 30 {
		t.Fatalf("only %d errors in const.go", len(found))
	}
	for _, m := range found {
		number, err := strconv.ParseUint(m[2], 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		code := namedshm.Code(number)
		if text := win32.Errno(number).Error(); number != 0 &&
			(strings.HasPrefix(text, "Win32 error") || code.Symbol() != m[1]) {
			t.Errorf("%s is printed as %q, but Code.Symbol gives %q", m[1], text, code.Symbol())
		}
	}
}

// TestNilResults: a call without a place for its result fails, and does nothing.
func TestNilResults(t *testing.T) {
	h, err := win32.CreateFileMapping(win32.InvalidHandle, nil, win32.PAGE_READWRITE, 0, 1<<16, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer win32.CloseHandle(h)
	at, err := win32.MapViewOfFile(h, win32.FILE_MAP_WRITE, 0, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer win32.UnmapViewOfFile(at)
	if err := win32.VirtualProtect(at, 4096, win32.PAGE_READONLY, nil); err != win32.ERROR_NOACCESS {
		t.Errorf("VirtualProtect gives %v", err)
	}
	var m win32.MemoryBasicInformation
	if err := win32.VirtualQuery(at, &m, unsafe.Sizeof(m)); err != nil || m.Protect != win32.PAGE_READWRITE ||
		m.RegionSize != 1<<16 {
		t.Errorf("%+v, %v", m, err)
	}
	for address, length := range map[uintptr]uintptr{at: unsafe.Sizeof(m), 0: unsafe.Sizeof(m) + 1} {
		if err := win32.VirtualQuery(address, nil, length); err != win32.ERROR_NOACCESS {
			t.Errorf("VirtualQuery gives %v", err)
		}
	}
	if err := win32.VirtualQuery(at, nil, 1); err != win32.ERROR_BAD_LENGTH {
		t.Errorf("VirtualQuery of too few bytes gives %v", err)
	}
}

// reserve makes a section without a name whose pages are only reserved, and a view of it.
func reserve(t *testing.T, size uint32) (section win32.Handle, at uintptr) {
	t.Helper()
	h, err := win32.CreateFileMapping(win32.InvalidHandle, nil, win32.PAGE_READWRITE|win32.SEC_RESERVE, 0, size, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { win32.CloseHandle(h) })
	at, err = win32.MapViewOfFile(h, win32.FILE_MAP_WRITE, 0, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { win32.UnmapViewOfFile(at) })
	return h, at
}

// regions are what VirtualQuery reports for a view from beginning to end, as sizes in pages and protections.
func regions(t *testing.T, at, size uintptr) (told [][2]uint32) {
	t.Helper()
	for end := at + size; at < end; {
		var m win32.MemoryBasicInformation
		if err := win32.VirtualQuery(at, &m, unsafe.Sizeof(m)); err != nil || m.RegionSize == 0 || m.BaseAddress != at {
			t.Fatalf("%+v, %v", m, err)
		}
		told = append(told, [2]uint32{uint32(m.RegionSize / 4096), m.Protect})
		at += m.RegionSize
	}
	return told
}

// TestProtectionNeedsCommittedPages: pages that are reserved do not become usable by VirtualProtect, wherever they are
// in the range, and what is committed is committed in all views.
func TestProtectionNeedsCommittedPages(t *testing.T) {
	const page, size = 4096, 1 << 17
	h, at := reserve(t, size)
	second, err := win32.MapViewOfFile(h, win32.FILE_MAP_WRITE, 0, 1<<16, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer win32.UnmapViewOfFile(second)
	commit := func(from, pages uintptr) {
		t.Helper()
		if got, err := win32.VirtualAlloc(at+from*page, pages*page, win32.MEM_COMMIT, win32.PAGE_READWRITE); got != at+
			from*page || err != nil {
			t.Fatalf("%#x, %v", got, err)
		}
	}
	wants := func(at, size uintptr, want ...[2]uint32) {
		t.Helper()
		if got := regions(t, at, size); !slices.Equal(got, want) {
			t.Errorf("the view has %v, want %v", got, want)
		}
	}
	const reserved, both, reads = 0, win32.PAGE_READWRITE, win32.PAGE_READONLY
	commit(2, 2)
	commit(15, 2)
	wants(at, size, [2]uint32{2, reserved}, [2]uint32{2, both}, [2]uint32{11, reserved}, [2]uint32{2, both},
		[2]uint32{15, reserved})
	wants(second, size/2, [2]uint32{1, both}, [2]uint32{15, reserved})
	win32.Bytes(second, 1)[0] = 7
	if got := win32.Bytes(at, size)[16*page]; got != 7 {
		t.Errorf("the other view has %d", got)
	}
	var old uint32
	for _, r := range [][2]uintptr{{1, 2}, {3, 2}, {2, 14}, {4, 1}} {
		if err := win32.VirtualProtect(at+r[0]*page, r[1]*page, reads, &old); err != win32.ERROR_INVALID_ADDRESS {
			t.Errorf("%d pages from %d on give %v", r[1], r[0], err)
		}
	}
	if err := win32.VirtualProtect(at+3*page, page, reads, &old); err != nil || old != both {
		t.Errorf("%#x, %v", old, err)
	}
	commit(2, 14)
	// all of it gets the protection that is asked for
	wants(at, size, [2]uint32{2, reserved}, [2]uint32{15, both}, [2]uint32{15, reserved})
	if err := win32.VirtualProtect(at+2*page, 15*page, both, &old); err != nil || old != both {
		t.Errorf("%#x, %v", old, err)
	}
	win32.Bytes(at, size)[3*page] = 1
	wants(at, size, [2]uint32{2, reserved}, [2]uint32{15, both}, [2]uint32{15, reserved})
}

// TestLargeViewsCostNoMore: what is kept of protections and of committed pages does not grow with their number.
func TestLargeViewsCostNoMore(t *testing.T) {
	cost := func(size uint32) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, at := reserve(t, size)
		_, err := win32.VirtualAlloc(at, uintptr(size), win32.MEM_COMMIT, win32.PAGE_READWRITE)
		var old uint32
		if err == nil {
			err = win32.VirtualProtect(at, uintptr(size), win32.PAGE_READONLY, &old)
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := regions(t, at, uintptr(size)); len(got) != 1 {
			t.Errorf("the view has %v", got)
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	cost(1 << 16) // what the first section costs in addition
	small, large := cost(1<<16), cost(1<<30)
	if large > 8*small {
		t.Errorf("64 KiB cost %d bytes, 1 GiB %d", small, large)
	}
	t.Logf("64 KiB cost %d bytes, 1 GiB %d", small, large)
}
