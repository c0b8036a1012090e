package kernel

import (
	"context"

	"github.com/namedshm/namedshm/internal/fault"
)

// This file is what a section has besides its memory when those who use it must know of each other who lives: seats.
// A word of the memory names the seat of whoever owns something, and whether the owner lives is a question to the
// system.

// mostSeats is the highest number of a seat.
const mostSeats = 1<<30 - 1

// OpenSeatedSection is OpenSection for a section that was made with Seats. What has none gets none: Seat says so.
func OpenSeatedSection(ctx context.Context, name string, access Access, sit Sit) (*Section, error) {
	s, err := OpenSection(ctx, name, access)
	if err != nil {
		return nil, err
	}
	if err := s.sitDown(sit); err != nil {
		return nil, err
	}
	return s, nil
}

// WaitSeatedSection opens a section with seats as soon as it exists.
func WaitSeatedSection(ctx context.Context, name string, access Access, sit Sit) (*Section, error) {
	return whenItExists(ctx, name, func() (*Section, error) { return OpenSeatedSection(ctx, name, access, sit) })
}

// sitDown takes the seat of a section that was opened, and closes that if there is none to be had.
func (s *Section) sitDown(sit Sit) error {
	err := s.native.sitDown(s.name, sit)
	if err != nil {
		s.Close()
	}
	return err
}

// Seat is the handle's own seat, a number of 30 bits that nobody else has as long as the handle is open. It is 0 for
// one that may not write or was to stand, and where the section has no seats.
func (s *Section) Seat() uint32 { return s.native.seat.id }

// SeatTaken reports whether a handle that lives has a seat. What cannot be found out counts as taken: with the right
// to read alone, where another user's Global section can be asked for no more.
func (s *Section) SeatTaken(id uint32) bool {
	if !s.uses.Enter() {
		return true
	}
	defer s.leave()
	return s.native.seatTaken(id)
}

// SeatsSeen reports whether SeatTaken can tell.
func (s *Section) SeatsSeen() bool { return s.native.seat.seen() }

// SeatLost reports that something else in this process has closed the descriptor that keeps the seat. For others its
// owner is dead.
func (s *Section) SeatLost() bool {
	if !s.uses.Enter() {
		return false
	}
	defer s.leave()
	return s.native.seatLost()
}

// Fragile reports memory that others can cut short: that of a file.
func (s *Section) Fragile() bool { return s.native.fragile() }

// Sit says whether a handle to a section with seats takes one.
type Sit bool

// What a handle may be opened for.
const (
	SitDown Sit = true
	Stand   Sit = false // it only sees who else sits
)

// Self is this process, as it writes itself down for people to read: its number, and the namespace in which it is that.
func Self() (pid int, namespace uint32) { return processID(), pidNamespace() }

// ProcessPage is where this process's number stands as long as it is not a child that was forked; nil where nothing
// tells.
func ProcessPage() *int64 { return processPage() }

// Command is the name of the program that a process runs; "" where that is not told.
func Command(pid int) string { return commandOfProcess(pid) }

// noSeat is the error of a section that has no seat left, of which there are a billion.
func noSeat(name string) error {
	return fault.Fail(fault.NoSystemResources, "no free seat at %s", name)
}
