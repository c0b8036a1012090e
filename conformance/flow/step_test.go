//go:build linux

package flow

import (
	"fmt"
	"testing"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/actors"
	"github.com/namedshm/namedshm/flow"
	"github.com/namedshm/namedshm/internal/depth"
)

// mostInstructions is more than any operation here takes.
const mostInstructions = 5000

// scene is an operation of the victim's, and what those do who live on while it stands still, or after its death.
type scene struct {
	name string
	does request
	// begin has the victim, and those who live on, be where the operation begins.
	begin func(p *play)
	// goesOn is what they do whatever the victim does not do.
	goesOn func(p *play)
	// succeeds is what a successor does after its death.
	succeeds func(p *play)
}

// play is one scene with one victim.
type play struct {
	*world
	victim   *actor
	name     string
	where    string
	receiver *flow.Receiver[message]
	sender   *flow.Sender[message]
	writer   *flow.Writer[message]
	reader   *flow.Reader[message]
	n        uint64 // of the own messages
	victims  uint64 // of the victim's messages the last that was got
	number   uint64 // of a feed's messages
	slowest  slowest
	calls    int
}

const (
	itself = 1 // who sends in the test
	other  = 2 // the victim
	heir   = 3
)

func (p *play) fatal(format string, args ...any) {
	p.t.Helper()
	p.t.Fatalf("%s: %s", p.where, fmt.Sprintf(format, args...))
}

// take receives until the own message n has come. Of the victim's messages there may be some before it, each once and
// in order.
func (p *play) take(n uint64) {
	p.t.Helper()
	for {
		m, err := p.receiver.Next(within(p.t))
		switch {
		case err != nil:
			p.fatal("message %d: %v", n, err)
		case !whole(m):
			p.fatal("torn: %x", m)
		case m[0] == other && m[1] == p.victims+1:
			p.victims++
		case m[0] == itself && m[1] == n:
			return
		default:
			p.fatal("message %d of %d came; want %d", m[1], m[0], n)
		}
	}
}

// another sends and receives one more message, by the ends that live on.
func (p *play) another() {
	p.t.Helper()
	began := time.Now()
	p.n++
	send(p.t, p.sender, itself, p.n)
	p.take(p.n)
	p.slowest.since(began)
}

// scenes are all that is led from instruction to instruction.
var scenes = []scene{
	{name: "send", does: request{Op: "send", Who: other},
		begin: func(p *play) {
			p.receiver = p.world.receiver(p.name)
			p.sender = p.world.sender(p.name)
			p.victim.Must(request{Op: "sender", Name: p.name})
			p.another()
		},
		goesOn: (*play).another,
		succeeds: func(p *play) {
			began := time.Now()
			s := p.world.sender(p.name)
			send(p.t, s, itself, p.n+1)
			p.n++
			p.take(p.n)
			p.slowest.since(began)
			s.Close()
		}},
	{name: "send to one who sleeps", does: request{Op: "send", Who: other},
		begin: func(p *play) {
			p.receiver = p.world.receiver(p.name)
			p.sender = p.world.sender(p.name)
			p.victim.Must(request{Op: "sender", Name: p.name})
			p.another()
		},
		goesOn: (*play).whileAsleep,
		succeeds: func(p *play) {
			p.whileAsleep()
		}},
	{name: "receive", does: request{Op: "next"},
		begin: func(p *play) {
			p.victim.Must(request{Op: "receiver", Name: p.name})
			p.sender = p.world.sender(p.name)
			p.fillLane()
		},
		goesOn: func(*play) {},
		succeeds: func(p *play) {
			began := time.Now()
			p.receiver = p.world.receiver(p.name)
			p.heirReceives()
			p.slowest.since(began)
		}},
	{name: "write", does: request{Op: "write", Who: other},
		begin: func(p *play) {
			p.victim.Must(request{Op: "writer", Name: p.name})
			p.reader = p.world.reader(p.name)
			for n := uint64(1); n <= 4; n++ {
				p.victim.Must(request{Op: "write", Who: other, Number: n})
				p.readOne(n, other, n)
			}
			p.number = 4
		},
		goesOn: (*play).latestIsWhole,
		succeeds: func(p *play) {
			began := time.Now()
			p.writer = p.world.writer(p.name, 3, words)
			p.slowest.since(began)
			_, number, err := p.reader.Latest(nil)
			if err != nil || number != p.number && number != p.number+1 {
				p.fatal("number %d after %d, %v", number, p.number, err)
			}
			for n := uint64(1); n <= 4; n++ {
				m := p.writer.Claim()
				fill(m[:words], heir, n, born)
				p.writer.Commit(words)
				p.readOne(number+n, heir, n)
			}
		}},
	{name: "latest", does: request{Op: "latest"},
		begin: func(p *play) {
			p.writer = p.world.writer(p.name, 3, words)
			p.reader = p.world.reader(p.name)
			p.victim.Must(request{Op: "reader", Name: p.name})
			p.writeOne()
			p.victim.Must(request{Op: "latest"})
		},
		goesOn: func(p *play) {
			if p.calls++; p.calls%40 == 1 { // more often, and it finds another message each time that it looks
				p.writeOne()
			}
		},
		succeeds: (*play).writeOne},
}

