//go:build unix && !linux && !aix

package kernel

import "os"

func processID() int { return os.Getpid() }

// pidPage is nil: these systems cannot have a page wiped by fork.
func pidPage() *int64 { return nil }
