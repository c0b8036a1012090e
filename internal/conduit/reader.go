package conduit

import (
	"cmp"
	"context"
	"io"
	"runtime"
	"slices"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/namedshm/namedshm/internal/fault"
	"github.com/namedshm/namedshm/internal/waiting"
)

// Reader is a feed's end that reads. There are any number, and nobody knows of them: the right to read is all that
// it takes.
type Reader struct {
	end
	lane *lane
	slots
	next uint64 // the number of the message that Next is to return

	readOnly bool
	draft    []byte        // of Look, where it cannot look into the slot itself
	seen     atomic.Uint64 // the tail at which it fell asleep, for the patrol
}

func (r *Reader) begin() error {
	r.lane, r.slots = laneOf(r.memory, 0), slotsOf(r.memory, r.head)
	r.sleeper = waiting.NewSleeper(r.look)
	tail := r.lane.tail.load()
	if tail >= mostPosition {
		return corrupt(0, tail, "a number that no writer comes to")
	}
	r.next = r.oldest(tail)
	return nil
}

// oldest is the number of the oldest message that is not about to be written over: the writer may be at the next one
// after the tail, in the slot of the one that is depth older.
func (r *Reader) oldest(tail uint64) uint64 {
	if tail >= r.depth {
		if fault.Mistake("the oldest is the one that is being overwritten") {
			return tail - r.depth + 1
		}
		return tail - r.depth + 2
	}
	return 1
}

// read copies message n behind buf's length, if it is there, and stays. there is false for one that is not.
func (r *Reader) read(n uint64, buf []byte) (m []byte, there bool, err error) {
	slot := r.of(n)
	if slot.seq.load() != 2*n {
		return buf, false, nil
	}
	bytes := int64(slot.bytes.load())
	length := int(min(bytes, r.head.capacity))
	m = slices.Grow(buf, length)[:len(buf)+length]
	copyOut(m[len(buf):], slot.payload())
	if !fault.Mistake("no fence between loads") {
		fenceLoads()
	}
	switch {
	case !fault.Mistake("no second look") && slot.seq.load() != 2*n:
		return m[:len(buf)], false, nil
	case bytes > r.head.capacity || bytes%int64(r.head.element) != 0:
		return m[:len(buf)], false, corrupt(0, n, "a message of %d bytes, where the most is %d and a value has %d", bytes,
			r.head.capacity, r.head.element)
	}
	r.edge.acquire()
	runtime.KeepAlive(r) // with it the memory would go, if another goroutine has closed it
	return m, true, nil
}

// Next is the message behind the last one that was returned, appended to buf; lost is how many before it were
// overwritten. It waits until the context is done. A new reader begins with the oldest that is kept. io.EOF: the
// writer has closed, and all is read.
func (r *Reader) Next(ctx context.Context, buf []byte) (m []byte, lost uint64, err error) {
	if !r.fragile && !r.over {
		if m, there, err := r.read(r.next, buf); there || err != nil {
			r.next++
			return m, 0, err
		}
	}
	return r.nextLater(ctx, buf)
}

// TryNext is Next for who does not wait: without a message ok is false.
func (r *Reader) TryNext(buf []byte) (m []byte, lost uint64, ok bool, err error) {
	if r.fragile {
		defer guard(&err)()
	}
	if r.over {
		return buf, 0, false, errClosed
	}
	m, lost, ok, err = r.take(buf)
	if !ok && err == nil {
		err = r.ended()
	}
	if err == errChanged {
		err = nil
	}
	return m, lost, ok, err
}

// take returns the next message that is there, and how many it had to leave out.
func (r *Reader) take(buf []byte) (m []byte, lost uint64, ok bool, err error) {
	var stands struct{ next, tail, rounds uint64 }
	for range mostRounds {
		m, there, err := r.read(r.next, buf)
		if there || err != nil {
			r.next++
			return m, lost, there, err
		}
		tail := r.lane.tail.load()
		if stands.next != r.next || stands.tail != tail {
			stands.next, stands.tail, stands.rounds = r.next, tail, 0
		}
		stands.rounds++
		switch oldest := r.oldest(tail); {
		case tail >= mostPosition:
			return m, lost, false, corrupt(0, tail, "a number that no writer comes to")
		case r.next > tail:
			return m, lost, false, nil
		case r.next < oldest:
			lost += oldest - r.next
			if fault.Mistake("one more is lost than is told") {
				lost--
			}
			r.next = oldest
		}
	}
	if n := r.next; stands.rounds > mostRounds/2 {
		r.next++
		return buf, lost, false, r.spoiled(n)
	}
	return buf, lost, false, errWild
}

// spoiled is the error for a message that must be there and is not, although its writer has gone no further.
func (r *Reader) spoiled(n uint64) error {
	return corrupt(0, n, "a slot with number %d, where message %d belongs", r.of(n).seq.load(), n)
}

func (r *Reader) nextLater(ctx context.Context, buf []byte) (m []byte, lost uint64, err error) {
	if r.fragile {
		defer guard(&err)()
	}
	if err := r.enter(); err != nil {
		return buf, 0, err
	}
	defer r.leave()
	for round := 0; round < mostRounds; round++ {
		m, more, ok, err := r.take(buf)
		lost += more
		if ok || err != nil {
			return m, lost, err
		}
		if round == 0 && r.spin() {
			continue
		}
		if err = r.ended(); err == nil {
			round = 0
			err = r.sleepForMore(ctx)
		}
		if err != nil && err != errChanged {
			return m, lost, err
		}
	}
	return buf, lost, errWild
}

