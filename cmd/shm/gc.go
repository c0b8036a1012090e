package main

import (
	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/internal/plain"
	"github.com/namedshm/namedshm/upkeep"
)

// gcCmd sweeps away what crashed processes left behind.
type gcCmd struct {
	All bool `help:"Also sweep the directories of other users and other namespaces, such as those of containers that share this /dev/shm. Root sweeps all of them, others only their own."`
}

// Help has the details.
func (*gcCmd) Help() string {
	return `Nothing depends on it: memory is freed the moment its last holder dies, and each create and open removes what is in its
own way. What remains is small files, and this removes them. Foreign or damaged files are reported and left alone.

What a killed container leaves in a shared /dev/shm is in a directory of the container's own namespaces, where only
--all looks. What some process has open, in any container, is left alone.

Example:

    shm gc
    sudo shm gc --all`
}

// Run sweeps both namespaces and says what it found.
func (c *gcCmd) Run(a *app) error {
	sweeps := []func() ([]upkeep.Leftover, error){
		func() ([]upkeep.Leftover, error) { return upkeep.Sweep(namedshm.Local) },
		func() ([]upkeep.Leftover, error) { return upkeep.Sweep(namedshm.Global) },
	}
	if c.All {
		sweeps = append(sweeps, upkeep.SweepElsewhere)
	}
	found := 0
	var failure error
	for _, sweep := range sweeps {
		leftovers, err := sweep()
		if err != nil {
			if failure != nil {
				a.fail(failure)
			}
			failure = err
		}
		for _, b := range leftovers {
			found++
			if err := c.tell(a, b); err != nil {
				return err
			}
		}
	}
	if failure == nil && found == 0 && !a.asJSON {
		return a.printf("nothing to sweep\n")
	}
	return failure
}

func (c *gcCmd) tell(a *app, b upkeep.Leftover) error {
	switch {
	case a.asJSON:
		return a.json(b)
	case b.Swept:
		return a.printf("swept %s: %s\n", plain.Name(b.Name), b.What)
	case b.Reason == "":
		return a.printf("left %s: %s\n", plain.Name(b.Name), b.What)
	}
	return a.printf("left %s: %s: %s\n", plain.Name(b.Name), b.What, b.Reason)
}
