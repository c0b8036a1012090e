//go:build unix && !aix && !mips && !mipsle && (!arm || arm.7)

package kernel

// sharedAtomics says that 64-bit atomic operations work between processes.
const sharedAtomics = true
