//go:build unix && !aix

package kernel

import "math/rand/v2"

// A seat is a handle's place at a waitable object: a number that nobody else has, and the exclusive lock on the byte that
// belongs to it, for as long as the handle lives. A mutex's word names the seat of its owner. So whether the owner lives
// is a question to the kernel, and a process id is no part of the answer.
//
// The number is an index into the table of seats, for people who ask who waits, and a random part, so that a number is
// not soon used again: a newcomer must not be taken for a dead owner whose seat he got.
const (
	seatBits = 12
	seatMask = 1<<seatBits - 1 // the index of who has no record, because the table is full
	idBits   = 30
)

// takeSeat finds an id and locks its byte. seats must be open.
func (n *nativeWaitable) takeSeat() error {
	for range 1000 {
		index := n.freeRecord()
		id := uint32(rand.Int32N(1<<(idBits-seatBits)-1)+1)<<seatBits | uint32(index)
		got, err := n.place.locks.lockSeat(n.seats, id)
		if err != nil {
			return n.place.fault("lock", n.entry.path(), err)
		}
		if !got {
			continue
		}
		if n.state.load().value()&mutexOwner == id && n.kind == KindMutex || !n.sit(index, id) {
			n.place.locks.unlockSeat(n.seats, id)
			continue
		}
		n.id = id
		return nil
	}
	return fail(NoSystemResources, "no free seat at %s", n.entry.path())
}

// freeRecord is the index of a record that is free, or whose handle is dead.
func (n *nativeWaitable) freeRecord() int {
	used := int(min(n.state.seated.Load(), seatMask))
	for range min(used, 2) {
		index := rand.IntN(used)
		id := n.state.seats[index].id.Load()
		if id == 0 || id&seatMask != uint32(index) || !n.place.locks.seatTaken(n.seats, id) {
			return index
		}
	}
	if used < seatMask && n.state.seated.CompareAndSwap(uint32(used), uint32(used+1)) {
		return used
	}
	return seatMask
}

// sit writes the record of a new seat; false if somebody else was faster.
func (n *nativeWaitable) sit(index int, id uint32) bool {
	if index == seatMask {
		return true
	}
	r := &n.state.seats[index]
	old := r.id.Load()
	if !r.id.CompareAndSwap(old, id) {
		return false
	}
	r.sleeping.Store(0)
	r.namespace.Store(pidNamespace())
	r.pid.Store(uint32(n.pid))
	return true
}

// record is this handle's own record; nil if it has none.
func (n *nativeWaitable) record() *seatRecord {
	index := n.id & seatMask
	if n.seats == nil || index == seatMask {
		return nil
	}
	if r := &n.state.seats[index]; r.id.Load() == n.id {
		return r
	}
	return nil
}

// leaveSeat gives the seat back. The record stays as it is: without the lock it says nothing.
func (n *nativeWaitable) leaveSeat() {
	defer n.place.locks.begin()()
	n.unseat()
}

// unseat is leaveSeat inside an operation.
func (n *nativeWaitable) unseat() {
	if n.id != 0 && n.mine() {
		n.place.locks.unlockSeat(n.seats, n.id)
	}
	if n.seats != n.entry {
		n.place.locks.closeEntry(n.seats)
	}
	n.seats = nil
}

// seated reports whether the handle with an id lives. What cannot be found out counts as alive.
func (n *nativeWaitable) seated(id uint32) bool {
	defer n.place.locks.begin()()
	return n.seatedNow(id)
}

// seatedNow is seated inside an operation.
func (n *nativeWaitable) seatedNow(id uint32) bool {
	return n.seats == nil || n.place.locks.seatTaken(n.seats, id) // without seats it has no name, and Close abandons
}
