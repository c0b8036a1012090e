//go:build unix && !linux && !aix

package kernel

// buryElsewhere finds nothing: on these systems the dead keep their memory, and their owner will find them.
func buryElsewhere() ([]Burial, error) { return nil, nil }
