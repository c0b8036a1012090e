//go:build unix && !(aix || darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package kernel

// startedElevated is false: these systems do not tell, and the ids must do.
func startedElevated() bool { return false }
