package kernel

import (
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// polling says that Go's runtime has its poller. It makes it when the first timer is set or the first file is opened,
// and ends the whole program when the two descriptors for it are not to be had.
var polling atomic.Bool

// needPoller has the runtime make its poller where it can, and is an error where it would end the program. It comes
// before whatever sets a timer or opens a file.
//
// It does not come when the library is loaded: a daemon closes at its start all descriptors that it does not know, and
// the runtime does not outlive the loss of its own.
func needPoller() error {
	if polling.Load() {
		return nil
	}
	var pair [2]int // as many as the poller takes
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
