package kernel

import (
	"errors"
	"fmt"
	"syscall"
	"unsafe"

	"github.com/namedshm/namedshm/internal/fault"
	"golang.org/x/sys/windows"
)

// systemFault makes a Fault of the system's error; nil stays nil. The system's own text is kept only for a code that
// has no text of ours: otherwise the two would say the same.
func systemFault(err error) error {
	if err == nil {
		return nil
	}
	var errno syscall.Errno
	if status, ok := err.(windows.NTStatus); ok {
		errno = status.Errno()
	} else if !errors.As(err, &errno) {
		return err
	}
	f := &fault.Fault{Code: fault.Code(errno)}
	if f.Code.Symbol() == "" {
		f.Cause = errno
	}
	return f
}

// adviseCommit adds to an out-of-memory error which limit was reached and how much of it is left.
func adviseCommit(err error) error {
	if fault.CodeOf(err) != fault.CommitmentLimit {
		return err
	}
	left := ""
	if status, err := queryMemory(); err == nil {
		left = fmt.Sprintf(": %d MiB, of which %d MiB are free", status.totalCommit>>20, status.freeCommit>>20)
	}
	return fault.Advise(err, "RAM and paging file together are the limit%s; enlarge the paging file, or map less "+
		"of a section "+
		"made with NoCommit (shm create --no-commit)", left)
}

func queryMemory() (memoryStatus, error) {
	status := memoryStatus{length: uint32(unsafe.Sizeof(memoryStatus{}))}
	err := globalMemoryStatusEx(&status)
	return status, err
}
