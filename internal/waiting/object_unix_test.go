//go:build unix && !aix

package waiting

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/namedshm/namedshm/internal/fault"
)

// These tests do by hand what a process does that dies between two instructions, which no kill from outside can hit
// reliably: they change the word, and leave out what belongs to it.

func TestEventValues(t *testing.T) {
	const turn, set = eventOneTurn, eventSignaled
	for _, c := range []struct {
		name         string
		kind         Kind
		value, start uint32
		through      bool
		taken        uint32
	}{
		{"auto, not set", AutoEvent, 0, 0, false, 0},
		{"auto, set", AutoEvent, set, 0, true, 0},
		{"auto, a turn since, which an auto-reset event does not count", AutoEvent, turn, 0, false, 0},
		{"manual, not set", ManualEvent, 0, 0, false, 0},
		{"manual, set", ManualEvent, set, 0, true, set},
		{"manual, reset, but a turn since", ManualEvent, 2 * turn, turn, true, 2 * turn},
		{"manual, reset, with a turn from before", ManualEvent, turn, turn, false, 0},
		{"manual, the count of turns ran over", ManualEvent, 0, eventTurns, true, 0},
	} {
		if got := kinds[c.kind].signaled(c.value, c.start); got != c.through {
			t.Errorf("%s: lets through: %v", c.name, got)
		}
		if got := kinds[c.kind].satisfied(c.value, 7); c.through && got != c.taken {
			t.Errorf("%s: taken: %#x, want %#x", c.name, got, c.taken)
		}
	}
	if got := eventTurn(eventTurns | set); got != set {
		t.Errorf("a turn after the last: %#x", got)
	}
}

// TestRules: what the other kinds make of the values that they can have, and which those are.
func TestRules(t *testing.T) {
	const seat, other = 7, 9
	for _, c := range []struct {
		name      string
		kind      Kind
		value     uint32
		through   bool
		taken     uint32
		damaged   bool
		abandoned bool
	}{
		{"mutex, free", Mutex, 0, true, seat, false, false},
		{"mutex, abandoned", Mutex, mutexAbandoned, true, seat, false, true},
		{"mutex, owned", Mutex, other, false, 0, false, false},
		{"mutex, whose value is full", Mutex, mutexOwner, false, 0, false, false},
		{"semaphore, empty", Semaphore, 0, false, 0, false, false},
		{"semaphore, full", Semaphore, 3, true, 2, false, false},
		{"semaphore, above its maximum", Semaphore, 4, true, 3, true, false},
		{"event, with every bit that there is", AutoEvent, reserved - 1, true, reserved - 2, false, false},
		{"event, likewise", ManualEvent, reserved - 1, true, reserved - 1, false, false},
	} {
		r := kinds[c.kind]
		if got := r.signaled(c.value, c.value); got != c.through {
			t.Errorf("%s: lets through: %v", c.name, got)
		}
		if got := r.satisfied(c.value, seat); c.through && got != c.taken {
			t.Errorf("%s: taken: %#x, want %#x", c.name, got, c.taken)
		}
		if got := r.damaged(c.value, 3); got != c.damaged {
			t.Errorf("%s: damaged: %v", c.name, got)
		}
		if got := c.value&r.abandoned != 0; got != c.abandoned {
			t.Errorf("%s: abandoned: %v", c.name, got)
		}
		if changes := r.satisfied(c.value, seat) != c.value; c.through && changes == r.steady {
			t.Errorf("%s: a satisfied wait changes it: %v", c.name, changes)
		}
	}
}

