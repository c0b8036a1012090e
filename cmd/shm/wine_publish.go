package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/internal/plain"
	"github.com/namedshm/namedshm/wine"
)

// winePublishCmd gives a native section a Windows name.
type winePublishCmd struct {
	Name   string `arg:"" name:"windowsname" help:"The Windows name."`
	Native string `arg:"" optional:"" name:"linuxname" help:"The name of the native section; by default the same."`
	prefixFlag
	Size     size           `placeholder:"SIZE" help:"Create the native section with this size if it does not exist."`
	ReadOnly bool           `help:"Let Windows programs only read it."`
	Hold     *time.Duration `placeholder:"DURATION" help:"How long to hold it."`
}

// Help has the details and the examples.
func (*winePublishCmd) Help() string {
	return `A Windows program that creates the name then finds that it exists, with the native section's memory; one that opens it
finds it too. Nothing is copied. Make the section as large as the Windows program wants it.

The name is held as by shm create: until a key is pressed on a terminal, otherwise until the end of standard input; for
DURATION with --hold; and in any case until SIGINT or SIGTERM. If standard input ends before the name is published,
--hold is required. Windows programs that have opened the section keep its memory beyond that.

The prefix need not be running yet: the name is published when it starts, and again at every later start. A Windows
program that creates the section in the first moments of a prefix may win the race; shm then says so, and publishes the
name once that program has released it. To be first for certain, start the prefix first: WINEPREFIX=P wineserver -p.

` + prefixHelp + `

Examples:

    shm wine publish 'Local\Commands' --size 4KiB --prefix ~/.wine
    shm create Board --size 64KiB --hold 1h & shm wine publish 'Global\Board' Board --prefix 805550`
}

// Run publishes, and holds.
func (c *winePublishCmd) Run(a *app) error {
	native := c.Native
	if native == "" {
		native = c.Name
	}
	s, err := c.section(native)
	if err != nil {
		return inVerb("publish", err)
	}
	defer s.Close()
	hold := a.newHolding(c.Hold, false)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	events := wine.Offer(ctx, c.Prefix, s, c.Name)
	published := false
	ended := make(chan error, 1)
	go func() {
		var err error
		published, err = c.tell(a, events)
		ended <- err
	}()
	over := make(chan string, 1)
	go func() { over <- hold.until() }()
	var why string
	select {
	case err := <-ended:
		return err
	case why = <-over:
	}
	stop()
	err = <-ended
	if err != nil || published {
		return err
	}
	switch why {
	case endOfInput:
		return fmt.Errorf("publish %s: standard input was at its end before it was published; give --hold DURATION",
			plain.Name(c.Name))
	case timeIsUp:
		return fmt.Errorf("publish %s: it was not published within %v", plain.Name(c.Name), *c.Hold)
	}
	return nil
}

// section opens the native section, or makes it.
func (c *winePublishCmd) section(native string) (*namedshm.Section, error) {
	access := namedshm.ReadWrite
	if c.ReadOnly {
		access = namedshm.Read
	}
	if c.Size == 0 {
		return namedshm.Open(native, access)
	}
	s, created, err := namedshm.OpenOrCreate(native, int64(c.Size), access)
	if err == nil && !created && s.Size() < int64(c.Size) {
		s.Close()
		return nil, fmt.Errorf("publish %s: it already exists with %s instead of the %d requested", plain.Name(native),
			plural(s.Size(), "byte"), int64(c.Size))
	}
	return s, err
}

// tell reports what happens, until nothing does any more, and whether it was ever published.
func (c *winePublishCmd) tell(a *app, events <-chan wine.Change) (published bool, err error) {
	silence := time.After(quiet)
	for {
		select {
		case <-silence:
			a.tellMissing(c.Name, c.Prefix)
		case e, open := <-events:
			silence = nil
			if !open {
				return published, nil
			}
			published = published || e.Kind == wine.Published
			if err := c.event(a, e); err != nil {
				return published, err
			}
		}
	}
}

// event reports one event.
func (c *winePublishCmd) event(a *app, e wine.Change) error {
	switch {
	case e.Kind == wine.Failed:
		var failed *namedshm.Error
		if errors.As(e.Err, &failed) {
			return e.Err
		}
		return fmt.Errorf("publish: %w", e.Err)
	case a.asJSON:
		return a.happening(c.Name, e)
	}
	a.happened(c.Name, e)
	return nil
}
