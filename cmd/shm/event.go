package main

import (
	"io"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/inspect"
)

// eventCmd is the verbs for events.
type eventCmd struct {
	Create eventCreateCmd `cmd:"" help:"Create or open an event, and hold it."`
	Open   eventOpenCmd   `cmd:"" help:"Show an event: its mode, whether it is set, who holds it."`
	Set    eventSetCmd    `cmd:"" help:"Set an event: release its waiters."`
	Reset  eventResetCmd  `cmd:"" help:"Reset an event, undoing a set that no wait has used yet."`
	Pulse  eventPulseCmd  `cmd:"" help:"Release those waiting now, and leave the event reset."`
	Wait   eventWaitCmd   `cmd:"" help:"Wait until an event is set."`
}

// eventCreateCmd makes an event and holds it.
type eventCreateCmd struct {
	Name   string `arg:"" help:"The event's name."`
	Manual bool   `help:"Once set, the event stays set and releases every waiter until it is reset; without this flag each set releases one waiter."`
	Set    bool   `help:"Create it set."`
	keeping
}

// Help has the details and the examples.
func (*eventCreateCmd) Help() string {
	return keepingHelp + `

Examples:

    shm event create 'Local\Ready' --manual
    shm event create Ready -- sh -c 'start-the-server & shm event wait Ready --timeout 10s'`
}

// Run creates, reports and holds.
func (c *eventCreateCmd) Run(a *app) error {
	reset := namedshm.AutoReset
	if c.Manual {
		reset = namedshm.ManualReset
	}
	return c.keep(a, c.Name, inspect.KindEvent, func() (io.Closer, bool, error) {
		if c.Exclusive {
			e, err := namedshm.CreateEvent(c.Name, reset, c.Set, c.options()...)
			return e, true, err
		}
		return namedshm.OpenOrCreateEvent(c.Name, reset, c.Set, c.options()...)
	})
}

// eventOpenCmd shows an event.
type eventOpenCmd struct {
	Name string `arg:"" help:"The event's name."`
}

// Run opens it, so that another kind is refused, and shows it.
func (c *eventOpenCmd) Run(a *app) error { return a.show(c.Name, openEvent) }

// eventSetCmd sets an event.
type eventSetCmd struct {
	Name string `arg:"" help:"The event's name."`
}

// Help has the examples.
func (*eventSetCmd) Help() string {
	return `A manual-reset event then releases every waiter until it is reset; an auto-reset event releases one, now or later.
Setting an event that is already set changes nothing.

Example:

    make && shm event set Ready`
}

// Run sets it.
func (c *eventSetCmd) Run(a *app) error { return a.changeEvent("set", c.Name, (*namedshm.Event).Set) }

// eventResetCmd resets an event.
type eventResetCmd struct {
	Name string `arg:"" help:"The event's name."`
}

// Run resets it.
func (c *eventResetCmd) Run(a *app) error {
	return a.changeEvent("reset", c.Name, (*namedshm.Event).Reset)
}

// eventPulseCmd pulses an event.
type eventPulseCmd struct {
	Name string `arg:"" help:"The event's name."`
}

// Help says what to beware of.
func (*eventPulseCmd) Help() string {
	return `A waiter that is not blocked at that very moment misses the pulse. Pulse exists because Windows has it; prefer set.`
}

// Run pulses it.
func (c *eventPulseCmd) Run(a *app) error {
	return a.changeEvent("pulse", c.Name, (*namedshm.Event).Pulse)
}

// changedEvent is what these three print with --json. Without it they print nothing.
type changedEvent struct {
	Name string `json:"name"`
	Did  string `json:"did"` // set, reset or pulse
}

func (a *app) changeEvent(verb, name string, change func(*namedshm.Event) error) error {
	e, err := namedshm.OpenEvent(name, namedshm.ModifyState)
	if err != nil {
		return inVerb(verb, err)
	}
	defer e.Close()
	if err := change(e); err != nil || !a.asJSON {
		return err
	}
	return a.json(changedEvent{Name: fullName(name), Did: verb})
}

// eventWaitCmd waits for an event.
type eventWaitCmd struct {
	Name string `arg:"" help:"The event's name."`
	waitFlags
}

// Help has the details and the examples.
func (*eventWaitCmd) Help() string {
	return `The wait resets an auto-reset event.

` + plainWaitHelp + `

Examples:

    shm event wait 'Local\Ready' --timeout 10s --wait-for-name && shm open Greeting
    shm event wait Ready --timeout 0s || echo 'not yet'`
}

// Run waits.
func (c *eventWaitCmd) Run(a *app) error {
	return c.run(a, "wait", []string{c.Name}, false, false, openEvent)
}
