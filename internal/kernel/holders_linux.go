package kernel

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// addHandle counts a handle of a process.
func (s *sighting) addHandle(pid int) *Holder {
	h := s.holder(pid)
	h.Handles++
	return h
}

// holder returns the process's place among the holders.
func (s *sighting) holder(pid int) *Holder {
	for i := range s.Holders {
		if s.Holders[i].PID == pid {
			return &s.Holders[i]
		}
	}
	s.Holders = append(s.Holders, Holder{PID: pid})
	return &s.Holders[len(s.Holders)-1]
}

// countOf returns how many handles the holders have together.
func countOf(holders []Holder) (n int) {
	for _, h := range holders {
		n += h.Handles
	}
	return n
}

// findHolders looks through /proc once for all objects. A mapping of the memory is a view and, if handles is true, a
// descriptor of an entry is a handle. Processes that this one may not look into are missing.
func (p *place) findHolders(found []*sighting, handles bool) error {
	if len(found) == 0 {
		return nil
	}
	w := newWanted(p, found)
	pids, err := processes()
	if err != nil {
		return err
	}
	for _, pid := range pids {
		proc := "/proc/" + strconv.Itoa(pid)
		if handles {
			err = w.handles(proc, pid)
		}
		if err := cmp.Or(err, w.views(proc, pid)); err != nil {
			return err
		}
	}
	nameHolders(found)
	return nil
}

// nameHolders sorts the holders, adds their commands, and sums up their views.
func nameHolders(found []*sighting) {
	commands := map[int]string{}
	for _, s := range found {
		slices.SortFunc(s.Holders, func(a, b Holder) int { return a.PID - b.PID })
		for i := range s.Holders {
			h := &s.Holders[i]
			command, ok := commands[h.PID]
			if !ok {
				command = commandOf("/proc/" + strconv.Itoa(h.PID))
				commands[h.PID] = command
			}
			h.Command = command
			if s.entry.place.backing.nature().handleMaps {
				h.Views = max(0, h.Views-h.Handles)
			}
			s.Views += h.Views
		}
	}
}

// wanted is what identifies the objects that are looked for.
type wanted struct {
	place  *place
	dir    string
	files  map[string]*sighting     // by the entry's file name
	inodes map[uint64]*sighting     // by the entry's inode
	memory map[mappingKey]*sighting // by the memory's mapping

	tellsViews bool  // each mapping of a section is a view
	memoryAt   int64 // where the memory begins in what is mapped
}

func newWanted(p *place, found []*sighting) *wanted {
	w := &wanted{
		place: p, dir: p.dir + "/",
		files: map[string]*sighting{}, inodes: map[uint64]*sighting{}, memory: map[mappingKey]*sighting{},
	}
	nature := p.backing.nature()
	w.tellsViews = !nature.handleMaps
	if nature.insideEntry {
		w.memoryAt = memoryAt
	}
	for _, s := range found {
		if s.entry == nil {
			continue
		}
		w.files[fileName(s.Name.Base)] = s
		w.inodes[s.entry.inode] = s
		w.memory[p.backing.mappedAs(s.entry)] = s
	}
	return w
}

func (w *wanted) handles(proc string, pid int) error {
	var buffer [unix.PathMax]byte
	table := proc + "/fd/"
	descriptors, err := directoryNames(table)
	if task := survivorOf(descriptors, err, pid); task != "" {
		table = task + "/fd/"
		descriptors, err = directoryNames(table)
	}
	for _, fd := range descriptors {
		n, err := unix.Readlink(table+fd, buffer[:])
		if err != nil || n <= len(w.dir) || string(buffer[:len(w.dir)]) != w.dir {
			continue
		}
		s := w.entryOf(string(buffer[len(w.dir):n]))
		switch {
		case s == nil:
		case w.place.locks.ofProcess(): // one descriptor serves all handles, and another the views
			s.holder(pid).Handles = 1
		default:
			s.addHandle(pid)
		}
	}
	return err
}

// entryOf finds the object whose entry a descriptor's link names. The creator's link still has the number that the file
// had before it was published: "#<inode> (deleted)".
func (w *wanted) entryOf(link string) *sighting {
	link = strings.TrimSuffix(link, " (deleted)")
	if number, ok := strings.CutPrefix(link, "#"); ok {
		inode, err := strconv.ParseUint(number, 10, 64)
		if err == nil {
			return w.inodes[inode]
		}
	}
	return w.files[link]
}

// inodeIn returns the inode of a mapping, from its line up to the path; 0 if the line does not have that form.
func inodeIn(line []byte) uint64 {
	f := bytes.Fields(line)
	if len(f) != 5 {
		return 0
	}
	inode, _ := strconv.ParseUint(string(f[4]), 10, 64)
	return inode
}

// views reads a process's mappings: address perms offset device inode path.
func (w *wanted) views(proc string, pid int) error {
	b, err := contents(proc + "/maps")
	if task := survivorOf(b, err, pid); task != "" {
		b, err = contents(task + "/maps")
	}
	for line := range bytes.Lines(b) {
		at := bytes.IndexByte(line, '/')
		if at < 0 {
			continue
		}
		path := bytes.TrimSuffix(bytes.TrimSpace(line[at:]), []byte(" (deleted)"))
		var m mappingKey
		switch {
		case bytes.HasPrefix(path, []byte(memfdPrefix)):
			m.name = string(path)
		case bytes.HasPrefix(path, []byte(segmentPath)):
			m = mappingKey{segmentPath, inodeIn(line[:at])}
		case bytes.HasPrefix(path, []byte(w.dir)):
			m = mappingKey{w.place.dir, inodeIn(line[:at])}
		}
		if s := w.memory[m]; s != nil {
			h := s.holder(pid)
			h.Views++
			if v, ok := mappingIn(line[:at]); ok && w.tellsViews {
				v.Offset -= w.memoryAt
				h.Mapped = append(h.Mapped, v)
			}
		}
	}
	return err
}

// mappingIn reads a mapping from its line, up to the path.
func mappingIn(line []byte) (m Mapping, ok bool) {
	f := bytes.Fields(line)
	if len(f) != 5 || len(f[1]) != 4 {
		return m, false
	}
	from, to, _ := strings.Cut(string(f[0]), "-")
	start, err1 := strconv.ParseUint(from, 16, 64)
	end, err2 := strconv.ParseUint(to, 16, 64)
	offset, err3 := strconv.ParseInt(string(f[2]), 16, 64)
	if cmp.Or(err1, err2, err3) != nil {
		return m, false
	}
	m = Mapping{Address: start, Length: int64(end - start), Offset: offset}
	switch perms := f[1]; {
	case perms[3] == 'p' && perms[1] == 'w':
		m.Access = Copy
	case perms[1] == 'w':
		m.Access = Read | Write
	case perms[0] == 'r':
		m.Access = Read
	}
	if f[1][2] == 'x' {
		m.Access |= Execute
	}
	return m, true
}
