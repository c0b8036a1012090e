//go:build linux

package waiting

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/namedshm/namedshm"
)

// The judge is worth no more than what it catches. Here the same riots run on implementations that are broken on
// purpose, each in one way, in a layer over the library: real processes then see what a broken library would show them.

// object is what a riot uses: the library, or what a breakage makes of it.
type object struct {
	waitable namedshm.Waitable
	set      func() error
	reset    func() error
	unlock   func() error
	close    func() error
	release  func(n int) (previous int, err error)
	try      func() (acquired, abandoned bool, err error)
	wait     func(ctx context.Context) (abandoned bool, err error)
	any, all func(ctx context.Context, objects []object) (namedshm.Outcome, error)
}

// sound is the library itself.
func sound(w namedshm.Waitable) object {
	o := object{
		waitable: w,
		close:    w.Close,
		try:      func() (bool, bool, error) { return try(w) },
		wait:     func(ctx context.Context) (bool, error) { return waitFor(ctx, w) },
		any: func(ctx context.Context, objects []object) (namedshm.Outcome, error) {
			return namedshm.WaitAny(ctx, waitables(objects)...)
		},
		all: func(ctx context.Context, objects []object) (namedshm.Outcome, error) {
			return namedshm.WaitAll(ctx, waitables(objects)...)
		},
	}
	switch w := w.(type) {
	case *namedshm.Event:
		o.set, o.reset = w.Set, w.Reset
	case *namedshm.Mutex:
		o.unlock = w.Unlock
	case *namedshm.Semaphore:
		o.release = w.Release
	}
	return o
}

func waitables(objects []object) []namedshm.Waitable {
	var all []namedshm.Waitable
	for _, o := range objects {
		all = append(all, o.waitable)
	}
	return all
}

// breakage is one way to be broken.
type breakage struct {
	name string
	kind riotKind // of the riot that shows it
	// apply breaks an object; seldom is true now and then.
	apply func(o *object, which int, seldom func() bool)
}

var breakages = []breakage{
	{"an auto-reset event lets two through", autoEvent, func(o *object, _ int, seldom func() bool) {
		o.taken(func() {
			if seldom() {
				o.waitable.(*namedshm.Event).Set()
			}
		})
	}},
	{"a Set is lost", autoEvent, loseSets},
	{"a manual-reset event loses a Set", manualEvent, loseSets},
	{"a manual-reset event stays set", manualEvent, func(o *object, _ int, seldom func() bool) {
		reset := o.reset
		o.reset = func() error {
			if seldom() {
				return nil
			}
			return reset()
		}
	}},
	{"a manual-reset event is reset by a wait", manualEvent, func(o *object, _ int, seldom func() bool) {
		o.taken(func() {
			if seldom() {
				o.waitable.(*namedshm.Event).Reset()
			}
		})
	}},
	{"a mutex has two owners", aMutex, generous},
	{"a stranger unlocks", aMutex, func(o *object, _ int, _ func() bool) {
		unlock := o.unlock
		o.unlock = func() error {
			err := unlock()
			if errors.Is(err, namedshm.ErrNotOwner) {
				return nil
			}
			return err
		}
	}},
	{"an abandoned mutex is not told", aMutex, func(o *object, _ int, _ func() bool) {
		o.got(func(bool) bool { return false })
	}},
	{"an abandoned mutex is told twice", aMutex, func(o *object, _ int, _ func() bool) {
		o.got(func(abandoned bool) bool { return toldBefore.Swap(abandoned) || abandoned })
	}},
	{"a semaphore gives more than its count", aSemaphore, generous},
	{"a Release is lost", aSemaphore, func(o *object, _ int, seldom func() bool) {
		release := o.release
		o.release = func(n int) (int, error) {
			previous, err := release(n)
			if err == nil && seldom() {
				try(o.waitable)
			}
			return previous, err
		}
	}},
	{"a Release returns the new count", aSemaphore, func(o *object, _ int, seldom func() bool) {
		release := o.release
		o.release = func(n int) (int, error) {
			previous, err := release(n)
			if err == nil && seldom() {
				previous += n
			}
			return previous, err
		}
	}},
	{"a wait for all takes a part", mixed, func(o *object, _ int, _ func() bool) {
		all := o.all
		o.all = func(ctx context.Context, objects []object) (namedshm.Outcome, error) {
			outcome, err := all(ctx, objects)
			if err != nil {
				for _, one := range objects {
					try(one.waitable)
				}
			}
			return outcome, err
		}
	}},
	{"a wait for any takes two", mixed, func(o *object, _ int, _ func() bool) {
		any := o.any
		o.any = func(ctx context.Context, objects []object) (namedshm.Outcome, error) {
			outcome, err := any(ctx, objects)
			if err == nil && len(objects) > 1 {
				try(objects[(outcome.Index+1)%len(objects)].waitable)
			}
			return outcome, err
		}
	}},
}