// TestPatrolMakesGood: a process is killed between a change and its wake-up.
func TestPatrolMakesGood(t *testing.T) {
	for name, c := range map[string]struct {
		spec  spec
		flag  word
		clear word
		value func(uint32) uint32
	}{
		"set, auto": {spec{Kind: AutoEvent}, sleepers, 0, func(v uint32) uint32 { return v | eventSignaled }},
		"set, manual": {spec{Kind: ManualEvent}, sleepers, 0,
			func(v uint32) uint32 { return eventTurn(v | eventSignaled) }},
		"pulsed, manual": {spec{Kind: ManualEvent}, sleepers, 0, eventTurn},
		"released":       {spec{Kind: Semaphore, Maximum: 2}, sleepers, 0, func(v uint32) uint32 { return v + 1 }},
		"unlocked":       {spec{Kind: Mutex, Owned: true}, sleepers, 0, func(uint32) uint32 { return 0 }},
		"flag lost":      {spec{Kind: Semaphore, Maximum: 2}, sleepers, sleepers, func(v uint32) uint32 { return v + 1 }},
		"reserved for no": {spec{Kind: AutoEvent}, sleepers, 0,
			func(v uint32) uint32 { return v | eventSignaled | reserved }},
		"crowd not woken": {spec{Kind: AutoEvent}, crowded, crowded, func(v uint32) uint32 { return v | eventSignaled }},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := pair(t, c.spec)
			objects := []*handle{b}
			if c.flag == crowded {
				other := unnamed(t, spec{Kind: ManualEvent, Signaled: true})
				objects = append(objects, other)
			}
			done := sleeps(t, c.flag, objects...)
			change(a.native, c.clear, c.value)
			through(t, done)
		})
	}
}

// TestReservationOfTheDead: a process is killed or stopped while it has an object reserved. Nobody waits long for it,
// in whatever call, and a reservation is no taking.
func TestReservationOfTheDead(t *testing.T) {
	reserve := func(n *Object) { change(n, 0, func(v uint32) uint32 { return v | reserved }) }
	for name, c := range map[string]struct {
		spec spec
		use  func(w *handle) error
		want uint32 // the value after the use; reserved must be gone
	}{
		"try":        {spec{Kind: AutoEvent, Signaled: true}, tryOnce, 0},
		"set":        {spec{Kind: AutoEvent, Signaled: true}, (*handle).Set, eventSignaled},
		"reset":      {spec{Kind: AutoEvent, Signaled: true}, (*handle).Reset, 0},
		"pulse":      {spec{Kind: AutoEvent, Signaled: true}, (*handle).Pulse, 0},
		"pulse, all": {spec{Kind: ManualEvent, Signaled: true}, (*handle).Pulse, eventOneTurn},
		"release": {spec{Kind: Semaphore, Initial: 1, Maximum: 2}, func(w *handle) error {
			_,
				err := w.Release(1)
			return err
		}, 2},
		"acquire":     {spec{Kind: Semaphore, Initial: 2, Maximum: 2}, tryOnce, 1},
		"lock, empty": {spec{Kind: Semaphore, Initial: 1, Maximum: 2}, tryOnce, 0},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := pair(t, c.spec)
			reserve(a.native)
			if err := c.use(b); err != nil {
				t.Fatal(err)
			}
			if got := b.native.state.load().value(); got != c.want {
				t.Errorf("the value is %#x, want %#x", got, c.want)
			}
		})
	}
	t.Run("mutex", func(t *testing.T) {
		a, b := pair(t, spec{Kind: Mutex})
		reserve(a.native)
		if _, err := b.Lock(context.Background()); err != nil || b.native.state.load().value() != b.native.id {
			t.Errorf("Lock of a reserved mutex: %v, %#x", err, b.native.state.load())
		}
	})
	t.Run("all", func(t *testing.T) {
		a, b := pair(t, spec{Kind: AutoEvent, Signaled: true})
		other := unnamed(t, spec{Kind: Semaphore, Initial: 1, Maximum: 1})
		reserve(a.native)
		reserve(other.native)
		if _, err := waitFor(context.Background(), []*handle{b, other}, true); err != nil {
			t.Fatal(err)
		}
	})
}

