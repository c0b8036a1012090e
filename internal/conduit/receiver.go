package conduit

import (
	"context"
	"errors"
	"io"
	"math/bits"
	"sync/atomic"
	"unsafe"

	"github.com/namedshm/namedshm/internal/fault"
	"github.com/namedshm/namedshm/internal/waiting"
)

// Receiver is a ring's end that receives, from all lanes. There is one.
//
// A lane's head is what its predecessor has said, so that a message which it was working on is received once more.
type Receiver struct {
	end
	lanes   []incoming
	used    int       // lanes that were taken, as far as is known
	at      int       // the lane that is being emptied
	current *incoming // the same
	empty   int       // how many times there was nothing

	size     divisor
	capacity uint64
	mask     uint64 // capacity - 1
	eighth   uint64 // of the capacity: 0 where each call has to be careful
	deaths   uint64 // that were told, also of those whose lane nobody has taken again
	untold   bool   // Close says nothing of what is done with

	asleep  []atomic.Uint64 // the tails at which it fell asleep, for the patrol
	usedSet atomic.Int64    // and the number of lanes
}

// incoming is a lane as its receiver knows it.
type incoming struct {
	lane     *lane
	data     unsafe.Pointer
	pos      uint64 // all before it is done with
	next     uint64 // behind the message that was returned last; pos when there is none
	tail     uint64 // as it was seen last
	told     uint64 // what the sender knows of pos
	received uint64
	damaged  bool // it has been told, and counts as ended by a death
}

// takeEnd takes the ring's receiving end.
func (r *Receiver) takeEnd() error {
	ok, err := r.takeFor(&r.control.receiver)
	if err == nil && !ok {
		err = fault.Advise(fault.Fail(fault.Busy, "the ring has a receiver: %s", r.ownerOf(&r.control.receiver)),
			"a ring has one receiver at a time: close that one, or use another name")
	}
	if err != nil {
		return err
	}
	return r.begin()
}

// begin begins where a predecessor left.
func (r *Receiver) begin() error {
	h := r.head
	r.size, r.capacity = newDivisor(uint64(h.element)), uint64(h.capacity)
	r.mask = r.capacity - 1
	if !r.fragile {
		r.eighth = r.capacity / 8
	}
	r.lanes = make([]incoming, h.lanes)
	r.asleep = make([]atomic.Uint64, h.lanes)
	for i := range r.lanes {
		l := &r.lanes[i]
		l.lane, l.data = laneOf(r.memory, i), dataOf(r.memory, h, i)
		l.pos, l.received = l.lane.head.load(), l.lane.received.load()
		l.next, l.tail, l.told = l.pos, l.pos, l.pos
		tail := l.lane.tail.load()
		if l.pos%8 != 0 || tail >= mostPosition || tail < l.pos || tail%8 != 0 || tail-l.pos > r.capacity {
			return corrupt(i, l.pos, "a head that does not fit the tail, %d", tail)
		}
	}
	r.current = &r.lanes[0]
	r.used = r.usedLanes()
	r.deaths = r.countDeaths()
	r.sleeper = waiting.NewSleeper(r.look)
	r.parting = r.part
	return nil
}

// countDeaths is how many owners died whose lanes have been taken again.
func (r *Receiver) countDeaths() (sum uint64) {
	for i := range r.usedLanes() {
		sum += r.lanes[i].lane.end.word.load() >> deathShift
	}
	return sum
}

// TryNext is Next for who does not wait: without a message ok is false.
func (r *Receiver) TryNext() (m []byte, ok bool, err error) {
	if n := r.Known(); n >= 0 {
		return r.Advance(n), true, nil
	}
	if r.fragile {
		return r.guardedTryNext()
	}
	return r.tryNext()
}

func (r *Receiver) guardedTryNext() (m []byte, ok bool, err error) {
	defer guard(&err)()
	return r.tryNext()
}

func (r *Receiver) tryNext() (m []byte, ok bool, err error) {
	if m, ok, err = r.take(); ok || err != nil {
		return m, ok, err
	}
	if r.empty++; r.empty%fullLooks == 0 {
		err = r.ended(true)
	} else {
		err = r.ended(false)
	}
	if err == errChanged {
		err = nil
	}
	return nil, false, err
}