// whileAsleep has the receiver sleep, if the victim has not sent, and another one wake it.
func (p *play) whileAsleep() {
	p.t.Helper()
	next := p.n + 1
	got := make(chan struct{})
	go func() {
		defer close(got)
		p.take(next)
	}()
	time.Sleep(100 * time.Microsecond) // it may be asleep or not: both are to be tried
	began := time.Now()
	p.n = next
	send(p.t, p.sender, itself, p.n)
	<-got
	p.slowest.since(began)
}

// fillLane fills the sender's lane, and has it wait for room.
func (p *play) fillLane() {
	p.t.Helper()
	for {
		m, ok, err := p.sender.TryClaim(words)
		if err != nil {
			p.fatal("%v", err)
		}
		if !ok {
			break
		}
		p.n++
		fill(m, itself, p.n, born)
		p.sender.Commit()
	}
}

// heirReceives gets all messages but those that the dead one was done with, of which there is one at most; and makes
// room.
func (p *play) heirReceives() {
	p.t.Helper()
	m, ok, err := p.receiver.TryNext()
	if err != nil || !ok || !whole(m) || m[1] > 2 {
		p.fatal("%v, %v, %v", m, ok, err)
	}
	for n := m[1] + 1; n <= p.n; n++ {
		if m, err := p.receiver.Next(within(p.t)); err != nil || !whole(m) || m[1] != n {
			p.fatal("%v instead of %d, %v", m, n, err)
		}
	}
	p.another()
}

// readOne reads a feed's next message.
func (p *play) readOne(number, who, n uint64) {
	p.t.Helper()
	m, lost, err := p.reader.Next(within(p.t), nil)
	if died(err) {
		m, lost, err = p.reader.Next(within(p.t), nil) // told of a death just before the next one came
	}
	if err != nil || lost != 0 || !whole(m) || m[0] != who || m[1] != n {
		p.fatal("number %d: %v, %d lost, %v; want message %d of %d", number, m, lost, err, n, who)
	}
}

// latestIsWhole: whatever a writer has begun, its last message can be read.
func (p *play) latestIsWhole() {
	p.t.Helper()
	m, number, err := p.reader.Latest(nil)
	if err != nil || !whole(m) || number != p.number && number != p.number+1 || m[1] != number {
		p.fatal("%v, number %d after %d, %v", m, number, p.number, err)
	}
}

func (p *play) writeOne() {
	p.t.Helper()
	p.number++
	m := p.writer.Claim()
	fill(m[:words], itself, p.number, born)
	p.writer.Commit(words)
	p.readOne(p.number, itself, p.number)
}

