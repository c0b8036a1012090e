package waiting

import (
	"context"
	"errors"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// mailbox is what two processes would have in common: how much was written, and the word on which its reader sleeps.
type mailbox struct {
	written atomic.Uint64
	bell    atomic.Uint32
	asleep  atomic.Bool
}

// write writes one more, and wakes the reader if it sleeps; a writer that dies in between does only the first.
func (m *mailbox) write(diesBeforeTheBell bool) {
	m.written.Add(1)
	if diesBeforeTheBell {
		return
	}
	if m.asleep.Swap(false) {
		m.bell.Add(1)
		Wake(&m.bell, math.MaxInt32)
	}
}

var errAlone = errors.New("the writer is dead")

// read returns when more than seen was written, in the order that Sleep asks for.
func (m *mailbox) read(ctx context.Context, s *Sleeper, seen uint64, alive func() bool) error {
	for {
		value := m.bell.Load()
		m.asleep.Store(true)
		if m.written.Load() > seen {
			return nil
		}
		if !alive() {
			return errAlone
		}
		if err := s.Sleep(ctx, &m.bell, value); err != nil {
			return err
		}
	}
}

func alwaysAlive() bool { return true }

// ending is what a sleep in another goroutine ends with.
func ending(t *testing.T, ended chan error) error {
	t.Helper()
	select {
	case err := <-ended:
		return err
	case <-time.After(20 * time.Second):
		t.Fatal("the sleep does not end")
		return nil
	}
}

// asleepAt returns when so many sleep by a Sleeper, as far as it knows.
func asleepAt(t *testing.T, s *Sleeper, count int32) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); s.asleep.Load() != count; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%d sleep, want %d", s.asleep.Load(), count)
		}
	}
}

