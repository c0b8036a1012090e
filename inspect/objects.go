package inspect

import (
	"errors"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/flow"
	"github.com/namedshm/namedshm/internal/fault"
	"github.com/namedshm/namedshm/internal/kernel"
	"github.com/namedshm/namedshm/internal/words"
)

// Kind is the kind of a named object. All kinds share the namespaces.
type Kind uint32

const (
	// KindSection is shared memory.
	KindSection Kind = 1
	// KindEvent is an event, manual-reset or auto-reset.
	KindEvent Kind = 2
	// KindMutex is a mutex.
	KindMutex Kind = 3
	// KindSemaphore is a semaphore.
	KindSemaphore Kind = 4
	// KindOther is a kind that this package does not make; Windows has timers, jobs and links.
	KindOther Kind = 255
)

var kindWords = words.Table{
	{Value: uint32(KindSection), Text: "section"}, {Value: uint32(KindEvent), Text: "event"},
	{Value: uint32(KindMutex), Text: "mutex"},
	{Value: uint32(KindSemaphore), Text: "semaphore"}, {Value: uint32(KindOther), Text: "other"},
}

// String is the kind in one word.
func (k Kind) String() string { return kindWords.One(uint32(k)) }

// MarshalText is String, for JSON.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (k *Kind) UnmarshalText(text []byte) error {
	value, err := kindWords.ReadOne(text, 32)
	if err != nil {
		return &namedshm.Error{Op: "unmarshal", Code: namedshm.ErrInvalidParameter, Cause: err}
	}
	*k = Kind(value)
	return nil
}

// Info describes a live object at one moment. Size, Access, Protection, Views and Resident are for sections; for the
// other kinds they describe, if anything, the memory that holds the object's state. shm prints an Info with --json,
// without these fields for the other kinds.
type Info struct {
	Name       string              `json:"name"` // with its prefix
	Kind       Kind                `json:"kind"`
	Size       int64               `json:"size"`                 // bytes; -1 where unknown
	Access     namedshm.Access     `json:"access"`               // with which the caller could open a section
	Rights     namedshm.Rights     `json:"rights,omitempty"`     // with which the caller could open another kind
	Protection namedshm.Protection `json:"protection,omitempty"` // 0 where unknown
	Owner      string              `json:"owner"`                // user name, or its number or SID
	Group      string              `json:"group,omitempty"`
	Security   string              `json:"security"`           // Unix: octal mode; Windows: SDDL
	Created    time.Time           `json:"created,omitzero"`   // zero where unknown
	Handles    int                 `json:"handles"`            // open handles of all processes; -1 where unknown
	Views      int                 `json:"views"`              // views of the processes in Holders; -1 where unknown
	Holders    []Holder            `json:"holders"`            // the processes that the caller can inspect
	Resident   int64               `json:"resident"`           // bytes of memory in use; -1 where unknown
	Backing    string              `json:"backing"`            // "memfd", "sysv", "file", "native"; "user file": over one
	State      *State              `json:"state,omitempty"`    // of an event, mutex or semaphore; nil if unknown
	Flow       *flow.Info          `json:"flow,omitempty"`     // of a ring or feed; nil for another section, or if unknown
	Obstacle   string              `json:"obstacle,omitempty"` // why the object could not be inspected, if so
}

// State is a snapshot of an event, mutex or semaphore.
type State struct {
	// Signaled reports whether a wait would be satisfied at once.
	Signaled bool `json:"signaled"`
	// Waiters is how many threads are waiting, as far as they can be counted; -1 if they cannot (on Windows).
	Waiters int `json:"waiters"`
	// Waiting describes the processes of these threads, as far as they can be told; one may be there several times.
	Waiting []Waiter `json:"waiting,omitempty"`
	// Reset is an event's mode; nil for other kinds.
	Reset *namedshm.ResetMode `json:"reset,omitempty"`
	// Semaphore is a semaphore's count; nil for other kinds.
	Semaphore *SemaphoreState `json:"semaphore,omitempty"`
	// Abandoned reports that a mutex's last owner ended without unlocking it, and no wait has returned that yet.
	Abandoned bool `json:"abandoned,omitempty"`
	// Ownership describes the owner of a mutex; nil if there is none.
	Ownership *Ownership `json:"ownership,omitempty"`
}

// Waiter is a process that waits, through one handle. What it says was written by that process itself.
type Waiter struct {
	PID     int    `json:"pid"`     // 0 if unknown: a process of another PID namespace
	Command string `json:"command"` // "" if unknown
	Count   int    `json:"count"`   // threads
	// AnyOf is how many of them wait for one of several objects, AllOf how many wait for several together.
	AnyOf int       `json:"any_of,omitempty"`
	AllOf int       `json:"all_of,omitempty"`
	Since time.Time `json:"since,omitzero"` // when the first of them began to sleep; zero where unknown
}

// SemaphoreState is a semaphore's count.
type SemaphoreState struct {
	Count   int `json:"count"`
	Maximum int `json:"maximum"`
}

// Ownership describes the owner of a mutex.
type Ownership struct {
	PID     int       `json:"pid"`            // 0 if unknown
	Command string    `json:"command"`        // "" if unknown
	Since   time.Time `json:"since,omitzero"` // to about a second; zero where unknown, and on Windows
}

// Holder is a process that keeps an object alive.
type Holder struct {
	PID     int    `json:"pid"`
	Command string `json:"command"`
	Handles int    `json:"handles"` // these keep the name alive
	Views   int    `json:"views"`   // these keep the memory alive; -1 where unknown
	// Access is what the handles of a section were opened with, and Rights those of another kind: one of each handle
	// of which that is recorded. On Linux those of the first 224 handles of a Local object are, elsewhere none.
	Access []namedshm.Access `json:"access,omitempty"`
	Rights []namedshm.Rights `json:"rights,omitempty"`
	// Mapped are the views of a section. The kernel may show neighboring views as one. It is nil where views are not
	// told apart from handles: for Global sections on Linux, and outside Linux.
	Mapped []Mapping `json:"mapped,omitempty"`
}

