//go:build unix && !aix

package kernel

import (
	"cmp"
	"context"
	crand "crypto/rand"
	"errors"
	"time"

	"github.com/namedshm/namedshm/internal/fault"
	"github.com/namedshm/namedshm/internal/waiting"
)

// nativeWaitable is an open event, mutex or semaphore: the state, which is package waiting's, and the handle by which
// it is reached.
type nativeWaitable struct {
	waiting.Object
	*handle
	mapped []byte
	seats  *seats    // nil if nobody else can have the object, or if it can only be looked at
	lender *Waitable // of an unnamed object: the handle whose memory this is; nil for the first
}

// waitableAccess is how the state is opened: nearly every wait changes it.
const waitableAccess = Read | Write

func createWaitable(ctx context.Context, name Name, spec WaitableSpec, mode Mode) (*nativeWaitable, bool, error) {
	if err := cmp.Or(spec.possible(), checkWaitVariable()); err != nil {
		return nil, false, err
	}
	p, err := placeOf(name.Namespace)
	if err != nil {
		return nil, false, err
	}
	return p.createWaitable(ctx, name, spec, mode)
}

func (p *place) createWaitable(
	ctx context.Context, name Name, spec WaitableSpec, mode Mode,
) (*nativeWaitable, bool, error) {
	m := &making{
		Spec:   Spec{Size: roundToPages(waiting.Size), Protection: PageReadWrite, Share: spec.Share},
		access: waitableAccess, kind: spec.Kind, maximum: uint32(spec.Maximum),
	}
	if spec.Manual {
		m.attributes = manualReset
	}
	var made *nativeWaitable
	m.prepare = func(h *handle) error {
		made = &nativeWaitable{handle: h}
		return made.makeState(m, spec)
	}
	m.undo = func() { made.retract() }
	h, existed, err := p.createObject(ctx, name, m, mode)
	if err != nil {
		return nil, false, err
	}
	if !existed {
		if spec.Owned {
			made.Watch() // the patrol notes when it was acquired
		}
		return made, false, nil
	}
	n, err := waitableOn(h, waitableAccess)
	return n, true, err
}

// possible refuses what Unix cannot do.
func (s *WaitableSpec) possible() error {
	if !waiting.SharedAtomics {
		return fault.Fail(fault.NotSupported, "this processor has no 64-bit atomic operations that work between processes")
	}
	if err := s.Share.check(); err != nil {
		return err
	}
	if s.Share.reads() && !s.Manual {
		return &fault.Fault{Code: fault.NotSupported, Cause: errWaitWrites,
			Advice: "share it for AllRights (shm: --share write)"}
	}
	return nil
}

var errWaitWrites = errors.New("waiting for anything but a manual-reset event changes it, which requires the right " +
	"to write")

// reads reports whether others may read but not write.
func (s *Share) reads() bool { return s.Audience != Owner && s.Access&Write == 0 }

// makeState makes the state of a new object, and takes a seat. Nobody else knows the object yet.
func (n *nativeWaitable) makeState(m *making, spec WaitableSpec) error {
	named := n.entry != nil && n.entry.file != fileName("")
	c := waiting.Config{Kind: waitingKind(m.kind, m.attributes), Maximum: m.maximum, Silent: spec.Share.reads()}
	if named {
		c.Token = n.entry.token
	} else {
		crand.Read(c.Token[:])
	}
	if err := n.mapState(waitableAccess, c); err != nil {
		return err
	}
	n.Begin(spec.Signaled, uint32(spec.Initial))
	if !named {
		n.SitAlone()
		n.own(spec)
		return nil
	}
	file, err := n.place.backing.makeSeats(n.entry, n.mem)
	if err == nil {
		err = n.takeSeat(file)
	}
	if err == nil {
		n.own(spec)
		err = n.place.backing.publishSeats(n.entry, file)
	}
	if err != nil {
		n.retract()
	}
	return err
}

// own gives a new mutex to its creator.
func (n *nativeWaitable) own(spec WaitableSpec) {
	if spec.Owned {
		n.Own()
	}
}

// retract undoes makeState if the object does not get its name.
func (n *nativeWaitable) retract() {
	if n.mapped != nil {
		unmap(n.mapped)
		n.mapped = nil
	}
	if n.seats != nil {
		n.place.backing.removeSeats(n.entry)
		n.leaveSeat()
	}
}

// waitingKind returns what package waiting calls the kind of an object with these attributes.
func waitingKind(kind Kind, attributes uint32) waiting.Kind {
	switch {
	case kind == KindMutex:
		return waiting.Mutex
	case kind == KindSemaphore:
		return waiting.Semaphore
	case attributes&manualReset != 0:
		return waiting.ManualEvent
	}
	return waiting.AutoEvent
}

