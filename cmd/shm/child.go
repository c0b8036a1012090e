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

// childCommand is the command of the user's own, which stands behind all else, with or without "--" before it; one
// that begins with a hyphen needs that, or would be taken for a flag.
func childCommand(words []string) ([]string, error) {
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	if len(words) == 0 {
		return nil, usageError{errors.New("expected a command after --")}
	}
	return words, nil
}

// notedSignals notes the signals that are for the child, from before its start on, so that none ends us and leaves it
// without what we hold for it.
func notedSignals() (signals chan os.Signal, stop func()) {
	signals = make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	return signals, func() { signal.Stop(signals) }
}

// runChild runs a command to its end and passes signals on to it. It returns how the command ended, as an exit status
// of our own. verb runs it, for error messages; a nil environment is our own.
func (a *app) runChild(verb string, command, environment []string, signals <-chan os.Signal) error {
	child := exec.Command(command[0], command[1:]...)
	child.Stdin, child.Stdout, child.Stderr = a.stdin, a.stdout.file, a.stderr.file // what it writes is its own affair
	child.Env = environment
	if err := child.Start(); err != nil {
		a.fail(fmt.Errorf("%s: %w", verb, err))
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
