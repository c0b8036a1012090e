//go:build unix && !aix

package kernel

import (
	"context"
	crand "crypto/rand"
	"errors"
	"runtime/debug"
	"sync/atomic"
	"unsafe"
)

// nativeWaitable is an open event, mutex or semaphore. What its kind does with the state's word stands in event.go,
// mutex.go and semaphore.go, the waiting for all kinds in wait.go, and what happens around deaths in patrol.go.
type nativeWaitable struct {
	*handle
	kind     Kind
	manual   bool   // an event that stays set
	maximum  uint32 // of a semaphore
	token    token  // the same for all handles of one object
	state    *state
	mapped   []byte
	readOnly bool // the state can be looked at only, which suffices to wait for a manual-reset event
	silent   bool // others may be in that position, and cannot say that they sleep
	fragile  bool // others can cut the state short

	seats *entry // the file with the lock bytes of the seats; nil where nobody else can have the object
	id    uint32 // the own seat; 0 for readOnly

	uses    *uses        // of the whole handle: it is in use as long as it owns a mutex
	page    *int64       // where the process id is kept; nil where it is not
	depth   atomic.Int32 // how many times this handle has locked the mutex
	asleep  atomic.Int32 // how many waits of this handle sleep on the word
	inCrowd atomic.Int32 // and how many on crowd

	shortSleeps atomic.Uint32 // of waits that a longer look would have spared the sleep
	lastPlace   atomic.Uint32 // the place that a wait of this handle slept in last
	nextToClear atomic.Uint32 // the place at which to look next for dead sleepers
	slept       atomic.Int64  // how long the last wait took that slept, in nanoseconds
	alarms      alarms        // of the waits that sleep, if silent or fragile

	lender *Waitable // whose memory this is, of an unnamed object; nil for the first handle
}

// waitableAccess is how the state is opened: nearly every wait changes it.
const waitableAccess = Read | Write

func createWaitable(ctx context.Context, name Name, spec WaitableSpec, mode Mode) (*nativeWaitable, bool, error) {
	if err := spec.possible(); err != nil {
		return nil, false, err
	}
	m := &making{
		Spec:   Spec{Size: roundToPages(stateSize), Protection: PageReadWrite, Share: spec.Share},
		access: waitableAccess, kind: spec.Kind, maximum: uint32(spec.Maximum),
	}
	if spec.Manual {
		m.attributes = manualReset
	}
	var made *nativeWaitable
	m.prepare = func(h *handle) error {
		made = &nativeWaitable{
			handle: h, kind: m.kind, manual: spec.Manual, maximum: m.maximum, silent: spec.Share.reads(),
		}
		return made.begin(spec)
	}
	m.undo = func() { made.retract() }
	h, existed, err := createObject(ctx, name, m, mode)
	if err != nil {
		return nil, false, err
	}
	if !existed {
		enroll(made)
		if spec.Owned {
			startPatrol() // it writes down since when
		}
		return made, false, nil
	}
	n, err := attachWaitable(h, waitableAccess)
	return n, true, err
}

// possible refuses what Unix cannot give.
func (s *WaitableSpec) possible() error {
	if !sharedAtomics {
		return fail(NotSupported, "this processor has no 64-bit atomic operations that work between processes")
	}
	if err := s.Share.check(); err != nil {
		return err
	}
	if s.Share.reads() && !s.Manual {
		return &Fault{Code: NotSupported, Cause: errWaitWrites, Advice: "share it for reading and writing (ReadWrite; shm: --share write)"}
	}
	return nil
}

var errWaitWrites = errors.New("to wait for anything but a manual-reset event is to change it, which takes the right to write")

// reads reports whether others may read, and not write.
func (s *Share) reads() bool { return s.Audience != Owner && s.Access&Write == 0 }

// begin makes the state of a new object, and takes a seat. Nobody else knows the object yet.
func (n *nativeWaitable) begin(spec WaitableSpec) error {
	if err := n.mapState(waitableAccess); err != nil {
		return err
	}
	value := uint32(spec.Initial)
	if spec.Signaled {
		value = eventSignaled
	}
	n.state.word.Store(uint64(value) << 32)
	if n.entry == nil || n.entry.file == fileName("") {
		crand.Read(n.token[:])
		n.id = 1
		n.own(spec)
		return nil
	}
	n.token = n.entry.token
	seats, err := n.place.backing.makeSeats(n.entry, n.mem)
	if err == nil {
		n.seats = seats
		err = n.takeSeat()
	}
	if err == nil {
		n.own(spec)
		err = n.place.backing.publishSeats(n.entry, n.seats)
	}
	if err != nil {
		n.retract()
	}
	return err
}

// own gives a new mutex to its creator.
func (n *nativeWaitable) own(spec WaitableSpec) {
	if spec.Owned {
		n.depth.Store(1)
		n.state.word.Store(uint64(n.id) << 32)
	}
}

// retract takes back what begin did, when the object does not get its name.
func (n *nativeWaitable) retract() {
	if n.mapped != nil {
		unmap(n.mapped)
		n.mapped = nil
	}
	if n.seats != nil {
		n.place.backing.removeSeats(n.entry)
		n.unseat()
	}
}

