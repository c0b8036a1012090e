package kernel

import "time"

// Info describes a live object. Numbers that the platform does not tell are -1.
type Info struct {
	Name       Name
	Kind       Kind
	Size       int64
	Access     Access     // what the caller could open it with
	Protection Protection // 0 if unknown
	Owner      string     // user name, or number or SID if it has none
	Group      string     // group name, or number or SID if it has none; "" if there is no group
	Security   string     // Unix: the octal mode; Windows: SDDL
	Created    time.Time  // zero if unknown
	Handles    int
	Views      int
	Holders    []Holder // processes that the caller may see; others are in Handles and Views only
	Resident   int64    // bytes of memory in use
	Backing    string   // "memfd", "sysv", "file", "native", "user file"
	State      *State   // of a waitable object; nil for a section, or if it cannot be told
	Seats      bool     // a section has seats; on Windows, where that is not recorded, any may have
	Reach      error    // why a live object could not be looked into; nil when it could
}

// Holder is one process that keeps an object's name or memory alive.
type Holder struct {
	PID     int
	Command string
	Handles int
	Views   int
	Access  []Access  // of the handles that have a record of it
	Mapped  []Mapping // the views, in the order of their addresses, where those are told
}

// Mapping is a view as a process has it.
type Mapping struct {
	Address uint64
	Offset  int64 // in the section
	Length  int64
	Access  Access
}

// Stat describes one live object, of any kind.
func Stat(name string) (Info, error) {
	parsed, err := resolveExisting(name)
	if err != nil {
		return Info{}, err
	}
	return statObject(parsed)
}

// List describes every live object of a namespace.
func List(namespace Namespace) ([]Info, error) { return listObjects(namespace) }

// Names returns the name of every live object of a namespace, sorted: a List without the details, and much cheaper.
func Names(namespace Namespace) ([]string, error) { return listNames(namespace) }
