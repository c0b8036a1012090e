package gotable

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/namedshm/namedshm"
)

// waitableGivens are what the rows about events, mutexes, semaphores and waits begin with, before what all rows may
// begin with.
var waitableGivens = []given{
	when(`(\w+) "N" open`, func(w *world, m []string) error {
		if m[1] == "section" {
			return w.begin(4096, namedshm.PageReadWrite)
		}
		if s, ok := plain[m[1]]; ok {
			return w.make(w.Name(), s)
		}
		o, existed, err := foreign(m[1], "create", w.Name())
		if err == nil && existed {
			err = errors.New("the test's own name is taken")
		}
		if err == nil {
			w.keep(o)
		}
		return err
	}),
	when(`"([EMS])" exists(?: unowned)?`, func(w *world, m []string) error { return w.make(w.Name(), plain[m[1]]) }),

	when(`auto-reset, SetEvent twice`, both(makes(anEvent), signaled, signaled)),
	when(`manual-reset, set`, both(makes(manualEvent), signaled)),
	when(`no waiter`, makes(shape{kind: "event", reset: namedshm.ManualReset, signaled: true})),
	when(`manual-reset, (\d) waiters`, both(makes(manualEvent), waiters)),
	when(`auto-reset, (\d) waiters`, both(makes(anEvent), waiters)),
	when(`manual\+signaled "E" exists`, makes(shape{kind: "event", reset: namedshm.ManualReset, signaled: true})),
	when(`handle with SYNCHRONIZE only`, only(anEvent, namedshm.Synchronize)),
	when(`handle with EVENT_MODIFY_STATE only`, only(anEvent, namedshm.ModifyState)),
	when(`unsignaled event`, makes(anEvent)),
	when(`closed handle`, both(makes(anEvent), func(w *world, _ []string) error { return w.object.Close() })),

	when(`owned by this thread`, both(makes(aMutex), locked)),
	when(`last acquisition`, both(makes(aMutex), locked, locked, unlocked)),
	when(`one of two releases done`, both(makes(aMutex), locked, locked, unlocked)),
	when(`not owned`, makes(aMutex)),
	when(`owner thread ended without release`, both(makes(aMutex), abandoned)),
	when(`released twice`, both(makes(aMutex), abandoned, lockedAbandoned, locked, unlocked, unlocked)),
	when(`child process owns it`, both(makes(aMutex), childHas("mutex"))),
	when(`child process exited owning it`, both(makes(aMutex), childHas("mutex"), func(w *world, _ []string) error {
		return w.child.leave()
	})),
	when(`child TerminateProcess-ed`, both(makes(aMutex), childHas("mutex"), killed)),
	when(`SYNCHRONIZE-only handle, owner`, both(only(aMutex, namedshm.Synchronize), locked)),
	when(`owner closes one handle, others remain`, both(makes(aMutex), locked, func(w *world, _ []string) error {
		second, err := w.another(w.object)
		if err != nil {
			return err
		}
		return second.Close()
	})),

	when(`any`, makes(aSemaphore)),
	when(`count (\d)`, func(w *world, m []string) error {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			return err
		}
		return w.make(w.Name(), shape{kind: "semaphore", initial: n, maximum: 2})
	}),
	when(`"S"\(1,2\) exists`, both(makes(aSemaphore), drained)), // the story that the rows tell has taken its one: SEM-009
	when(`as SEM-005`, both(makes(aSemaphore), drained, tooMany)),
	when(`SYNCHRONIZE-only handle`, only(aSemaphore, namedshm.Synchronize)),
	when(`SEMAPHORE_MODIFY_STATE-only handle`, only(aSemaphore, namedshm.ModifyState)),
	when(`all handles closed`, both(makes(aSemaphore), func(w *world, _ []string) error {
		second, err := w.another(w.object)
		if err != nil {
			return err
		}
		return errors.Join(w.object.Close(), second.Close())
	})),
	when(`that child killed`, both(makes(aSemaphore), childHas("semaphore"), killed)),

	when(`event unset, mutex abandoned at index 1`, both(several(anEvent, aMutex), abandoned)),
	when(`event set, mutex abandoned`, both(several(setEvent, aMutex), abandoned)),
	when(`event unset, mutex free`, several(anEvent, aMutex)),
	when(`owned mutex, unset event`, both(several(aMutex, anEvent), func(w *world, m []string) error {
		w.object = w.lists[0][0]
		return locked(w, m)
	})),
	when(`64 signaled events, first manual-reset`, events64),
	when(`first reset`, both(events64, func(w *world, _ []string) error {
		return w.lists[0][0].(*namedshm.Event).Reset()
	})),
	when(`(\d+) handles`, func(w *world, m []string) error {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			return err
		}
		shapes := make([]shape, n)
		for i := range shapes {
			shapes[i] = setEvent
		}
		return several(shapes...)(w, m)
	}),
	when(`same object twice \(even by different handles\)`, func(w *world, m []string) error {
		if err := makes(shape{kind: "event", reset: namedshm.ManualReset, signaled: true})(w, m); err != nil {
			return err
		}
		second, err := w.another(w.object)
		w.lists = [][]namedshm.Waitable{{w.object, w.object}, {w.object, second}}
		return err
	}),
	when(`one bad handle`, both(several(setEvent, aMutex), func(w *world, _ []string) error {
		return w.lists[0][1].Close()
	})),
}

