package kernel

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// addHandle counts a handle of a process.
func (s *sighting) addHandle(pid int) { s.holder(pid).Handles++ }

// holder is the process among the holders.
func (s *sighting) holder(pid int) *Holder {
	for i := range s.Holders {
		if s.Holders[i].PID == pid {
			return &s.Holders[i]
		}
	}
	s.Holders = append(s.Holders, Holder{PID: pid})
	return &s.Holders[len(s.Holders)-1]
}

// countOf is how many handles the holders have together.
func countOf(holders []Holder) (n int) {
	for _, h := range holders {
		n += h.Handles
	}
	return n
}

// findHolders looks through /proc once for all objects: a mapping of the memory is a view and, where handles are not
// known yet, a descriptor of an entry is one. Processes that this one may not look into are missing.
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
			if s.entry.backing == backingSysV {
				h.Views = max(0, h.Views-h.Handles) // a handle to a segment is an attachment too
			}
			s.Views += h.Views
		}
	}
}

// wanted is what the objects that are looked for are recognised by.
type wanted struct {
	dir     string
	files   map[string]*sighting // by the entry's file name
	inodes  map[uint64]*sighting // by the entry's inode
	memory  map[string]*sighting // memfd: by token, in hexadecimal
	segment map[uint64]*sighting // System V: by id
	file    bool
}

func newWanted(p *place, found []*sighting) *wanted {
	w := &wanted{
		dir: p.dir + "/", file: p.backing.id() == backingFile,
		files: map[string]*sighting{}, inodes: map[uint64]*sighting{}, memory: map[string]*sighting{}, segment: map[uint64]*sighting{},
	}
	for _, s := range found {
		if s.entry == nil {
			continue
		}
		w.files[fileName(s.Name.Base)] = s
		w.inodes[s.entry.inode] = s
		switch s.entry.backing {
		case backingMemfd:
			w.memory[hex.EncodeToString(s.entry.token[:])] = s
		case backingSysV:
			w.segment[s.entry.identity[0]] = s
		}
	}
	return w
}

func (w *wanted) handles(proc string, pid int) error {
	var buffer [unix.PathMax]byte
	table := proc + "/fd/"
	descriptors, err := directoryNames(table)
	for _, fd := range descriptors {
		n, err := unix.Readlink(table+fd, buffer[:])
		if err != nil || n <= len(w.dir) || string(buffer[:len(w.dir)]) != w.dir {
			continue
		}
		s := w.entryOf(string(buffer[len(w.dir):n]))
		switch {
		case s == nil:
		case w.file: // one descriptor serves all handles of a process, and another its views
			s.holder(pid).Handles = 1
		default:
			s.addHandle(pid)
		}
	}
	return err
}

// entryOf finds the object whose entry a descriptor's link names. The creator's link keeps the number that the file
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

// views reads a process's mappings: address perms offset device inode path.
func (w *wanted) views(proc string, pid int) error {
	b, err := contents(proc + "/maps")
	for line := range bytes.Lines(b) {
		at := bytes.IndexByte(line, '/')
		if at < 0 {
			continue
		}
		path := bytes.TrimSuffix(bytes.TrimSpace(line[at:]), []byte(" (deleted)"))
		var s *sighting
		if t, ok := bytes.CutPrefix(path, []byte("/memfd:namedshm-")); ok {
			s = w.memory[string(t)]
		} else if bytes.HasPrefix(path, []byte("/SYSV")) {
			if f := bytes.Fields(line[:at]); len(f) == 5 {
				id, _ := strconv.ParseUint(string(f[4]), 10, 64)
				s = w.segment[id]
			}
		} else if w.file && bytes.HasPrefix(path, []byte(w.dir)) {
			if f := bytes.Fields(line[:at]); len(f) == 5 {
				inode, _ := strconv.ParseUint(string(f[4]), 10, 64)
				s = w.inodes[inode]
			}
		}
		if s != nil {
			s.holder(pid).Views++
		}
	}
	return err
}

// commandOf is the name of a process's program.
func commandOf(proc string) string {
	b, err := os.ReadFile(proc + "/comm")
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(string(b), "\n")
}

// sweepOthers buries what has no name: what the backing leaves besides entries.
func (p *place) sweepOthers() []Burial {
	switch p.backing.id() {
	case backingSysV:
		return append(sweepSegments(p), sweepSeats(p)...)
	case backingFile:
		return sweepFiles(p)
	}
	return nil
}
