package main

import (
	"io"

	"github.com/namedshm/namedshm"
)

// eventCmd is the verbs for events.
type eventCmd struct {
	Create eventCreateCmd `cmd:"" help:"Make or open an event, and hold it."`
	Open   eventOpenCmd   `cmd:"" help:"Show an event: its mode, whether it is set, who holds it."`
	Set    eventSetCmd    `cmd:"" help:"Set it: let waiters through."`
	Reset  eventResetCmd  `cmd:"" help:"Take a set back that nobody has used yet."`
	Pulse  eventPulseCmd  `cmd:"" help:"Let through who waits now, and leave it reset."`
	Wait   eventWaitCmd   `cmd:"" help:"Wait until it is set."`
}

// eventCreateCmd makes an event and holds it.
type eventCreateCmd struct {
	Name   string `arg:"" help:"The event's name."`
	Manual bool   `help:"Once set it stays set, and lets everybody through, until it is reset; without it, it lets one through for each set."`
	Set    bool   `help:"It is set from the start."`
	keeping
}

// Help has the details and the examples.
func (*eventCreateCmd) Help() string {
	return keepingHelp + `

Examples:

    shm event create 'Local\Ready' --manual
    shm event create Ready -- sh -c 'start-the-server & shm event wait Ready --timeout 10s'`
}

// Run makes, tells and holds.
func (c *eventCreateCmd) Run(a *app) error {
	reset := namedshm.AutoReset
	if c.Manual {
		reset = namedshm.ManualReset
	}
	return c.keep(a, c.Name, namedshm.KindEvent, func() (io.Closer, bool, error) {
		if c.Exclusive {
			e, err := namedshm.CreateEvent(c.Name, reset, c.Set, c.option())
			return e, true, err
		}
		return namedshm.OpenOrCreateEvent(c.Name, reset, c.Set, c.option())
	})
}

// eventOpenCmd shows an event.
type eventOpenCmd struct {
	Name string `arg:"" help:"The event's name."`
	output
}

// Run opens it, so that another kind is refused, and shows it.
func (c *eventOpenCmd) Run(a *app) error { return a.show(c.Name, c.JSON, openEvent) }

// eventSetCmd sets an event.
type eventSetCmd struct {
	Name string `arg:"" help:"The event's name."`
}

// Help has the examples.
func (*eventSetCmd) Help() string {
	return `A manual-reset event then lets everybody through until it is reset, an auto-reset event one waiter, now or later.
Setting an event that is set changes nothing.

Example:

    make && shm event set Ready`
}

// Run sets it.
func (c *eventSetCmd) Run() error { return changeEvent("set", c.Name, (*namedshm.Event).Set) }

// eventResetCmd resets an event.
type eventResetCmd struct {
	Name string `arg:"" help:"The event's name."`
}

// Run resets it.
func (c *eventResetCmd) Run() error { return changeEvent("reset", c.Name, (*namedshm.Event).Reset) }

// eventPulseCmd pulses an event.
type eventPulseCmd struct {
	Name string `arg:"" help:"The event's name."`
}

// Help says what to beware of.
func (*eventPulseCmd) Help() string {
	return `A waiter that is not waiting at this very moment misses it. It is here because Windows has it; set is better.`
}

// Run pulses it.
func (c *eventPulseCmd) Run() error { return changeEvent("pulse", c.Name, (*namedshm.Event).Pulse) }

func changeEvent(verb, name string, change func(*namedshm.Event) error) error {
	e, err := namedshm.OpenEvent(name, namedshm.ModifyState)
	if err != nil {
		return inVerb(verb, err)
	}
	defer e.Close()
	return change(e)
}

// eventWaitCmd waits for an event.
type eventWaitCmd struct {
	Name string `arg:"" help:"The event's name."`
	waitFlags
}

// Help has the details and the examples.
func (*eventWaitCmd) Help() string {
	return `An auto-reset event is reset by it.

` + plainWaitHelp + `

Examples:

    shm event wait 'Local\Ready' --timeout 10s --wait-for-name && shm open Greeting
    shm event wait Ready --timeout 0s || echo 'not yet'`
}

// Run waits.
func (c *eventWaitCmd) Run(a *app) error {
	return c.run(a, "wait", []string{c.Name}, false, false, openEvent)
}
