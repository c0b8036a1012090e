package kernel

import (
	"bytes"
	"runtime"

	"github.com/namedshm/namedshm/internal/waiting"
	"golang.org/x/sys/unix"
)

// WaitVariable names the environment variable that keeps a process from waiting in the best way on Linux: "futex" does
// without futex_waitv, like kernels before 5.16, and "poll" without futexes at all, like other Unix systems. It is for
// tests of these ways. Processes that wait in different ways understand each other.
const WaitVariable = "NAMEDSHM_WAIT"

func init() {
	switch setting(WaitVariable) {
	case "futex":
		waiting.SetManner(waiting.OneFutex)
	case "poll":
		waiting.SetManner(waiting.Naps)
	}
	waiting.SetSpin(0)
	if processors() > 1 {
		waiting.SetSpin(waiting.UsualSpin)
	}
}

// processors returns 1 on a machine with one processor, and otherwise more, even if this process may use only one of
// them: whatever it waits for may run on another.
func processors() int {
	// Not by package os: see needPoller.
	fd, err := openPath("/sys/devices/system/cpu/online", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return runtime.NumCPU()
	}
	defer unix.Close(fd)
	online := make([]byte, 4096)
	n, err := readAt(fd, online, 0)
	switch {
	case err != nil:
		return runtime.NumCPU()
	case bytes.ContainsAny(online[:n], ",-"): // "0-3", "0,2"; "0" is one
		return 2
	}
	return 1
}
