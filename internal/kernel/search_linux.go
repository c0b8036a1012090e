package kernel

import (
	"bytes"
	"maps"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// vainSearches are the latest searches for memory that was found nowhere because its holders are exiting. A search is
// expensive, and repeating it at once is vain: only a new holder can be found, and its record says where. One without a
// record is found by the next search.
var vainSearches searches

type searches struct {
	mu    sync.Mutex
	known map[token]vainSearch
}

type vainSearch struct {
	slots [longNameAt - slotsAt]byte
	until time.Time // no further search before
}

// searchPause is how long to go without another search, as a multiple of the time the last one took.
const searchPause = 8

func (s *searches) note(e *entry, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	maps.DeleteFunc(s.known, func(_ token, v vainSearch) bool { return v.until.Before(now) })
	if s.known == nil {
		s.known = map[token]vainSearch{}
	}
	v := vainSearch{until: now.Add(searchPause * took)}
	copy(v.slots[:], e.first[slotsAt:])
	s.known[e.token] = v
}

// recent reports whether there was such a search for the entry's memory, and no holder has written a record since.
func (s *searches) recent(e *entry) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.known[e.token]
	return ok && time.Now().Before(v.until) && bytes.Equal(v.slots[:], e.first[slotsAt:])
}

// search looks for the token among the descriptors of all processes, and of their threads, which may have tables of
// their own. It returns nil without an error if no process that can be looked into has it.
func (e *entry) search(flags int) (memory, error) {
	if e.overFile() {
		return e.searchFile(flags)
	}
	want := memfdLink(e.token)
	pids, err := processes()
	if err != nil {
		return nil, err
	}
	for _, pid := range pids {
		tables, err := descriptorTables(pid)
		if err != nil {
			return nil, err
		}
		for _, table := range tables {
			descriptors, err := directoryNames(table)
			if err != nil {
				return nil, err
			}
			for _, fd := range descriptors {
				if path := table + fd; linkReads(path, want) {
					m, err := e.enter(path, flags)
					if err == nil || isFinal(err) {
						return m, err
					}
				}
			}
		}
	}
	return nil, nil
}

// searchFile looks for a user's file among the descriptors of all processes, by device and inode. It returns nil
// without an error if no process that can be looked into has it open.
func (e *entry) searchFile(flags int) (memory, error) {
	pids, err := processes()
	if err != nil {
		return nil, err
	}
	for _, pid := range pids {
		tables, err := descriptorTables(pid)
		if err != nil {
			return nil, err
		}
		for _, table := range tables {
			if m, err := e.searchFileIn(table, flags); m != nil || err != nil {
				return m, err
			}
		}
	}
	return nil, nil
}

func (e *entry) searchFileIn(table string, flags int) (memory, error) {
	fds, err := directoryNames(table)
	if err != nil {
		return nil, err
	}
	for _, fd := range fds {
		path := table + fd
		var st unix.Stat_t
		if unix.Stat(path, &st) != nil || uint64(st.Dev) != e.identity[0] || st.Ino != e.identity[1] {
			continue
		}
		m, err := e.enter(path, flags)
		if err == nil || isFinal(err) {
			return m, err
		}
	}
	return nil, nil
}
