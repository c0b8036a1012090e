//go:build unix && !aix

package kernel

import (
	"fmt"

	"github.com/namedshm/namedshm/internal/fault"
	"golang.org/x/sys/unix"
)

// descriptorAdvice names the limit behind EMFILE or ENFILE, with its value.
func descriptorAdvice(err error) string {
	if err == unix.ENFILE {
		return "the system-wide limit on open files (fs.file-max) has been reached"
	}
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return "this process's limit on open files (RLIMIT_NOFILE) has been reached"
	}
	return fmt.Sprintf("this process's limit on open files (RLIMIT_NOFILE, ulimit -n) is %d; an open handle takes two",
		limit.Cur)
}

// fits refuses a file of that length if this process may not write one. Otherwise the kernel would not only fail the
// call without saying which limit it was: it sends SIGXFSZ, which a Go program survives, but not a C program that has
// loaded this library.
func fits(length int64) error {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_FSIZE, &limit) != nil || uint64(length) <= uint64(limit.Cur) {
		return nil
	}
	return &fault.Fault{Code: fault.NoSystemResources, Cause: unix.EFBIG,
		Advice: fmt.Sprintf("a file of %d bytes is needed, but this process may write at most %d "+
			"(RLIMIT_FSIZE, ulimit -f)", length, limit.Cur)}
}
