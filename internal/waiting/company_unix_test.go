//go:build unix && !aix

package waiting

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/namedshm/namedshm/internal/fault"
)

// The memory of these tests is a slice, processes are handles of it, and a map says which have died.

// TestMain has the tests sleep in the manner that the library's variable names.
func TestMain(m *testing.M) {
	setMannerOf(os.Getenv("NAMEDSHM_WAIT"))
	os.Exit(m.Run())
}

// company is the handles of one object.
type company struct {
	mu    sync.Mutex
	taken map[uint32]bool
}

// seat is a handle's view of the company. Its functions, called once each, do what other processes do at a step of its
// own.
type seats struct {
	*company
	closed  atomic.Bool     // something else has closed the descriptor
	locking func(id uint32) // a seat is about to be taken
	asked   func(id uint32) // somebody asks for a seat
	told    map[uint32]bool // what is answered, instead of the truth
}

func (s *seats) Lock(id uint32) (got bool, err error) {
	if f := s.locking; f != nil {
		s.locking = nil
		f(id)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[id] {
		return false, nil
	}
	s.taken[id] = true
	return true, nil
}

func (s *seats) Unlock(id uint32) { s.die(id) }

func (s *seats) Taken(id uint32) bool {
	if f := s.asked; f != nil {
		s.asked = nil
		f(id)
	}
	if answer, ok := s.told[id]; ok {
		return answer
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken[id]
}

func (s *seats) Ours() bool {
	if s.closed.Load() {
		NoteLoss()
		return false
	}
	return true
}

// die frees the seat of a handle, as the system does with a process that dies.
func (c *company) die(id uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.taken, id)
}

// spec is an object that a test wants.
type spec struct {
	Kind     Kind
	Signaled bool
	Owned    bool
	Initial  int64
	Maximum  int64
}

// handle is what the users of this package make of an Object: calls that may come when it is closed.
type handle struct {
	uses   Uses
	native *Object
	seats  *seats
	words  []byte
}

var lastToken atomic.Uint64

func newConfig(s spec) Config {
	words := make([]uint64, Size/8)
	c := Config{
		Kind: s.Kind, Maximum: uint32(s.Maximum), PID: os.Getpid(), Page: new(int64), Namespace: 1,
		Words: unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), Size),
	}
	*c.Page = int64(c.PID)
	*(*uint64)(unsafe.Pointer(&c.Token)) = lastToken.Add(1)
	return c
}

// create is a handle of a new object, with the company in which it sits.
func create(t testing.TB, s spec) (*handle, Config) {
	t.Helper()
	c := newConfig(s)
	h := &handle{native: new(Object), seats: &seats{company: &company{taken: map[uint32]bool{}}}, words: c.Words}
	h.native.Open(c)
	h.native.Begin(s.Signaled, uint32(s.Initial))
	h.sit(t)
	if s.Owned {
		h.native.Own()
	}
	h.native.Bind(&h.uses, h.free)
	if s.Owned {
		h.native.Watch()
	}
	t.Cleanup(func() { h.Close() })
	return h, c
}

// another is a handle of the same object in another process, as far as the objects know.
func another(t testing.TB, first *handle, c Config) *handle {
	t.Helper()
	h := &handle{native: new(Object), seats: &seats{company: first.seats.company}, words: c.Words}
	h.native.Open(c)
	h.sit(t)
	h.native.Bind(&h.uses, h.free)
	t.Cleanup(func() { h.Close() })
	return h
}

func (h *handle) sit(t testing.TB) {
	t.Helper()
	if found, err := h.native.SitDown(h.seats); !found || err != nil {
		t.Errorf("sit down: found %v, %v", found, err)
	}
}

// pair is two handles of one new object.
func pair(t testing.TB, s spec) (a, b *handle) {
	t.Helper()
	a, c := create(t, s)
	return a, another(t, a, c)
}

// unnamed is a handle of a new object that nobody else can have.
func unnamed(t testing.TB, s spec) *handle {
	t.Helper()
	c := newConfig(s)
	h := &handle{native: new(Object), words: c.Words}
	h.native.Open(c)
	h.native.Begin(s.Signaled, uint32(s.Initial))
	h.native.SitAlone()
	if s.Owned {
		h.native.Own()
	}
	h.native.Bind(&h.uses, h.free)
	if s.Owned {
		h.native.Watch()
	}
	t.Cleanup(func() { h.Close() })
	return h
}

func (h *handle) free() error {
	h.native.Discharge()
	h.native.GetUp()
	return nil
}

