//go:build unix && !aix

package kernel

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// This file is the one wait loop for all kinds: look, look again for a short while, sleep. A wait changes nothing before
// it ends, but for the flags in the word that say that somebody sleeps.

// waitSpin is for how long a wait looks before it sleeps, in nanoseconds.
var waitSpin = func() *atomic.Int64 {
	var spin atomic.Int64
	if runtime.NumCPU() > 1 {
		spin.Store(int64(20 * time.Microsecond))
	}
	return &spin
}()

// SetWaitSpin sets for how long a wait looks at an object before it sleeps, and returns what it was.
func SetWaitSpin(d time.Duration) time.Duration {
	return time.Duration(waitSpin.Swap(int64(max(d, 0))))
}

// take is one look at an object, and takes what it lets through. start is the value that it had when the wait began.
func (n *nativeWaitable) take(start uint32) (got, abandoned bool, err error) {
	for {
		w := n.state.load()
		v := w.value()
		if v&reserved != 0 {
			n.outlast(w)
			continue
		}
		if err := n.damaged(v); err != nil {
			return false, false, err
		}
		if n.kind == KindMutex && v&mutexOwner == n.id {
			if got, err := n.lockAgain(); got || err != nil {
				return got, false, err
			}
			continue
		}
		if !n.letsThrough(v, start) {
			if n.kind == KindMutex && n.buryOwner(w) {
				continue
			}
			return false, false, nil
		}
		next := n.taken(v, start)
		if next == v { // a manual-reset event: there is nothing to take
			return true, false, nil
		}
		if n.state.swap(w, w.with(next)) {
			if n.kind == KindMutex {
				n.owned()
			}
			return true, n.kind == KindMutex && v&mutexAbandoned != 0, nil
		}
	}
}

// owned is what follows a change of the word that made this handle the owner of the mutex.
func (n *nativeWaitable) owned() {
	if n.depth.Swap(1) == 0 { // or else somebody wrote over the word meanwhile
		n.uses.again()
	}
	if !patrol.running.Load() {
		startPatrol() // it writes down since when
	}
}

// letsThrough reports whether a wait of this handle ends with a value.
func (n *nativeWaitable) letsThrough(value, start uint32) bool {
	switch n.kind {
	case KindMutex:
		return mutexLetsThrough(value)
	case KindSemaphore:
		return semaphoreLetsThrough(value)
	}
	return eventLetsThrough(value, start, n.manual)
}

// mayLetThrough is letsThrough for somebody who does not know when the waits began.
func (n *nativeWaitable) mayLetThrough(w word) bool {
	return n.letsThrough(w.value(), w.value()^eventOneTurn)
}

// taken is the value after a wait that a value has let through.
func (n *nativeWaitable) taken(value, start uint32) uint32 {
	switch n.kind {
	case KindMutex:
		return n.id
	case KindSemaphore:
		return semaphoreTaken(value)
	}
	return eventTaken(value, start, n.manual)
}

// outlast returns when a reservation is gone. A wait for all of several objects holds one for less than a microsecond,
// unless it is stopped or killed in the middle: nobody is waited for longer than this.
func (n *nativeWaitable) outlast(w word) {
	const longest = 10 * time.Millisecond
	var start time.Time
	for round := 0; n.state.load().key() == w.key(); round++ {
		switch {
		case round < 100:
		case start.IsZero():
			start = time.Now()
		case time.Since(start) < longest:
			time.Sleep(20 * time.Microsecond)
		default:
			// Whoever reserved it will find that the word is another one, and begin again.
			if now := n.state.load(); now.key() == w.key() {
				n.state.swap(now, now.with(now.value()&^reserved))
			}
		}
	}
}

func (n *nativeWaitable) try() (acquired, abandoned bool, err error) {
	if n.fragile {
		defer n.guard(&err)()
	}
	if err := n.foreign(); err != nil {
		return false, false, err
	}
	return n.take(n.state.load().value())
}

// waiting is one wait that did not end at once.
type waiting struct {
	objects []*nativeWaitable
	starts  []uint32 // the values that the objects had when it began
	all     bool
	alarm   *atomic.Uint32 // rings with each new number; nil where nobody would ring it
	round   int

	oneStart [1]uint32
	sleepers []sleeper
	oneSleep [2]sleeper
}

func waitNative(ctx context.Context, objects []*nativeWaitable, all bool) (outcome Outcome, err error) {
	for _, n := range objects {
		if n.fragile {
			defer n.guard(&err)()
			break
		}
	}
	w := waiting{objects: objects, all: all && len(objects) > 1}
	w.starts = w.oneStart[:0]
	for _, n := range objects {
		if err := n.foreign(); err != nil {
			return Outcome{}, err
		}
		w.starts = append(w.starts, n.state.load().value())
	}
	if outcome, ok, err := w.try(); ok || err != nil {
		return outcome, err
	}
	deadline, _ := ctx.Deadline()
	if err := expired(ctx, deadline); err != nil {
		return Outcome{}, err
	}
	if w.spin(deadline) {
		if outcome, ok, err := w.try(); ok || err != nil {
			return outcome, err
		}
	}
	return w.sleep(ctx, deadline)
}

// expired is the context's error. The deadline alone says so a little before the context does.
func expired(ctx context.Context, deadline time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !deadline.IsZero() && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	return nil
}

// try looks once, and takes what lets the wait through.
func (w *waiting) try() (outcome Outcome, ok bool, err error) {
	if w.all {
		return w.takeAll()
	}
	for i, n := range w.objects {
		if got, abandoned, err := n.take(w.starts[i]); got || err != nil {
			return Outcome{Index: i, Abandoned: abandoned}, got, err
		}
	}
	return Outcome{}, false, nil
}

