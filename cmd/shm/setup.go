package main

import (
	"github.com/namedshm/namedshm/inspect"
)

// setupCmd makes the Global directory.
type setupCmd struct {
	Group string `placeholder:"G" help:"Let the members of this group create Global names."`
	output
}

// Help has the details and the examples.
func (*setupCmd) Help() string {
	return `Who may write the Global directory may create Global names. Without --group that is root alone, for whom
each create makes the directory anyway. The members of a group must trust each other: in a directory that they all can
write they can replace each other's names.

It prints what makes the directory again at every boot.

Examples:

    sudo shm setup
    sudo shm setup --group render`
}

// Run makes the directory and tells how to keep it.
func (c *setupCmd) Run(a *app) error {
	done, err := inspect.SetupGlobal(c.Group)
	if err != nil {
		return err
	}
	if c.JSON {
		return a.json(done)
	}
	if done.Directory == "" {
		return a.printf("there is nothing to set up on this platform\n")
	}
	who := "root"
	if done.Group != "" {
		who = "root and the group " + done.Group
	}
	if err := a.printf("%s is ready (mode %s): %s can create Global names\n", done.Directory, done.Mode, who); err != nil {
		return err
	}
	if len(done.Persist) == 0 {
		return nil
	}
	if err := a.printf("to have it made at every boot, put this into %s:\n", done.Persist[0]); err != nil {
		return err
	}
	for _, line := range done.Persist[1:] {
		if err := a.printf("    %s\n", line); err != nil {
			return err
		}
	}
	return nil
}
