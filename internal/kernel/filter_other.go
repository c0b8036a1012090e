//go:build unix && !linux && !aix

package kernel

// filterAdvice is empty: these systems have no filters that a call can learn of.
func filterAdvice(string, error) string { return "" }
