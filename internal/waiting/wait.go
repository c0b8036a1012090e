//go:build unix && !aix

package waiting

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// This file is the one wait loop for all kinds: look, look again for a short while, sleep. A wait changes nothing
// before it ends, but for the flags in the word that say that somebody sleeps.

// UsualSpin is for how long a wait looks before it sleeps, where others may run on another processor meanwhile.
const UsualSpin = 20 * time.Microsecond

// spinTime is for how long a wait looks before it sleeps, in nanoseconds.
var spinTime = func() *atomic.Int64 {
	var spin atomic.Int64
	if runtime.NumCPU() > 1 {
		spin.Store(int64(UsualSpin))
	}
	return &spin
}()

// SetSpin sets for how long a wait looks at an object before it sleeps, and returns what it was.
func SetSpin(d time.Duration) time.Duration {
	return time.Duration(spinTime.Swap(int64(max(d, 0))))
}

// take is one look at an object, and takes what it lets through. start is the value that it had when the wait began.
func (o *Object) take(start uint32) (got, abandoned bool, err error) {
	if err := o.checkSeat(); err != nil {
		return false, false, err
	}
	since := here()
	for outlasted := 0; ; {
		since.forgetAllBut(inTake, counted(outlasted))
		w := o.state.load()
		v := w.value()
		if v&reserved != 0 && !o.readOnly {
			if outlasted++; enough(outlasted, mostOutlasted) {
				return false, false, nil
			}
			o.outlast(w)
			continue
		}
		if err := o.damaged(v); err != nil {
			return false, false, err
		}
		if o.owns(v) {
			if got, err := o.lockAgain(); got || err != nil {
				return got, false, err
			}
			continue
		}
		if !o.rules.signaled(v, start) {
			if o.buryOwner(w) {
				continue
			}
			return false, false, nil
		}
		next := o.rules.satisfied(v, o.id)
		if next == v { // a manual-reset event: there is nothing to take
			return true, false, nil
		}
		if o.state.swap(w, w.with(next)) {
			return true, o.taken(v), nil
		}
	}
}

// mostOutlasted is how many reservations one look outlasts: one may follow another.
const mostOutlasted = 10

// outlast returns when a reservation is gone. A wait for all of several objects holds one for less than a microsecond,
// unless it is stopped or killed in the middle: nobody is waited for longer than this.
func (o *Object) outlast(w word) {
	var p patience
	since := here()
	for o.state.load().key() == w.key() {
		since.forget(inOutlast)
		if !p.over(&o.state.word, w) {
			continue
		}
		// The process that reserved it will find another word there, and begin again.
		if now := o.state.load(); now.key() == w.key() {
			o.state.swap(now, now.with(now.value()&^reserved))
		}
		since.forget(inOutlasted)
	}
}

// patience is for how long a reservation is outlasted.
type patience struct {
	round int
	start time.Time
}

// over pauses, and later and later reports that it was for too long.
func (p *patience) over(x *number64, w word) bool {
	const longest = 10 * time.Millisecond
	if exploring {
		if v, is := explored(stepPatience, unsafe.Pointer(x), 0, uint64(w)); is {
			return v != 0
		}
	}
	switch p.round++; {
	case p.round <= 100:
	case p.start.IsZero():
		p.start = time.Now()
	case time.Since(p.start) < longest:
		time.Sleep(20 * time.Microsecond)
	default:
		return true
	}
	return false
}

// Try is a wait that does not wait. It allocates nothing where there is nothing to guard against.
func (o *Object) Try() (acquired, abandoned bool, err error) {
	if o.fragile {
		return o.tryGuarded()
	}
	return o.tryNow()
}

func (o *Object) tryGuarded() (acquired, abandoned bool, err error) {
	defer o.Guard(&err)()
	return o.tryNow()
}

func (o *Object) tryNow() (acquired, abandoned bool, err error) {
	if err := o.foreign(); err != nil {
		return false, false, err
	}
	return o.take(o.state.load().value())
}

