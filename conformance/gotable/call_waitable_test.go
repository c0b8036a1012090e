package gotable

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/spec"
	"github.com/namedshm/namedshm/inspect"
)

// waitPattern is a wait for one object, however long.
const waitPattern = `Wait(?:\((\d+)\))?( again| on new handle)?`

var rightsWords = map[string]namedshm.Rights{
	"": namedshm.AllRights, "SYNCHRONIZE": namedshm.Synchronize, "access 0": 0,
}

// waitableCalls are what the rows about events, mutexes, semaphores and waits do.
var waitableCalls = []call{
	does(`(create|open) section "N"`, func(w *world, m []string) (out outcome, err error) {
		if m[1] == "create" {
			out.section, out.existed, out.err = w.create(w.Name(), 4096, namedshm.PageReadWrite)
			return out, nil
		}
		out.opened = true
		out.section, out.err = w.open(w.Name(), namedshm.Read)
		return out, nil
	}),
	does(`(create|open) (timer|job) "N"`, func(w *world, m []string) (out outcome, err error) {
		o, existed, err := foreign(m[2], m[1], w.Name())
		if err == nil {
			w.keep(o)
		}
		var e *namedshm.Error
		if err != nil && !errors.As(err, &e) {
			return out, err
		}
		return outcome{absent: true, existed: existed, opened: m[1] == "open", err: err}, nil
	}),
	does(`create (\w+) "N"`, func(w *world, m []string) (outcome, error) { return w.callMake(w.Name(), plain[m[1]]) }),
	does(`open (\w+) "N"`, func(w *world, m []string) (out outcome, err error) {
		out.opened = true
		out.object, out.err = w.reach(m[1], w.Name(), namedshm.AllRights)
		return out, nil
	}),

	does(`CreateEvent\((auto|manual), (unsignaled|signaled), "E"\)`, func(w *world, m []string) (outcome, error) {
		s := shape{kind: "event", signaled: m[2] == "signaled"}
		if m[1] == "manual" {
			s.reset = namedshm.ManualReset
		}
		return w.callMake(w.Name(), s)
	}),
	does(`CreateMutex\(initial owner (TRUE|FALSE), "M"\)`, func(w *world, m []string) (outcome, error) {
		return w.callMake(w.Name(), shape{kind: "mutex", owned: m[1] == "TRUE"})
	}),
	does(`CreateSemaphore\((-?\d+),(-?\d+)(?:,"S")?\)`, func(w *world, m []string) (outcome, error) {
		initial, err := strconv.Atoi(m[1])
		maximum, err2 := strconv.Atoi(m[2])
		if err := errors.Join(err, err2); err != nil {
			return outcome{}, err
		}
		return w.callMake(w.Name(), shape{kind: "semaphore", initial: initial, maximum: maximum})
	}),
	does(`Open(Event|Mutex|Semaphore)(?:\((SYNCHRONIZE|access 0)\))?`,
		func(w *world, m []string) (out outcome, err error) {
			out.opened = true
			out.object, out.err = w.reach(strings.ToLower(m[1]), w.Name(), rightsWords[m[2]])
			return out, nil
		}),

	does(waitPattern, callWait),
	does(`other thread (Wait\(0\)|waits for the mutex)`, func(w *world, m []string) (out outcome, err error) {
		o := w.object
		if len(w.lists) > 0 {
			o = w.mutex()
		}
		if o, err = w.another(o); err != nil {
			return out, err
		}
		if m[1] == "Wait(0)" {
			return w.waitFor(o, 0), nil
		}
		return w.waitFor(o, spec.Patience), nil
	}),
	does(`mutex state after`, func(w *world, _ []string) (out outcome, err error) {
		other, err := w.another(w.mutex())
		if err == nil {
			out.Taken, err = isTaken(other)
		}
		return out, err
	}),
	does(`WaitForSingleObject\(unknown\)`, func(w *world, _ []string) (outcome, error) {
		return w.waitFor(nil, 0), nil // no handle at all is the one unknown handle that the Go API can be given
	}),
	does(`(WaitAny|WaitAll|WaitForMultipleObjects)(\(0\))?`, callWaitMultiple),
	does(`SignalObjectAndWait\(mutex,event,0\)`, func(w *world, _ []string) (outcome, error) {
		ctx, cancel := context.WithTimeout(context.Background(), 0)
		defer cancel()
		abandoned, err := namedshm.SignalAndWait(ctx, w.lists[0][0], w.lists[0][1])
		return waitEnded(namedshm.Outcome{Abandoned: abandoned}, err, 0), nil
	}),

	does(`SetEvent`, func(w *world, _ []string) (outcome, error) {
		return outcome{err: w.object.(*namedshm.Event).Set()}, nil
	}),
	does(`ResetEvent`, func(w *world, _ []string) (outcome, error) {
		return outcome{err: w.object.(*namedshm.Event).Reset()}, nil
	}),
	does(`PulseEvent`, callPulse),
	does(`ReleaseMutex`, func(w *world, _ []string) (outcome, error) {
		return outcome{err: w.object.(*namedshm.Mutex).Unlock()}, nil
	}),
	does(`ReleaseSemaphore(?:\((-?\d+)\))?`, func(w *world, m []string) (out outcome, err error) {
		n := 1
		if m[1] != "" {
			n, err = strconv.Atoi(m[1])
		}
		if err == nil {
			_, out.err = w.object.(*namedshm.Semaphore).Release(n)
		}
		return out, err
	}),
}

