package conduit

import (
	"runtime"
	"sync/atomic"
	"time"
)

// spinTime is for how long a call looks before it sleeps, in nanoseconds: none where nobody can do anything meanwhile.
var spinTime = func() *atomic.Int64 {
	var spin atomic.Int64
	if runtime.NumCPU() > 1 {
		spin.Store(int64(20 * time.Microsecond))
	}
	return &spin
}()

// SetSpin sets for how long a call looks before it sleeps, and returns what it was.
func SetSpin(d time.Duration) time.Duration { return time.Duration(spinTime.Swap(int64(max(d, 0)))) }

const (
	freePauses    = 64 // so many looks are made before the first at the clock
	pausesPerTime = 8  // and then so many between two
)

// pause takes some 50 ns. Who looks at another's line without pause takes it away from there for each message: with
// it the messages come in batches.
//
//go:noinline
func pause() {
	for range 150 {
	}
}

// spinner is one spin.
type spinner struct {
	until time.Time
	round int
}

// again pauses, and reports whether there is still time to look.
func (s *spinner) again() bool {
	s.round++
	switch {
	case s.round == 1 && spinTime.Load() == 0:
		return false
	case s.round < freePauses:
	case s.until.IsZero():
		s.until = time.Now().Add(time.Duration(spinTime.Load()))
	case s.round%pausesPerTime == 0 && !time.Now().Before(s.until):
		return false
	}
	pause()
	return true
}
