//go:build linux

package waiting

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/actors"
	"github.com/namedshm/namedshm/internal/depth"
)

// Where things stand in the state, and the state in a file: internal/kernel/state.go and layout.go have the drawings.
const (
	valueAt      = 4 // of the word
	queuedAt     = 196
	cursorAt     = 200
	seatsAt      = 4096
	seatLength   = 32
	placesAt     = 135168
	stateSize    = 151552
	memoryInFile = 131072
)

// garbageKinds are what a page can be filled with.
var garbageKinds = []string{"random", "ones", "zeroes", "sly"}

// scribble fills the state of the object that process Number has open, Rounds times, with a little time in between.
func (s *stage) scribble(r request) (reply, error) {
	memory, err := stateOf(r.Number)
	if err != nil {
		return reply{}, err
	}
	random := r.Load.random(0)
	for range r.Load.Rounds {
		fillWithGarbage(memory, r.Load.How, random)
		time.Sleep(time.Duration(random.IntN(300)) * time.Microsecond)
	}
	return reply{}, nil
}

// fillWithGarbage writes over the state. What is sly looks in part as if it was true: the mutex belongs to one who
// lives, places wait or are through for those who live, and the counts say that all is full.
func fillWithGarbage(memory []byte, how string, random *rand.Rand) {
	switch how {
	case "zeroes":
		clear(memory)
	case "ones":
		for i := range memory {
			memory[i] = 0xff
		}
	case "random":
		for at := 0; at < len(memory); at += 8 {
			binary.NativeEndian.PutUint64(memory[at:], random.Uint64())
		}
	case "sly":
		id := binary.NativeEndian.Uint32(memory[seatsAt+seatLength*random.IntN(4):])
		for at := placesAt; at < stateSize; at += 4 {
			binary.NativeEndian.PutUint32(memory[at:], id<<2|random.Uint32N(4))
		}
		binary.NativeEndian.PutUint32(memory[queuedAt:], random.Uint32())
		binary.NativeEndian.PutUint32(memory[cursorAt:], random.Uint32())
		binary.NativeEndian.PutUint32(memory, random.Uint32())
		if random.IntN(2) == 0 {
			id |= 1 << 31 // reserved
		}
		binary.NativeEndian.PutUint32(memory[valueAt:], id)
	}
}

// stateOf maps the memory of the one object that a process has open, in whatever way it can be reached without the
// library.
func stateOf(pid int) ([]byte, error) {
	links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, path := range links {
		link, err := os.Readlink(path)
		if err != nil {
			continue
		}
		offset := int64(0)
		if strings.HasPrefix(link, os.Getenv("NAMEDSHM_ROOT")) {
			offset = memoryInFile
		} else if !strings.HasPrefix(link, "/memfd:namedshm-") {
			continue
		}
		if info, err := os.Stat(path); err != nil || info.Size() < offset+stateSize {
			continue
		}
		fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil, err
		}
		defer unix.Close(fd)
		return unix.Mmap(fd, offset, stateSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	}
	b, err := os.ReadFile("/proc/sysvipc/shm")
	if err != nil {
		return nil, err
	}
	for _, segment := range actors.ParseSegments(string(b)) {
		if segment.Creator == pid {
			return unix.SysvShmAttach(segment.ID, 0, 0)
		}
	}
	return nil, errors.New("there is no state to be found")
}

// fileOf is a path to the file that a process has an object in.
func fileOf(t *testing.T, pid int) string {
	t.Helper()
	links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, path := range links {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Size() >= memoryInFile+stateSize {
			if link, err := os.Readlink(path); err == nil && strings.HasPrefix(link, "/dev/shm/namedshm-actors-") {
				return path // the link has the name that the file had before it was published
			}
		}
	}
	t.Fatalf("process %d has no object in a file", pid)
	return ""
}

// garbageObjects are the requests that make one object of each kind.
func garbageObjects(name string) []request {
	return []request{
		{Op: "openorcreate", Kind: "event", Name: name},
		{Op: "openorcreate", Kind: "event", Name: name, Manual: true},
		{Op: "openorcreate", Kind: "mutex", Name: name},
		{Op: "openorcreate", Kind: "semaphore", Name: name, Initial: 1, Maximum: 5},
	}
}

func (r request) kindName() string {
	if r.Manual {
		return "manual " + r.Kind
	}
	return r.Kind
}

// TestGarbage: while a process writes garbage over the state of an object, others who use the object are told errors or
// are told that all is well, but each call returns and none crashes. An object of another name is none the worse for
// it.
func TestGarbage(t *testing.T) {
	settings := []setting{{namedshm.Local, "", ""}}
	if depth.Full() {
		settings = append(settings, setting{namedshm.Global, "", "futex"}, setting{namedshm.Local, "", "futex"},
			setting{namedshm.Local, "", "poll"},
			setting{namedshm.Local, "file", ""}, setting{namedshm.Global, "file", "poll"})
	}
	in(t, narrowed(settings), func(t *testing.T, w *world) {
		random, _ := seeded(t)
		for _, object := range garbageObjects(w.name) {
			for _, how := range garbageKinds {
				object.Name = fmt.Sprintf("%s-%s-%s", w.name, object.kindName(), how)
				w.ruin(t, object, how, random)
			}
		}
	})
}

