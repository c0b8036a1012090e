package main

import (
	"fmt"
)

// holdCmd keeps a section alive around a command.
type holdCmd struct {
	Name string `arg:"" help:"The section's name."`
	making
	Command []string `arg:"" passthrough:"" help:"The command, and its arguments."`
}

// Help has the details and the examples.
func (*holdCmd) Help() string {
	return `The section is made, or opened if it exists, before the command starts, and let go of when it has ended. So its
contents outlive the programs that the command starts one after the other.

The exit status is the command's; 127 when it was not found, 126 when it could not be started, 128 and the
number when a signal ended it. SIGINT and SIGTERM are passed on to it.

Examples:

    shm hold 'Local\Work' --size 1GiB -- make test
    shm hold Work --size 64KiB -- sh -c 'shm write Work --text hello; shm open Work'`
}

// Run holds the section and runs the command.
func (c *holdCmd) Run(a *app) error {
	command, err := childCommand(c.Command)
	if err != nil {
		return err
	}
	s, created, err := c.make(c.Name)
	if err != nil {
		return err
	}
	defer s.Close()
	if !created && s.Size() < int64(c.Size) {
		// The command may count on the size that stands on its own line.
		fmt.Fprintf(a.stderr, "shm: hold %s: it exists, and has %s, not the %d asked for\n",
			printable(c.Name, ""), plural(s.Size(), "byte"), int64(c.Size))
	}
	signals, stop := notedSignals()
	defer stop()
	return a.runChild("hold", command, nil, signals)
}
