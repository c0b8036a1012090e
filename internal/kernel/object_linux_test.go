package kernel

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"testing"

	"github.com/namedshm/namedshm/internal/fault"
	"golang.org/x/sys/unix"
)

// These tests do by hand what other processes do between two steps of the protocol: what must come first has come when
// the step is made, whatever else runs on this machine. What others do at a lock is done by locks that do it.

// meddled are locks at which others do something, once.
type meddled struct {
	liveness
	locked func() // a handle has just been marked alive
	looked func() // somebody has just looked for the living
}

func (m *meddled) lock(e *entry) (int64, bool, error) {
	at, got, err := m.liveness.lock(e)
	if f := m.locked; f != nil {
		m.locked = nil
		f()
	}
	return at, got, err
}

func (m *meddled) look(e *entry) (sight, error) {
	seen, err := m.liveness.look(e)
	if f := m.looked; f != nil {
		m.looked = nil
		f()
	}
	return seen, err
}

// meddle gives the test a place of its own whose locks are meddled with.
func meddle(t *testing.T, n Namespace) (*place, *meddled) {
	t.Helper()
	if n == Global {
		globalRoot(t)
	} else {
		ownRoot(t)
	}
	p, err := placeOf(n)
	if err != nil {
		t.Fatal(err)
	}
	m := &meddled{liveness: p.locks}
	p.locks = m
	return p, m
}

// published returns a handle of a new object, which nothing closes.
func published(t *testing.T, p *place, base string, size int64) *handle {
	t.Helper()
	if err := p.ensure(); err != nil {
		t.Fatal(err)
	}
	spec := Spec{Size: size, Protection: PageReadWrite}
	h, err := build(p, Name{p.namespace, base}, &making{Spec: spec, access: Read | Write, kind: KindSection})
	if err != nil {
		t.Fatal(err)
	}
	if done, err := h.publish(); !done || err != nil {
		t.Fatal(done, err)
	}
	return h
}

// dies ends a handle as the kernel does for a process that is killed: nobody checks whether it was the last.
func (h *handle) dies() {
	h.place.locks.closeEntry(h.entry)
	h.mem.close()
}

// TestCreateOverTheDead: an object's last holder is killed. Its name is free, whichever way of creating finds that out.
func TestCreateOverTheDead(t *testing.T) {
	needNative(t)
	for _, n := range []Namespace{Local, Global} {
		for what, mode := range map[string]Mode{"Create": MustBeNew, "OpenOrCreate": MayExist} {
			t.Run(n.String()+what, func(t *testing.T) {
				p, _ := meddle(t, n)
				published(t, p, "Object", pageSize).dies()
				spec := Spec{Size: pageSize, Protection: PageReadWrite}
				s, existed, err := CreateSection(context.Background(), n.String()+"Object", spec, Read, mode)
				if err != nil || existed {
					t.Fatalf("existed %v, %v", existed, err)
				}
				s.Close()
			})
		}
	}
}

