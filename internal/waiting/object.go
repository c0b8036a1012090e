//go:build unix && !aix

package waiting

import (
	"runtime/debug"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/namedshm/namedshm/internal/fault"
)

// rules are what tells one kind of object from another: Windows' own questions to a kind, asked about the value of the
// word alone. Each kind answers them in its file.
type rules struct {
	// signaled reports whether a wait ends that began when the value was start.
	signaled func(value, start uint32) bool
	// satisfied is the value after that wait, which was of the handle on a seat.
	satisfied func(value, seat uint32) uint32
	// damaged reports a value that the object cannot have.
	damaged func(value, maximum uint32) bool
	// undo gives back what a wait has taken, when it cannot have the rest. before is the value that was taken.
	undo func(o *Object, before uint32)

	lets      int    // how many waits one change can end, as far as it is not counted
	steady    bool   // a satisfied wait changes nothing
	owner     uint32 // the bits of the value that name an owner's seat
	abandoned uint32 // the bit that says that the last owner died
}

// kinds are the rules of all kinds.
var kinds = [...]rules{AutoEvent: autoEventRules, ManualEvent: manualEventRules, Mutex: mutexRules,
	Semaphore: semaphoreRules}

// Object is a handle's side of an event, a mutex or a semaphore: what it does to the shared state, and what it
// remembers of it. It must not be copied. All methods but Open, Lend, Begin, Own, SitDown, GetUp and Bind may be called
// by several goroutines at once.
type Object struct {
	kind     Kind
	rules    *rules
	maximum  uint32 // of a semaphore
	token    [16]byte
	state    *state
	readOnly bool
	silent   bool
	fragile  bool

	pid       int
	page      *int64
	namespace uint32

	seats   Seats         // nil where nobody else can have the object
	id      uint32        // the own seat; 0 for readOnly
	lost    atomic.Bool   // the seat is, with its descriptor
	checked atomic.Uint32 // the number of losses after which that was looked at

	uses    *Uses        // of the whole handle: it is in use as long as it owns a mutex
	free    func() error // what the last use that ends calls
	short   *int64       // page, for the short ways; nil where they are closed
	depth   atomic.Int32 // how many times this handle has locked the mutex
	asleep  number32     // how many waits of this handle sleep on the word
	inCrowd number32     // and how many on crowd
	sleeps  atomic.Int32 // the sum of both, which no other process depends on

	shortSleeps atomic.Uint32 // of waits that a longer look would have spared the sleep
	lastBerth   atomic.Uint32 // the berth that a wait of this handle slept in last
	nextToClear atomic.Uint32 // the berth at which to look next for dead sleepers
	slept       atomic.Int64  // how long the last wait that slept took, in nanoseconds
	alarms      alarms        // of the waits that sleep, if silent or fragile
	watched     atomic.Bool   // it is on the patrol's list, or about to be
}

// Config is what Open must be told.
type Config struct {
	Kind     Kind
	Maximum  uint32   // of a semaphore
	Token    [16]byte // the same for all handles of one object
	Words    []byte   // the state: Size bytes, at an address that is a multiple of 8
	ReadOnly bool     // the state can be looked at only, which suffices to wait for a manual-reset event
	Silent   bool     // others may be in that position, and cannot say that they sleep
	Fragile  bool     // others can cut the state short

	PID int // of this process
	// Page is where the process's id stands, as long as it is the one that opened the object; nil where nothing tells.
	Page      *int64
	Namespace uint32 // the PID namespace in which that is its number
}

// Open makes an object of a state that is there. It has no seat yet.
func (o *Object) Open(c Config) {
	o.kind, o.rules, o.maximum, o.token = c.Kind, &kinds[c.Kind], c.Maximum, c.Token
	o.state = (*state)(unsafe.Pointer(unsafe.SliceData(c.Words[:Size])))
	o.readOnly, o.silent, o.fragile = c.ReadOnly, c.Silent, c.Fragile
	o.pid, o.page, o.namespace = c.PID, c.Page, c.Namespace
}

// Begin gives a new object, which nobody else knows yet, its first value: signaled is for events, count for semaphores.
func (o *Object) Begin(signaled bool, count uint32) {
	value := count
	if signaled {
		value = eventSignaled
	}
	o.state.word.Store(uint64(value) << 32)
}

// SitAlone gives the only handle of an object that nobody else can have its seat.
func (o *Object) SitAlone() { o.id = 1 }

// lastLoan counts the handles that share an object which nobody else can have; the first of them has the number 1.
var lastLoan atomic.Uint32

// Lend makes another handle of such an object in the same memory.
func (o *Object) Lend(to *Object) {
	to.kind, to.rules, to.maximum, to.token, to.state, to.fragile = o.kind, o.rules, o.maximum, o.token, o.state, o.fragile
	to.pid, to.page, to.namespace = o.pid, o.page, o.namespace
	to.id = lastLoan.Add(1)%(mutexOwner-2) + 2
}

// Own gives a new mutex to its creator, which has sat down.
func (o *Object) Own() {
	o.depth.Store(1)
	o.state.word.Store(uint64(o.id) << 32)
}

// Bind tells the object which handle it is part of. free closes the handle once nobody is in it any more.
func (o *Object) Bind(u *Uses, free func() error) {
	o.uses, o.free = u, free
	if !o.fragile {
		o.short = o.page // which opens the short ways
	}
	if o.depth.Load() > 0 {
		u.Again()
	}
}

