package main

import (
	"io"
	"os"
	"strings"

	"github.com/namedshm/namedshm/inspect"
)

// doctorCmd reports what this machine offers.
type doctorCmd struct{}

// Help has the details.
func (*doctorCmd) Help() string {
	return `Each line is ok, warning or missing, with advice where something can be done. The exit status is 1 if something is
missing. Doctor creates, opens and uses objects as programs do, in the places where they would: it reports what they
would meet. These objects are not listed and cannot be opened by name, and nothing is left of them. Running prefixes of
Wine and Proton are reported too, and whether a container stands between them and this program.

Example:

    shm doctor`
}

// Run examines and prints.
func (c *doctorCmd) Run(a *app) error { return c.tell(a, append(inspect.Machine(), inspect.Wine()...)) }

func (c *doctorCmd) tell(a *app, checks []inspect.Check) error {
	missing := false
	lines := table{}
	for _, check := range checks {
		missing = missing || check.Status == inspect.Missing
		if a.asJSON {
			if err := a.json(check); err != nil {
				return err
			}
			continue
		}
		lines.add(string(check.Status), check.Topic, check.Detail)
		if check.Advice != "" {
			lines.add("", "", "→ "+check.Advice)
		}
	}
	if !a.asJSON {
		if err := a.printColoured(lines.wrapped(a.stdout.width())); err != nil {
			return err
		}
	}
	if missing {
		return exitStatus(1)
	}
	return nil
}

// colours are those of each status.
var colours = map[string]sequence{string(inspect.OK): "\x1b[32m", string(inspect.Warning): "\x1b[33m",
	string(inspect.Missing): "\x1b[31m"}

// printColoured prints checks; the status that a row begins with is in its colour on a terminal unless its user has
// said no.
func (a *app) printColoured(lines table) error {
	var text strings.Builder
	if err := lines.print(&text, 0); err != nil {
		return err
	}
	if !a.stdout.isTerminal() || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		_, err := io.WriteString(a.stdout, text.String())
		return err
	}
	var d drawing
	row := 0
	for line := range strings.Lines(text.String()) {
		if status := lines[row][0]; status != "" {
			d.within(colours[status], "\x1b[39m", status)
			line = line[len(status):]
		}
		d.text(strings.TrimSuffix(line, "\n"))
		d.control("\n")
		row++
	}
	return a.stdout.draw(d)
}
