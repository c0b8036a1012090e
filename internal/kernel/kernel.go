// Package kernel is the object manager: the only room with system calls. The files without a build constraint say
// what it does and check what every platform checks; each platform file implements the lower-case twins.
//
// Reading order: this file, name.go, code.go, handle.go, section.go; then for Windows native_windows.go, and for
// Unix object.go (the protocol), layout.go (an entry's bytes), directory.go, liveness_*.go and backing_*.go.
package kernel

import (
	"context"
	"time"
)

// PageSize is what sizes are rounded up to, and Granularity what offsets of views are multiples of, on every
// platform: Windows' own numbers. (A machine with larger pages rounds to those.)
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

// String is the kind in one word.
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
	return fail(InvalidHandle, "its kind is: %s", kind)
}

// Access is what a handle or a view may do; the numbers are those of FILE_MAP_*.
type Access uint32

const (
	Copy    Access = 0x01
	Write   Access = 0x02
	Read    Access = 0x04
	Execute Access = 0x20
)

const allAccess = Copy | Write | Read | Execute

// Protection is the most that any view of a section may ever have; the numbers are those of PAGE_*.
type Protection uint32

const (
	PageReadOnly         Protection = 0x02
	PageReadWrite        Protection = 0x04
	PageWriteCopy        Protection = 0x08
	PageExecuteRead      Protection = 0x20
	PageExecuteReadWrite Protection = 0x40
	PageExecuteWriteCopy Protection = 0x80
)

// grants is what CreateFileMapping gives the creator's handle for a protection; 0 for a protection that is none.
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
	CommitDefault Commit = iota // what the platform does for ordinary memory; an absurd size is refused
	CommitNow                   // every page is reserved at creation, which fails if that is impossible
	CommitNever                 // nothing is charged before a page is used; sparse sections larger than the machine
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
	Group    string // name, or number or SID, of the group
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
}

// Mode says what an existing object means to a creator.
type Mode uint8

const (
	MustBeNew Mode = iota
	MayExist
)

// Info describes a live object. Numbers that the platform does not tell are -1.
type Info struct {
	Name       Name
	Kind       Kind
	Size       int64
	Access     Access     // what the caller could open it with
	Protection Protection // 0 where unknown
	Owner      string     // user name, or number or SID where it has none
	Group      string     // likewise; "" where there is none
	Security   string     // Unix: the octal mode; Windows: SDDL
	Created    time.Time  // zero where unknown
	Handles    int
	Views      int
	Holders    []Holder // processes that the caller may see; others are in Handles and Views only
	Resident   int64    // bytes of memory in use
	Backing    string   // "memfd", "sysv", "file", "native", "user file"
	State      *State   // of a waitable object; nil for a section, and where it cannot be told
	Reach      error    // why a live object could not be looked into; nil when it could
}

// Holder is one process that keeps an object's name or memory alive.
type Holder struct {
	PID     int
	Command string
	Handles int
	Views   int
}

// Burial is one thing that Bury found: what a crashed process left, or what does not belong there.
type Burial struct {
	Name   string // the object's name, or the path where it has none
	What   string // what it was, in words
	Buried bool   // false: left in place; Err says why
	Err    error
}

// patience bounds every retry loop: the protocol never waits for a process that may be stopped, it gives up and says so.
const patience = time.Second

// backoff is one bounded, growing pause between tries.
type backoff struct {
	ctx   context.Context
	until time.Time
	next  time.Duration

	extended bool
}

func newBackoff(ctx context.Context) *backoff {
	return &backoff{ctx: ctx, until: time.Now().Add(patience)}
}

// extend gives a wait that is sure to end more time.
func (b *backoff) extend() {
	if !b.extended {
		b.extended = true
		b.until = b.until.Add(30 * patience)
	}
}

// pause sleeps a little longer each time. It is false when time is up or the context is done.
func (b *backoff) pause() bool {
	if b.ctx.Err() != nil || !time.Now().Before(b.until) {
		return false
	}
	if b.next == 0 {
		b.next = 5 * time.Microsecond
	}
	timer := time.NewTimer(b.next)
	defer timer.Stop()
	b.next = min(b.next*2, 20*time.Millisecond)
	select {
	case <-timer.C:
		return true
	case <-b.ctx.Done():
		return false
	}
}

// Check is one fact about this machine that matters here, and what to do about it.
type Check struct {
	Topic  string // "Local directory", "kernel.shmmni", …
	Status Status
	Detail string
	Advice string
}

// Status is how well a machine does on a Check.
type Status uint8

const (
	OK Status = iota
	Warning
	Missing
)

// Examine looks at what this machine offers. It changes nothing.
func Examine() []Check { return examine() }

// Setup is what SetupGlobal did.
type Setup struct {
	Directory string   // the Global directory; "" where the platform has none
	Mode      string   // its octal mode
	Group     string   // whose members may create Global names; "" = root alone
	Persist   []string // lines that make it again at every boot, with the file they belong into as the first
}

// SetupGlobal makes the Global directory, for a group when one is named. Only root can.
func SetupGlobal(group string) (Setup, error) { return setupGlobal(group) }
