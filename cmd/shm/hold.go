package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
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
	command := c.Command
	if len(command) > 0 && command[0] == "--" {
		command = command[1:]
	}
	if len(command) == 0 {
		return usageError{errors.New("expected a command behind --")}
	}
	s, _, err := c.make(c.Name)
	if err != nil {
		return err
	}
	defer s.Close()
	child := exec.Command(command[0], command[1:]...)
	child.Stdin, child.Stdout, child.Stderr = a.stdin, a.stdout, a.stderr
	// From before the start, so that no signal ends us and leaves the command without the section.
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	if err := child.Start(); err != nil {
		fmt.Fprintln(a.stderr, "shm: hold: "+err.Error())
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
			return exitStatus(127)
		}
		return exitStatus(126)
	}
	ended := make(chan error, 1)
	go func() { ended <- child.Wait() }()
	for {
		select {
		case sig := <-signals:
			// A terminal sends SIGINT to the command as well: then it has it already, and passing it on could
			// end what wanted to end in good order.
			if sig != os.Interrupt || !isTerminal(a.stdin) {
				child.Process.Signal(sig)
			}
		case err := <-ended:
			return commandStatus(err)
		}
	}
}

// commandStatus is how a command ended, as an exit status of our own.
func commandStatus(err error) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	if status := exit.ExitCode(); status >= 0 {
		return exitStatus(status)
	}
	if sig, ok := endedBy(exit.ProcessState); ok {
		return exitStatus(128 + sig)
	}
	return exitStatus(1)
}
