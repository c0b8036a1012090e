package kernel

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unsafe"

	"github.com/namedshm/namedshm/internal/fault"
	"golang.org/x/sys/windows"
)

// probe is an object that is looked into: its handle is open only that long, and is not counted.
type probe struct {
	handle windows.Handle // 0 if it could not be opened
	info   Info
}

// batch is how many objects a listing holds open at once. A handle keeps a name alive, so they should be few and open
// briefly; but the table of all handles of the machine, which says who holds what, is read once for each batch.
const batch = 8192

func listObjects(namespace Namespace) ([]Info, error) {
	entries, err := readDirectory(namespace)
	if err != nil {
		return nil, err
	}
	var infos []Info
	for some := range slices.Chunk(entries, batch) {
		probes := make([]probe, 0, len(some))
		for _, entry := range some {
			p, err := openProbe(entry.Name, entry.Kind)
			if fault.CodeOf(err) == fault.FileNotFound {
				continue // it died meanwhile
			}
			probes = append(probes, p)
		}
		infos = append(infos, examineProbes(probes)...)
	}
	slices.SortFunc(infos, func(a, b Info) int { return cmp.Compare(a.Name.Base, b.Name.Base) })
	// The system counts its way through a directory that changes meanwhile, and may report a name twice.
	return slices.CompactFunc(infos, func(a, b Info) bool { return a.Name == b.Name }), nil
}

func listNames(namespace Namespace) ([]string, error) {
	entries, err := readDirectory(namespace)
	names := make([]string, len(entries))
	for i := range entries {
		names[i] = entries[i].Name.String()
	}
	slices.Sort(names)
	return slices.Compact(names), err
}

// statObject finds the kind by opening the name as each kind in turn. Searching the directory would tell the kind at
// once, but reads every name there is.
func statObject(name Name) (Info, error) {
	for _, kind := range []Kind{KindSection, KindEvent, KindMutex, KindSemaphore, KindOther} {
		p, err := openProbe(name, kind)
		switch fault.CodeOf(err) {
		case fault.InvalidHandle:
			continue // another kind
		case 0, fault.AccessDenied:
			return examineProbes([]probe{p})[0], nil
		}
		return Info{}, err
	}
	return Info{}, &fault.Fault{Code: fault.FileNotFound}
}

// openProbe opens an object to look at it. It returns a probe even for an object that forbids that; the probe says so.
func openProbe(name Name, kind Kind) (probe, error) {
	p := probe{info: Info{Name: name, Kind: kind, Size: -1, Handles: -1, Views: -1, Resident: -1, Backing: "native"}}
	p.info.Seats = kind == KindSection
	wide, err := wideName(name)
	if err != nil {
		return p, err
	}
	for _, rights := range probeRights(kind) {
		if p.handle, err = openByName(kind, rights, wide); err != windows.ERROR_ACCESS_DENIED {
			break
		}
	}
	if err != nil {
		p.info.Reach = systemFault(err)
	}
	return p, p.info.Reach
}

// probeRights are the rights to ask for, the most telling first. SECTION_QUERY never stands alone: OpenFileMapping
// takes that for FILE_MAP_COPY.
func probeRights(kind Kind) []uint32 {
	if kind == KindSection {
		return []uint32{windows.READ_CONTROL | sectionQuery, sectionMapRead | sectionQuery, sectionMapRead,
			windows.READ_CONTROL}
	}
	return []uint32{windows.READ_CONTROL | stateQuery, stateQuery, windows.READ_CONTROL, windows.SYNCHRONIZE}
}

// examineProbes queries the open objects, and closes them.
func examineProbes(probes []probe) []Info {
	for i := range probes {
		if probes[i].handle != 0 {
			probes[i].ask()
		}
	}
	findHolders(probes)
	infos := make([]Info, len(probes))
	for i, p := range probes {
		if p.handle != 0 {
			windows.CloseHandle(p.handle)
		}
		infos[i] = p.info
	}
	return infos
}

