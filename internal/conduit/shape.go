package conduit

import "github.com/namedshm/namedshm/internal/fault"

// Ring is the shape of a ring.
type Ring struct {
	Lanes    int   // how many can send at the same time: 1 to 64
	Capacity int64 // bytes of a lane: a power of two, from 4 KiB to 1 TiB
}

// Feed is the shape of a feed.
type Feed struct {
	Depth int // messages kept, at least 3
	Most  int // the most values in a message
}

// The shapes of what is made without being told another.
var (
	usualRing = Ring{Lanes: 8, Capacity: 1 << 20}
	usualFeed = Feed{Depth: 64, Most: 1}
)

func (r *Ring) check() error {
	switch {
	case r.Lanes < 1 || r.Lanes > mostLanes:
		return fault.Fail(fault.InvalidParameter, "%d lanes; a ring has 1 to %d", r.Lanes, mostLanes)
	case r.Capacity < leastCapacity || r.Capacity > mostCapacity || r.Capacity&(r.Capacity-1) != 0:
		return fault.Fail(fault.InvalidParameter, "a capacity of %d bytes; a lane's is a power of two from %d to %d",
			r.Capacity, leastCapacity, int64(mostCapacity))
	}
	return nil
}

func (f *Feed) check() error {
	switch {
	case f.Depth < leastDepth || f.Depth > mostDepth:
		return fault.Fail(fault.InvalidParameter, "a depth of %d messages; a feed's is %d to %d", f.Depth, leastDepth,
			mostDepth)
	case f.Most < 1:
		return fault.Fail(fault.InvalidParameter, "messages of at most %d values; a feed's have 1 or more", f.Most)
	}
	return nil
}

// orUsual gives fields that are zero their usual values.
func (r Ring) orUsual() Ring {
	if r.Lanes == 0 {
		r.Lanes = usualRing.Lanes
	}
	if r.Capacity == 0 {
		r.Capacity = usualRing.Capacity
	}
	return r
}

func (f Feed) orUsual() Feed {
	if f.Depth == 0 {
		f.Depth = usualFeed.Depth
	}
	if f.Most == 0 {
		f.Most = usualFeed.Most
	}
	return f
}

// matches is why a ring that is there is not one of this shape; a field that is zero takes all.
func (r Ring) matches(h *head) error {
	switch {
	case r.Lanes != 0 && r.Lanes != h.lanes:
		return another("%d lanes were asked for, and the ring that is there has %d", r.Lanes, h.lanes)
	case r.Capacity != 0 && r.Capacity != h.capacity:
		return another("a capacity of %d bytes was asked for, and the ring that is there has %d", r.Capacity, h.capacity)
	}
	return nil
}

func (f Feed) matches(h *head) error {
	switch {
	case f.Depth != 0 && f.Depth != h.depth:
		return another("a depth of %d was asked for, and the feed that is there has %d", f.Depth, h.depth)
	case f.Most != 0 && f.Most != h.most():
		return another("messages of at most %d values were asked for, and the feed that is there has at most %d", f.Most,
			h.most())
	}
	return nil
}

// another is the error of who asks for another shape than the one that is there.
func another(format string, args ...any) error {
	return fault.Advise(fault.Fail(fault.InvalidParameter, format, args...),
		"leave the field zero to take what is there; another shape is possible once all ends are closed")
}

// most is the most values in a message.
func (h *head) most() int {
	if h.kind == KindRing {
		return int((h.capacity/2 - recordHeader) / int64(h.element))
	}
	return int(h.capacity / int64(h.element))
}
