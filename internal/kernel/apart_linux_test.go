package kernel

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"
)

// TestCopiesWithoutASealFlag: a filter that has not heard of a flag of memfd_create prevents no copy, neither of pages
// that become copy-on-write nor of a view that is: both tell which pages were written.
func TestCopiesWithoutASealFlag(t *testing.T) {
	needNative(t)
	globalRoot(t)
	forgetWays := func() {
		for i := range memfdWay {
			memfdWay[i].Store(0)
		}
	}
	t.Cleanup(forgetWays)
	for _, flags := range []uint32{unix.MFD_NOEXEC_SEAL, unix.MFD_NOEXEC_SEAL | unix.MFD_EXEC} {
		for _, errno := range []unix.Errno{unix.EPERM, unix.ENOSYS, unix.EINVAL} {
			t.Run(fmt.Sprintf("%#x %v", flags, errno), func(t *testing.T) {
				s := mustCreateSection(t, fmt.Sprintf(`Global\Copied%d`, errno), 8192)
				defer s.Close()
				forgetWays()
				refusingFlags(t, unix.SYS_MEMFD_CREATE, 1, flags, errno, func() {
					for _, access := range []Access{Read | Write, Copy} {
						v, err := s.MapAt(0, 0, 0, access)
						if err != nil {
							t.Error(err)
							continue
						}
						if access != Copy {
							err = v.Detach(0, 8192, Copy)
						}
						if err != nil {
							t.Errorf("copy-on-write: %v", err)
						}
						v.Bytes()[0] = 1
						if written, err := v.Written(0, 8192); err != nil || len(written) != 2 || !written[0] || written[1] {
							t.Errorf("a view for %v: written %v, %v", access, written, err)
						}
						must(t, v.Close())
					}
				})
			})
		}
	}
}

// TestReturnThatFailsHalfWay: before the kernel finds that it lacks memory to move a mapping, it unmaps what is in the
// way. No hole may be left: the process's next mapping could come there, and would be unmapped with the view.
func TestReturnThatFailsHalfWay(t *testing.T) {
	ownRoot(t)
	const length = 4 * 4096
	for _, c := range []struct{ at, end int }{{0, length}, {4096, 8192}, {8192, length}} {
		s := mustCreateSection(t, "", length)
		v, err := s.MapAt(0, 0, 0, Read|Write)
		must(t, err)
		v.Bytes()[c.at] = 7
		must(t, v.Detach(c.at, c.end-c.at, Copy))
		for _, errno := range []unix.Errno{unix.ENOMEM, unix.EAGAIN} {
			refusing(t, unix.SYS_MREMAP, errno, func() {
				if err := unmap(v.native.mapped[c.at:c.end]); err != nil { // what the kernel does
					t.Error(err)
				}
				if lost, err := v.Attach(c.at, c.end-c.at, Read|Write); err == nil || !lost {
					t.Errorf("%v: lost %v, %v", errno, lost, err)
				}
			})
			for _, at := range []int{c.at, c.end - 4096} {
				if r, err := RegionAt(v.Address() + uintptr(at)); err != nil || !r.Mapped || r.Access != 0 {
					t.Errorf("%v: at %d there is %+v, %v", errno, at, r, err)
				}
			}
		}
		if lost, err := v.Attach(c.at, c.end-c.at, Read|Write); lost || err != nil || v.Bytes()[c.at] != 7 {
			t.Errorf("the next time: lost %v, %v", lost, err)
		}
		must(t, v.Close())
		must(t, s.Close())
	}
}
