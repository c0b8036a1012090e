package namedshm

import (
	"time"

	"github.com/namedshm/namedshm/internal/kernel"
)

// Namespace says whose names to list.
type Namespace uint8

const (
	// LocalNamespace holds the names of this user (on Windows: of this login session).
	LocalNamespace = Namespace(kernel.Local)
	// GlobalNamespace holds the names of the machine.
	GlobalNamespace = Namespace(kernel.Global)
)

// String is the prefix of the namespace's names.
func (n Namespace) String() string { return kernel.Namespace(n).String() }

// Kind is the kind of a named object. All kinds share the namespaces.
type Kind uint32

const (
	// KindSection is shared memory.
	KindSection = Kind(kernel.KindSection)
	// KindEvent is an event, of manual or automatic reset.
	KindEvent = Kind(kernel.KindEvent)
	// KindMutex is a mutex.
	KindMutex = Kind(kernel.KindMutex)
	// KindSemaphore is a semaphore.
	KindSemaphore = Kind(kernel.KindSemaphore)
	// KindOther is a kind that this package does not make; Windows has timers, jobs and links.
	KindOther = Kind(kernel.KindOther)
)

// String is the kind in one word.
func (k Kind) String() string { return kernel.Kind(k).String() }

// MarshalText makes Kind readable in JSON.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// Info describes a live object at one moment. Size, Protection, Views and Resident are for sections: of another kind
// they tell, where they tell anything, of the memory that it keeps its state in.
type Info struct {
	Name       string     `json:"name"` // with its prefix
	Kind       Kind       `json:"kind"`
	Size       int64      `json:"size"`                 // bytes; -1 where unknown
	Access     Access     `json:"access"`               // what the caller could open it with
	Protection Protection `json:"protection,omitempty"` // 0 where unknown
	Owner      string     `json:"owner"`                // user name, or its number or SID
	Group      string     `json:"group,omitempty"`
	Security   string     `json:"security"`           // Unix: octal mode; Windows: SDDL
	Created    time.Time  `json:"created,omitzero"`   // zero where unknown
	Handles    int        `json:"handles"`            // open handles of all processes; -1 where unknown
	Views      int        `json:"views"`              // views of the processes in Holders; -1 where unknown
	Holders    []Holder   `json:"holders"`            // the processes that the caller may look into
	Resident   int64      `json:"resident"`           // bytes of memory in use; -1 where unknown
	Backing    string     `json:"backing"`            // "memfd", "sysv", "file", "native", or "user file" for a section over one
	State      *State     `json:"state,omitempty"`    // of an event, mutex or semaphore; nil where it cannot be told
	Obstacle   string     `json:"obstacle,omitempty"` // why the object could not be looked into, if so
}

// State is what an event, mutex or semaphore is in at one moment, and who has it.
type State struct {
	// Signaled says that a wait would be let through at once.
	Signaled bool `json:"signaled"`
	// Waiters is how many threads wait, as far as they can be counted; -1 where they cannot (on Windows).
	Waiters int `json:"waiters"`
	// Reset is an event's mode, "auto" or "manual"; "" for other kinds.
	Reset string `json:"reset,omitempty"`
	// Semaphore is a semaphore's count; nil for other kinds.
	Semaphore *SemaphoreState `json:"semaphore,omitempty"`
	// Abandoned says that a mutex's last owner ended without unlocking it, and nobody has been told yet.
	Abandoned bool `json:"abandoned,omitempty"`
	// Ownership is who owns a mutex; nil if nobody does.
	Ownership *Ownership `json:"ownership,omitempty"`
}

// SemaphoreState is a semaphore's count.
type SemaphoreState struct {
	Count   int `json:"count"`
	Maximum int `json:"maximum"`
}

// Ownership is who owns a mutex.
type Ownership struct {
	PID     int       `json:"pid"`            // 0 where it cannot be told
	Command string    `json:"command"`        // "" where it cannot be told
	Since   time.Time `json:"since,omitzero"` // to about a second; zero where unknown, and on Windows
}