// Known is how many bytes the next message has, where the lane that is being emptied is known to have one, which begins
// before the lane's end, and nobody need be told anything. It is negative for everything else, and what is damaged:
// Next and TryNext look into it. Then Advance goes on to it. As to why they are apart, see Sender.Fits.
func (r *Receiver) Known() int {
	l := r.current
	if l.next == l.tail || l.next-l.told >= r.eighth || r.over {
		return -1
	}
	header := loadHeader(unsafe.Add(l.data, l.next&r.mask))
	if header > r.capacity || record(header) > min(l.tail-l.next, r.capacity-l.next&r.mask) || !r.size.divides(header) {
		return -1
	}
	return int(header)
}

// Advance is the next message, which has so many bytes.
func (r *Receiver) Advance(bytes int) []byte {
	l := r.current
	if l.next != l.pos {
		l.received++
	}
	l.pos = l.next
	l.next += record(uint64(bytes))
	return behind(unsafe.Add(l.data, l.pos&r.mask), recordHeader, bytes)
}

// take returns the next message that is there.
func (r *Receiver) take() (m []byte, ok bool, err error) {
	if r.over {
		return nil, false, errClosed
	}
	l := &r.lanes[r.at]
	if l.next != l.pos {
		l.pos = l.next
		l.received++
		if l.pos-l.told >= r.capacity/8 {
			r.tell(l)
		}
	}
	if l.pos == l.tail {
		if l, err = r.turn(l); l == nil {
			return nil, false, err
		}
	}
	if m, err = r.message(l); err != nil {
		l.damage()
	}
	return m, err == nil, err
}

// damage gives a lane up: nothing in it can be believed. It is told once.
func (l *incoming) damage() {
	l.damaged = true
	l.next, l.tail = l.pos, l.pos
}

// turn goes on to the next lane in which there is something. So a lane is emptied as far as it was filled when its
// turn came, and no sender keeps the others' messages back.
func (r *Receiver) turn(l *incoming) (*incoming, error) {
	if l.told != l.pos && !fault.Mistake("an empty lane is not told") {
		r.tell(l)
	}
	if r.used < len(r.lanes) {
		r.used = r.usedLanes()
	}
	for range r.used {
		if r.at++; r.at >= r.used {
			r.at = 0
		}
		l = &r.lanes[r.at]
		r.current = l
		tail := l.lane.tail.load()
		switch {
		case tail == l.tail || l.damaged:
			continue
		case tail < l.tail || tail%8 != 0 || tail-l.pos > r.capacity || tail >= mostPosition:
			l.damage()
			return nil, corrupt(r.at, l.pos, "the tail went from %d to %d", l.tail, tail)
		}
		l.tail = tail
		r.edge.acquire()
		return l, nil
	}
	return nil, nil
}

// message is the one at a lane's position.
func (r *Receiver) message(l *incoming) ([]byte, error) {
	at := l.pos & (r.capacity - 1)
	header := loadHeader(unsafe.Add(l.data, at))
	if header&paddingBit != 0 {
		left := r.capacity - at
		if header&^paddingBit != left-recordHeader || at <= r.capacity/2 || left >= l.tail-l.pos {
			return nil, corrupt(r.at, l.pos, "padding that no sender makes, %#x", header)
		}
		l.pos += left
		l.next, at = l.pos, 0
		header = loadHeader(l.data)
	}
	room := record(header)
	if header > r.capacity || room > min(l.tail-l.pos, r.capacity-at) || !r.size.divides(header) {
		return nil, corrupt(r.at, l.pos, "a message of %d bytes, where there are at most %d, and a value has %d", header,
			min(l.tail-l.pos, r.capacity-at)-recordHeader, r.size.of)
	}
	l.next = l.pos + room
	if fault.Mistake("the head before the message is done with") {
		l.lane.head.store(l.next)
	}
	return behind(unsafe.Add(l.data, at), recordHeader, int(header)), nil
}

