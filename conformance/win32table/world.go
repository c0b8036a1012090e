package win32table

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/namedshm/namedshm/conformance/internal/spec"
)

// world is what one run of one row has to do with. Its methods panic with a failure, which ends the row.
type world struct {
	spec.Run

	program *Program
	process *Process
	child   *Process

	first   uint64 // the handle that the row's beginning leaves open, if another one is made later
	handle  uint64 // the handle that the row is about
	protect uint32 // the section's protection
	size    uint64
	view    uint64 // the view that the row is about
	other   uint64 // a second one
	shift   uint64 // where in the section the second one begins
	wrote   []byte
	lists   [][]uint64 // what a wait for several is for; where there are several lists, one wait for each
	mutex   uint64     // the mutex among them
	waiters int
	path    string // of a file

	handles, views []uint64
	threads        []int
	others         []io.Closer // what this process, which drives the other, holds
}

// failure ends a row.
type failure struct{ error }

func (w *world) fail(format string, args ...any) { panic(failure{fmt.Errorf(format, args...)}) }

func (w *world) check(err error) {
	if err != nil {
		panic(failure{err})
	}
}

// on has a thread make a call.
func (w *world) on(thread int, function string, arguments ...any) Answer {
	a, err := w.process.call(thread, function, arguments...)
	w.check(err)
	switch {
	case a.Value == 0:
	case strings.HasPrefix(function, "Create") && a.Value != 1<<64-1, strings.HasPrefix(function, "Open"):
		w.handles = append(w.handles, a.Value)
	case function == "DuplicateHandle":
		if !slices.Contains(w.handles, a.Number(0)) { // it may have taken its source's number
			w.handles = append(w.handles, a.Number(0))
		}
	case function == "CloseHandle":
		w.handles = without(w.handles, arguments[0])
	case function == "UnmapViewOfFile":
		w.views = without(w.views, arguments[0])
	case strings.HasPrefix(function, "MapViewOfFile"):
		w.views = append(w.views, a.Value)
	}
	if thread > 0 {
		w.threads = append(w.threads, thread)
	}
	return a
}

// without is a list without a number: what is closed must not be closed once more, it may be something else's by then.
func without(list []uint64, number any) []uint64 {
	return slices.DeleteFunc(list, func(n uint64) bool { return any(n) == number })
}

// call makes a call whose answer is the row's.
func (w *world) call(function string, arguments ...any) Answer {
	return w.on(0, function, arguments...)
}

// must makes a call that succeeds.
func (w *world) must(function string, arguments ...any) Answer {
	a := w.call(function, arguments...)
	if a.Value == 0 || a.Value >= 1<<32-1 && !strings.HasPrefix(function, "Map") &&
		!strings.HasPrefix(function, "Virtual") {
		w.fail("%s %v gives %d, error %d", function, arguments, a.Value, a.Error)
	}
	return a
}

// close takes back what the row has left.
func (w *world) close() {
	for _, v := range w.views {
		w.process.call(0, "UnmapViewOfFile", v)
	}
	for _, h := range w.handles {
		w.process.call(0, "SetHandleInformation", h, 2, 0)
		w.process.call(0, "CloseHandle", h)
	}
	ended := map[int]bool{}
	for _, thread := range w.threads {
		if !ended[thread] {
			w.process.call(thread, "endthread")
		}
		ended[thread] = true
	}
	if w.child != nil {
		w.child.kill()
	}
	for _, o := range w.others {
		o.Close()
	}
	if w.path != "" {
		os.Remove(w.path)
	}
}

const memory = uint64(1<<64 - 1) // INVALID_HANDLE_VALUE: the paging file

// create makes a section, or opens the one that exists.
func (w *world) create(name string, size uint64, protect uint32) Answer {
	text := "-"
	if name != "" {
		text = wide(name)
	}
	return w.call("CreateFileMappingW", memory, 0, protect, size, text)
}

// begin makes the section that a row begins with.
func (w *world) begin(size uint64, protect uint32) {
	a := w.create(w.Name(), size, protect)
	if a.Value == 0 || a.Error != 0 {
		w.fail("the row's own section gives %d, error %d", a.Value, a.Error)
	}
	w.first, w.handle, w.protect, w.size = a.Value, a.Value, protect&0xffff, size
}

func (w *world) mapAt(handle uint64, access uint32, offset, length uint64) uint64 {
	return w.must("MapViewOfFile", handle, access, offset, length).Value
}

