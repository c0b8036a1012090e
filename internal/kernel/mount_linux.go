package kernel

import (
	"bytes"
	"errors"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Users can mount file systems that a program of theirs serves (FUSE) on any directory of theirs, and open them to
// others where /etc/fuse.conf has user_allow_other. Owners, modes and attributes there are what that program says, and
// every call takes as long as it likes. So before asking anything of a directory that a stranger may have put there,
// the library checks which mount it is in. Neither opening it with O_PATH nor asking for the mount reaches the program.

// errServed is the error of openUnserved for a directory that a program serves.
var errServed = errors.New("a file system that a program serves (FUSE) is mounted there")

// openUnserved opens a directory for the *at calls only, unless it is in a mount of its own that a program serves.
// Anything else mounted there was put there by root.
func openUnserved(parent int, name string) (int, error) {
	fd, err := openAt(parent, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err == nil && isServed(parent, fd) {
		unix.Close(fd)
		return -1, errServed
	}
	return fd, err
}

// isServed reports whether a file is in another mount than its parent, and a program serves that mount.
func isServed(parent, fd int) bool {
	above, told := mountOf(parent)
	here, toldHere := mountOf(fd)
	if !told || !toldHere { // no kernel that we know of, and perhaps one without FUSE
		var a, b unix.Stat_t
		return unix.Fstat(parent, &a) != nil || unix.Fstat(fd, &b) != nil || a.Dev != b.Dev
	}
	return above != here && isFuse(here)
}

// mountOf returns the number of the mount that an open file is in. statx tells it since Linux 5.8; where that call is
// forbidden or missing, /proc does.
func mountOf(fd int) (id uint64, told bool) {
	var st unix.Statx_t
	err := unix.Statx(fd, "", unix.AT_EMPTY_PATH|unix.AT_STATX_DONT_SYNC, unix.STATX_MNT_ID, &st)
	if err == nil && st.Mask&unix.STATX_MNT_ID != 0 {
		return st.Mnt_id, true
	}
	text, _ := contents("/proc/thread-self/fdinfo/" + strconv.Itoa(fd))
	for line := range bytes.Lines(text) {
		if number, ok := bytes.CutPrefix(line, []byte("mnt_id:")); ok {
			id, err := strconv.ParseUint(string(bytes.TrimSpace(number)), 10, 64)
			return id, err == nil
		}
	}
	return 0, false
}

// isFuse reports whether a program serves a mount. A mount that is not listed, because it was just unmounted, counts as
// one.
func isFuse(id uint64) bool {
	text, _ := contents("/proc/thread-self/mountinfo")
	number := strconv.FormatUint(id, 10) + " "
	for line := range strings.Lines(string(text)) {
		// number, parent, device, root, mount point, options, tags, "-", type, source, the file system's options
		head, tail, _ := strings.Cut(line, " - ")
		if strings.HasPrefix(head, number) {
			return strings.HasPrefix(tail, "fuse")
		}
	}
	return true
}
