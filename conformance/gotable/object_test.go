package gotable

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/spec"
)

// shape is what the creator of an event, a mutex or a semaphore asks for.
type shape struct {
	kind             string
	reset            namedshm.ResetMode
	signaled         bool
	owned            bool
	initial, maximum int
}

// What a row means that says no more than the kind.
var (
	anEvent    = shape{kind: "event"}
	aMutex     = shape{kind: "mutex"}
	aSemaphore = shape{kind: "semaphore", initial: 1, maximum: 2}
)

var plain = map[string]shape{
	"event": anEvent, "E": anEvent, "mutex": aMutex, "M": aMutex, "semaphore": aSemaphore, "S": aSemaphore,
}

// hold closes a handle at the end of the row.
func (w *world) hold(o namedshm.Waitable, err error) (namedshm.Waitable, error) {
	if err != nil {
		return nil, err
	}
	w.keep(o)
	return o, nil
}

// openOrCreate is Windows' Create: it opens what exists.
func (w *world) openOrCreate(name string, s shape) (o namedshm.Waitable, existed bool, err error) {
	var created bool
	switch s.kind {
	case "event":
		o, created, err = namedshm.OpenOrCreateEvent(name, s.reset, s.signaled)
	case "mutex":
		o, created, err = namedshm.OpenOrCreateMutex(name, s.owned)
	case "semaphore":
		o, created, err = namedshm.OpenOrCreateSemaphore(name, s.initial, s.maximum)
	default:
		return nil, false, fmt.Errorf("nothing is known about the kind %q", s.kind)
	}
	o, err = w.hold(o, err)
	return o, !created, err
}

// create is this library's Create: it opens nothing.
func (s shape) create(name string) (o namedshm.Waitable, err error) {
	switch s.kind {
	case "event":
		return namedshm.CreateEvent(name, s.reset, s.signaled)
	case "mutex":
		return namedshm.CreateMutex(name, s.owned)
	}
	return namedshm.CreateSemaphore(name, s.initial, s.maximum)
}

// make makes the object that a row is about.
func (w *world) make(name string, s shape) error {
	o, existed, err := w.openOrCreate(name, s)
	if err == nil && existed {
		err = fmt.Errorf("%q is taken", name)
	}
	w.made, w.object = o, o
	return err
}

// callMake does what a row's Create call asks for, and looks whether Create alone agrees: it must find the same fault,
// or that the object exists.
func (w *world) callMake(name string, s shape) (out outcome, err error) {
	out.object, out.existed, out.err = w.openOrCreate(name, s)
	want := namedshm.ErrAlreadyExists
	var e *namedshm.Error
	if errors.As(out.err, &e) {
		want = e.Code
	}
	again, aloneErr := s.create(name)
	if aloneErr == nil {
		again.Close()
	}
	if !errors.Is(aloneErr, want) {
		return out, fmt.Errorf("creating alone gives %v, want %v", aloneErr, want)
	}
	return out, nil
}

// reach opens an object.
func (w *world) reach(kind, name string, rights namedshm.Rights) (o namedshm.Waitable, err error) {
	switch kind {
	case "event":
		o, err = namedshm.OpenEvent(name, rights)
	case "mutex":
		o, err = namedshm.OpenMutex(name, rights)
	case "semaphore":
		o, err = namedshm.OpenSemaphore(name, rights)
	default:
		return nil, fmt.Errorf("nothing is known about the kind %q", kind)
	}
	return w.hold(o, err)
}

// kindOf is the kind of a handle that is open.
func kindOf(o namedshm.Waitable) string {
	switch o.(type) {
	case *namedshm.Event:
		return "event"
	case *namedshm.Mutex:
		return "mutex"
	}
	return "semaphore"
}

// another opens one more handle of an object. The owner of a mutex is the handle: what is another thread in the table
// is another handle here.
func (w *world) another(o namedshm.Waitable) (namedshm.Waitable, error) {
	return w.reach(kindOf(o), o.Name(), namedshm.AllRights)
}

// way is by which of its methods the library is asked to wait. The table has one function, WaitForSingleObject, and all
// of the ways must do what it does.
type way string

const (
	byMethod way = "method" // Lock, Wait
	byTry    way = "try"    // TryLock, TryWait: only where the time is zero
	byAny    way = "any"    // WaitAny, of one
	byAll    way = "all"    // WaitAll
)

