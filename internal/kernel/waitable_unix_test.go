//go:build unix && !aix

package kernel

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"
)

// These tests do by hand what a process does that dies between two instructions, which no kill from outside can hit for
// sure: they change the word, and leave out what belongs to it.

func TestEventValues(t *testing.T) {
	const turn, set = eventOneTurn, eventSignaled
	for _, c := range []struct {
		name         string
		value, start uint32
		manual       bool
		through      bool
		taken        uint32
	}{
		{"auto, not set", 0, 0, false, false, 0},
		{"auto, set", set, 0, false, true, 0},
		{"auto, a turn since, which an auto-reset event does not count", turn, 0, false, false, 0},
		{"manual, not set", 0, 0, true, false, 0},
		{"manual, set", set, 0, true, true, set},
		{"manual, reset, but a turn since", 2 * turn, turn, true, true, 2 * turn},
		{"manual, reset, with a turn from before", turn, turn, true, false, 0},
		{"manual, the count of turns ran over", 0, eventTurns, true, true, 0},
	} {
		if got := eventLetsThrough(c.value, c.start, c.manual); got != c.through {
			t.Errorf("%s: lets through: %v", c.name, got)
		}
		if got := eventTaken(c.value, c.manual); c.through && got != c.taken {
			t.Errorf("%s: taken: %#x, want %#x", c.name, got, c.taken)
		}
	}
	if got := eventTurn(eventTurns | set); got != set {
		t.Errorf("a turn after the last: %#x", got)
	}
}

// pair is two handles of one new object.
func pair(t *testing.T, spec WaitableSpec) (a, b *Waitable) {
	t.Helper()
	name := "Local\\" + strings.ReplaceAll(t.Name(), "/", ".") + strconv.Itoa(os.Getpid())
	a, _, err := CreateWaitable(context.Background(), name, spec, MustBeNew)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	b, err = OpenWaitable(context.Background(), name, spec.Kind, allRights)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return a, b
}

// sleeps starts a wait and returns when it sleeps, as far as can be told: it is counted, and the flag is set.
func sleeps(t *testing.T, flag word, objects ...*Waitable) (done chan error) {
	t.Helper()
	done = make(chan error, 1)
	go func() {
		_, err := Wait(context.Background(), objects, flag == crowded)
		done <- err
	}()
	deadline := time.Now().Add(20 * time.Second)
	for _, w := range objects {
		for n := w.native; n.state.load()&flag == 0 || n.asleep.Load()+n.inCrowd.Load() == 0; {
			if time.Now().After(deadline) {
				t.Fatal("the wait does not sleep")
			}
			time.Sleep(time.Millisecond)
		}
	}
	return done
}

// change gives a word another value, and wakes nobody.
func change(n *nativeWaitable, clear word, value func(uint32) uint32) {
	for {
		w := n.state.load()
		if n.state.swap(w, w.with(value(w.value()))&^clear) {
			return
		}
	}
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

// TestPatrolMakesGood: a process is killed between a change and its wake-up.
func TestPatrolMakesGood(t *testing.T) {
	for name, c := range map[string]struct {
		spec  WaitableSpec
		flag  word
		clear word
		value func(uint32) uint32
	}{
		"set, auto":       {WaitableSpec{Kind: KindEvent}, sleepers, 0, func(v uint32) uint32 { return v | eventSignaled }},
		"set, manual":     {WaitableSpec{Kind: KindEvent, Manual: true}, sleepers, 0, func(v uint32) uint32 { return eventTurn(v | eventSignaled) }},
		"pulsed, manual":  {WaitableSpec{Kind: KindEvent, Manual: true}, sleepers, 0, eventTurn},
		"released":        {WaitableSpec{Kind: KindSemaphore, Maximum: 2}, sleepers, 0, func(v uint32) uint32 { return v + 1 }},
		"unlocked":        {WaitableSpec{Kind: KindMutex, Owned: true}, sleepers, 0, func(uint32) uint32 { return 0 }},
		"flag lost":       {WaitableSpec{Kind: KindSemaphore, Maximum: 2}, sleepers, sleepers, func(v uint32) uint32 { return v + 1 }},
		"reserved for no": {WaitableSpec{Kind: KindEvent}, sleepers, 0, func(v uint32) uint32 { return v | eventSignaled | reserved }},
		"crowd not woken": {WaitableSpec{Kind: KindEvent}, crowded, crowded, func(v uint32) uint32 { return v | eventSignaled }},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := pair(t, c.spec)
			objects := []*Waitable{b}
			if c.flag == crowded {
				other, _, err := CreateWaitable(context.Background(), "", WaitableSpec{Kind: KindEvent, Manual: true, Signaled: true}, MustBeNew)
				if err != nil {
					t.Fatal(err)
				}
				defer other.Close()
				objects = append(objects, other)
			}
			done := sleeps(t, c.flag, objects...)
			change(a.native, c.clear, c.value)
			through(t, done)
		})
	}
}