// Holder is a process that keeps an object alive.
type Holder struct {
	PID     int    `json:"pid"`
	Command string `json:"command"`
	Handles int    `json:"handles"` // these keep the name alive
	Views   int    `json:"views"`   // these keep the memory alive; -1 where unknown
}

// Stat describes the live object of this name, of any kind. On Unix it keeps nothing alive; on Windows, where asking
// takes a handle, it holds one for the moment of the call.
//
//   - Linux: a process is seen if the caller may look into its /proc directory, as with ps and lsof: the caller's own
//     processes, or all for root.
//   - Windows: views are not told, and handles only where the system lets the caller list them.
//
// Source: NtQueryDirectoryObject, NtQuerySection, NtQueryObject.
func Stat(name string) (Info, error) {
	info, err := kernel.Stat(name)
	if err != nil {
		return Info{}, wrap("stat", name, err)
	}
	return newInfo(info), nil
}

// List describes every live object of a namespace, sorted by name. An object that the caller may not look into is
// listed with what can be known and with its Obstacle.
func List(n Namespace) ([]Info, error) {
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

// Names is the name of every live object of a namespace, with its prefix, sorted: [List] without the details. It does
// not look into processes, and so is cheap with any number of objects.
func Names(n Namespace) ([]string, error) {
	names, err := kernel.Names(kernel.Namespace(n))
	return names, wrap("list", n.String(), err)
}

func newInfo(k kernel.Info) Info {
	i := Info{
		Name: k.Name.String(), Kind: Kind(k.Kind), Size: k.Size, Access: Access(k.Access), Protection: Protection(k.Protection),
		Owner: k.Owner, Group: k.Group, Security: k.Security, Created: k.Created, Handles: k.Handles, Views: k.Views,
		Resident: k.Resident, Backing: k.Backing, Holders: make([]Holder, len(k.Holders)),
	}
	if k.State != nil {
		i.State = newState(k)
	}
	if k.Reach != nil {
		i.Obstacle = k.Reach.Error()
	}
	for j, h := range k.Holders {
		i.Holders[j] = Holder(h)
	}
	return i
}

func newState(k kernel.Info) *State {
	s := &State{Signaled: k.State.Signaled, Waiters: k.State.Waiters, Abandoned: k.State.Abandoned}
	switch k.Kind {
	case kernel.KindEvent:
		s.Reset = AutoReset.String()
		if k.State.Manual {
			s.Reset = ManualReset.String()
		}
	case kernel.KindSemaphore:
		s.Semaphore = &SemaphoreState{int(k.State.Count), int(k.State.Maximum)}
	}
	if k.State.Owned {
		s.Ownership = &Ownership{PID: k.State.OwnerPID, Since: k.State.Since}
		for _, h := range k.Holders {
			if h.PID == k.State.OwnerPID {
				s.Ownership.Command = h.Command
			}
		}
	}
	return s
}

// Burial is one thing that [Bury] found.
type Burial struct {
	Name   string `json:"name"`             // the object's name, or a path where it has none
	What   string `json:"what"`             // what it was, in words
	Buried bool   `json:"buried"`           // false: it was left in place
	Reason string `json:"reason,omitempty"` // why it was left
}

// Bury removes what crashed processes left behind in a namespace, and says what it found. Nothing needs it: the memory
// is free already (but for the file backing of other Unix systems), and every create and open removes what is in its
// own way. What is foreign or damaged is reported and left in place. On Windows there is never anything to find.
func Bury(n Namespace) ([]Burial, error) {
	found, err := kernel.Bury(kernel.Namespace(n))
	burials := make([]Burial, len(found))
	for i, b := range found {
		burials[i] = Burial{Name: b.Name, What: b.What, Buried: b.Buried}
		if b.Err != nil {
			burials[i].Reason = b.Err.Error()
		}
	}
	return burials, wrap("bury", n.String(), err)
}
