package main

import (
	"os"

	"github.com/namedshm/namedshm/inspect"
)

// doctorCmd tells what this machine offers.
type doctorCmd struct {
	output
}

// Help has the details.
func (*doctorCmd) Help() string {
	return `Each line is ok, warning or missing, with what to do where there is something to do. The exit status is 1 when
something is missing. It changes nothing. Prefixes of Wine and Proton that run are told too, and whether a container
stands between them and this program.

Example:

    shm doctor`
}

// Run examines and prints.
func (c *doctorCmd) Run(a *app) error {
	checks := append(inspect.Machine(), inspect.Wine()...)
	missing := false
	lines := table{}
	for _, check := range checks {
		missing = missing || check.Status == inspect.Missing
		if c.JSON {
			if err := a.json(check); err != nil {
				return err
			}
			continue
		}
		lines = append(lines, []string{a.colored(check.Status), check.Topic, check.Detail})
		if check.Advice != "" {
			lines = append(lines, []string{"", "", "→ " + check.Advice})
		}
	}
	if !c.JSON {
		if err := lines.wrapped(a.width()).print(a.stdout, 0); err != nil {
			return err
		}
	}
	if missing {
		return exitStatus(1)
	}
	return nil
}

// colored is a status in its colour, on a terminal whose user has not said no.
func (a *app) colored(s inspect.Status) string {
	colours := map[inspect.Status]string{inspect.OK: "32", inspect.Warning: "33", inspect.Missing: "31"}
	if !isTerminal(a.stdout) || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return string(s)
	}
	return "\x1b[" + colours[s] + "m" + string(s) + "\x1b[39m"
}
