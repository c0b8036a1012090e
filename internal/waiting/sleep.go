package waiting

import (
	"context"
	"sync/atomic"
	"time"
	"unsafe"
)

// Sleeper is for waits on words of shared memory that are not the state of an object: the memory of a section, say, in
// which one process writes and another reads. It sleeps until somebody changes the word and calls [Wake].
//
// The process that is to do so may die first, or between the change and the call. So while somebody sleeps, this
// process's patrol calls look, a few times in each tenth of a second; if it returns true, all sleepers look for
// themselves. Is the other side still alive? Is there already something for which it should have woken us? What look
// finds is a hint: Sleep returns, and its caller decides.
//
// look runs on another goroutine. The patrol waits for it, and so does everybody else in this process that goes to
// sleep: it must not wait, and must not call methods of a Sleeper or an Object. It does not run any more once Close has
// returned.
//
// A Sleeper may be used by several goroutines at once, for one word or for several. It must not be copied.
type Sleeper struct {
	look    func() bool
	alarm   atomic.Uint32 // rings for all sleeps here: for what was seen, or because a context is done
	seen    atomic.Uint32 // how many times look said true
	asleep  atomic.Int32
	watched atomic.Bool // it is on the patrol's list, or about to be
}

// NewSleeper returns a Sleeper whose patrol calls look.
func NewSleeper(look func() bool) *Sleeper { return &Sleeper{look: look} }

// Close ends the patrol's care. No Sleep may follow.
func (s *Sleeper) Close() { discharge(s) }

// Sleep returns when the word is not value, when the patrol's look says true, or with [ContextError] when the context
// is done. A caller that gets no error looks at what it waits for, and sleeps again if that is not there yet.
//
// Sleep needs only to read the word: it may lie in a mapping that allows nothing else, where others can have the kernel
// wake its sleepers. Such a wake-up is ignored as long as the word has its value. Where the system has no way to sleep
// on a word of shared memory, Sleep naps, for 5 ms at most.
//
// The order that loses no wake-up: read the word; announce, where the other side sees it, that you sleep; look at what
// you wait for; Sleep with the value that was read. The other side: provide what is waited for; change the word; Wake
// if somebody sleeps.
func (s *Sleeper) Sleep(ctx context.Context, word *atomic.Uint32, value uint32) error {
	seen := s.seen.Load()
	deadline, _ := ctx.Deadline()
	if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, s.ring)
		defer stop()
	}
	s.asleep.Add(1)
	defer s.asleep.Add(-1)
	if !s.watched.Load() {
		enlist(s)
	}
	on := [...]sleeper{{addr: address(word), expected: value}, {addr: address(&s.alarm), private: true}}
	for p := (pace{}); ; {
		on[1].expected = s.alarm.Load() // before the looks: what happens after them rings it
		if word.Load() != value || s.seen.Load() != seen {
			return nil
		}
		if err := ContextError(ctx); err != nil {
			return err
		}
		p.sleepOn(ctx, on[:], deadline)
	}
}

// Rouse ends all sleeps here, as if look had returned true. It is for the other goroutines of the process.
func (s *Sleeper) Rouse() {
	s.seen.Add(1)
	s.ring()
}

// ring wakes all sleepers here.
func (s *Sleeper) ring() {
	s.alarm.Add(1)
	wake(address(&s.alarm), Everybody, true)
}

func (s *Sleeper) listed() *atomic.Bool { return &s.watched }

func (s *Sleeper) beat() *beat { return new(beat) }

// busy calls look, on behalf of the sleepers.
func (s *Sleeper) busy(*beat) bool {
	if s.asleep.Load() == 0 {
		return false
	}
	if s.look() {
		s.seen.Add(1)
		s.ring()
	}
	return true
}

// Wake wakes at most many of the sleepers on a word of shared memory, and returns how many it woke. It is called after
// the word was changed, so that whoever is about to sleep finds another value.
func Wake(word *atomic.Uint32, many int) int { return wake(address(word), many, false) }

// Everybody is a number of sleepers that means no limit.
const Everybody = 1<<31 - 1

// sleeper is one thing that a wait sleeps on: it goes on sleeping while the number there is the expected one.
type sleeper struct {
	addr     *uint32
	expected uint32
	private  bool // this process's own memory
}

// address is where a number stands that can be slept on.
func address(number *atomic.Uint32) *uint32 { return (*uint32)(unsafe.Pointer(number)) }

// pace is how a wait goes from one sleep to the next.
type pace struct {
	round   int
	overdue bool // the deadline is past
}

// sleepOn is one sleep: see the function. The last thing to sleep on is the alarm that rings when the context is done.
func (p *pace) sleepOn(ctx context.Context, on []sleeper, deadline time.Time) {
	until := p.due(ctx, deadline)
	sleepOn(on, until, p.round)
	p.round++
}

// due is until when to sleep at most: until the context's deadline. A context says only a little later that it is done,
// and then rings. Until that, naps are short again; and one that nobody can ring for is looked at again and again.
func (p *pace) due(ctx context.Context, deadline time.Time) time.Time {
	if deadline.IsZero() || time.Now().Before(deadline) {
		return deadline
	}
	if !p.overdue {
		p.overdue, p.round = true, 0
	}
	if ctx.Done() != nil {
		return time.Time{}
	}
	return time.Now().Add(napLength(p.round))
}

// nap is a sleep without a wake-up: short at first, longer the more of them a wait takes.
func nap(deadline time.Time, round int) {
	length := napLength(round)
	if !deadline.IsZero() {
		length = min(length, time.Until(deadline))
	}
	time.Sleep(length)
}

func napLength(round int) time.Duration {
	return min(50*time.Microsecond<<min(round, 10), 5*time.Millisecond)
}
