//go:build unix && !aix

package kernel

import (
	"maps"
	"os"
	"sync"

	"github.com/namedshm/namedshm/internal/waiting"
	"golang.org/x/sys/unix"
)

// posixLocks is liveness by POSIX record locks, for systems without open-file-description locks. Such a lock belongs to
// the process, not to the descriptor: it does not exclude another handle of the same process, the process does not see
// it, and closing *any* descriptor of the file drops it.
//
// So everything goes through one table for the process: each open file has one record, which owns all its descriptors
// and counts the handles; a path whose file is in the table is not opened again; and descriptors are closed only when
// no handle is left. One mutex keeps the operations of the process apart. They are short: none waits for another
// process. Memory that must be written at length is reserved inside an operation; that is the price of this backing.
type posixLocks struct {
	mu      sync.Mutex
	files   map[fileID]*lockedFile
	touched []*lockedFile // by the running operation
}

type fileID struct{ device, inode uint64 }

// lockedFile is one file that this process has open in this backing.
type lockedFile struct {
	id          fileID
	handles     int
	descriptors map[int]int // access mode → descriptor
	seats       map[uint32]bool
	losses      int // how often its locks were lost, with the handles and seats that they stood for
}

var sharedPosixLocks = &posixLocks{files: map[fileID]*lockedFile{}}

// processByte is the byte that stands for all handles of this process.
func processByte() int64 { return unslottedStart + int64(os.Getpid()) }

func (*posixLocks) ofProcess() bool { return true }

func (l *posixLocks) begin() func() {
	l.mu.Lock()
	return func() {
		for _, f := range l.touched {
			if f.handles == 0 {
				l.forget(f)
			}
		}
		l.touched = l.touched[:0]
		l.mu.Unlock()
	}
}

// forget closes all descriptors of a file, and so drops all locks on it.
func (l *posixLocks) forget(f *lockedFile) {
	for _, fd := range f.descriptors {
		if f.has(fd) {
			unix.Close(fd)
		}
	}
	delete(l.files, f.id)
	f.descriptors = map[int]int{}
}

func (f *lockedFile) has(fd int) bool { return leadsTo(fd, f.id.device, f.id.inode) }

// known returns the record of an open file; nil if there is none. Descriptors that something else in this process has
// closed are forgotten: when the first of them was closed all locks went.
func (l *posixLocks) known(id fileID) *lockedFile {
	f := l.files[id]
	if f == nil {
		return nil
	}
	before := len(f.descriptors)
	maps.DeleteFunc(f.descriptors, func(_, fd int) bool { return !f.has(fd) })
	if len(f.descriptors) < before {
		f.handles, f.seats = 0, nil
		f.losses++
		waiting.NoteLoss()
		l.touched = append(l.touched, f)
	}
	return f
}

// record returns the record of an open entry.
func (l *posixLocks) record(e *entry) *lockedFile { return l.known(fileID{e.device, e.inode}) }

// held returns the record for an entry that a handle has locked; nil if the lock is lost.
func (l *posixLocks) held(e *entry) *lockedFile {
	if f := l.record(e); f != nil && f.losses == e.losses {
		return f
	}
	return nil
}

// openFile returns a descriptor of a name's file with the access mode of flags: the existing one, or a new one.
func (l *posixLocks) openFile(dir int, name string, flags int) (int, error) {
	mode := flags & unix.O_ACCMODE
	var st unix.Stat_t
	if flags&unix.O_CREAT == 0 {
		if err := unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return -1, err
		}
		if f := l.known(fileID{uint64(st.Dev), uint64(st.Ino)}); f != nil {
			if fd, ok := f.descriptors[mode]; ok {
				l.touched = append(l.touched, f)
				return fd, nil
			}
		}
	}
	fd, err := openAt(dir, name, flags, 0o600)
	if err != nil {
		return -1, err
	}
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return -1, err
	}
	id := fileID{uint64(st.Dev), uint64(st.Ino)}
	f := l.known(id)
	if f == nil {
		f = &lockedFile{id: id, descriptors: map[int]int{}}
		l.files[id] = f
	}
	for {
		// There can be another descriptor of this mode only if the path changed between the two looks; keep both.
		if _, taken := f.descriptors[mode]; !taken {
			break
		}
		mode += 1 << 20
	}
	f.descriptors[mode] = fd
	l.touched = append(l.touched, f)
	return fd, nil
}