// unbind ends the use that owning a mutex is.
func (o *Object) unbind() {
	if o.uses.Leave() {
		o.free()
	}
}

// Token is the object's identity: the same for all handles of it, in all processes.
func (o *Object) Token() [16]byte { return o.token }

// mine reports whether this is the process that opened the handle, and not a child that it forked.
func (o *Object) mine() bool {
	if o.page == nil {
		return o.pid == unix.Getpid()
	}
	return atomic.LoadInt64(o.page) == int64(o.pid)
}

// ours is mine for the short ways. It is false too where only a system call could tell, or the state is fragile.
func (o *Object) ours() bool {
	return o.short != nil && atomic.LoadInt64(o.short) == int64(o.pid) && o.checked.Load() == losses.Load() &&
		!o.lost.Load()
}

// foreign is the error of a call in a forked child; nil in the process that opened the handle.
func (o *Object) foreign() error {
	if o.mine() {
		return nil
	}
	return fault.BadHandle("the handle belongs to process %d, which forked this one", o.pid)
}

// mayModify is the error of a call that changes the object, in a process that cannot.
func (o *Object) mayModify() error {
	if err := o.foreign(); err != nil {
		return err
	}
	if o.readOnly {
		return fault.Fail(fault.AccessDenied, "the object was opened for waiting only, which is all that its creator allows")
	}
	return nil
}

// Guard turns a fault in the state's memory into an error: whoever may write a file can cut it short. Every call on a
// fragile object defers it.
func (o *Object) Guard(err *error) func() {
	before := debug.SetPanicOnFault(true)
	return func() {
		debug.SetPanicOnFault(before)
		switch r := recover().(type) {
		case nil:
		case interface {
			error
			Addr() uintptr
		}:
			*err = &fault.Fault{Code: fault.InPageError, Cause: r}
		default:
			panic(r)
		}
	}
}

// Fragile reports a state that others can cut short.
func (o *Object) Fragile() bool { return o.fragile }

// Abandon is what Close does at once: a mutex that the handle owns goes to the next waiter, which learns that it was
// abandoned.
func (o *Object) Abandon() (err error) {
	if o.fragile {
		defer o.Guard(&err)()
	}
	switch {
	case o.kind != Mutex:
	case o.mine():
		o.abandonMutex()
	case o.depth.Swap(0) > 0: // a forked child's copy: the mutex stays its parent's
		o.unbind()
	}
	return nil
}

// signaled reports whether a wait of this handle ends with a value. The owner of a mutex does not wait for it.
func (o *Object) signaled(value, start uint32) bool {
	return o.rules.signaled(value, start) || o.owns(value)
}

// owns reports whether the value says that this handle owns the object.
func (o *Object) owns(value uint32) bool { return value&o.rules.owner == o.id && o.rules.owner != 0 }

// damaged is the error for a value that the object cannot have.
func (o *Object) damaged(value uint32) error {
	if o.rules.damaged(value, o.maximum) {
		return o.overwritten()
	}
	return nil
}

// taken is what follows a change of the word by which a wait of this handle took the object. It reports whether the
// last owner died.
func (o *Object) taken(value uint32) (abandoned bool) {
	if o.rules.owner == 0 {
		return false
	}
	if o.depth.Swap(1) == 0 { // or else somebody wrote over the word meanwhile
		o.uses.Again()
	}
	o.Watch() // it writes down since when
	return value&o.rules.abandoned != 0
}

// changed wakes the waits that a change may concern: at most many of those for this object alone or for one of several,
// and all waits for all of several. before and now are the word before and after the change.
func (o *Object) changed(before, now word, many int) {
	if now&sleepers != 0 || o.silent {
		if woken := wake(o.state.low(), many, false); woken == 0 && now&sleepers != 0 {
			// Nobody slept. Nobody can have gone to sleep on this very word since: it lets every wait through.
			o.state.swap(now, now&^sleepers)
		}
	}
	if before&crowded != 0 || o.silent {
		o.state.crowd.Add(1)
		wake(address(&o.state.crowd.n), Everybody, false)
	}
}

// Describe says what state the object is in, and changes nothing in it. Where its handle has no seats, it cannot tell
// which handles live.
func (o *Object) Describe() *State {
	w := o.state.load()
	s := o.describe(w)
	if o.seats == nil {
		return s
	}
	s.Waiters, s.Waiting = o.sleepers()
	if s.Owned && !o.seated(w.value()&o.rules.owner) {
		s.Owned, s.OwnerPID, s.Signaled, s.Abandoned = false, 0, true, true // nobody has noticed yet
	}
	return s
}

// describe is what a word says.
func (o *Object) describe(w word) *State {
	v := w.value()
	s := &State{Manual: o.kind == ManualEvent, Signaled: o.signaled(v, v), Waiters: -1}
	switch o.kind {
	case Semaphore:
		s.Count, s.Maximum = int64(v&semaphoreCount), int64(o.maximum)
	case Mutex:
		s.Abandoned, s.Owned = v&mutexAbandoned != 0, v&mutexOwner != 0
		s.OwnerPID = o.pidOf(v & mutexOwner)
		if s.Owned && word(o.state.stamped.Load()) == w.key() {
			s.Since = time.Unix(0, o.state.since.Load())
		}
	}
	return s
}
