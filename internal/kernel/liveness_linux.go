package kernel

import (
	"math/rand/v2"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ofdLocks is liveness by open-file-description locks: they belong to the descriptor that took them, and the kernel
// drops them when its last copy is closed, by death too. (flock is no substitute: anybody who can read a file can take
// one exclusively. Nor are POSIX locks: closing any other descriptor of the file drops them.)
type ofdLocks struct {
	// slots says that a handle's lock is the exclusive one on a door slot. That is only safe where no other user can
	// open the entry: one who may read it could lock all slots, and would be taken for a holder.
	slots bool
}

// plainCalls says that the kernel's structures are those of package unix, which converts them elsewhere.
const plainCalls = runtime.GOARCH == "amd64" || runtime.GOARCH == "arm64"

// ofd takes, drops or queries a lock. None of these calls blocks, so the scheduler is not informed: they are half of an
// open, and informing it would cost as much as the lock.
func ofd(fd int, cmd int, l *unix.Flock_t) error {
	if !plainCalls {
		return setLock(fd, cmd, l)
	}
	for {
		switch _, _, errno := unix.RawSyscall(unix.SYS_FCNTL, uintptr(fd), uintptr(cmd), uintptr(unsafe.Pointer(l))); errno {
		case 0:
			return nil
		case unix.EINTR:
		default:
			return errno
		}
	}
}

// fstat is unix.Fstat for a file in memory, which never blocks either.
func fstat(fd int, st *unix.Stat_t) error {
	if !plainCalls {
		return unix.Fstat(fd, st)
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_FSTAT, uintptr(fd), uintptr(unsafe.Pointer(st)), 0); errno != 0 {
		return errno
	}
	return nil
}

func (ofdLocks) begin() func()   { return func() {} }
func (ofdLocks) ofProcess() bool { return false }

func (ofdLocks) openFile(dir int, name string, flags int) (int, error) {
	return openAt(dir, name, flags, 0)
}

// lock takes the first free slot from the entry's hint on; the first, so that it overwrites the records of dead
// handles, and openers seldom try a stale one. Without slots, or if all are taken, it takes a random byte.
func (o ofdLocks) lock(e *entry) (int64, bool, error) {
	if o.slots {
		for i := range int64(slotCount) {
			slot := (e.hint + i) % slotCount
			got, err := tryLock(ofd(e.fd, unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK, Start: slot, Len: 1}))
			if got || err != nil {
				return slot, got, err
			}
			if seen, err := o.look(e); err != nil || seen == burier {
				return 0, false, err
			}
		}
	}
	at := unslottedStart + rand.Int64N(livenessEnd-unslottedStart)
	got, err := tryLock(ofd(e.fd, unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_RDLCK, Start: at, Len: 1}))
	return at, got, err
}

func (ofdLocks) unlock(e *entry) error {
	if !e.ours() {
		return errLost
	}
	return ofd(e.fd, unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_UNLCK, Start: 0, Len: livenessEnd})
}

func (ofdLocks) lockExclusive(e *entry) (bool, error) {
	if mistake("exclusive check left out") {
		return true, nil
	}
	return tryLock(ofd(e.fd, unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK, Start: 0, Len: livenessEnd}))
}

func (ofdLocks) look(e *entry) (sight, error) {
	l := unix.Flock_t{Type: unix.F_WRLCK, Start: 0, Len: livenessEnd}
	if err := ofd(e.fd, unix.F_OFD_GETLK, &l); err != nil {
		return 0, err
	}
	return sightOf(&l), nil
}

// slotLocked reports whether the handle whose record stands in a slot is alive.
func slotLocked(e *entry, slot int) bool {
	l := unix.Flock_t{Type: unix.F_RDLCK, Start: int64(slot), Len: 1}
	return ofd(e.fd, unix.F_OFD_GETLK, &l) == nil && sightOf(&l) == holders
}

// count counts the handles: each is one locked byte, and a query reports one lock of a range at a time. most bounds the
// work.
func (ofdLocks) count(e *entry, most int) int {
	n := 0
	type span struct{ start, end int64 }
	spans := []span{{0, livenessEnd}}
	for len(spans) > 0 && n < most {
		s := spans[len(spans)-1]
		spans = spans[:len(spans)-1]
		l := unix.Flock_t{Type: unix.F_WRLCK, Start: s.start, Len: s.end - s.start}
		if ofd(e.fd, unix.F_OFD_GETLK, &l) != nil || l.Type == unix.F_UNLCK {
			continue
		}
		n++
		if l.Len <= 0 { // a foreign lock to the end of the file
			continue
		}
		if l.Start > s.start {
			spans = append(spans, span{s.start, l.Start})
		}
		if end := l.Start + l.Len; end < s.end {
			spans = append(spans, span{end, s.end})
		}
	}
	return n
}

func (ofdLocks) closeEntry(e *entry) { unix.Close(e.fd) }

func (ofdLocks) lockSeat(e *entry, id uint32) (bool, error) {
	return tryLock(ofd(e.fd, unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK, Start: seatsStart + int64(id), Len: 1}))
}

func (ofdLocks) unlockSeat(e *entry, id uint32) {
	if !e.ours() {
		return
	}
	ofd(e.fd, unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_UNLCK, Start: seatsStart + int64(id), Len: 1})
}

// seatTaken asks for a read lock, which only an exclusive lock blocks: a stranger who may read the file can take no
// exclusive one. If the file is lost nobody may be taken for dead.
func (ofdLocks) seatTaken(e *entry, id uint32) bool {
	if !e.ours() {
		return true
	}
	l := unix.Flock_t{Type: unix.F_RDLCK, Start: seatsStart + int64(id), Len: 1}
	return ofd(e.fd, unix.F_OFD_GETLK, &l) != nil || l.Type != unix.F_UNLCK
}
