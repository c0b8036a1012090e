package win32table

import (
	"strconv"
	"time"

	"github.com/namedshm/namedshm/conformance/internal/spec"
)

// waitPattern is a wait for one object, however long.
const waitPattern = `Wait(?:\((\d+)\))?( again| on new handle)?`

// waitableCalls are what the rows about events, mutexes, semaphores and waits do.
var waitableCalls = []call{
	does(`(create|open) section "N"`, func(w *world, m []string) outcome {
		if m[1] == "create" {
			a := w.create(w.Name(), 4096, 4)
			return outcome{Answer: a, isCall: true, section: a.Value}
		}
		a := w.call("OpenFileMappingW", readView, 0, wide(w.Name()))
		return outcome{Answer: a, isCall: true, opened: true, section: a.Value}
	}),
	does(`create (\w+) "N"`, func(w *world, m []string) outcome { return w.created(plain[m[1]]) }),
	does(`open (\w+) "N"`, func(w *world, m []string) outcome {
		return w.openedObject(plain[m[1]].kind, allRights[plain[m[1]].kind])
	}),

	does(`CreateEvent\((auto|manual), (unsignaled|signaled), "E"\)`, func(w *world, m []string) outcome {
		o := object{kind: "Event"}
		if m[1] == "manual" {
			o.manual = 1
		}
		if m[2] == "signaled" {
			o.set = 1
		}
		return w.created(o)
	}),
	does(`CreateMutex\(initial owner (TRUE|FALSE), "M"\)`, func(w *world, m []string) outcome {
		o := object{kind: "Mutex"}
		if m[1] == "TRUE" {
			o.owned = 1
		}
		return w.created(o)
	}),
	does(`CreateSemaphore\((-?\d+),(-?\d+)(?:,"S")?\)`, func(w *world, m []string) outcome {
		o := object{kind: "Semaphore"}
		o.initial, _ = strconv.Atoi(m[1])
		o.maximum, _ = strconv.Atoi(m[2])
		return w.created(o)
	}),
	does(`Open(Event|Mutex|Semaphore)(?:\((SYNCHRONIZE|access 0)\))?`, func(w *world, m []string) outcome {
		access := allRights[m[1]]
		if m[2] != "" {
			access = numbers[m[2]]
		}
		return w.openedObject(m[1], access)
	}),

	does(waitPattern, callWait),
	does(`other thread (Wait\(0\)|waits for the mutex)`, func(w *world, m []string) outcome {
		h := w.handle
		if w.mutex != 0 {
			h = w.mutex
		}
		limit := uint32(0)
		if m[1] != "Wait(0)" {
			limit = longWait
		}
		return outcome{Answer: w.on(2, "WaitForSingleObject", h, limit), isCall: true, waited: true}
	}),
	does(`mutex state after`, func(w *world, _ []string) outcome {
		return shown(spec.Observation{Taken: w.waitOn(2, w.mutex, 0) != 0})
	}),
	does(`WaitForSingleObject\((unknown|GetCurrentProcess\(\),0)\)`, func(w *world, m []string) outcome {
		h := memory
		if m[1] == "unknown" {
			h = unknown(m[1])
		}
		return outcome{Answer: w.call("WaitForSingleObject", h, 0), isCall: true, waited: true}
	}),
	does(`(WaitAny|WaitAll|WaitForMultipleObjects)(\(0\))?`, callWaitMultiple),
	does(`SignalObjectAndWait\(mutex,event,0\)`, func(w *world, _ []string) outcome {
		return outcome{Answer: w.call("SignalObjectAndWait", w.lists[0][0], w.lists[0][1], 0), isCall: true, waited: true}
	}),

	does(`(SetEvent|ResetEvent)(?:\((NULL|mutex)\))?`, func(w *world, m []string) outcome {
		h := w.handle
		if m[2] == "NULL" {
			h = 0
		}
		return simply(w.call(m[1], h))
	}),
	does(`PulseEvent`, callPulse),
	does(`ReleaseMutex`, func(w *world, _ []string) outcome { return simply(w.call("ReleaseMutex", w.handle)) }),
	does(`ReleaseSemaphore(?:\((-?\d+)\))?`, func(w *world, m []string) outcome {
		n := "1"
		if m[1] != "" {
			n = m[1]
		}
		return simply(w.call("ReleaseSemaphore", w.handle, n))
	}),
}

