package main

import (
	"strings"

	"github.com/namedshm/namedshm/internal/plain"
	"github.com/namedshm/namedshm/wine"
)

// wineLsCmd lists prefixes and their sections.
type wineLsCmd struct {
	prefixFlag
}

// Help has the details and the examples.
func (*wineLsCmd) Help() string {
	return `Only running prefixes of this user are shown, with the Windows programs in them. Sections without a name cannot be
seen. With --json each prefix is an object with its sections.

Examples:

    shm wine ls
    shm wine ls --prefix ~/.wine
    shm wine ls --json | jq -r '.sections[].name'`
}

// listed is what --json prints.
type listed struct {
	wine.Prefix
	Sections []wine.SectionInfo `json:"sections"`
	Obstacle string             `json:"obstacle,omitempty"` // why the sections could not be listed
}

// Run lists what can be listed; a prefix that cannot be entered is reported and does not hide the others.
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
		if a.asJSON {
			if entry.Sections == nil {
				entry.Sections = []wine.SectionInfo{}
			}
			if err := a.json(entry); err != nil {
				return err
			}
			continue
		}
		for _, row := range prefixRows(&p, found) {
			t.add(row...)
		}
	}
	if !a.asJSON {
		if err := t.print(a.stdout, a.stdout.width()); err != nil {
			return err
		}
	}
	return failure
}

// prefixRows is a prefix's sections, a row for each, or one row for a prefix without.
func prefixRows(p *wine.Prefix, found []wine.SectionInfo) (rows [][]string) {
	words := make([]string, len(p.Processes))
	for i, process := range p.Processes {
		words[i] = processText(process.PID, process.Name)
	}
	programs := strings.Join(words, ", ")
	if len(found) == 0 {
		return [][]string{{"-", "-", plain.Name(p.String()), programs}}
	}
	for _, s := range found {
		size := "?"
		if s.Size >= 0 {
			size = humanSize(s.Size)
		}
		rows = append(rows, []string{plain.Name(s.Name), size, plain.Name(p.String()), programs})
	}
	return rows
}
