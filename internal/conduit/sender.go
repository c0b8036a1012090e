package conduit

import (
	"context"
	"io"
	"sync/atomic"
	"unsafe"

	"github.com/namedshm/namedshm/internal/fault"
	"github.com/namedshm/namedshm/internal/waiting"
)

// Sender is a ring's end that sends: the owner of a lane.
//
// What it does that others see is one store, of the lane's tail. So wherever it dies there is nothing to mend: who
// comes after it begins at the tail, and writes over what was never said.
type Sender struct {
	end
	lane *lane
	data unsafe.Pointer
	at   int // which lane

	size     uint64 // of a value
	most     uint   // values in a message
	capacity uint64
	mask     uint64 // capacity - 1
	tail     uint64 // what others see
	next     uint64 // behind the claims that are open
	limit    uint64 // how far there is room, by the head that was seen last
	refused  int    // how many times there was no room

	need atomic.Uint64 // the head that it waits for, for the patrol
}

// fullLooks is how many times there is no room, or no message, before somebody who never waits is told that nobody
// lives on the other side: to find out takes a system call.
const fullLooks = 1024

// takeEnd takes the first lane that is free. One that somebody has damaged is left alone.
func (s *Sender) takeEnd() (damaged error) {
	for i := range s.head.lanes {
		if !fault.Mistake("a lane is used before it is said") {
			s.raiseUsed(i + 1)
		}
		ok, err := s.takeFor(&laneOf(s.memory, i).end)
		if fault.Mistake("a lane is used before it is said") {
			s.raiseUsed(i + 1)
		}
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if err := s.begin(i); fault.CodeOf(err) != fault.FileCorrupt {
			return err
		} else {
			damaged = err
		}
		s.goBack()
	}
	if damaged != nil {
		return damaged
	}
	return fault.Advise(fault.Fail(fault.Busy, "all %d lanes have senders; the first is %s", s.head.lanes,
		s.ownerOf(&laneOf(s.memory, 0).end)), "close a sender, or have the receiver make the ring with more lanes")
}

// begin begins at the tail that a predecessor left.
func (s *Sender) begin(at int) error {
	h := s.head
	s.at, s.lane = at, laneOf(s.memory, at)
	s.data = dataOf(s.memory, h, at)
	s.size, s.most, s.capacity = uint64(h.element), uint(h.most()), uint64(h.capacity)
	s.mask = s.capacity - 1
	s.tail = s.lane.tail.load()
	s.next = s.tail
	head := s.lane.head.load()
	if s.tail%8 != 0 || s.tail >= mostPosition || head > s.tail || head%8 != 0 || s.tail-head > s.capacity {
		return corrupt(at, s.tail, "a tail that does not fit the head, %d", head)
	}
	s.limit = head + s.capacity
	s.sleeper = waiting.NewSleeper(s.look)
	return nil
}

// mostPosition is what no position can reach: a century at ten gigabytes in a second.
const mostPosition = 1 << 62

// record is the room that a message takes, without what is left free before it.
func record(bytes uint64) uint64 { return recordHeader + (bytes+7)&^7 }

// TryClaim is Claim for who does not wait: without room ok is false.
func (s *Sender) TryClaim(n int) (m []byte, ok bool, err error) {
	if s.Fits(n) {
		return s.Place(n), true, nil
	}
	if s.fragile {
		return s.guardedTryClaim(n)
	}
	if m, ok, err = s.claim(n); ok || err != nil {
		return m, ok, err
	}
	if s.refused++; s.refused%fullLooks == 0 {
		err = s.unread()
	}
	return nil, false, err
}

func (s *Sender) guardedTryClaim(n int) (m []byte, ok bool, err error) {
	defer guard(&err)()
	return s.claim(n)
}