func (r *Reader) spin() bool {
	for spin := (spinner{}); spin.again(); {
		if r.lane.tail.load() >= r.next {
			return true
		}
	}
	return false
}

// sleepForMore sleeps until there may be something. It takes nothing back on leaving: others may sleep at the same
// number.
func (r *Reader) sleepForMore(ctx context.Context) error {
	if err := waiting.ContextError(ctx); err != nil {
		return err
	}
	c := r.control
	rings := c.rings.load()
	switch {
	case !r.readOnly:
		r.sayAsleep(rings)
		if fault.Mistake("an older sleeper's mark over a newer one") {
			c.asleep.store(asleepAt(rings))
		}
	case r.head.flags&flagSilent == 0: // the writer does not know that there are readers like this one
		return r.nap(ctx)
	}
	r.seen.Store(r.next)
	if r.lane.tail.load() >= r.next && !fault.Mistake("no look after saying that it sleeps") {
		return nil
	}
	if err := r.ended(); err != nil {
		return err
	}
	return r.sleep(ctx, &c.rings, rings)
}

// nap is a sleep that nobody ends.
func (r *Reader) nap(ctx context.Context) error {
	timer := time.NewTimer(5 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return waiting.ContextError(ctx)
	}
	if r.uses.Closed() {
		return errClosed
	}
	return nil
}

// look is the patrol's.
func (r *Reader) look() bool {
	if r.fragile {
		var err error
		defer guard(&err)()
	}
	word := r.lane.end.word.load()
	if fault.Mistake("a reader's patrol asks for no death") {
		return r.lane.tail.load() >= r.seen.Load()
	}
	return r.lane.tail.load() >= r.seen.Load() || r.uses.Closed() || word != 0 && !r.alive(word)
}

// ended is io.EOF when the writer has closed and all is read; an error that is io.ErrUnexpectedEOF when it has died;
// errChanged when it is to be looked again; nil while there may be more. Who closes or dies has written before: so
// the end word is read first.
func (r *Reader) ended() error {
	word := r.lane.end.word.load()
	if word == 0 || r.alive(word) {
		return nil
	}
	if r.lane.tail.load() >= r.next || r.of(r.next).seq.load() == 2*r.next || r.lane.end.word.load() != word {
		return errChanged
	}
	if word&closedBit != 0 {
		return io.EOF
	}
	return died("the writer, %s, died without closing", r.ownerOf(&r.lane.end))
}

// Latest is the newest message, appended to buf, and its number, which counts all that were ever written; 0 for
// none. Next goes on behind it.
func (r *Reader) Latest(buf []byte) (m []byte, number uint64, err error) {
	if r.fragile {
		return r.guardedLatest(buf)
	}
	return r.latest(buf)
}

func (r *Reader) guardedLatest(buf []byte) (m []byte, number uint64, err error) {
	defer guard(&err)()
	return r.latest(buf)
}

// newest is the number of the newest message that is known to be there. A message can be read before the tail says
// so, and when its writer dies just then that lasts: the numbers that one reader sees do not fall.
func (r *Reader) newest() uint64 { return max(r.lane.tail.load(), r.next-1) }

func (r *Reader) latest(buf []byte) (m []byte, number uint64, err error) {
	if r.over {
		return buf, 0, errClosed
	}
	first := uint64(0)
	for range mostRounds {
		n := r.newest()
		first = cmp.Or(first, n)
		switch {
		case n == 0:
			return buf, 0, nil
		case n >= mostPosition:
			return buf, 0, corrupt(0, n, "a number that no writer comes to")
		}
		m, there, err := r.read(n, buf)
		if there || err != nil {
			r.next = n + 1 // which is never less than it was
			return m, n, err
		}
		buf = m
	}
	switch {
	case r.over:
		return buf, 0, errClosed
	case r.newest() == first:
		return buf, 0, r.spoiled(first)
	}
	return buf, 0, errWild
}

// Look calls f with the newest message in place, and reports whether it stayed whole meanwhile. If not, f has seen
// garbage. The number is 0 when there was none.
func (r *Reader) Look(f func(m []byte)) (number uint64, whole bool) {
	if r.over {
		return 0, false
	}
	if r.fragile || !inPlace {
		next := r.next // a look is no reading: Next goes on where it was
		m, n, err := r.Latest(r.draft[:0])
		r.draft, r.next = m, next
		if err != nil || n == 0 {
			return n, false
		}
		f(m)
		return n, true
	}
	n := r.newest()
	if n == 0 || n >= mostPosition {
		return 0, false
	}
	slot := r.of(n)
	if slot.seq.load() != 2*n {
		return n, false
	}
	bytes := int64(slot.bytes.load())
	if bytes > r.head.capacity || bytes%int64(r.head.element) != 0 {
		return n, false
	}
	f(behind(unsafe.Pointer(slot), slotHeader, int(bytes)))
	fenceLoads()
	return n, slot.seq.load() == 2*n
}

// Most is the most values that a message can have.
func (r *Reader) Most() int { return r.head.most() }
