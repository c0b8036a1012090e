//go:build unix

package main

import (
	"os"
	"syscall"
)

// endedBy is the signal that ended a process, if one did.
func endedBy(s *os.ProcessState) (signal int, ok bool) {
	status, ok := s.Sys().(syscall.WaitStatus)
	return int(status.Signal()), ok && status.Signaled()
}