func (w *world) created(o object) outcome {
	a := w.createObject(w.Name(), o)
	return outcome{Answer: a, isCall: true, object: a.Value, kind: o.kind}
}

func (w *world) openedObject(kind string, access uint32) outcome {
	a := w.openObject(kind, w.Name(), access)
	return outcome{Answer: a, isCall: true, opened: true, object: a.Value, kind: kind}
}

func callWait(w *world, m []string) outcome {
	limit := longWait
	if m[1] != "" {
		n, _ := strconv.Atoi(m[1])
		limit = uint32(n)
	}
	if m[2] == " again" {
		if event := w.waitOn(0, w.handle, limit); event != 0 {
			w.fail("the first wait gives %#x", event)
		}
	}
	begun := time.Now()
	a := w.call("WaitForSingleObject", w.handle, limit)
	out := outcome{Answer: a, isCall: true, waited: true}
	out.Elapsed = time.Since(begun)
	return out
}

// callWaitMultiple waits for each of the row's lists of objects, until one is let through.
func callWaitMultiple(w *world, m []string) (out outcome) {
	all, limit := 0, longWait
	if m[1] == "WaitAll" {
		all = 1
	}
	if m[2] == "(0)" {
		limit = 0
	}
	for _, list := range w.lists {
		arguments := []any{all, limit}
		for _, h := range list {
			arguments = append(arguments, h)
		}
		out = outcome{Answer: w.call("WaitForMultipleObjects", arguments...), isCall: true, waited: true}
		if out.Value != waitFailed {
			break
		}
	}
	return out
}

// callPulse pulses an event, for nobody or for so many waiters as the row says. Nobody tells whether a wait waits
// already, so a pulse may come too early for some, and there are several trials, of which that counts that let the most
// through. Those that a trial has left are let through by SetEvent, one after the other.
func callPulse(w *world, _ []string) outcome {
	if w.waiters == 0 {
		return simply(w.call("PulseEvent", w.handle))
	}
	out := outcome{}
	for trial := range pulseTrials {
		out.Released = max(out.Released, w.pulse())
		if out.Released == w.waiters || out.Released > 0 && trial > 0 {
			break
		}
	}
	return out
}

// pulseTrials is how often the waiters of a pulse come together at most.
const pulseTrials = 10

// pulse is one pulse of an event with waiters, and says how many of them it let through.
func (w *world) pulse() (released int) {
	type end struct {
		a   Answer
		err error
	}
	ended := make(chan end, w.waiters)
	for thread := 1; thread <= w.waiters; thread++ {
		// A thread that answers is there; its next call is the wait.
		w.on(thread, "GetHandleInformation", w.handle)
		wait, err := w.process.begin(thread, "WaitForSingleObject", w.handle, longWait)
		w.check(err)
		go func() {
			a, err := wait()
			ended <- end{a, err}
		}()
	}
	w.waitForSleepers()
	w.must("PulseEvent", w.handle)
	came := 0
	// Whoever the pulse let through answers by himself; the others wait on, until they are set free.
	w.must("GetHandleInformation", w.handle)
	for came < w.waiters {
		select {
		case e := <-ended:
			w.check(e.err)
			came, released = came+1, released+1
			continue
		case <-time.After(pulseGrace):
		}
		break
	}
	for came < w.waiters {
		w.must("SetEvent", w.handle)
		e := <-ended
		w.check(e.err)
		came++
	}
	w.must("ResetEvent", w.handle)
	return released
}

// pulseGrace is how long those whom a pulse let through have to say so. One who takes longer is not counted, and the
// next trial has another chance.
const pulseGrace = 50 * time.Millisecond

// waitForSleepers gives the threads that were told to wait the time to do so: as long as it takes to ask the process
// many things one after the other.
func (w *world) waitForSleepers() {
	const questions = 30
	for range questions {
		w.must("GetHandleInformation", w.handle)
	}
}
