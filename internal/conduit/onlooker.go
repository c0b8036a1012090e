package conduit

import (
	"context"
	"unsafe"

	"github.com/namedshm/namedshm/internal/fault"
	"github.com/namedshm/namedshm/internal/kernel"
)

// Onlooker looks at a ring or feed without taking part in it: it needs the right to read, and changes nothing. It
// belongs to one goroutine at a time.
type Onlooker struct {
	end
	section *kernel.Section
	view    *kernel.View
}

// LookOn opens a ring or feed to look at.
func LookOn(name string) (*Onlooker, error) { return lookOn(context.Background(), name) }

func lookOn(ctx context.Context, name string) (*Onlooker, error) {
	section, err := kernel.OpenSeatedSection(context.Background(), name, kernel.Read, kernel.Stand)
	if err != nil {
		return nil, err
	}
	view, err := section.Map(0, 0, kernel.Read)
	if err != nil {
		section.Close()
		return nil, err
	}
	o := &Onlooker{section: section, view: view}
	o.name, o.seats, o.fragile = name, section, section.Fragile()
	if err = o.attachGuarded(ctx, view.Bytes()); err != nil {
		o.Close()
		return nil, err
	}
	return o, nil
}

func (o *Onlooker) attachGuarded(ctx context.Context, memory []byte) (err error) {
	if o.fragile {
		defer guard(&err)()
	}
	awaitHead(ctx, memory)
	return o.attach(memory)
}

// Stat describes what is looked at.
func (o *Onlooker) Stat() (info Info, err error) {
	if o.over {
		return info, errClosed
	}
	if o.fragile {
		defer guard(&err)()
	}
	return o.stat(), nil
}

// Waiting calls f with a copy of each message that waits in a lane of a ring, the oldest first, until f is false. A
// receiver that goes on meanwhile ends it early.
func (o *Onlooker) Waiting(lane int, f func(m []byte) bool) (err error) {
	if err := o.hasLane(lane); err != nil {
		return err
	}
	if o.fragile {
		defer guard(&err)()
	}
	l, data, capacity := laneOf(o.memory, lane), dataOf(o.memory, o.head, lane), uint64(o.head.capacity)
	pos, tail := l.head.load(), l.tail.load()
	for pos < tail && tail-pos <= capacity && pos%8 == 0 {
		at := pos & (capacity - 1)
		header := loadHeader(unsafe.Add(data, at))
		if header&paddingBit != 0 {
			pos += capacity - at
			continue
		}
		if header > capacity || record(header) > capacity-at {
			return nil
		}
		if header > mostShown {
			return fault.Fail(fault.NotEnoughMemory, "lane %d at %d: no copy is made of %d bytes", lane, pos, header)
		}
		m := make([]byte, header)
		copyOut(m, unsafe.Add(data, at+recordHeader))
		fenceLoads()
		if l.head.load() > pos || !f(m) {
			return nil // a receiver has it by now, and a sender may have written over it
		}
		pos += record(header)
	}
	return nil
}

// mostShown is the longest message of which an onlooker makes a copy: what a head says that somebody else has written
// is no reason to take more memory than there is.
const mostShown = 1 << 30

// hasLane is why a lane cannot be looked into.
func (o *Onlooker) hasLane(lane int) error {
	switch {
	case o.over:
		return errClosed
	case o.head.kind != KindRing || lane < 0 || lane >= o.head.lanes:
		return fault.Fail(fault.InvalidParameter, "there is no lane %d", lane)
	}
	return nil
}

// Consumed calls f with the length of each message that the receiver of a ring is done with and that still stands in a
// lane, the oldest first, and a copy of its beginning, of at most so many bytes. Where records begin is known from the
// front of the lane on, so that these are the ones since it was begun anew there; and its sender may be writing over
// them without having said so: it is a look at what was, for people.
func (o *Onlooker) Consumed(lane, most int, f func(beginning []byte, length int) bool) (err error) {
	if err := o.hasLane(lane); err != nil {
		return err
	}
	if o.fragile {
		defer guard(&err)()
	}
	l, data, capacity := laneOf(o.memory, lane), dataOf(o.memory, o.head, lane), uint64(o.head.capacity)
	head := l.head.load()
	looks := 0 // garbage can be read as a great many messages
	for pos := head &^ (capacity - 1); pos < head && head%8 == 0 && looks < mostCounted; looks++ {
		at := pos & (capacity - 1)
		header := loadHeader(unsafe.Add(data, at))
		if header > head-pos || record(header) > head-pos {
			return nil // padding, which leads to the next round, or garbage
		}
		m := make([]byte, min(header, uint64(max(most, 0))))
		copyOut(m, unsafe.Add(data, at+recordHeader))
		fenceLoads()
		if l.tail.load() <= pos+capacity && !f(m, int(header)) {
			return nil
		}
		pos += record(header)
	}
	return nil
}

// Close closes it.
func (o *Onlooker) Close() error {
	if o.over {
		return errClosed
	}
	o.over = true
	err := o.view.Close()
	if closeErr := o.section.Close(); err == nil {
		err = closeErr
	}
	return err
}