// Mapping is a view in a process.
type Mapping struct {
	Address uint64          `json:"address"` // in that process
	Offset  int64           `json:"offset"`  // in the section, in bytes
	Length  int64           `json:"length"`  // whole pages, in bytes
	Access  namedshm.Access `json:"access"`
}

// Stat describes the live object of this name, of any kind. On Unix it keeps nothing alive, except that it has a handle
// to a ring or feed open while it looks into it, as [flow.Stat] does; on Windows, where asking requires a handle, it
// has one open during the call.
//
//   - Linux: a process is seen if the caller can inspect its /proc directory, as with ps and lsof: the caller's own
//     processes, or all of them for root.
//   - Windows: views are not reported, and handles only if the system lets the caller list them.
//
// It can take up to a second, as [namedshm.Create] can.
//
// Source: NtQueryDirectoryObject, NtQuerySection, NtQueryObject.
func Stat(name string) (Info, error) {
	info, err := kernel.Stat(name)
	if err != nil {
		return Info{}, wrap("stat", name, err)
	}
	return newInfo(info), nil
}

// List describes every live object of a namespace, sorted by name. An object that the caller cannot inspect is listed
// with what is known and with its Obstacle.
func List(n namedshm.Namespace) ([]Info, error) {
	found, err := kernel.List(kernel.Namespace(n))
	if err != nil {
		return nil, wrap("list", n.String(), err)
	}
	infos := make([]Info, len(found))
	for i := range found {
		infos[i] = newInfo(found[i])
	}
	return infos, nil
}

// Names returns the names of all live objects of a namespace, with their prefix, sorted. Unlike [List] it does not
// inspect processes, so it is cheap with any number of objects.
func Names(n namedshm.Namespace) ([]string, error) {
	names, err := kernel.Names(kernel.Namespace(n))
	return names, wrap("list", n.String(), err)
}

func newInfo(k kernel.Info) Info {
	i := Info{
		Name: k.Name.String(), Kind: Kind(k.Kind), Size: k.Size, Access: namedshm.Access(k.Access),
		Protection: namedshm.Protection(k.Protection),
		Owner:      k.Owner, Group: k.Group, Security: k.Security, Created: k.Created, Handles: k.Handles, Views: k.Views,
		Resident: k.Resident, Backing: k.Backing, Holders: make([]Holder, len(k.Holders)),
	}
	if k.State != nil {
		i.State = newState(k)
	}
	if k.Seats {
		i.Flow = flowOf(i.Name)
	}
	if i.Kind != KindSection && i.Kind != KindOther {
		i.Rights = rightsOf(k.Access)
	}
	if k.Reach != nil {
		i.Obstacle = k.Reach.Error()
		if f := (*fault.Fault)(nil); errors.As(k.Reach, &f) && f.Advice != "" {
			i.Obstacle += "; " + f.Advice
		}
	}
	for j, h := range k.Holders {
		i.Holders[j] = newHolder(i.Kind, h)
	}
	return i
}

func newHolder(kind Kind, k kernel.Holder) Holder {
	h := Holder{PID: k.PID, Command: k.Command, Handles: k.Handles, Views: k.Views}
	for _, a := range k.Access {
		if kind == KindSection {
			h.Access = append(h.Access, namedshm.Access(a))
		} else {
			h.Rights = append(h.Rights, rightsOf(a))
		}
	}
	if kind == KindSection {
		for _, m := range k.Mapped {
			h.Mapped = append(h.Mapped, Mapping{m.Address, m.Offset, m.Length, namedshm.Access(m.Access)})
		}
	}
	return h
}

// flowOf is the ring or feed that a section is, if it is one and can be looked into. Plain sections are not asked,
// which would take longer than all else; but on Windows, where one look at their memory tells.
func flowOf(name string) *flow.Info {
	info, err := flow.Stat(name)
	if err != nil {
		return nil
	}
	return &info
}

// rightsOf is what can be done to an object with this access to the memory that its state is in.
func rightsOf(a kernel.Access) namedshm.Rights {
	switch {
	case a&kernel.Write != 0:
		return namedshm.AllRights
	case a&kernel.Read != 0:
		return namedshm.Synchronize
	}
	return 0
}

func newState(k kernel.Info) *State {
	s := &State{Signaled: k.State.Signaled, Waiters: k.State.Waiters, Abandoned: k.State.Abandoned}
	switch k.Kind {
	case kernel.KindEvent:
		s.Reset = new(namedshm.AutoReset)
		if k.State.Manual {
			s.Reset = new(namedshm.ManualReset)
		}
	case kernel.KindSemaphore:
		s.Semaphore = &SemaphoreState{int(k.State.Count), int(k.State.Maximum)}
	}
	command := func(pid int) string {
		for _, h := range k.Holders {
			if h.PID == pid {
				return h.Command
			}
		}
		return ""
	}
	if k.State.Owned {
		s.Ownership = &Ownership{PID: k.State.OwnerPID, Command: command(k.State.OwnerPID), Since: k.State.Since}
	}
	for _, w := range k.State.Waiting {
		s.Waiting = append(s.Waiting, Waiter{PID: w.PID, Command: command(w.PID), Count: w.Count, AnyOf: w.AnyOf,
			AllOf: w.AllOf, Since: w.Since})
	}
	return s
}