// tell tells a lane's sender what is done with, and wakes it when that is what it waits for.
func (r *Receiver) tell(l *incoming) {
	r.edge.release()
	l.told = l.pos
	l.lane.received.store(l.received)
	l.lane.head.store(l.pos)
	wants := l.lane.wants.load()
	if fault.Mistake("a sender sleeps on the head") {
		wake(lowHalf(&l.lane.head))
	}
	if wants != 0 && l.pos >= wants {
		l.lane.room.add(1)
		wake(&l.lane.room)
		if fault.Mistake("what is waited for is cleared whatever it says") {
			l.lane.wants.store(0)
		}
		l.lane.wants.swap(wants, 0)
	}
}

// Done says that the message which was returned last is done with: a successor will not get it again. Otherwise that
// is said when a lane has been emptied, or an eighth of its capacity has been read.
func (r *Receiver) Done() {
	if r.over {
		return
	}
	if r.fragile {
		var err error
		defer guard(&err)()
	}
	l := &r.lanes[r.at]
	if l.next != l.pos {
		l.pos = l.next
		l.received++
	}
	if l.told != l.pos {
		r.tell(l)
	}
}

// part tells all senders what is done with, so that a successor gets nothing of it. Of an end whose quick half is
// elsewhere that is not known here.
func (r *Receiver) part() {
	if r.abroad || r.untold {
		return
	}
	for i := range r.used {
		if l := &r.lanes[i]; l.told != l.pos && !l.damaged {
			r.tell(l)
		}
	}
}

// CloseUntold is Close for who passes on several messages at a time: a successor gets all that was not said to be done
// with by now.
func (r *Receiver) CloseUntold() error {
	r.untold = true
	return r.Close()
}

// Held reports that the next message is there, and that returning it tells nobody that those before it are done with.
// So who passes on several at a time, and dies meanwhile, leaves them to its successor.
func (r *Receiver) Held() bool {
	if r.over {
		return false
	}
	l := &r.lanes[r.at]
	return l.next != l.tail && l.next-l.told < r.capacity/8
}

// Next is the next message, in place, until the next call. Without one it waits until the context is done. io.EOF:
// there were senders, all have closed, and all is read. That lasts until there is another one.
func (r *Receiver) Next(ctx context.Context) ([]byte, error) {
	if n := r.Known(); n >= 0 {
		return r.Advance(n), nil
	}
	return r.nextLater(ctx)
}

// nextLater is Next where there was nothing.
func (r *Receiver) nextLater(ctx context.Context) ([]byte, error) {
	if r.fragile {
		return r.guardedNextLater(ctx)
	}
	return r.awaitNext(ctx)
}

func (r *Receiver) guardedNextLater(ctx context.Context) (m []byte, err error) {
	defer guard(&err)()
	return r.awaitNext(ctx)
}

func (r *Receiver) awaitNext(ctx context.Context) (m []byte, err error) {
	if err := r.enter(); err != nil {
		return nil, err
	}
	defer r.leave()
	for round := 0; round < mostRounds; round++ {
		if m, ok, err := r.take(); ok || err != nil {
			return m, err
		}
		if round == 0 && r.spin() {
			continue
		}
		err := r.ended(true)
		if err == nil {
			round = 0
			err = r.sleepForMore(ctx)
		}
		if err != nil && err != errChanged {
			return nil, err
		}
	}
	return nil, errWild
}

// spin looks for a while, and reports whether something has come.
func (r *Receiver) spin() bool {
	for spin := (spinner{}); spin.again(); {
		if r.more() {
			return true
		}
	}
	return false
}

// more reports that a lane has something new, or there is a new lane.
func (r *Receiver) more() bool {
	for i := range r.used {
		if l := &r.lanes[i]; l.lane.tail.load() != l.tail && !l.damaged {
			return true
		}
	}
	return r.used < len(r.lanes) && r.usedLanes() != r.used
}

