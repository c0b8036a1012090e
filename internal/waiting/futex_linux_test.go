package waiting

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestWakingLacksMemory: a few times the kernel lacks the memory to look for sleepers. No sleeper is taken for one that
// is awake, and a failure that lasts is no endless loop.
func TestWakingLacksMemory(t *testing.T) {
	if napping(make([]sleeper, 1)) {
		t.Skip("waits nap here, and are not woken")
	}
	for _, c := range []struct {
		errno unix.Errno
		times int
		want  int
	}{
		{unix.ENOMEM, 1, 1},
		{unix.ENOMEM, 9, 1},
		{unix.ENOMEM, 1000, 0},
		{unix.EFAULT, 1, 0},
	} {
		a, b := pair(t, spec{Kind: Semaphore, Maximum: 1})
		done := sleeps(t, sleepers, b)
		until(t, "it sleeps", func() bool { return sleepsAt(b.native.state.low()) })
		unpatrolled(b.native)
		change(a.native, 0, func(uint32) uint32 { return 1 })
		failing(t, unix.SYS_FUTEX, futexWake, c.errno, c.times, func() {
			if woken := wake(a.native.state.low(), 1, false); woken != c.want {
				t.Errorf("%v, %d times: %d were woken, want %d", c.errno, c.times, woken, c.want)
			}
		})
		wake(a.native.state.low(), 1, false)
		through(t, done)
		b.Close()
		a.Close()
	}
}

// TestWithoutWaitv: where the kernel does not know futex_waitv, or a filter forbids it, that is noticed the first time,
// and others are told in which way this process sleeps.
func TestWithoutWaitv(t *testing.T) {
	before := noWaitv.Load()
	defer noWaitv.Store(before)
	var numbers [2]uint32
	on := []sleeper{{addr: &numbers[0]}, {addr: &numbers[1]}}
	for _, errno := range []unix.Errno{unix.ENOSYS, unix.EPERM} {
		noWaitv.Store(false)
		failing(t, unix.SYS_FUTEX_WAITV, uint32(len(on)), errno, 1000, func() {
			if sleepMany(on, time.Now().Add(time.Second)) || !napping(on) {
				t.Errorf("%v is not taken for a kernel without the call", errno)
			}
		})
	}
	noWaitv.Store(false)
	for _, errno := range []unix.Errno{unix.EINTR, unix.EAGAIN, unix.ENOMEM} {
		failing(t, unix.SYS_FUTEX_WAITV, uint32(len(on)), errno, 1000, func() {
			if !sleepMany(on, time.Now().Add(time.Millisecond)) || noWaitv.Load() {
				t.Errorf("%v is taken for a kernel without the call", errno)
			}
		})
	}
}
