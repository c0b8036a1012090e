package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/namedshm/namedshm"
)

// lsCmd lists the live objects of one namespace or of both.
type lsCmd struct {
	Namespace string `arg:"" optional:"" help:"local or global; without it, both."`
	output
}

// Help has the details and the examples.
func (*lsCmd) Help() string {
	return `STATE is the size of a section and how much of it is in memory; whether an event is set, and its mode; who owns a
mutex; a semaphore's count. WAITERS wait for it. HANDLES keep a name alive, VIEWS keep a section's memory alive. HOLDERS
are the processes that this user may look into. What cannot be told is shown as "?". A narrow terminal is shown fewer
columns: AGE is left out first, then VIEWS, OWNER and HANDLES.

With --json each object has what shm stat --json has.

Examples:

    shm ls
    shm ls global
    shm ls --json | jq -r 'select(.resident > 1e9) | .name'
    shm ls --json | jq -r 'select(.state.ownership and .state.waiters > 0) | .name'`
}

// Run lists what can be listed; a namespace that is refused is told and does not hide the other.
func (c *lsCmd) Run(a *app) error {
	namespaces := []namedshm.Namespace{namedshm.LocalNamespace, namedshm.GlobalNamespace}
	switch strings.ToLower(strings.TrimSuffix(c.Namespace, `\`)) {
	case "":
	case "local":
		namespaces = namespaces[:1]
	case "global":
		namespaces = namespaces[1:]
	default:
		return usageError{fmt.Errorf("there is no namespace %q; there are local and global", c.Namespace)}
	}
	var infos []namedshm.Info
	var failures []error
	for _, n := range namespaces {
		found, err := namedshm.List(n)
		if err != nil {
			failures = append(failures, err)
		}
		infos = append(infos, found...)
	}
	if err := c.print(a, infos); err != nil {
		return err
	}
	if len(failures) == 0 {
		return nil
	}
	for _, err := range failures[1:] {
		a.fail(err)
	}
	return failures[0]
}

// isNotFound reports that no object has the name.
func isNotFound(err error) bool { return errors.Is(err, fs.ErrNotExist) }

func (c *lsCmd) print(a *app, infos []namedshm.Info) error {
	if c.JSON {
		for i := range infos {
			if err := a.describe(&infos[i]); err != nil {
				return err
			}
		}
		return nil
	}
	t := table{{"NAME", "KIND", "STATE", "WAITERS", "HANDLES", "VIEWS", "OWNER", "AGE", "HOLDERS"}}
	for i := range infos {
		t = append(t, a.row(&infos[i]))
	}
	return t.fitting(a.width(), "AGE", "VIEWS", "OWNER", "HANDLES").print(a.stdout, a.width())
}

func (a *app) row(i *namedshm.Info) []string {
	holders := holderList(i.Holders)
	if i.Obstacle != "" {
		holders = strings.TrimSpace(holders + " (" + i.Obstacle + ")")
	}
	state, waiters, views := sizeText(i), "-", count(i.Views)
	if i.Kind != namedshm.KindSection {
		state, waiters, views = stateText(i), "?", "-"
		if i.State != nil {
			waiters = count(i.State.Waiters)
		}
	}
	return []string{a.name(i.Name), i.Kind.String(), state, waiters, count(i.Handles), views, known(i.Owner), age(i.Created), holders}
}

// sizeText is how large a section is, and how much of it is in memory.
func sizeText(i *namedshm.Info) string {
	text := humanSize(i.Size)
	if i.Resident >= 0 {
		text += ", " + humanSize(i.Resident) + " resident"
	}
	return text
}

// count is a number that may be unknown.
func count(n int) string {
	if n < 0 {
		return "?"
	}
	return strconv.Itoa(n)
}

// known is a text that may be unknown.
func known(s string) string {
	if s == "" {
		return "?"
	}
	return s
}

// holderList is processes in a few words: "412 shm, 977 python3".
func holderList(holders []namedshm.Holder) string {
	words := make([]string, len(holders))
	for i, h := range holders {
		words[i] = processText(h.PID, h.Command)
	}
	return strings.Join(words, ", ")
}

// age is the time since then in two units at most: "3s", "12m", "5h20m", "3d4h".
func age(then time.Time) string {
	if then.IsZero() {
		return "?"
	}
	d := max(time.Since(then), 0)
	days, hours, minutes := int(d.Hours())/24, int(d.Hours())%24, int(d.Minutes())%60
	switch {
	case days > 0:
		return fmt.Sprintf("%dd%dh", days, hours)
	case hours > 0:
		return fmt.Sprintf("%dh%dm", hours, minutes)
	case minutes > 0:
		return fmt.Sprintf("%dm", minutes)
	}
	return fmt.Sprintf("%ds", int(d.Seconds()))
}
