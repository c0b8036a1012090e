//go:build unix && !aix

package kernel

import (
	"github.com/namedshm/namedshm/internal/fault"
	"golang.org/x/sys/unix"
)

// buryUnread buries a dead entry that this process may not read, but may write because it may write the directory: in a
// Global directory that belongs to a group, an entry that another member keeps private.
func (p *place) buryUnread(file string) bool {
	e := p.deadUnread(file)
	if e == nil {
		return false
	}
	defer p.locks.closeEntry(e)
	return fault.CodeOf(p.backing.bury(p, e)) == fault.FileNotFound
}

// deadUnread opens such an entry and returns it if it is dead; otherwise nil. Its locks tell, and asking for them does
// not require the right to read.
func (p *place) deadUnread(file string) *entry {
	if p.namespace != Global {
		return nil
	}
	e, err := p.openFile(file, unix.O_WRONLY)
	if err != nil {
		return nil
	}
	if seen, err := p.locks.look(e); err != nil || seen != nobody {
		p.locks.closeEntry(e)
		return nil
	}
	return e
}

// liesDead is deadUnread for callers that only want to know.
func (p *place) liesDead(file string) bool {
	e := p.deadUnread(file)
	if e == nil {
		return false
	}
	p.locks.closeEntry(e)
	return true
}

// removeNamed removes an entry that the caller holds locked against every other burier. On success it returns
// FileNotFound.
func (p *place) removeNamed(e *entry) error {
	if dir := p.at(); e.named() || mistake("burial without a look at the path") {
		if err := unix.Unlinkat(dir, e.file, 0); err != nil && err != unix.ENOENT {
			return p.fault("unlink", e.path(), err)
		}
		p.backing.removeSeats(e)
		p.removeEmpty()
	}
	return &fault.Fault{Code: fault.FileNotFound}
}

func buryObjects(n Namespace) ([]Burial, error) {
	var found []Burial
	err := inDirectory(n, func(p *place, files []string) error {
		found = p.sweepOthers()
		for _, file := range files {
			if b, ok := p.buryOne(file); ok {
				found = append(found, b)
			}
		}
		return nil
	})
	return found, err
}

// unswept is the result of a sweep that could not look: nothing, if this process has no right to look.
func (p *place) unswept(file string, err error) []Burial {
	if fault.CodeOf(err) == fault.AccessDenied {
		return nil
	}
	return []Burial{{Name: p.path(file), What: "a file that could not be examined", Err: err}}
}

// buryOne buries the entry in a file if its object is dead. ok is false for a live one.
func (p *place) buryOne(file string) (b Burial, ok bool) {
	e, err := p.openFile(file, p.backing.openFlags())
	if fault.CodeOf(err) == fault.AccessDenied && p.namespace == Global {
		return p.buryOneUnread(file, err)
	}
	if err != nil {
		return Burial{Name: p.path(file), What: "something that cannot be examined", Err: err},
			fault.CodeOf(err) != fault.FileNotFound
	}
	defer p.locks.closeEntry(e)
	if err := p.read(e, ""); err != nil {
		return Burial{Name: p.path(file), What: "a file that is not an entry", Err: err}, true
	}
	b = Burial{Name: Name{p.namespace, e.name}.String(), What: "a name whose holders crashed"}
	seen, err := p.locks.look(e)
	if err != nil {
		b.What, b.Err = "a name whose locks cannot be examined", err
		return b, true
	}
	if seen != nobody && !p.backing.dead(e) {
		return b, false
	}
	err = p.backing.bury(p, e)
	b.Buried = fault.CodeOf(err) == fault.FileNotFound && !e.named()
	if !b.Buried {
		b.Err = err
	}
	return b, true
}

// buryOneUnread is buryOne for an entry that this process may not read. If it may not write it either, it can say
// nothing about it; and about a live one there is nothing to say.
func (p *place) buryOneUnread(file string, why error) (b Burial, ok bool) {
	b = Burial{Name: p.namespace.String() + objectName(file), What: "a name whose holders crashed", Err: why}
	if p.buryUnread(file) {
		b.Buried, b.Err = true, nil
		return b, true
	}
	return b, p.liesDead(file)
}
