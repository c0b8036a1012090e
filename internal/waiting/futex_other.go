//go:build !linux

package waiting

import "time"

// napping reports whether sleepOn sleeps in a way that others cannot end.
func napping([]sleeper) bool { return true }

// sleepOn pauses for a moment: these systems have no call, or none that is documented, by which one process wakes
// another that sleeps on a number in their common memory.
func sleepOn(_ []sleeper, deadline time.Time, round int) { nap(deadline, round) }

// wake wakes nobody: whoever waits looks again by itself.
func wake(*uint32, int, bool) int { return 0 }
