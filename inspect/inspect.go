// Package inspect tells what a machine offers for named shared memory, as plain data for people's and programs' tools.
// It renders nothing.
package inspect

import (
	"errors"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/internal/kernel"
)

// Status is how well a machine does on a [Check].
type Status string

const (
	// OK: nothing to do.
	OK Status = "ok"
	// Warning: it works, with a limit or a risk that the check's detail tells.
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
}

// Machine looks at directories, privileges, limits and kernel features, as they are for the calling process. It
// changes nothing.
func Machine() []Check {
	found := kernel.Examine()
	checks := make([]Check, len(found))
	for i, c := range found {
		checks[i] = Check{Topic: c.Topic, Status: statusOf(c.Status), Detail: c.Detail, Advice: c.Advice}
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

// Setup is what [SetupGlobal] did.
type Setup struct {
	Directory string   `json:"directory,omitempty"` // the Global directory; "" where the platform has none
	Mode      string   `json:"mode,omitempty"`      // its octal mode
	Group     string   `json:"group,omitempty"`     // whose members may create Global names; "" = root alone
	Persist   []string `json:"persist,omitempty"`   // the lines that make it again at every boot; the first names their file
}

// SetupGlobal makes the directory of the Global namespace, writable for a group's members when a group is named, and
// says how to have it made at every boot. Only root can. Where there is such a directory already its mode and group
// are set.
//
// The error is a [namedshm.Error].
func SetupGlobal(group string) (Setup, error) {
	s, err := kernel.SetupGlobal(group)
	if err != nil {
		return Setup{}, setupError(err)
	}
	return Setup(s), nil
}

// setupError gives an error of the object manager the shape that the root package's errors have.
func setupError(err error) error {
	e := &namedshm.Error{Op: "set up", Name: namedshm.GlobalNamespace.String()}
	var fault *kernel.Fault
	var code kernel.Code
	switch {
	case errors.As(err, &fault):
		e.Code, e.Cause, e.Advice = namedshm.Code(fault.Code), fault.Cause, fault.Advice
	case errors.As(err, &code):
		e.Code = namedshm.Code(code)
	default:
		return err
	}
	return e
}
