//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package turns

import (
	"os"
	"syscall"
)

func lock(f *os.File, alone bool) error {
	how := syscall.LOCK_SH
	if alone {
		how = syscall.LOCK_EX
	}
	for {
		if err := syscall.Flock(int(f.Fd()), how); err != syscall.EINTR {
			return err
		}
	}
}