// TestReservationOfTheDead: a process is killed or stopped while it has an object reserved. Nobody waits long for it, in
// whatever call, and a reservation is no taking.
func TestReservationOfTheDead(t *testing.T) {
	reserve := func(n *nativeWaitable) { change(n, 0, func(v uint32) uint32 { return v | reserved }) }
	for name, c := range map[string]struct {
		spec WaitableSpec
		use  func(w *Waitable) error
		want uint32 // the value after the use; reserved must be gone
	}{
		"try":         {WaitableSpec{Kind: KindEvent, Signaled: true}, tryOnce, 0},
		"set":         {WaitableSpec{Kind: KindEvent, Signaled: true}, (*Waitable).Set, eventSignaled},
		"reset":       {WaitableSpec{Kind: KindEvent, Signaled: true}, (*Waitable).Reset, 0},
		"pulse":       {WaitableSpec{Kind: KindEvent, Signaled: true}, (*Waitable).Pulse, 0},
		"pulse, all":  {WaitableSpec{Kind: KindEvent, Signaled: true, Manual: true}, (*Waitable).Pulse, eventOneTurn},
		"release":     {WaitableSpec{Kind: KindSemaphore, Initial: 1, Maximum: 2}, func(w *Waitable) error { _, err := w.Release(1); return err }, 2},
		"acquire":     {WaitableSpec{Kind: KindSemaphore, Initial: 2, Maximum: 2}, tryOnce, 1},
		"lock, empty": {WaitableSpec{Kind: KindSemaphore, Initial: 1, Maximum: 2}, tryOnce, 0},
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
		a, b := pair(t, WaitableSpec{Kind: KindMutex})
		reserve(a.native)
		if _, err := b.Lock(context.Background()); err != nil || b.native.state.load().value() != b.native.id {
			t.Errorf("Lock of a reserved mutex: %v, %#x", err, b.native.state.load())
		}
	})
	t.Run("all", func(t *testing.T) {
		a, b := pair(t, WaitableSpec{Kind: KindEvent, Signaled: true})
		other, _, err := CreateWaitable(context.Background(), "", WaitableSpec{Kind: KindSemaphore, Initial: 1, Maximum: 1}, MustBeNew)
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		reserve(a.native)
		reserve(other.native)
		if _, err := Wait(context.Background(), []*Waitable{b, other}, true); err != nil {
			t.Fatal(err)
		}
	})
}

func tryOnce(w *Waitable) error {
	acquired, _, err := w.Try()
	if err == nil && !acquired {
		return fail(Timeout, "it was not let through")
	}
	return err
}