// configOf returns what an open entry says about its object.
func configOf(e *entry, access Access) waiting.Config {
	return waiting.Config{
		Kind: waitingKind(e.kind, e.attributes), Maximum: e.maximum, Token: e.token, ReadOnly: access&Write == 0,
		Silent: e.header.mode&0o060 == 0o040 || e.header.mode&0o006 == 0o004,
	}
}

func openWaitable(ctx context.Context, name Name, kind Kind, rights Rights) (*nativeWaitable, error) {
	if !waiting.SharedAtomics {
		return nil, (&WaitableSpec{}).possible()
	}
	if err := checkWaitVariable(); err != nil {
		return nil, err
	}
	p, err := placeOf(name.Namespace)
	if err != nil {
		return nil, err
	}
	access := Access(waitableAccess)
	h, err := openInPlace(ctx, p, name, kind, access)
	if fault.CodeOf(err) == fault.AccessDenied && kind == KindEvent && rights == Synchronize {
		access = Read // that may be enough
		h, err = openInPlace(ctx, p, name, kind, access)
	}
	if err != nil {
		return nil, err
	}
	return waitableOn(h, access)
}

// waitableOn makes a waitable of an open handle: it maps the state and takes a seat. If that fails it closes the
// handle.
func waitableOn(h *handle, access Access) (*nativeWaitable, error) {
	n := &nativeWaitable{handle: h}
	if err := n.openState(access); err != nil {
		n.close()
		return nil, err
	}
	return n, nil
}

// openState is the part of waitableOn that may fail.
func (n *nativeWaitable) openState(access Access) error {
	c := configOf(n.entry, access)
	if c.ReadOnly && c.Kind != waiting.ManualEvent {
		return &fault.Fault{Code: fault.AccessDenied, Cause: errWaitWrites}
	}
	if n.size_ < roundToPages(waiting.Size) {
		return n.entry.corrupt("its state is too small")
	}
	if err := n.mapState(access, c); err != nil || c.ReadOnly {
		return err
	}
	return n.sitDown()
}

// sitDown takes a seat, as one operation.
func (n *nativeWaitable) sitDown() (err error) {
	if n.Fragile() {
		defer n.Guard(&err)()
	}
	defer n.place.begin().end()
	file, err := n.place.backing.openSeats(n.entry, n.mem)
	if err != nil {
		return err
	}
	return n.takeSeat(file)
}

// mapState maps the state, and opens the object in it.
func (n *nativeWaitable) mapState(access Access, c waiting.Config) error {
	mapped, err := n.mem.view(0, roundToPages(waiting.Size), access)
	if err != nil {
		return mapFault(err, waiting.Size)
	}
	n.mapped = mapped
	c.Words, c.Fragile = mapped, n.place.backing.nature().fragile
	c.PID, c.Page, c.Namespace = n.pid, pidPage(), pidNamespace()
	n.Open(c)
	return nil
}

// The twins of what the system's own objects do on Windows.

func (n *nativeWaitable) bind(u *waiting.Uses)      { n.Bind(u, n.close) }
func (n *nativeWaitable) lockFree() bool            { return n.LockFree() }
func (n *nativeWaitable) unlockHeld() (bool, error) { return n.UnlockHeld() }
func (n *nativeWaitable) holds() bool               { return n.Holds() }
func (n *nativeWaitable) setUnwatched() bool        { return n.SetUnwatched() }
func (n *nativeWaitable) takeSoon() bool            { return n.TakeSoon() }
func (n *nativeWaitable) set() error                { return n.Set() }
func (n *nativeWaitable) reset() error              { return n.Reset() }
func (n *nativeWaitable) pulse() error              { return n.Pulse() }
func (n *nativeWaitable) unlock() error             { return n.Unlock() }
func (n *nativeWaitable) abandon() error            { return n.Abandon() }

func (n *nativeWaitable) release(count int64) (previous int64, err error) { return n.Release(count) }

func (n *nativeWaitable) try() (acquired, abandoned bool, err error) { return n.Try() }

func (n *nativeWaitable) wait(ctx context.Context) (Outcome, error) { return n.Wait(ctx) }

func waitNative(ctx context.Context, natives []*nativeWaitable, all bool) (Outcome, error) {
	objects := make([]*waiting.Object, len(natives))
	for i, n := range natives {
		objects[i] = &n.Object
	}
	return waiting.Wait(ctx, objects, all)
}

// SetWaitSpin sets how long a wait looks at an object before it sleeps, and returns the previous value.
func SetWaitSpin(d time.Duration) time.Duration { return waiting.SetSpin(d) }

// same reports whether two handles refer to one object.
func (n *nativeWaitable) same(other *nativeWaitable) bool { return n.Token() == other.Token() }

func (n *nativeWaitable) close() error {
	n.Discharge()
	if n.lender != nil {
		n.lender.leave()
		return nil
	}
	if n.mapped != nil {
		unmap(n.mapped)
	}
	if n.seats != nil {
		func() {
			defer n.place.locks.begin()()
			n.leaveSeat()
		}()
	}
	return n.handle.close()
}
