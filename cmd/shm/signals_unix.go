//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
	"time"
)

// endedBy is the signal that ended a process, if one did.
func endedBy(s *os.ProcessState) (signal int, ok bool) {
	status, ok := s.Sys().(syscall.WaitStatus)
	return int(status.Signal()), ok && status.Signaled()
}

// endBy ends this process by a signal that it has caught: a script that was interrupted with it would continue after a
// command that merely exits.
func endBy(sig os.Signal) error {
	number, ok := sig.(syscall.Signal)
	if !ok {
		return exitStatus(1)
	}
	signal.Reset(sig)
	if syscall.Kill(os.Getpid(), number) == nil {
		time.Sleep(time.Second) // another thread may be the one that it ends
	}
	return exitStatus(128 + int(number)) // it is ignored
}
