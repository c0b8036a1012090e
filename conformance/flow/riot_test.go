//go:build linux

package flow

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/actors"
	"github.com/namedshm/namedshm/flow"
	"github.com/namedshm/namedshm/internal/depth"
)

// riotFor is how long each riot goes on: a second, in a full run a quarter of a minute together, and an hour if nothing
// is to be left out.
func riotFor() time.Duration {
	if depth.Every() {
		return 20 * time.Minute
	}
	return depth.Of(time.Second, 6*time.Second)
}

// riot is some actors that are killed, and stopped, at random.
type riot struct {
	*world
	random *rand.Rand
	actors []*actor
	next   uint64 // who comes next
	begin  func(a *actor, who uint64)
	kills  int
	stops  int
}

func newRiot(w *world, many int, begin func(a *actor, who uint64)) *riot {
	r := &riot{world: w, random: rand.New(rand.NewPCG(actors.Seed(w.t), 0)), begin: begin}
	for range many {
		r.actors = append(r.actors, r.another())
	}
	return r
}

func (r *riot) another() *actor {
	r.t.Helper()
	a := r.start()
	r.next++
	r.begin(a, r.next)
	return a
}

// strike kills one, for whom another one comes, or stops one for a moment.
func (r *riot) strike() {
	r.t.Helper()
	i := r.random.IntN(len(r.actors))
	time.Sleep(time.Duration(r.random.IntN(5000)) * time.Microsecond) // a kill is to come at no particular moment
	if r.random.IntN(4) == 0 {
		r.stops++
		r.actors[i].Stop()
		time.Sleep(time.Duration(r.random.IntN(3000)) * time.Microsecond)
		r.actors[i].Resume()
		return
	}
	r.kills++
	var got reply
	if r.actors[i].Answered(&got) {
		r.t.Errorf("one that was to go on for ever has ended: %+v", got)
	}
	r.actors[i].Kill()
	r.actors[i] = r.another()
}

// history is what one who receives has got, of each sender.
type history struct {
	t       *testing.T
	last    map[uint64]uint64
	count   int
	firsts  int
	pause   time.Duration // the longest from a sender's first instruction to its first message here
	began   beginning     // what of that passed on its side
	silence slowest       // the longest between two messages
	at      time.Time
}

func newHistory(t *testing.T) *history {
	return &history{t: t, last: map[uint64]uint64{}, at: time.Now()}
}

func (h *history) add(m []message) {
	h.t.Helper()
	switch {
	case !whole(m):
		h.t.Fatalf("torn: %x", m)
	case m[1] != h.last[m[0]]+1:
		h.t.Fatalf("message %d of sender %d after %d", m[1], m[0], h.last[m[0]])
	}
	if m[1] == 1 {
		h.firsts++
		if pause := time.Duration(now() - int64(m[2])); pause > h.pause {
			h.pause, h.began = pause, unpacked(m[3])
		}
	}
	h.last[m[0]] = m[1]
	h.count++
	h.silence.since(h.at)
	h.at = time.Now()
}

// TestSendersDie: senders are killed at random, and others come. All that comes is whole, and in order within each
// sender.
func TestSendersDie(t *testing.T) {
	w := newWorld(t)
	r := w.receiver("Riot")
	defer r.Close()
	riot := newRiot(w, 3, func(a *actor, who uint64) { a.Ask(request{Op: "stream", Name: "Riot", Who: who}) })
	over := make(chan struct{})
	h := newHistory(t)
	done := make(chan error, 1)
	go func() {
		done <- h.receive(r, over)
	}()
	for end := time.Now().Add(riotFor()); time.Now().Before(end); {
		riot.strike()
	}
	close(over)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	for _, a := range riot.actors {
		a.Kill()
	}
	t.Logf("%d kills, %d stops, %d messages of %d senders, %v at most between two", riot.kills, riot.stops, h.count,
		h.firsts, h.silence)
	t.Logf("from a sender's first instruction to its first message %v at most: %v until it had its end, %v until it sent",
		h.pause, h.began.opened, h.began.sent)
	t.Logf("of that its threads waited %v for a processor", h.began.queued)
}

