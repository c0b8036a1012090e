//go:build unix && !aix

package waiting

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/namedshm/namedshm/internal/fault"
)

// These tests do by hand what others do between two steps of a wait or of a change. The patrol would make good for a
// mistake a moment later, so they check the word, the berth and which waits still sleep, never how long it took.

// TestComingChangesTheWord: a Set has found nobody asleep, and is about to set the flag. A wait that goes to sleep now
// must be noticed, though the word already says that somebody sleeps: it is let through by name.
func TestComingChangesTheWord(t *testing.T) {
	a, b := pair(t, spec{Kind: AutoEvent})
	n := a.native
	n.state.word.Store(sleepers) // of a wait that has left
	w := n.state.load()
	if n.letOneThrough() {
		t.Fatal("somebody sleeps already")
	}
	done := sleeps(t, sleepers, b)
	inPlaces(t, b.native, 1)
	if n.state.swap(w, w.with(eventSignaled)) {
		t.Error("a Set that looked before the wait came does not notice it")
	}
	if err := a.Set(); err != nil {
		t.Fatal(err)
	}
	through(t, done)
}

// TestEachComerIsAnother: a Set lets a wait through that is not asleep, and is about to take that back. Meanwhile the
// wait has seen it, left, come again, and been let through once more: that is not the first Set's to take back.
func TestEachComerIsAnother(t *testing.T) {
	_, b := pair(t, spec{Kind: AutoEvent})
	n := b.native
	place, mine := n.findBerth()
	let := mine.in(berthThrough)
	if !place.swap(mine, let) {
		t.Fatal("the wait is not in its berth")
	}
	if n.leaveBerth(place, mine) {
		t.Fatal("the wait was not let through")
	}
	again, second := n.findBerth()
	if again != place {
		t.Fatal("the wait came to another berth")
	}
	if second == mine {
		t.Error("the second wait looks the same as the first")
	}
	if !again.swap(second, second.in(berthThrough)) {
		t.Fatal("the wait is not in its berth again")
	}
	if place.swap(let, mine.in(berthNudged)) {
		t.Error("the first Set has taken back what the second gave")
	}
}

// TestAPlaceKeepsItsTurn, whoever comes and goes, and however often: no value comes twice.
func TestAPlaceKeepsItsTurn(t *testing.T) {
	seen := map[berthWord]bool{}
	for v, i := berthWord(0), 0; i < 1000; i++ {
		v = v.taken(uint32(1 + i%3))
		for _, state := range []uint32{berthWaiting, berthThrough, berthNudged} {
			if seen[v.in(state)] {
				t.Fatalf("%#x stood there before", v.in(state))
			}
			seen[v.in(state)] = true
		}
		if v.seat() != uint32(1+i%3) || !v.isWaiting() {
			t.Fatalf("%#x is not the berth of %d", v, 1+i%3)
		}
		v = v.free()
	}
}

// TestWhatChangesNothingIsTakenFirst: of the objects of a wait for all those come first that are not changed by being
// taken, and the others stay in the order that is the same for everybody. So where but one object changes, it is taken
// or not in one step.
func TestWhatChangesNothingIsTakenFirst(t *testing.T) {
	object := func(kind Kind) *Object { return &Object{kind: kind, rules: &kinds[kind]} }
	manual, event, mutex, semaphore := object(ManualEvent), object(AutoEvent), object(Mutex), object(Semaphore)
	w := waiting{objects: []*Object{semaphore, manual, mutex, manual, event}}
	for _, c := range []struct{ order, want []int }{
		{[]int{0, 1, 2, 3, 4}, []int{1, 3, 0, 2, 4}},
		{[]int{4, 3, 2, 1, 0}, []int{3, 1, 4, 2, 0}},
		{[]int{0, 2, 4}, []int{0, 2, 4}},
		{[]int{2, 3}, []int{3, 2}},
		{[]int{3, 2}, []int{3, 2}},
	} {
		got := slices.Clone(c.order)
		w.takingOrder(got)
		if !slices.Equal(got, c.want) {
			t.Errorf("reserved in the order %v they are taken in %v, want %v", c.order, got, c.want)
		}
	}
}

