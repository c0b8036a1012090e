//go:build !namedshm_nopoller

package kernel

import (
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// polling says that Go's runtime has its poller. The runtime makes it when the first timer is set or the first file is
// opened, and ends the whole program if it cannot get the two descriptors for it.
var polling atomic.Bool

// needPoller has the runtime make its poller if it can, and returns an error if that would end the program. It must be
// called before anything that sets a timer or opens a file.
//
// This is not done when the library is loaded: a program may close all unknown descriptors at its start, and the
// runtime does not survive the loss of its own. (The C library's runtime has none: see capi/install.)
func needPoller() error {
	if polling.Load() {
		return nil
	}
	var pair [2]int // as many as the poller needs
	switch err := unix.Pipe2(pair[:], unix.O_CLOEXEC); err {
	case nil:
		unix.Close(pair[0])
		unix.Close(pair[1])
	case unix.EMFILE, unix.ENFILE:
		return shortage(err)
	}
	time.AfterFunc(time.Hour, func() {}).Stop()
	polling.Store(true)
	return nil
}