// receive receives until it is over.
func (h *history) receive(r *flow.Receiver[message], over chan struct{}) error {
	for {
		m, err := r.Next(within(h.t))
		switch {
		case died(err): // all of them, for a moment
		case err != nil:
			return err
		default:
			h.add(m)
		}
		select {
		case <-over:
			return nil
		default:
		}
	}
}

// TestReceiversDie: receivers that pass on what they get are killed at random, and others come. Nothing is lost; what
// the dead one was not done with comes once more.
func TestReceiversDie(t *testing.T) {
	w := newWorld(t)
	through := w.receiver("Through")
	defer through.Close()
	riot := newRiot(w, 1, func(a *actor, who uint64) {
		a.Ask(request{Op: "relay", Name: "Jobs", To: "Through",
			Who: who})
	})
	s := w.sender("Jobs")
	defer s.Close()
	enough, sent := make(chan struct{}), make(chan error, 1)
	go func() { sent <- sendOn(s, enough) }()
	over, got := make(chan struct{}), make(chan error, 1)
	h := &relayed{t: t}
	go func() { got <- h.receive(through, over) }()
	for end := time.Now().Add(riotFor()); time.Now().Before(end); {
		riot.strike()
	}
	close(over)
	if err := <-got; err != nil { // as long as it may wait for a message, somebody sends
		t.Fatal(err)
	}
	close(enough)
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	riot.actors[0].Kill()
	t.Logf("%d kills, %d stops, %d messages, %d of them once more", riot.kills, riot.stops, h.last, h.again)
	t.Logf("from a receiver's first instruction to its first message %v at most", h.pause)
}

func sendOn(s *flow.Sender[message], over chan struct{}) error {
	for n := uint64(1); ; {
		select {
		case <-over:
			return nil
		default:
		}
		m, ok, err := s.TryClaim(words)
		switch {
		case err != nil && !errors.Is(err, namedshm.ErrBrokenPipe):
			return err
		case !ok:
			time.Sleep(10 * time.Microsecond)
			continue
		}
		fill(m, itself, n, born)
		s.Commit()
		n++
	}
}

// relayed is what has come through receivers that die.
type relayed struct {
	t     *testing.T
	last  uint64
	by    uint64
	again int
	pause time.Duration
}

func (h *relayed) receive(r *flow.Receiver[message], over chan struct{}) error {
	for {
		select {
		case <-over:
			return nil
		default:
		}
		m, err := r.Next(within(h.t))
		if died(err) {
			continue
		}
		if err != nil {
			return err
		}
		by, its := m[len(m)-2], m[len(m)-1]
		m = m[:len(m)-2]
		fresh := by != h.by
		switch {
		case !whole(m):
			h.t.Errorf("torn: %x", m)
		case m[1] == h.last+1:
		case fresh && m[1] == h.last:
			h.again++
		default:
			h.t.Errorf("message %d after %d, by receiver %d after %d", m[1], h.last, by, h.by)
		}
		if fresh {
			h.pause = max(h.pause, time.Duration(now()-int64(its)))
		}
		h.last, h.by = m[1], by
	}
}

// TestWritersDie: writers are killed at random, and others come. What is read is whole, and the numbers go on.
func TestWritersDie(t *testing.T) {
	const size = 64
	w := newWorld(t)
	riot := newRiot(w, 1, func(a *actor, who uint64) {
		a.Ask(request{Op: "publish", Name: "News", Size: size,
			Who: who})
	})
	reader := w.reader("News")
	defer reader.Close()
	over, done := make(chan struct{}), make(chan error, 1)
	h := &reading{}
	go func() { done <- h.readOn(reader, over) }()
	for end := time.Now().Add(riotFor()); time.Now().Before(end); {
		riot.strike()
	}
	close(over)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	riot.actors[0].Kill()
	t.Logf("%d kills, %d stops, %d messages read, %d lost, %d snapshots", riot.kills, riot.stops, h.got, h.lost,
		h.snapshots)
}
