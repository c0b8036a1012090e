package kernel

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// CurrentThread is the number of the calling thread.
func CurrentThread() int32 { return int32(unix.Gettid()) }

// ThreadGone reports a thread of this process that has ended. It is cheap, and may take a new thread with the same
// number for the old one.
func ThreadGone(tid int32) bool {
	return unix.Tgkill(processID(), int(tid), 0) == unix.ESRCH
}

// ThreadBirth tells a thread of this process from all others that ever have its number: it is the time at which the thread
// began, in ticks of the kernel, within one of which no number is used twice. It is 0 for a thread that has ended; ok is
// false where that cannot be told, as without a free descriptor. A thread that has ended may stay in the table as a
// zombie: the first one does, as long as others live.
func ThreadBirth(tid int32) (birth uint64, ok bool) {
	b, err := os.ReadFile("/proc/thread-self/../" + strconv.Itoa(int(tid)) + "/stat")
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) {
		return 0, true
	}
	if err != nil {
		return 0, false
	}
	// pid (comm) state …, and the start time as the twentieth field from the state on.
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(f) < 20 {
		return 0, false
	}
	if f[0] == "Z" || f[0] == "X" {
		return 0, true
	}
	birth, err = strconv.ParseUint(f[19], 10, 64)
	return birth + 1, err == nil
}