// TestReservationTakenAway: what a wait for all had taken already is given back when it finds a reservation gone.
func TestReservationTakenAway(t *testing.T) {
	event, _ := pair(t, spec{Kind: AutoEvent, Signaled: true})
	mutex := unnamed(t, spec{Kind: Mutex})
	semaphore := unnamed(t, spec{Kind: Semaphore, Initial: 1, Maximum: 1})
	mutex.native.state.word.Store(uint64(mutexAbandoned) << 32)
	w := waiting{objects: []*Object{event.native, mutex.native, semaphore.native}}
	words := make([]word, 3)
	for i, n := range w.objects {
		var ok bool
		if words[i], ok, _ = n.reserve(); !ok {
			t.Fatalf("object %d was not reserved", i)
		}
	}
	for i, n := range w.objects[:2] {
		if _, ok := n.takeReserved(words[i]); !ok {
			t.Fatalf("object %d was not taken", i)
		}
	}
	change(semaphore.native, 0, func(uint32) uint32 { return 0 }) // somebody overrode it, and took it
	if _, ok := semaphore.native.takeReserved(words[2]); ok {
		t.Fatal("what was taken away was taken all the same")
	}
	w.giveBack([]int{0, 1}, words)
	if v := event.native.state.load().value(); v != eventSignaled {
		t.Errorf("the event was given back as %#x", v)
	}
	if v := mutex.native.state.load().value(); v != mutexAbandoned {
		t.Errorf("the abandoned mutex was given back as %#x", v)
	}
	if err := mutex.Unlock(); fault.CodeOf(err) != fault.NotOwner {
		t.Errorf("Unlock of the mutex given back: %v", err)
	}
}

// TestSetBesideATaking: a wait for all has taken one of its objects, which others see, and is about to take an
// auto-reset event. A Set then is one after the wait: it must not be used up by it.
func TestSetBesideATaking(t *testing.T) {
	a, b := pair(t, spec{Kind: AutoEvent, Signaled: true})
	as, ok, err := a.native.reserve()
	if !ok || err != nil {
		t.Fatalf("the event was not reserved: %v", err)
	}
	if err := b.Set(); err != nil {
		t.Fatal(err)
	}
	if _, taken := a.native.takeReserved(as); taken {
		t.Error("the event was taken as it had been reserved before the Set")
	}
	if err := tryOnce(b); err != nil {
		t.Errorf("the Set is lost: %v", err)
	}
}

// TestReaderConfirms: a wait for all that may only look at a manual-reset event cannot reserve it. It is confirmed just
// before the others are taken, and counts only if it was set all the time: or else there may have been no moment at
// which all were.
func TestReaderConfirms(t *testing.T) {
	for name, c := range map[string]struct {
		meanwhile []func(*handle) error
		want      bool
	}{
		"nothing":       {nil, true},
		"reset":         {[]func(*handle) error{(*handle).Reset}, false},
		"reset and set": {[]func(*handle) error{(*handle).Reset, (*handle).Set}, false},
		"pulsed":        {[]func(*handle) error{(*handle).Pulse}, false},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := pair(t, spec{Kind: ManualEvent})
			b.native.readOnly = true
			if err := a.Set(); err != nil {
				t.Fatal(err)
			}
			as, ok, err := b.native.reserve()
			if !ok || err != nil {
				t.Fatalf("a set event is not to be had: %v", err)
			}
			for _, change := range c.meanwhile {
				if err := change(a); err != nil {
					t.Fatal(err)
				}
			}
			if _, ok := b.native.takeReserved(as); ok != c.want {
				t.Errorf("confirmed: %v, want %v", ok, c.want)
			}
		})
	}
}

// TestCrossedReservations: a look that meets one reservation after the other gives up in the end. It has not seen that
// the object is not to be had, so nobody goes to sleep on it: what is to be had already wakes nobody.
func TestCrossedReservations(t *testing.T) {
	a, b := pair(t, spec{Kind: Semaphore, Initial: 1, Maximum: 1})
	other := unnamed(t, spec{Kind: ManualEvent, Signaled: true})
	reserve := func(v uint32) uint32 { return v | reserved }
	change(a.native, 0, reserve)
	done := make(chan error, 1)
	go func() {
		_, err := waitFor(context.Background(), []*handle{b, other}, true)
		done <- err
	}()
	slept := 0
	for round, counted := 0, 0; counted < 20_000 && slept == 0 && len(done) == 0; round++ {
		change(a.native, 0, reserve) // by somebody else each time
		if b.native.inCrowd.Load() > 0 {
			counted++
		}
		if round%16 == 0 {
			slept = wake(address(&a.native.state.crowd.n), 1, false)
			runtime.Gosched()
		}
	}
	if slept > 0 {
		t.Error("a wait for all sleeps, and all is to be had")
	}
	change(a.native, 0, func(v uint32) uint32 { return v &^ reserved })
	through(t, done)
}

