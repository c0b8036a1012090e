//go:build unix && !aix

package kernel

import (
	"math/rand/v2"
)

// PublishedFirst is true where others can see a section before its Prepare has run.
const PublishedFirst = false

// seat is that of a handle to a section.
type seat struct {
	seats *seats // nil where the section has none, or they cannot be seen
	id    uint32 // 0 for a handle that has none of its own
}

func (s *seat) seen() bool { return s.seats != nil }

// furnish arranges that a new section gets its content and its seats before its name.
func (m *making) furnish() {
	if m.Seats {
		m.attributes |= seated
	}
	if m.Seats || m.Prepare != nil {
		m.prepare = func(h *handle) error { return h.furnish(m) }
	}
}

func (h *handle) furnish(m *making) error {
	m.undo = h.unfurnish
	err := h.makeSeat(m)
	if err == nil && m.Prepare != nil {
		err = h.prepareMemory(m.Prepare)
	}
	if err != nil {
		h.unfurnish()
	}
	return err
}

func (h *handle) prepareMemory(prepare func([]byte) error) error {
	mapped, err := h.mem.view(0, roundToPages(h.size_), Read|Write)
	if err != nil {
		return mapFault(err, h.size_)
	}
	defer unmap(mapped)
	return prepare(mapped[:h.size_])
}

// makeSeat makes the seats of a new section that others can open, inside an operation, and takes the first.
func (h *handle) makeSeat(m *making) error {
	if !m.Seats || h.entry == nil || h.entry.file == fileName("") {
		return nil
	}
	file, err := h.place.backing.makeSeats(h.entry, h.mem)
	if err == nil {
		err = h.takeSeat(file)
	}
	if err == nil {
		err = h.place.backing.publishSeats(h.entry, file)
	}
	return err
}

// unfurnish takes back what furnish did, when the section does not get its name, inside an operation.
func (h *handle) unfurnish() {
	if h.seat.seats != nil {
		h.place.backing.removeSeats(h.entry)
		h.leaveSeat()
	}
}

// sitDown takes a seat at a section that was opened, if it has any and the handle may write.
func (h *handle) sitDown(_ string, sit Sit) error {
	if h.entry == nil || h.attributes&seated == 0 {
		return nil
	}
	defer h.place.begin().end()
	file, err := h.place.backing.openSeats(h.entry, h.mem)
	if h.access&Write == 0 || sit == Stand {
		if err == nil {
			h.seat.seats = &seats{handle: h, file: file}
		}
		return nil // who may read alone may not be able to see them
	}
	if err != nil {
		return err
	}
	return h.takeSeat(file)
}

// takeSeat takes a seat that is free, inside an operation.
func (h *handle) takeSeat(file *entry) error {
	h.seat.seats = &seats{handle: h, file: file}
	for range 1000 {
		id := uint32(rand.Int32N(mostSeats) + 1)
		got, err := h.seat.seats.Lock(id)
		if err != nil {
			h.leaveSeat()
			return err
		}
		if got {
			h.seat.id = id
			return nil
		}
	}
	h.leaveSeat()
	return noSeat(h.entry.path())
}

// leaveSeat gives the seat back, inside an operation.
func (h *handle) leaveSeat() {
	s := h.seat
	h.seat = seat{}
	if s.seats == nil {
		return
	}
	if s.id != 0 && h.mine() {
		s.seats.Unlock(s.id)
	}
	if file := s.seats.file; file != h.entry && file.ours() {
		h.place.locks.closeEntry(file)
	}
}

// getUp is leaveSeat for a handle that is closed.
func (h *handle) getUp() {
	if h.seat.seats != nil {
		defer h.place.locks.begin()()
		h.leaveSeat()
	}
}

func processPage() *int64 {
	processID() // which fills the page
	return pidPage()
}

func (h *handle) seatTaken(id uint32) bool { return h.seat.seats == nil || h.seat.seats.Taken(id) }

func (h *handle) seatLost() bool { return h.seat.id != 0 && !h.seat.seats.Ours() }

func (h *handle) fragile() bool {
	return h.place.backing.id() == backingFile || h.entry != nil && h.entry.overFile()
}
