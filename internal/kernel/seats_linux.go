package kernel

import (
	"bytes"
	"encoding/hex"
	"strings"

	"github.com/namedshm/namedshm/internal/fault"
	"github.com/namedshm/namedshm/internal/waiting"
	"golang.org/x/sys/unix"
)

// seatsPrefix begins the names of the files in which the handles of waitable objects lock their seats. The entry cannot
// serve for that: those who may own a mutex must be able to lock exclusively, and therefore to write the file.
const seatsPrefix = ".seats-"

func seatsFile(t token) string { return seatsPrefix + hex.EncodeToString(t[:]) }

// sweepSeats removes the seats files of objects that are gone: their creator died before the object had its name, or
// somebody who could not read them buried them.
func sweepSeats(p *place) []Burial {
	files, err := p.fileNames()
	if err != nil {
		return p.unswept(".", err)
	}
	var found []Burial
	for _, file := range files {
		if !strings.HasPrefix(file, seatsPrefix) {
			continue
		}
		if b, ok := p.sweepSeat(file); ok {
			found = append(found, b)
		}
	}
	return found
}

// sweepSeat is sweepSeats for one file. ok is false if it stays.
func (p *place) sweepSeat(file string) (b Burial, ok bool) {
	e, err := p.openFile(file, unix.O_RDWR)
	if err != nil {
		return Burial{}, false
	}
	defer p.locks.closeEntry(e)
	if !orphaned(p, e) {
		return Burial{}, false
	}
	err = unix.Unlinkat(p.at(), file, 0)
	return Burial{Name: p.path(file), What: "the record of an object's waiters, whose object is gone", Buried: err == nil,
		Err: err}, true
}

// orphaned reports whether no seat in a file is taken and the entry that it belongs to is gone. The creator takes a
// seat before the file has a name.
func orphaned(p *place, seats *entry) bool {
	l := unix.Flock_t{Type: unix.F_RDLCK, Start: seatsStart, Len: 1 << waiting.IDBits}
	if ofd(seats.fd, unix.F_OFD_GETLK, &l) != nil || l.Type != unix.F_UNLCK {
		return false
	}
	var name [256]byte
	n, err := readAt(seats.fd, name[:], 0)
	if err != nil || n == 0 || bytes.ContainsAny(name[:n], "/\x00") {
		return err == nil
	}
	e, err := p.openFile(string(name[:n]), unix.O_RDONLY)
	if err != nil {
		return fault.CodeOf(err) == fault.FileNotFound
	}
	defer p.locks.closeEntry(e)
	defer e.freePage()
	return p.read(e, "") == nil && seatsFile(e.token) != seats.file
}