// TestPlaceOfTheDead: the sleeper in a berth dies, or the setter that let it through dies before waking it.
func TestPlaceOfTheDead(t *testing.T) {
	a, b := pair(t, spec{Kind: AutoEvent})
	dead := a.native.id ^ 1<<20
	a.native.state.queued.Store(3)
	a.native.state.berths[1].Store(uint64(dead<<berthBits | berthWaiting))
	done := sleeps(t, sleepers, b)
	if err := a.Set(); err != nil {
		t.Fatal(err)
	}
	through(t, done)
	if acquired, _, err := b.Try(); acquired || err != nil {
		t.Errorf("one Set let two waits through: %v", err)
	}
	a.native.state.berths[1].Store(uint64(dead<<berthBits | berthWaiting))
	a.native.state.word.Store(sleepers)
	if err := a.Set(); err != nil {
		t.Fatal(err)
	}
	if acquired, _, err := b.Try(); !acquired || err != nil {
		t.Errorf("a dead waiter swallowed a Set: %v", err)
	}

	done = sleeps(t, sleepers, b)
	place := &a.native.state.berths[b.native.lastBerth.Load()]
	if v := place.look(); v.seat() != b.native.id || !place.swap(v.in(berthWaiting), v.in(berthThrough)) {
		t.Fatalf("the sleeper's place is %#x", place.Load())
	}
	through(t, done)
}

// TestSetBesideTheDying: one of several waits is not asleep, and its seat is taken. It may be about to sleep, or dying,
// with its memory given back first and its seat after it. A Set is not lost on it.
func TestSetBesideTheDying(t *testing.T) {
	a, b := pair(t, spec{Kind: AutoEvent})
	dying := a.native.id ^ 1<<20
	if got, err := b.seats.Lock(dying); !got || err != nil {
		t.Fatal(got, err)
	}
	a.native.state.queued.Store(40)
	place := &a.native.state.berths[35]
	place.Store(uint64(dying<<berthBits | berthWaiting))
	a.native.state.word.Store(sleepers)
	if err := a.Set(); err != nil {
		t.Fatal(err)
	}
	if v := place.look(); v.seat() != dying || v.state() != berthNudged {
		t.Errorf("a wait that may be about to sleep is not told to look once more: %#x", v)
	}
	if acquired, _, err := b.Try(); !acquired || err != nil {
		t.Errorf("the Set was lost: %v", err)
	}
	done := sleeps(t, sleepers, b)
	inPlaces(t, b.native, 1)
	if err := a.Set(); err != nil {
		t.Fatal(err)
	}
	through(t, done)
}

// TestPlacesOfTheDeadAreCleared, even if there are as many as the table has: otherwise each Set would go through them
// all.
func TestPlacesOfTheDeadAreCleared(t *testing.T) {
	t.Parallel()
	a, b := pair(t, spec{Kind: AutoEvent})
	dead := a.native.id ^ 1<<20
	done := sleeps(t, sleepers, b)
	inPlaces(t, b.native, 1)
	for i := range a.native.state.berths {
		a.native.state.berths[i].CompareAndSwap(0, uint64(dead<<berthBits|berthWaiting))
	}
	a.native.state.queued.Store(berthCount)
	taken := func() (count int) {
		for i := range a.native.state.berths {
			if a.native.state.berths[i].look().seat() != 0 {
				count++
			}
		}
		return count
	}
	for deadline := time.Now().Add(time.Minute); taken() > 1; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d places are still taken", taken())
		}
	}
	if err := a.Set(); err != nil {
		t.Fatal(err)
	}
	through(t, done)
}

