package main

import (
	"context"
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

Of a mutex it shows who owns it and since when, and how many wait for it: so a deadlock can be seen.

--json has size, resident, protection, access and views of a section, and state and rights of the other kinds.

Examples:

    shm stat 'Local\Greeting'
    shm stat Build --json | jq .state.ownership`
}

// Run looks at the object and prints what is known.
func (c *statCmd) Run(a *app) error {
	info, err := namedshm.Stat(c.Name)
	if err != nil {
		return err
	}
	return a.tellAll(&info, c.JSON)
}

// show is stat for one kind: a name of another kind is refused.
func (a *app) show(name string, asJSON bool, open opening) error {
	w, err := open(context.Background(), name, false)
	if err != nil {
		return err
	}
	if err := w.Close(); err != nil { // before looking, so as not to be seen among the holders
		return err
	}
	info, err := namedshm.Stat(name)
	if err != nil {
		return inVerb("open", err)
	}
	return a.tellAll(&info, asJSON)
}

// withoutMemory is what --json prints of an event, a mutex or a semaphore: all that is known but for what only a section
// has, and what a handle can do in the words of its kind. A field here hides the one of its name in Info.
type withoutMemory struct {
	*namedshm.Info
	Size       *int64               `json:"size,omitempty"`
	Resident   *int64               `json:"resident,omitempty"`
	Protection *namedshm.Protection `json:"protection,omitempty"`
	Access     *namedshm.Access     `json:"access,omitempty"`
	Views      *int                 `json:"views,omitempty"`
	Rights     string               `json:"rights"`
	Holders    []handleHolder       `json:"holders"`
}

// handleHolder is a process with handles and no views.
type handleHolder struct {
	PID     int    `json:"pid"`
	Command string `json:"command"`
	Handles int    `json:"handles"`
}

// describe prints an object for programs. What cannot be looked into may be a section.
func (a *app) describe(info *namedshm.Info) error {
	if info.Kind == namedshm.KindSection || info.Kind == namedshm.KindOther {
		return a.json(info)
	}
	described := withoutMemory{Info: info, Rights: rightsOf(info.Access).String(), Holders: make([]handleHolder, len(info.Holders))}
	for i, h := range info.Holders {
		described.Holders[i] = handleHolder{h.PID, h.Command, h.Handles}
	}
	return a.json(described)
}

// tellAll prints all that is known about an object.
func (a *app) tellAll(info *namedshm.Info, asJSON bool) error {
	if asJSON {
		return a.describe(info)
	}
	lines := table{{"name", a.name(info.Name)}, {"kind", info.Kind.String()}}
	isSection := info.Kind == namedshm.KindSection
	switch {
	case isSection:
		lines = append(lines, []string{"size", exactSize(info.Size)}, []string{"resident", exactSize(info.Resident)})
	case info.State != nil:
		lines = append(lines, []string{"state", stateText(info)})
		if o := info.State.Ownership; o != nil && !o.Since.IsZero() {
			lines = append(lines, []string{"since", createdAt(o.Since)})
		}
		lines = append(lines, []string{"waiters", waitersText(info)})
	}
	if isSection {
		lines = append(lines, []string{"access", info.Access.String()})
	} else {
		lines = append(lines, []string{"rights", rightsOf(info.Access).String()})
	}
	if info.Protection != 0 && isSection {
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
		[]string{"handles", count(info.Handles)})
	if isSection {
		lines = append(lines, []string{"views", count(info.Views)})
	}
	for _, h := range info.Holders {
		lines = append(lines, []string{"holder", processText(h.PID, h.Command) + ": " + holderCounts(info, h)})
	}
	if info.Obstacle != "" {
		lines = append(lines, []string{"obstacle", info.Obstacle})
	}
	return lines.print(a.stdout, 0)
}

// rightsOf is what a handle to an event, mutex or semaphore can do by this access to its state.
func rightsOf(a namedshm.Access) namedshm.Rights {
	if a&namedshm.Write == 0 {
		return namedshm.Synchronize
	}
	return namedshm.AllRights
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

// holderCounts says what a process holds of an object.
func holderCounts(info *namedshm.Info, h namedshm.Holder) string {
	var words []string
	if h.Handles >= 0 {
		words = append(words, plural(int64(h.Handles), "handle"))
	}
	if h.Views >= 0 && info.Kind == namedshm.KindSection {
		words = append(words, plural(int64(h.Views), "view"))
	}
	if info.State != nil && info.State.Ownership != nil && info.State.Ownership.PID == h.PID {
		words = append(words, "owns it")
	}
	return strings.Join(words, ", ")
}
