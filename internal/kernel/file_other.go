//go:build unix && !linux && !aix

package kernel

// grow makes a file longer by writing it: there is no other way to reserve blocks that all systems have.
func grow(fd int, from, to int64) error { return fill(fd, from, to) }

// lower has no way to open a file again that all systems have.
func (m *userFile) lower() {}

// pathOf is not told by all systems.
func pathOf(int) string { return "" }
