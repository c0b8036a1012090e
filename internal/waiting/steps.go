//go:build !namedshm_steps

package waiting

import "unsafe"

// exploring says that an explorer may drive this code. Without the build tag namedshm_steps none does.
const exploring = false

type point struct{}

func here() point { return point{} }

func (point) forget(place)                 {}
func (point) forgetAllBut(place, int)      {}
func (point) forgetUnless(place, bool)     {}
func (point) remember(*number64, uint64)   {}
func (point) remember32(*number32, uint32) {}

func explored(stepKind, unsafe.Pointer, uint64, uint64) (result uint64, is bool) { return 0, false }

func exploredSleep([]sleeper) bool { return false }

func exploredNapping() (naps, is bool) { return false, false }

// counted is a count of something that is done enough times.
func counted(times int) int { return times }

// enough reports that something was tried so many times.
func enough(times, most int) bool { return times > most }
