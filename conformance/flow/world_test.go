//go:build linux

package flow

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/namedshm/namedshm/conformance/internal/actors"
	"github.com/namedshm/namedshm/flow"
)

func TestMain(m *testing.M) { actors.Main(m, act) }

// message is what goes through rings and feeds here: whose it is, which of it, when its sender came to life, and in a
// sender's first one how it began. All other words follow from the first two.
type message = uint64

const (
	least   = 4
	words   = 6
	patient = actors.Prompt
)

// fill fills a message.
func fill(m []message, who, n uint64, born int64) {
	m[0], m[1], m[2], m[3] = who, n, uint64(born), 0
	for i := least; i < len(m); i++ {
		m[i] = who<<32 ^ n<<8 ^ uint64(i)
	}
}

// beginning is how long it took, from a sender's first instruction, until it had its end, and until it sent its first
// message; and for how long of that its threads waited for a processor.
type beginning struct{ opened, sent, queued time.Duration }

const beginningUnit = 10 * time.Microsecond

// packed is a beginning in one number.
func (b beginning) packed() (all uint64) {
	for _, d := range []time.Duration{b.opened, b.sent, b.queued} {
		all = all<<21 | uint64(min(d/beginningUnit, 1<<21-1))
	}
	return all
}

func unpacked(all uint64) beginning {
	at := func(i int) time.Duration { return time.Duration(all>>(21*i)&(1<<21-1)) * beginningUnit }
	return beginning{at(2), at(1), at(0)}
}

// whole reports whether all of a message is there.
func whole(m []message) bool {
	if len(m) < least {
		return false
	}
	for i := least; i < len(m); i++ {
		if m[i] != m[0]<<32^m[1]<<8^uint64(i) {
			return false
		}
	}
	return true
}

// now is the time on the clock that all processes share.
func now() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic(err)
	}
	return t.Nano()
}

// born is when this process came to life.
var born = now()

// queued is for how long this process's threads have waited for a processor, all together.
func queued() (sum time.Duration) {
	tasks, _ := filepath.Glob("/proc/self/task/*/schedstat")
	for _, task := range tasks {
		var ran, waited time.Duration
		if b, err := os.ReadFile(task); err == nil {
			fmt.Sscan(string(b), &ran, &waited)
			sum += waited
		}
	}
	return sum
}

// request is one command to an actor.
type request struct {
	Op     string
	Name   string
	To     string // the name of another ring
	Who    uint64
	Number uint64
	Lanes  int
	Size   int  // of a message, in words
	Marked bool // there are marks around it that a tracer finds
}

// String is what a test calls the command when it complains.
func (r request) String() string { return r.Op + " " + r.Name }

type reply struct {
	actors.Failure
	Who, Number uint64
	Lost        uint64
	Slowest     time.Duration
}

type actor = actors.Actor[request, reply]

// world is one test's root directory, which the test uses too.
type world struct {
	*actors.World
	t *testing.T
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{actors.NewWorld(t), t}
	t.Setenv("NAMEDSHM_ROOT", w.Root)
	return w
}

func (w *world) start() *actor {
	w.t.Helper()
	return &actor{Process: w.Start(w.t, nil), T: w.t}
}

// bound is a context that all calls share for a while: there are millions of them.
var bound struct {
	sync.Mutex
	ctx   context.Context
	until time.Time
}

// within is a context that ends when nothing more is to be expected.
func within(*testing.T) context.Context {
	bound.Lock()
	defer bound.Unlock()
	if time.Until(bound.until) < patient {
		bound.until = time.Now().Add(2 * patient)
		ctx, cancel := context.WithDeadline(context.Background(), bound.until)
		time.AfterFunc(2*patient, cancel)
		bound.ctx = ctx
	}
	return bound.ctx
}

// ring is the usual one here.
var ring = flow.Ring{Lanes: 4, Capacity: 4096}

func (w *world) receiver(name string) *flow.Receiver[message] {
	w.t.Helper()
	r, err := flow.NewReceiver[message](name, ring)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (w *world) sender(name string) *flow.Sender[message] {
	w.t.Helper()
	s, err := flow.OpenSender[message](within(w.t), name)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

func (w *world) writer(name string, depth, most int) *flow.Writer[message] {
	w.t.Helper()
	x, err := flow.NewWriter[message](name, flow.Feed{Depth: depth, Most: most})
	if err != nil {
		w.t.Fatal(err)
	}
	return x
}

func (w *world) reader(name string) *flow.Reader[message] {
	w.t.Helper()
	r, err := flow.OpenReader[message](within(w.t), name)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// send sends one message, which must succeed.
func send(t *testing.T, s *flow.Sender[message], who, n uint64) {
	t.Helper()
	m, err := s.Claim(within(t), words)
	if err != nil {
		t.Fatal(err)
	}
	fill(m, who, n, born)
	s.Commit()
}

// died reports the error of one whose other side has died.
func died(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }

// slowest remembers the longest of some times.
type slowest struct{ time.Duration }

func (s *slowest) since(began time.Time) { s.Duration = max(s.Duration, time.Since(began)) }
