//go:build !((amd64 || arm64) && !purego && !race) && !namedshm_steps

package conduit

func exploredCopy(_, _ []byte, _ bool) bool { return false }

func exploredLength(*word32, uint32) bool { return false }

func exploredFence(bool) {}
