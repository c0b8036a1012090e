//go:build unix && !aix

package kernel

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/user"
	"runtime"
	"slices"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// countMost bounds how many handles of one object are counted: each takes a query over all locks before it.
const countMost = 10000

func statObject(name Name) (Info, error) {
	p, err := placeOf(name.Namespace)
	if err != nil {
		return Info{}, err
	}
	defer p.locks.begin()()
	found, err := inPlace(p, func() (*sighting, error) {
		return retry(context.Background(), func() (*sighting, error) { return p.inspect(fileName(name.Base), name.Base, owners{}) })
	})
	if err != nil {
		return Info{}, err
	}
	if err := p.backing.survey(p, []*sighting{found}); err != nil {
		return Info{}, err
	}
	return found.Info, nil
}

// sighting is a live object as it was seen, with what its holders are found by.
type sighting struct {
	Info
	entry *entry // closed: only the header and the identity are left of it
}

// inspect looks at the entry in a file without disturbing it. FileNotFound says that no live object is there.
func (p *place) inspect(file, base string, names owners) (*sighting, error) {
	e, err := p.openFile(file, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer e.done()
	defer p.locks.closeEntry(e)
	if err := p.read(e, base); err != nil {
		return nil, err
	}
	if alive, err := p.alive(e); !alive {
		return nil, err
	}
	if base != "" && !e.named() { // a listing is a moment ago anyway
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
	}
	return s, nil
}

// alive is look for those who only look: a dead object is FileNotFound, and stays where it is.
func (p *place) alive(e *entry) (bool, error) {
	seen, err := p.locks.look(e)
	switch {
	case err != nil:
		return false, p.fault("lock", e.path(), err)
	case seen != holders, p.backing.dead(e):
		return false, &Fault{Code: FileNotFound}
	}
	return true, nil
}

// accessFor is what this process could open an object with.
func (p *place) accessFor(e *entry) Access {
	grants := e.protection.grants()
	if p.namespace == Local || p.euid == 0 {
		return grants
	}
	bits := e.header.mode & 7
	if int(e.owner) == p.euid {
		bits = e.header.mode >> 6 & 7
	} else if inGroup(e.group) {
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

func inGroup(gid uint32) bool {
	if int(gid) == unix.Getegid() {
		return true
	}
	groups, _ := unix.Getgroups()
	return slices.Contains(groups, int(gid))
}

// owners remembers the names of users and groups for one listing.
type owners map[string]string

// octal is permission bits as text, of which there are few.
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

func listObjects(n Namespace) ([]Info, error) {
	var infos []Info
	err := inDirectory(n, func(p *place, files []string) error {
		found, err := spread(p, files, p.sight)
		if err == nil {
			err = p.backing.survey(p, found)
		}
		if err != nil {
			return err
		}
		infos = make([]Info, len(found))
		for i, s := range found {
			infos[i] = s.Info
		}
		slices.SortFunc(infos, func(a, b Info) int { return cmp.Compare(a.Name.Base, b.Name.Base) })
		return nil
	})
	return infos, err
}

func listNames(n Namespace) ([]string, error) {
	var names []string
	err := inDirectory(n, func(p *place, files []string) (err error) {
		names, err = spread(p, files, p.liveName)
		slices.Sort(names)
		return err
	})
	return names, err
}

// inDirectory runs use on the entries of a namespace; not at all where there is no directory.
func inDirectory(n Namespace, use func(p *place, files []string) error) error {
	p, err := placeOf(n)
	if err != nil {
		return err
	}
	if err := p.check(); err != nil {
		if codeOf(err) == FileNotFound {
			return nil
		}
		return err
	}
	defer p.locks.begin()()
	files, err := entryNames(p.dir)
	if err != nil {
		return p.fault("read", p.dir, err)
	}
	return use(p, files)
}

// liveName is the name of the object whose entry is in a file; FileNotFound if it is dead.
func (p *place) liveName(file string, _ owners) (string, error) {
	e, err := p.openFile(file, unix.O_RDONLY)
	if err != nil {
		// What this user may not read has a name all the same, if it is not seen to be dead.
		if codeOf(err) == AccessDenied && !p.liesDead(file) {
			return p.namespace.String() + objectName(file), nil
		}
		return "", unread(err)
	}
	defer p.locks.closeEntry(e)
	e.header.name = objectName(file)
	if file[0] == '~' || p.backing.id() == backingSysV { // hashed; or it takes the header to tell the living
		if err := p.read(e, ""); err != nil {
			return "", err
		}
		defer e.done()
	}
	_, err = p.alive(e)
	return p.namespace.String() + e.header.name, err
}

// unread is what a listing is told of an entry that cannot be read and is dead: that there is none.
func unread(err error) error {
	if codeOf(err) == AccessDenied {
		return &Fault{Code: FileNotFound}
	}
	return err
}

// entryNames is the files of a directory that may be entries.
func entryNames(dir string) ([]string, error) {
	names, err := directoryEntries(dir)
	return slices.DeleteFunc(names, func(name string) bool { return name[0] == '.' }), err
}

func directoryEntries(dir string) ([]string, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}

// spread runs look on many files, with all processors where the locks allow it, and collects what it finds. What is dead
// or no entry is left out; any other failure is the listing's: a name that lives must not be missing because this process
// is out of descriptors.
func spread[T any](p *place, files []string, look func(file string, names owners) (T, error)) ([]T, error) {
	workers := 1
	if p.backing.id() != backingFile && len(files) > 100 {
		workers = min(runtime.GOMAXPROCS(0), 8)
	}
	parts, failures := make([][]T, workers), make([]error, workers)
	work := func(w int) {
		names := owners{}
		for i := w; i < len(files); i += workers {
			s, err := look(files[i], names)
			switch codeOf(err) {
			case FileNotFound, FileCorrupt:
				continue
			}
			if err != nil {
				failures[w] = err
				return
			}
			parts[w] = append(parts[w], s)
		}
	}
	var wait sync.WaitGroup
	for w := range workers - 1 {
		wait.Go(func() { work(w + 1) })
	}
	work(0)
	wait.Wait()
	if err := cmp.Or(failures...); err != nil {
		return nil, err
	}
	return slices.Concat(parts...), nil
}

// sight is inspect for a listing: what this process may not read is listed with what its file tells.
func (p *place) sight(file string, names owners) (*sighting, error) {
	s, err := p.inspect(file, "", names)
	if codeOf(err) != AccessDenied {
		return s, err
	}
	var st unix.Stat_t
	if statErr := unix.Fstatat(p.at(), file, &st, unix.AT_SYMLINK_NOFOLLOW); statErr != nil {
		return nil, p.fault("stat", p.path(file), statErr)
	}
	if p.liesDead(file) {
		return nil, unread(err)
	}
	return &sighting{Info: Info{
		Name: Name{p.namespace, objectName(file)}, Size: -1, Handles: -1, Resident: -1,
		Owner: names.user(st.Uid), Group: names.group(st.Gid), Security: fmt.Sprintf("%04o", uint32(st.Mode)&0o7777),
		Backing: p.backing.id().String(), Reach: err,
	}}, nil
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

// unswept is what a sweep found that could not look: nothing, if it was not its to look.
func (p *place) unswept(file string, err error) []Burial {
	if codeOf(err) == AccessDenied {
		return nil
	}
	return []Burial{{Name: p.path(file), What: "a file that could not be looked at", Err: err}}
}

// buryOne buries the entry in a file if its object is dead. ok is false for a live one.
func (p *place) buryOne(file string) (b Burial, ok bool) {
	e, err := p.openFile(file, p.backing.openFlags())
	if codeOf(err) == AccessDenied && p.namespace == Global {
		return p.buryOneUnread(file, err)
	}
	if err != nil {
		return Burial{Name: p.path(file), What: "something that cannot be looked at", Err: err}, codeOf(err) != FileNotFound
	}
	defer p.locks.closeEntry(e)
	if err := p.read(e, ""); err != nil {
		return Burial{Name: p.path(file), What: "a file that is no entry", Err: err}, true
	}
	b = Burial{Name: Name{p.namespace, e.name}.String(), What: "a name whose holders crashed"}
	seen, err := p.locks.look(e)
	if err != nil {
		b.What, b.Err = "a name whose locks cannot be looked at", err
		return b, true
	}
	if seen != nobody && !p.backing.dead(e) {
		return b, false
	}
	err = p.backing.bury(p, e)
	b.Buried = codeOf(err) == FileNotFound && !e.named()
	if !b.Buried {
		b.Err = err
	}
	return b, true
}

// buryOneUnread is buryOne for an entry that this process may not read. Of one that it may not write either, it can
// say nothing, and of a live one there is nothing to be said.
func (p *place) buryOneUnread(file string, why error) (b Burial, ok bool) {
	b = Burial{Name: p.namespace.String() + objectName(file), What: "a name whose holders crashed", Err: why}
	if p.buryUnread(file) {
		b.Buried, b.Err = true, nil
		return b, true
	}
	return b, p.liesDead(file)
}

// objectName undoes fileName as far as it can be undone: a hashed name stays hashed.
func objectName(file string) string {
	var b []byte
	for i := 0; i < len(file); i++ {
		if file[i] == '%' && i+2 < len(file) {
			if c, err := strconv.ParseUint(file[i+1:i+3], 16, 8); err == nil {
				b = append(b, byte(c))
				i += 2
				continue
			}
		}
		b = append(b, file[i])
	}
	return string(b)
}
