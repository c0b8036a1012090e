//go:build namedshm_steps

package waiting

import "unsafe"

const exploring = true

// explorer decides what happens next, and what is in shared memory. All that it drives runs in turns. Without one the
// code does what it always does.
var explorer interface {
	// step makes a step of the one that runs, once it may, and returns what it has shown.
	step(kind stepKind, at unsafe.Pointer, old, new uint64) uint64
	// sleep returns when one of the numbers is not the expected one, or when the one that runs was woken.
	sleep(on []sleeper)
	// napping reports that the one that runs sleeps without futexes.
	napping() bool
	// enough reports that something was tried so many times.
	enough(times int) bool
	// counted is a count of these times, as far as it makes a difference.
	counted(times int) int
	// here is how much the one that runs has seen.
	here() int
	// forget forgets what it has seen since, but for where it is now and a number.
	forget(since int, where place, but int)
	// remember says that the one that runs has kept a value that it saw in a number.
	remember(at unsafe.Pointer, value uint64)
}

func explored(kind stepKind, at unsafe.Pointer, old, new uint64) (result uint64, is bool) {
	if explorer == nil {
		return 0, false
	}
	return explorer.step(kind, at, old, new), true
}

func exploredSleep(on []sleeper) bool {
	if explorer == nil {
		return false
	}
	explorer.sleep(on)
	return true
}

func exploredNapping() (naps, is bool) {
	if explorer == nil {
		return false, false
	}
	return explorer.napping(), true
}

func counted(times int) int {
	if explorer == nil {
		return times
	}
	return explorer.counted(times)
}

func enough(times, most int) bool {
	if explorer == nil {
		return times > most
	}
	return explorer.enough(times)
}

type point int

func here() point {
	if explorer == nil {
		return 0
	}
	return point(explorer.here())
}

func (p point) forget(where place) { p.forgetAllBut(where, 0) }

func (p point) forgetUnless(where place, but bool) {
	if but {
		p.forgetAllBut(where, 1)
	} else {
		p.forgetAllBut(where, 0)
	}
}

func (p point) forgetAllBut(where place, but int) {
	if explorer != nil {
		explorer.forget(int(p), where, but)
	}
}

func (p point) remember32(x *number32, v uint32) {
	if explorer != nil {
		explorer.remember(unsafe.Pointer(x), uint64(v))
	}
}

func (p point) remember(x *number64, v uint64) {
	if explorer != nil {
		explorer.remember(unsafe.Pointer(x), v)
	}
}
