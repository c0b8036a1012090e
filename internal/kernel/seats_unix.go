//go:build unix && !aix

package kernel

import "github.com/namedshm/namedshm/internal/fault"

// seats are a waitable object's seats as one handle sees them: bytes in a file, of which each handle keeps one locked.
// They are what package waiting knows of other handles.
type seats struct {
	*handle
	file *entry // the object's entry, or a file of its own if others may read the entry
	// inside says that an operation is running, in which no other must begin: while the handle is being made, and
	// nobody else has it yet.
	inside bool
}

// Lock takes a seat, inside an operation.
func (s *seats) Lock(id uint32) (got bool, err error) {
	got, err = s.place.locks.lockSeat(s.file, id)
	if err != nil {
		return false, s.place.fault("lock", s.entry.path(), err)
	}
	return got, nil
}

// Unlock gives a seat back, inside an operation.
func (s *seats) Unlock(id uint32) { s.place.locks.unlockSeat(s.file, id) }

// Taken reports whether a living handle has the seat.
func (s *seats) Taken(id uint32) bool {
	if !s.inside {
		defer s.place.locks.begin()()
	}
	return s.place.locks.seatTaken(s.file, id)
}

// Ours reports whether the file's descriptor is still the library's.
func (s *seats) Ours() bool { return s.file.ours() }

// takeSeat takes a seat among those in a file, inside an operation.
func (n *nativeWaitable) takeSeat(file *entry) error {
	n.seats = &seats{handle: n.handle, file: file, inside: true}
	defer func() { n.seats.inside = false }()
	found, err := n.SitDown(n.seats)
	if err == nil && !found {
		err = fault.Fail(fault.NoSystemResources, "no free seat at %s", n.entry.path())
	}
	return err
}

// leaveSeat gives the seat back, inside an operation.
func (n *nativeWaitable) leaveSeat() {
	n.GetUp()
	if file := n.seats.file; file != n.entry && file.ours() {
		n.place.locks.closeEntry(file)
	}
	n.seats = nil
}
