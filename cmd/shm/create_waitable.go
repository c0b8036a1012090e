package main

import (
	"errors"
	"io"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/inspect"
	"github.com/namedshm/namedshm/internal/plain"
)

// sharing says who may open an event, a mutex or a semaphore.
type sharing struct {
	Share string `enum:"owner,read,write" default:"owner" help:"Who may open it: only the owner, everybody for waiting (on Unix only an event with --manual), everybody for waiting and changing it (${enum})."`
}

func (s *sharing) options() []namedshm.WaitableOption {
	switch s.Share {
	case "read":
		return []namedshm.WaitableOption{namedshm.ShareRights(namedshm.Everyone(), namedshm.Synchronize)}
	case "write":
		return []namedshm.WaitableOption{namedshm.ShareRights(namedshm.Everyone(), namedshm.AllRights)}
	}
	return nil
}

// keeping is what the verbs that make an event, a mutex or a semaphore have in common: how long it is held then.
type keeping struct {
	sharing
	Exclusive bool           `help:"Fail if it already exists."`
	Hold      *time.Duration `placeholder:"DURATION" help:"How long to hold it; 0s does not hold it at all."`
	Command   []string       `arg:"" optional:"" passthrough:"partial" help:"Hold it while this command runs."`
}

// keepingHelp is what the help of these verbs says of it.
const keepingHelp = `An existing object is opened, and keeps its state and sharing.

It is then held: while COMMAND runs, if there is one; for DURATION with --hold; with neither, until a key is pressed
on a terminal, otherwise until the end of standard input; and in any case until SIGINT or SIGTERM. If nobody else
holds it by then, it is gone.

With COMMAND nothing else is printed, and the exit status is that of the command, as with shm hold.`

// kept is what create --json prints when it holds an event, a mutex or a semaphore.
type kept struct {
	Name    string         `json:"name"`
	Kind    inspect.Kind   `json:"kind"`
	Created bool           `json:"created"`         // false: it existed
	State   *inspect.State `json:"state,omitempty"` // absent if unknown
	Until   string         `json:"until"`           // what ends the holding
}

// keep creates an object, reports and holds it. make returns what is to be closed at the end.
func (k *keeping) keep(a *app, name string, kind inspect.Kind, make func() (io.Closer, bool, error)) error {
	if k.Command != nil {
		return k.keepForChild(a, kind, make)
	}
	object, created, err := make()
	if err != nil {
		return err
	}
	defer object.Close()
	hold := a.newHolding(k.Hold, false)
	info, err := inspect.Stat(name)
	if err != nil {
		return err
	}
	if err := k.tell(a, name, created, &info, hold.what); err != nil {
		return err
	}
	return a.letGo(name, "it is gone", object, hold.until())
}

func (k *keeping) tell(a *app, name string, created bool, info *inspect.Info, until string) error {
	if a.asJSON {
		return a.json(kept{Name: fullName(name), Kind: info.Kind, Created: created, State: info.State, Until: until})
	}
	did := "created " + plain.Name(name) + ": "
	if !created {
		did = "opened " + plain.Name(name) + ", which already existed: "
	}
	did += info.Kind.String()
	if info.State != nil {
		did += ", " + stateText(info)
	}
	return a.made(did, until)
}

// keepForChild holds an object while a command runs.
func (k *keeping) keepForChild(a *app, kind inspect.Kind, make func() (io.Closer, bool, error)) error {
	if k.Hold != nil {
		return usageError{errors.New("--hold cannot be combined with a command: the object is held while that runs")}
	}
	command, err := childCommand(k.Command)
	if err != nil {
		return err
	}
	signals, stop := notedSignals()
	defer stop()
	object, _, err := make()
	if err != nil {
		return err
	}
	status := a.runChild(kind.String()+" create", command, nil, signals)
	if err := object.Close(); err != nil {
		a.fail(err)
	}
	return status
}
