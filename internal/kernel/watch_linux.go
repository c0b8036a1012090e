package kernel

import (
	"context"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// nameWatch waits for a name to appear, with inotify on its directory, or on the directory's parent while it does not
// exist. It waits for any news there: whether the name is meant, the caller finds out by trying to open it.
type nameWatch struct {
	place *place
	err   error
	file  *os.File // the inotify descriptor
	dir   string   // what is watched now
}

func newNameWatch(name Name) *nameWatch {
	w := &nameWatch{}
	if w.place, w.err = placeOf(name.Namespace); w.err == nil {
		w.arm()
	}
	return w
}

const watchFlags = unix.IN_CREATE | unix.IN_MOVED_TO | unix.IN_DELETE_SELF | unix.IN_MOVE_SELF | unix.IN_ONLYDIR | unix.IN_ATTRIB

// arm starts watching. Without inotify (its limits are reached) wait falls back to pauses.
func (w *nameWatch) arm() {
	w.close()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return
	}
	if w.place.namespace == Local {
		w.place.ensure() // this user's own: better made now than its appearance watched for
	}
	// The directory, else its parent, and then the directory again: it may have come between the two.
	parent := false // is watched
	for _, w.dir = range []string{w.place.dir, root(), w.place.dir} {
		_, watchErr := unix.InotifyAddWatch(fd, w.dir, watchFlags)
		if watchErr == nil {
			err = nil
			if w.dir == w.place.dir {
				break
			}
			parent = true
			continue
		}
		err = watchErr
	}
	if err == unix.ENOENT && parent { // still no directory
		w.dir, err = root(), nil
	}
	if err != nil {
		unix.Close(fd)
		return
	}
	w.file = os.NewFile(uintptr(fd), "inotify")
}

// wait returns when something may have changed since the last call, or since newNameWatch.
func (w *nameWatch) wait(ctx context.Context) error {
	if w.err != nil {
		return w.err
	}
	if w.file == nil {
		defer w.arm()
		return sleep(ctx, 50*time.Millisecond)
	}
	if w.dir != w.place.dir {
		defer w.arm() // the directory may be there now
	}
	file := w.file
	stop := context.AfterFunc(ctx, func() { file.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	var buffer [4096]byte
	if _, err := file.Read(buffer[:]); err != nil && ctx.Err() == nil {
		return sleep(ctx, 50*time.Millisecond)
	}
	if w.dir == w.place.dir && w.place.check() != nil {
		w.arm()
	}
	return ctx.Err()
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *nameWatch) close() {
	if w.file != nil {
		w.file.Close()
		w.file = nil
	}
}