// mutex is the one among several objects.
func (w *world) mutex() *namedshm.Mutex {
	for _, o := range w.lists[0] {
		if m, ok := o.(*namedshm.Mutex); ok {
			return m
		}
	}
	panic("the row begins with no mutex")
}

// isTaken reports whether a mutex can not be locked now.
func isTaken(mutex namedshm.Waitable) (bool, error) {
	locked, _, err := try(mutex)
	return !locked, err
}

func callWait(w *world, m []string) (out outcome, err error) {
	timeout := spec.Patience
	if m[1] != "" {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			return out, err
		}
		timeout = time.Duration(n) * time.Millisecond
	}
	if strings.Contains(m[2], "again") {
		if first := w.waitFor(w.object, timeout); first.code() != 0 {
			return out, fmt.Errorf("the first wait gives %#x, %w", first.code(), first.err)
		}
	}
	return w.waitFor(w.object, timeout), nil
}

// callWaitMultiple waits for each of the row's lists of objects, until one is let through.
func callWaitMultiple(w *world, m []string) (out outcome, err error) {
	wait := namedshm.WaitAny
	if m[1] == "WaitAll" || w.way == byAll {
		wait = namedshm.WaitAll
	}
	timeout := spec.Patience
	if m[2] == "(0)" {
		timeout = 0
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	for _, list := range w.lists {
		ended, err := wait(ctx, list...)
		if out = waitEnded(ended, err, 0); out.err == nil {
			break
		}
	}
	return out, nil
}

// callPulse pulses an event, for nobody or for so many waiters as the row says.
//
// Whether a wait waits already is told on Unix alone. Elsewhere a pulse may come too early for some; so there are
// several trials, of which that counts that let the most through.
func callPulse(w *world, _ []string) (out outcome, err error) {
	e := w.object.(*namedshm.Event)
	if w.waiters == 0 {
		return outcome{err: e.Pulse()}, nil
	}
	state, err := stateOf(e)
	if err != nil {
		return out, err
	}
	trials, due := 1, 1
	switch {
	case state.Waiters < 0:
		trials, due = 20, 0
	case state.Reset != nil && *state.Reset == namedshm.ManualReset:
		due = w.waiters
	}
	for range trials {
		released, err := w.pulse(e, due)
		if err != nil {
			return out, err
		}
		out.Released = max(out.Released, released)
	}
	return out, nil
}

func stateOf(o namedshm.Waitable) (*inspect.State, error) {
	info, err := inspect.Stat(o.Name())
	if err == nil && info.State == nil {
		err = fmt.Errorf("no state of %s: %s", o.Name(), info.Obstacle)
	}
	return info.State, err
}

// pulse is one pulse of an event with waiters, and says how many of them it let through. So many as are due must come
// before anything else is done. If none is, it is not sure that all wait.
func (w *world) pulse(e *namedshm.Event, due int) (released int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), spec.Patience)
	defer cancel()
	ended := make(chan error, w.waiters)
	for range w.waiters {
		go waitsForPulse(ctx, e, ended)
	}
	for waiting := false; !waiting; time.Sleep(time.Millisecond) { // each look stops them all
		if waiting, err = w.allWait(e, due > 0); err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return 0, fmt.Errorf("not all wait: %w", err)
		}
	}
	if err := e.Pulse(); err != nil {
		return 0, err
	}
	for i := range w.waiters {
		if i == due {
			cancel() // whom the pulse let through, it did before it returned
		}
		switch err := <-ended; {
		case err == nil:
			released++
		case !errors.Is(err, context.Canceled):
			return released, fmt.Errorf("%d of %d came: %w", released, due, err)
		}
	}
	return released, nil
}

// waitingStack is a goroutine that waits for a pulse, and is neither running nor about to.
var waitingStack = regexp.MustCompile(`(?m)^goroutine \d+ \[(?:syscall|select|chan receive|sync)[^\n]*\n(?:[^\n]+\n)*?[^\n]*\.waitsForPulse\(`)

// allWait reports whether all waiters of a pulse wait: as the object says, or as far as the goroutines show it.
func (w *world) allWait(e *namedshm.Event, told bool) (bool, error) {
	if !told {
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		return len(waitingStack.FindAll(stacks, -1)) >= w.waiters, nil
	}
	state, err := stateOf(e)
	return err == nil && state.Waiters >= w.waiters, err
}
