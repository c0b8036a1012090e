//go:build unix

package win32table

import (
	"fmt"
	"os"
	"runtime"
	"syscall"

	"github.com/namedshm/namedshm/win32"
)

// threadEnd returns what waits for the end of the calling thread.
func threadEnd() (wait func()) {
	path := fmt.Sprintf("/proc/self/task/%d", win32.GetCurrentThreadId())
	return func() {
		for {
			if _, err := os.Stat(path); err != nil {
				return
			}
			runtime.Gosched()
		}
	}
}

func init() {
	// renounce makes this process one of a user and a group that no machine has.
	functions["renounce"] = func(arguments) (uint64, []any, error) {
		const stranger = 64101
		for _, err := range []error{syscall.Setgroups(nil), syscall.Setgid(stranger), syscall.Setuid(stranger)} {
			if err != nil {
				return 0, nil, err
			}
		}
		return 1, nil, nil
	}
}
