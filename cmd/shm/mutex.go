package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/namedshm/namedshm"
)

// mutexCmd is the verbs for mutexes. There is none that unlocks: the owner is a handle, and ends with its process.
type mutexCmd struct {
	Create mutexCreateCmd `cmd:"" help:"Make or open a mutex, and hold its name."`
	Open   mutexOpenCmd   `cmd:"" help:"Show a mutex: who owns it, since when, how many wait."`
	Lock   mutexLockCmd   `cmd:"" help:"Lock it while a command runs."`
	Wait   mutexWaitCmd   `cmd:"" help:"Lock it, and unlock it at once."`
}

// mutexCreateCmd makes a mutex and holds its name.
type mutexCreateCmd struct {
	Name  string `arg:"" help:"The mutex's name."`
	Owned bool   `help:"Lock it, if it is new, as long as it is held."`
	keeping
}

// Help has the details and the examples.
func (*mutexCreateCmd) Help() string {
	return keepingHelp + `

To hold the name is not to lock it: see shm mutex lock.

Examples:

    shm mutex create 'Local\Build'
    shm mutex create Build --owned --hold 10s`
}

// ownedMutex is a mutex that was locked when it was made. In good order it is unlocked, and so not abandoned.
type ownedMutex struct{ *namedshm.Mutex }

func (m ownedMutex) Close() error { return errors.Join(m.Unlock(), m.Mutex.Close()) }

// Run makes, tells and holds.
func (c *mutexCreateCmd) Run(a *app) error {
	return c.keep(a, c.Name, namedshm.KindMutex, func() (io.Closer, bool, error) {
		m, created, err := c.make()
		if created && c.Owned {
			return ownedMutex{m}, created, err
		}
		return m, created, err
	})
}

func (c *mutexCreateCmd) make() (m *namedshm.Mutex, created bool, err error) {
	if c.Exclusive {
		m, err = namedshm.CreateMutex(c.Name, c.Owned, c.option())
		return m, err == nil, err
	}
	return namedshm.OpenOrCreateMutex(c.Name, c.Owned, c.option())
}

// mutexOpenCmd shows a mutex.
type mutexOpenCmd struct {
	Name string `arg:"" help:"The mutex's name."`
	output
}

// Run opens it, so that another kind is refused, and shows it.
func (c *mutexOpenCmd) Run(a *app) error { return a.show(c.Name, c.JSON, openMutex) }

// mutexLockCmd runs a command while it owns a mutex.
type mutexLockCmd struct {
	Name string `arg:"" help:"The mutex's name."`
	timing
	Existing    bool `xor:"absent" help:"Fail if it does not exist; without it, it is made."`
	WaitForName bool `xor:"absent" help:"Wait until somebody else has made it."`
	sharing
	Command []string `arg:"" passthrough:"" help:"The command, and its arguments."`
}

// Help has the details and the examples.
func (*mutexLockCmd) Help() string {
	return `The exit status is the command's; 127 when it was not found, 126 when it could not be started, 128 and the number
when a signal ended it. It is 1, and the command has not run, when time was up or for an error; standard error says
which. SIGINT and SIGTERM are passed on to the command.

When the last owner ended without unlocking the mutex, it is abandoned: that is said on standard error, and the
command runs with ` + abandonedVariable + `=1 in its environment, since what it works on may be half changed.

If this command is killed itself (SIGKILL), the mutex is abandoned, and what it has started runs on without it. A mutex
whose name nobody holds any more is gone, abandoned or not: shm mutex create holds it.

Examples:

    shm mutex lock 'Local\Build' -- make
    shm mutex lock Build --timeout 10s -- sh -c 'test "$` + abandonedVariable + `" || make'`
}

// abandonedVariable is set to 1 for a command that runs with a mutex that was abandoned, and unset for others.
const abandonedVariable = "NAMEDSHM_ABANDONED"

// acquired is how locking ended.
type acquired struct {
	mutex     *namedshm.Mutex // locked; nil if not
	opened    bool            // it was there to wait for
	abandoned bool
	err       error
}

// Run locks, runs the command and unlocks.
func (c *mutexLockCmd) Run(a *app) error {
	command, err := childCommand(c.Command)
	if err != nil {
		return err
	}
	signals, stop := notedSignals()
	defer stop()
	ctx, cancel := c.context()
	defer cancel()
	locked := make(chan acquired, 1)
	go func() { locked <- c.acquire(ctx) }()
	var got acquired
	select {
	case got = <-locked:
	case sig := <-signals:
		cancel()
		if got = <-locked; got.mutex != nil {
			got.unlock()
		}
		return endBy(sig)
	}
	if errors.Is(got.err, context.DeadlineExceeded) {
		return c.timedOut("lock", []string{c.Name}, map[string]bool{c.Name: got.opened})
	}
	if got.err != nil {
		return inVerb("lock", got.err)
	}
	if got.abandoned {
		fmt.Fprintf(a.stderr, "shm: lock %s: %s\n", printable(c.Name, ""), abandonedText)
	}
	status := a.runChild("mutex lock", command, environment(got.abandoned), signals)
	if err := got.unlock(); err != nil {
		a.fail(err)
	}
	return status
}

// acquire opens or makes the mutex and locks it.
func (c *mutexLockCmd) acquire(ctx context.Context) (got acquired) {
	m, err := c.open(ctx)
	if err != nil {
		return acquired{err: err}
	}
	got.opened = true
	if got.abandoned, got.err = m.Lock(ctx); got.err != nil {
		m.Close()
		return got
	}
	got.mutex = m
	return got
}

func (c *mutexLockCmd) open(ctx context.Context) (*namedshm.Mutex, error) {
	switch {
	case c.WaitForName:
		return namedshm.WaitOpenMutex(ctx, c.Name, namedshm.Synchronize)
	case c.Existing:
		return namedshm.OpenMutex(c.Name, namedshm.Synchronize)
	}
	m, _, err := namedshm.OpenOrCreateMutex(c.Name, false, c.option())
	return m, err
}

func (g *acquired) unlock() error { return errors.Join(g.mutex.Unlock(), g.mutex.Close()) }

// environment is that of a command: our own, but for what it says about this mutex, and not about one further out.
func environment(abandoned bool) []string {
	env := slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, abandonedVariable+"=") })
	if abandoned {
		env = append(env, abandonedVariable+"=1")
	}
	return env
}

// mutexWaitCmd waits until a mutex is free.
type mutexWaitCmd struct {
	Name string `arg:"" help:"The mutex's name."`
	waitFlags
}

// Help has the details and the examples.
func (*mutexWaitCmd) Help() string {
	return waitHelp + `

Example:

    shm mutex wait 'Local\Build' --timeout 1m && echo 'the build is over'`
}

// Run locks and unlocks.
func (c *mutexWaitCmd) Run(a *app) error {
	return c.run(a, "wait", []string{c.Name}, false, false, openMutex)
}
