//go:build unix && !linux && !aix

package kernel

// ownIPC is false: these systems have one IPC namespace, as far as processes can meet.
func (p *place) ownIPC() bool { return false }

// pidNamespace is the same for all: these systems have one, as far as processes can meet.
func pidNamespace() uint32 { return 0 }
