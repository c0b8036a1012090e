package kernel

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"time"

	"github.com/namedshm/namedshm/internal/fault"
	"github.com/namedshm/namedshm/internal/waiting"
	"golang.org/x/sys/unix"
)

// nameWatch waits for a name to appear, with inotify on its directory and on the directory's parent. It waits for any
// event in the directory: the caller finds out by trying to open the name whether it was the one.
//
// The parent is watched even if the directory exists, since that may be removed and made again, and inotify does not
// report the removal of a directory that somebody has open.
type nameWatch struct {
	place *place
	err   error
	file  *os.File // the inotify descriptor
	above int32    // the watch on the parent
}

func newNameWatch(name Name) *nameWatch {
	w := &nameWatch{}
	if w.place, w.err = placeOf(name.Namespace); w.err == nil {
		w.arm()
	}
	return w
}

const (
	watchFlags = unix.IN_CREATE | unix.IN_MOVED_TO | unix.IN_DELETE_SELF | unix.IN_MOVE_SELF | unix.IN_ONLYDIR |
		unix.IN_ATTRIB
	aboveFlags = watchFlags | unix.IN_DELETE | unix.IN_MOVED_FROM
	// watchEnds are the events after which a watch leads nowhere, or elsewhere.
	watchEnds = unix.IN_DELETE_SELF | unix.IN_MOVE_SELF | unix.IN_IGNORED | unix.IN_UNMOUNT | unix.IN_Q_OVERFLOW
)

// arm starts watching. Without inotify (its limits are reached), or if the parent cannot be watched, wait falls back to
// pauses.
func (w *nameWatch) arm() {
	w.close()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return
	}
	if w.watch(fd) != nil {
		unix.Close(fd)
		return
	}
	w.file = os.NewFile(uintptr(fd), "inotify")
}

// watch watches the parent first, and then the directory, if it exists: any change to it after the look is an event. No
// directory is made for a wait.
func (w *nameWatch) watch(fd int) error {
	parent, _, err := w.place.openParent()
	if err != nil {
		return err
	}
	defer unix.Close(parent)
	above, err := unix.InotifyAddWatch(fd, selfDescriptor(parent), aboveFlags)
	if err != nil {
		return err
	}
	w.above = int32(above)
	defer w.place.begin().end()
	err = w.place.check()
	if fault.CodeOf(err) == fault.FileNotFound || isBeingMade(err) {
		return nil // the parent's watch reports when it is made, and when it gets root's sign
	}
	if err == nil {
		_, err = unix.InotifyAddWatch(fd, selfDescriptor(w.place.at()), watchFlags)
	}
	return err
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
	file := w.file
	stop := context.AfterFunc(ctx, func() { file.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	var buffer [4096]byte
	for news, ends := false, false; !news; {
		n, err := file.Read(buffer[:])
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			return sleep(ctx, 50*time.Millisecond)
		}
		if news, ends = w.read(buffer[:n]); ends {
			w.arm() // before the caller looks for the name
		}
	}
	return waiting.ContextError(ctx)
}

// read interprets events: news if they concern the directory, ends if what is watched is no longer the directory.
func (w *nameWatch) read(events []byte) (news, ends bool) {
	for len(events) >= unix.SizeofInotifyEvent {
		watch, mask := int32(binary.NativeEndian.Uint32(events)), binary.NativeEndian.Uint32(events[4:])
		end := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(events[12:]))
		name := string(bytes.TrimRight(events[unix.SizeofInotifyEvent:end], "\x00"))
		events = events[end:]
		switch {
		case mask&watchEnds != 0, watch == w.above && name == w.place.base():
			news, ends = true, true
		case watch != w.above:
			news = true
		}
	}
	return news, ends
}

func (w *nameWatch) close() {
	if w.file != nil {
		w.file.Close()
		w.file = nil
	}
}
