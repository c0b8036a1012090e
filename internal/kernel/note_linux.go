package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/namedshm/namedshm/internal/fault"
	"golang.org/x/sys/unix"
)

// A segment exists without a holder between shmget and shmat, and stays for ever if its creator dies there. So a
// creator first writes down what it is about to make, in a record of creatingFile that it holds locked, and clears the
// record when the segment is safe. A record that is neither empty nor locked is the note of a dead creator. The segment
// that it names is removed, and nothing else: keys alone would not tell our segments from another program's.
//
//	record i, 16 bytes at 16 × i:   │ key 4 │ creator's uid 4 │ size 8 │      lock byte: i
//
// The uid is the creator's in its own user namespace, where its number may differ from the reader's view. So a record
// that does not match the segment's uid is not forgotten: it may match where it was written.
const (
	noteLen   = 16
	noteCount = 256
)

// intent is a record: what is about to be made.
type intent struct {
	key  uint32
	uid  uint32
	size uint64
}

// note is a record that this process holds locked.
type note struct {
	place   *place
	control int
	index   int64
	keep    bool // what it names is still there
}

// errForgeable is why a record is not acted upon.
var errForgeable = fault.Fail(fault.AccessDenied,
	"others may have written that record: the segment's owner removes it by the next create, or root by hand "+
		"(ipcrm)")

// credible reports whether to act upon a record that names a segment made by maker. Users who may write the directory
// may write records, and could get somebody with more rights to remove what they could not remove themselves. So nobody
// removes a segment for another user, and in a directory that a group may write, root does not even remove its own.
func (n *note) credible(i intent, maker uint32) bool {
	return i.uid == maker && n.place.isOurs(maker) && (maker != 0 || n.place.ownersAlone())
}

// takeNote locks a free record. Records of living creators are passed over, never waited for.
func (p *place) takeNote() (*note, error) {
	control, err := p.control(creatingFile)
	if err != nil {
		return nil, err
	}
	for i := range int64(noteCount) {
		switch err := ofd(control, unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK, Start: i, Len: 1}); err {
		case nil:
		case unix.EAGAIN, unix.EACCES:
			continue
		default:
			unix.Close(control)
			return nil, p.fault("lock", p.path(creatingFile), err)
		}
		n := &note{place: p, control: control, index: i}
		i, err := n.read()
		if err == nil && (i == (intent{}) || n.sweep(i).Err == nil) {
			return n, nil
		}
		n.unlock() // what it names is for somebody else to remove
		if err != nil {
			unix.Close(control)
			return nil, p.fault("read", p.path(creatingFile), err)
		}
	}
	unix.Close(control)
	return nil, fault.Fail(fault.NoSystemResources,
		"%d processes are creating Global objects right now, or died doing so", noteCount)
}

func (n *note) write(i intent) error {
	b := make([]byte, noteLen)
	binary.LittleEndian.PutUint32(b, i.key)
	binary.LittleEndian.PutUint32(b[4:], i.uid)
	binary.LittleEndian.PutUint64(b[8:], i.size)
	if err := fits((n.index + 1) * noteLen); err != nil {
		return err
	}
	_, err := writeAt(n.control, b, n.index*noteLen)
	return err
}

// read returns an empty intent for a record that was never written.
func (n *note) read() (intent, error) {
	b := make([]byte, noteLen)
	if got, err := readAt(n.control, b, n.index*noteLen); err != nil || got != noteLen {
		return intent{}, err
	}
	return intent{binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:]), binary.LittleEndian.Uint64(b[8:])}, nil
}

// unlock unlocks explicitly: closing alone would leave the lock to a child forked meanwhile.
func (n *note) unlock() {
	ofd(n.control, unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_UNLCK, Start: n.index, Len: 1})
}

// drop clears the record, unless it is to be kept, and releases it.
func (n *note) drop() {
	if !n.keep {
		n.write(intent{})
	}
	n.unlock()
	unix.Close(n.control)
}

// sweep removes the segment that a dead creator's record names, if the segment exists and matches the record, and
// clears the record. Err is what prevented that.
func (n *note) sweep(i intent) Burial {
	id, err := unix.SysvShmGet(int(int32(i.key)), 0, 0)
	if err == unix.ENOENT {
		return Burial{Err: n.write(intent{})}
	}
	b := Burial{Name: fmt.Sprintf("segment %d", id), What: "a System V segment whose creator died while making it"}
	var st unix.SysvShmDesc
	if err == nil {
		_, err = unix.SysvShmCtl(id, unix.IPC_STAT, &st)
	}
	if err == nil {
		if uint32(st.Perm.Mode)&shmDest != 0 || uint64(st.Segsz) != i.size {
			return Burial{Err: n.write(intent{})} // the key belongs to another segment by now
		}
		if st.Nattch != 0 {
			// It may be another's; or a child that the creator forked has it attached, and when that ends it will be
			// nobody's.
			return Burial{Err: errAttached}
		}
		if err = errForgeable; n.credible(i, st.Perm.Cuid) {
			_, err = unix.SysvShmCtl(id, unix.IPC_RMID, nil)
		}
	}
	if err != nil {
		b.Err = err
		return b
	}
	b.Buried = true
	b.Err = n.write(intent{})
	return b
}

// errAttached is why a record is kept.
var errAttached = errors.New("a process has the segment attached")

// sweepSegments removes what creators left that died between making a segment and marking it. Users who may not write
// the directory leave that to others.
func sweepSegments(p *place) []Burial {
	control, err := p.control(creatingFile)
	if err != nil {
		return p.unswept(creatingFile, err)
	}
	defer unix.Close(control)
	all := make([]byte, noteLen*noteCount)
	got, err := readAt(control, all, 0)
	if err != nil {
		return p.unswept(creatingFile, err)
	}
	var found []Burial
	for i := 0; (i+1)*noteLen <= got; i++ {
		if [noteLen]byte(all[i*noteLen:]) == ([noteLen]byte{}) {
			continue
		}
		n := &note{place: p, control: control, index: int64(i)}
		if ofd(control, unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK, Start: n.index, Len: 1}) != nil {
			continue
		}
		if i, err := n.read(); err == nil && i != (intent{}) {
			if b := n.sweep(i); b.Name != "" {
				found = append(found, b)
			}
		}
		n.unlock()
	}
	return found
}
