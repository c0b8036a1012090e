package kernel

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// CurrentThread returns the number of the calling thread.
func CurrentThread() int32 { return int32(unix.Gettid()) }

// ThreadGone reports whether a thread of this process has ended. It is cheap, and may take a new thread with the same
// number for the old one.
func ThreadGone(tid int32) bool {
	return unix.Tgkill(processID(), int(tid), 0) == unix.ESRCH
}

// ThreadBirth distinguishes a thread of this process from all others that ever have its number: it is the time at which
// the thread began, in clock ticks, and no number is used twice within a tick. It is 0 for a thread that has ended; ok
// is false if that cannot be told, for instance without a free descriptor. A thread that has ended may stay in the
// table as a zombie: the first one does as long as others live.
func ThreadBirth(tid int32) (birth uint64, ok bool) {
	start, gone, err := readStat("/proc/thread-self/../"+strconv.Itoa(int(tid)), statStart)
	if gone || err != nil {
		return 0, gone
	}
	return start + 1, true
}
