package namedshm_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/inspect"
	"github.com/namedshm/namedshm/internal/depth"
	"github.com/namedshm/namedshm/upkeep"
)

// Whatever a caller passes and whatever is in the directories, a call gives the error that Windows would give, nobody
// else's objects are harmed, and nothing crashes.

// isolate gives a test namespaces of its own, where the platform can. It returns the prefixes that may be used.
func isolate(t *testing.T) (root string, prefixes []string) {
	t.Helper()
	prefixes = []string{`Local\`, `Global\`}
	if runtime.GOOS == "windows" {
		return "", prefixes
	}
	if os.Geteuid() != 0 {
		t.Log("without root: no Global names")
		prefixes = prefixes[:1]
	}
	parent := "/dev/shm"
	if runtime.GOOS != "linux" {
		parent = ""
	}
	root, err := os.MkdirTemp(parent, "namedshm-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	t.Setenv("NAMEDSHM_ROOT", root)
	return root, prefixes
}

// ownName is a name that no other test, and no other run of this one, uses.
func ownName(t *testing.T, prefix string) string {
	return fmt.Sprintf("%s%s.%d", prefix, strings.ReplaceAll(t.Name(), "/", "."), os.Getpid())
}

func mustCreate(t *testing.T, name string, size int64, access namedshm.Access,
	options ...namedshm.SectionOption) *namedshm.Section {
	t.Helper()
	s, err := namedshm.Create(name, size, access, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func mustMap(t *testing.T, s *namedshm.Section, access namedshm.Access) *namedshm.View {
	t.Helper()
	v, err := s.Map(0, 0, access)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

// wantCode wants this package's error with a code, and a text that fits on a screen.
func wantCode(t *testing.T, what string, err error, want ...namedshm.Code) {
	t.Helper()
	var e *namedshm.Error
	if !errors.As(err, &e) {
		t.Errorf("%s: %v, want %v", what, err, want)
		return
	}
	for _, code := range want {
		if e.Code == code && errors.Is(err, code) {
			if e.Op == "" || len(err.Error()) > 1500 || strings.ContainsAny(err.Error(), "\n\x00") {
				t.Errorf("%s: not a line for people: %q", what, err)
			}
			return
		}
	}
	t.Errorf("%s: %v, want %v", what, err, want)
}

// bystander is an object that no bad call may harm. The function it returns checks that it is as it was.
func bystander(t *testing.T, prefix string) (check func()) {
	name := ownName(t, prefix) + ".bystander"
	s := mustCreate(t, name, 100, namedshm.ReadWrite)
	v := mustMap(t, s, namedshm.ReadWrite)
	copy(v.Bytes(), "unharmed")
	return func() {
		t.Helper()
		o, err := namedshm.Open(name, namedshm.Read)
		if err != nil {
			t.Fatal("the bystander is lost: ", err)
		}
		defer o.Close()
		w, err := o.Map(0, 0, namedshm.Read)
		if err != nil {
			t.Fatal("the bystander is lost: ", err)
		}
		defer w.Close()
		if !bytes.HasPrefix(w.Bytes(), []byte("unharmed")) {
			t.Fatalf("the bystander's bytes are %q", w.Bytes()[:8])
		}
	}
}

func TestBadNames(t *testing.T) {
	isolate(t)
	check := bystander(t, `Local\`)
	for what, c := range map[string]struct {
		name string
		want namedshm.Code
	}{
		"a backslash inside":              {`a\b`, namedshm.ErrPathNotFound},
		"a backslash at the end":          {`a\`, namedshm.ErrPathNotFound},
		"a backslash at the beginning":    {`\a`, namedshm.ErrBadPathname},
		"only a backslash":                {`\`, namedshm.ErrBadPathname},
		"no such directory":               {`Local\Globalx\a`, namedshm.ErrPathNotFound},
		"nothing behind Global":           {`Global\`, namedshm.ErrInvalidName},
		"nothing behind Local":            {`Local\`, namedshm.ErrInvalidName},
		"two backslashes behind Global":   {`Global\\a`, namedshm.ErrInvalidName},
		"a prefix in capitals":            {`LOCAL\a`, namedshm.ErrPathNotFound},
		"a prefix alone":                  {`Global`, namedshm.ErrInvalidHandle},
		"a numbered session without one":  {`Session\999\a`, namedshm.ErrPathNotFound},
		"a NUL":                           {"a\x00b", namedshm.ErrInvalidName},
		"only a NUL":                      {"\x00", namedshm.ErrInvalidName},
		"no UTF-8":                        {"a\xff\xfe", namedshm.ErrInvalidName},
		"half a surrogate":                {"a\xed\xa0", namedshm.ErrInvalidName},
		"40,000 characters":               {strings.Repeat("n", 40000), namedshm.ErrNameTooLong},
		"40,000 characters behind Global": {`Global\` + strings.Repeat("n", 40000), namedshm.ErrNameTooLong},
		"32,768 units in 16,384 runes":    {strings.Repeat("\U0001F600", 16384), namedshm.ErrNameTooLong},
	} {
		_, err := namedshm.Create(c.name, 4096, namedshm.ReadWrite)
		wantCode(t, "Create, "+what, err, c.want)
		_, _, err = namedshm.OpenOrCreate(c.name, 4096, namedshm.ReadWrite)
		wantCode(t, "OpenOrCreate, "+what, err, c.want)
		_, err = namedshm.Open(c.name, namedshm.Read)
		wantCode(t, "Open, "+what, err, c.want)
		_, err = namedshm.WaitOpen(context.Background(), c.name, namedshm.Read)
		wantCode(t, "WaitOpen, "+what, err, c.want)
		_, err = inspect.Stat(c.name)
		wantCode(t, "Stat, "+what, err, c.want)
		check()
	}
	_, err := namedshm.Open("", namedshm.Read)
	wantCode(t, "Open of the empty name", err, namedshm.ErrInvalidHandle)
	_, err = inspect.Stat("")
	wantCode(t, "Stat of the empty name", err, namedshm.ErrInvalidHandle)
}

func TestBadSizesAndAccesses(t *testing.T) {
	_, prefixes := isolate(t)
	check := bystander(t, `Local\`)
	for _, prefix := range append(prefixes, "") {
		name := ""
		if prefix != "" {
			name = ownName(t, prefix)
		}
		for what, c := range map[string]struct {
			size    int64
			access  namedshm.Access
			protect namedshm.Protection
			want    namedshm.Code
		}{
			"size 0":                      {0, namedshm.Read, namedshm.PageReadWrite, namedshm.ErrInvalidParameter},
			"size -1":                     {-1, namedshm.Read, namedshm.PageReadWrite, namedshm.ErrInvalidParameter},
			"the smallest size":           {math.MinInt64, namedshm.Read, namedshm.PageReadWrite, namedshm.ErrInvalidParameter},
			"size 2^47":                   {1 << 47, namedshm.Read, namedshm.PageReadWrite, namedshm.ErrNotEnoughMemory},
			"size 2^62":                   {1 << 62, namedshm.Read, namedshm.PageReadWrite, namedshm.ErrNotEnoughMemory},
			"the largest size":            {math.MaxInt64, namedshm.Read, namedshm.PageReadWrite, namedshm.ErrNotEnoughMemory},
			"no access":                   {4096, 0, namedshm.PageReadWrite, namedshm.ErrAccessDenied},
			"unknown access":              {4096, 0x8000, namedshm.PageReadWrite, namedshm.ErrInvalidParameter},
			"no protection":               {4096, namedshm.Read, 0, namedshm.ErrInvalidParameter},
			"two protections":             {4096, namedshm.Read, 6, namedshm.ErrInvalidParameter},
			"write to a read-only one":    {4096, namedshm.ReadWrite, namedshm.PageReadOnly, namedshm.ErrInvalidParameter},
			"execute of a read-write one": {4096, namedshm.Execute, namedshm.PageReadWrite, namedshm.ErrInvalidParameter},
		} {
			_, err := namedshm.Create(name, c.size, c.access, namedshm.WithProtection(c.protect))
			wantCode(t, what, err, c.want)
			_, _, err = namedshm.OpenOrCreate(name, c.size, c.access, namedshm.WithProtection(c.protect))
			wantCode(t, what, err, c.want)
			check()
		}
		if name != "" {
			_, err := namedshm.Open(name, 0)
			wantCode(t, "Open without access", err, namedshm.ErrAccessDenied)
			_, err = namedshm.Open(name, 0x8000)
			wantCode(t, "Open with unknown access", err, namedshm.ErrInvalidParameter)
			_, err = namedshm.Open(name, namedshm.Read)
			wantCode(t, "what could not be made", err, namedshm.ErrFileNotFound)
		}
	}
}

func TestBadRanges(t *testing.T) {
	_, prefixes := isolate(t)
	outside := []namedshm.Code{namedshm.ErrAccessDenied}
	if runtime.GOOS == "windows" {
		outside = append(outside, namedshm.ErrInvalidParameter) // Wine
	}
	for _, prefix := range prefixes {
		const size = 3 * 65536
		s := mustCreate(t, ownName(t, prefix), size, namedshm.ReadWrite)
		v := mustMap(t, s, namedshm.ReadWrite)
		copy(v.Bytes(), "unharmed")
		for _, c := range []struct {
			offset, length int64
			want           []namedshm.Code
		}{
			{1, 0, []namedshm.Code{namedshm.ErrMappedAlignment}},
			{4096, 0, []namedshm.Code{namedshm.ErrMappedAlignment}},
			{65535, 1, []namedshm.Code{namedshm.ErrMappedAlignment}},
			{-1, 0, []namedshm.Code{namedshm.ErrMappedAlignment}},
			{math.MaxInt64, 1, []namedshm.Code{namedshm.ErrMappedAlignment}},
			{size, 0, outside},
			{size, 1, outside},
			{size + 65536, 0, outside},
			{-65536, 0, outside},
			{-65536, 65536, outside},
			{math.MinInt64, 0, outside},
			{math.MaxInt64 &^ 65535, 1, outside},
			{math.MaxInt64 &^ 65535, math.MaxInt64, outside},
			{0, size + 1, outside},
			{65536, size, outside},
			{0, math.MaxInt64, outside},
			{65536, math.MaxInt64, outside},
			{0, -1, []namedshm.Code{namedshm.ErrInvalidParameter}},
			{0, math.MinInt64, []namedshm.Code{namedshm.ErrInvalidParameter}},
			{1, -1, []namedshm.Code{namedshm.ErrMappedAlignment}},
		} {
			if v, err := s.Map(c.offset, c.length, namedshm.Read); err == nil {
				t.Errorf("%d bytes from %d on are a view of %d bytes", c.length, c.offset, v.Len())
				v.Close()
			} else {
				wantCode(t, fmt.Sprintf("%d bytes from %d on", c.length, c.offset), err, c.want...)
			}
		}
		_, err := s.Map(0, 0, 0x8000)
		wantCode(t, "a view with unknown access", err, namedshm.ErrInvalidParameter)
		if got := mustMap(t, s, namedshm.Read); string(got.Bytes()[:8]) != "unharmed" || got.Len() != size {
			t.Errorf("the section has %d bytes, beginning %q", got.Len(), got.Bytes()[:8])
		}
	}
}

func TestAViewHasNoMoreAccessThanItsHandle(t *testing.T) {
	_, prefixes := isolate(t)
	for _, prefix := range prefixes {
		name := ownName(t, prefix)
		s := mustCreate(t, name, 4096, namedshm.ReadWrite)
		for _, handle := range []namedshm.Access{namedshm.Read, namedshm.Copy} {
			o, err := namedshm.Open(name, handle)
			if err != nil {
				t.Fatal(err)
			}
			for _, access := range []namedshm.Access{namedshm.Write, namedshm.ReadWrite, namedshm.Read | namedshm.Execute,
				namedshm.Copy | namedshm.Write} {
				_, err := o.Map(0, 0, access)
				wantCode(t, fmt.Sprintf("%v of a handle for %v", access, handle), err, namedshm.ErrAccessDenied)
			}
			o.Close()
		}
		v := mustMap(t, s, namedshm.Read)
		n, err := v.WriteAt([]byte("x"), 0)
		wantCode(t, "writing to a view for reading", err, namedshm.ErrAccessDenied)
		if n != 0 || v.Bytes()[0] != 0 {
			t.Errorf("%d bytes were written", n)
		}
		none, err := s.Map(0, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, err = none.ReadAt(make([]byte, 1), 0)
		wantCode(t, "reading a view without access", err, namedshm.ErrAccessDenied)
		none.Close()
	}
}

func TestUseAfterClose(t *testing.T) {
	_, prefixes := isolate(t)
	for _, prefix := range prefixes {
		name := ownName(t, prefix)
		s := mustCreate(t, name, 100, namedshm.ReadWrite)
		v := mustMap(t, s, namedshm.ReadWrite)
		other := mustMap(t, s, namedshm.Read)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		wantCode(t, "second Close of a section", s.Close(), namedshm.ErrInvalidHandle)
		_, err := s.Map(0, 0, namedshm.Read)
		wantCode(t, "Map after Close", err, namedshm.ErrInvalidHandle)
		if !errors.Is(err, os.ErrClosed) {
			t.Errorf("%v does not match os.ErrClosed", err)
		}
		if s.Name() != name || s.Size() != int64(os.Getpagesize()) || s.Access() != namedshm.ReadWrite {
			t.Errorf("after Close: name %q, size %d, access %v", s.Name(), s.Size(), s.Access())
		}
		_, err = namedshm.Open(name, namedshm.Read)
		wantCode(t, "Open after the last Close", err, namedshm.ErrFileNotFound)

		if _, err := v.WriteAt([]byte("on"), 0); err != nil { // a view goes on
			t.Error(err)
		}
		if err := v.Close(); err != nil {
			t.Fatal(err)
		}
		wantCode(t, "second Close of a view", v.Close(), namedshm.ErrInvalidAddress)
		wantCode(t, "Flush after Close", v.Flush(), namedshm.ErrInvalidAddress)
		_, err = v.ReadAt(make([]byte, 1), 0)
		wantCode(t, "ReadAt after Close", err, namedshm.ErrInvalidHandle)
		_, err = v.WriteAt(make([]byte, 1), 0)
		wantCode(t, "WriteAt after Close", err, namedshm.ErrInvalidHandle)
		_, err = namedshm.At[int32](v, 0)
		wantCode(t, "At after Close", err, namedshm.ErrInvalidHandle)
		if v.Bytes() != nil || v.Len() != int(s.Size()) {
			t.Errorf("after Close: %d bytes, length %d", len(v.Bytes()), v.Len())
		}
		if string(other.Bytes()[:2]) != "on" {
			t.Error("the other view lost its bytes")
		}
	}
}

func TestReadAtAndWriteAtBounds(t *testing.T) {
	isolate(t)
	s := mustCreate(t, "", 4096, namedshm.ReadWrite)
	v, err := s.Map(0, 100, namedshm.ReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	for i := range v.Bytes() {
		v.Bytes()[i] = byte(i)
	}
	for _, c := range []struct {
		length int
		off    int64
		n      int
		err    error
	}{
		{100, 0, 100, nil}, {101, 0, 100, io.EOF}, {10, 95, 5, io.EOF}, {1, 100, 0, io.EOF}, {0, 100, 0, nil},
		{1, 101, 0, io.EOF}, {1, math.MaxInt64, 0, io.EOF}, {1, -1, 0, namedshm.ErrAccessDenied},
		{1, math.MinInt64, 0, namedshm.ErrAccessDenied},
	} {
		p := make([]byte, c.length)
		n, err := v.ReadAt(p, c.off)
		if n != c.n || !errors.Is(err, c.err) || n > 0 && p[0] != byte(c.off) {
			t.Errorf("ReadAt of %d bytes at %d gives %d, %v, want %d, %v", c.length, c.off, n, err, c.n, c.err)
		}
	}
	for _, c := range []struct {
		length int
		off    int64
	}{{101, 0}, {2, 99}, {1, 100}, {0, 101}, {1, -1}, {1, math.MaxInt64}, {100, math.MaxInt64 - 50}, {1, math.MinInt64}} {
		n, err := v.WriteAt(bytes.Repeat([]byte{0xEE}, c.length), c.off)
		wantCode(t, fmt.Sprintf("WriteAt of %d bytes at %d", c.length, c.off), err, namedshm.ErrAccessDenied)
		if n != 0 || !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("WriteAt of %d bytes at %d wrote %d: %v", c.length, c.off, n, err)
		}
	}
	if bytes.Contains(v.Bytes()[:cap(v.Bytes())], []byte{0xEE}) {
		t.Error("a refused write wrote something")
	}
	if n, err := v.WriteAt([]byte{1, 2}, 98); n != 2 || err != nil {
		t.Error(n, err)
	}
}

// TestOutsideNamesTheFirstByte: an error says which byte it is that is not there, whatever the numbers.
func TestOutsideNamesTheFirstByte(t *testing.T) {
	isolate(t)
	v, err := mustCreate(t, "", 4096, namedshm.ReadWrite).Map(0, 100, namedshm.ReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	write := func(n int, off int64) error { _, err := v.WriteAt(make([]byte, n), off); return err }
	read := func(n int, off int64) error { _, err := v.ReadAt(make([]byte, n), off); return err }
	at := func(off int64) error { _, err := namedshm.At[int64](v, off); return err }
	slice := func(off int64, n int) error { _, err := namedshm.SliceAt[int32](v, off, n); return err }
	for _, c := range []struct {
		err   error
		first int64
	}{
		{write(10, -1), -1}, {write(10, -11), -11}, {write(10, 95), 100}, {write(101, 0), 100}, {write(1, 100), 100},
		{write(1, 200), 200},
		{write(100, math.MaxInt64-50), math.MaxInt64 - 50}, {write(10, math.MinInt64), math.MinInt64},
		{read(10, -1), -1}, {read(1, math.MinInt64), math.MinInt64},
		{at(-8), -8}, {at(96), 100}, {at(100), 100}, {at(104), 104}, {slice(0, 26), 100}, {slice(-4, 2), -4},
		{slice(400, math.MaxInt), 400},
	} {
		if want := fmt.Sprintf(": byte %d is outside the view of 100 bytes", c.first); c.err == nil ||
			!strings.Contains(c.err.Error(), want) {
			t.Errorf("%v, want %q", c.err, want)
		}
	}
	if err := write(1, 100); !strings.Contains(err.Error(), "short write, nothing was written") {
		t.Error(err)
	}
}

// TestCloseWhileOthersUse closes a section and a view while goroutines map, read and write. Each call succeeds or says
// that the handle is closed. Run it with -race too.
func TestCloseWhileOthersUse(t *testing.T) {
	_, prefixes := isolate(t)
	for _, prefix := range prefixes {
		for range 10 {
			s, err := namedshm.Create(ownName(t, prefix), 65536, namedshm.ReadWrite)
			if err != nil {
				t.Fatal(err)
			}
			v, err := s.Map(0, 0, namedshm.ReadWrite)
			if err != nil {
				t.Fatal(err)
			}
			closeUnderUse(t, s, v)
			_, err = namedshm.Open(s.Name(), namedshm.Read)
			wantCode(t, "Open after it all", err, namedshm.ErrFileNotFound)
		}
	}
}

func closeUnderUse(t *testing.T, s *namedshm.Section, v *namedshm.View) {
	var started, done sync.WaitGroup
	use := func(once func() error) {
		started.Add(1)
		done.Go(func() {
			err := once()
			started.Done()
			for err == nil {
				err = once()
			}
			if !errors.Is(err, namedshm.ErrInvalidHandle) {
				t.Error(err)
			}
		})
	}
	for i := range 2 {
		b := bytes.Repeat([]byte{byte(i)}, 8192)
		use(func() error { _, err := v.WriteAt(b, int64(i)*8192); return err })
		p := make([]byte, 8192)
		use(func() error { _, err := v.ReadAt(p, 32768+int64(i)*8192); return err })
	}
	use(func() error {
		w, err := s.Map(0, 0, namedshm.Read)
		if err == nil {
			err = w.Close()
		}
		return err
	})
	started.Wait()
	for range 2 {
		done.Go(func() { v.Close() })
		done.Go(func() { s.Close() })
	}
	done.Wait()
}

const holderVariable = "NAMEDSHM_TEST_HOLDER"

// TestHolderProcess is not a test but a process that others start: it creates an object and keeps it, and answers every
// line with whether its view is unchanged.
func TestHolderProcess(t *testing.T) {
	name := os.Getenv(holderVariable)
	if name == "" {
		return
	}
	defer os.Exit(0)
	s, err := namedshm.Create(name, 100, namedshm.ReadWrite)
	if err != nil {
		fmt.Println(err)
		return
	}
	v, err := s.Map(0, 0, namedshm.ReadWrite)
	if err == nil {
		_, err = v.WriteAt([]byte("held"), 0)
	}
	fmt.Println("ready", err)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		b := make([]byte, 4)
		_, err := v.ReadAt(b, 0)
		fmt.Println(string(b), err)
	}
}

// holder is a process that keeps an object.
type holder struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func startHolder(t *testing.T, name string) *holder {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	h := &holder{cmd: exec.Command(program, "-test.run=^TestHolderProcess$")}
	h.cmd.Env = append(os.Environ(), holderVariable+"="+name)
	h.cmd.Stderr = os.Stderr
	out, outErr := h.cmd.StdoutPipe()
	in, inErr := h.cmd.StdinPipe()
	if err := errors.Join(outErr, inErr, h.cmd.Start()); err != nil {
		t.Fatal(err)
	}
	h.in, h.out = in, bufio.NewReader(out)
	t.Cleanup(h.kill)
	if line, _ := h.out.ReadString('\n'); line != "ready <nil>\n" {
		t.Fatalf("the holder says %q", line)
	}
	return h
}

func (h *holder) kill() {
	if h.cmd.ProcessState == nil {
		h.cmd.Process.Kill()
		h.cmd.Wait()
	}
}

// check wants the holder's view to be as it was.
func (h *holder) check(t *testing.T, when string) {
	t.Helper()
	fmt.Fprintln(h.in)
	if line, err := h.out.ReadString('\n'); line != "held <nil>\n" {
		t.Fatalf("%s the holder says %q, %v", when, line, err)
	}
}

// damage is one thing that can have happened to an entry.
type damage struct {
	what   string
	length int // cut to this length, or -1
	at     int // the byte that is flipped, or -1
}

func (d damage) apply(good []byte) []byte {
	bad := bytes.Clone(good)
	if d.at >= 0 {
		bad[d.at] ^= 0xFF
	}
	if d.length >= 0 {
		bad = bad[:d.length]
	}
	return bad
}

// otherVersion: such an entry cannot be read, but what another version of the library left can be buried.
func (d damage) otherVersion() bool { return d.at >= 8 && d.at < 12 }

const headerLength = 128 // of an entry, before the name

// damages are all that is tried, in a quick run a quarter of it, and whether the entry can then still be read.
func damages(good []byte, nameLength int) (list []damage, readable []bool) {
	whole := headerLength + nameLength
	step := depth.Of(4, 1)
	for n := rand.IntN(step); n < min(len(good), 1024); n += step {
		if n > whole && n%64 > 8 { // only zeros and door records: without the records, opening is a slow search
			continue
		}
		list = append(list, damage{fmt.Sprintf("cut to %d bytes", n), n, -1})
		readable = append(readable, n >= whole)
	}
	for at := rand.IntN(step); at < whole; at += step {
		list = append(list, damage{fmt.Sprintf("with byte %d flipped", at), -1, at})
		readable = append(readable, false)
	}
	return list, readable
}

// entryOf is the one entry in the test's namespaces.
func entryOf(t *testing.T, root string) string {
	t.Helper()
	found, _ := filepath.Glob(filepath.Join(root, "namedshm-*", "[^.]*"))
	if len(found) != 1 {
		t.Fatalf("entries %q, want one", found)
	}
	return found[0]
}

// overwrite damages an entry from outside. The file stays the same one: a lock belongs to the file.
func overwrite(t *testing.T, path string, content []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err == nil {
		err = errors.Join(f.Truncate(int64(len(content))), writeAll(f, content), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

func writeAll(f *os.File, content []byte) error {
	_, err := f.WriteAt(content, 0)
	return err
}

func fileBacked() bool {
	return runtime.GOOS != "linux" || os.Getenv("NAMEDSHM_BACKING") == "file"
}

// TestDamagedEntryOfALiveObject damages the entry in every way while a process holds the object: others get an error
// that says so, the holder and other names keep working, and once the entry is whole again it can be opened.
func TestDamagedEntryOfALiveObject(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no entries")
	}
	_, prefixes := isolate(t)
	for _, prefix := range prefixes {
		root, _ := isolate(t)
		name := ownName(t, prefix)
		h := startHolder(t, name)
		path := entryOf(t, root)
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		list, readable := damages(good, len(name)-len(prefix))
		for i, d := range list {
			cutsMemory := fileBacked() && d.length >= 0 // the memory stands in the same file
			overwrite(t, path, d.apply(good))
			_, createErr := namedshm.Create(name, 4096, namedshm.ReadWrite)
			s, err := namedshm.Open(name, namedshm.ReadWrite)
			switch {
			case !readable[i] || cutsMemory:
				wantCode(t, "Open of an entry "+d.what, err, namedshm.ErrFileCorrupt)
				if !cutsMemory || !readable[i] {
					wantCode(t, "Create over an entry "+d.what, createErr, namedshm.ErrFileCorrupt)
				}
			case err != nil:
				t.Errorf("Open of an entry %s: %v", d.what, err)
			default:
				wantCode(t, "Create over an entry "+d.what, createErr, namedshm.ErrAlreadyExists)
			}
			if s != nil {
				s.Close()
			}
			looks(t, prefix, name)
			if !cutsMemory {
				h.check(t, "with the entry "+d.what)
			}
			overwrite(t, path, good)
			if t.Failed() {
				return
			}
		}
		h.check(t, "at the end")
		s, err := namedshm.Open(name, namedshm.Read)
		if err != nil {
			t.Fatal("the entry is whole again: ", err)
		}
		s.Close()
		h.kill()
		_, err = namedshm.Open(name, namedshm.Read)
		wantCode(t, "Open after the holder was killed", err, namedshm.ErrFileNotFound)
	}
}

// looks calls what only looks, which must neither crash nor remove anything that is in doubt.
func looks(t *testing.T, prefix, name string) {
	t.Helper()
	namespace := namedshm.Local
	if prefix == `Global\` {
		namespace = namedshm.Global
	}
	if _, err := inspect.List(namespace); err != nil {
		t.Error(err)
	}
	if _, err := inspect.Stat(name); err != nil {
		wantCode(t, "Stat", err, namedshm.ErrFileCorrupt, namedshm.ErrFileNotFound)
	}
	if _, err := upkeep.Sweep(namespace); err != nil {
		t.Error(err)
	}
}

// TestDamagedEntryOfADeadObject damages the entry that a killed process left: what can still be read is buried, and
// so is what seems to be of another version; the rest is refused and left alone, and other names go on.
func TestDamagedEntryOfADeadObject(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no entries")
	}
	_, prefixes := isolate(t)
	for _, prefix := range prefixes {
		root, _ := isolate(t)
		name := ownName(t, prefix)
		h := startHolder(t, name)
		path := entryOf(t, root)
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		h.kill()
		check := bystander(t, prefix)
		list, readable := damages(good, len(name)-len(prefix))
		for i, d := range list {
			if err := os.WriteFile(path, d.apply(good), 0o600); err != nil { // anew, where the last round buried it
				t.Fatal(err)
			}
			_, err := namedshm.Open(name, namedshm.Read)
			if readable[i] || d.otherVersion() {
				wantCode(t, "Open of a dead entry "+d.what, err, namedshm.ErrFileNotFound)
				if _, err := os.Lstat(path); err == nil {
					t.Errorf("a dead entry %s is still there", d.what)
				}
			} else {
				wantCode(t, "Open of a dead entry "+d.what, err, namedshm.ErrFileCorrupt)
				_, err = namedshm.Create(name, 4096, namedshm.ReadWrite)
				wantCode(t, "Create over a dead entry "+d.what, err, namedshm.ErrFileCorrupt)
				looks(t, prefix, name)
				if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, d.apply(good)) {
					t.Errorf("a dead entry %s was not left alone: %v", d.what, err)
				}
			}
			check()
			if t.Failed() {
				return
			}
		}
		if err := os.Remove(path); err != nil && !os.IsNotExist(err) { // what the error advises
			t.Fatal(err)
		}
		s := mustCreate(t, name, 4096, namedshm.ReadWrite)
		if v := mustMap(t, s, namedshm.Read); bytes.ContainsFunc(v.Bytes(), func(r rune) bool { return r != 0 }) {
			t.Error("the new object is not zeroed")
		}
	}
}