// beginView makes the section and view that a row begins with.
func (w *world) beginView(size uint64, access uint32) {
	w.begin(size, numbers["PAGE_READWRITE"])
	w.view = w.mapAt(w.handle, access, 0, 0)
}

func (w *world) openSection(name string, access uint32) uint64 {
	return w.must("OpenFileMappingW", access, 0, wide(name)).Value
}

// write puts text at an address, and remembers it.
func (w *world) write(at uint64, text string) {
	w.wrote = []byte(text)
	if w.poke(at, text) {
		w.fail("memory at %#x cannot be written", at)
	}
}

func (w *world) poke(at uint64, text string) (faulted bool) {
	return w.call("poke", at, fmt.Sprintf("x:%x", text)).Value == 0
}

func (w *world) peek(at uint64, n int) (b []byte, faulted bool) {
	a := w.call("peek", at, n)
	return a.Bytes(), a.Value == 0
}

// sees reports whether there stands at an address what was written last.
func (w *world) sees(at uint64) bool {
	b, faulted := w.peek(at, len(w.wrote))
	return !faulted && string(b) == string(w.wrote)
}

// region is what VirtualQuery tells.
type region struct{ base, allocation, allowed, size, state, protect, kind uint64 }

func (w *world) query(at uint64) region {
	a := w.must("VirtualQuery", at)
	return region{a.Number(0), a.Number(1), a.Number(2), a.Number(3), a.Number(4), a.Number(5), a.Number(6)}
}

func (w *world) startChild() {
	c, err := w.program.start()
	w.check(err)
	w.child = c
}

// childCall has the child make a call that succeeds.
func (w *world) childCall(function string, arguments ...any) Answer {
	a, err := w.child.call(0, function, arguments...)
	w.check(err)
	if a.Value == 0 {
		w.fail("the child's %s %v gives error %d", function, arguments, a.Error)
	}
	return a
}

// quoted is the name in the row's call.
func (w *world) quoted() string {
	name, err := w.NameInCall()
	w.check(err)
	return name
}

// object is what the creator of an event, a mutex or a semaphore asks for.
type object struct {
	kind             string
	manual, set      int
	owned            int
	initial, maximum int
}

// What a row means that says no more than the kind.
var plain = map[string]object{
	"event": {kind: "Event"}, "E": {kind: "Event"}, "mutex": {kind: "Mutex"}, "M": {kind: "Mutex"},
	"semaphore": {kind: "Semaphore", initial: 1, maximum: 2}, "S": {kind: "Semaphore", initial: 1, maximum: 2},
	"timer": {kind: "Timer"}, "job": {kind: "Job"},
}

// allRights to an object of a kind.
var allRights = map[string]uint32{"Event": 0x1F0003, "Mutex": 0x1F0001, "Semaphore": 0x1F0003}

// createObject makes an object or opens the one that exists.
func (w *world) createObject(name string, o object) Answer {
	text := "-"
	if name != "" {
		text = wide(name)
	}
	switch o.kind {
	case "Event":
		return w.call("CreateEventW", 0, o.manual, o.set, text)
	case "Mutex":
		return w.call("CreateMutexW", 0, o.owned, text)
	case "Semaphore":
		return w.call("CreateSemaphoreW", 0, o.initial, o.maximum, text)
	}
	return w.call("Create"+o.kind, text)
}

// make makes the object that a row is about.
func (w *world) make(name string, o object) uint64 {
	a := w.createObject(name, o)
	if a.Value == 0 || a.Error != 0 {
		w.fail("the row's own %s gives %d, error %d", o.kind, a.Value, a.Error)
	}
	w.first, w.handle = a.Value, a.Value
	return a.Value
}

func (w *world) openObject(kind, name string, access uint32) Answer {
	if kind == "Timer" || kind == "Job" {
		return w.call("Open"+kind, wide(name))
	}
	return w.call("Open"+kind+"W", access, 0, wide(name))
}

// waitOn has a thread wait for an object.
func (w *world) waitOn(thread int, handle uint64, milliseconds uint32) uint32 {
	return uint32(w.on(thread, "WaitForSingleObject", handle, milliseconds).Value)
}

const (
	waitTimeout   = 0x102
	waitAbandoned = 0x80
	waitFailed    = 0xffffffff
	longWait      = uint32(spec.Patience / time.Millisecond)
)

// takes waits for an object that lets it through at once.
func (w *world) takes(handle uint64, want uint32) {
	if event := w.waitOn(0, handle, 0); event != want {
		w.fail("the wait gives %#x, want %#x", event, want)
	}
}