// TestReservationTakenAway: what a wait for all had taken already is given back when it finds a reservation gone.
func TestReservationTakenAway(t *testing.T) {
	event, _ := pair(t, WaitableSpec{Kind: KindEvent, Signaled: true})
	mutex, _, err := CreateWaitable(context.Background(), "", WaitableSpec{Kind: KindMutex}, MustBeNew)
	if err != nil {
		t.Fatal(err)
	}
	defer mutex.Close()
	semaphore, _, err := CreateWaitable(context.Background(), "", WaitableSpec{Kind: KindSemaphore, Initial: 1, Maximum: 1}, MustBeNew)
	if err != nil {
		t.Fatal(err)
	}
	defer semaphore.Close()
	mutex.native.state.word.Store(uint64(mutexAbandoned) << 32)
	w := waiting{objects: []*nativeWaitable{event.native, mutex.native, semaphore.native}}
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
	if err := mutex.Unlock(); codeOf(err) != NotOwner {
		t.Errorf("Unlock of the mutex given back: %v", err)
	}
}

// TestSetBesideATaking: a wait for all has taken one of its objects, which others see, and is about to take an auto-reset
// event. A Set then is one after the wait: it must not be used up by it.
func TestSetBesideATaking(t *testing.T) {
	a, b := pair(t, WaitableSpec{Kind: KindEvent, Signaled: true})
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
// before the others are taken, and counts only if it was set all the time: or else there may have been no moment at which
// all were.
func TestReaderConfirms(t *testing.T) {
	for name, c := range map[string]struct {
		meanwhile []func(*Waitable) error
		want      bool
	}{
		"nothing":       {nil, true},
		"reset":         {[]func(*Waitable) error{(*Waitable).Reset}, false},
		"reset and set": {[]func(*Waitable) error{(*Waitable).Reset, (*Waitable).Set}, false},
		"pulsed":        {[]func(*Waitable) error{(*Waitable).Pulse}, false},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := pair(t, WaitableSpec{Kind: KindEvent, Manual: true})
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

// TestCrossedReservations: a look that meets one reservation after the other gives up in the end. It has not seen that the
// object is not to be had, so nobody goes to sleep on it: what is to be had already wakes nobody.
func TestCrossedReservations(t *testing.T) {
	a, b := pair(t, WaitableSpec{Kind: KindSemaphore, Initial: 1, Maximum: 1})
	other := unnamed(t, WaitableSpec{Kind: KindEvent, Manual: true, Signaled: true})
	reserve := func(v uint32) uint32 { return v | reserved }
	change(a.native, 0, reserve)
	done := make(chan error, 1)
	go func() {
		_, err := Wait(context.Background(), []*Waitable{b, other}, true)
		done <- err
	}()
	slept := 0
	for round, counted := 0, 0; counted < 20_000 && slept == 0 && len(done) == 0; round++ {
		change(a.native, 0, reserve) // by somebody else each time
		if b.native.inCrowd.Load() > 0 {
			counted++
		}
		if round%16 == 0 {
			slept = wake(address(&a.native.state.crowd), 1, false)
			runtime.Gosched()
		}
	}
	if slept > 0 {
		t.Error("a wait for all sleeps, and all is to be had")
	}
	change(a.native, 0, func(v uint32) uint32 { return v &^ reserved })
	through(t, done)
}

// TestPlaceOfTheDead: the sleeper of a place dies, or the setter who let him through dies before he wakes him.
func TestPlaceOfTheDead(t *testing.T) {
	a, b := pair(t, WaitableSpec{Kind: KindEvent})
	dead := a.native.id ^ 1<<20
	a.native.state.queued.Store(3)
	a.native.state.places[1].Store(uint64(dead<<placeBits | placeWaiting))
	done := sleeps(t, sleepers, b)
	if err := a.Set(); err != nil {
		t.Fatal(err)
	}
	through(t, done)
	if acquired, _, err := b.Try(); acquired || err != nil {
		t.Errorf("one Set let two waits through: %v", err)
	}
	a.native.state.places[1].Store(uint64(dead<<placeBits | placeWaiting))
	a.native.state.word.Store(sleepers)
	if err := a.Set(); err != nil {
		t.Fatal(err)
	}
	if acquired, _, err := b.Try(); !acquired || err != nil {
		t.Errorf("a dead waiter swallowed a Set: %v", err)
	}

	done = sleeps(t, sleepers, b)
	place := &a.native.state.places[b.native.lastPlace.Load()]
	if v := place.look(); v.seat() != b.native.id || !place.swap(v.in(placeWaiting), v.in(placeThrough)) {
		t.Fatalf("the sleeper's place is %#x", place.Load())
	}
	through(t, done)
}

// TestSetBesideTheDying: of those that wait one is not asleep, and his seat is taken. He may be about to sleep, or dying,
// with his memory given back first and his seat after it. A Set is not lost on him.
func TestSetBesideTheDying(t *testing.T) {
	a, b := pair(t, WaitableSpec{Kind: KindEvent})
	dying := a.native.id ^ 1<<20
	if got, err := a.native.place.locks.lockSeat(b.native.seats, dying); !got || err != nil {
		t.Fatal(got, err)
	}
	a.native.state.queued.Store(40)
	place := &a.native.state.places[35]
	place.Store(uint64(dying<<placeBits | placeWaiting))
	a.native.state.word.Store(sleepers)
	if err := a.Set(); err != nil {
		t.Fatal(err)
	}
	if v := place.look(); v.seat() != dying || v.state() != placeNudged {
		t.Errorf("who may be about to sleep is not to look once more: %#x", v)
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

// TestPlacesOfTheDeadAreCleared, even if there are as many as the table has: otherwise each Set would go through them all.
func TestPlacesOfTheDeadAreCleared(t *testing.T) {
	a, b := pair(t, WaitableSpec{Kind: KindEvent})
	dead := a.native.id ^ 1<<20
	done := sleeps(t, sleepers, b)
	inPlaces(t, b.native, 1)
	for i := range a.native.state.places {
		a.native.state.places[i].CompareAndSwap(0, uint64(dead<<placeBits|placeWaiting))
	}
	a.native.state.queued.Store(placeCount)
	taken := func() (count int) {
		for i := range a.native.state.places {
			if a.native.state.places[i].look().seat() != 0 {
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

// TestCrowdForgotten: who changed the word of an object died before he could wake those who wait for all of several, and
// another wait for all came before anybody looked.
func TestCrowdForgotten(t *testing.T) {
	a, b := pair(t, WaitableSpec{Kind: KindEvent})
	there := unnamed(t, WaitableSpec{Kind: KindEvent, Manual: true, Signaled: true})
	missing := unnamed(t, WaitableSpec{Kind: KindEvent})
	for range 20 {
		done := sleeps(t, crowded, b, there)
		change(a.native, crowded, func(v uint32) uint32 { return v | eventSignaled })
		ctx, cancel := context.WithCancel(context.Background())
		other := make(chan error, 1)
		go func() {
			_, err := Wait(ctx, []*Waitable{a, missing}, true)
			other <- err
		}()
		through(t, done)
		cancel()
		if err := <-other; !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
}

// unnamed is a handle of a new object without a name.
func unnamed(t *testing.T, spec WaitableSpec) *Waitable {
	t.Helper()
	w, _, err := CreateWaitable(context.Background(), "", spec, MustBeNew)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

// TestUnlockOfAnOverwrittenWord: somebody wrote over the word of a mutex that is owned.
func TestUnlockOfAnOverwrittenWord(t *testing.T) {
	a, _ := pair(t, WaitableSpec{Kind: KindMutex})
	if _, err := a.Lock(context.Background()); err != nil {
		t.Fatal(err)
	}
	change(a.native, 0, func(uint32) uint32 { return 0 })
	if err := a.Unlock(); codeOf(err) != FileCorrupt {
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
	a, b := pair(t, WaitableSpec{Kind: KindEvent})
	a.native.state.queued.Store(placeCount)
	for i := range a.native.state.places {
		a.native.state.places[i].Store(uint64(a.native.id<<placeBits | placeThrough))
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
	a, b := pair(t, WaitableSpec{Kind: KindMutex})
	if a.native.id == b.native.id {
		t.Fatal("two handles have one seat")
	}
	dead := a.native.id ^ 1<<20
	a.native.state.word.Store(uint64(dead) << 32)
	if got, err := a.native.place.locks.lockSeat(b.native.seats, dead); !got || err != nil {
		t.Fatal(got, err)
	}
	if acquired, _, _ := a.Try(); acquired {
		t.Error("a mutex whose owner lives was taken")
	}
	a.native.place.locks.unlockSeat(b.native.seats, dead)
	if acquired, abandoned, err := a.Try(); !acquired || !abandoned || err != nil {
		t.Errorf("a mutex whose owner is dead: acquired %v, abandoned %v, %v", acquired, abandoned, err)
	}
}

// TestGarbage fills the whole state with garbage, again and again, while every call is made. Each call ends, with whatever
// result.
func TestGarbage(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	for _, kind := range []Kind{KindEvent, KindMutex, KindSemaphore} {
		a, b := pair(t, WaitableSpec{Kind: kind, Maximum: 5, Manual: kind == KindEvent && seed&1 != 0})
		bytes := unsafe.Slice((*byte)(unsafe.Pointer(a.native.state)), stateSize)
		for range 100 {
			fill := byte(random.Uint32())
			for i := range bytes {
				switch seed % 3 {
				case 0:
					bytes[i] = fill
				default:
					bytes[i] = byte(random.Uint32())
				}
			}
			ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
			b.Set()
			b.Reset()
			b.Pulse()
			b.Release(1)
			b.Lock(ctx)
			b.Unlock()
			b.Wait(ctx)
			Wait(ctx, []*Waitable{a, b}, false)
			b.Try()
			if _, err := Stat(a.Name()); err != nil {
				t.Fatalf("Stat: %v", err)
			}
			cancel()
		}
		b.Close()
		a.Close()
	}
}

// TestCancelAtAnyMoment cancels waits at every moment of theirs: each ends.
func TestCancelAtAnyMoment(t *testing.T) {
	a, b := pair(t, WaitableSpec{Kind: KindEvent})
	previous := SetWaitSpin(0)
	defer SetWaitSpin(previous)
	for round := range 150000 {
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() {
			_, err := Wait(ctx, []*Waitable{a, b}[:1+round%2], false)
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

// inKernel reports whether a thread of this process sleeps on a number, where the system tells: who has only said that he
// sleeps may still be on his way.
func inKernel(n *nativeWaitable, addr *uint32) bool {
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
		if f := strings.Fields(string(call)); err == nil && len(f) > 1 && (f[0] == waitv || f[1] == fmt.Sprintf("%#x", uintptr(unsafe.Pointer(addr)))) {
			return true
		}
	}
	return false
}

// inPlaces returns when a number of a handle's waits are asleep in places.
func inPlaces(t *testing.T, n *nativeWaitable, want int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		waiting := 0
		for i := range n.state.queued.Load() {
			if b := &n.state.places[i]; b.look().seat() == n.id && b.look().isWaiting() && inKernel(n, b.low()) {
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

// TestSetIsForThoseWhoWait: of an auto-reset event nobody who comes later is quicker than one who sleeps, a Reset takes
// nothing back from him, and two Sets let two through.
func TestSetIsForThoseWhoWait(t *testing.T) {
	a, b := pair(t, WaitableSpec{Kind: KindEvent})
	for range 200 {
		done := sleeps(t, sleepers, b)
		inPlaces(t, b.native, 1)
		if err := errors.Join(a.Set(), a.Reset()); err != nil {
			t.Fatal(err)
		}
		if acquired, _, err := a.Try(); acquired || err != nil {
			t.Fatalf("a newcomer was quicker than the one who waited: %v", err)
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
