package waiting

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	futexWait    = 0
	futexWake    = 1
	futexPrivate = 128

	futex2Size32  = 2
	futex2Private = 128
)

// waitv is what futex_waitv takes.
type waitv struct {
	value uint64
	addr  uint64
	flags uint32
	_     uint32 // reserved
}

// kernelTimespec is a time as newer calls take it, on all architectures.
type kernelTimespec struct{ sec, nsec int64 }

// Manner is how a process sleeps. Processes that sleep in different manners understand each other.
type Manner uint32

const (
	Best     Manner = iota // as well as the kernel can
	OneFutex               // without futex_waitv, as kernels before 5.16 make it
	Naps                   // without futexes at all, as on other Unix systems
)

// SetManner has this process sleep in another manner than the best. It is called before the first sleep.
func SetManner(m Manner) { manner.Store(uint32(m)); noWaitv.Store(m == OneFutex) }

var (
	manner  atomic.Uint32
	noWaitv atomic.Bool
	// noFutex is asked before the first sleep: where a filter forbids waking, a sleeper would never wake.
	noFutex = sync.OnceValue(func() bool {
		_, _, errno := unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(new(uint32))), futexWake, 1, 0, 0, 0)
		return Manner(manner.Load()) == Naps || filtered(errno)
	})
)

// filtered reports an error that a filter of system calls may have answered.
func filtered(err error) bool { return err == unix.ENOSYS || err == unix.EPERM }

// sleepOn returns when one of the numbers is not the expected one, when it is woken, at the deadline (unless it is
// zero), or for no reason at all: the caller looks again whatever the reason. round counts the sleeps of one wait.
//
// It is Syscall, never RawSyscall: the scheduler must know that the thread is away, or garbage collection waits for it.
func sleepOn(on []sleeper, deadline time.Time, round int) {
	switch {
	case exploring && exploredSleep(on):
	case noFutex():
		nap(deadline, round)
	case len(on) == 1:
		sleepOne(on[0], deadline)
	case noWaitv.Load() || !sleepMany(on, deadline):
		// Without futex_waitv: sleep on the first alone, but not for long. A wait that takes long then does without a
		// thread: many threads that wake all the time would leave nothing for others.
		if round > 5 {
			nap(deadline, round)
			return
		}
		slice := time.Now().Add(napLength(round))
		if deadline.IsZero() || slice.Before(deadline) {
			deadline = slice
		}
		sleepOne(on[0], deadline)
	}
}

// CanSleep reports whether this process can sleep on a word of shared memory, and on several at once, and be woken. It
// asks the kernel for sleeps that end at once, because the number is not the expected one.
func CanSleep() (onOne, onSeveral bool) {
	if noFutex() {
		return false, false
	}
	on := sleeper{addr: new(uint32), expected: 1}
	return true, sleepMany([]sleeper{on, on}, time.Time{})
}

// napping reports whether sleepOn sleeps in a way that others cannot end, at least at times.
func napping(on []sleeper) bool {
	if exploring {
		if naps, is := exploredNapping(); is {
			return naps
		}
	}
	return noFutex() || len(on) > 1 && noWaitv.Load()
}

// longestSleep keeps times inside of what the kernel's calls can say, on all architectures.
const longestSleep = time.Hour

func sleepOne(s sleeper, deadline time.Time) {
	op := uintptr(futexWait)
	if s.private {
		op |= futexPrivate
	}
	var timeout *unix.Timespec
	if !deadline.IsZero() {
		left := min(time.Until(deadline), longestSleep)
		if left <= 0 {
			return
		}
		t := unix.NsecToTimespec(int64(left))
		timeout = &t
	}
	unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(s.addr)), op, uintptr(s.expected),
		uintptr(unsafe.Pointer(timeout)), 0, 0)
}

// sleepMany is false where the kernel does not know futex_waitv, before Linux 5.16.
func sleepMany(on []sleeper, deadline time.Time) bool {
	list := waitvs.Get().(*[MaximumObjects + 1]waitv)
	defer waitvs.Put(list)
	for i, s := range on {
		list[i] = waitv{value: uint64(s.expected), addr: uint64(uintptr(unsafe.Pointer(s.addr))), flags: futex2Size32}
		if s.private {
			list[i].flags |= futex2Private
		}
	}
	var timeout *kernelTimespec
	if !deadline.IsZero() {
		left := min(time.Until(deadline), longestSleep)
		if left <= 0 {
			return true
		}
		var now unix.Timespec
		unix.ClockGettime(unix.CLOCK_MONOTONIC, &now)
		at := now.Nano() + int64(left)
		timeout = &kernelTimespec{at / 1e9, at % 1e9}
	}
	_, _, errno := unix.Syscall6(unix.SYS_FUTEX_WAITV, uintptr(unsafe.Pointer(list)), uintptr(len(on)), 0,
		uintptr(unsafe.Pointer(timeout)), unix.CLOCK_MONOTONIC, 0)
	if errno == unix.ENOSYS || errno == unix.EPERM { // EPERM: a filter that does not know the call
		noWaitv.Store(true)
		return false
	}
	if errno != 0 && errno != unix.EAGAIN && errno != unix.EINTR && errno != unix.ETIMEDOUT {
		nap(deadline, 10) // out of memory, perhaps: the wait must not become a loop
	}
	return true
}

var waitvs = sync.Pool{New: func() any { return new([MaximumObjects + 1]waitv) }}

// wake wakes at most n of the sleepers on a number, and returns how many it woke. The kernel may lack the memory to
// look for them, and have it a moment later: a sleeper must not be taken for one that is awake.
func wake(addr *uint32, n int, private bool) int {
	if exploring {
		if v, is := explored(stepWake, unsafe.Pointer(addr), 0, uint64(n)); is {
			return int(v)
		}
	}
	op := uintptr(futexWake)
	if private {
		op |= futexPrivate
	}
	for range 10 {
		woken, _, errno := unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(addr)), op, uintptr(n), 0, 0, 0)
		if errno == 0 {
			return int(woken)
		}
		if errno != unix.ENOMEM {
			break
		}
		runtime.Gosched()
	}
	return 0
}
