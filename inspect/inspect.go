// Package inspect describes the live objects of a machine, and what the machine offers for them, as plain data with
// JSON tags. It renders nothing and changes nothing.
package inspect

import (
	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/internal/fault"
	"github.com/namedshm/namedshm/internal/kernel"
)

// Status is the result of a [Check].
type Status string

const (
	// OK: nothing to do.
	OK Status = "ok"
	// Warning: it works, with a limit or a risk that the check's detail describes.
	Warning Status = "warning"
	// Missing: something does not work on this machine, or not for this user.
	Missing Status = "missing"
)

// Check is one fact about this machine that matters for named shared memory.
type Check struct {
	Topic  string `json:"topic"` // "Local directory", "kernel.shmmni", …
	Status Status `json:"status"`
	Detail string `json:"detail"`
	Advice string `json:"advice,omitempty"` // what a person can do
	Free   int64  `json:"free,omitempty"`   // how many bytes of it are free, where it is memory that can run out
}

// Machine checks directories, privileges, limits and kernel features, as they are for the calling process. On Linux it
// also creates, opens and uses objects in each namespace, which are not listed and cannot be opened by name. It leaves
// nothing behind.
func Machine() []Check {
	found := kernel.Examine()
	checks := make([]Check, len(found))
	for i, c := range found {
		checks[i] = Check{Topic: c.Topic, Status: statusOf(c.Status), Detail: c.Detail, Advice: c.Advice, Free: c.Free}
	}
	return checks
}

// statusOf names a status. One that it does not know is a warning: better a look too many than a fault unseen.
func statusOf(s kernel.Status) Status {
	switch s {
	case kernel.OK:
		return OK
	case kernel.Missing:
		return Missing
	}
	return Warning
}

// wrap adds operation and name to an error of the object manager, in the shape that the root package's errors have; nil
// stays nil.
func wrap(op, name string, err error) error {
	if err == nil {
		return nil
	}
	f := fault.Of(err)
	if f == nil {
		return err
	}
	return &namedshm.Error{Op: op, Name: name, Code: namedshm.Code(f.Code), Cause: f.Cause, Advice: f.Advice}
}