var singleWait = regexp.MustCompile(`\b` + waitPattern + `$`)

// ways are those in which a row's call can be made.
func ways(r spec.Row) []way {
	if !r.AboutWaitables() {
		return []way{""}
	}
	if strings.HasPrefix(r.Call, "WaitForMultipleObjects") {
		return []way{byAny, byAll}
	}
	switch m := singleWait.FindStringSubmatch(r.Call); {
	case m == nil:
		return []way{""}
	case m[1] == "0":
		return []way{byMethod, byTry, byAny}
	}
	return []way{byMethod, byAny}
}

// waitFor is WaitForSingleObject.
func (w *world) waitFor(o namedshm.Waitable, timeout time.Duration) outcome {
	start := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	var ended namedshm.Outcome
	var err error
	switch {
	case w.way == byAny || o == nil:
		ended, err = namedshm.WaitAny(ctx, o)
	case w.way == byTry && timeout == 0:
		var acquired bool
		if acquired, ended.Abandoned, err = try(o); err == nil && !acquired {
			err = context.DeadlineExceeded
		}
	default:
		ended.Abandoned, err = waitByMethod(ctx, o)
	}
	return waitEnded(ended, err, time.Since(start))
}

func waitEnded(ended namedshm.Outcome, err error, elapsed time.Duration) outcome {
	out := outcome{Observation: spec.Observation{Elapsed: elapsed}, waited: true, wait: ended}
	if out.timedOut = errors.Is(err, context.DeadlineExceeded); !out.timedOut {
		out.err = err
	}
	return out
}

func waitByMethod(ctx context.Context, o namedshm.Waitable) (abandoned bool, err error) {
	switch o := o.(type) {
	case *namedshm.Event:
		return false, o.Wait(ctx)
	case *namedshm.Mutex:
		return o.Lock(ctx)
	case *namedshm.Semaphore:
		return false, o.Wait(ctx)
	}
	return false, fmt.Errorf("%T cannot be waited for", o)
}

// try is a wait that does not wait.
func try(o namedshm.Waitable) (acquired, abandoned bool, err error) {
	switch o := o.(type) {
	case *namedshm.Event:
		acquired, err = o.TryWait()
	case *namedshm.Mutex:
		return o.TryLock()
	case *namedshm.Semaphore:
		acquired, err = o.TryWait()
	}
	return acquired, false, err
}

// code is what Windows' wait functions would have returned.
func (o outcome) code() uint32 {
	const abandoned, timeout, failed = 0x80, 0x102, 0xffffffff // WAIT_ABANDONED_0, WAIT_TIMEOUT, WAIT_FAILED
	switch {
	case !o.waited || o.err != nil:
		return failed
	case o.timedOut:
		return timeout
	case o.wait.Abandoned:
		return abandoned + uint32(o.wait.Index)
	}
	return uint32(o.wait.Index)
}

// sameObject reports whether two handles of one kind are of one object: a change through a is seen through b. a needs
// all rights, and b that to wait. A mutex must be free, and is free again afterwards.
func sameObject(a, b namedshm.Waitable) (bool, error) {
	unset, set := signaling(a)
	if err := unset(); err != nil {
		return false, err
	}
	early, _, err := try(b)
	if err != nil {
		return false, err
	}
	if err := set(); err != nil {
		return false, err
	}
	late, _, err := try(b)
	if m, ok := b.(*namedshm.Mutex); ok && late {
		err = m.Unlock()
	}
	return !early && late, err
}

// signaling is how an object is made such that nobody gets through, and such that somebody does.
func signaling(o namedshm.Waitable) (unset, set func() error) {
	switch o := o.(type) {
	case *namedshm.Event:
		return o.Reset, o.Set
	case *namedshm.Mutex:
		return func() error {
			locked, _, err := o.TryLock()
			if err == nil && !locked {
				err = errors.New("the mutex is owned by another handle")
			}
			return err
		}, o.Unlock
	}
	s := o.(*namedshm.Semaphore)
	return func() error {
			_, err := takeEverything(s)
			return err
		}, func() error {
			_, err := s.Release(1)
			return err
		}
}

// takeEverything takes a semaphore's count down to zero, and says what it was.
func takeEverything(s *namedshm.Semaphore) (count int, err error) {
	for {
		taken, err := s.TryWait()
		if !taken || err != nil {
			return count, err
		}
		count++
	}
}
