//go:build linux

package hostile

import (
	"fmt"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/namedshm/namedshm"
)

// mischief is what who may write the memory can do to it besides writing.
type mischief struct {
	name    string
	refused bool // by the kernel; otherwise it is harmless
	shuts   bool // newcomers out
	zeroes  bool // it is as if zeroes had been written
	do      func(fd int) error
}

var mischiefs = []mischief{
	{"shrinking it", true, false, false, func(fd int) error { return unix.Ftruncate(fd, 4096) }},
	{"shrinking it to nothing", true, false, false, func(fd int) error { return unix.Ftruncate(fd, 0) }},
	{"growing it", true, false, false, func(fd int) error { return unix.Ftruncate(fd, 1<<30) }},
	{"growing it by writing", true, false, false, func(fd int) error {
		_, err := unix.Pwrite(fd, []byte("x"), 1<<20)
		return err
	}},
	{"growing it by reserving", true, false, false, func(fd int) error { return unix.Fallocate(fd, 0, 1<<20, 4096) }},
	{"sealing it against writing", true, false, false, seals(unix.F_SEAL_WRITE)},
	{"sealing it against writing from now on", true, false, false, seals(unix.F_SEAL_FUTURE_WRITE)},
	{"sealing it against running", true, false, false, seals(unix.F_SEAL_EXEC)},
	{"collapsing a range", true, false, false, func(fd int) error {
		return unix.Fallocate(fd, unix.FALLOC_FL_COLLAPSE_RANGE, 0, 4096)
	}},
	{"a hole in it", false, false, true, func(fd int) error {
		return unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, 4*65536)
	}},
	{"reserving it", false, false, false, func(fd int) error { return unix.Fallocate(fd, 0, 0, 4*65536) }},
	{"its mode", false, true, false, func(fd int) error { return unix.Fchmod(fd, 0) }},
	{"its times", false, false, false, func(fd int) error {
		return unix.UtimesNanoAt(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", fd), []unix.Timespec{{Sec: 1}, {Sec: 1}}, 0)
	}},
	{"an exclusive flock", false, false, false, func(fd int) error { return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) }},
	{"a lock on it", false, false, false, func(fd int) error {
		return unix.FcntlFlock(uintptr(fd), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK})
	}},
	{"a signal with each change", false, false, false, func(fd int) error {
		_, err := unix.FcntlInt(uintptr(fd), unix.F_SETFL, unix.O_APPEND|unix.O_NONBLOCK)
		return err
	}},
	{"locking its pages", false, false, false, func(fd int) error { return onPages(fd, unix.Mlock) }},
	{"sending its pages away", false, false, false, func(fd int) error {
		return onPages(fd, func(b []byte) error { return unix.Madvise(b, unix.MADV_PAGEOUT) })
	}},
	{"huge pages", false, false, false, func(fd int) error {
		return onPages(fd, func(b []byte) error { return unix.Madvise(b, unix.MADV_HUGEPAGE) })
	}},
	{"merging its pages", false, false, false, func(fd int) error {
		return onPages(fd, func(b []byte) error { return unix.Madvise(b, unix.MADV_MERGEABLE) })
	}},
}

func seals(which int) func(int) error {
	return func(fd int) error {
		_, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, which)
		return err
	}
}

