package namedshm_test

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/namedshm/namedshm"
)

// handOuts are the ways to the memory itself. Each keeps another part of it, and is given it as plain bytes.
var handOuts = map[string]func(*namedshm.View) ([]byte, error){
	"Bytes":           func(v *namedshm.View) ([]byte, error) { return v.Bytes(), nil },
	"a part of Bytes": func(v *namedshm.View) ([]byte, error) { return v.Bytes()[4000:4096:4096], nil },
	"At": func(v *namedshm.View) ([]byte, error) {
		p, err := namedshm.At[[100]byte](v, 8)
		if err != nil {
			return nil, err
		}
		return p[:], nil
	},
	"an address from At": func(v *namedshm.View) ([]byte, error) {
		p, err := namedshm.At[point](v, 16)
		if err != nil {
			return nil, err
		}
		return unsafe.Slice((*byte)(unsafe.Pointer(&p.At[1])), 8), nil
	},
	"SliceAt": func(v *namedshm.View) ([]byte, error) { return namedshm.SliceAt[byte](v, 1000, 50) },
}

// TestHandedOutBytesStay drops each view whose memory was handed out, and its handle, and uses the memory after the
// collector has found both.
func TestHandedOutBytesStay(t *testing.T) {
	_, prefixes := isolate(t)
	kept, found := map[string][]byte{}, []chan struct{}{}
	for _, prefix := range append(prefixes, "") {
		for how, handOut := range handOuts {
			for _, access := range []namedshm.Access{namedshm.ReadWrite, namedshm.Copy} {
				name := ""
				if prefix != "" {
					name = ownName(t, prefix) + strings.ReplaceAll(how, " ", "") + access.String()
				}
				memory, dropped := dropView(t, name, access, handOut)
				kept[fmt.Sprintf("%q, %s, access %v", prefix, how, access)] = memory
				found = append(found, dropped)
			}
		}
	}
	for _, dropped := range found {
		collectUntil(t, dropped)
	}
	collect(t)
	for which, memory := range kept {
		if wrong := useAgain(memory); wrong != "" {
			t.Errorf("%s: %s", which, wrong)
		}
	}
}

// dropView is the memory of a view that nobody has any more; found reports that the collector has found that.
//
//go:noinline
func dropView(t *testing.T, name string, access namedshm.Access,
	use func(*namedshm.View) ([]byte, error)) (memory []byte, found chan struct{}) {
	s, err := namedshm.Create(name, 4096, namedshm.ReadWrite|namedshm.Copy)
	if err != nil {
		t.Fatal(err)
	}
	v, err := s.Map(0, 0, access)
	if err != nil {
		t.Fatal(err)
	}
	if memory, err = use(v); err != nil {
		t.Fatal(err)
	}
	for i := range memory {
		memory[i] = 42
	}
	found = make(chan struct{})
	runtime.AddCleanup(v, func(found chan struct{}) { close(found) }, found)
	return memory, found
}

// collectUntil has the collector run until it has found something.
func collectUntil(t *testing.T, found <-chan struct{}) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; runtime.Gosched() {
		select {
		case <-found:
			return
		default:
		}
		if time.Now().After(deadline) {
			t.Fatal("the collector never found what was dropped")
		}
		runtime.GC()
	}
}

// collect returns when the library has cleaned up after what the test knows to be found: its own cleanup may come after
// the test's, but not after those of two more rounds.
func collect(t *testing.T) {
	t.Helper()
	for range 2 {
		found := make(chan struct{})
		runtime.AddCleanup(new([64]byte), func(found chan struct{}) { close(found) }, found)
		collectUntil(t, found)
	}
}

// useAgain reads and writes bytes that must still be there, and says what is wrong.
func useAgain(memory []byte) (wrong string) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			wrong = "the memory is gone"
		}
	}()
	for i, b := range memory {
		if b != 42 {
			return "other bytes than were written"
		}
		memory[i] = 43
	}
	return ""
}

// TestUnlentViewsAreUnmapped: a view whose memory was never handed out is unmapped by the collector, whatever else was
// done with it.
func TestUnlentViewsAreUnmapped(t *testing.T) {
	isolate(t)
	since := mappedSince(t)
	_, found := dropView(t, "", namedshm.ReadWrite, func(v *namedshm.View) ([]byte, error) {
		v.WriteAt([]byte("x"), 0)
		v.ReadAt(make([]byte, 1), 0)
		namedshm.At[*int](v, 0)
		namedshm.SliceAt[byte](v, 1, 4096)
		if len(since()) == 0 {
			t.Error("the view is nowhere in /proc/self/maps")
		}
		return nil, v.Flush()
	})
	collectUntil(t, found)
	collect(t)
	if more := since(); len(more) > 0 {
		t.Errorf("still mapped: %q", more)
	}
}

// TestCloseUnmapsHandedOutBytes: Close is Close.
func TestCloseUnmapsHandedOutBytes(t *testing.T) {
	since := mappedSince(t)
	v := typedView(t, namedshm.ReadWrite)
	v.Bytes()[0] = 1
	if len(since()) == 0 {
		t.Error("the view is nowhere in /proc/self/maps")
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	if more := since(); len(more) > 0 {
		t.Errorf("still mapped: %q", more)
	}
}

// mappedSince returns the views mapped in this process since it was called.
func mappedSince(t *testing.T) func() []string {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("asks Linux what is mapped")
	}
	mappings := func() (views []string) {
		maps, err := os.ReadFile("/proc/self/maps")
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(maps)) {
			if strings.Contains(line, "namedshm-") {
				views = append(views, line)
			}
		}
		return views
	}
	before := mappings()
	return func() []string {
		return slices.DeleteFunc(mappings(), func(view string) bool { return slices.Contains(before, view) })
	}
}
