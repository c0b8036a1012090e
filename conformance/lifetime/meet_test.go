//go:build linux

package lifetime

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/namedshm/namedshm"
)

// TestMeet: two unrelated processes meet by name, and each sees the other's bytes.
func TestMeet(t *testing.T) {
	inBothNamespaces(t, func(t *testing.T, w *world, name string) {
		first, second := w.start(t), w.start(t)
		h1 := first.Must(request{Op: "create", Name: name, Size: 256}).Handle
		v1 := first.Must(request{Op: "map", Handle: h1}).Handle
		first.Must(request{Op: "write", Handle: v1, Text: "from the first"})

		h2 := second.Must(request{Op: "open", Name: name}).Handle
		v2 := second.Must(request{Op: "map", Handle: h2}).Handle
		if got := second.Must(request{Op: "read", Handle: v2, Number: 14}).Text; got != "from the first" {
			t.Errorf("the second process sees %q", got)
		}
		second.Must(request{Op: "write", Handle: v2, Offset: 100, Text: "from the second"})
		if got := first.Must(request{Op: "read", Handle: v1, Offset: 100, Number: 15}).Text; got != "from the second" {
			t.Errorf("the first process sees %q", got)
		}
		// The creator goes; the object stays as long as the other holds it.
		first.Leave()
		third := w.start(t)
		third.Must(request{Op: "open", Name: name})
		second.Leave()
		third.Leave()
		last := w.start(t)
		last.Refused(request{Op: "open", Name: name}, namedshm.ErrFileNotFound)
		if left := w.Leftovers(t); left != nil && !onFileBacking() {
			// They ended without Close: an entry may be left, dead; it is the next opener's to remove.
			t.Errorf("the open above left %q", left)
		}
		w.nothingLeft(last)
	})
}

// TestWaitOpen: a process waits for a name, and has it as soon as another makes it.
func TestWaitOpen(t *testing.T) {
	inBothNamespaces(t, func(t *testing.T, w *world, name string) {
		waiter, maker := w.start(t), w.start(t)
		waiter.Ask(request{Op: "waitopen", Name: name})
		h := maker.Must(request{Op: "create", Name: name}).Handle
		stamp := maker.Must(request{Op: "stamp", Handle: h, Number: newStamp()}).Number
		opened := waiter.Answer()
		if opened.Error != "" {
			t.Fatal(opened)
		}
		if got := waiter.Must(request{Op: "stamp", Handle: opened.Handle, Number: newStamp()}).Number; got != stamp {
			t.Errorf("the waiter has another section")
		}
	})
}

// TestViewOutlivesName: the name dies with the last handle, while views go on working in this process and another. A
// new object under the name is fresh, zeroed and unrelated.
func TestViewOutlivesName(t *testing.T) {
	inBothNamespaces(t, func(t *testing.T, w *world, name string) {
		first, second := w.start(t), w.start(t)
		h1 := first.Must(request{Op: "create", Name: name}).Handle
		h2 := second.Must(request{Op: "open", Name: name}).Handle
		v1 := first.Must(request{Op: "map", Handle: h1}).Handle
		v2 := second.Must(request{Op: "map", Handle: h2}).Handle
		first.Must(request{Op: "write", Handle: v1, Text: "old"})
		first.Must(request{Op: "close", Handle: h1})
		second.Must(request{Op: "open", Name: name}) // the second process's handle still keeps the name
		second.Must(request{Op: "close", Handle: h2})
		second.Must(request{Op: "close", Handle: h2 + 1})

		second.Refused(request{Op: "open", Name: name}, namedshm.ErrFileNotFound)
		first.Refused(request{Op: "open", Name: name}, namedshm.ErrFileNotFound)
		if left := w.Leftovers(t); left != nil {
			t.Errorf("the last Close left %q", left)
		}

		fresh := second.Must(request{Op: "create", Name: name}).Handle
		v3 := second.Must(request{Op: "map", Handle: fresh}).Handle
		read := func(a *actor, view int, want string) {
			t.Helper()
			if got := a.Must(request{Op: "read", Handle: view, Number: 4}).Text; got != want {
				t.Errorf("a view shows %q, want %q", got, want)
			}
		}
		read(second, v3, "\x00\x00\x00\x00")
		second.Must(request{Op: "write", Handle: v3, Text: "new"})
		read(first, v1, "old\x00")
		read(second, v2, "old\x00")
		second.Must(request{Op: "write", Handle: v2, Text: "aged"})
		read(first, v1, "aged")
		read(second, v3, "new\x00")
		third := w.start(t)
		h3 := third.Must(request{Op: "open", Name: name}).Handle
		read(third, third.Must(request{Op: "map", Handle: h3}).Handle, "new\x00")
	})
}

// TestChildHoldsNothing: a program that a holder starts inherits no handle. The name dies with the holder although
// its child lives.
func TestChildHoldsNothing(t *testing.T) {
	inBothNamespaces(t, func(t *testing.T, w *world, name string) {
		holder, other := w.start(t), w.start(t)
		h := holder.Must(request{Op: "create", Name: name}).Handle
		holder.Must(request{Op: "map", Handle: h})
		child := int(holder.Must(request{Op: "spawn"}).Number)
		t.Cleanup(func() { syscall.Kill(child, syscall.SIGKILL) })
		descriptors, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", child))
		if err != nil || len(descriptors) < 3 {
			t.Fatalf("the child has descriptors %q, %v", descriptors, err)
		}
		for _, path := range descriptors {
			if link, err := os.Readlink(path); err == nil && strings.Contains(link, "namedshm-") {
				t.Errorf("the child has inherited %s", link)
			}
		}
		holder.Kill()
		if err := syscall.Kill(child, 0); err != nil {
			t.Fatalf("the child is gone: %v", err)
		}
		other.Refused(request{Op: "open", Name: name}, namedshm.ErrFileNotFound)
		w.nothingLeft(other)
	})
}
