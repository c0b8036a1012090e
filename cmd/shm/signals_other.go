//go:build !unix

package main

import "os"

// endedBy: processes end with a status here, not by signals.
func endedBy(*os.ProcessState) (signal int, ok bool) { return 0, false }

// endBy ends with the status that a shell elsewhere has for a signal.
func endBy(sig os.Signal) error {
	if sig == os.Interrupt {
		return exitStatus(130)
	}
	return exitStatus(143)
}
