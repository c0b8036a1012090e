// Package upkeep is for maintaining a machine: it creates the directory of Global names, and removes what crashed
// processes left behind. Programs that share memory do not need it.
package upkeep

import (
	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/internal/fault"
	"github.com/namedshm/namedshm/internal/kernel"
)

// Setup is what [SetupGlobal] did.
type Setup struct {
	Directory string   `json:"directory,omitempty"` // the Global directory; "" where the platform has none
	Mode      string   `json:"mode,omitempty"`      // its octal mode
	Group     string   `json:"group,omitempty"`     // whose members can create Global names; "" means only root
	Gained    string   `json:"gained,omitempty"`    // the group that can create Global names now and could not before
	Lost      string   `json:"lost,omitempty"`      // the group that could before and no longer can
	Aside     []string `json:"aside,omitempty"`     // where anything that was in the way has been moved
	Persist   []string `json:"persist,omitempty"`   // lines that create it at every boot; the first names their file
	Transient string   `json:"transient,omitempty"` // why there are none: an IPC namespace ends before the next boot
	Warning   string   `json:"warning,omitempty"`   // what is still wrong: sandboxes do not trust it; "" means nothing
}

// SetupGlobal creates the directory of the Global namespace, writable for a group's members if a group is named, and
// returns the lines that create it at every boot. Only root can call it. If the directory already exists, its mode and
// group are set. So a group that had the directory loses it if another one, or none, is named; the result says which.
//
// The error is a [namedshm.Error]. Even with an error, Lost and Aside say what was done.
func SetupGlobal(group string) (Setup, error) {
	s, err := kernel.SetupGlobal(group)
	if err != nil {
		return Setup{Lost: s.Lost, Aside: s.Aside}, wrap("set up", namedshm.Global.String(), err)
	}
	return Setup(s), nil
}

// Leftover is one thing that [Sweep] or [SweepElsewhere] found.
type Leftover struct {
	Name   string `json:"name"`             // the object's name, or a path where it has none
	What   string `json:"what"`             // what it was, in words
	Swept  bool   `json:"swept"`            // false: it was left in place
	Reason string `json:"reason,omitempty"` // why it was left
}

// Sweep removes what crashed processes left behind in a namespace, and reports what it found. Nothing depends on it:
// the memory is already free (except with the file backing of other Unix systems), and every create and open removes
// what is in its own way. Foreign or damaged files are reported and left in place. On Windows there is never anything
// to find.
func Sweep(n namedshm.Namespace) ([]Leftover, error) {
	found, err := kernel.Bury(kernel.Namespace(n))
	return newLeftovers(found), wrap("sweep", n.String(), err)
}

// SweepElsewhere removes what crashed processes left in the directories of other users and of other PID, IPC and user
// namespaces, such as containers that share a /dev/shm, whether or not these namespaces still exist. Root can do that
// everywhere, other users in their own directories. An object that some process has open is left alone and not
// reported.
//
//   - Linux: a Global object of another IPC namespace stays as long as any process, even a reader, has its entry
//     locked.
//   - Elsewhere there is nothing to find.
func SweepElsewhere() ([]Leftover, error) {
	found, err := kernel.BuryElsewhere()
	return newLeftovers(found), wrap("sweep", "", err)
}

func newLeftovers(found []kernel.Burial) []Leftover {
	leftovers := make([]Leftover, len(found))
	for i, b := range found {
		leftovers[i] = Leftover{Name: b.Name, What: b.What, Swept: b.Buried}
		if b.Err != nil {
			leftovers[i].Reason = b.Err.Error()
		}
	}
	return leftovers
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
