package main

import (
	"github.com/namedshm/namedshm"
)

// gcCmd buries what crashed processes left behind.
type gcCmd struct {
	output
}

// Help has the details.
func (*gcCmd) Help() string {
	return `Nothing needs it: memory is free the moment its last holder is dead, and each create and open removes what
is in its own way. What remains is small files, and this removes them. What is foreign or damaged is told and left.

Example:

    shm gc`
}

// Run buries in both namespaces and says what it found.
func (c *gcCmd) Run(a *app) error {
	found := 0
	var failure error
	for _, n := range []namedshm.Namespace{namedshm.LocalNamespace, namedshm.GlobalNamespace} {
		burials, err := namedshm.Bury(n)
		if err != nil {
			if failure != nil {
				a.fail(failure)
			}
			failure = err
		}
		for _, b := range burials {
			found++
			if err := c.tell(a, b); err != nil {
				return err
			}
		}
	}
	if failure == nil && found == 0 && !c.JSON {
		return a.printf("nothing to bury\n")
	}
	return failure
}

func (c *gcCmd) tell(a *app, b namedshm.Burial) error {
	switch {
	case c.JSON:
		return a.json(b)
	case b.Buried:
		return a.printf("buried %s: %s\n", a.name(b.Name), b.What)
	case b.Reason == "":
		return a.printf("left %s: %s\n", a.name(b.Name), b.What)
	}
	return a.printf("left %s: %s: %s\n", a.name(b.Name), b.What, b.Reason)
}
