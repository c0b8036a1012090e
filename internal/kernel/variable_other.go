//go:build unix && !linux && !aix

package kernel

// BackingVariable has no meaning here: these systems have one backing.
const BackingVariable = "NAMEDSHM_BACKING"

// checkWaitVariable finds nothing wrong: there is only one way to wait.
func checkWaitVariable() error { return nil }