// Fits reports that a message has room as far as is known, without a break at the lane's end. False is everything else,
// and every mistake: Claim and TryClaim look into it. Then Place is the claim.
//
// The two are apart from those because of what a call takes. Where a line passes slowly between the processors, a
// sender waits for its stores, which the processor makes in their order and of which few can wait: each that a call
// saves on the stack is one message less under way. So both are small enough that the compiler has them in their
// caller.
func (s *Sender) Fits(n int) bool {
	room := record(uint64(n) * s.size)
	return uint(n) <= s.most && s.next+room <= s.limit && s.next&s.mask+room <= s.capacity && s.owns() && !s.fragile
}

// Place is the place of a message that fits.
func (s *Sender) Place(n int) []byte {
	bytes := uint64(n) * s.size
	s.edge.acquire()
	place := unsafe.Add(s.data, s.next&s.mask)
	storeHeader(place, bytes)
	s.next += record(bytes)
	return behind(place, recordHeader, int(bytes))
}

// claim is one attempt.
func (s *Sender) claim(n int) (m []byte, ok bool, err error) {
	if uint(n) > s.most || !s.owns() {
		return nil, false, s.refuse(n)
	}
	bytes := uint64(n) * s.size
	room := record(bytes)
	at := s.next & (s.capacity - 1)
	from := s.next
	if left := s.capacity - at; room > left {
		from += left
	}
	end := from + room
	if fault.Mistake("padding before there is room") && from != s.next {
		storeHeader(unsafe.Add(s.data, at), paddingBit|(s.capacity-at-recordHeader))
		s.next, at = from, 0
	}
	if end > s.limit {
		if end-s.tail > s.capacity && !fault.Mistake("no end to open claims") {
			return nil, false, fault.Advise(
				fault.Fail(fault.InvalidParameter, "the open claims and %d values more take more than a lane", n),
				"commit what is claimed first")
		}
		if err := s.seeHead(); err != nil || end > s.limit {
			return nil, false, err
		}
	}
	s.edge.acquire()
	if from != s.next {
		storeHeader(unsafe.Add(s.data, at), paddingBit|(s.capacity-at-recordHeader))
		at = 0
		if fault.Mistake("padding is told alone") {
			s.lane.tail.store(from)
		}
	}
	storeHeader(unsafe.Add(s.data, at), bytes)
	s.next = end
	if fault.Mistake("the tail before the message") {
		s.lane.tail.store(end)
	}
	return behind(unsafe.Add(s.data, at), recordHeader, int(bytes)), true, nil
}

// paddingBit in a record's header says that what follows, up to the end of the lane, is no message.
const paddingBit = 1 << 63

// seeHead looks how far the receiver is.
func (s *Sender) seeHead() error {
	head := s.lane.head.load()
	if head+s.capacity < s.limit || head > s.tail || head%8 != 0 {
		return corrupt(s.at, s.tail, "the receiver's head went from %d to %d", s.limit-s.capacity, head)
	}
	s.limit = head + s.capacity
	return nil
}

// refuse says why there will never be room for so many values.
func (s *Sender) refuse(n int) error {
	if !s.owns() {
		return s.disowned()
	}
	return fault.Advise(
		fault.Fail(fault.InvalidParameter, "a message of %d values of %d bytes; this ring's have 0 to %d", n, s.size, s.most),
		"send it as several, or have the receiver make the ring with a larger capacity")
}

// Claim is room for a message of n values, in the ring itself, seen by nobody before Commit. It waits for room until
// the context is done. Several claims may be open.
func (s *Sender) Claim(ctx context.Context, n int) ([]byte, error) {
	if s.Fits(n) {
		return s.Place(n), nil
	}
	return s.claimLater(ctx, n)
}

// claimLater is Claim where there was no room.
func (s *Sender) claimLater(ctx context.Context, n int) ([]byte, error) {
	if s.fragile {
		return s.guardedClaimLater(ctx, n)
	}
	return s.awaitClaim(ctx, n)
}

func (s *Sender) guardedClaimLater(ctx context.Context, n int) (m []byte, err error) {
	defer guard(&err)()
	return s.awaitClaim(ctx, n)
}

func (s *Sender) awaitClaim(ctx context.Context, n int) (m []byte, err error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	for {
		if m, ok, err := s.claim(n); ok || err != nil {
			return m, err
		}
		if err := s.await(ctx, s.needed(n)); err != nil {
			return nil, err
		}
	}
}