// TestALockOnWhatHasNoNameAnyMore: an opener that lost a race has its lock for a moment on an entry that was removed. A
// process that sees that lock must not take the object for alive: its name may be free, or another's.
func TestALockOnWhatHasNoNameAnyMore(t *testing.T) {
	needNative(t)
	for _, c := range []struct {
		name      string
		meanwhile func(t *testing.T, p *place)
	}{
		{"its name is free", func(*testing.T, *place) {}},
		{"its name is another's", func(t *testing.T, p *place) {
			other := published(t, p, "Object", pageSize)
			t.Cleanup(func() { other.close() })
		}},
		{"a link has its name", func(t *testing.T, p *place) {
			if err := os.Symlink("elsewhere", p.path("Object")); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		for _, n := range []Namespace{Local, Global} {
			t.Run(n.String()+c.name, func(t *testing.T) {
				p, _ := meddle(t, n)
				h := published(t, p, "Object", pageSize)
				defer h.close()
				e, err := p.openEntry("Object", p.backing.openFlags())
				if err != nil {
					t.Fatal(err)
				}
				defer p.locks.closeEntry(e)
				if err := p.aliveOrBury(e); err != nil {
					t.Errorf("a living object: %v", err)
				}
				if err := os.Remove(e.path()); err != nil {
					t.Fatal(err)
				}
				c.meanwhile(t, p)
				if err := p.aliveOrBury(e); err != errMoved {
					t.Errorf("the object that had the name: %v, want %v", err, errMoved)
				}
			})
		}
	}
}

// TestTheLoserIsTheLast: while an opener marks itself alive the last handle is closed, and sees that mark. Then the
// open fails. The entry must not stay: nobody else is left to remove it.
func TestTheLoserIsTheLast(t *testing.T) {
	needNative(t)
	p, m := meddle(t, Local)
	last := published(t, p, "Object", pageSize)
	m.locked = func() { last.close() }
	refusing(t, unix.SYS_PWRITE64, unix.ENOSPC, func() {
		if _, err := OpenSection(context.Background(), `Local\Object`, Read); fault.CodeOf(err) != fault.DiskFull {
			t.Errorf("an open that could not write its record: %v", err)
		}
	})
	if m.locked != nil {
		t.Error("the opener never marked itself alive")
	}
	if _, err := os.Lstat(p.path("Object")); err == nil {
		t.Error("nobody has the object, and its entry is still there")
	}
}

// TestABurialLooksAgain: a burier finds an entry dead, and before it has the entry locked another one has its place.
// The burier has not looked at that one: it must neither remove it nor report its name as free.
func TestABurialLooksAgain(t *testing.T) {
	needNative(t)
	p, _ := meddle(t, Global)
	h := published(t, p, "Object", pageSize)
	defer h.mem.close()
	e, err := p.openEntry("Object", p.backing.openFlags())
	if err != nil {
		t.Fatal(err)
	}
	defer p.locks.closeEntry(e)
	p.locks.closeEntry(h.entry)
	if err := os.Remove(e.path()); err != nil {
		t.Fatal(err)
	}
	published(t, p, "Object", pageSize).dies()
	if err := p.backing.bury(p, e); err != errMoved {
		t.Errorf("the burial of what had the name before: %v, want %v", err, errMoved)
	}
	if _, err := os.Lstat(e.path()); err != nil {
		t.Errorf("what has the name now: %v", err)
	}
}

// TestARecordOfTheDead: a door record leads to the memory of an object whose handle is closed, because a forked child
// still has the descriptor, or another handle of its process. The object is dead all the same.
func TestARecordOfTheDead(t *testing.T) {
	needNative(t)
	p, _ := meddle(t, Local)
	h := published(t, p, "Object", pageSize)
	defer h.mem.close()
	p.locks.closeEntry(h.entry)
	s, err := OpenSection(context.Background(), `Local\Object`, Read)
	if fault.CodeOf(err) != fault.FileNotFound {
		t.Errorf("an object that nobody has a handle of: %v", err)
	}
	if err == nil {
		s.Close()
	}
}

// TestTheLockGoesFirst: when a process dies the kernel closes its descriptors from the highest number down. Memory that
// takes long to free has a lower number than the entry, which carries the lock.
func TestTheLockGoesFirst(t *testing.T) {
	needNative(t)
	ownRoot(t)
	check := func(what string, s *Section, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		entry, memory := s.native.entry.fd, s.native.mem.descriptor()
		if entry <= memory {
			t.Errorf("%s: the entry is descriptor %d, the memory %d", what, entry, memory)
		}
		if flags, err := unix.FcntlInt(uintptr(entry), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("%s: the entry's descriptor is inherited: %#x, %v", what, flags, err)
		}
	}
	for i, c := range []struct {
		protection Protection
		access     Access
	}{{PageReadWrite, Read | Write}, {PageReadWrite, Read}, {PageReadOnly, Read}} {
		name := fmt.Sprintf(`Local\Large%d`, i)
		s, _, err := CreateSection(context.Background(), name, Spec{Size: slowToFree, Protection: c.protection}, c.access,
			MustBeNew)
		check(name+", created", s, err)
		s, err = OpenSection(context.Background(), name, Read)
		check(name+", opened", s, err)
		s, _, err = CreateSection(context.Background(), name, Spec{Size: slowToFree, Protection: c.protection}, c.access,
			MayExist)
		check(name+", created by another", s, err)
	}
}

// TestNobodySearchesForWhatHasADoor: an opener that finds no door to open, and sees that the records have changed since
// it read them, reads them again. A search takes seconds if some program has a hundred thousand descriptors.
func TestNobodySearchesForWhatHasADoor(t *testing.T) {
	needNative(t)
	for _, late := range []bool{false, true} {
		p, m := meddle(t, Local)
		h := published(t, p, "Object", pageSize)
		defer h.close()
		leadsNowhere(t, h)
		e, err := p.openEntry("Object", p.backing.openFlags())
		if err != nil {
			t.Fatal(err)
		}
		defer p.locks.closeEntry(e)
		another := func() {
			s, err := OpenSection(context.Background(), `Local\Object`, Read)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.Close() })
		}
		if !late {
			another()
		}
		searches := 0
		found, err := memfdBacking{}.reachBy(p, e, Read, means{func(int) (memory, error) {
			searches++
			m.looked = another // when the records have been read once more
			return nil, nil
		}, isExitingProcess})
		if found != nil || err != errMoved || late != (searches == 1) {
			t.Errorf("another handle comes, late: %v: %v after %d searches, want %v", late, err, searches, errMoved)
		}
	}
}

