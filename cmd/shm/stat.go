package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/namedshm/namedshm"
)

// statCmd tells all about one object.
type statCmd struct {
	Name string `arg:"" help:"The object's name."`
	output
}

// Help has the examples.
func (*statCmd) Help() string {
	return `It opens nothing and keeps nothing alive. What cannot be told is shown as "?".

Examples:

    shm stat 'Local\Greeting'
    shm stat Greeting --json | jq .holders`
}

// Run looks at the object and prints what is known.
func (c *statCmd) Run(a *app) error {
	info, err := namedshm.Stat(c.Name)
	if err != nil {
		return err
	}
	if c.JSON {
		return a.json(info)
	}
	lines := table{
		{"name", a.name(info.Name)},
		{"kind", info.Kind.String()},
		{"size", exactSize(info.Size)},
		{"resident", exactSize(info.Resident)},
		{"access", info.Access.String()},
	}
	if info.Protection != 0 {
		lines = append(lines, []string{"protection", info.Protection.String()})
	}
	lines = append(lines, []string{"owner", known(info.Owner)})
	if info.Group != "" {
		lines = append(lines, []string{"group", info.Group})
	}
	lines = append(lines,
		[]string{"security", known(info.Security)},
		[]string{"created", createdAt(info.Created)},
		[]string{"backing", info.Backing},
		[]string{"handles", count(info.Handles)},
		[]string{"views", count(info.Views)})
	for _, h := range info.Holders {
		lines = append(lines, []string{"holder", fmt.Sprintf("%d %s: %s", h.PID, printable(h.Command, ""), holderCounts(h))})
	}
	if info.Obstacle != "" {
		lines = append(lines, []string{"obstacle", info.Obstacle})
	}
	return lines.print(a.stdout, 0)
}

// exactSize is a size to the byte, and for people.
func exactSize(n int64) string {
	switch {
	case n < 0:
		return "?"
	case n < 1024:
		return plural(n, "byte")
	}
	return fmt.Sprintf("%s (%s)", plural(n, "byte"), humanSize(n))
}

func createdAt(t time.Time) string {
	if t.IsZero() {
		return "?"
	}
	return fmt.Sprintf("%s (%s ago)", t.Local().Format("2006-01-02 15:04:05 MST"), age(t))
}

// holderCounts says what a process holds.
func holderCounts(h namedshm.Holder) string {
	var words []string
	for _, c := range []struct {
		n    int
		what string
	}{{h.Handles, "handle"}, {h.Views, "view"}} {
		if c.n >= 0 {
			words = append(words, plural(int64(c.n), c.what))
		}
	}
	return strings.Join(words, ", ")
}
