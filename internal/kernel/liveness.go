//go:build unix && !aix

package kernel

import "golang.org/x/sys/unix"

// liveness is how the handles on an entry show that they live: each has a lock on a byte of its own in the entry's
// liveness range, which the kernel drops when the holder dies. Who gets the exclusive lock on the whole range knows
// that no handle lives, and that none can come to life while it is held.
//
// No method waits: a lock is had at once or not at all.
type liveness interface {
	// begin starts an operation on entries and returns what ends it. It keeps the goroutines of this process apart
	// where the locks cannot.
	begin() (end func())
	openFile(dir int, name string, flags int) (fd int, err error)
	// lock marks a handle alive and says on which byte.
	lock(e *entry) (at int64, got bool, err error)
	// unlock drops what lock took.
	unlock(e *entry) error
	// lockExclusive is dropped by closeEntry. Without the right to write the entry it is never got.
	lockExclusive(e *entry) (got bool, err error)
	// look takes nothing: it only says what others hold.
	look(e *entry) (sight, error)
	// count is the number of handles as far as they can be told apart, at most most.
	count(e *entry, most int) int
	closeEntry(e *entry)

	// lockSeat takes the seat with an id, unlockSeat gives it back, seatTaken says whether a handle that lives has it. e is
	// open for writing.
	lockSeat(e *entry, id uint32) (got bool, err error)
	unlockSeat(e *entry, id uint32)
	seatTaken(e *entry, id uint32) bool
}

// sight is what a look at the liveness range shows.
type sight uint8

const (
	nobody  sight = iota // no handle lives
	holders              // at least one handle lives
	burier               // no handle lives, and somebody is removing the entry
)

// sightOf reads the answer of a query. A burier locks the whole range, a handle one byte.
func sightOf(l *unix.Flock_t) sight {
	switch {
	case l.Type == unix.F_UNLCK:
		return nobody
	case l.Type == unix.F_WRLCK && l.Len != 1:
		return burier
	}
	return holders
}

// tryLock tells "somebody has it" from a real failure.
func tryLock(err error) (bool, error) {
	switch err {
	case nil:
		return true, nil
	case unix.EAGAIN, unix.EACCES: // POSIX allows either
		return false, nil
	case unix.EBADF: // the descriptor's access mode does not allow the lock
		return false, nil
	}
	return false, err
}
