package kernel

// Burial is one thing that Bury found: what a crashed process left, or what does not belong there.
type Burial struct {
	Name   string // the object's name, or the path if it has none
	What   string // what it was
	Buried bool   // false: it was left in place; Err says why
	Err    error
}

// Bury removes what crashed processes left in a namespace. Nothing depends on it: every create and open buries what is
// in its own way.
func Bury(namespace Namespace) ([]Burial, error) { return buryObjects(namespace) }

// BuryElsewhere removes dead objects in the directories of other users and of other PID, IPC and user namespaces, as
// far as this process may.
func BuryElsewhere() ([]Burial, error) { return buryElsewhere() }
