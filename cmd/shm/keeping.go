package main

import (
	"errors"
	"io"
	"time"

	"github.com/namedshm/namedshm"
)

// sharing is who may open an event, a mutex or a semaphore.
type sharing struct {
	Share string `enum:"owner,read,write" default:"owner" help:"Who may open it: the owner alone, everybody to wait (on Unix only for an event with --manual), everybody to wait and to change it (${enum})."`
}

func (s *sharing) option() namedshm.Option {
	switch s.Share {
	case "read":
		return namedshm.ShareWith(namedshm.Everyone(namedshm.Read))
	case "write":
		return namedshm.ShareWith(namedshm.Everyone(namedshm.ReadWrite))
	}
	return namedshm.ShareWith(namedshm.OwnerOnly())
}

// keeping is what the verbs that make an event, a mutex or a semaphore have in common: how long it is held then.
type keeping struct {
	sharing
	Exclusive bool           `help:"Fail if it exists."`
	Hold      *time.Duration `placeholder:"DURATION" help:"Hold it that long; 0s does not hold it at all."`
	output
	Command []string `arg:"" optional:"" passthrough:"" help:"Hold it while this command runs."`
}

// keepingHelp is what the help of these verbs says of it.
const keepingHelp = `One that exists is opened, and keeps what it has.

It is then held: while COMMAND runs, if there is one; for DURATION with --hold; without either until a key is pressed
on a terminal, otherwise until the end of standard input; and in any case until SIGINT or SIGTERM. If nobody else
holds it then, it is gone.

With COMMAND nothing else is printed, and the exit status is the command's, as of shm hold.`

// kept is what create --json prints when it holds an event, a mutex or a semaphore.
type kept struct {
	Name    string          `json:"name"`
	Kind    namedshm.Kind   `json:"kind"`
	Created bool            `json:"created"`         // false: it existed
	State   *namedshm.State `json:"state,omitempty"` // absent where it cannot be told
	Until   string          `json:"until"`           // what ends the holding
}

// keep makes an object, tells and holds it. make returns what is to be closed in the end.
func (k *keeping) keep(a *app, name string, kind namedshm.Kind, make func() (io.Closer, bool, error)) error {
	if k.Command != nil {
		return k.keepForChild(a, kind, make)
	}
	object, created, err := make()
	if err != nil {
		return err
	}
	defer object.Close()
	hold := a.newHolding(k.Hold, false)
	info, err := namedshm.Stat(name)
	if err != nil {
		return err
	}
	if err := k.tell(a, name, created, &info, hold.what); err != nil {
		return err
	}
	return a.letGo(name, "it is gone", k.JSON, object, hold.until())
}

func (k *keeping) tell(a *app, name string, created bool, info *namedshm.Info, until string) error {
	if k.JSON {
		return a.json(kept{Name: name, Kind: info.Kind, Created: created, State: info.State, Until: until})
	}
	did := "made " + a.name(name) + ": "
	if !created {
		did = "opened " + a.name(name) + ", which exists: "
	}
	did += info.Kind.String()
	if info.State != nil {
		did += ", " + stateText(info)
	}
	if until != "" {
		did += "\nholding it until " + until
	}
	return a.printf("%s\n", did)
}

// keepForChild holds an object while a command runs.
func (k *keeping) keepForChild(a *app, kind namedshm.Kind, make func() (io.Closer, bool, error)) error {
	if k.Hold != nil || k.JSON {
		return usageError{errors.New("a command goes with neither --hold nor --json")}
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
