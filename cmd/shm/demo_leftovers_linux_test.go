package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/namedshm/namedshm"
)

// TestMemorySeesWhatIsLeft: the demo's claim that nothing is left is worth something only if it would see it.
func TestMemorySeesWhatIsLeft(t *testing.T) {
	isolate(t)
	name := fmt.Sprintf(`Local\shm-memory-%d`, os.Getpid())
	s, err := namedshm.Create(name, 256, namedshm.ReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	e, err := namedshm.CreateEvent(eventOf(name), namedshm.ManualReset, false) // it must not be taken for the section
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	v, err := s.Map(0, 0, namedshm.ReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	m := memoryOf(os.Getpid(), name, s.Size())
	if m == nil {
		t.Fatal("it does not see the mapping")
	}
	entry := m.(*procMemory).entry
	if before := m.before(); !strings.Contains(before, fmt.Sprintf("mapped by processes %d", os.Getpid())) ||
		!strings.Contains(before, entry) || entry == "" {
		t.Errorf("it says %q", before)
	}
	if after, err := m.after(); err == nil || !strings.Contains(err.Error(), "still map") {
		t.Errorf("while it is mapped: %q, %v", after, err)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	if after, err := m.after(); err == nil || !strings.Contains(err.Error(), entry+" is still there") {
		t.Errorf("while the name lives: %q, %v", after, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if after, err := m.after(); err != nil {
		t.Errorf("when nothing is left: %q, %v", after, err)
	}
}
