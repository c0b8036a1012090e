//go:build unix && !aix

package kernel

import (
	"time"
	"unsafe"
)

// stateOf looks at the state of a waitable object whose entry is open, and changes nothing in it.
func (p *place) stateOf(e *entry) (s *State, err error) {
	m, err := p.backing.reach(p, e, Read)
	if err != nil {
		return nil, err
	}
	defer m.close()
	if e.size < roundToPages(stateSize) {
		return nil, e.corrupt("its state is too small")
	}
	mapped, err := m.view(0, roundToPages(stateSize), Read)
	if err != nil {
		return nil, mapFault(err, stateSize)
	}
	defer unmap(mapped)
	n := &nativeWaitable{
		handle: &handle{place: p, entry: e}, kind: e.kind, manual: e.attributes&manualReset != 0, maximum: e.maximum,
		state: (*state)(unsafe.Pointer(unsafe.SliceData(mapped))),
	}
	if e.backing == backingFile {
		defer n.guard(&err)()
	}
	w := n.state.load()
	s = n.describe(w)
	s.Waiters = -1
	if n.seats, err = p.backing.openSeats(e, m); err == nil {
		s.Waiters = n.countSleeping()
		if s.Owned && !n.seatedNow(w.value()&mutexOwner) {
			s.Owned, s.OwnerPID, s.Signaled, s.Abandoned = false, 0, true, true // nobody has noticed yet
		}
		if n.seats != e {
			p.locks.closeEntry(n.seats)
		}
	}
	return s, nil
}

// describe is what a word says.
func (n *nativeWaitable) describe(w word) *State {
	v := w.value()
	s := &State{Manual: n.manual, Signaled: n.letsThrough(v, v)}
	switch n.kind {
	case KindSemaphore:
		s.Count, s.Maximum = int64(v&semaphoreCount), int64(n.maximum)
	case KindMutex:
		s.Abandoned, s.Owned = v&mutexAbandoned != 0, v&mutexOwner != 0
		s.OwnerPID = n.pidOf(v & mutexOwner)
		if s.Owned && word(n.state.stamped.Load()) == w.key() {
			s.Since = time.Unix(0, n.state.since.Load())
		}
	}
	return s
}

// pidOf is the process that sits on a seat, as it has itself written there; 0 where that is not known or is a number of
// another PID namespace.
func (n *nativeWaitable) pidOf(id uint32) int {
	index := id & seatMask
	if id == 0 || index == seatMask {
		return 0
	}
	r := &n.state.seats[index]
	if r.id.Load() != id || r.namespace.Load() != pidNamespace() {
		return 0
	}
	return int(r.pid.Load())
}

// countSleeping counts the waits that sleep, of handles that live, inside an operation.
func (n *nativeWaitable) countSleeping() int {
	sum := 0
	for i := range min(n.state.seated.Load(), seatMask) {
		r := &n.state.seats[i]
		id := r.id.Load()
		if asleep := r.sleeping.Load() &^ seatPolls; asleep != 0 && n.seatedNow(id) {
			sum += int(min(asleep, countMost))
		}
	}
	return sum
}
