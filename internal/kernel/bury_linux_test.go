package kernel

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// TestLastCloseOutlastsABurier: the last handle is closed while another process has the burial lock that looked before
// that and leaves the entry there. It must not stay. Whether the other process still has the lock when the handle looks
// for it is a matter of luck, so there are several of them.
func TestLastCloseOutlastsABurier(t *testing.T) {
	p := fuzzedGlobal(t)
	for range 20 {
		closeBesideABurier(t, p)
	}
}

func closeBesideABurier(t *testing.T, p *place) {
	t.Helper()
	spec := Spec{Size: pageSize, Protection: PageReadWrite}
	h, err := build(p, Name{Global, "Outlasting"}, &making{Spec: spec, access: Read | Write, kind: KindSection})
	if err != nil {
		t.Fatal(err)
	}
	if published, err := h.publish(); !published || err != nil {
		t.Fatal(published, err)
	}
	e, err := p.openFile(h.entry.file, unix.O_RDONLY)
	if err != nil {
		t.Fatal(err)
	}
	defer p.locks.closeEntry(e)
	control, err := p.control(burialFile)
	if err != nil {
		t.Fatal(err)
	}
	grave := unix.Flock_t{Type: unix.F_WRLCK, Start: nameHash(e.file), Len: 1}
	if err := ofd(control, unix.F_OFD_SETLK, &grave); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- h.close() }()
	for seen := holders; seen != nobody; {
		if seen, err = p.locks.look(e); err != nil {
			t.Fatal(err)
		}
	}
	unix.Close(control)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(e.path()); err == nil {
		t.Error("the last handle is closed, and the entry is still there")
	}
}

// TestRecordOfAnAttachedSegmentIsKept: a creator died before it marked its segment, and a child that it had forked
// still has it attached. It cannot be removed now, and must not be forgotten.
func TestRecordOfAnAttachedSegmentIsKept(t *testing.T) {
	p := fuzzedGlobal(t)
	id, named := victim(t)
	m, err := attach(id, int64(named.size), 0)
	if err != nil {
		t.Fatal(err)
	}
	control, err := p.control(creatingFile)
	if err != nil {
		t.Fatal(err)
	}
	n := &note{place: p, control: control, index: 0}
	if err := n.write(named); err != nil {
		t.Fatal(err)
	}
	unix.Close(control)
	if found := sweepSegments(p); len(found) != 0 {
		t.Errorf("a segment that is attached was swept: %+v", found)
	}
	if err := m.close(); err != nil {
		t.Fatal(err)
	}
	sweepSegments(p)
	var st unix.SysvShmDesc
	if _, err := unix.SysvShmCtl(id, unix.IPC_STAT, &st); err == nil {
		unix.SysvShmCtl(id, unix.IPC_RMID, nil)
		t.Error("the segment is nobody's, and stays")
	}
}
