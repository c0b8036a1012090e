//go:build unix && !aix

package kernel

import (
	"context"
	"fmt"
	"os/user"
	"slices"
	"strconv"

	"github.com/namedshm/namedshm/internal/fault"
	"golang.org/x/sys/unix"
)

// countMost bounds how many handles of one object are counted: each requires a query over all locks before it.
const countMost = 10000

func statObject(name Name) (Info, error) {
	p, err := placeOf(name.Namespace)
	if err != nil {
		return Info{}, err
	}
	defer p.begin().end()
	found, err := inPlace(p, func() (*sighting, error) {
		return retry(context.Background(),
			func() (*sighting, error) { return p.inspect(fileName(name.Base), name.Base, owners{}) })
	})
	if err != nil {
		return Info{}, err
	}
	if err := p.backing.survey(p, []*sighting{found}); err != nil {
		return Info{}, err
	}
	return found.Info, nil
}

// sighting is a live object as it was seen, with what identifies its holders.
type sighting struct {
	Info
	entry *entry // closed: only the header and the identity are left of it
}

// inspect looks at the entry in a file without disturbing it. FileNotFound means that there is no live object.
func (p *place) inspect(file, base string, names owners) (*sighting, error) {
	e, err := p.openFile(file, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer e.freePage()
	defer p.locks.closeEntry(e)
	if err := p.read(e, base); err != nil {
		return nil, err
	}
	if alive, err := p.alive(e); !alive {
		return nil, err
	}
	if base != "" && !e.named() { // in a listing the past is good enough
		return nil, errMoved
	}
	s := &sighting{entry: e, Info: Info{
		Name: Name{p.namespace, e.name}, Kind: e.kind, Size: e.size, Protection: e.protection,
		Owner: names.user(e.owner), Group: names.group(e.group), Security: names.octal(e.header.mode),
		Created: e.createdAt(), Handles: p.locks.count(e, countMost), Resident: -1, Backing: e.backingName(),
	}}
	s.Access = p.accessFor(e)
	p.backing.describe(e, s)
	if e.kind != KindSection {
		s.State, s.Reach = p.stateOf(e)
	} else {
		s.Seats = e.header.attributes&seated != 0
	}
	return s, nil
}

// alive is a look without consequences: a dead object is FileNotFound, and stays where it is.
func (p *place) alive(e *entry) (bool, error) {
	seen, err := p.locks.look(e)
	switch {
	case err != nil:
		return false, p.fault("lock", e.path(), err)
	case seen != holders, p.backing.dead(e):
		return false, &fault.Fault{Code: fault.FileNotFound}
	}
	return true, nil
}

// accessFor returns what this process could open an object with.
func (p *place) accessFor(e *entry) Access {
	grants := e.protection.grants()
	if p.namespace == Local || p.byRoot() {
		return grants
	}
	bits := e.header.mode & 7
	if p.isOurs(e.owner) {
		bits = e.header.mode >> 6 & 7
	} else if p.inGroupOf(e) {
		bits = e.header.mode >> 3 & 7
	}
	if bits&4 == 0 {
		return 0
	}
	if bits&2 == 0 {
		grants &^= Write
	}
	return grants
}

// inGroupOf reports whether this process, which has read the entry and does not own it, is in its group. Groups too may
// be outsiders here, all with one number: a process that has read what others may not is in the group.
func (p *place) inGroupOf(e *entry) bool {
	if p.outer {
		return e.mode&0o004 == 0
	}
	return inGroup(e.group)
}

func inGroup(gid uint32) bool {
	if int(gid) == unix.Getegid() {
		return true
	}
	groups, _ := unix.Getgroups()
	return slices.Contains(groups, int(gid))
}

// owners remembers the names of users and groups for one listing.
type owners map[string]string

// octal formats permission bits, of which there are few.
func (o owners) octal(mode uint32) string {
	key := "m" + string(rune(mode&0o7777))
	text, ok := o[key]
	if !ok {
		text = fmt.Sprintf("%04o", mode)
		o[key] = text
	}
	return text
}

func (o owners) user(uid uint32) string {
	return o.lookup("u", uid, func(id string) (string, error) {
		u, err := user.LookupId(id)
		if err != nil {
			return "", err
		}
		return u.Username, nil
	})
}

func (o owners) group(gid uint32) string {
	return o.lookup("g", gid, func(id string) (string, error) {
		g, err := user.LookupGroupId(id)
		if err != nil {
			return "", err
		}
		return g.Name, nil
	})
}

func (o owners) lookup(kind string, number uint32, find func(string) (string, error)) string {
	id := strconv.FormatUint(uint64(number), 10)
	if name, ok := o[kind+id]; ok {
		return name
	}
	name, err := find(id)
	if err != nil {
		name = id
	}
	o[kind+id] = name
	return name
}
