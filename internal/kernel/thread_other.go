//go:build unix && !linux && !aix

package kernel

// No thread number is known to all of these systems. A thread cannot be told from another, so the process stands for
// all of its threads.

// CurrentThread returns the number of the process.
func CurrentThread() int32 { return int32(processID()) }

// ThreadGone is false: the process lives.
func ThreadGone(int32) bool { return false }

// ThreadBirth is the same for all.
func ThreadBirth(int32) (birth uint64, ok bool) { return 1, true }
