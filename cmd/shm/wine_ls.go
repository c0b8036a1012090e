package main

import (
	"strings"

	"github.com/namedshm/namedshm/wine"
)

// wineLsCmd lists prefixes and their sections.
type wineLsCmd struct {
	prefixFlag
	output
}

// Help has the details and the examples.
func (*wineLsCmd) Help() string {
	return `Only prefixes of this user that run now are shown, with the Windows programs in them. Sections without a name cannot
be told. With --json each prefix is an object with its sections.

Examples:

    shm wine ls
    shm wine ls --prefix ~/.wine
    shm wine ls --json | jq -r '.sections[].name'`
}

// listed is what --json prints.
type listed struct {
	wine.Prefix
	Sections []wine.Info `json:"sections"`
	Obstacle string      `json:"obstacle,omitempty"` // why the sections could not be listed
}

// Run lists what can be listed; a prefix that cannot be entered is told and does not hide the others.
func (c *wineLsCmd) Run(a *app) error {
	ctx, stop := untilSignalled()
	defer stop()
	running, err := wine.Prefixes()
	if c.Prefix != "" {
		var one *wine.Prefix
		if one, err = wine.Find(c.Prefix); err == nil {
			running = []wine.Prefix{*one}
		}
	}
	if err != nil {
		return err
	}
	var failure error
	t := table{{"NAME", "SIZE", "PREFIX", "PROGRAMS"}}
	for _, p := range running {
		found, err := p.Sections(ctx)
		entry := listed{Prefix: p, Sections: found}
		if err != nil {
			entry.Obstacle, failure = err.Error(), err
		}
		if c.JSON {
			if entry.Sections == nil {
				entry.Sections = []wine.Info{}
			}
			if err := a.json(entry); err != nil {
				return err
			}
			continue
		}
		t = append(t, a.prefixRows(&p, found)...)
	}
	if !c.JSON {
		if err := t.print(a.stdout, a.width()); err != nil {
			return err
		}
	}
	return failure
}

// prefixRows is a prefix's sections, a row for each, or one row for a prefix without.
func (a *app) prefixRows(p *wine.Prefix, found []wine.Info) (rows [][]string) {
	words := make([]string, len(p.Processes))
	for i, process := range p.Processes {
		words[i] = processText(process.PID, process.Name)
	}
	programs := strings.Join(words, ", ")
	if len(found) == 0 {
		return [][]string{{"-", "-", a.name(p.String()), programs}}
	}
	for _, s := range found {
		size := "?"
		if s.Size >= 0 {
			size = humanSize(s.Size)
		}
		rows = append(rows, []string{a.name(s.Name), size, a.name(p.String()), programs})
	}
	return rows
}