func (p *play) close() {
	if p.sender != nil {
		p.sender.Close()
	}
	if p.receiver != nil {
		p.receiver.Close()
	}
	if p.writer != nil {
		p.writer.Close()
	}
	if p.reader != nil {
		p.reader.Close()
	}
}

// newPlay is a scene where its operation begins.
func newPlay(w *world, s *scene, n int) *play {
	p := &play{world: w, name: fmt.Sprintf("%s %d", s.name, n), where: "at the beginning"}
	p.victim = w.start()
	s.begin(p)
	return p
}

// sparse is how many points are one apart that is tried: in a quick run, and in a full one. None is left out if nothing
// is to be.
func sparse(quick, full int) int {
	if depth.Every() {
		return 1
	}
	return depth.Of(quick, full)
}

// TestKilledAtEveryInstruction: wherever a process dies, those who live go on, and a successor does.
func TestKilledAtEveryInstruction(t *testing.T) {
	if !actors.CanStep {
		t.Skip("needs amd64")
	}
	for i := range scenes {
		s := &scenes[i]
		t.Run(s.name, func(t *testing.T) {
			w := newWorld(t)
			longest, points := slowest{}, 0
			step := sparse(67, 11)
			for n := 1 + i*13%step; ; n += step {
				p := newPlay(w, s, n)
				ended := p.kill(s, n)
				longest.Duration = max(longest.Duration, p.slowest.Duration)
				points++
				if ended {
					break
				}
			}
			t.Logf("killed at %d points; a successor's first message took %v at most", points, longest)
		})
	}
}

// kill has the victim make n instructions of the library, and die.
func (p *play) kill(s *scene, n int) (ended bool) {
	p.t.Helper()
	defer p.close()
	tr := actors.Trace(p.t, p.victim.Process)
	does := s.does
	does.Marked, does.Number = true, p.number+1
	p.victim.Ask(does)
	tr.EnterFunction(commands[does.Op])
	function := ""
	for i := 0; i < n && !ended; i++ {
		function, ended = tr.Step(actors.InLibrary)
	}
	p.where = fmt.Sprintf("killed before instruction %d, in %s", n, function)
	if n > mostInstructions {
		p.fatal("it does not end")
	}
	tr.Kill()
	p.slowest = slowest{}
	s.succeeds(p)
	return ended
}

// TestStoppedAtEveryInstruction: wherever a process stands still, those who live go on, and when it goes on, so does
// it.
func TestStoppedAtEveryInstruction(t *testing.T) {
	if !actors.CanStep {
		t.Skip("needs amd64")
	}
	for i := range scenes {
		s := &scenes[i]
		t.Run(s.name, func(t *testing.T) {
			p := newPlay(newWorld(t), s, 0)
			defer p.close()
			points := 0
			for round := range 11 - sparse(10, 9) {
				tr := actors.Trace(t, p.victim.Process)
				does := s.does
				does.Marked, does.Number = true, uint64(round)+1
				if s.name == "write" {
					does.Number = p.number + 1
				}
				p.victim.Ask(does)
				tr.EnterFunction(commands[does.Op])
				for ended, n := false, 0; !ended; n++ {
					var function string
					function, ended = tr.Step(actors.InLibrary)
					p.where = fmt.Sprintf("stopped before instruction %d, in %s", n, function)
					if n%sparse(7, 4) == 0 {
						s.goesOn(p)
						points++
					}
				}
				tr.LetGo()
				// A writer that writes for each step of a reader is quicker than that can look, which is not to wait for it.
				if got := p.victim.Answer(); s.name != "latest" || got.Code != namedshm.ErrBusy {
					p.victim.Succeeded(does, got)
				}
				if s.name == "write" {
					p.number++
				}
			}
			t.Logf("stopped at %d points; a message of others took %v at most", points, p.slowest)
		})
	}
}