var errClosed = fault.Fail(fault.InvalidHandle, "closed")

func (h *handle) begin() error {
	if !h.uses.Enter() {
		return errClosed
	}
	return nil
}

func (h *handle) leave() {
	if h.uses.Leave() {
		h.free()
	}
}

func (h *handle) in(call func() error) error {
	if err := h.begin(); err != nil {
		return err
	}
	defer h.leave()
	return call()
}

func (h *handle) Set() error {
	if h.uses.Enter() {
		done := h.native.SetUnwatched()
		h.leave()
		if done {
			return nil
		}
	}
	return h.in(h.native.Set)
}

func (h *handle) Reset() error { return h.in(h.native.Reset) }
func (h *handle) Pulse() error { return h.in(h.native.Pulse) }

func (h *handle) Release(count int64) (before int64, err error) {
	err = h.in(func() error { before, err = h.native.Release(count); return err })
	return before, err
}

func (h *handle) Lock(ctx context.Context) (abandoned bool, err error) {
	if h.uses.Enter() {
		if h.native.LockFree() {
			return false, nil
		}
		h.leave()
	}
	return h.lock(ctx)
}

func (h *handle) lock(ctx context.Context) (abandoned bool, err error) {
	if h.native.kind != Mutex {
		return false, fault.Fail(fault.InvalidHandle, "no mutex")
	}
	err = h.in(func() error {
		acquired := false
		if acquired, abandoned, err = h.native.Try(); acquired || err != nil {
			return err
		}
		outcome, err := h.native.Wait(ctx)
		abandoned = outcome.Abandoned
		return err
	})
	return abandoned, err
}

func (h *handle) Unlock() error {
	if done, err := h.native.UnlockHeld(); done {
		return err
	}
	if err := h.begin(); err != nil {
		if h.native.Holds() {
			return h.native.Unlock()
		}
		return err
	}
	defer h.leave()
	return h.native.Unlock()
}

func (h *handle) Try() (acquired, abandoned bool, err error) {
	err = h.in(func() error { acquired, abandoned, err = h.native.Try(); return err })
	return acquired, abandoned, err
}

func (h *handle) Wait(ctx context.Context) (abandoned bool, err error) {
	if h.uses.Enter() {
		got := h.native.TakeSoon()
		h.leave()
		if got {
			return false, nil
		}
	}
	outcome, err := waitFor(ctx, []*handle{h}, false)
	return outcome.Abandoned, err
}

func (h *handle) Close() error {
	first, free := h.uses.Close()
	if !first {
		return errClosed
	}
	if free {
		return h.free()
	}
	return h.native.Abandon()
}

// waitFor waits for one of several objects, or for all.
func waitFor(ctx context.Context, handles []*handle, all bool) (Outcome, error) {
	objects := make([]*Object, len(handles))
	for i, h := range handles {
		if err := h.begin(); err != nil {
			return Outcome{}, err
		}
		defer h.leave()
		objects[i] = h.native
	}
	return Wait(ctx, objects, all)
}

// sleeps starts a wait and returns when it sleeps, as far as can be told: it is counted, and the flag is set.
func sleeps(t *testing.T, flag word, objects ...*handle) (done chan error) {
	t.Helper()
	done = make(chan error, 1)
	go func() {
		_, err := waitFor(context.Background(), objects, flag == crowded)
		done <- err
	}()
	for _, w := range objects {
		until(t, "the wait sleeps", func() bool {
			return w.native.state.load()&flag != 0 && w.native.asleep.Load()+w.native.inCrowd.Load() > 0
		})
	}
	return done
}

func through(t *testing.T, done chan error) {
	t.Helper()
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the sleeper was not let through")
	}
}

// until waits for something that others bring about, the patrol for one, which takes it a few rounds.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it does not come about that %s", what)
		}
	}
}

// change gives a word another value, and wakes nobody.
func change(o *Object, clear word, value func(uint32) uint32) {
	for {
		w := o.state.load()
		if o.state.swap(w, w.with(value(w.value()))&^clear) {
			return
		}
	}
}

func tryOnce(h *handle) error {
	acquired, _, err := h.Try()
	if err == nil && !acquired {
		return fmt.Errorf("it was not let through")
	}
	return err
}

// unpatrolled has the patrol not look after handles.
func unpatrolled(objects ...*Object) {
	for _, o := range objects {
		discharge(o)
		o.watched.Store(true) // as it seems
	}
}
