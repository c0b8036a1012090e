//go:build mips || mipsle || (arm && !arm.7)

package waiting

// SharedAtomics is false where Go makes 64-bit atomic operations of a lock that only one process knows.
const SharedAtomics = false
