//go:build unix && !aix

package kernel

import "golang.org/x/sys/unix"

// liveness is how the handles on an entry show that they are alive: each locks a byte of its own in the entry's
// liveness range, and the kernel drops the lock when the holder dies. A process that gets the exclusive lock on the
// whole range knows that no handle is alive, and that none can come to life while it holds the lock.
//
// No method waits: a lock is taken at once or not at all.
type liveness interface {
	// begin starts an operation on entries and returns what ends it. It keeps this process's goroutines apart where the
	// locks cannot.
	begin() (end func())
	// ofProcess reports whether the locks belong to the process, and not to a descriptor: then one descriptor of an
	// entry serves all of its handles, and goroutines take turns.
	ofProcess() bool
	openFile(dir int, name string, flags int) (fd int, err error)
	// lock marks a handle alive and says on which byte.
	lock(e *entry) (at int64, got bool, err error)
	// unlock drops what lock took. errLost means that the entry's descriptor is not ours, and must not be closed
	// either.
	unlock(e *entry) error
	// lockExclusive is undone by closeEntry. It always fails without the right to write the entry.
	lockExclusive(e *entry) (got bool, err error)
	// look changes nothing: it only reports what others hold.
	look(e *entry) (sight, error)
	// count returns the number of handles, as far as they can be told apart, capped at most.
	count(e *entry, most int) int
	// closeEntry closes an entry that this call has opened, or found to be ours.
	closeEntry(e *entry)

	// lockSeat takes the seat with an id, unlockSeat gives it back, seatTaken reports whether a living handle has it. e
	// is open for writing.
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

// sightOf interprets the answer to a query. A burier locks the whole range, a handle one byte.
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
