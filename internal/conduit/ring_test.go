package conduit

import (
	"context"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/namedshm/namedshm/internal/fault"
)

const smallest = leastCapacity

// TestRingCarriesAll: messages of all sizes, in batches of all sizes, past the end of the lane many times. Nothing
// is lost, doubled or out of order, and nothing is seen before it is committed.
func TestRingCarriesAll(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	ring := newRing(t, words, Ring{Lanes: 1, Capacity: smallest})
	r, _ := ring.receiver(t)
	s, _ := ring.sender(t)
	sizes := []int{}
	sent, got := uint64(0), uint64(0)
	for range 20000 {
		before := len(sizes)
		for range random.IntN(4) {
			values := random.IntN(20)
			if random.IntN(50) == 0 {
				values = int(s.most)
			}
			m, ok, err := s.TryClaim(values)
			if err != nil && fault.CodeOf(err) != fault.InvalidParameter {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			mark(m, sent)
			sent++
			sizes = append(sizes, values)
		}
		if got == uint64(before) {
			mustHaveNothing(t, r)
		}
		if random.IntN(10) == 0 {
			s.Abort()
			sent, sizes = uint64(before), sizes[:before]
		}
		s.Commit()
		for random.IntN(5) > 0 && got < sent {
			mustHave(t, r, sizes[got], got)
			got++
		}
	}
	for ; got < sent; got++ {
		mustHave(t, r, sizes[got], got)
	}
	mustHaveNothing(t, r)
	if want := s.lane.received.load(); want != got {
		t.Errorf("%d are said to be received, of %d", want, got)
	}
}

// TestSizesOfMessages: none is too long that takes half of a lane, wherever it begins; one that is longer never
// fits, and says so.
func TestSizesOfMessages(t *testing.T) {
	ring := newRing(t, words, Ring{Lanes: 1, Capacity: smallest})
	r, _ := ring.receiver(t)
	s, _ := ring.sender(t)
	most := (smallest/2 - 8) / 8
	if s.Most() != most {
		t.Fatalf("at most %d values, want %d", s.Most(), most)
	}
	for shift := range smallest / 8 {
		if !claimAndMark(t, s, most, uint64(shift)) {
			t.Fatalf("no room for the longest message behind %d", s.next&(smallest-1))
		}
		s.Commit()
		mustHave(t, r, most, uint64(shift))
		if !claimAndMark(t, s, 0, 0) {
			t.Fatal("no room for an empty message")
		}
		s.Commit()
		mustHave(t, r, 0, 0)
		r.Done()
	}
	for _, n := range []int{most + 1, -1, int(^uint(0) >> 3), int(^uint(0) >> 1), -int(^uint(0)>>1) - 1} {
		_, ok, err := s.TryClaim(n)
		if ok {
			t.Errorf("a message of %d values", n)
		}
		mustFail(t, err, fault.InvalidParameter)
		_, err = s.Claim(background, n)
		mustFail(t, err, fault.InvalidParameter)
	}
	// A message of nothing is there, and is not nothing.
	if m, err := s.Claim(background, 0); m == nil || err != nil {
		t.Error(m, err)
	}
	s.Commit()
	if m, err := r.Next(background); m == nil || len(m) != 0 || err != nil {
		t.Error(m, err)
	}
}

// TestClaimsHaveNoRoomBehind: what appends to a claim, or to a message, does not write into the next one.
func TestClaimsHaveNoRoomBehind(t *testing.T) {
	ring := newRing(t, words, Ring{Lanes: 1, Capacity: smallest})
	r, _ := ring.receiver(t)
	s, _ := ring.sender(t)
	m, _, _ := s.TryClaim(3)
	if cap(m) != 24 {
		t.Errorf("a claim of 24 bytes has room for %d", cap(m))
	}
	s.Commit()
	if m, _, _ := r.TryNext(); cap(m) != 24 {
		t.Errorf("a message of 24 bytes has room for %d", cap(m))
	}
}

// TestClaimsThatNeverFitTogether: what can have no room before the open claims are committed is refused at once, and
// those stay what they are. A claim that does not get its room leaves no padding behind.
func TestClaimsThatNeverFitTogether(t *testing.T) {
	ring := newRing(t, words, Ring{Lanes: 1, Capacity: smallest})
	r, _ := ring.receiver(t)
	s, _ := ring.sender(t)
	for i := range 3 { // not from the start, so that padding would be needed
		claimAndMark(t, s, 100, uint64(i))
		s.Commit()
		mustHave(t, r, 100, uint64(i))
	}
	r.Done()
	if !claimAndMark(t, s, s.Most(), 7) {
		t.Fatal("no room")
	}
	_, err := s.Claim(background, s.Most())
	mustFail(t, err, fault.InvalidParameter)
	s.Commit()
	mustHave(t, r, s.Most(), 7)
	// Without room, as long as the receiver has the last message, for one that would need padding.
	done, cancel := context.WithCancel(background)
	cancel()
	if !claimAndMark(t, s, 10, 8) {
		t.Fatal("no room")
	}
	if _, err = s.Claim(done, s.Most()); err != context.Canceled && fault.CodeOf(err) != fault.InvalidParameter {
		t.Errorf("%v", err)
	}
	s.Commit()
	mustHave(t, r, 10, 8)
	mustHaveNothing(t, r)
	if head, tail := s.lane.head.load(), s.lane.tail.load(); head != tail {
		t.Errorf("something is left from %d to %d", head, tail)
	}
}

// TestNearTheEndOfNumbers: positions that no ring comes to in a century.
func TestNearTheEndOfNumbers(t *testing.T) {
	ring := newRing(t, words, Ring{Lanes: 1, Capacity: smallest})
	l := laneOf(ring.memory, 0)
	for _, start := range []uint64{1<<32 - 64, 1<<62 - 1<<20} {
		l.tail.store(start)
		l.head.store(start)
		r, _ := ring.receiver(t)
		s, _ := ring.sender(t)
		for i := range uint64(1000) {
			if !claimAndMark(t, s, int(i%50), i) {
				t.Fatal("no room")
			}
			s.Commit()
			mustHave(t, r, int(i%50), i)
		}
		s.Close()
		r.Close()
	}
	l.tail.store(1 << 62)
	l.head.store(1 << 62)
	_, err := SenderOver(ring.memory, ring.sit())
	mustFail(t, err, fault.FileCorrupt)
	_, err = ReceiverOver(ring.memory, ring.sit())
	mustFail(t, err, fault.FileCorrupt)
}

// TestEndOfARing: a goodbye and a death are told apart, when all is read and not before, and a sender that comes
// later makes good for it.
func TestEndOfARing(t *testing.T) {
	ring := newRing(t, words, Ring{Lanes: 3, Capacity: smallest})
	r, _ := ring.receiver(t)
	mustHaveNothing(t, r) // nobody was ever there
	a, _ := ring.sender(t)
	b, bSeat := ring.sender(t)
	claimAndMark(t, a, 1, 1)
	a.Commit()
	claimAndMark(t, a, 1, 99) // not committed
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	mustHave(t, r, 1, 1)
	mustHaveNothing(t, r) // b lives
	claimAndMark(t, b, 1, 2)
	b.Commit()
	b.Close()
	mustHave(t, r, 1, 2)
	for range 3 {
		if _, err := r.Next(background); err != io.EOF {
			t.Fatalf("%v; want EOF itself", err)
		}
	}
	c, cSeat := ring.sender(t)
	mustHaveNothing(t, r)
	claimAndMark(t, c, 1, 3)
	c.Commit()
	claimAndMark(t, c, 1, 99)
	cSeat.die()
	mustHave(t, r, 1, 3)
	for range 3 {
		_, err := r.Next(background)
		mustBe(t, err, io.ErrUnexpectedEOF)
		mustFail(t, err, fault.BrokenPipe)
	}
	// The lane's next owner closes; that the one before died has been told.
	d, dSeat := ring.sender(t)
	if d.at != c.at {
		t.Fatalf("lane %d, want the dead one's, %d", d.at, c.at)
	}
	claimAndMark(t, d, 1, 4)
	d.Commit()
	d.Close()
	mustHave(t, r, 1, 4)
	if _, err := r.Next(background); err != io.EOF {
		t.Error(err)
	}
	// Another dies, and its lane is taken and left before the receiver looks: that is told once.
	e, eSeat := ring.sender(t)
	eSeat.die()
	f, _ := ring.sender(t)
	if e.at != f.at {
		t.Fatalf("lane %d, want the dead one's, %d", f.at, e.at)
	}
	f.Close()
	_, err := r.Next(background)
	mustBe(t, err, io.ErrUnexpectedEOF)
	if _, err := r.Next(background); err != io.EOF {
		t.Error(err)
	}
	bSeat.die()
	dSeat.die()
}

// TestLanesHaveOneOwner: as many senders as lanes, one receiver; who dies or closes makes room, who lives does not.
func TestLanesHaveOneOwner(t *testing.T) {
	ring := newRing(t, words, Ring{Lanes: 3, Capacity: smallest})
	r, rSeat := ring.receiver(t)
	_, err := ReceiverOver(ring.memory, ring.sit())
	mustFail(t, err, fault.Busy)
	var seats []*chair
	var senders []*Sender
	for range 3 {
		s, seat := ring.sender(t)
		senders, seats = append(senders, s), append(seats, seat)
	}
	_, err = SenderOver(ring.memory, ring.sit())
	mustFail(t, err, fault.Busy)
	seats[1].die()
	if s, _ := ring.sender(t); s.at != 1 {
		t.Errorf("lane %d, want the dead one's", s.at)
	}
	// The dead one was only stopped, to the others: it must not go on in the lane.
	_, _, err = senders[1].TryClaim(1)
	mustFail(t, err, fault.InvalidHandle)
	senders[2].Close()
	if s, _ := ring.sender(t); s.at != 2 {
		t.Errorf("lane %d, want the closed one's", s.at)
	}
	rSeat.die()
	next, _ := ring.receiver(t)
	if err := next.Close(); err != nil {
		t.Error(err)
	}
	r.Close() // of one that was taken for dead: the end is not its own any more
	last, _ := ring.receiver(t)
	if last.mine.word.load()>>deathShift != 1 {
		t.Errorf("%d deaths", last.mine.word.load()>>deathShift)
	}
}

// TestSuccessorOfAReceiver: it gets what its predecessor was not done with, and nothing else twice.
func TestSuccessorOfAReceiver(t *testing.T) {
	ring := newRing(t, words, Ring{Lanes: 1, Capacity: smallest})
	r, seat := ring.receiver(t)
	s, _ := ring.sender(t)
	for i := range uint64(6) {
		claimAndMark(t, s, 1, i)
		s.Commit()
	}
	mustHave(t, r, 1, 0)
	mustHave(t, r, 1, 1)
	mustHave(t, r, 1, 2)
	r.Done()
	mustHave(t, r, 1, 3)
	seat.die()
	r, _ = ring.receiver(t)
	mustHave(t, r, 1, 3)
	mustHave(t, r, 1, 4)
	r.Close() // done with 3, and not with 4
	r, _ = ring.receiver(t)
	for i := uint64(4); i < 6; i++ {
		mustHave(t, r, 1, i)
	}
	mustHaveNothing(t, r)
}

// TestFullRing: who waits for room goes on when there is some, is told when there never will be, and by its context.
func TestFullRing(t *testing.T) {
	ring := newRing(t, words, Ring{Lanes: 1, Capacity: smallest})
	r, _ := ring.receiver(t)
	s, _ := ring.sender(t)
	n := uint64(0)
	for claimAndMark(t, s, 10, n) {
		s.Commit()
		n++
	}
	ctx, cancel := context.WithCancel(background)
	waited := make(chan error, 1)
	go func() {
		_, err := s.Claim(ctx, s.Most())
		s.Commit()
		waited <- err
	}()
	for s.lane.wants.load() == 0 {
		time.Sleep(time.Microsecond)
	}
	wants := s.lane.wants.load()
	for got := uint64(0); got < n; got++ {
		if r.lanes[0].told < wants && len(waited) > 0 {
			t.Fatal("the wait has ended without room")
		}
		mustHave(t, r, 10, got)
	}
	r.Done()
	if err := <-waited; err != nil {
		t.Fatal(err)
	}
	go func() {
		_, err := s.Claim(ctx, s.Most())
		waited <- err
	}()
	for s.lane.wants.load() == 0 {
		time.Sleep(time.Microsecond)
	}
	cancel()
	mustBe(t, <-waited, context.Canceled)
	go func() {
		waited <- s.Drain(background)
	}()
	r.Close()
	err := <-waited
	mustFail(t, err, fault.BrokenPipe)
	mustBe(t, err, io.ErrClosedPipe)
	_, seat := ring.receiver(t)
	seat.die()
	_, err = s.Claim(background, s.Most())
	mustFail(t, err, fault.BrokenPipe)
	for range fullLooks + 1 {
		if _, _, err = s.TryClaim(s.Most()); err != nil {
			break
		}
	}
	mustFail(t, err, fault.BrokenPipe)
}

// TestManySenders: lanes that are filled by goroutines of their own, from all of which one receives, who waits, in
// batches and past the end. Under the race detector it is silent: nothing here is a race by Go's memory model.
func TestManySenders(t *testing.T) {
	const lanes = 3
	each := uint64(20000)
	if raceDetector {
		each = 3000
	}
	ring := newRing(t, words, Ring{Lanes: lanes, Capacity: smallest})
	r, _ := ring.receiver(t)
	var group sync.WaitGroup
	for range lanes {
		s, _ := ring.sender(t)
		group.Go(func() {
			for n := range each {
				m, err := s.Claim(background, 1+int(n%5))
				if err != nil {
					t.Error(err)
					return
				}
				mark(m, n)
				if n%7 == 0 || n == each-1 {
					s.Commit()
				}
			}
			if err := s.Drain(background); err != nil {
				t.Error(err)
			}
			s.Close()
		})
	}
	var next [lanes]uint64
	for {
		m, err := r.Next(background)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if n := &next[r.at]; len(m) != 8*(1+int(*n%5)) || !marked(m, *n) {
			t.Fatalf("lane %d: %x instead of message %d", r.at, m, *n)
		}
		next[r.at]++
	}
	group.Wait()
	if next != [lanes]uint64{each, each, each} {
		t.Error(next)
	}
}

// TestSendersTakeTurns: one that is always ahead does not keep another's message back.
func TestSendersTakeTurns(t *testing.T) {
	ring := newRing(t, words, Ring{Lanes: 2, Capacity: smallest})
	r, _ := ring.receiver(t)
	fast, _ := ring.sender(t)
	slow, _ := ring.sender(t)
	claimAndMark(t, slow, 1, 42)
	slow.Commit()
	for i := range uint64(smallest) {
		if claimAndMark(t, fast, 1, i) {
			fast.Commit()
		}
		m, ok, err := r.TryNext()
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		if r.at == slow.at {
			if !marked(m, 42) {
				t.Errorf("%x", m)
			}
			return
		}
	}
	t.Error("the slow one's message never comes")
}

// TestSpoiledRings: whatever stands where a peer writes, it is an error that names the lane, told once, and other
// lanes go on.
func TestSpoiledRings(t *testing.T) {
	for name, spoil := range map[string]func(l *lane, header *uint64){
		"tail not a multiple":      func(l *lane, _ *uint64) { l.tail.store(l.tail.load() + 4) },
		"tail too far":             func(l *lane, _ *uint64) { l.tail.store(l.tail.load() + smallest) },
		"tail beyond all":          func(l *lane, _ *uint64) { l.tail.store(1 << 63) },
		"length beyond the tail":   func(_ *lane, header *uint64) { *header = 64 },
		"length beyond all":        func(_ *lane, header *uint64) { *header = 1<<63 - 1 },
		"length that wraps":        func(_ *lane, header *uint64) { *header = 1<<63 - 9 },
		"length of half a value":   func(_ *lane, header *uint64) { *header = 4 },
		"padding where none is":    func(_ *lane, header *uint64) { *header = 1<<63 | smallest - 8 },
		"padding of another place": func(_ *lane, header *uint64) { *header = 1<<63 | 8 },
	} {
		t.Run(name, func(t *testing.T) {
			ring := newRing(t, words, Ring{Lanes: 2, Capacity: smallest})
			r, _ := ring.receiver(t)
			bad, _ := ring.sender(t)
			good, _ := ring.sender(t)
			claimAndMark(t, bad, 1, 1)
			bad.Commit()
			claimAndMark(t, good, 1, 2)
			good.Commit()
			spoil(bad.lane, (*uint64)(unsafe.Pointer(bad.data)))
			told, got := 0, 0
			for range 10 {
				m, ok, err := r.TryNext()
				switch {
				case err != nil:
					mustFail(t, err, fault.FileCorrupt)
					told++
				case ok && marked(m, 2):
					got++
				case ok:
					t.Errorf("%x", m)
				}
			}
			if told != 1 || got != 1 {
				t.Errorf("told %d times; %d messages of the other lane", told, got)
			}
			good.Close()
			_, err := r.Next(background)
			mustBe(t, err, io.ErrUnexpectedEOF)
		})
	}
	for name, head := range map[string]uint64{"ahead": 1 << 20, "odd": 4, "backwards": 0} {
		t.Run("head "+name, func(t *testing.T) {
			ring := newRing(t, words, Ring{Lanes: 1, Capacity: smallest})
			l := laneOf(ring.memory, 0)
			l.tail.store(1024)
			l.head.store(1024)
			s, _ := ring.sender(t)
			l.head.store(head)
			var err error
			for i := 0; err == nil && i < 10000; i++ {
				_, _, err = s.TryClaim(10)
				s.Commit()
			}
			mustFail(t, err, fault.FileCorrupt)
		})
	}
}

// TestDamagedLaneIsLeftAlone: a sender takes another one, and is told of the damage where there is none.
func TestDamagedLaneIsLeftAlone(t *testing.T) {
	ring := newRing(t, words, Ring{Lanes: 2, Capacity: smallest})
	r, _ := ring.receiver(t)
	laneOf(ring.memory, 0).tail.store(4)
	s, _ := ring.sender(t)
	if s.at != 1 {
		t.Fatalf("lane %d", s.at)
	}
	_, err := SenderOver(ring.memory, ring.sit())
	mustFail(t, err, fault.FileCorrupt)
	claimAndMark(t, s, 1, 1)
	s.Commit()
	for told := false; ; told = true {
		m, ok, err := r.TryNext()
		if err != nil && !told {
			mustFail(t, err, fault.FileCorrupt)
			continue
		}
		if err != nil || !ok || !marked(m, 1) {
			t.Error(m, ok, err)
		}
		break
	}
}

// TestClosedEnds: every call after Close says so, and none touches the memory.
func TestClosedEnds(t *testing.T) {
	ring := newRing(t, words, Ring{Lanes: 1, Capacity: smallest})
	r, _ := ring.receiver(t)
	s, _ := ring.sender(t)
	claimAndMark(t, s, 1, 1)
	s.Close()
	r.Close()
	clear(ring.memory)
	_, _, err := s.TryClaim(1)
	mustFail(t, err, fault.InvalidHandle)
	_, err = s.Claim(background, 1)
	mustFail(t, err, fault.InvalidHandle)
	s.Commit()
	s.Abort()
	mustFail(t, s.Drain(background), fault.InvalidHandle)
	mustFail(t, s.Close(), fault.InvalidHandle)
	_, _, err = r.TryNext()
	mustFail(t, err, fault.InvalidHandle)
	_, err = r.Next(background)
	mustFail(t, err, fault.InvalidHandle)
	r.Done()
	mustFail(t, r.Close(), fault.InvalidHandle)
	for _, b := range ring.memory {
		if b != 0 {
			t.Fatal("a closed end has written")
		}
	}
}

// TestCloseEndsAWait of another goroutine.
func TestCloseEndsAWait(t *testing.T) {
	ring := newRing(t, words, Ring{Lanes: 1, Capacity: smallest})
	r, _ := ring.receiver(t)
	waited := make(chan error, 1)
	go func() {
		_, err := r.Next(background)
		waited <- err
	}()
	for r.control.asleep.load() == 0 {
		time.Sleep(time.Microsecond)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	mustFail(t, <-waited, fault.InvalidHandle)
	mustFail(t, r.Close(), fault.InvalidHandle)
	ring.receiver(t) // and the end is free
}

// TestContextIsLookedAtLast: with a context that is done a call looks once.
func TestContextIsLookedAtLast(t *testing.T) {
	ring := newRing(t, words, Ring{Lanes: 1, Capacity: smallest})
	r, _ := ring.receiver(t)
	s, _ := ring.sender(t)
	done, cancel := context.WithCancel(background)
	cancel()
	if _, err := s.Claim(done, 1); err != nil {
		t.Error(err)
	}
	s.Commit()
	if _, err := r.Next(done); err != nil {
		t.Error(err)
	}
	_, err := r.Next(done)
	mustBe(t, err, context.Canceled)
}

// TestPaddingIsNeverLast: no sender ends with it, nor has it where half of a lane is left; what stands behind it is
// no message then.
func TestPaddingIsNeverLast(t *testing.T) {
	for _, start := range []uint64{smallest - 64, smallest / 2} {
		ring := newRing(t, words, Ring{Lanes: 1, Capacity: smallest})
		l := laneOf(ring.memory, 0)
		l.head.store(start)
		l.tail.store(start)
		controlOf(ring.memory).used.store(1)
		r, _ := ring.receiver(t)
		data := dataOf(ring.memory, r.head, 0)
		storeHeader(unsafe.Add(data, start), paddingBit|(smallest-start-recordHeader))
		storeHeader(data, 8) // an old message
		l.tail.store(smallest)
		if start == smallest/2 {
			l.tail.store(smallest + 16)
		}
		_, ok, err := r.TryNext()
		if ok {
			t.Errorf("a message behind padding at %d", start)
		}
		mustFail(t, err, fault.FileCorrupt)
	}
}
