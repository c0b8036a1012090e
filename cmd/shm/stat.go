package main

import (
	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/inspect"
	"github.com/namedshm/namedshm/internal/plain"
)

// statCmd describes one object in full.
type statCmd struct {
	Name string `arg:"" help:"The object's name."`
}

// Help has the examples.
func (*statCmd) Help() string {
	return `It keeps nothing alive, except while it looks into a ring or feed. "?" stands for what cannot be determined.

For a mutex it shows the owner and since when. For all that can be waited for it shows which processes wait and since
when. A process waits through a handle: one that waits through several is shown several times.

For each holder it shows what its handles may do and, for a section, which parts it has mapped and where.

--json has the size, resident bytes, protection, access and views of a section, and the state and rights of the other
kinds.

Examples:

    shm stat 'Local\Greeting'
    shm stat Build --json | jq .state.ownership`
}

// Run looks at the object and prints what is known.
func (c *statCmd) Run(a *app) error {
	info, err := inspect.Stat(c.Name)
	if err != nil {
		return err
	}
	return a.tellAll(&info)
}

// withoutMemory is what --json prints of an event, a mutex or a semaphore: everything known except what only a section
// has, with what a handle can do in the words of its kind. A field here hides the one of its name in Info.
type withoutMemory struct {
	*inspect.Info
	Size       *int64               `json:"size,omitempty"`
	Resident   *int64               `json:"resident,omitempty"`
	Protection *namedshm.Protection `json:"protection,omitempty"`
	Access     *namedshm.Access     `json:"access,omitempty"`
	Views      *int                 `json:"views,omitempty"`
	Rights     namedshm.Rights      `json:"rights"`
	Holders    []handleHolder       `json:"holders"`
}

// handleHolder is a process with handles and no views.
type handleHolder struct {
	PID     int    `json:"pid"`
	Command string `json:"command"`
	Handles int    `json:"handles"`
	// Rights are those of the handles of which they are recorded.
	Rights []namedshm.Rights `json:"rights,omitempty"`
}

// describe prints an object for programs. What cannot be inspected may be a section.
func (a *app) describe(info *inspect.Info) error {
	if info.Kind == inspect.KindSection || info.Kind == inspect.KindOther {
		return a.json(info)
	}
	described := withoutMemory{Info: info, Rights: info.Rights, Holders: make([]handleHolder, len(info.Holders))}
	for i, h := range info.Holders {
		described.Holders[i] = handleHolder{h.PID, h.Command, h.Handles, h.Rights}
	}
	return a.json(described)
}

// tellAll prints all that is known about an object.
func (a *app) tellAll(info *inspect.Info) error {
	if a.asJSON {
		return a.describe(info)
	}
	var lines table
	lines.add("name", plain.Name(info.Name))
	lines.add("kind", info.Kind.String())
	isSection := info.Kind == inspect.KindSection
	switch {
	case isSection:
		lines.add("size", exactSize(info.Size))
		lines.add("resident", exactSize(info.Resident))
		if info.Flow != nil {
			addFlow(&lines, info.Flow)
		}
	case info.State != nil:
		lines.add("state", stateText(info))
		if o := info.State.Ownership; o != nil && !o.Since.IsZero() {
			lines.add("since", createdAt(o.Since))
		}
		lines.add("waiters", count(info.State.Waiters))
		for _, w := range info.State.Waiting {
			lines.add("waiter", waiterText(w))
		}
	}
	if isSection {
		lines.add("access", info.Access.String())
	} else {
		lines.add("rights", info.Rights.String())
	}
	if info.Protection != 0 && isSection {
		lines.add("protection", info.Protection.String())
	}
	lines.add("owner", known(info.Owner))
	if info.Group != "" {
		lines.add("group", info.Group)
	}
	lines.add("security", known(info.Security))
	lines.add("created", createdAt(info.Created))
	lines.add("backing", info.Backing)
	lines.add("handles", count(info.Handles))
	if isSection {
		lines.add("views", count(info.Views))
	}
	for _, h := range info.Holders {
		lines.add("holder", processText(h.PID, h.Command)+": "+holderCounts(info, h))
		for _, m := range h.Mapped {
			lines.add("view", processText(h.PID, h.Command)+": "+mappingText(m))
		}
	}
	if info.Obstacle != "" {
		lines.add("obstacle", info.Obstacle)
	}
	return lines.print(a.stdout, 0)
}
