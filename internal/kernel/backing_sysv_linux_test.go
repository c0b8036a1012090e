package kernel

import (
	"context"
	"os"
	"testing"

	"github.com/namedshm/namedshm/internal/fault"
)

// TestAChangedSegment: an id is that of the segment that was made if its last change is the making. A younger one is
// another segment, or has been changed: not dead for everybody.
func TestAChangedSegment(t *testing.T) {
	needNative(t)
	p, _ := meddle(t, Global)
	h := published(t, p, "Object", pageSize)
	defer h.close()
	for _, c := range []struct {
		name   string
		change func(*entry)
		want   func(error) bool
	}{
		{"as it was made", func(*entry) {}, func(err error) bool { return err == nil }},
		{"changed since", func(e *entry) { e.identity[1]-- },
			func(err error) bool { return fault.CodeOf(err) == fault.FileCorrupt }},
		{"made before", func(e *entry) { e.identity[1]++ }, func(err error) bool { return err == errDead }},
		{"of another size", func(e *entry) { e.size += pageSize }, func(err error) bool { return err == errDead }},
		{"of a user with another number elsewhere", func(e *entry) { e.identity[2] += 1 << 32 },
			func(err error) bool { return err == nil }},
		{"of another user", func(e *entry) { e.identity[2] += 1 << 32; e.owner++ },
			func(err error) bool { return err == errDead }},
	} {
		e, err := p.openEntry("Object", p.backing.openFlags())
		if err != nil {
			t.Fatal(err)
		}
		c.change(e)
		if err := (sysvBacking{}).identify(e); !c.want(err) {
			t.Errorf("%s: %v", c.name, err)
		}
		p.locks.closeEntry(e)
	}
}

// TestAThreadInAnotherNamespace sees none of this namespace's segments. It takes nothing for dead, and buries nothing.
func TestAThreadInAnotherNamespace(t *testing.T) {
	needNative(t)
	p, _ := meddle(t, Global)
	h := published(t, p, "Object", pageSize)
	defer h.close()
	done := make(chan error)
	go func() {
		defer close(done)
		if err := moveThisThread(); err != nil {
			done <- err
			return
		}
		if _, err := OpenSection(context.Background(), `Global\Object`, Read); fault.CodeOf(err) != fault.AccessDenied {
			t.Errorf("open: %v", err)
		}
		if _, err := p.probe("Object"); fault.CodeOf(err) == fault.FileNotFound {
			t.Errorf("whether it lives: %v", err)
		}
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(p.path("Object")); err != nil {
		t.Errorf("the entry of a living object: %v", err)
	}
}