var (
	manualEvent = shape{kind: "event", reset: namedshm.ManualReset}
	setEvent    = shape{kind: "event", signaled: true}
)

// makes begins with an object of the test's own name.
func makes(s shape) func(*world, []string) error {
	return func(w *world, _ []string) error { return w.make(w.Name(), s) }
}

// only begins with a handle that has not all rights.
func only(s shape, rights namedshm.Rights) func(*world, []string) error {
	return func(w *world, m []string) (err error) {
		if err = makes(s)(w, m); err == nil {
			w.object, err = w.reach(s.kind, w.Name(), rights)
		}
		return err
	}
}

// several begins with objects to wait for together. The one that the row is about is the last.
func several(shapes ...shape) func(*world, []string) error {
	return func(w *world, _ []string) error {
		list := make([]namedshm.Waitable, len(shapes))
		for i, s := range shapes {
			if err := w.make(fmt.Sprintf("%s.%d", w.Name(), i), s); err != nil {
				return err
			}
			list[i] = w.object
		}
		w.lists = [][]namedshm.Waitable{list}
		return nil
	}
}

func events64(w *world, m []string) error {
	shapes := make([]shape, namedshm.MaximumWaitObjects)
	for i := range shapes {
		shapes[i] = setEvent
	}
	shapes[0].reset = namedshm.ManualReset
	return several(shapes...)(w, m)
}

func waiters(w *world, m []string) (err error) {
	w.waiters, err = strconv.Atoi(m[1])
	return err
}

func signaled(w *world, _ []string) error { return w.object.(*namedshm.Event).Set() }

// lock locks the mutex at once, and wants to be told that it was abandoned exactly if it was.
func (w *world) lock(m namedshm.Waitable, wantAbandoned bool) error {
	locked, abandoned, err := try(m)
	if err == nil && (!locked || abandoned != wantAbandoned) {
		err = fmt.Errorf("locked: %v, abandoned: %v, want %v", locked, abandoned, wantAbandoned)
	}
	return err
}

func locked(w *world, _ []string) error { return w.lock(w.object, false) }

func lockedAbandoned(w *world, _ []string) error { return w.lock(w.object, true) }

func unlocked(w *world, _ []string) error { return w.object.(*namedshm.Mutex).Unlock() }

// abandoned has an owner end without unlocking: what is a thread in the table is a handle here.
func abandoned(w *world, _ []string) error {
	owner, err := w.another(w.object)
	if err == nil {
		err = w.lock(owner, false)
	}
	if err == nil {
		err = owner.Close()
	}
	return err
}

// childHas has a child open the object and take it.
func childHas(kind string) func(*world, []string) error {
	return func(w *world, _ []string) error {
		if err := w.startChild(); err != nil {
			return err
		}
		return w.child.does(kind+" "+w.Name(), "take")
	}
}

func drained(w *world, _ []string) error {
	n, err := takeEverything(w.made.(*namedshm.Semaphore))
	if err == nil && n != aSemaphore.initial {
		err = fmt.Errorf("the count was %d, want %d", n, aSemaphore.initial)
	}
	return err
}

// tooMany is what the row SEM-005 does, which the table does not have: a release that would take the count above the
// maximum.
func tooMany(w *world, _ []string) error {
	_, err := w.made.(*namedshm.Semaphore).Release(aSemaphore.maximum + 1)
	if !errors.Is(err, namedshm.ErrTooManyPosts) {
		return fmt.Errorf("a release above the maximum gives %v", err)
	}
	return nil
}

// waitsForPulse is one waiter of a pulse. Its name is looked for where there is no better way to know that it waits.
func waitsForPulse(ctx context.Context, e *namedshm.Event, ended chan<- error) { ended <- e.Wait(ctx) }
