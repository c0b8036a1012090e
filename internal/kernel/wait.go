//go:build unix && !aix

package kernel

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// This file is the one wait loop for all kinds: look, look again for a short while, sleep. A wait changes nothing before
// it ends, but for the flags in the word that say that somebody sleeps.

// waitSpin is for how long a wait looks before it sleeps, in nanoseconds.
var waitSpin = func() *atomic.Int64 {
	var spin atomic.Int64
	if processors() > 1 {
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
	for outlasted := 0; ; {
		w := n.state.load()
		v := w.value()
		if v&reserved != 0 && !n.readOnly {
			if outlasted++; outlasted > mostOutlasted {
				return false, false, nil
			}
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
		next := n.taken(v)
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
		return mutexLetsThrough(value) || value&mutexOwner == n.id
	case KindSemaphore:
		return semaphoreLetsThrough(value)
	}
	return eventLetsThrough(value, start, n.manual)
}

// taken is the value after a wait that a value has let through.
func (n *nativeWaitable) taken(value uint32) uint32 {
	switch n.kind {
	case KindMutex:
		return n.id
	case KindSemaphore:
		return semaphoreTaken(value)
	}
	return eventTaken(value, n.manual)
}

// mostOutlasted is how many reservations one look outlasts: there may be one after the other.
const mostOutlasted = 10

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

// try allocates nothing where there is nothing to guard against.
func (n *nativeWaitable) try() (acquired, abandoned bool, err error) {
	if n.fragile {
		return n.tryGuarded()
	}
	return n.tryNow()
}

func (n *nativeWaitable) tryGuarded() (acquired, abandoned bool, err error) {
	defer n.guard(&err)()
	return n.tryNow()
}

func (n *nativeWaitable) tryNow() (acquired, abandoned bool, err error) {
	if err := n.foreign(); err != nil {
		return false, false, err
	}
	return n.take(n.state.load().value())
}

// takeSoon is the short way of a wait for an auto-reset event or a semaphore: as many looks as take about as long as
// preparing to wait does. With no time to spin it is one.
func (n *nativeWaitable) takeSoon() bool {
	if n.kind == KindMutex || n.manual || !n.ours() {
		return false
	}
	looks := 1
	if waitSpin.Load() > 0 {
		looks = 100
	}
	for range looks {
		w := n.state.load()
		if v := w.value(); v&reserved == 0 && n.letsThrough(v, v) && n.damaged(v) == nil && n.state.swap(w, w.with(n.taken(v))) {
			return true
		}
	}
	return false
}

// waiting is one wait that did not end at once.
type waiting struct {
	objects []*nativeWaitable
	starts  []uint32 // the values that the objects had when it began
	all     bool
	began   time.Time      // zero if it has not looked before it slept
	alarm   *atomic.Uint32 // rings with each new number; nil where nobody would ring it
	round   int
	crossed bool // the look at all gave way to others, and has not seen that something is not to be had

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
	start := time.Now()
	end := start.Add(w.objects[0].spinFor(spin))
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
			w.began = start
			return false
		}
	}
}

// spinFor is for how long a wait of this handle looks. Two processes that answer each other are in one of two gaits:
// either each finds the other's answer while it still looks, or each sleeps when the answer comes, and then it takes the
// other so long to wake that he sleeps as well. One longer look gets them out of the second. So when the last wait slept,
// and not for long, each eighth wait looks for longer.
func (n *nativeWaitable) spinFor(usual time.Duration) time.Duration {
	const longer = 8
	if slept := n.slept.Load(); slept > 0 && slept < int64(longer*usual) && n.shortSleeps.Add(1)%longer == 0 {
		return longer * usual
	}
	return usual
}

// sleep waits until the wait ends.
func (w *waiting) sleep(ctx context.Context, deadline time.Time) (outcome Outcome, err error) {
	defer w.arm(ctx)()
	w.sleepers = w.oneSleep[:0]
	done := false
	if n := w.objects[0]; len(w.objects) == 1 && n.kind == KindEvent && !n.manual {
		done, err = w.sleepInPlace(ctx, deadline)
	}
	if !done {
		outcome, err = w.sleepOnWords(ctx, deadline)
	}
	if !w.began.IsZero() {
		w.objects[0].slept.Store(int64(time.Since(w.began)))
	}
	return outcome, err
}

// sleepOnWords waits until the wait ends, asleep on the words of all objects at once.
func (w *waiting) sleepOnWords(ctx context.Context, deadline time.Time) (outcome Outcome, err error) {
	w.count(1)
	defer w.count(-1)
	if !patrol.running.Load() {
		startPatrol()
	}
	for {
		ready := w.prepare()
		outcome, ok, err := w.try()
		if !ok && err == nil {
			// After the alarm was looked at: if the context was done before, the alarm will not ring again.
			err = expired(ctx, deadline)
		}
		if ok || err != nil {
			w.passOn(outcome, err)
			return outcome, err
		}
		if ready && !w.crossed {
			sleepOn(w.sleepers, deadline, w.round)
			w.round++
		}
	}
}

// arm makes the alarm, if somebody may have to ring it, and returns what ends that.
func (w *waiting) arm(ctx context.Context) (end func()) {
	for _, n := range w.objects {
		if (n.silent || n.fragile) && w.alarm == nil {
			w.alarm = new(atomic.Uint32)
		}
	}
	if ctx.Done() == nil {
		return func() {}
	}
	if w.alarm == nil {
		w.alarm = new(atomic.Uint32)
	}
	alarm := w.alarm
	stop := context.AfterFunc(ctx, func() { ring(alarm) })
	return func() { stop() }
}

// count counts the wait among those that sleep, with 1, or takes it out again, with -1.
func (w *waiting) count(more int32) {
	for _, n := range w.objects {
		n.countSleep(w, more)
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
	if n.silent || n.fragile {
		n.alarms.set(w.alarm, more > 0)
	}
}

// alarms are those of the waits of a handle whose sleepers others can move away: who may read a page can have the kernel
// wake who sleeps there, or make him sleep elsewhere; and who cuts a file short leaves those who sleep on what it had
// asleep. Nobody else can touch an alarm.
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
		if (err != nil || i != outcome.Index) && now&sleepers != 0 && n.letsThrough(now.value(), w.starts[i]) {
			wake(n.state.low(), n.lets(), false)
		}
	}
}