// ruin lets two processes suffer from a third that writes garbage.
func (w *world) ruin(t *testing.T, object request, how string, random *rand.Rand) {
	t.Helper()
	keeper, vandal := w.start(t), w.start(t)
	defer keeper.Kill()
	defer vandal.Kill()
	keeper.Must(object)
	rounds := depth.Of(2, 25)
	if how == "sly" && depth.Full() {
		rounds = 8 // with the sly kind some calls take a second, which is the library's patience
	}
	object.Op = "suffer"
	victims := []*actor{w.start(t), w.start(t)}
	for i, v := range victims {
		defer v.Kill()
		object.Load = &loadOrder{Goroutines: 4, Rounds: rounds, First: 4 * i, Seed: random.Uint64()}
		v.Ask(object)
	}
	total := map[string]int{}
	slowest := 0
	for _, v := range victims {
		var r reply
		for end := time.Now().Add(6 * actors.Prompt); !v.Answered(&r); {
			if time.Now().After(end) {
				t.Errorf("%s full of %s: a call does not return", object.kindName(), how)
				v.AnswerWithin(time.Millisecond, &r) // writes down what it does
			}
			vandal.Must(request{Op: "scribble", Number: keeper.PID,
				Load: &loadOrder{Rounds: 20, How: how, Seed: random.Uint64()}})
		}
		v.Succeeded(object, r)
		for what, n := range r.Counts {
			total[what] += n
		}
		slowest = max(slowest, r.Number)
	}
	t.Logf("%s full of %s: the slowest call took %d ms; %v", object.kindName(), how, slowest, total)
	for _, what := range slices.Sorted(maps.Keys(total)) {
		if strings.Contains(what, "UNEXPECTED") {
			t.Errorf("%s full of %s: %s", object.kindName(), how, what)
		}
	}
	w.unharmed(t, victims[0], victims[1], object)
}

// unharmed shows that two processes can use another object of the same kind.
func (w *world) unharmed(t *testing.T, a, b *actor, object request) {
	t.Helper()
	object.Op, object.Initial, object.Name, object.Load = "openorcreate", 0, object.Name+"-fresh", nil
	mine, theirs := a.handle(object), b.handle(object)
	if object.Kind == "mutex" {
		a.Must(request{Op: "wait", Handle: mine})
	}
	b.Ask(request{Op: "wait", Handle: theirs, Timeout: actors.Prompt})
	w.blocked(t, b, a, object.Name, 1)
	switch object.Kind {
	case "event":
		a.Must(request{Op: "set", Handle: mine})
	case "mutex":
		a.Must(request{Op: "unlock", Handle: mine})
	case "semaphore":
		a.Must(request{Op: "release", Handle: mine, Number: 1})
	}
	if r := b.mustAnswer(request{Op: "wait", Name: object.Name}); !r.Acquired {
		t.Fatalf("%s: %v", object.Name, r)
	}
	a.Must(request{Op: "close", Handle: mine})
	b.Must(request{Op: "close", Handle: theirs})
}

// swapError is what a page that is gone gives.
const swapError = namedshm.Code(999)

// TestTruncated: a process cuts the file short that an object's state is in. Who waits, and who uses the object then,
// is told ERROR_SWAPERROR, and lives.
func TestTruncated(t *testing.T) {
	settings := []setting{{namedshm.Local, "file", ""}}
	if depth.Full() {
		settings = append(settings, setting{namedshm.Global, "file", "poll"}, setting{namedshm.Local, "file", "futex"})
	}
	in(t, narrowed(settings), func(t *testing.T, w *world) {
		for _, object := range garbageObjects(w.name) {
			for _, length := range []int64{memoryInFile, 0} {
				object.Name = fmt.Sprintf("%s-%s-%d", w.name, object.kindName(), length)
				w.cutShort(t, object, length)
			}
		}
	})
}

// cutShort cuts an object's file to a length while one waits for it and another has it.
func (w *world) cutShort(t *testing.T, object request, length int64) {
	t.Helper()
	a, b := w.start(t), w.start(t)
	defer a.Kill()
	defer b.Kill()
	object.Owned, object.Initial = object.Kind == "mutex", 0
	mine := a.handle(object)
	object.Owned = false
	theirs := b.handle(object)
	b.Ask(request{Op: "wait", Handle: theirs}) // without a deadline, which would end it anyway
	w.blocked(t, b, a, object.Name, 1)
	if err := os.Truncate(fileOf(t, a.PID), length); err != nil {
		t.Fatal(err)
	}
	gone := func(r request, got reply) {
		t.Helper()
		if got.Code != swapError {
			t.Errorf("%s cut to %d bytes: %s: %v, want %v", object.kindName(), length, r.Op, got, swapError)
		}
	}
	gone(request{Op: "the wait that had begun"}, b.Answer())
	calls := []request{{Op: "try"}, {Op: "wait", Timeout: time.Millisecond}}
	switch object.Kind {
	case "event":
		calls = append(calls, request{Op: "set"}, request{Op: "reset"}, request{Op: "pulse"})
	case "semaphore":
		calls = append(calls, request{Op: "release", Number: 1})
	}
	for _, r := range calls {
		r.Handle = theirs
		gone(r, b.Do(r))
	}
	if object.Kind == "mutex" {
		r := request{Op: "unlock", Handle: mine}
		gone(r, a.Do(r))
	}
	for _, r := range []request{{Op: "any", Handles: []int{theirs}}, {Op: "all", Handles: []int{theirs}}} {
		r.Timeout = time.Millisecond
		gone(r, b.Do(r))
	}
	b.Do(request{Op: "state", Name: object.Name}) // may be told that there is none
	b.Do(request{Op: "close", Handle: theirs})
	a.Do(request{Op: "close", Handle: mine})
	w.unharmed(t, a, b, object)
}
