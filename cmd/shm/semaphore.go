package main

import (
	"io"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/inspect"
)

// semaphoreCmd is the verbs for semaphores.
type semaphoreCmd struct {
	Create  semaphoreCreateCmd  `cmd:"" help:"Create or open a semaphore, and hold it."`
	Open    semaphoreOpenCmd    `cmd:"" help:"Show a semaphore: its count, who holds it."`
	Release semaphoreReleaseCmd `cmd:"" help:"Add to the count, and print what it was before."`
	Wait    semaphoreWaitCmd    `cmd:"" help:"Wait until the count is above zero, and take one."`
}

// semaphoreCreateCmd makes a semaphore and holds it.
type semaphoreCreateCmd struct {
	Name    string `arg:"" help:"The semaphore's name."`
	Initial int    `required:"" placeholder:"N" help:"The initial count."`
	Maximum int    `required:"" placeholder:"N" help:"The largest count allowed."`
	keeping
}

// Help has the details and the examples.
func (*semaphoreCreateCmd) Help() string {
	return keepingHelp + `

Examples:

    shm semaphore create 'Local\Slots' --initial 4 --maximum 4
    shm semaphore create Slots --initial 4 --maximum 4 -- make test`
}

// Run creates, reports and holds.
func (c *semaphoreCreateCmd) Run(a *app) error {
	return c.keep(a, c.Name, inspect.KindSemaphore, func() (io.Closer, bool, error) {
		if c.Exclusive {
			s, err := namedshm.CreateSemaphore(c.Name, c.Initial, c.Maximum, c.options()...)
			return s, true, err
		}
		return namedshm.OpenOrCreateSemaphore(c.Name, c.Initial, c.Maximum, c.options()...)
	})
}

// semaphoreOpenCmd shows a semaphore.
type semaphoreOpenCmd struct {
	Name string `arg:"" help:"The semaphore's name."`
}

// Run opens it, so that another kind is refused, and shows it.
func (c *semaphoreOpenCmd) Run(a *app) error { return a.show(c.Name, openSemaphore) }

// semaphoreReleaseCmd adds to a semaphore's count.
type semaphoreReleaseCmd struct {
	Name string `arg:"" help:"The semaphore's name."`
	N    int    `arg:"" optional:"" default:"1" help:"How many to add; 1 by default."`
}

// Help has the details and the examples.
func (*semaphoreReleaseCmd) Help() string {
	return `If that would raise the count above its maximum, nothing is added.

Examples:

    shm semaphore release 'Local\Slots'
    shm semaphore release Slots 3`
}

// releasedCount is what semaphore release --json prints.
type releasedCount struct {
	Name     string `json:"name"`
	Released int    `json:"released"`
	Previous int    `json:"previous"`
}

// Run releases.
func (c *semaphoreReleaseCmd) Run(a *app) error {
	s, err := namedshm.OpenSemaphore(c.Name, namedshm.ModifyState)
	if err != nil {
		return inVerb("release", err)
	}
	defer s.Close()
	previous, err := s.Release(c.N)
	if err != nil {
		return err
	}
	if a.asJSON {
		return a.json(releasedCount{Name: fullName(c.Name), Released: c.N, Previous: previous})
	}
	return a.printf("%d\n", previous)
}

// semaphoreWaitCmd takes one from a semaphore.
type semaphoreWaitCmd struct {
	Name string `arg:"" help:"The semaphore's name."`
	waitFlags
}

// Help has the details and the examples.
func (*semaphoreWaitCmd) Help() string {
	return `The count stays decremented: use shm semaphore release to raise it again.

` + plainWaitHelp + `

Example:

    shm semaphore wait 'Local\Slots' --timeout 1m && { work; shm semaphore release Slots; }`
}

// Run waits.
func (c *semaphoreWaitCmd) Run(a *app) error {
	return c.run(a, "wait", []string{c.Name}, false, false, openSemaphore)
}
