// Package kernel is the object manager: names, entries, doors and memory. What its errors are made of is package fault.
// What an event, a mutex or a semaphore does, and the sleep, is package waiting, except on Windows, which has its own.
// docs/glossary.md has the words, docs/design.md the reasons.
//
// The files without a build constraint say what the package does and check what every platform checks. The others
// implement their lower-case twins: x_windows.go, x_linux.go, x_unix.go for every Unix, and x_other.go for the systems
// that the other files of that name leave out. unsupported.go is the list of what a platform must provide.
//
// Reading order, by the first word of a file's name:
//
//   - For callers: kernel, name, section, seated, view, waitable, stat, bury (what crashed processes left), watch
//     (waits for a name), examine, setup, judge, typed, leak; for package wine forwine, for package win32 forwin32 and
//     userfile (sections over a file).
//   - Unix, the protocol: object (create and open), handle (close), retry, entry, layout (an entry's bytes), filename,
//     bury, link, mistake.
//   - Unix, where the names are: places, root, session (this process's namespaces), directory, operation,
//     judge (whether a directory may be used), users, mount.
//   - Unix, who is alive: liveness, descriptor, fork; of those who wait waitable, state, seats, thread, manner.
//   - Unix, the memory: backing, share, memory, address, apart, region. Linux, Local: door, search, proc.
//     Linux, Global: segment, control, note, seats.
//   - Unix, for those who look: stat, list, holders, elsewhere, examine, rehearsal, setup.
//   - Unix, the system's ways: fault (errors and advice), limits, filter, interrupted, poller, environment, variable.
//   - Windows: section, waitable, wait, owner, thread, list, holders, security, fault, syscall.
package kernel

import "github.com/namedshm/namedshm/internal/fault"

// Granularity is what offsets of views are multiples of, on every platform: Windows' own number.
const Granularity = 65536

// Kind is the kind of a named object. All kinds share one namespace.
type Kind uint32

// The number is written into entries: never renumber.
const (
	KindSection   Kind = 1
	KindEvent     Kind = 2
	KindMutex     Kind = 3
	KindSemaphore Kind = 4
	KindOther     Kind = 255 // Windows has more kinds in the same namespace: timers, jobs, links
)

// String returns the kind in one word.
func (k Kind) String() string {
	switch k {
	case KindSection:
		return "section"
	case KindEvent:
		return "event"
	case KindMutex:
		return "mutex"
	case KindSemaphore:
		return "semaphore"
	}
	return "other"
}

// otherKind is the error of a call for one kind of object on an object of another.
func otherKind(kind Kind) error {
	return fault.BadHandle("the object of this name is of another kind: %s", kind)
}

// Access is what a handle or a view may do. The numbers are those of FILE_MAP_*.
type Access uint32

const (
	Copy    Access = 0x01
	Write   Access = 0x02
	Read    Access = 0x04
	Execute Access = 0x20
)

const allAccess = Copy | Write | Read | Execute

// Protection is the most that any view of a section may ever have. The numbers are those of PAGE_*.
type Protection uint32

const (
	PageReadOnly         Protection = 0x02
	PageReadWrite        Protection = 0x04
	PageWriteCopy        Protection = 0x08
	PageExecuteRead      Protection = 0x20
	PageExecuteReadWrite Protection = 0x40
	PageExecuteWriteCopy Protection = 0x80
)

// grants returns what CreateFileMapping grants the creator's handle for a protection; 0 for an invalid one.
func (p Protection) grants() Access {
	switch p {
	case PageReadOnly, PageWriteCopy:
		return Read | Copy
	case PageReadWrite:
		return Read | Copy | Write
	case PageExecuteRead, PageExecuteWriteCopy:
		return Read | Copy | Execute
	case PageExecuteReadWrite:
		return Read | Copy | Write | Execute
	}
	return 0
}

// Commit says when the pages of a section are charged.
type Commit uint8

const (
	CommitDefault Commit = iota // as the platform does for ordinary memory; an absurd size is refused
	CommitNow                   // every page is reserved at creation, which fails if that is impossible
	CommitNever                 // nothing is charged before a page is used, for sparse sections larger than the machine
)

// Audience is who besides the creator may open an object.
type Audience uint8

const (
	Owner Audience = iota
	Everyone
	Group
	Descriptor // Windows: whoever the SDDL string says
)

// Share is an object's security: an audience, and what it may do (Read, or Read and Write).
type Share struct {
	Audience Audience
	Access   Access
	Group    string // name, number or SID of the group
	SDDL     string
}

// Spec is what a creator asks for.
type Spec struct {
	Size       int64 // bytes; rounded up to whole pages
	Protection Protection
	Share      Share
	Commit     Commit
	Attributes uint32 // Unix: noted in the entry, for those who open the section
	over       *File  // Unix: the file that the section is over; nil for memory

	// Prepare writes what the memory is to hold before anybody else sees it; nil where that is zeros. Where
	// PublishedFirst is true others may see it before and meanwhile. It is not called for a section that exists.
	Prepare func(memory []byte) error
	// Seats has each handle that may write take a seat: see Section.Seat.
	Seats bool
}

// Mode says what an existing object means to a creator.
type Mode uint8

const (
	MustBeNew Mode = iota
	MayExist
)