// TakeSoon is the short way of a wait for an auto-reset event or a semaphore: as many looks as take about as long as
// preparing to wait and two looks at the clock do, a microsecond at most. Two processes that answer each other then
// prepare nothing: a round trip takes half of what it takes with 100 looks. With no time to spin it is one look.
func (o *Object) TakeSoon() bool {
	if o.kind != AutoEvent && o.kind != Semaphore || !o.ours() {
		return false
	}
	looks := 1
	if spinTime.Load() > 0 {
		looks = 500
	}
	for range looks {
		w := o.state.load()
		v := w.value()
		if v&reserved != 0 {
			continue
		}
		switch { // not by the rules, for the compiler to have the answers here
		case o.kind == AutoEvent && autoEventSignaled(v, v):
			v = autoEventSatisfied(v, o.id)
		case o.kind == Semaphore && semaphoreSignaled(v, v) && !semaphoreDamaged(v, o.maximum):
			v = semaphoreSatisfied(v, o.id)
		default:
			continue
		}
		if o.state.swap(w, w.with(v)) {
			return true
		}
	}
	return false
}

// Wait waits for this object alone.
func (o *Object) Wait(ctx context.Context) (Outcome, error) {
	return Wait(ctx, []*Object{o}, false)
}

// waiting is one wait that did not end at once.
type waiting struct {
	objects []*Object
	starts  []uint32 // the values that the objects had when it began
	all     bool
	since   point
	began   time.Time // zero if it has not looked before it slept
	alarm   *number32 // rings with each new number; nil where nobody would ring it
	pace
	crossed bool // the look at all gave way to others, and has not seen that something is not to be had

	oneStart [1]uint32
	sleepers []sleeper
	oneSleep [2]sleeper
}

// Wait waits for one of the objects, or with all for all of them at once. A context that is done makes it look once.
func Wait(ctx context.Context, objects []*Object, all bool) (outcome Outcome, err error) {
	for _, o := range objects {
		if o.fragile {
			defer o.Guard(&err)()
			break
		}
	}
	w := waiting{objects: objects, all: all && len(objects) > 1, since: here()}
	w.starts = w.oneStart[:0]
	for _, o := range objects {
		if err := o.foreign(); err != nil {
			return Outcome{}, err
		}
		w.starts = append(w.starts, o.state.load().value())
		w.rememberStarts(inStart)
	}
	if outcome, ok, err := w.try(); ok || err != nil {
		return outcome, err
	}
	deadline, _ := ctx.Deadline()
	if err := ContextError(ctx); err != nil {
		return Outcome{}, err
	}
	if w.spin(deadline) {
		if outcome, ok, err := w.try(); ok || err != nil {
			return outcome, err
		}
	}
	return w.sleep(ctx, deadline)
}

// rememberStarts says that of all that the wait has seen, it is the starts that count, and only where something depends
// on them.
func (w *waiting) rememberStarts(where place) {
	if !exploring {
		return
	}
	w.since.forget(where)
	for i, v := range w.starts {
		if o := w.objects[i]; o.rules.steady && !w.all {
			w.since.remember(&o.state.word, uint64(v)<<32)
		}
	}
}

// try looks once, and takes what lets the wait through.
func (w *waiting) try() (outcome Outcome, ok bool, err error) {
	if w.all {
		return w.takeAll()
	}
	for i, o := range w.objects {
		if got, abandoned, err := o.take(w.starts[i]); got || err != nil {
			return Outcome{Index: i, Abandoned: abandoned}, got, err
		}
	}
	return Outcome{}, false, nil
}

