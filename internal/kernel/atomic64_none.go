//go:build unix && !aix && (mips || mipsle || (arm && !arm.7))

package kernel

// sharedAtomics is false where Go makes 64-bit atomic operations of a lock that only one process knows.
const sharedAtomics = false
