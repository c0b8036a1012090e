//go:build unix

package win32table

import (
	"fmt"
	"os"
	"runtime"

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
