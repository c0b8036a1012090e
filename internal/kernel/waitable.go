package kernel

import (
	"context"

	"github.com/namedshm/namedshm/internal/fault"
	"github.com/namedshm/namedshm/internal/waiting"
)

// Rights are what a handle to an event, mutex or semaphore may do. The numbers are Windows'.
type Rights uint32

const (
	Synchronize Rights = 0x00100000
	ModifyState Rights = 0x00000002 // EVENT_MODIFY_STATE and SEMAPHORE_MODIFY_STATE
	allRights          = Synchronize | ModifyState
)

// MaximumWaitObjects is how many objects one wait can be for.
const MaximumWaitObjects = waiting.MaximumObjects

// maximumCount is the limit of a semaphore's count and of a mutex's recursion.
const maximumCount = waiting.MaximumCount

// WaitableSpec is what the creator of an event, a mutex or a semaphore asks for. The creator's handle has all rights.
type WaitableSpec struct {
	Kind     Kind
	Manual   bool  // an event's reset mode
	Signaled bool  // an event's state
	Owned    bool  // the creator holds the mutex
	Initial  int64 // a semaphore's count
	Maximum  int64 // the limit of that count
	Share    Share // Read lets others wait, Write lets them modify too
}

// check refuses what no platform accepts.
func (s *WaitableSpec) check() error {
	if s.Kind != KindSemaphore {
		return nil
	}
	if s.Maximum < 1 || s.Maximum > maximumCount || s.Initial < 0 || s.Initial > s.Maximum {
		return fault.Fail(fault.InvalidParameter,
			"an initial count of %d and a maximum of %d: required are 0 <= initial <= maximum and 1 <= maximum <= %d",
			s.Initial, s.Maximum, maximumCount)
	}
	return nil
}

// Waitable is a handle to an object that can be waited for: an event, a mutex or a semaphore. Its methods may be called
// by several goroutines at once.
//
// The twin, nativeWaitable, is the platform's part. It is used only between uses.Enter and uses.Leave, and closed once.
// It may keep a use of its own for as long as it owns a mutex.
type Waitable struct {
	uses   waiting.Uses
	kind   Kind
	rights Rights
	name   string
	native *nativeWaitable
}