// spin looks for a while, at loads alone. It is true when there is something to try.
func (w *waiting) spin(deadline time.Time) bool {
	const looksPerTime = 64 // looking at the clock takes as long as that many looks
	spin := time.Duration(waitSpin.Load())
	if spin == 0 {
		return false
	}
	end := time.Now().Add(spin)
	if !deadline.IsZero() && deadline.Before(end) {
		end = deadline
	}
	for {
		for range looksPerTime {
			for i, n := range w.objects {
				if n.letsThrough(n.state.load().value(), w.starts[i]) {
					return true
				}
			}
		}
		if !time.Now().Before(end) {
			return false
		}
	}
}

// sleep waits until the wait ends.
func (w *waiting) sleep(ctx context.Context, deadline time.Time) (outcome Outcome, err error) {
	defer w.register(ctx)()
	w.sleepers = w.oneSleep[:0]
	if !patrol.running.Load() {
		startPatrol()
	}
	for {
		var ok bool
		ready := w.prepare()
		if outcome, ok, err = w.try(); ok || err != nil {
			break
		}
		if err = expired(ctx, deadline); err != nil {
			break
		}
		if ready {
			sleepOn(w.sleepers, deadline, w.round)
			w.round++
		}
	}
	w.passOn(outcome, err)
	return outcome, err
}

// register counts the wait among those that sleep, and returns what ends that.
func (w *waiting) register(ctx context.Context) (end func()) {
	stop := func() bool { return true }
	private := ctx.Done() != nil
	for _, n := range w.objects {
		private = private || n.silent
	}
	if private {
		w.alarm = new(atomic.Uint32)
	}
	if ctx.Done() != nil {
		alarm := w.alarm
		stop = context.AfterFunc(ctx, func() { ring(alarm) })
	}
	for _, n := range w.objects {
		n.countSleep(w, 1)
	}
	return func() {
		for _, n := range w.objects {
			n.countSleep(w, -1)
		}
		stop()
	}
}

// ring wakes the one wait that an alarm belongs to.
func ring(alarm *atomic.Uint32) {
	alarm.Add(1)
	wake(address(alarm), 1, true)
}

// countSleep counts one more wait of this handle that sleeps, or one less.
func (n *nativeWaitable) countSleep(w *waiting, more int32) {
	if w.all {
		n.inCrowd.Add(more)
	} else {
		n.asleep.Add(more)
	}
	if r := n.record(); r != nil {
		r.sleeping.Add(uint32(more))
	}
	if n.silent {
		n.alarms.set(w.alarm, more > 0)
	}
}

// alarms are those of the waits of a handle whose sleepers others can move away: who may read a page can have the kernel
// wake who sleeps there, or make him sleep elsewhere. Nobody else can touch an alarm.
type alarms struct {
	mu   sync.Mutex
	wait map[*atomic.Uint32]struct{}
}

func (a *alarms) set(alarm *atomic.Uint32, on bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !on {
		delete(a.wait, alarm)
		return
	}
	if a.wait == nil {
		a.wait = map[*atomic.Uint32]struct{}{}
	}
	a.wait[alarm] = struct{}{}
}

func (a *alarms) ring() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for alarm := range a.wait {
		ring(alarm)
	}
}

// prepare says in every object that somebody sleeps, and collects what to sleep on, before the last look. It is false
// when that look is worth it by itself.
func (w *waiting) prepare() bool {
	w.sleepers = w.sleepers[:0]
	if w.alarm != nil {
		defer func(before uint32) {
			w.sleepers = append(w.sleepers, sleeper{addr: address(w.alarm), expected: before, private: true})
		}(w.alarm.Load())
	}
	for i, n := range w.objects {
		if w.round == 0 && !w.all && n.kind == KindEvent {
			n.dropGrants()
		}
		s, ok := n.prepare(w.starts[i], w.all)
		if !ok {
			return false
		}
		w.sleepers = append(w.sleepers, s)
	}
	return true
}

func (n *nativeWaitable) prepare(start uint32, all bool) (sleeper, bool) {
	flag := word(sleepers)
	if all {
		flag = crowded
	}
	for {
		crowd := n.state.crowd.Load()
		w := n.state.load()
		if !all && n.letsThrough(w.value(), start) {
			return sleeper{}, false
		}
		if w&flag != 0 || n.readOnly || n.state.swap(w, w|flag) {
			if all {
				return sleeper{addr: address(&n.state.crowd), expected: crowd}, true
			}
			if !n.readOnly {
				w |= flag
			}
			return sleeper{addr: n.state.low(), expected: w.low()}, true
		}
	}
}

// passOn makes good for wake-ups that this wait may have been given and had no use for: it was for any of several
// objects and took another, or it was given up.
func (w *waiting) passOn(outcome Outcome, err error) {
	if w.all {
		return
	}
	for i, n := range w.objects {
		now := n.state.load()
		if err == nil && i == outcome.Index || now&sleepers == 0 || !n.letsThrough(now.value(), w.starts[i]) || n.readOnly {
			continue
		}
		if n.kind == KindEvent && now.value()&eventSignaled == 0 && !n.manual {
			// A grant, which may be the one that was made for this wait: Set finds out whom to give it to instead.
			if n.state.swap(now, now.with(now.value()-eventOneGrant)) {
				n.set()
			}
			continue
		}
		wake(n.state.low(), n.lets(), false)
	}
}