// needed is where the head must be for a message to have room.
func (s *Sender) needed(n int) uint64 {
	room := record(uint64(n) * s.size)
	if left := s.capacity - s.next&(s.capacity-1); room > left {
		room += left
	}
	return s.next + room - s.capacity
}

// await returns when the head may have come as far as it must.
func (s *Sender) await(ctx context.Context, need uint64) error {
	if err := s.unread(); err != nil {
		return err
	}
	if err := waiting.ContextError(ctx); err != nil {
		return err
	}
	for spin := (spinner{}); spin.again(); {
		if s.lane.head.load() >= need {
			return nil
		}
	}
	s.need.Store(need)
	room := s.lane.room.load()
	s.lane.wants.store(need)
	defer s.lane.wants.swap(need, 0) // by now the lane may be another sender's
	if s.lane.head.load() >= need && !fault.Mistake("no look after saying what is waited for") {
		return nil
	}
	if err := s.unread(); err != nil {
		return err
	}
	if fault.Mistake("a sender sleeps on the head") {
		return s.sleep(ctx, lowHalf(&s.lane.head), uint32(s.limit-s.capacity))
	}
	return s.sleep(ctx, &s.lane.room, room)
}

// look is the patrol's: may the sender go on, or will it never?
func (s *Sender) look() bool {
	if s.fragile {
		var err error
		defer guard(&err)()
	}
	if fault.Mistake("a sender's patrol asks for no death") {
		return s.lane.head.load() >= s.need.Load()
	}
	return s.lane.head.load() >= s.need.Load() || s.unread() != nil || s.seats.SeatLost() || s.uses.Closed()
}

// unread is why nobody will ever make room; nil while somebody may.
func (s *Sender) unread() error {
	receiver := &s.control.receiver
	word := receiver.word.load()
	switch {
	case word == 0 || s.alive(word):
		return nil
	case word&closedBit != 0:
		return waitForAnother(broken(io.ErrClosedPipe, "its receiver has closed, and not all is read"))
	}
	return waitForAnother(broken(io.ErrClosedPipe, "its receiver, %s, has died, and not all is read", s.ownerOf(receiver)))
}

func waitForAnother(err error) error {
	return fault.Advise(err, "start another receiver, and try again")
}

// Commit makes all open claims visible, at once.
func (s *Sender) Commit() {
	if s.next == s.tail || s.over {
		return
	}
	if s.fragile {
		s.guardedCommit()
	} else {
		s.commit()
	}
}

func (s *Sender) guardedCommit() {
	var err error // a later call will see that the memory is gone
	defer guard(&err)()
	s.commit()
}

func (s *Sender) commit() {
	s.edge.release()
	s.tail = s.next
	if fault.Mistake("a look for sleepers before the tail") && s.control.asleep.load() == 0 {
		s.lane.tail.store(s.next)
		return
	}
	s.lane.tail.store(s.next)
	s.ring()
}

// Abort gives all open claims back.
func (s *Sender) Abort() { s.next = s.tail }

// Drain returns when all is read that was committed.
func (s *Sender) Drain(ctx context.Context) (err error) {
	if s.fragile {
		defer guard(&err)()
	}
	if !s.owns() {
		return s.disowned()
	}
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	for {
		if err := s.seeHead(); err != nil {
			return err
		}
		if s.limit == s.tail+s.capacity {
			s.edge.acquire()
			return nil
		}
		if err := s.await(ctx, s.tail); err != nil {
			return err
		}
	}
}

// Most is the most values that a message can have.
func (s *Sender) Most() int { return int(s.most) }

// Fill copies a message into a claim. In pieces that stay in the cache: a larger copy goes past it, which costs more
// than it saves.
func Fill(claim, m []byte) {
	const piece = 128 << 10
	for len(m) > piece {
		copy(claim, m[:piece])
		claim, m = claim[piece:], m[piece:]
	}
	copy(claim, m)
}
