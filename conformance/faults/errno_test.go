//go:build linux

package faults

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/namedshm/namedshm/conformance/internal/actors"
)

// errnos are the errors with which the kernel may refuse a call, as its manual page has them; without those that say
// that a path or an argument is wrong, which is no fault of the machine's, and without a second of two that are treated
// alike.
var errnos = map[string][]unix.Errno{
	"openat":            {unix.EMFILE, unix.ENOMEM, unix.EACCES, unix.EINTR},
	"close":             {unix.EINTR},
	"read":              {unix.EIO, unix.EINTR},
	"fstat":             {unix.ENOMEM},
	"newfstatat":        {unix.ENOMEM, unix.EACCES},
	"pread64":           {unix.EIO, unix.EINTR},
	"pwrite64":          {unix.ENOSPC, unix.EIO, unix.EINTR},
	"ftruncate":         {unix.ENOSPC, unix.EPERM, unix.EINTR},
	"fallocate":         {unix.ENOSPC, unix.ENOMEM, unix.EINTR},
	"fchmod":            {unix.EPERM, unix.ENOMEM},
	"fchmodat":          {unix.EPERM, unix.ENOMEM},
	"fchown":            {unix.EPERM, unix.ENOMEM},
	"linkat":            {unix.ENOSPC, unix.ENOMEM, unix.EPERM},
	"unlinkat":          {unix.ENOMEM, unix.EPERM},
	"renameat":          {unix.ENOMEM, unix.EACCES},
	"readlinkat":        {unix.ENOMEM, unix.EACCES},
	"mkdirat":           {unix.ENOSPC, unix.ENOMEM, unix.EACCES},
	"faccessat":         {unix.ENOMEM, unix.EACCES},
	"faccessat2":        {unix.ENOMEM, unix.EACCES, unix.ENOSYS},
	"getdents64":        {unix.EIO},
	"memfd_create":      {unix.EMFILE, unix.ENFILE, unix.ENOMEM, unix.ENOSYS},
	"mmap":              {unix.ENOMEM, unix.EAGAIN, unix.EPERM},
	"munmap":            {unix.ENOMEM},
	"msync":             {unix.EIO, unix.EINTR},
	"mprotect":          {unix.ENOMEM},
	"madvise":           {unix.ENOMEM},
	"shmget":            {unix.ENOSPC, unix.ENOMEM, unix.ENFILE, unix.EACCES, unix.ENOSYS},
	"shmat":             {unix.ENOMEM, unix.EACCES},
	"shmctl":            {unix.EACCES, unix.EPERM},
	"pidfd_open":        {unix.EMFILE, unix.ENOMEM, unix.EPERM, unix.ENOSYS},
	"pidfd_getfd":       {unix.EMFILE, unix.EPERM, unix.ENOSYS},
	"kcmp":              {unix.EPERM, unix.ENOSYS},
	"futex_waitv":       {unix.EINTR, unix.EAGAIN, unix.ENOMEM, unix.EPERM, unix.ENOSYS},
	"inotify_init1":     {unix.EMFILE, unix.ENFILE, unix.ENOMEM},
	"inotify_add_watch": {unix.ENOSPC, unix.ENOMEM, unix.EACCES},
	"getxattr":          {unix.ENOMEM, unix.EOPNOTSUPP},
	"setxattr":          {unix.ENOSPC, unix.ENOMEM, unix.EPERM, unix.EOPNOTSUPP},
	"prlimit64":         {unix.EPERM},
}

// fitting are the errors of one call.
func fitting(c actors.Call) []unix.Errno {
	const (
		futexCommand = 127
		futexWait    = 0
	)
	switch c.Name() {
	case "openat":
		if c.Arguments[2]&(unix.O_CREAT|unix.O_TMPFILE&^unix.O_DIRECTORY) != 0 {
			return append(slices.Clone(errnos["openat"]), unix.ENOSPC)
		}
	case "fcntl":
		switch c.Arguments[1] {
		case unix.F_DUPFD_CLOEXEC:
			return []unix.Errno{unix.EMFILE}
		case unix.F_OFD_SETLK, unix.F_SETLK:
			if c.Lock == unix.F_UNLCK {
				return []unix.Errno{unix.ENOLCK, unix.EINTR}
			}
			return []unix.Errno{unix.ENOLCK, unix.EINTR, unix.EAGAIN}
		case unix.F_OFD_GETLK, unix.F_GETLK:
			return []unix.Errno{unix.ENOLCK}
		case unix.F_ADD_SEALS:
			return []unix.Errno{unix.EPERM, unix.ENOMEM}
		}
		return nil
	case "futex":
		if c.Arguments[1]&futexCommand == futexWait {
			return []unix.Errno{unix.EINTR, unix.EAGAIN, unix.ENOMEM}
		}
		return []unix.Errno{unix.ENOMEM}
	}
	return errnos[c.Name()]
}

// limits are the errors of one call that say that something has run out: descriptors, or room.
func limits(c actors.Call) []unix.Errno {
	return slices.DeleteFunc(slices.Clone(fitting(c)), func(e unix.Errno) bool {
		return e != unix.EMFILE && e != unix.ENOSPC
	})
}

// withOthers adds what a scene is about. Where a view is made or given back, the kernel may have no memory for its
// books of a process's mappings, and a view that cannot be unmapped now can be later. Where a creator died, what it was
// about to make may stay unreadable. And the file system of a user's file may have no way to reserve blocks.
func (s *scene) withOthers(fits func(actors.Call) []unix.Errno) func(actors.Call) []unix.Errno {
	return func(c actors.Call) []unix.Errno {
		switch {
		case c.Name() == "munmap" && (s.mapped || s.does.Op == "map"):
			return []unix.Errno{unix.ENOMEM}
		case c.Name() == "pread64" && s.orphan:
			return []unix.Errno{unix.EIO}
		case c.Name() == "fallocate" && s.does.hasFile():
			return append(fits(c), unix.EOPNOTSUPP)
		}
		return fits(c)
	}
}