// sleepForMore sleeps until there may be something. Who finds something, or that all have ended, comes back to look.
func (r *Receiver) sleepForMore(ctx context.Context) error {
	if err := waiting.ContextError(ctx); err != nil {
		return err
	}
	for i := range r.lanes {
		r.asleep[i].Store(r.lanes[i].tail)
		if r.lanes[i].damaged {
			r.asleep[i].Store(^uint64(0))
		}
	}
	r.usedSet.Store(int64(r.used))
	c := r.control
	rings := c.rings.load()
	c.asleep.store(asleepAt(rings))
	defer c.asleep.swap(asleepAt(rings), 0)
	if r.more() && !fault.Mistake("no look after saying that it sleeps") {
		return nil
	}
	if err := r.ended(true); err != nil {
		return err
	}
	return r.sleep(ctx, &c.rings, rings)
}

// look is the patrol's.
func (r *Receiver) look() bool {
	if r.fragile {
		var err error
		defer guard(&err)()
	}
	used := int(r.usedSet.Load())
	if r.usedLanes() != used || r.seats.SeatLost() || r.uses.Closed() {
		return true
	}
	ever, living := false, false
	for i := range used {
		l := r.lanes[i].lane
		if known := r.asleep[i].Load(); known != ^uint64(0) && l.tail.load() != known {
			return true
		}
		word := l.end.word.load()
		ever = ever || word != 0
		living = living || r.alive(word)
	}
	return ever && !living && !fault.Mistake("a receiver's patrol asks for no death")
}

// errChanged is what ended says when the senders changed while it looked.
var errChanged = errors.New("something has come")

// ended is io.EOF when there were senders, all have closed and all is read; an error that is io.ErrUnexpectedEOF
// when one of them died; errChanged when it is to be looked again; and nil otherwise. Without ask no system is asked
// who lives, so that nobody is found dead.
//
// Who closes or dies has committed before. So the end words are read first and the tails then; and the words once
// more, lest a sender had come and gone meanwhile.
func (r *Receiver) ended(ask bool) error {
	var words [mostLanes]uint64
	used := r.usedLanes()
	deaths, standing, dead, ever := uint64(0), uint64(0), -1, false
	if fault.Mistake("the tails before the end words") && r.unread(used) {
		return errChanged
	}
	for i := range used {
		word := r.lanes[i].lane.end.word.load()
		words[i] = word
		deaths += word >> deathShift
		switch {
		case word == 0:
			continue
		case r.lanes[i].damaged:
			dead = i
		case word&closedBit == 0:
			if !ask || r.alive(word) {
				return nil
			}
			dead = i
			standing++
		}
		ever = true
	}
	if !ever {
		return nil
	}
	if !fault.Mistake("the tails before the end words") && r.unread(used) {
		return errChanged
	}
	for i := range used {
		if r.lanes[i].lane.end.word.load() != words[i] && !fault.Mistake("the end words once") {
			return errChanged
		}
	}
	if r.usedLanes() != used {
		return errChanged
	}
	switch {
	case dead >= 0:
		r.deaths = deaths + standing // who takes a lane of these counts its death, which is told by then
		return died("a sender, %s, died without closing", r.ownerOf(&r.lanes[dead].lane.end))
	case deaths > r.deaths:
		r.deaths = deaths
		return died("a sender died without closing")
	}
	return io.EOF
}

// unread reports that a lane has something that was not read.
func (r *Receiver) unread(used int) bool {
	for i := range used {
		if l := &r.lanes[i]; !l.damaged && l.lane.tail.load() != l.pos {
			return true
		}
	}
	return false
}

// divisor is a number by which it is often asked whether others can be divided.
type divisor struct {
	of      uint64
	inverse uint64 // of its odd part, modulo 2^64
	shift   int
	most    uint64 // the highest quotient
}

func newDivisor(of uint64) divisor {
	shift := bits.TrailingZeros64(of)
	odd := of >> shift
	inverse := odd
	for range 6 { // each round doubles the number of bits that are right, of which the first has three
		inverse *= 2 - odd*inverse
	}
	return divisor{of: of, inverse: inverse, shift: shift, most: ^uint64(0) / of}
}

// divides: a multiple has its quotient here, and every other number something larger.
func (d *divisor) divides(n uint64) bool {
	return bits.RotateLeft64(n*d.inverse, -d.shift) <= d.most
}
