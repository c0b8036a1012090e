//go:build linux

package hostile

import (
	"slices"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/namedshm/namedshm"
)

// writings are the ways to write through a descriptor of memory.
var writings = []struct {
	name string
	do   func(fd int) error
}{
	{"write", func(fd int) error {
		_, err := unix.Pwrite(fd, []byte(precious), 0)
		return err
	}},
	{"a mapping for writing", func(fd int) error { return onPages(fd, func([]byte) error { return nil }) }},
	{"mprotect of a mapping", func(fd int) error {
		return onReadPages(fd, func(b []byte) error { return unix.Mprotect(b, unix.PROT_READ|unix.PROT_WRITE) })
	}},
	{"userfaultfd on a mapping", func(fd int) error { return onReadPages(fd, userfault) }},
	{"MADV_REMOVE of a mapping", func(fd int) error {
		return onReadPages(fd, func(b []byte) error { return unix.Madvise(b[4096:8192], unix.MADV_REMOVE) })
	}},
	{"a hole", func(fd int) error {
		return unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 65536, 4096)
	}},
	{"splice out of a pipe", func(fd int) error {
		var ends [2]int
		if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
			return err
		}
		defer unix.Close(ends[0])
		defer unix.Close(ends[1])
		if _, err := unix.Write(ends[1], []byte(precious)); err != nil {
			return err
		}
		at := int64(0)
		_, err := unix.Splice(ends[0], nil, fd, &at, len(precious), 0)
		return err
	}},
	{"sendfile into it", func(fd int) error { return fromFile(fd, unix.Sendfile) }},
	{"copy_file_range into it", func(fd int) error {
		return fromFile(fd, func(to, from int, _ *int64, n int) (int, error) {
			at := int64(0)
			return unix.CopyFileRange(from, nil, to, &at, n, 0)
		})
	}},
	{"another access mode for the descriptor", func(fd int) error {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFL, unix.O_RDWR); err != nil {
			return err
		}
		_, err := unix.Pwrite(fd, []byte(precious), 0)
		return err
	}},
}

// fromFile has the kernel copy the precious bytes out of another memfd.
func fromFile(fd int, copied func(to, from int, offset *int64, n int) (int, error)) error {
	from, err := unix.MemfdCreate("from", unix.MFD_CLOEXEC)
	if err != nil {
		return err
	}
	defer unix.Close(from)
	if _, err := unix.Pwrite(from, []byte(precious), 0); err != nil {
		return err
	}
	_, err = copied(fd, from, nil, len(precious))
	return err
}

// onReadPages maps as much access as the descriptor gives, but no writing at first.
func onReadPages(fd int, use func([]byte) error) error {
	p, err := unix.MmapPtr(fd, 0, nil, 65536, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	defer unix.MunmapPtr(p, 65536)
	return use(unsafe.Slice((*byte)(p), 65536))
}

// userfault asks to be the one who fills the missing pages of a view.
func userfault(view []byte) error {
	const userModeOnly, api, register = 1, 0xc018aa3f, 0xc020aa00
	fd, _, errno := unix.Syscall(unix.SYS_USERFAULTFD, unix.O_CLOEXEC|userModeOnly, 0, 0)
	if errno != 0 {
		return errno
	}
	defer unix.Close(int(fd))
	handshake := [3]uint64{0xaa}
	if _, _, errno = unix.Syscall(unix.SYS_IOCTL, fd, api, uintptr(unsafe.Pointer(&handshake))); errno != 0 {
		return errno
	}
	const missing = 1
	area := [4]uint64{uint64(addressOf(view)), uint64(len(view)), missing}
	if _, _, errno = unix.Syscall(unix.SYS_IOCTL, fd, register, uintptr(unsafe.Pointer(&area))); errno != 0 {
		return errno
	}
	return nil
}

// scrawl tries to write through the descriptor of this process's handle; with Number, through one that it has opened
// anew for writing, which a process of the same user can. The answer's List is what succeeded.
func (s *stage) scrawl(r request) (answer reply, err error) {
	own, err := reveal()
	if err != nil {
		return answer, err
	}
	fd := own.Descriptor
	if r.Number > 0 {
		if fd, err = unix.Open("/proc/self/fd/"+itoa(fd), unix.O_RDWR|unix.O_CLOEXEC, 0); err != nil {
			return answer, err
		}
		defer unix.Close(fd)
	}
	for _, w := range writings {
		if w.do(fd) == nil {
			answer.List = append(answer.List, w.name)
		}
	}
	return answer, nil
}

// TestReadHandle: the descriptor of a Local handle for reading cannot be written through, by any call. The barrier is
// that descriptor: a process of the same user can open another one, and then they all succeed.
func TestReadHandle(t *testing.T) {
	s := newSetting(t)
	v := s.holding(s.as(owner), local, "", "")
	before := v.Must(request{Op: "count"})
	reader := s.as(owner)
	reader.Must(request{Op: "open", Name: local, Access: read})
	if got := reader.Must(request{Op: "scrawl"}).List; len(got) != 0 {
		t.Errorf("through a read handle succeeded: %q", got)
	}
	v.unharmed(s.as(owner), before)
	var all []string
	for _, w := range writings {
		all = append(all, w.name)
	}
	if got := reader.Must(request{Op: "scrawl", Number: 1}).List; !slices.Equal(got, all) {
		t.Errorf("through one opened anew for writing succeeded only: %q", got)
	}
}

// TestNobodyWritesReadOnly: a section that was made for reading alone is sealed: who has the same user cannot write it
// either, by whatever descriptor.
func TestNobodyWritesReadOnly(t *testing.T) {
	s := newSetting(t)
	a, b := s.as(owner), s.as(owner)
	a.Must(request{Op: "create", Name: local, Size: 4 * 65536, Sealed: true, Access: read})
	b.Must(request{Op: "open", Name: local, Access: read})
	for _, anew := range []int64{0, 1} {
		if got := b.Must(request{Op: "scrawl", Number: anew}).List; len(got) != 0 {
			t.Errorf("anew %d: %q succeeded", anew, got)
		}
	}
	h := b.Must(request{Op: "open", Name: local, Access: uint32(namedshm.ReadWrite)}).Handle // as Windows has it
	b.Refused(request{Op: "map", Handle: h}, namedshm.ErrInvalidParameter)
}