// TestSleepEndsWithTheWord: a change that is followed by Wake ends a sleep, and so does one that came before it.
func TestSleepEndsWithTheWord(t *testing.T) {
	s := NewSleeper(func() bool { return false })
	defer s.Close()
	var word atomic.Uint32
	word.Store(7)
	if err := s.Sleep(context.Background(), &word, 6); err != nil {
		t.Errorf("a word that is another already: %v", err)
	}
	ended := make(chan error, 1)
	for round := range uint32(200) {
		before := 7 + round
		go func() { ended <- s.Sleep(context.Background(), &word, before) }()
		asleepAt(t, s, 1)
		word.Add(1)
		Wake(&word, 1)
		if err := ending(t, ended); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAWakeUpWithoutAChange is ignored: whoever may read a word can have the kernel wake its sleepers.
func TestAWakeUpWithoutAChange(t *testing.T) {
	s := NewSleeper(func() bool { return false })
	defer s.Close()
	var word atomic.Uint32
	ended := make(chan error, 1)
	go func() { ended <- s.Sleep(context.Background(), &word, 0) }()
	asleepAt(t, s, 1)
	for range 1000 {
		Wake(&word, math.MaxInt32)
		runtime.Gosched()
	}
	select {
	case err := <-ended:
		t.Fatalf("a wake-up by nobody ended the sleep: %v", err)
	default:
	}
	word.Store(1)
	Wake(&word, math.MaxInt32)
	if err := ending(t, ended); err != nil {
		t.Fatal(err)
	}
}

// TestSleepEndsWithTheContext: with its error and its cause, when it is done before the sleep, while it lasts, or by
// its deadline.
func TestSleepEndsWithTheContext(t *testing.T) {
	s := NewSleeper(func() bool { return false })
	defer s.Close()
	var word atomic.Uint32
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Sleep(ctx, &word, 0) }()
	asleepAt(t, s, 1)
	cancel(cause)
	for range 2 { // the second sleep begins with a context that is done
		if err := ending(t, ended); !errors.Is(err, context.Canceled) || !errors.Is(err, cause) {
			t.Errorf("cancelled: %v", err)
		}
		ended <- s.Sleep(ctx, &word, 0)
	}
	due, stop := context.WithTimeout(context.Background(), 5*time.Millisecond)
	defer stop()
	if err := s.Sleep(due, &word, 0); !errors.Is(err, context.DeadlineExceeded) || due.Err() == nil {
		t.Errorf("after the deadline: %v, and the context says %v", err, due.Err())
	}
	// One that nobody can ring for.
	if err := s.Sleep(silentDeadline{time.Now().Add(5 * time.Millisecond)}, &word, 0); !errors.Is(err,
		context.DeadlineExceeded) {
		t.Errorf("after the deadline of a context that tells nobody: %v", err)
	}
	if n := s.asleep.Load(); n != 0 {
		t.Errorf("%d sleep on", n)
	}
}

// silentDeadline is a context that ends by itself and tells nobody.
type silentDeadline struct{ at time.Time }

func (c silentDeadline) Deadline() (time.Time, bool) { return c.at, true }
func (silentDeadline) Done() <-chan struct{}         { return nil }
func (silentDeadline) Value(any) any                 { return nil }

func (c silentDeadline) Err() error {
	if time.Now().Before(c.at) {
		return nil
	}
	return context.DeadlineExceeded
}

// TestTheOtherSideDies: the process that was to change the word is dead, and the word never changes. The sleeper finds
// out.
func TestTheOtherSideDies(t *testing.T) {
	var m mailbox
	var alive sync.Map // the living
	alive.Store("writer", true)
	lives := func() bool { _, ok := alive.Load("writer"); return ok }
	s := NewSleeper(func() bool { return !lives() })
	defer s.Close()
	ended := make(chan error, 1)
	go func() { ended <- m.read(context.Background(), s, 0, lives) }()
	asleepAt(t, s, 1)
	alive.Delete("writer")
	if err := ending(t, ended); err != errAlone {
		t.Errorf("the reader whose writer is dead: %v", err)
	}
}

// TestTheOtherSideDiesBeforeTheBell: what was waited for is there, and nobody has said so. So it is with one that is
// stopped, as long as it is.
func TestTheOtherSideDiesBeforeTheBell(t *testing.T) {
	var m mailbox
	var seen uint64
	s := NewSleeper(func() bool { return m.written.Load() > atomic.LoadUint64(&seen) })
	defer s.Close()
	ended := make(chan error, 1)
	for range 3 {
		go func() { ended <- m.read(context.Background(), s, atomic.LoadUint64(&seen), alwaysAlive) }()
		asleepAt(t, s, 1)
		m.write(true)
		if err := ending(t, ended); err != nil {
			t.Fatal(err)
		}
		atomic.AddUint64(&seen, 1)
	}
}

// TestNoWakeUpIsLost: a writer and a reader in the order that Sleep asks for, and a patrol that sees nothing.
func TestNoWakeUpIsLost(t *testing.T) {
	const messages = 20000
	var m mailbox
	s := NewSleeper(func() bool { return false })
	defer s.Close()
	ended := make(chan error, 1)
	go func() {
		for seen := uint64(0); seen < messages; seen = m.written.Load() {
			if err := m.read(context.Background(), s, seen, alwaysAlive); err != nil {
				ended <- err
				return
			}
		}
		ended <- nil
	}()
	for i := range messages {
		m.write(false)
		if i%3 == 0 {
			runtime.Gosched()
		}
	}
	if err := ending(t, ended); err != nil {
		t.Fatal(err)
	}
}

// TestManySleepByOne: several goroutines, on several words. Each ends with its own.
func TestManySleepByOne(t *testing.T) {
	s := NewSleeper(func() bool { return false })
	defer s.Close()
	words := make([]atomic.Uint32, 8)
	ended := make([]chan error, len(words))
	for i := range words {
		ended[i] = make(chan error, 1)
		go func() {
			ended[i] <- s.Sleep(context.Background(), &words[i], 0)
		}()
	}
	asleepAt(t, s, int32(len(words)))
	for i := range words {
		for _, later := range ended[i:] {
			if len(later) > 0 {
				t.Fatal("a sleep ended that nobody had woken")
			}
		}
		words[i].Store(1)
		Wake(&words[i], 1)
		if err := ending(t, ended[i]); err != nil {
			t.Fatal(err)
		}
	}
}

// TestLookIsAskedForThoseWhoSleep: only while somebody sleeps, and not after Close, when what it looks at may be gone.
func TestLookIsAskedForThoseWhoSleep(t *testing.T) {
	t.Parallel()
	var gone atomic.Bool
	var looks, late atomic.Int32
	s := NewSleeper(func() bool {
		looks.Add(1)
		if gone.Load() {
			late.Add(1)
		}
		return false
	})
	var word atomic.Uint32
	listed := func() bool {
		patrol.mu.Lock()
		defer patrol.mu.Unlock()
		return patrol.beats[s] != nil
	}
	for round := range uint32(2) { // the second time it comes back to the list
		ended := make(chan error, 1)
		go func() { ended <- s.Sleep(context.Background(), &word, round) }()
		for before := looks.Load(); looks.Load() < before+2; time.Sleep(time.Millisecond) {
		}
		word.Add(1)
		Wake(&word, 1)
		if err := ending(t, ended); err != nil {
			t.Fatal(err)
		}
		for listed() { // a few quiet rounds
			time.Sleep(time.Millisecond)
		}
		if s.watched.Load() {
			t.Fatal("it is off the list, and believes to be on it")
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Sleep(ctx, &word, 2) }()
	asleepAt(t, s, 1)
	cancel()
	ending(t, ended)
	s.Close()
	gone.Store(true)
	asked := looks.Load()
	other := NewSleeper(func() bool { return true }) // two rounds of the patrol
	defer other.Close()
	for range 2 {
		if err := other.Sleep(context.Background(), &word, 2); err != nil {
			t.Fatal(err)
		}
	}
	if late.Load() != 0 || looks.Load() != asked {
		t.Errorf("it was asked %d times after Close", late.Load())
	}
}
