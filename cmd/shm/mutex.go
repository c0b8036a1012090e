package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/inspect"
	"github.com/namedshm/namedshm/internal/plain"
)

// mutexCmd is the verbs for mutexes. There is none that unlocks: the owner is a handle, and ends with its process.
type mutexCmd struct {
	Create mutexCreateCmd `cmd:"" help:"Create or open a mutex, and keep its name alive."`
	Open   mutexOpenCmd   `cmd:"" help:"Show a mutex: its owner, since when, how many wait."`
	Lock   mutexLockCmd   `cmd:"" help:"Lock a mutex while a command runs."`
	Wait   mutexWaitCmd   `cmd:"" help:"Lock a mutex, and unlock it at once."`
}

// mutexCreateCmd makes a mutex and holds its name.
type mutexCreateCmd struct {
	Name  string `arg:"" help:"The mutex's name."`
	Owned bool   `help:"If the mutex is new, keep it locked for as long as it is held."`
	keeping
}

// Help has the details and the examples.
func (*mutexCreateCmd) Help() string {
	return keepingHelp + `

Holding the name does not lock the mutex: see shm mutex lock.

Examples:

    shm mutex create 'Local\Build'
    shm mutex create Build --owned --hold 10s`
}

// ownedMutex is a mutex that was locked when it was made. In good order it is unlocked, and so not abandoned.
type ownedMutex struct{ *namedshm.Mutex }

func (m ownedMutex) Close() error { return cmp.Or(m.Unlock(), m.Mutex.Close()) }

// Run creates, reports and holds.
func (c *mutexCreateCmd) Run(a *app) error {
	return c.keep(a, c.Name, inspect.KindMutex, func() (io.Closer, bool, error) {
		m, created, err := c.make()
		if created && c.Owned {
			return ownedMutex{m}, created, err
		}
		return m, created, err
	})
}

func (c *mutexCreateCmd) make() (m *namedshm.Mutex, created bool, err error) {
	if c.Exclusive {
		m, err = namedshm.CreateMutex(c.Name, c.Owned, c.options()...)
		return m, err == nil, err
	}
	return namedshm.OpenOrCreateMutex(c.Name, c.Owned, c.options()...)
}

// mutexOpenCmd shows a mutex.
type mutexOpenCmd struct {
	Name string `arg:"" help:"The mutex's name."`
}

// Run opens it, so that another kind is refused, and shows it.
func (c *mutexOpenCmd) Run(a *app) error { return a.show(c.Name, openMutex) }

// mutexLockCmd runs a command while it owns a mutex.
type mutexLockCmd struct {
	Name string `arg:"" help:"The mutex's name."`
	timing
	Existing    bool `xor:"absent" help:"Fail if it does not exist; without this flag it is created."`
	WaitForName bool `xor:"absent" help:"Wait until somebody else has created it."`
	sharing
	Command []string `arg:"" passthrough:"partial" help:"The command and its arguments."`
}

// Help has the details and the examples.
func (*mutexLockCmd) Help() string {
	return `The exit status is that of the command: 127 if it was not found, 126 if it could not be started, and 128 plus the
signal's number if a signal ended it. It is 1, without the command having run, if the wait timed out or failed;
standard error says which. SIGINT and SIGTERM are passed on to the command.

If the last owner ended without unlocking the mutex, the mutex is abandoned: standard error says so, and the
command runs with ` + abandonedVariable + `=1 in its environment, because what it works on may be half changed.

If shm itself is killed (SIGKILL), the mutex is abandoned, and the command runs on without it. A mutex whose name
nobody holds any more is gone, abandoned or not; shm mutex create holds it.

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
		a.note("lock %s: %s", plain.Name(c.Name), abandonedText)
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
	m, _, err := namedshm.OpenOrCreateMutex(c.Name, false, c.options()...)
	return m, err
}

func (g *acquired) unlock() error { return cmp.Or(g.mutex.Unlock(), g.mutex.Close()) }

// environment is that of a command: our own, except for what it says about this mutex rather than one further out.
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