// spin looks for a while, at loads alone. It is true when there is something to try.
func (w *waiting) spin(deadline time.Time) bool {
	const looksPerTime = 64 // looking at the clock takes as long as that many looks
	spin := time.Duration(spinTime.Load())
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
			for i, o := range w.objects {
				if o.signaled(o.state.load().value(), w.starts[i]) {
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

// spinFor is for how long a wait of this handle looks. Two processes that answer each other fall into one of two gaits:
// either each finds the other's answer while it still looks, or each is asleep when the answer comes, and then takes so
// long to wake that the other goes to sleep as well. One longer look gets them out of the second. So when the last wait
// slept, and not for long, every eighth wait looks for longer.
func (o *Object) spinFor(usual time.Duration) time.Duration {
	const longer = 8
	if slept := o.slept.Load(); slept > 0 && slept < int64(longer*usual) && o.shortSleeps.Add(1)%longer == 0 {
		return longer * usual
	}
	return usual
}

// sleep waits until the wait ends.
func (w *waiting) sleep(ctx context.Context, deadline time.Time) (outcome Outcome, err error) {
	defer w.arm(ctx)()
	w.sleepers = w.oneSleep[:0]
	done := false
	if len(w.objects) == 1 && w.objects[0].kind == AutoEvent {
		done, err = w.sleepInBerth(ctx, deadline)
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
	for {
		w.rememberStarts(inSleepOnWords)
		ready := w.prepare()
		since := here()
		outcome, ok, err := w.try()
		if !ok && err == nil {
			// After the alarm was looked at: if the context was done before, the alarm will not ring again.
			err = ContextError(ctx)
		}
		if ok || err != nil {
			w.passOn(outcome, err)
			return outcome, err
		}
		since.forgetUnless(inSleepOnWords, w.crossed)
		if ready && !w.crossed {
			w.sleepOn(ctx, w.sleepers, deadline)
		}
	}
}

// arm makes the alarm, if somebody may have to ring it, and returns what ends that.
func (w *waiting) arm(ctx context.Context) (end func()) {
	for _, o := range w.objects {
		if (o.silent || o.fragile) && w.alarm == nil {
			w.alarm = new(number32)
		}
	}
	if ctx.Done() == nil {
		return func() {}
	}
	if w.alarm == nil {
		w.alarm = new(number32)
	}
	alarm := w.alarm
	stop := context.AfterFunc(ctx, func() { ring(alarm) })
	return func() { stop() }
}

// count counts the wait among those that sleep, with 1, or takes it out again, with -1.
func (w *waiting) count(more int) {
	for _, o := range w.objects {
		o.countSleep(w, more)
	}
}

// ring wakes the one wait that an alarm belongs to.
func ring(alarm *number32) {
	alarm.Add(1)
	wake(address(&alarm.n), 1, true)
}

// countSleep counts one more wait of this handle that sleeps, or one less.
func (o *Object) countSleep(w *waiting, more int) {
	if w.all {
		o.inCrowd.Add(uint32(more))
	} else {
		o.asleep.Add(uint32(more))
	}
	first := o.sleeps.Add(int32(more)) == 1 && more > 0
	if r := o.record(); r != nil {
		r.noteSleep(w, more, first)
	}
	if o.silent || o.fragile {
		o.alarms.set(w.alarm, more > 0)
	}
	if more > 0 {
		o.Watch()
	}
}

// alarms are those of a handle's waits whose sleepers others can move away. A process that may read a page can have the
// kernel wake the sleepers on it, or make them sleep elsewhere; and one that cuts a file short leaves those that sleep
// on the lost part asleep. Nobody else can touch an alarm.
type alarms struct {
	mu   sync.Mutex
	wait map[*number32]struct{}
}

func (a *alarms) set(alarm *number32, on bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !on {
		delete(a.wait, alarm)
		return
	}
	if a.wait == nil {
		a.wait = map[*number32]struct{}{}
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
			w.sleepers = append(w.sleepers, sleeper{addr: address(&w.alarm.n), expected: before, private: true})
		}(w.alarm.Load())
	}
	for i, o := range w.objects {
		s, ok := o.prepare(w.starts[i], w.all)
		if !ok {
			return false
		}
		w.sleepers = append(w.sleepers, s)
	}
	return true
}

func (o *Object) prepare(start uint32, all bool) (sleeper, bool) {
	flag := word(sleepers)
	if all {
		flag = crowded
	}
	since := here()
	for {
		since.forget(inPrepare)
		var crowd uint32
		if all {
			crowd = o.state.crowd.Load()
		}
		w := o.state.load()
		if !all && o.signaled(w.value(), start) {
			return sleeper{}, false
		}
		if w&flag != 0 || o.readOnly || o.state.swap(w, w|flag) {
			if all {
				since.forget(inPrepared)
				since.remember32(&o.state.crowd, crowd)
				return sleeper{addr: address(&o.state.crowd.n), expected: crowd}, true
			}
			if !o.readOnly {
				w |= flag
			}
			since.forget(inPrepared)
			since.remember(&o.state.word, uint64(w.low()))
			return sleeper{addr: o.state.low(), expected: w.low()}, true
		}
	}
}

// passOn makes good for wake-ups that this wait may have received without using them: it was for any of several objects
// and took another, or it was given up.
func (w *waiting) passOn(outcome Outcome, err error) {
	if w.all {
		return
	}
	since := here()
	for i, o := range w.objects {
		since.forgetAllBut(inPassOn, i)
		now := o.state.load()
		if (err != nil || i != outcome.Index) && now&sleepers != 0 && o.signaled(now.value(), w.starts[i]) {
			wake(o.state.low(), o.rules.lets, false)
		}
	}
}
