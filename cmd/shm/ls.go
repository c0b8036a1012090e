package main

import (
	"fmt"
	"strings"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/inspect"
	"github.com/namedshm/namedshm/internal/plain"
)

// lsCmd lists the live objects of one namespace or of both.
type lsCmd struct {
	Namespace string `arg:"" optional:"" help:"local or global; without it, both."`
}

// Help has the details and the examples.
func (*lsCmd) Help() string {
	return `STATE is a section's size and how much of it is in memory, or what a ring or feed contains; whether an event is set, and
its mode; a mutex's owner; a semaphore's count. WAITERS counts those waiting for the object. HANDLES keep a name alive,
VIEWS keep a section's memory alive. HOLDERS are the processes that this user may inspect. "?" stands for what cannot be
determined. On a narrow terminal columns are left out: first AGE, then VIEWS, OWNER and HANDLES.

With --json each object has the fields of shm stat --json.

Examples:

    shm ls
    shm ls global
    shm ls --json | jq -r 'select(.resident > 1e9) | .name'
    shm ls --json | jq -r 'select(.state.ownership and .state.waiters > 0) | .name'`
}

// Run lists what can be listed; a namespace that is refused is reported and does not hide the other.
func (c *lsCmd) Run(a *app) error {
	namespaces := []namedshm.Namespace{namedshm.Local, namedshm.Global}
	switch strings.ToLower(strings.TrimSuffix(c.Namespace, `\`)) {
	case "":
	case "local":
		namespaces = namespaces[:1]
	case "global":
		namespaces = namespaces[1:]
	default:
		return usageError{fmt.Errorf("unknown namespace %q; it is local or global", c.Namespace)}
	}
	var infos []inspect.Info
	var failures []error
	for _, n := range namespaces {
		found, err := inspect.List(n)
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

func (c *lsCmd) print(a *app, infos []inspect.Info) error {
	if a.asJSON {
		for i := range infos {
			if err := a.describe(&infos[i]); err != nil {
				return err
			}
		}
		return nil
	}
	t := table{{"NAME", "KIND", "STATE", "WAITERS", "HANDLES", "VIEWS", "OWNER", "AGE", "HOLDERS"}}
	for i := range infos {
		t.add(row(&infos[i])...)
	}
	return t.fitting(a.stdout.width(), "AGE", "VIEWS", "OWNER", "HANDLES").print(a.stdout, a.stdout.width())
}

func row(i *inspect.Info) []string {
	holders := holderList(i.Holders)
	if i.Obstacle != "" {
		holders = strings.TrimSpace(holders + " (" + i.Obstacle + ")")
	}
	state, waiters, views := sizeText(i), "-", count(i.Views)
	if i.Kind != inspect.KindSection {
		state, waiters, views = stateText(i), "?", "-"
		if i.State != nil {
			waiters = count(i.State.Waiters)
		}
	}
	return []string{plain.Name(i.Name), i.Kind.String(), state, waiters, count(i.Handles), views, known(i.Owner),
		age(i.Created), holders}
}