// TestCrowdForgotten: the process that changed the word of an object died before it could wake the waits for all of
// several, and another wait for all came before anybody looked.
func TestCrowdForgotten(t *testing.T) {
	t.Parallel()
	a, b := pair(t, spec{Kind: AutoEvent})
	there := unnamed(t, spec{Kind: ManualEvent, Signaled: true})
	missing := unnamed(t, spec{Kind: AutoEvent})
	for range 20 {
		done := sleeps(t, crowded, b, there)
		change(a.native, crowded, func(v uint32) uint32 { return v | eventSignaled })
		ctx, cancel := context.WithCancel(context.Background())
		other := make(chan error, 1)
		go func() {
			_, err := waitFor(ctx, []*handle{a, missing}, true)
			other <- err
		}()
		through(t, done)
		cancel()
		if err := <-other; !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
}

// TestUnlockOfAnOverwrittenWord: somebody wrote over the word of a mutex that is owned.
func TestUnlockOfAnOverwrittenWord(t *testing.T) {
	a, _ := pair(t, spec{Kind: Mutex})
	if _, err := a.Lock(context.Background()); err != nil {
		t.Fatal(err)
	}
	change(a.native, 0, func(uint32) uint32 { return 0 })
	if err := a.Unlock(); fault.CodeOf(err) != fault.FileCorrupt {
		t.Errorf("Unlock of a mutex that somebody else made free: %v", err)
	}
	if _, err := a.Lock(context.Background()); err != nil {
		t.Errorf("Lock after that: %v", err)
	}
	if err := a.Unlock(); err != nil {
		t.Errorf("Unlock after that: %v", err)
	}
}

// TestNoPlace: when the table is full, a wait sleeps on the word.
func TestNoPlace(t *testing.T) {
	a, b := pair(t, spec{Kind: AutoEvent})
	a.native.state.queued.Store(berthCount)
	for i := range a.native.state.berths {
		a.native.state.berths[i].Store(uint64(a.native.id<<berthBits | berthThrough))
	}
	for range 100 {
		done := sleeps(t, sleepers, b)
		if err := a.Set(); err != nil {
			t.Fatal(err)
		}
		through(t, done)
	}
}

// TestSeatsAreNotTakenForOthers: an id that the word names as the owner's is nobody else's to have.
func TestSeatsAreNotTakenForOthers(t *testing.T) {
	a, b := pair(t, spec{Kind: Mutex})
	if a.native.id == b.native.id {
		t.Fatal("two handles have one seat")
	}
	dead := a.native.id ^ 1<<20
	a.native.state.word.Store(uint64(dead) << 32)
	if got, err := b.seats.Lock(dead); !got || err != nil {
		t.Fatal(got, err)
	}
	if acquired, _, _ := a.Try(); acquired {
		t.Error("a mutex whose owner lives was taken")
	}
	b.seats.Unlock(dead)
	if acquired, abandoned, err := a.Try(); !acquired || !abandoned || err != nil {
		t.Errorf("a mutex whose owner is dead: acquired %v, abandoned %v, %v", acquired, abandoned, err)
	}
}

// TestNewcomersBesideADeadRecord: two newcomers find the same record of somebody dead. One gets it, and keeps it; or
// else the waits of a living handle would not be counted, and whoever sleeps without futexes could not be let through
// by name.
func TestNewcomersBesideADeadRecord(t *testing.T) {
	a, b := pair(t, spec{Kind: AutoEvent})
	const index, dead = 0, 7 << seatBits
	r := &a.native.state.seats[index]
	r.id.Store(dead)
	var found []uint32
	for _, n := range []*Object{a.native, b.native} {
		at, before := seatMask, uint32(0)
		for at != index {
			at, before = n.freeRecord()
		}
		found = append(found, before)
	}
	const first, second = 8<<seatBits | index, 9<<seatBits | index
	if !a.native.sit(index, found[0], first) {
		t.Fatal("the first newcomer did not get the record")
	}
	if b.native.sit(index, found[1], second) {
		t.Error("the second newcomer wrote over the record of the first")
	}
	if got := r.id.Load(); got != first {
		t.Errorf("the record is that of %#x, want %#x", got, first)
	}
}

// TestEachNewcomerHasARecord: of two newcomers that enlarge the table at once, the one that is late does not do without
// a record.
func TestEachNewcomerHasARecord(t *testing.T) {
	a, c := create(t, spec{Kind: AutoEvent})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				if another(t, a, c).native.record() == nil {
					t.Error("a handle has no record, and the table is not full")
				}
			}
		})
	}
	wg.Wait()
}

