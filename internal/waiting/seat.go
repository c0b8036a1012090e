//go:build unix && !aix

package waiting

import (
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/namedshm/namedshm/internal/fault"
)

// A seat is a handle's place at an object: a number that no other handle has, and that others can see is taken as long
// as the handle lives. A mutex's word names the seat of its owner. So whether the owner lives is a question to Seats,
// and process ids play no part in the answer.
//
// The number is an index into the table of seats, for people who ask which processes wait, and a random part, so that
// it is not soon used again: a newcomer must not be taken for the dead owner whose seat it got.
const (
	seatBits = 12
	seatMask = 1<<seatBits - 1 // the index of a handle without a record, because the table is full
	IDBits   = 30
)

// Seats are all the seats of one object, as one handle sees them. The numbers have 30 bits, and 0 is none.
type Seats interface {
	// Lock takes a seat for as long as the handle lives, unless somebody has it.
	Lock(id uint32) (got bool, err error)
	// Unlock gives a seat back.
	Unlock(id uint32)
	// Taken reports whether a living handle has a seat. What cannot be found out counts as taken.
	Taken(id uint32) bool
	// Ours reports whether the handle still has what its own seat depends on: something else in this process may have
	// closed the descriptor. For others its seat is free then.
	Ours() bool
}

// ErrLost is the error of a call by a handle that has lost its seat, or another descriptor that it needs.
var ErrLost = fault.Advise(
	fault.BadHandle("something else in this process has closed the descriptor behind the handle"),
	"a program that closes descriptors it did not open must do so before its first call")

// losses is how often this process has found that one of the library's descriptors is no longer the library's. Whatever
// closed that one has probably closed others: each handle checks its seat's before its next wait.
var losses atomic.Uint32

// NoteLoss counts one more of them.
func NoteLoss() { losses.Add(1) }

// SitDown finds a seat and takes it. found is false when there was none to be had.
func (o *Object) SitDown(seats Seats) (found bool, err error) {
	o.seats = seats
	for range 1000 {
		index, before := o.freeRecord()
		id := uint32(rand.Int32N(1<<(IDBits-seatBits)-1)+1)<<seatBits | uint32(index)
		got, err := seats.Lock(id)
		if err != nil {
			return false, err
		}
		if !got {
			continue
		}
		if owner := o.rules.owner; owner != 0 && o.state.load().value()&owner == id || !o.sit(index, before, id) {
			seats.Unlock(id)
			continue
		}
		o.id = id
		return true, nil
	}
	return false, nil
}

// LookAround lets an object that is only looked at see which handles live.
func (o *Object) LookAround(seats Seats) { o.seats = seats }

// freeRecord is the index of a record that is free, or whose handle is dead, and the id that stands there.
func (o *Object) freeRecord() (index int, before uint32) {
	for range 100 { // whoever may open the object can change the count all the time
		used := int(min(o.state.seated.Load(), seatMask))
		for range min(used, 2) {
			index := rand.IntN(used)
			id := o.state.seats[index].id.Load()
			if id == 0 || id&seatMask != uint32(index) || !o.seats.Taken(id) {
				return index, id
			}
		}
		if used == seatMask {
			return seatMask, 0
		}
		if o.state.seated.CompareAndSwap(uint32(used), uint32(used+1)) {
			return used, o.state.seats[used].id.Load()
		}
	}
	return seatMask, 0
}

// sit writes the record of a new seat; false if another process was faster. before is what stood there when the record
// was found free: by now it may be the record of another newcomer, which lives.
func (o *Object) sit(index int, before, id uint32) bool {
	if index == seatMask {
		return true
	}
	r := &o.state.seats[index]
	if !r.id.CompareAndSwap(before, id) {
		return false
	}
	r.sleeping.Store(0)
	r.anyOf.Store(0)
	r.allOf.Store(0)
	r.since.Store(0)
	r.namespace.Store(o.namespace)
	r.pid.Store(uint32(o.pid))
	return true
}

// record is this handle's own record; nil if it has none.
func (o *Object) record() *seatRecord {
	index := o.id & seatMask
	if o.seats == nil || index == seatMask {
		return nil
	}
	if r := &o.state.seats[index]; r.id.Load() == o.id {
		return r
	}
	return nil
}

// GetUp gives the seat back. The record stays as it is: where the seat is free it says nothing.
func (o *Object) GetUp() {
	if o.seats != nil && o.id != 0 && o.mine() {
		o.seats.Unlock(o.id)
	}
	o.seats = nil
}

// seated reports whether the handle with an id lives.
func (o *Object) seated(id uint32) bool {
	return o.seats == nil || o.seats.Taken(id) // without seats nobody else can have the object, and Close abandons
}

// checkSeat is the error of a wait by a handle that has lost its seat, as far as that is known.
func (o *Object) checkSeat() error {
	if now := losses.Load(); o.checked.Load() != now {
		o.isLost()
		o.checked.Store(now)
	}
	if o.lost.Load() {
		return ErrLost
	}
	return nil
}

// isLost reports a handle that no longer has a seat, because something else in this process has closed its descriptor.
// To others it is dead: it must not own anything, and its sleepers may wait for ever. It still does to the object
// whatever needs no seat.
func (o *Object) isLost() bool {
	if o.seats != nil && o.mine() && !o.lost.Load() && !o.seats.Ours() {
		o.lost.Store(true)
	}
	return o.lost.Load()
}

// pidOf is the process on a seat, as that process has written there itself; 0 where that is not known or is a number of
// another PID namespace.
func (o *Object) pidOf(id uint32) int {
	index := id & seatMask
	if id == 0 || index == seatMask {
		return 0
	}
	r := &o.state.seats[index]
	if r.id.Load() != id {
		return 0
	}
	return o.pidIn(r)
}

// pidIn is the process that a record names.
func (o *Object) pidIn(r *seatRecord) int {
	if r.namespace.Load() != o.namespace {
		return 0
	}
	return int(r.pid.Load())
}

// sleepers counts the sleeping waits of living handles, and says whose they are.
func (o *Object) sleepers() (sum int, all []Waiter) {
	const most = 10000
	for i := range min(o.state.seated.Load(), seatMask) {
		r := &o.state.seats[i]
		id := r.id.Load()
		asleep := int(min(r.sleeping.Load()&^seatPolls, most))
		if asleep == 0 || !o.seated(id) {
			continue
		}
		sum += asleep
		w := Waiter{PID: o.pidIn(r), Count: asleep}
		w.AnyOf = min(asleep, int(r.anyOf.Load()))
		w.AllOf = min(asleep-w.AnyOf, int(r.allOf.Load()))
		if since := r.since.Load(); since != 0 {
			w.Since = time.Unix(0, since)
		}
		all = append(all, w)
	}
	return sum, all
}

// noteSleep counts one more sleeping wait of this handle, or one less, for people who ask.
func (r *seatRecord) noteSleep(w *waiting, more int, first bool) {
	if first {
		r.since.Store(time.Now().UnixNano())
	}
	switch {
	case w.all:
		r.allOf.Add(uint32(more))
	case len(w.objects) > 1:
		r.anyOf.Add(uint32(more))
	}
	r.sleeping.Add(uint32(more))
}
