package conduit

import (
	"unsafe"

	"github.com/namedshm/namedshm/internal/fault"
	"github.com/namedshm/namedshm/internal/waiting"
)

// Writer is a feed's end that writes. There is one, and it never waits.
//
// The slot that it writes is one that nobody asks for, so that its death leaves nothing to mend.
type Writer struct {
	end
	lane *lane
	slots

	size    int
	tail    uint64 // messages written
	slot    *slotWords
	claimed bool
	draft   []byte // where the slot itself cannot be given away
}

// takeEnd takes the feed's writing end.
func (w *Writer) takeEnd() error {
	w.raiseUsed(1)
	its := &laneOf(w.memory, 0).end
	ok, err := w.takeFor(its)
	if err == nil && !ok {
		err = fault.Advise(fault.Fail(fault.Busy, "the feed has a writer: %s", w.ownerOf(its)),
			"a feed has one writer at a time: close that one, or use another name")
	}
	if err != nil {
		return err
	}
	return w.begin()
}

// begin begins behind what a predecessor has finished.
func (w *Writer) begin() error {
	h := w.head
	w.lane, w.slots, w.size = laneOf(w.memory, 0), slotsOf(w.memory, h), h.element
	w.tail = w.lane.tail.load()
	if w.tail >= mostPosition {
		return corrupt(0, w.tail, "a number that no writer comes to")
	}
	// It may have died between saying that a message is whole and saying that it is the newest. Somebody may have
	// read it.
	next := w.tail + 1
	switch seq := w.of(next).seq.load(); {
	case seq == 2*next && !fault.Mistake("a message that was finished is not told"):
		w.tail = next
		w.lane.tail.store(next)
		w.ring()
	case seq == 2*next-1, fault.Mistake("a message that was finished is not told"),
		fault.Mistake("no odd number while it is written"):
	case next > w.depth && seq == 2*(next-w.depth), next <= w.depth && seq == 0:
	default:
		return corrupt(0, w.tail, "a slot with number %d, where message %d belongs", seq, next)
	}
	w.sleeper = waiting.NewSleeper(func() bool { return true })
	return nil
}

// slots are where a feed's messages are.
type slots struct {
	data   unsafe.Pointer
	depth  uint64
	mask   uint64 // depth - 1 where that is a power of two, and 0 otherwise
	stride uint64
}

func slotsOf(memory []byte, h *head) slots {
	s := slots{data: dataOf(memory, h, 0), depth: uint64(h.depth), stride: uint64(h.stride)}
	if s.depth&(s.depth-1) == 0 {
		s.mask = s.depth - 1
	}
	return s
}

// of is the place of message n.
func (s *slots) of(n uint64) *slotWords {
	i := (n - 1) & s.mask
	if s.mask == 0 {
		i = (n - 1) % s.depth
	}
	return (*slotWords)(unsafe.Add(s.data, i*s.stride))
}

// payload is what follows a slot's words.
func (s *slotWords) payload() unsafe.Pointer { return unsafe.Add(unsafe.Pointer(s), slotHeader) }

// Claim is the place of the next message, with room for the longest there can be. What it holds is old bytes.
func (w *Writer) Claim() (m []byte, err error) {
	if w.fragile {
		defer guard(&err)()
	}
	if !w.owns() {
		return nil, w.disowned()
	}
	w.start()
	if inPlace {
		return behind(unsafe.Pointer(w.slot), slotHeader, int(w.head.capacity)), nil
	}
	if w.draft == nil {
		w.draft = alignedBytes(int(w.head.capacity))
	}
	return w.draft, nil
}

// start says that the next message is being written.
func (w *Writer) start() {
	if w.claimed {
		return
	}
	n := w.tail + 1
	w.slot, w.claimed = w.of(n), true
	if !fault.Mistake("no odd number while it is written") {
		w.slot.seq.store(2*n - 1)
	}
	if !fault.Mistake("no fence between stores") {
		fenceStores()
	}
}

// Commit makes the first n values of what was claimed the newest message.
func (w *Writer) Commit(n int) (err error) {
	switch {
	case w.over:
		return errClosed
	case !w.claimed || n < 0 || n > int(w.head.capacity)/w.size:
		return fault.Fail(fault.InvalidParameter, "%d values, of %d that were claimed", n, w.claimedValues())
	}
	if w.fragile {
		defer guard(&err)()
	}
	if !inPlace {
		copyIn(w.slot.payload(), w.draft[:n*w.size])
	}
	w.publish(n * w.size)
	return nil
}

func (w *Writer) claimedValues() int {
	if !w.claimed {
		return 0
	}
	return int(w.head.capacity) / w.size
}

func (w *Writer) publish(bytes int) {
	n := w.tail + 1
	w.edge.release()
	if fault.Mistake("the tail before the number") {
		w.lane.tail.store(n)
	}
	storeLength(&w.slot.bytes, uint32(bytes))
	w.slot.seq.store(2 * n)
	w.tail, w.claimed = n, false
	w.lane.tail.store(n)
	w.ring()
}

// Write makes the bytes the newest message.
func (w *Writer) Write(m []byte) error {
	if w.fragile {
		return w.guardedWrite(m)
	}
	return w.write(m)
}

func (w *Writer) guardedWrite(m []byte) (err error) {
	defer guard(&err)()
	return w.write(m)
}

func (w *Writer) write(m []byte) error {
	switch {
	case !w.owns():
		return w.disowned()
	case int64(len(m)) > w.head.capacity:
		return fault.Advise(fault.Fail(fault.InvalidParameter,
			"a message of %d values; this feed's have at most %d", len(m)/w.size, w.head.most()),
			"write it as several, or make the feed with a larger Most")
	}
	w.start()
	if fault.Mistake("the number before the message") {
		w.slot.seq.store(2 * (w.tail + 1))
	}
	copyIn(w.slot.payload(), m)
	w.publish(len(m))
	return nil
}

// Most is the most values that a message can have.
func (w *Writer) Most() int { return w.head.most() }