// TestGarbage fills the whole state with garbage, again and again, while every call is made. Each call ends, with
// whatever result.
func TestGarbage(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	var kindsAtOnce sync.WaitGroup
	for _, kind := range []Kind{AutoEvent, ManualEvent, Mutex, Semaphore} {
		a, b := pair(t, spec{Kind: kind, Maximum: 5})
		random := rand.New(rand.NewPCG(seed, uint64(kind)))
		kindsAtOnce.Go(func() {
			for range 100 {
				spoil(a.native, random, seed%3 == 0)
				callAll(a, b)
			}
			b.Close()
			a.Close()
		})
	}
	kindsAtOnce.Wait()
}

// spoil fills a state with garbage, with the same everywhere or not.
func spoil(o *Object, random *rand.Rand, same bool) {
	words := unsafe.Slice((*atomic.Uint32)(unsafe.Pointer(o.state)), Size/4)
	fill := random.Uint32()
	for i := range words {
		if !same {
			fill = random.Uint32()
		}
		words[i].Store(fill)
	}
}

// callAll makes every call.
func callAll(a, b *handle) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	b.Set()
	b.Reset()
	b.Pulse()
	b.Release(1)
	b.Lock(ctx)
	b.Unlock()
	b.Wait(ctx)
	waitFor(ctx, []*handle{a, b}, false)
	b.Try()
	a.native.Describe()
}

// TestCancelAtAnyMoment cancels waits at every moment of theirs: each ends.
func TestCancelAtAnyMoment(t *testing.T) {
	a, b := pair(t, spec{Kind: AutoEvent})
	previous := SetSpin(0)
	defer SetSpin(previous)
	for round := range 150000 {
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() {
			_, err := waitFor(ctx, []*handle{a, b}[:1+round%2], false)
			done <- err
		}()
		for range rand.IntN(300) {
			ctx.Err()
		}
		cancel()
		select {
		case err := <-done:
			if !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("a cancelled wait does not end")
		}
	}
}

// inKernel reports whether a thread of this process sleeps on a number, where the system can tell: a wait that only
// says that it sleeps may still be on its way.
func inKernel(n *Object, addr *uint32) bool {
	const waitv = "449" // whose first argument is a list
	tasks, _ := filepath.Glob("/proc/self/task/*/syscall")
	on := make([]sleeper, 1, 2)
	if n.silent || n.fragile {
		on = on[:2] // an alarm too
	}
	if len(tasks) == 0 || napping(on) {
		return true
	}
	for _, task := range tasks {
		// the call's number, and its arguments
		call, err := os.ReadFile(task)
		if f := strings.Fields(string(call)); err == nil && len(f) > 1 && (f[0] == waitv || f[1] == fmt.Sprintf("%#x",
			uintptr(unsafe.Pointer(addr)))) {
			return true
		}
	}
	return false
}

// inPlaces returns when a number of a handle's waits are asleep in places.
func inPlaces(t *testing.T, n *Object, want int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		waiting := 0
		for i := range n.state.queued.Load() {
			if b := &n.state.berths[i]; b.look().seat() == n.id && b.look().isWaiting() && inKernel(n, b.low()) {
				waiting++
			}
		}
		if waiting == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d wait in places, want %d", waiting, want)
		}
	}
}

// TestSetIsForThoseWhoWait: no later wait for an auto-reset event overtakes one that sleeps, a Reset takes nothing back
// from the sleeper, and two Sets let two through.
func TestSetIsForThoseWhoWait(t *testing.T) {
	a, b := pair(t, spec{Kind: AutoEvent})
	for range 200 {
		done := sleeps(t, sleepers, b)
		inPlaces(t, b.native, 1)
		if err := errors.Join(a.Set(), a.Reset()); err != nil {
			t.Fatal(err)
		}
		if acquired, _, err := a.Try(); acquired || err != nil {
			t.Fatalf("a newcomer overtook the sleeper: %v", err)
		}
		through(t, done)
	}
	first, second := sleeps(t, sleepers, b), sleeps(t, sleepers, b)
	inPlaces(t, b.native, 2)
	if err := errors.Join(a.Set(), a.Set()); err != nil {
		t.Fatal(err)
	}
	through(t, first)
	through(t, second)
}
