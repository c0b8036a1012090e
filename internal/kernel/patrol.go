//go:build unix && !aix

package kernel

import (
	"sync"
	"sync/atomic"
	"time"
)

// A process that is killed between a change and the wake-up that belongs to it, one that is killed or stopped when it
// was just woken, and an owner that dies: none of them tells anybody. So each process in which somebody sleeps has one
// goroutine that looks after its own sleepers, a few times in each tenth of a second, and wakes them when there is
// something that they should have been woken for. The sleepers themselves sleep without a limit.
//
// It also writes down, for people to look at, since when a mutex is owned: work that Lock then need not do.
var patrol struct {
	running atomic.Bool
	mu      sync.Mutex
	beats   map[*nativeWaitable]*beat
}

// beat is what the patrol remembers of one handle: the word at the last look.
type beat struct{ last word }

// patrolEvery is the time between two looks. A look and the way to a processor make less than the tenth of a second within
// which a dead owner must be noticed; and each wakes a runtime that was idle, which looks around for longer than this does.
const patrolEvery = 50 * time.Millisecond

// enroll puts an open handle under the patrol's eyes, discharge takes it out.
func enroll(n *nativeWaitable) {
	patrol.mu.Lock()
	defer patrol.mu.Unlock()
	if patrol.beats == nil {
		patrol.beats = map[*nativeWaitable]*beat{}
	}
	patrol.beats[n] = &beat{}
}

func discharge(n *nativeWaitable) {
	patrol.mu.Lock()
	defer patrol.mu.Unlock()
	delete(patrol.beats, n)
}

// startPatrol is called after whatever it is to look after has become visible to it.
func startPatrol() {
	if mistake("no patrol") {
		return
	}
	if patrol.running.CompareAndSwap(false, true) {
		go goOnPatrol()
	}
}

func goOnPatrol() {
	const quietRounds = 5
	quiet := 0
	ticker := time.NewTicker(patrolEvery)
	defer ticker.Stop()
	for {
		<-ticker.C
		if lookAround() {
			quiet = 0
			continue
		}
		if quiet++; quiet < quietRounds {
			continue
		}
		patrol.running.Store(false)
		// Whoever came after the look and before this store relied on us.
		if !lookAround() || !patrol.running.CompareAndSwap(false, true) {
			return
		}
	}
}

// lookAround looks at every handle of this process, and reports whether anything needs looking after. No call in it
// waits for anybody.
func lookAround() (busy bool) {
	patrol.mu.Lock()
	defer patrol.mu.Unlock()
	for n, b := range patrol.beats {
		if n.mine() && n.lookAfter(b) {
			busy = true
		}
	}
	return busy
}

// lookAfter is one look at one handle.
func (n *nativeWaitable) lookAfter(b *beat) (busy bool) {
	if n.fragile {
		var err error // those who sleep are to find it out by themselves
		defer func() {
			if err != nil {
				n.alarms.ring()
				busy = true
			}
		}()
		defer n.guard(&err)()
	}
	w := n.state.load()
	last := b.last
	b.last = w
	busy = n.stamp(w)
	asleep, crowd := n.asleep.Load(), n.inCrowd.Load()
	if asleep+crowd == 0 {
		return busy
	}
	if n.kind == KindMutex {
		n.buryOwner(w)
	}
	if asleep > 0 && n.kind == KindEvent && !n.manual {
		n.clearPlaces()
		n.wakePlaces(w&sleepers == 0 || w.value()&eventSignaled != 0)
	}
	if asleep > 0 && n.overslept(last, w) {
		wake(n.state.low(), everybody, false)
		n.alarms.ring()
	}
	// The flag alone does not tell: who made the change may have died with the wake-up undone, and another wait for all may
	// have set the flag again since.
	if crowd > 0 && (w&crowded == 0 || w.key() != last.key() || n.damaged(w.value()) != nil) {
		if !n.readOnly {
			n.state.crowd.Add(1) // for who is about to sleep
		}
		wake(address(&n.state.crowd), everybody, false)
		n.alarms.ring()
	}
	return true
}

// overslept reports that sleepers of this handle should have been woken, as far as one look and the last one can tell.
// To be woken for nothing does no harm if it is seldom.
func (n *nativeWaitable) overslept(last, w word) bool {
	v := w.value()
	return w&sleepers == 0 && !n.readOnly || n.damaged(v) != nil || n.letsThrough(v, v) ||
		n.manual && (v^last.value())&eventTurns != 0
}

// stamp writes down since when this handle owns a mutex. It is true while there will be something to write.
func (n *nativeWaitable) stamp(w word) bool {
	if n.kind != KindMutex || w.value()&mutexOwner != n.id {
		return false
	}
	if word(n.state.stamped.Load()) == w.key() {
		return false
	}
	n.state.since.Store(time.Now().UnixNano())
	n.state.stamped.Store(uint64(w.key()))
	return true
}

// nap is a sleep without a wake-up: short at first, longer the more of them a wait takes.
func nap(deadline time.Time, round int) {
	length := napLength(round)
	if !deadline.IsZero() {
		length = min(length, time.Until(deadline))
	}
	time.Sleep(length)
}

func napLength(round int) time.Duration {
	return min(50*time.Microsecond<<min(round, 10), 5*time.Millisecond)
}
