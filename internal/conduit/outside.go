package conduit

import (
	"context"
	"unsafe"
)

// Ends whose quick half is code in another language, which is the C library's header: it does on the words of the
// section what the methods here do, and comes here to wait, and for the errors. What an end knows by itself lies in
// memory of the program then. A call that comes here brings it along, and takes home what has become of it.
//
// The structs are the header's, field by field; package capi has the compiler compare them. Addresses are numbers, for
// what lies there is not Go's.

// OutsideEnd begins each of them.
type OutsideEnd struct {
	Handle  uintptr // the first three are not looked at here
	Process uintptr
	PID     int32
	Count   uint32 // how often in a row there was nothing; of a writer whether there may be readers that nobody sees sleep
	Size    uint64 // of a value
	Most    uint64 // values in a message
}

// OutsideSender is a sender's state.
type OutsideSender struct {
	OutsideEnd
	Lane, Bell, Data                   uintptr
	Taken, Capacity, Tail, Next, Limit uint64
}

// OutsideLane is a lane's of a receiver.
type OutsideLane struct {
	Lane, Data                                    uintptr
	Position, Next, Tail, Told, Received, Damaged uint64
}

// OutsideReceiver is a receiver's.
type OutsideReceiver struct {
	OutsideEnd
	Bell                       uintptr
	Capacity, Inverse          uint64
	Shift, LaneCount, Used, At uint32
	Lanes                      [mostLanes]OutsideLane
}

// OutsideWriter is a writer's.
type OutsideWriter struct {
	OutsideEnd
	Lane, Bell, Data           uintptr
	Taken, Depth, Stride, Tail uint64
	Claimed                    uintptr
}

// OutsideReader is a reader's.
type OutsideReader struct {
	OutsideEnd
	Lane, Data                   uintptr
	Depth, Stride, Inverse, Next uint64
	Shift, _                     uint32
}

func (e *end) outside() OutsideEnd {
	e.abroad = true
	return OutsideEnd{Size: uint64(e.head.element), Most: uint64(e.head.most())}
}

func (e *end) bell() uintptr { return uintptr(unsafe.Pointer(e.control)) }

// Outside is the state of a sender that was just opened.
func (s *Sender) Outside() OutsideSender {
	return OutsideSender{s.outside(), uintptr(unsafe.Pointer(s.lane)), s.bell(), uintptr(s.data), s.taken,
		s.capacity, s.tail, s.next, s.limit}
}

func (s *Sender) enterWith(o *OutsideSender) { s.tail, s.next, s.limit = o.Tail, o.Next, o.Limit }

// ClaimOutside is Claim with another's state.
func (s *Sender) ClaimOutside(ctx context.Context, o *OutsideSender, n int) ([]byte, error) {
	s.enterWith(o)
	m, err := s.claimLater(ctx, n)
	o.Next, o.Limit = s.next, s.limit
	return m, err
}

// DrainOutside is Drain with another's state.
func (s *Sender) DrainOutside(ctx context.Context, o *OutsideSender) error {
	s.enterWith(o)
	err := s.Drain(ctx)
	o.Limit = s.limit
	return err
}

// Outside is the state of a receiver that was just opened.
func (r *Receiver) Outside() (o OutsideReceiver) {
	o.OutsideEnd, o.Bell, o.Capacity = r.outside(), r.bell(), r.capacity
	o.Inverse, o.Shift = r.size.inverse, uint32(r.size.shift)
	o.LaneCount = uint32(len(r.lanes))
	r.leaveWith(&o, len(r.lanes))
	return o
}

// leaveWith writes down what has become of the first lanes.
func (r *Receiver) leaveWith(o *OutsideReceiver, lanes int) {
	o.Used, o.At = uint32(r.used), uint32(r.at)
	for i := range lanes {
		l := &r.lanes[i]
		o.Lanes[i] = OutsideLane{uintptr(unsafe.Pointer(l.lane)), uintptr(l.data), l.pos, l.next, l.tail, l.told,
			l.received, 0}
		if l.damaged {
			o.Lanes[i].Damaged = 1
		}
	}
}

// NextOutside is Next with another's state.
func (r *Receiver) NextOutside(ctx context.Context, o *OutsideReceiver) ([]byte, error) {
	r.used, r.at = min(int(o.Used), len(r.lanes)), min(int(o.At), len(r.lanes)-1)
	for i := range r.used {
		l, from := &r.lanes[i], &o.Lanes[i]
		l.pos, l.next, l.tail, l.told, l.received = from.Position, from.Next, from.Tail, from.Told, from.Received
	}
	m, err := r.nextLater(ctx)
	r.leaveWith(o, r.used)
	return m, err
}

// Outside is the state of a writer that was just opened.
func (w *Writer) Outside() OutsideWriter {
	o := OutsideWriter{w.outside(), uintptr(unsafe.Pointer(w.lane)), w.bell(), uintptr(w.data), w.taken, w.depth,
		w.stride, w.tail, 0}
	o.Count = w.head.flags & flagSilent
	return o
}

// Refusal is why a writer is not this one's any more.
func (w *Writer) Refusal() error { return w.disowned() }

// Outside is the state of a reader that was just opened.
func (r *Reader) Outside() OutsideReader {
	size := newDivisor(uint64(r.head.element))
	return OutsideReader{OutsideEnd: r.outside(), Lane: uintptr(unsafe.Pointer(r.lane)), Data: uintptr(r.data),
		Depth: r.depth, Stride: r.stride,
		Inverse: size.inverse, Next: r.next, Shift: uint32(size.shift)}
}

// AwaitOutside returns when there may be a message with another's state, and otherwise the error that Next would have.
func (r *Reader) AwaitOutside(ctx context.Context, o *OutsideReader) (err error) {
	if r.fragile {
		defer guard(&err)()
	}
	if err := r.enter(); err != nil {
		return err
	}
	defer r.leave()
	r.next = o.Next
	if r.lane.tail.load() >= r.next || r.spin() {
		return nil
	}
	for range mostRounds {
		if err := r.ended(); err != nil {
			return unlessChanged(err)
		}
		if err := r.sleepForMore(ctx); err != nil {
			return unlessChanged(err)
		}
		if r.lane.tail.load() >= r.next {
			return nil
		}
	}
	return nil
}

// unlessChanged is nil for what is a reason to look again.
func unlessChanged(err error) error {
	if err == errChanged {
		return nil
	}
	return err
}
