//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package turns

import (
	"fmt"
	"os"
	"syscall"
)

// openOwn opens or makes a file of this user's. No link is followed and no FIFO waited for, and what belongs to another
// is refused: they could have tests write, or wait, wherever they like.
func openOwn(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o600)
	if err == nil {
		var info os.FileInfo
		if info, err = f.Stat(); err == nil {
			st, ok := info.Sys().(*syscall.Stat_t)
			if ok && info.Mode().IsRegular() && int(st.Uid) == os.Geteuid() && st.Nlink == 1 {
				return f, nil
			}
			err = fmt.Errorf("%s is not a file of this user's alone", path)
		}
		f.Close()
	}
	return nil, fmt.Errorf("%w; remove it, or have TMPDIR name a directory of yours", err)
}

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