// leadsNowhere replaces the door record of a handle.
func leadsNowhere(t *testing.T, h *handle) {
	t.Helper()
	record := door{pid: goneProcess, descriptor: 3, mode: unix.O_RDWR}.encode()
	if _, err := writeAt(h.entry.fd, record, slotsAt+h.at*slotLen); err != nil {
		t.Fatal(err)
	}
}

const goneProcess = 1 << 30 // no process has that number

// TestAnExitingHolderIsWaitedFor: the holder on record has begun to exit, and its lock is still there. The kernel is
// about to drop that, so openers wait, and longer than for anything else. The holder is a page of /proc that only this
// thread sees: no real one can be kept in that state.
func TestAnExitingHolderIsWaitedFor(t *testing.T) {
	needNative(t)
	p, _ := meddle(t, Local)
	if os.Geteuid() != 0 {
		t.Skip("only root can have a /proc of his own")
	}
	h := published(t, p, "Object", pageSize)
	defer h.close()
	leadsNowhere(t, h)
	e, err := p.openEntry("Object", p.backing.openFlags())
	if err != nil {
		t.Fatal(err)
	}
	defer p.locks.closeEntry(e)
	for stat, want := range map[string]struct {
		code  fault.Code
		dying bool
	}{
		"7 (a) R 1 7 7 0 -1 4194308 100": {fault.Busy, true}, // PF_EXITING
		"7 (a) S 1 7 7 0 -1 4194304 100": {fault.AccessDenied, false},
		"7 (a) Z 1 7 7 0 -1 4227084 100": {fault.AccessDenied, false}, // then the lock is another's
	} {
		withProcess(t, stat, func() {
			got := e.unreached(isExitingProcess)
			if fault.CodeOf(got) != want.code || got.dying != want.dying {
				t.Errorf("%s: %v, dying: %v", stat, got, got.dying)
			}
		})
	}
}

// withProcess runs a test on a thread whose /proc has one process, of one thread.
func withProcess(t *testing.T, stat string, test func()) {
	t.Helper()
	done := make(chan error)
	go func() {
		defer close(done)
		runtime.LockOSThread() // for good: the thread ends with its mounts
		task := fmt.Sprintf("/proc/%d/task/7", goneProcess)
		err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS)
		if err == nil {
			err = unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, "")
		}
		if err == nil {
			err = unix.Mount("tmpfs", "/proc", "tmpfs", 0, "")
		}
		if err == nil {
			err = os.MkdirAll(task, 0o755)
		}
		if err == nil {
			err = os.WriteFile(task+"/stat", []byte(stat+"\n"), 0o644)
		}
		if err != nil {
			done <- err
			return
		}
		test()
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