func (l *posixLocks) lock(e *entry) (int64, bool, error) {
	f := l.record(e)
	if f == nil {
		return 0, false, errLost
	}
	if f.handles == 0 {
		got, err := tryLock(setLock(e.fd, unix.F_SETLK, &unix.Flock_t{Type: unix.F_RDLCK, Start: processByte(), Len: 1}))
		if !got {
			return 0, false, err
		}
	}
	f.handles++
	e.losses = f.losses
	l.touched = append(l.touched, f)
	return processByte(), true, nil
}

func (l *posixLocks) unlock(e *entry) error {
	f := l.held(e)
	if f == nil {
		return errLost
	}
	if f.handles == 0 {
		return nil
	}
	l.touched = append(l.touched, f)
	if f.handles--; f.handles > 0 {
		return nil
	}
	return setLock(e.fd, unix.F_SETLK, &unix.Flock_t{Type: unix.F_UNLCK, Start: processByte(), Len: 1})
}

func (l *posixLocks) lockExclusive(e *entry) (bool, error) {
	if f := l.record(e); f == nil || f.handles > 0 {
		return false, nil
	}
	return tryLock(setLock(e.fd, unix.F_SETLK,
		&unix.Flock_t{Type: unix.F_WRLCK, Start: 0, Len: livenessEnd}))
}

func (l *posixLocks) look(e *entry) (sight, error) {
	f := l.record(e)
	switch {
	case f == nil:
		return 0, errLost
	case f.handles > 0:
		return holders, nil
	}
	q := unix.Flock_t{Type: unix.F_WRLCK, Start: 0, Len: livenessEnd}
	if err := setLock(e.fd, unix.F_GETLK, &q); err != nil {
		return 0, err
	}
	return sightOf(&q), nil
}

// count counts this process's handles, and every other process as one: its locks tell no more.
func (l *posixLocks) count(e *entry, most int) int {
	f := l.record(e)
	if f == nil {
		return 0
	}
	n := f.handles
	for start := int64(0); start < livenessEnd && n < most; {
		q := unix.Flock_t{Type: unix.F_WRLCK, Start: start, Len: livenessEnd - start}
		if setLock(e.fd, unix.F_GETLK, &q) != nil || q.Type == unix.F_UNLCK || q.Len <= 0 {
			break
		}
		n++
		start = max(q.Start, start) + q.Len
	}
	return n
}

// closeEntry leaves the closing to the end of the operation, when it is known whether a handle is left.
func (l *posixLocks) closeEntry(*entry) {}

func (l *posixLocks) lockSeat(e *entry, id uint32) (bool, error) {
	f := l.held(e)
	switch {
	case f == nil:
		return false, errLost
	case f.seats[id]:
		return false, nil
	}
	got, err := tryLock(setLock(e.fd, unix.F_SETLK,
		&unix.Flock_t{Type: unix.F_WRLCK, Start: seatsStart + int64(id), Len: 1}))
	if got {
		if f.seats == nil {
			f.seats = map[uint32]bool{}
		}
		f.seats[id] = true
	}
	return got, err
}

func (l *posixLocks) unlockSeat(e *entry, id uint32) {
	if f := l.held(e); f != nil && f.seats[id] {
		delete(f.seats, id)
		setLock(e.fd, unix.F_SETLK, &unix.Flock_t{Type: unix.F_UNLCK, Start: seatsStart + int64(id), Len: 1})
	}
}

func (l *posixLocks) seatTaken(e *entry, id uint32) bool {
	if f := l.record(e); f == nil || !e.ours() || f.seats[id] {
		return true // if the file is lost nobody may be taken for dead
	}
	q := unix.Flock_t{Type: unix.F_RDLCK, Start: seatsStart + int64(id), Len: 1}
	return setLock(e.fd, unix.F_GETLK, &q) != nil || q.Type != unix.F_UNLCK
}