func (p *probe) ask() {
	describeSecurity(p.handle, &p.info)
	var basic objectBasicInformation
	if ntQueryObject(p.handle, objectBasicClass, unsafe.Pointer(&basic), uint32(unsafe.Sizeof(basic)), nil) == nil &&
		basic.handleCount > 0 {
		p.info.Handles = int(basic.handleCount) - 1
	}
	if p.info.Kind == KindSection {
		size, err := querySize(p.handle)
		if err == nil {
			p.info.Size = size
		}
		p.info.Reach = err
	} else {
		p.info.State, p.info.Reach = queryState(p.handle, p.info.Kind)
	}
	p.info.Access = possibleAccess(p.info.Name, p.info.Kind)
}

// possibleAccess returns what this process could open an object with, found by trying: reading a DACL as the kernel
// does is no smaller a job than asking the kernel. What a section's protection forbids shows only when it is mapped.
// For the other kinds Read means to wait and Write to modify, as in their security; a user who may lock a mutex may do
// both.
func possibleAccess(name Name, kind Kind) Access {
	wide, err := wideName(name)
	if err != nil {
		return 0
	}
	tries := []Access{Read | Write, Read, Write}
	if kind == KindMutex {
		tries = tries[:1]
	}
	for _, access := range tries {
		rights := sectionRights(access)
		if kind != KindSection {
			rights = waitableRights(kind, access.rights())
		}
		if handle, err := openByName(kind, rights, wide); err == nil {
			windows.CloseHandle(handle)
			return access
		}
	}
	return 0
}

// directoryPath returns the object directory behind a namespace. In session 0 both namespaces are one directory.
func directoryPath(namespace Namespace) string {
	if session := sessionID(); namespace == Local && session != 0 {
		return fmt.Sprintf(`\Sessions\%d\BaseNamedObjects`, session)
	}
	return `\BaseNamedObjects`
}

// readDirectory returns the names of a namespace with their kinds. It leaves out directories and links: with them the
// system builds the namespaces themselves.
func readDirectory(namespace Namespace) ([]Info, error) {
	path, err := windows.NewNTUnicodeString(directoryPath(namespace))
	if err != nil {
		return nil, systemFault(err)
	}
	attributes := windows.OBJECT_ATTRIBUTES{ObjectName: path}
	attributes.Length = uint32(unsafe.Sizeof(attributes))
	var directory windows.Handle
	if err := ntOpenDirectoryObject(&directory, directoryQuery, &attributes); err != nil {
		return nil, systemFault(err)
	}
	defer windows.CloseHandle(directory)

	var found []Info
	// The entries come first, their strings behind them. The collector must see no pointers in the buffer, because the
	// system writes text where the next entry would be.
	buffer := make([]uintptr, 2*longestString)
	size := uint32(uintptr(len(buffer)) * unsafe.Sizeof(buffer[0]))
	single := false
	for next := uint32(0); ; {
		first := next
		status := ntQueryDirectoryObject(directory, (*byte)(unsafe.Pointer(&buffer[0])), size, single, first == 0, &next, nil)
		switch {
		case status == windows.STATUS_NOT_IMPLEMENTED && !single:
			single = true // Wine 8.0 returns them only one by one
		case status == windows.STATUS_NO_MORE_ENTRIES || status == 0 && next == first:
			return found, nil
		case status != 0 && status != windows.STATUS_MORE_ENTRIES:
			return nil, systemFault(status)
		}
		for _, entry := range unsafe.Slice((*directoryEntry)(unsafe.Pointer(&buffer[0])), next-first) {
			kind, listed := kindNamed(entry.kind.String())
			name := entry.name.String()
			if listed && (kind != KindMutex || !strings.HasPrefix(name, seatPrefix)) {
				found = append(found, Info{Name: Name{namespace, name}, Kind: kind})
			}
		}
	}
}

// kindNamed returns the kind for an object directory's type name; listed is false for what is not an object to a user.
func kindNamed(name string) (kind Kind, listed bool) {
	switch name {
	case "Section":
		return KindSection, true
	case "Event":
		return KindEvent, true
	case "Mutant":
		return KindMutex, true
	case "Semaphore":
		return KindSemaphore, true
	case "Directory", "SymbolicLink":
		return 0, false
	}
	return KindOther, true
}