// TestHalfATakingIsGivenBack: a wait for all has reserved three objects, and finds the first or the second taken away.
// It gives back what it had taken before that, and takes nothing of what comes after. This happens while the wait
// reserves the third, which it owns already, it seems, but has not counted yet.
func TestHalfATakingIsGivenBack(t *testing.T) {
	for lost, want := range [][]uint32{{0, 1}, {1, 0}} {
		objects := []*Object{
			unnamed(t, spec{Kind: Semaphore, Initial: 1, Maximum: 1}).native,
			unnamed(t, spec{Kind: Semaphore, Initial: 1, Maximum: 1}).native,
			unnamed(t, spec{Kind: Mutex}).native,
		}
		for i, n := range objects {
			n.token = [16]byte{byte(i + 1)} // in which order they are reserved
		}
		last := objects[2]
		last.state.word.Store(uint64(last.id) << 32)
		w := waiting{all: true, objects: objects}
		var taken sync.WaitGroup
		var ok, again bool
		var err error
		taken.Go(func() { _, ok, again, err = w.takeAllOnce() })
		until(t, "two are reserved", func() bool {
			return objects[0].state.load().value()&reserved != 0 && objects[1].state.load().value()&reserved != 0
		})
		change(objects[lost], 0, func(uint32) uint32 { return 0 })
		last.depth.Store(1)
		taken.Wait()
		if ok || !again || err != nil {
			t.Errorf("taken: %v, again: %v, %v", ok, again, err)
		}
		for i, want := range append(want, last.id) {
			if got := objects[i].state.load().value(); got != want {
				t.Errorf("object %d was taken away, and %d has the value %#x, want %#x", lost, i, got, want)
			}
		}
		if depth := last.depth.Load(); depth != 1 {
			t.Errorf("the mutex is locked %d times, before it was once", depth)
		}
	}
}

// TestAReservationIsRespected: a call that meets one gives it the time that a taking needs, and a good deal more.
func TestAReservationIsRespected(t *testing.T) {
	a, b := pair(t, spec{Kind: Semaphore, Initial: 1, Maximum: 2})
	as, ok, err := a.native.reserve()
	if !ok || err != nil {
		t.Fatalf("not reserved: %v", err)
	}
	began := time.Now()
	b.native.outlast(as)
	if passed := time.Since(began); passed < 5*time.Millisecond {
		t.Errorf("it was overridden after %v", passed)
	}
	if a.native.state.load().value() != 1 {
		t.Errorf("the value is %#x", a.native.state.load().value())
	}
}

// TestLocksThatEndAfterClose: two Locks run when the handle is closed, and get the mutex after that. It has to be given
// back as often as it was locked, through a handle that is closed; or nobody would ever have it again.
func TestLocksThatEndAfterClose(t *testing.T) {
	for name, locks := range map[string]int{"one": 1, "two": 2, "three": 3} {
		for _, short := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				a, b := pair(t, spec{Kind: Mutex})
				if !short {
					b.native.short = nil // as where only a system call tells which process has opened the handle
				}
				for range locks {
					if err := b.begin(); err != nil {
						t.Fatal(err)
					}
				}
				if err := b.Close(); err != nil {
					t.Fatal(err)
				}
				for range locks {
					if got, _, err := b.native.Try(); !got || err != nil {
						t.Fatal(got, err)
					}
					b.leave()
				}
				for i := range locks {
					if err := b.Unlock(); err != nil {
						t.Errorf("Unlock %d of %d: %v", i+1, locks, err)
					}
				}
				if err := b.Unlock(); fault.CodeOf(err) != fault.InvalidHandle {
					t.Errorf("one Unlock more: %v", err)
				}
				if got, abandoned, err := a.Try(); !got || abandoned || err != nil {
					t.Errorf("the mutex: got %v, abandoned %v, %v", got, abandoned, err)
				}
			})
		}
	}
}

// TestANewOwnerIsWatched, however it got the mutex: the patrol writes down since when.
func TestANewOwnerIsWatched(t *testing.T) {
	for name, own := range map[string]func(w *handle) error{
		"Lock":         func(w *handle) error { _, err := w.Lock(context.Background()); return err },
		"Lock, slowly": func(w *handle) error { _, err := w.lock(context.Background()); return err },
		"Try":          tryOnce,
		"Wait":         func(w *handle) error { _, err := w.Wait(context.Background()); return err },
		"all": func(w *handle) error {
			other := unnamed(t, spec{Kind: ManualEvent, Signaled: true})
			_, err := waitFor(context.Background(), []*handle{other, w}, true)
			return err
		},
	} {
		w := unnamed(t, spec{Kind: Mutex})
		if err := own(w); err != nil {
			t.Fatal(err)
		}
		if !w.native.watched.Load() {
			t.Errorf("%s: the patrol does not look after the new owner", name)
		}
	}
	if w := unnamed(t, spec{Kind: Mutex, Owned: true}); !w.native.watched.Load() {
		t.Error("created as its owner: the patrol does not look after it")
	}
}
