//go:build !mips && !mipsle && (!arm || arm.7)

package waiting

// SharedAtomics says that 64-bit atomic operations work between processes.
const SharedAtomics = true
