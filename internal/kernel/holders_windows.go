package kernel

import (
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/windows"
)

// The system has a table of all handles of the machine: process, number, rights, kind, and the object's address. Two
// handles are to one object if the addresses are the same. Since Windows 11 24H2 the addresses are zero for a process
// without the right to debug others (and under Wine for everybody). In that case a handle is duplicated into this
// process, where that is allowed, and asked for its object's name. This is done only for handles of the kinds in
// question: asking a pipe for its name could block for ever, asking a section never does.

// longestString is the room for the longest text that a UNICODE_STRING can count, in words.
const longestString = 1 << 16 / unsafe.Sizeof(uintptr(0))

// holderSearch finds out which handles are to one of the probed objects.
type holderSearch struct {
	probes    []probe
	own       map[uintptr]int // this process's handles that are the probes
	byObject  map[uintptr]int
	byName    map[string]int
	kinds     map[uint16]bool
	processes map[uintptr]*process
	buffer    []uintptr // for names: the collector must see no pointers in it, because the system writes text all over it
}

// process is one that may hold something. Its handle is 0 if handles cannot be duplicated from it.
type process struct {
	handle  windows.Handle
	command string
}

// findHolders adds to each probe the processes that hold its object, as far as the system tells.
func findHolders(probes []probe) {
	table, err := handleTable()
	if err != nil {
		return
	}
	s := newHolderSearch(probes, table)
	defer s.close()
	self := uintptr(windows.GetCurrentProcessId())
	for _, entry := range table {
		if _, own := s.own[entry.handle]; own && entry.pid == self {
			continue
		}
		i, found := s.byObject[entry.object]
		if entry.object == 0 && s.kinds[entry.kind] {
			i, found = s.byName[s.nameBehind(entry)]
		}
		if found {
			info := &probes[i].info
			info.Holders = countHandle(info.Holders, int(entry.pid), s.process(entry.pid).command)
		}
	}
}

func newHolderSearch(probes []probe, table []handleEntry) *holderSearch {
	s := &holderSearch{
		probes: probes, own: make(map[uintptr]int), byObject: make(map[uintptr]int), byName: make(map[string]int),
		kinds: make(map[uint16]bool), processes: make(map[uintptr]*process),
		buffer: make([]uintptr, longestString+unsafe.Sizeof(windows.NTUnicodeString{})),
	}
	for i, p := range probes {
		if p.handle == 0 {
			continue
		}
		s.own[uintptr(p.handle)] = i
		if name := s.objectName(p.handle); name != "" {
			s.byName[name] = i
		}
	}
	self := uintptr(windows.GetCurrentProcessId())
	for _, entry := range table {
		i, found := s.own[entry.handle]
		if !found || entry.pid != self {
			continue
		}
		s.kinds[entry.kind] = true
		if entry.object != 0 {
			s.byObject[entry.object] = i
		}
	}
	return s
}

func (s *holderSearch) close() {
	for _, p := range s.processes {
		if p.handle != 0 {
			windows.CloseHandle(p.handle)
		}
	}
}

// process opens a process once, with the right to duplicate its handles, or at least to ask its name.
func (s *holderSearch) process(pid uintptr) *process {
	if p, known := s.processes[pid]; known {
		return p
	}
	p := new(process)
	s.processes[pid] = p
	const ask = windows.PROCESS_QUERY_LIMITED_INFORMATION
	handle, err := windows.OpenProcess(ask|windows.PROCESS_DUP_HANDLE, false, uint32(pid))
	if err == nil {
		p.handle = handle
	} else if handle, err = windows.OpenProcess(ask, false, uint32(pid)); err == nil {
		defer windows.CloseHandle(handle)
	} else {
		return p
	}
	path := make([]uint16, windows.MAX_LONG_PATH)
	size := uint32(len(path))
	if windows.QueryFullProcessImageName(handle, 0, &path[0], &size) == nil {
		p.command = filepath.Base(windows.UTF16ToString(path[:size]))
	}
	return p
}

// nameBehind returns the name of the object behind another process's handle, or "".
func (s *holderSearch) nameBehind(entry handleEntry) string {
	p := s.process(entry.pid)
	if p.handle == 0 {
		return ""
	}
	var ours windows.Handle
	// Asking for a name requires no right. The handle may have been closed since; then there is nothing to find.
	err := windows.DuplicateHandle(p.handle, windows.Handle(entry.handle), windows.CurrentProcess(), &ours, 0, false, 0)
	if err != nil {
		return ""
	}
	defer windows.CloseHandle(ours)
	return s.objectName(ours)
}

// objectName returns an object's whole name in the system's tree, or "" for none.
func (s *holderSearch) objectName(handle windows.Handle) string {
	size := uint32(uintptr(len(s.buffer)) * unsafe.Sizeof(s.buffer[0]))
	if ntQueryObject(handle, objectNameClass, unsafe.Pointer(&s.buffer[0]), size, nil) != nil {
		return ""
	}
	return (*windows.NTUnicodeString)(unsafe.Pointer(&s.buffer[0])).String()
}

// countHandle adds one handle of a process. An object has few holders: a search is enough.
func countHandle(holders []Holder, pid int, command string) []Holder {
	for i := range holders {
		if holders[i].PID == pid {
			holders[i].Handles++
			return holders
		}
	}
	return append(holders, Holder{PID: pid, Command: command, Handles: 1, Views: -1})
}

// handleTable returns the table of all handles of the machine.
func handleTable() ([]handleEntry, error) {
	const header = 2 * unsafe.Sizeof(uintptr(0)) // the number of entries, and a reserved word
	for words := 1 << 15; ; words *= 2 {
		buffer := make([]uintptr, words)
		size := uintptr(words) * unsafe.Sizeof(uintptr(0))
		err := windows.NtQuerySystemInformation(windows.SystemExtendedHandleInformation, unsafe.Pointer(&buffer[0]),
			uint32(size), nil)
		// The table grows while it is being read, so doubling beats asking how much is needed.
		if err == windows.STATUS_INFO_LENGTH_MISMATCH && words < 1<<27 {
			continue
		}
		if err != nil {
			return nil, systemFault(err)
		}
		n := min(buffer[0], (size-header)/unsafe.Sizeof(handleEntry{}))
		return unsafe.Slice((*handleEntry)(unsafe.Pointer(&buffer[2])), n), nil
	}
}
