package waiting

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unsafe"
)

// TestASeatIsNobodysBefore: a newcomer locks a free seat whose number happens to be that of a mutex's dead owner. It
// must not sit there: the owner would seem to live, and the newcomer to own the mutex.
func TestASeatIsNobodysBefore(t *testing.T) {
	a, c := create(t, spec{Kind: Mutex})
	b := &handle{native: new(Object), words: c.Words}
	var owner uint32
	b.seats = &seats{company: a.seats.company, locking: func(id uint32) {
		owner = id
		a.native.state.word.Store(uint64(id) << 32)
	}}
	b.native.Open(c)
	b.sit(t)
	b.native.Bind(&b.uses, b.free)
	defer b.Close()
	if owner == 0 || b.native.id == owner {
		t.Errorf("the newcomer sits on %#x, the dead owner's is %#x", b.native.id, owner)
	}
	for _, w := range []*handle{b, a} {
		if got, abandoned, err := w.Try(); !got || abandoned != (w == b) || err != nil {
			t.Errorf("a mutex of the dead: got %v, abandoned %v, %v", got, abandoned, err)
		}
		if err := w.Unlock(); err != nil {
			t.Error(err)
		}
	}
}

// TestWhoLookedTooEarlyIsNudged: a wait comes to sleep while a Set looks for sleepers, is told to look once more, looks
// before the flag is set, and goes to sleep. The Set tells it again, after the flag.
func TestWhoLookedTooEarlyIsNudged(t *testing.T) {
	a, _ := create(t, spec{Kind: AutoEvent})
	state := a.native.state
	early, napper := a.native.id^1<<20, uint32(3<<seatBits|1)
	// After the early wait, the Set comes to one that sleeps without futexes, and asks whether its seat is taken.
	state.berths[0].Store(uint64(early<<berthBits | berthWaiting))
	state.berths[1].Store(uint64(napper<<berthBits | berthWaiting))
	state.queued.Store(2)
	state.seats[napper&seatMask].id.Store(napper)
	state.seats[napper&seatMask].sleeping.Store(seatPolls)
	state.word.Store(sleepers)
	a.seats.told = map[uint32]bool{napper: false}
	first := &state.berths[0]
	a.seats.asked = func(id uint32) {
		if v := first.look(); id != napper || v.state() != berthNudged || !first.swap(v, v.in(berthWaiting)) {
			t.Errorf("seat %#x, and the early one's berth is %#x", id, first.Load())
		}
	}
	if err := a.Set(); err != nil {
		t.Fatal(err)
	}
	if a.seats.asked != nil {
		t.Error("the Set has asked for nobody's seat")
	}
	if v := first.look(); v.seat() != early || v.state() != berthNudged {
		t.Errorf("the wait that looked before the flag was set is not told again: %#x", first.Load())
	}
	if got, _, err := a.Try(); !got || err != nil {
		t.Errorf("the Set: got %v, %v", got, err)
	}
}

// TestWakeUpsArePassedOn: a wait for any of several is woken by one of them, and takes another. The unused wake-up goes
// to the next sleeper there.
func TestWakeUpsArePassedOn(t *testing.T) {

	if napping(make([]sleeper, 2)) {
		t.Skip("waits nap here, and are not woken")
	}
	released, b := pair(t, spec{Kind: Semaphore, Maximum: 2})
	other := unnamed(t, spec{Kind: ManualEvent})
	first := sleeps(t, sleepers, other, released)
	until(t, "the first sleeps", func() bool { return inKernel(released.native, released.native.state.low()) })
	second := sleeps(t, sleepers, b)
	until(t, "the second sleeps", func() bool { return sleepsAt(b.native.state.low()) })
	unpatrolled(released.native, b.native, other.native)
	// The other object is signaled, by a change whose wake-up comes later. The longest sleeper is woken first.
	change(other.native, 0, func(v uint32) uint32 { return eventTurn(v | eventSignaled) })
	if _, err := released.Release(1); err != nil {
		t.Fatal(err)
	}
	through(t, first)
	if wake(released.native.state.low(), 1, false) > 0 {
		t.Error("a wait sleeps, and what it is for is to be had")
	}
	through(t, second)
}

// TestWhoGivesUpPassesOn: so does a wait that is given up when it was just woken.
func TestWhoGivesUpPassesOn(t *testing.T) {

	if napping(make([]sleeper, 1)) {
		t.Skip("waits nap here, and are not woken")
	}
	a, b := pair(t, spec{Kind: Semaphore, Maximum: 2})
	for _, c := range []struct {
		name    string
		objects []*Object
		outcome Outcome
		err     error
	}{
		{"given up", []*Object{a.native}, Outcome{}, context.Canceled},
		{"another taken", []*Object{a.native, a.native}, Outcome{Index: 1}, nil},
	} {
		done := sleeps(t, sleepers, b)
		until(t, "it sleeps", func() bool { return sleepsAt(b.native.state.low()) })
		unpatrolled(a.native, b.native)
		change(a.native, 0, func(v uint32) uint32 { return v + 1 })
		w := waiting{objects: c.objects, starts: make([]uint32, len(c.objects))}
		w.passOn(c.outcome, c.err)
		if wake(a.native.state.low(), 1, false) > 0 {
			t.Errorf("%s: the next one sleeps on", c.name)
		}
		through(t, done)
	}
}

// TestWhoNapsSaysSo: a wait that sleeps in a way that others cannot end puts that on record, for a Set to let it
// through by name.
func TestWhoNapsSaysSo(t *testing.T) {
	before := noWaitv.Swap(true)
	defer noWaitv.Store(before)
	_, b := pair(t, spec{Kind: AutoEvent})
	for limit := time.Millisecond; b.native.record().sleeping.Load()&seatPolls == 0; limit *= 2 {
		if limit > 2*time.Second {
			t.Fatal("nothing on record says that the wait naps")
		}
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		if _, err := b.Wait(ctx); err == nil {
			t.Error("the event is set?")
		}
		cancel()
	}
	if !b.native.polls(b.native.id) {
		t.Error("it is on record, and not believed")
	}
}

// sleepsAt reports whether a thread of this process sleeps on that number alone, as far as the system tells.
func sleepsAt(addr *uint32) bool {
	tasks, _ := filepath.Glob("/proc/self/task/*/syscall")
	for _, task := range tasks {
		// the call's number, and its arguments
		call, err := os.ReadFile(task)
		if f := strings.Fields(string(call)); err == nil && len(f) > 1 && f[1] == fmt.Sprintf("%#x",
			uintptr(unsafe.Pointer(addr))) {
			return true
		}
	}
	return len(tasks) == 0
}
