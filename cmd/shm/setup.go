package main

import (
	"cmp"
	"regexp"
	"strings"

	"github.com/namedshm/namedshm/upkeep"
)

// setupCmd makes the Global directory.
type setupCmd struct {
	Group string `placeholder:"G" help:"Let the members of this group create Global names."`
}

// Help has the details and the examples.
func (*setupCmd) Help() string {
	return `Anyone who can write the Global directory can create Global names. Without --group that is only root, for whom each
create makes the directory anyway. The members of a group must trust each other: in a directory that they all can
write, they can replace each other's names. Only one group can have the directory: without --group, or with another
group, the previous one loses it. Setup reports that, and where it moved anything that was in the way, even if it fails
afterwards.

It also prints the lines that create the directory again at every boot.

Examples:

    sudo shm setup
    sudo shm setup --group render`
}

// Run creates the directory and says how to keep it.
func (c *setupCmd) Run(a *app) error {
	done, err := upkeep.SetupGlobal(c.Group)
	switch {
	case err == nil:
		return c.tell(a, done)
	case done.Lost == "" && done.Aside == nil:
		return err
	case a.asJSON:
		return cmp.Or(a.json(done), err)
	}
	return cmp.Or(c.tellChanges(a, done), err)
}

func (c *setupCmd) tell(a *app, done upkeep.Setup) error {
	if a.asJSON {
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
	if err := c.tellChanges(a, done); err != nil {
		return err
	}
	if done.Warning != "" {
		if err := a.printf("but %s\n", done.Warning); err != nil {
			return err
		}
	}
	if done.Transient != "" {
		return a.printf("it cannot be created at every boot: %s\n", done.Transient)
	}
	if len(done.Persist) == 0 {
		return nil
	}
	if err := a.printf("to have it created at every boot, put this into %s:\n", done.Persist[0]); err != nil {
		return err
	}
	for _, line := range done.Persist[1:] {
		if err := a.printf("    %s\n", line); err != nil {
			return err
		}
	}
	return nil
}

// tellChanges reports what others had until now.
func (c *setupCmd) tellChanges(a *app, done upkeep.Setup) error {
	if done.Gained != "" {
		if err := a.printf("new: the group %s can create Global names\n", done.Gained); err != nil {
			return err
		}
	}
	if done.Lost != "" {
		err := a.printf("removed: the group %s can no longer create Global names; to give it the directory back: shm setup "+
			"--group %s\n",
			done.Lost, shellWord(done.Lost))
		if err != nil {
			return err
		}
	}
	for _, path := range done.Aside {
		if err := a.printf("moved aside because it was in the way: %s\n", path); err != nil {
			return err
		}
	}
	return nil
}

// plainWord is a word that a shell needs no quoting for.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9_.+@%:,/-]+$`)

// shellWord is a word as a shell wants it typed. The names of groups that come from elsewhere may have blanks and
// backslashes.
func shellWord(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
