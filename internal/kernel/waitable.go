package kernel

import (
	"context"
	"math"
	"time"
)

// Rights are what a handle to an event, mutex or semaphore may do; the numbers are Windows'.
type Rights uint32

const (
	Synchronize Rights = 0x00100000
	ModifyState Rights = 0x00000002 // EVENT_MODIFY_STATE and SEMAPHORE_MODIFY_STATE
	allRights          = Synchronize | ModifyState
)

// MaximumWaitObjects is how many objects one wait can be for.
const MaximumWaitObjects = 64

// maximumCount is what a semaphore's count and a mutex's recursion cannot be above.
const maximumCount = math.MaxInt32

// WaitableSpec is what the creator of an event, a mutex or a semaphore asks for. The creator's handle has all rights.
type WaitableSpec struct {
	Kind     Kind
	Manual   bool  // an event's reset mode
	Signaled bool  // an event's state
	Owned    bool  // a mutex that its creator holds
	Initial  int64 // a semaphore's count
	Maximum  int64 // and what it can never be above
	Share    Share // Read lets wait, Write lets modify too
}

// check refuses what no platform takes.
func (s *WaitableSpec) check() error {
	if s.Kind != KindSemaphore {
		return nil
	}
	if s.Maximum < 1 || s.Maximum > maximumCount || s.Initial < 0 || s.Initial > s.Maximum {
		return fail(InvalidParameter, "an initial count of %d and a maximum of %d: it takes 0 <= initial <= maximum and 1 <= maximum <= %d",
			s.Initial, s.Maximum, maximumCount)
	}
	return nil
}

// SectionOption is the error for an option that only sections have.
func SectionOption() error {
	return fail(InvalidParameter, "protection and commit are options of sections")
}

// Waitable is a handle to an object that can be waited for: an event, a mutex or a semaphore. Its methods may be called
// by several goroutines at once.
//
// The twin, nativeWaitable, is the platform's part. It is used between uses.enter and uses.leave only, and closed once.
// It may keep a use of its own for as long as it owns a mutex.
type Waitable struct {
	uses   uses
	kind   Kind
	rights Rights
	name   string
	native *nativeWaitable
}

// CreateWaitable makes an object, or with MayExist opens the one that exists, whose state then stays as it is. existed
// says which. An empty name makes an unnamed object.
func CreateWaitable(ctx context.Context, name string, spec WaitableSpec, mode Mode) (w *Waitable, existed bool, err error) {
	if err := spec.check(); err != nil {
		return nil, false, err
	}
	parsed, err := resolve(name)
	if err != nil {
		return nil, false, err
	}
	native, existed, err := createWaitable(ctx, parsed, spec, mode)
	if err != nil {
		return nil, false, err
	}
	return newWaitable(name, spec.Kind, allRights, native), existed, nil
}

// OpenWaitable opens an object that exists.
func OpenWaitable(ctx context.Context, name string, kind Kind, rights Rights) (*Waitable, error) {
	if rights&^allRights != 0 {
		return nil, fail(InvalidParameter, "unknown rights %#x", uint32(rights&^allRights))
	}
	parsed, err := resolveExisting(name)
	if err != nil {
		return nil, err
	}
	if rights == 0 {
		return nil, refuseNoRights(parsed)
	}
	native, err := openWaitable(ctx, parsed, kind, rights)
	if err != nil {
		return nil, err
	}
	return newWaitable(name, kind, rights, native), nil
}

func newWaitable(name string, kind Kind, rights Rights, native *nativeWaitable) *Waitable {
	w := &Waitable{kind: kind, rights: rights, name: name, native: native}
	native.bind(&w.uses)
	return w
}

// refuseNoRights is the answer to an open that asks for nothing: the name comes first, as in OpenEvent.
func refuseNoRights(name Name) error {
	if !exists(name) {
		return &Fault{Code: FileNotFound}
	}
	return fail(AccessDenied, "no rights were asked for")
}

// WaitOpenWaitable opens an object as soon as it exists.
func WaitOpenWaitable(ctx context.Context, name string, kind Kind, rights Rights) (*Waitable, error) {
	return whenItExists(ctx, name, func() (*Waitable, error) { return OpenWaitable(ctx, name, kind, rights) })
}

// Name is the name that the handle was opened with.
func (w *Waitable) Name() string { return w.name }

// Kind is the object's kind.
func (w *Waitable) Kind() Kind { return w.kind }

// Rights are what the handle grants.
func (w *Waitable) Rights() Rights { return w.rights }

// begin checks that a call is one for this handle, and registers its use. A nil error obliges to leave.
func (w *Waitable) begin(kind Kind, need Rights) error {
	if !w.uses.enter() {
		return closedHandle()
	}
	switch {
	case w.kind != kind:
		w.leave()
		return otherKind(w.kind)
	case need&^w.rights != 0:
		w.leave()
		return fail(AccessDenied, "the handle was not opened with this right")
	}
	return nil
}

func (w *Waitable) leave() {
	if w.uses.leave() {
		w.native.close()
	}
}

// Set signals an event. One for which nobody sleeps takes the short way, where the platform has one.
func (w *Waitable) Set() error {
	if w.rights&ModifyState != 0 && w.uses.enter() {
		if w.native.setUnwatched() {
			w.leave()
			return nil
		}
		w.leave()
	}
	return w.set()
}

