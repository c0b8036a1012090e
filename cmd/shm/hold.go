package main

import "github.com/namedshm/namedshm/internal/plain"

// holdCmd keeps a section alive around a command.
type holdCmd struct {
	Name string `arg:"" help:"The section's name."`
	making
	Command []string `arg:"" passthrough:"partial" help:"The command and its arguments."`
}

// Help has the details and the examples.
func (*holdCmd) Help() string {
	return `The section is created, or opened if it exists, before the command starts, and closed when the command has ended. So
its contents outlive the programs that the command runs one after the other.

The exit status is that of the command: 127 if it was not found, 126 if it could not be started, and 128 plus the
signal's number if a signal ended it. SIGINT and SIGTERM are passed on to it.

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
		a.note("hold %s: it already exists with %s instead of the %d requested",
			plain.Name(c.Name), plural(s.Size(), "byte"), int64(c.Size))
	}
	signals, stop := notedSignals()
	defer stop()
	return a.runChild("hold", command, nil, signals)
}
