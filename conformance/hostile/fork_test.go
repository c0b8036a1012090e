//go:build linux

package hostile

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/namedshm/namedshm"
)

// What a forked child found, as the bits of its exit status.
const (
	closeFailed = 1 << iota
	mapWorked
	secondCloseWorked
)

// fork makes a child as a C program would, without exec: it has all that this process has, but one thread. Text says
// what it does. The answer's Number is its process id or, if it was to end by itself, its exit status.
func (s *stage) fork(r request) (reply, error) {
	section := s.Sections[r.Handle]
	entries := s.entries()
	pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if errno != 0 {
		return reply{}, errno
	}
	if pid == 0 {
		status := 0
		switch r.Text {
		case "closes":
			status = closeCopies(section)
		case "unlocks": // as a Close that does not know of the fork would
			for _, fd := range entries {
				unix.FcntlFlock(uintptr(fd), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_UNLCK})
			}
		case "outlives":
			for {
				unix.RawSyscall6(unix.SYS_PPOLL, 0, 0, 0, 0, 0, 0)
			}
		}
		unix.RawSyscall(unix.SYS_EXIT_GROUP, uintptr(status), 0, 0)
	}
	if r.Text == "outlives" {
		return reply{Number: int64(pid)}, nil
	}
	return waitForChild(int(pid))
}

// stuck is the answer for a child that did not come to its end: a Go program that is forked has locks that threads held
// which it has not got, and may wait for one. Nothing of that is the library's.
const stuck = -1

func waitForChild(pid int) (reply, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return reply{}, err
	}
	defer unix.Close(fd)
	ended, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 2000)
	if err != nil && err != unix.EINTR {
		return reply{}, err
	}
	if ended == 0 {
		unix.Kill(pid, unix.SIGKILL)
	}
	var status unix.WaitStatus
	if _, err := unix.Wait4(pid, &status, 0, nil); err != nil {
		return reply{}, err
	}
	switch {
	case status.Exited():
		return reply{Number: int64(status.ExitStatus())}, nil
	case ended == 0:
		return reply{Number: stuck}, nil
	}
	return reply{}, errors.New("the child was ended by " + status.Signal().String())
}

// closeCopies is what a child may do with the copy of a handle, and what not.
func closeCopies(section *namedshm.Section) (status int) {
	if _, err := section.Map(0, 0, namedshm.Read); !errors.Is(err, namedshm.ErrInvalidHandle) {
		status |= mapWorked
	}
	if err := section.Close(); err != nil {
		status |= closeFailed
	}
	if err := section.Close(); !errors.Is(err, namedshm.ErrInvalidHandle) {
		status |= secondCloseWorked
	}
	return status
}

// entries are the descriptors of the entries that this process has open.
func (s *stage) entries() (found []int) {
	for fd := range 64 {
		link, err := os.Readlink("/proc/self/fd/" + itoa(fd))
		if err == nil && strings.HasPrefix(link, os.Getenv("NAMEDSHM_ROOT")) {
			found = append(found, fd)
		}
	}
	return found
}

func inBothNamespaces(t *testing.T, test func(t *testing.T, s *setting, name string)) {
	for _, name := range []string{local, world} {
		t.Run(strings.TrimSuffix(name, `\Object`), func(t *testing.T) { test(t, newSetting(t), name) })
	}
}

// TestForkedChildCloses: a child that closes what it got by a fork takes nothing from its parent.
func TestForkedChildCloses(t *testing.T) {
	inBothNamespaces(t, func(t *testing.T, s *setting, name string) {
		v := s.holding(s.as(nil), name, "", "")
		other := s.as(nil)
		before := v.Must(request{Op: "count"})
		for tries, done := 0, 0; done < 3; tries++ {
			switch got := v.Must(request{Op: "fork", Handle: 1, Text: "closes"}).Number; {
			case got == 0:
				done++
			case got == stuck && tries < 20:
				t.Logf("child %d was stuck in Go's runtime", tries)
			default:
				t.Fatalf("the child's findings are %#x", got)
			}
			v.unharmed(other, before)
		}
		other.Refused(request{Op: "create", Name: name}, namedshm.ErrAlreadyExists)
		v.Must(request{Op: "close", Handle: 1})
		other.Refused(request{Op: "open", Name: name}, namedshm.ErrFileNotFound)
		v.Leave()
		s.nothingLeft(other)

		// The same without the guard: it is the child's unlocking that would do it.
		if name == local {
			v = s.holding(s.as(nil), name, "", "")
			v.Must(request{Op: "fork", Handle: 1, Text: "unlocks"})
			other.Refused(request{Op: "open", Name: name}, namedshm.ErrFileNotFound)
		}
	})
}

// TestForkedChildOutlives: a child that is left when its parent is killed keeps the object alive, and whole, although
// the only record of where the memory is leads to the dead parent; and with the child it all goes.
func TestForkedChildOutlives(t *testing.T) {
	inBothNamespaces(t, func(t *testing.T, s *setting, name string) {
		v := s.holding(s.as(nil), name, "", "")
		child := int(v.Must(request{Op: "fork", Handle: 1, Text: "outlives"}).Number)
		t.Cleanup(func() { syscall.Kill(child, syscall.SIGKILL) })
		v.Kill()
		other := s.as(nil)
		for range 2 {
			h := other.Must(request{Op: "open", Name: name}).Handle
			m := other.Must(request{Op: "map", Handle: h}).Handle
			if got := other.Must(request{Op: "read", Handle: m, Number: int64(len(precious))}).Text; got != precious {
				t.Errorf("the memory reads %q", got)
			}
			other.Must(request{Op: "unmap", Handle: m})
			other.Must(request{Op: "close", Handle: h})
		}
		other.Refused(request{Op: "create", Name: name}, namedshm.ErrAlreadyExists)
		killOrphan(t, child)
		other.Refused(request{Op: "open", Name: name}, namedshm.ErrFileNotFound)
		h := other.Must(request{Op: "create", Name: name}).Handle
		m := other.Must(request{Op: "map", Handle: h}).Handle
		if got := other.Must(request{Op: "read", Handle: m, Number: 8}).Text; got != strings.Repeat("\x00", 8) {
			t.Errorf("the new memory reads %q", got)
		}
		other.Must(request{Op: "close", Handle: h})
		other.Leave()
		s.nothingLeft(s.as(nil))
	})
}