func (w *Waitable) set() error {
	if err := w.begin(KindEvent, ModifyState); err != nil {
		return err
	}
	defer w.leave()
	return w.native.set()
}

// Reset takes an event's signal back.
func (w *Waitable) Reset() error {
	if err := w.begin(KindEvent, ModifyState); err != nil {
		return err
	}
	defer w.leave()
	return w.native.reset()
}

// Pulse lets through who waits for an event now, and leaves it reset.
func (w *Waitable) Pulse() error {
	if err := w.begin(KindEvent, ModifyState); err != nil {
		return err
	}
	defer w.leave()
	return w.native.pulse()
}

// Release adds to a semaphore's count and returns what it was.
func (w *Waitable) Release(n int64) (previous int64, err error) {
	if err := w.begin(KindSemaphore, ModifyState); err != nil {
		return 0, err
	}
	defer w.leave()
	if n < 1 || n > maximumCount {
		return 0, fail(InvalidParameter, "%d is no number to release", n)
	}
	return w.native.release(n)
}

// Lock takes a mutex. One that nobody has takes the short way, where the platform has one: the use that begins here
// then lasts as long as the mutex is held.
func (w *Waitable) Lock(ctx context.Context) (abandoned bool, err error) {
	if w.rights&Synchronize != 0 && w.uses.enter() {
		if w.native.lockFree() {
			return false, nil
		}
		w.leave()
	}
	return w.lock(ctx)
}

func (w *Waitable) lock(ctx context.Context) (abandoned bool, err error) {
	if err := w.begin(KindMutex, Synchronize); err != nil {
		return false, err
	}
	defer w.leave()
	if acquired, abandoned, err := w.native.try(); acquired || err != nil {
		return abandoned, err
	}
	outcome, err := waitNative(ctx, []*nativeWaitable{w.native}, false)
	return outcome.Abandoned, err
}

// Unlock undoes one Lock. Owning the mutex is all the right it takes.
func (w *Waitable) Unlock() error {
	if done, err := w.native.unlockHeld(); done {
		return err
	}
	if err := w.begin(KindMutex, 0); err != nil {
		if w.native.holds() { // a Lock that ended after Close: what it got must be given back
			return w.native.unlock()
		}
		return err
	}
	defer w.leave()
	return w.native.unlock()
}

// Try is a wait that does not wait.
func (w *Waitable) Try() (acquired, abandoned bool, err error) {
	if err := w.begin(w.kind, Synchronize); err != nil {
		return false, false, err
	}
	defer w.leave()
	return w.native.try()
}

// Wait waits for this object alone. The first few looks take the short way, where the platform has one.
func (w *Waitable) Wait(ctx context.Context) (abandoned bool, err error) {
	if w.rights&Synchronize != 0 && w.uses.enter() {
		if w.native.takeSoon() {
			w.leave()
			return false, nil
		}
		w.leave()
	}
	return w.wait(ctx)
}

func (w *Waitable) wait(ctx context.Context) (abandoned bool, err error) {
	if err := w.begin(w.kind, Synchronize); err != nil {
		return false, err
	}
	defer w.leave()
	outcome, err := waitNative(ctx, []*nativeWaitable{w.native}, false)
	return outcome.Abandoned, err
}

// Close closes the handle. A mutex that it owns is abandoned. A wait that runs on it goes on, and the platform's handle
// is closed after it.
func (w *Waitable) Close() error {
	first, free := w.uses.close()
	if !first {
		return closedHandle()
	}
	if free {
		return w.native.close()
	}
	return w.native.abandon()
}

// Outcome is how a wait ended well.
type Outcome struct {
	Index     int
	Abandoned bool
}

// Wait waits for one of the objects, or with all for all of them at once. A context that is done makes it look once.
func Wait(ctx context.Context, objects []*Waitable, all bool) (Outcome, error) {
	if len(objects) < 1 || len(objects) > MaximumWaitObjects {
		return Outcome{}, fail(InvalidParameter, "%d objects; a wait is for 1 to %d", len(objects), MaximumWaitObjects)
	}
	natives := make([]*nativeWaitable, len(objects))
	for i, w := range objects {
		if err := w.begin(w.kind, Synchronize); err != nil {
			return Outcome{}, err
		}
		defer w.leave()
		natives[i] = w.native
	}
	if all && sameTwice(natives) {
		return Outcome{}, fail(InvalidParameter, "two of the objects are the same")
	}
	return waitNative(ctx, natives, all)
}

// sameTwice reports whether two handles are of one object.
func sameTwice(natives []*nativeWaitable) bool {
	for i, a := range natives {
		for _, b := range natives[:i] {
			if a == b || a.same(b) {
				return true
			}
		}
	}
	return false
}

// State is what a waitable object is in at one moment.
type State struct {
	Manual    bool      // event
	Signaled  bool      // a wait would not wait
	Count     int64     // semaphore
	Maximum   int64     // semaphore
	Abandoned bool      // mutex: the next owner will be told so
	Owned     bool      // mutex
	OwnerPID  int       // mutex: 0 where it has no owner, or the owner cannot be told
	Since     time.Time // mutex: owned since when; zero where unknown
	Waiters   int       // threads that wait; -1 where unknown
}