func openWaitable(ctx context.Context, name Name, kind Kind, rights Rights) (*nativeWaitable, error) {
	if !sharedAtomics {
		return nil, (&WaitableSpec{}).possible()
	}
	p, err := placeOf(name.Namespace)
	if err != nil {
		return nil, err
	}
	access := Access(waitableAccess)
	h, err := openInPlace(ctx, p, name, kind, access)
	if codeOf(err) == AccessDenied && kind == KindEvent && rights == Synchronize {
		access = Read // it may be enough
		h, err = openInPlace(ctx, p, name, kind, access)
	}
	if err != nil {
		return nil, err
	}
	return attachWaitable(h, access)
}

// openInPlace is an open as one operation.
func openInPlace(ctx context.Context, p *place, name Name, kind Kind, access Access) (*handle, error) {
	defer p.locks.begin()()
	return openObject(ctx, p, name, kind, access)
}

// attachWaitable makes a waitable of a handle that is open: it maps the state and takes a seat. The handle is closed if
// that fails.
func attachWaitable(h *handle, access Access) (*nativeWaitable, error) {
	n := &nativeWaitable{
		handle: h, kind: h.entry.kind, manual: h.entry.attributes&manualReset != 0, maximum: h.entry.maximum,
		token: h.entry.token, readOnly: access&Write == 0, silent: h.entry.header.mode&0o060 == 0o040 || h.entry.header.mode&0o006 == 0o004,
	}
	if err := n.attach(access); err != nil {
		n.close()
		return nil, err
	}
	enroll(n)
	return n, nil
}

// attach is what may fail of attachWaitable.
func (n *nativeWaitable) attach(access Access) error {
	if n.readOnly && !n.manual {
		return &Fault{Code: AccessDenied, Cause: errWaitWrites}
	}
	if n.size_ < roundToPages(stateSize) {
		return n.entry.corrupt("its state is too small")
	}
	if err := n.mapState(access); err != nil || n.readOnly {
		return err
	}
	return n.sitDown()
}

// sitDown takes a seat, as one operation.
func (n *nativeWaitable) sitDown() (err error) {
	if n.fragile {
		defer n.guard(&err)()
	}
	defer n.place.locks.begin()()
	seats, err := n.place.backing.openSeats(n.entry, n.mem)
	if err != nil {
		return err
	}
	n.seats = seats
	return n.takeSeat()
}

func (n *nativeWaitable) mapState(access Access) error {
	mapped, err := n.mem.view(0, roundToPages(stateSize), access)
	if err != nil {
		return mapFault(err, stateSize)
	}
	n.mapped, n.state = mapped, (*state)(unsafe.Pointer(unsafe.SliceData(mapped)))
	n.fragile = n.place.backing.id() == backingFile
	return nil
}

// guard makes an error of a fault in the state's memory: a file can be cut short by whoever may write it. It is deferred
// by every call on a fragile object.
func (n *nativeWaitable) guard(err *error) func() {
	before := debug.SetPanicOnFault(true)
	return func() {
		debug.SetPanicOnFault(before)
		switch r := recover().(type) {
		case nil:
		case interface {
			error
			Addr() uintptr
		}:
			*err = &Fault{Code: InPageError, Cause: r}
		default:
			panic(r)
		}
	}
}

// bind tells the platform's part whose it is.
func (n *nativeWaitable) bind(u *uses) {
	n.uses = u
	if !n.fragile {
		n.page = pidPage() // which opens the short ways
	}
	if n.depth.Load() > 0 {
		u.again()
	}
}

// unbind ends the use that owning a mutex is.
func (n *nativeWaitable) unbind() {
	if n.uses.leave() {
		n.close()
	}
}

// same reports whether two handles are of one object.
func (n *nativeWaitable) same(other *nativeWaitable) bool { return n.token == other.token }

// ours is mine for the short ways. It is false too where only a system call could tell, or the state is fragile.
func (n *nativeWaitable) ours() bool {
	return n.page != nil && atomic.LoadInt64(n.page) == int64(n.pid)
}

// foreign is the error of a call in a forked child; nil in the process that opened the handle.
func (n *nativeWaitable) foreign() error {
	if n.mine() {
		return nil
	}
	return fail(InvalidHandle, "the handle belongs to process %d, which forked this one", n.pid)
}

// abandon is what Close does at once: a mutex that the handle owns goes to the next waiter, who is told.
func (n *nativeWaitable) abandon() (err error) {
	if n.fragile {
		defer n.guard(&err)()
	}
	switch {
	case n.kind != KindMutex:
	case n.mine():
		n.abandonMutex()
	case n.depth.Swap(0) > 0: // a forked child's copy: the mutex stays its parent's
		n.unbind()
	}
	return nil
}

func (n *nativeWaitable) close() error {
	discharge(n)
	if n.lender != nil {
		n.lender.leave()
		return nil
	}
	if n.mapped != nil {
		unmap(n.mapped)
	}
	if n.seats != nil {
		n.leaveSeat()
	}
	return n.handle.close()
}

// changed wakes who may be waiting for a change that has just been made: at most many of those who wait for this object
// alone or for one of several, and all who wait for all of several. before and now are the word before and after it.
func (n *nativeWaitable) changed(before, now word, many int) {
	if now&sleepers != 0 || n.silent {
		if woken := wake(n.state.low(), many, false); woken == 0 && now&sleepers != 0 {
			// Nobody slept. Nobody can have gone to sleep on this very word since: it lets everybody through.
			n.state.swap(now, now&^sleepers)
		}
	}
	if before&crowded != 0 || n.silent {
		n.state.crowd.Add(1)
		wake(address(&n.state.crowd), everybody, false)
	}
}

// everybody is a number of sleepers that is no limit.
const everybody = 1<<31 - 1
