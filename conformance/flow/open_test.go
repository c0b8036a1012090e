//go:build linux

package flow

import (
	"fmt"
	"testing"
	"time"

	"github.com/namedshm/namedshm/conformance/internal/actors"
	"github.com/namedshm/namedshm/internal/depth"
)

// openings are the operations that make system calls, and how the victim comes to where they begin. Each ends with a
// ring, or a feed, that works, whoever was killed.
var openings = []struct {
	name   string
	does   string
	before []string // what the victim does first
	there  bool     // somebody else has an end already, so that there is a ring or a feed
	dead   bool     // and the end that the victim takes was that of one who has died
}{
	{name: "make a ring", does: "receiver"},
	{name: "receive from a ring that is there", does: "receiver", there: true},
	{name: "receive after a dead one", does: "receiver", there: true, dead: true},
	{name: "send", does: "sender", there: true},
	{name: "send after a dead one", does: "sender", there: true, dead: true},
	{name: "make a feed", does: "writer"},
	{name: "write to a feed that is there", does: "writer", there: true},
	{name: "write after a dead one", does: "writer", there: true, dead: true},
	{name: "read", does: "reader", there: true},
	{name: "close a receiver", does: "close receiver", before: []string{"receiver"}},
	{name: "close a sender", does: "close sender", before: []string{"sender"}, there: true},
	{name: "close a writer", does: "close writer", before: []string{"writer"}},
	{name: "close a reader", does: "close reader", before: []string{"reader"}, there: true},
}

// TestKilledAtEveryCall: whoever is killed at a system call of opening or closing an end leaves a ring, or a feed,
// that works for those who are there and those who come; and nothing when all are gone.
func TestKilledAtEveryCall(t *testing.T) {
	const most = 300
	for i, o := range openings {
		t.Run(o.name, func(t *testing.T) {
			w := newWorld(t)
			calls, longest := []string{}, slowest{}
			step := depth.Of(23, 5)
			for n := 1 + i*5%step; len(calls) < most; n += step {
				victim := w.start()
				name := fmt.Sprintf("%s %d", o.name, n)
				x := &exercise{world: w, name: name}
				x.begin(o.does, o.before, o.there, o.dead, victim)
				tr := actors.Trace(t, victim.Process)
				victim.Ask(request{Op: o.does, Name: name, Marked: true})
				call, last := tr.StopBefore(n)
				tr.Kill()
				x.where = fmt.Sprintf("killed before call %d, %s", n, call)
				began := time.Now()
				x.works()
				longest.since(began)
				x.end()
				if calls = append(calls, call); last {
					break
				}
			}
			if len(calls) == most {
				t.Fatalf("the operation does not end: %q", calls)
			}
			sweeper := w.start()
			w.NothingLeft(t, actors.OnFileBacking(), func() { sweeper.Must(request{Op: "bury"}) })
			t.Logf("killed at %d points; all worked again after %v at most", len(calls), longest)
		})
	}
}

// exercise is a ring or a feed that is to work.
type exercise struct {
	*world
	name  string
	where string
	feed  bool
	ends  []interface{ Close() error }
}

// begin has the victim, and those who are there before it, be where the operation begins.
func (x *exercise) begin(does string, before []string, there, dead bool, victim *actor) {
	x.t.Helper()
	x.feed = does == "writer" || does == "close writer" || does == "reader" || does == "close reader"
	if there {
		x.someoneElse(does)
	}
	if dead {
		late := x.start()
		late.Must(request{Op: does, Name: x.name})
		defer late.Kill()
	}
	for _, op := range before {
		victim.Must(request{Op: op, Name: x.name})
	}
}

// someoneElse opens what makes the ring, or the feed, and keeps it: not the end that the victim is to have.
func (x *exercise) someoneElse(does string) {
	x.t.Helper()
	switch does {
	case "receiver":
		r := x.receiver(x.name)
		x.ends = append(x.ends, x.sender(x.name))
		r.Close()
	case "writer":
		first := x.world.writer(x.name, 3, words)
		x.ends = append(x.ends, x.reader(x.name))
		first.Close()
	case "sender", "close sender":
		x.ends = append(x.ends, x.receiver(x.name))
	default:
		x.ends = append(x.ends, x.world.writer(x.name, 3, words))
	}
}

// works opens all that nobody has, and has messages go through.
func (x *exercise) works() {
	x.t.Helper()
	for _, end := range x.ends {
		end.Close()
	}
	if x.feed {
		writer := x.world.writer(x.name, 3, words)
		reader := x.reader(x.name)
		x.ends = append(x.ends[:0], writer, reader)
		_, before, err := reader.Latest(nil)
		if err != nil {
			x.t.Fatalf("%s: %v", x.where, err)
		}
		for n := uint64(1); n <= 4; n++ {
			m := writer.Claim()
			fill(m[:words], itself, n, born)
			writer.Commit(words)
			m, number, err := reader.Latest(nil)
			if err != nil || number != before+n || !whole(m) || m[1] != n {
				x.t.Fatalf("%s: message %d: %v, number %d, %v", x.where, n, m, number, err)
			}
		}
		return
	}
	receiver := x.receiver(x.name)
	x.ends = append(x.ends[:0], receiver)
	for i := range ring.Lanes { // a lane of the dead one, too, is to be had
		s := x.sender(x.name)
		x.ends = append(x.ends, s)
		send(x.t, s, uint64(i), 2)
		if m, err := receiver.Next(within(x.t)); err != nil || !whole(m) || m[0] != uint64(i) {
			x.t.Fatalf("%s: %v, %v", x.where, m, err)
		}
	}
}

func (x *exercise) end() {
	for _, end := range x.ends {
		end.Close()
	}
}