func onPages(fd int, use func([]byte) error) error {
	p, err := unix.MmapPtr(fd, 0, nil, 65536, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	defer unix.MunmapPtr(p, 65536)
	return use(unsafe.Slice((*byte)(p), 65536))
}

// misbehave does what Text names to the memory that this process has open; with Number, to a memfd of its own that has
// no seals. The answer's Text is why it failed.
func (s *stage) misbehave(r request) (reply, error) {
	own, err := reveal()
	if err != nil {
		return reply{}, err
	}
	fd := own.Descriptor
	if r.Number > 0 {
		if fd, err = unix.MemfdCreate("own", unix.MFD_ALLOW_SEALING); err != nil {
			return reply{}, err
		}
		defer unix.Close(fd)
		if err := unix.Ftruncate(fd, 4*65536); err != nil {
			return reply{}, err
		}
	}
	for _, m := range mischiefs {
		if m.name == r.Text {
			if err := m.do(fd); err != nil {
				return reply{Text: err.Error()}, nil
			}
			return reply{}, nil
		}
	}
	return reply{}, fmt.Errorf("there is no mischief %q", r.Text)
}

// TestWriterCannotHarm: who may write a Local object, which is a process of the same user, can neither shrink it under
// those who have it mapped nor seal it; what the kernel lets him do is harmless to them.
func TestWriterCannotHarm(t *testing.T) {
	for _, m := range mischiefs {
		t.Run(m.name, func(t *testing.T) {
			s := newSetting(t)
			v := s.holding(s.as(owner), local, "", "")
			before := v.Must(request{Op: "count"})
			writer := s.as(owner)
			writer.Must(request{Op: "open", Name: local})
			got := writer.Must(request{Op: "misbehave", Text: m.name})
			if (got.Text != "") != m.refused {
				t.Errorf("refused: %v, it says %q", m.refused, got.Text)
			}
			if m.zeroes {
				if got := v.Must(request{Op: "read", Handle: v.view, Number: 8}).Text; got != "\x00\x00\x00\x00\x00\x00\x00\x00" {
					t.Errorf("the victim reads %q", got)
				}
				v.Must(request{Op: "write", Handle: v.view, Text: precious})
			}
			if m.shuts {
				s.as(owner).Refused(request{Op: "open", Name: local, Access: read}, namedshm.ErrAccessDenied)
				v.unharmed(nil, before)
			} else {
				v.unharmed(s.as(owner), before)
			}
			if m.refused && m.name != "collapsing a range" { // no memory can do that
				if got := writer.Must(request{Op: "misbehave", Text: m.name, Number: 1}); got.Text != "" {
					t.Errorf("what has no seals refuses it too: %s", got.Text)
				}
			}
			writer.Kill()
			v.Kill()
			s.as(owner).Refused(request{Op: "open", Name: local}, namedshm.ErrFileNotFound)
			s.nothingLeft(s.as(owner))
		})
	}
}

// TestGlobalWriterCannotHarm: who was allowed to write a Global object can write, and make holes, which is to write
// zeroes. He cannot lock it, change it, or have it removed.
func TestGlobalWriterCannotHarm(t *testing.T) {
	allowed := map[string]bool{}
	for _, name := range []string{
		"mprotect of an own attachment", "mprotect of a duplicate by mremap", "writing the own memory through /proc/self/mem",
		"process_vm_writev into the own view", "read(2) into the own view", "splice out of a pipe into the own view",
		"FUTEX_WAKE_OP on a word of the own view", "MADV_REMOVE of the own view", "MADV_POPULATE_WRITE of the own view",
		"shmat for writing",
	} {
		allowed[name] = true
	}
	s := newSetting(t)
	v := s.holding(s.as(nil), world, "write", "")
	v.Write = true
	writer, visitor := s.as(stranger), s.as(owner)
	before := v.Must(request{Op: "count"})
	for i := range attacks {
		t.Run(attacks[i].name, func(t *testing.T) {
			got := writer.Must(request{Op: "attack", Text: attacks[i].name, Own: asked{Object: v.object}})
			if (got.Text == "") != allowed[attacks[i].name] {
				t.Errorf("allowed: %v, it says %q", allowed[attacks[i].name], got.Text)
			}
			v.T = t
			v.Must(request{Op: "write", Handle: v.view, Text: precious})
			v.unharmed(visitor, before)
		})
	}
}

// TestOwnersOtherProcess: a process of the creator's own user can change the segment's mode. Then it is not what the
// entry says any more, and newcomers are told so; who has it keeps it.
func TestOwnersOtherProcess(t *testing.T) {
	s := newSetting(t)
	v := s.holding(s.as(nil), world, "read", "")
	before := v.Must(request{Op: "count"})
	visitor := s.as(owner)
	v.unharmed(visitor, before)
	// The change shows by its time, in seconds.
	waitForAnotherSecond(t, v.Segment)
	if got := s.as(nil).Must(request{Op: "attack", Text: "IPC_SET of the segment",
		Own: asked{Object: v.object}}); got.Text != "" {
		t.Fatal(got.Text)
	}
	visitor.Refused(request{Op: "open", Name: world, Access: read}, namedshm.ErrFileCorrupt)
	v.unharmed(nil, before)
	v.Kill()
	visitor.Refused(request{Op: "open", Name: world, Access: read}, namedshm.ErrFileNotFound)
	s.nothingLeft(s.as(nil))
}

// waitForAnotherSecond waits until the clock shows another second than the one in which a segment was made.
func waitForAnotherSecond(t *testing.T, segment int) {
	t.Helper()
	var st unix.SysvShmDesc
	if _, err := unix.SysvShmCtl(segment, unix.IPC_STAT, &st); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Until(time.Unix(int64(st.Ctime)+1, int64(100*time.Millisecond)))) // the kernel's clock is coarse
}