// CreateWaitable makes an object, or with MayExist opens an existing one, which keeps its state. existed says which. An
// empty name makes an unnamed object.
func CreateWaitable(
	ctx context.Context, name string, spec WaitableSpec, mode Mode,
) (w *Waitable, existed bool, err error) {
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

// OpenWaitable opens an existing object.
func OpenWaitable(ctx context.Context, name string, kind Kind, rights Rights) (*Waitable, error) {
	if rights&^allRights != 0 {
		return nil, fault.Fail(fault.InvalidParameter, "unknown rights %#x", uint32(rights&^allRights))
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

// refuseNoRights is the error of an open that asks for no rights: the name is checked first, as in OpenEvent.
func refuseNoRights(name Name) error {
	if !exists(name) {
		return &fault.Fault{Code: fault.FileNotFound}
	}
	return fault.Fail(fault.AccessDenied, "no rights were requested")
}

// WaitOpenWaitable opens an object as soon as it exists.
func WaitOpenWaitable(ctx context.Context, name string, kind Kind, rights Rights) (*Waitable, error) {
	return whenItExists(ctx, name, func() (*Waitable, error) { return OpenWaitable(ctx, name, kind, rights) })
}

// Name is the name that the handle was opened with.
func (w *Waitable) Name() string { return w.name }

// Kind returns the object's kind.
func (w *Waitable) Kind() Kind { return w.kind }

// Rights returns what the handle grants.
func (w *Waitable) Rights() Rights { return w.rights }

// enter checks that a call fits this handle, and registers its use. After a nil error leave must be called.
func (w *Waitable) enter(kind Kind, need Rights) error {
	if !w.uses.Enter() {
		return closedHandle()
	}
	switch {
	case w.kind != kind:
		w.leave()
		return otherKind(w.kind)
	case need&^w.rights != 0:
		w.leave()
		return fault.Fail(fault.AccessDenied, "the handle was not opened with this right")
	}
	return nil
}

func (w *Waitable) leave() {
	if w.uses.Leave() {
		w.native.close()
	}
}

// Set signals an event. If nobody sleeps it takes the short way, where the platform has one.
func (w *Waitable) Set() error {
	if w.rights&ModifyState != 0 && w.uses.Enter() {
		if w.native.setUnwatched() {
			w.leave()
			return nil
		}
		w.leave()
	}
	return w.set()
}

func (w *Waitable) set() error {
	if err := w.enter(KindEvent, ModifyState); err != nil {
		return err
	}
	defer w.leave()
	return w.native.set()
}

// Reset makes an event nonsignaled.
func (w *Waitable) Reset() error {
	if err := w.enter(KindEvent, ModifyState); err != nil {
		return err
	}
	defer w.leave()
	return w.native.reset()
}

// Pulse releases those that wait for an event now, and leaves it nonsignaled.
func (w *Waitable) Pulse() error {
	if err := w.enter(KindEvent, ModifyState); err != nil {
		return err
	}
	defer w.leave()
	return w.native.pulse()
}

// Release adds to a semaphore's count and returns what it was.
func (w *Waitable) Release(n int64) (previous int64, err error) {
	if err := w.enter(KindSemaphore, ModifyState); err != nil {
		return 0, err
	}
	defer w.leave()
	if n < 1 || n > maximumCount {
		return 0, fault.Fail(fault.InvalidParameter, "%d cannot be released", n)
	}
	return w.native.release(n)
}

// Lock acquires a mutex. If nobody owns it, it takes the short way, where the platform has one: the use that begins
// here then lasts as long as the mutex is held.
func (w *Waitable) Lock(ctx context.Context) (abandoned bool, err error) {
	if w.rights&Synchronize != 0 && w.uses.Enter() {
		if w.native.lockFree() {
			return false, nil
		}
		w.leave()
	}
	return w.lock(ctx)
}

func (w *Waitable) lock(ctx context.Context) (abandoned bool, err error) {
	if err := w.enter(KindMutex, Synchronize); err != nil {
		return false, err
	}
	defer w.leave()
	if acquired, abandoned, err := w.native.try(); acquired || err != nil {
		return abandoned, err
	}
	outcome, err := w.native.wait(ctx)
	return outcome.Abandoned, err
}

// Unlock undoes one Lock. It requires no right but owning the mutex.
func (w *Waitable) Unlock() error {
	if done, err := w.native.unlockHeld(); done {
		return err
	}
	if err := w.enter(KindMutex, 0); err != nil {
		if w.native.holds() { // a Lock that ended after Close: what it acquired must be given back
			return w.native.unlock()
		}
		return err
	}
	defer w.leave()
	return w.native.unlock()
}

// Try is a wait that does not wait.
func (w *Waitable) Try() (acquired, abandoned bool, err error) {
	if err := w.enter(w.kind, Synchronize); err != nil {
		return false, false, err
	}
	defer w.leave()
	return w.native.try()
}

// Wait waits for this object alone. The first few looks take the short way, where the platform has one.
func (w *Waitable) Wait(ctx context.Context) (abandoned bool, err error) {
	if w.rights&Synchronize != 0 && w.uses.Enter() {
		if w.native.takeSoon() {
			w.leave()
			return false, nil
		}
		w.leave()
	}
	return w.wait(ctx)
}

func (w *Waitable) wait(ctx context.Context) (abandoned bool, err error) {
	if err := w.enter(w.kind, Synchronize); err != nil {
		return false, err
	}
	defer w.leave()
	outcome, err := w.native.wait(ctx)
	return outcome.Abandoned, err
}

// Close closes the handle. A mutex that it owns is abandoned. A wait that runs on it goes on, and the platform's handle
// is closed after it.
func (w *Waitable) Close() error {
	first, free := w.uses.Close()
	if !first {
		return closedHandle()
	}
	if free {
		return w.native.close()
	}
	return w.native.abandon()
}

// Outcome is how a wait that succeeded ended.
type Outcome = waiting.Outcome

// Wait waits for one of the objects, or with all for all of them at once. If the context is done it looks once.
func Wait(ctx context.Context, objects []*Waitable, all bool) (Outcome, error) {
	if len(objects) < 1 || len(objects) > MaximumWaitObjects {
		return Outcome{}, fault.Fail(fault.InvalidParameter, "%d objects; a wait is for 1 to %d", len(objects),
			MaximumWaitObjects)
	}
	natives := make([]*nativeWaitable, len(objects))
	for i, w := range objects {
		if err := w.enter(w.kind, Synchronize); err != nil {
			return Outcome{}, err
		}
		defer w.leave()
		natives[i] = w.native
	}
	if all && sameTwice(natives) {
		return Outcome{}, fault.Fail(fault.InvalidParameter, "two of the objects are the same")
	}
	return waitNative(ctx, natives, all)
}

// sameTwice reports whether two of the handles refer to one object.
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

// State is a snapshot of a waitable object.
type State = waiting.State