// loseSets makes a Set do nothing.
func loseSets(o *object, _ int, seldom func() bool) {
	set := o.set
	o.set = func() error {
		if seldom() {
			return nil
		}
		return set()
	}
}

// generous lets through who should have to wait.
func generous(o *object, _ int, seldom func() bool) {
	try := o.try
	o.try = func() (bool, bool, error) {
		acquired, abandoned, err := try()
		return acquired || err == nil && seldom(), abandoned, err
	}
}

// toldBefore says that the last one of this process who got the mutex was told that it had been abandoned.
var toldBefore atomic.Bool

// taken has something done after each wait for the object alone that took it.
func (o *object) taken(then func()) {
	o.got(func(abandoned bool) bool {
		then()
		return abandoned
	})
}

// got passes each wait for the object alone that took it through a function.
func (o *object) got(through func(abandoned bool) bool) {
	try, wait := o.try, o.wait
	o.try = func() (acquired, abandoned bool, err error) {
		if acquired, abandoned, err = try(); acquired {
			abandoned = through(abandoned)
		}
		return acquired, abandoned, err
	}
	o.wait = func(ctx context.Context) (abandoned bool, err error) {
		if abandoned, err = wait(ctx); err == nil {
			abandoned = through(abandoned)
		}
		return abandoned, err
	}
}

// nothingBroken is a breakage that breaks nothing: its layer is there, and does what the library does.
const nothingBroken = "nothing"

// broken is the library with a breakage.
func broken(how string, which int, w namedshm.Waitable, random *rand.Rand) object {
	o := sound(w)
	switch how {
	case "":
		return o
	case nothingBroken:
		o.got(func(abandoned bool) bool { return abandoned })
		return o
	}
	for _, b := range breakages {
		if b.name == how {
			b.apply(&o, which, func() bool { return random.IntN(4) == 0 })
			return o
		}
	}
	panic("no such breakage: " + how)
}

// TestJudgeCatches: the judge finds that a broken implementation is broken, from what its users see; and a layer that
// breaks nothing is all right.
func TestJudgeCatches(t *testing.T) {
	const duration, limit = 250 * time.Millisecond, 10 * time.Second
	const tries = 4 // it may be, if seldom, that a breakage does not show
	for _, b := range breakages {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			in(t, judgeSettings(), func(t *testing.T, w *world) {
				random, seed := seeded(t)
				for try := 1; ; try++ {
					h := w.runRiot(t, b.kind, random, duration, b.name)
					began := time.Now()
					result, why := h.judge(limit)
					t.Logf("judged in %v: %s: %s\n%s", time.Since(began).Round(time.Millisecond), result, h.summary(), why)
					if result == porcupine.Illegal {
						return
					}
					if try == tries {
						t.Fatalf("seed %d: not found out: %s", seed, result)
					}
				}
			})
		})
	}
	for _, kind := range riotKinds {
		t.Run("nothing "+string(kind), func(t *testing.T) {
			t.Parallel()
			in(t, judgeSettings(), func(t *testing.T, w *world) {
				random, seed := seeded(t)
				for try := 1; ; try++ { // some histories take a busy machine too long to judge
					h := w.runRiot(t, kind, random, duration, nothingBroken)
					result, why := h.judge(limit)
					if result == porcupine.Ok {
						return
					}
					if result == porcupine.Illegal || try == tries {
						t.Fatalf("seed %d: %s: %s", seed, result, why)
					}
				}
			})
		})
	}
}

// judgeSettings is one setting: the judge is the same for all.
func judgeSettings() []setting {
	return narrowedOrFirst([]setting{{namedshm.Local, "", ""}, {namedshm.Local, "file", ""}})[:1]
}
