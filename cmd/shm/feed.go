package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/namedshm/namedshm/internal/conduit"
	"github.com/namedshm/namedshm/internal/fault"
	"github.com/namedshm/namedshm/internal/inside"
	"github.com/namedshm/namedshm/internal/plain"
)

// feedCmd is the verbs for feeds.
type feedCmd struct {
	Write feedWriteCmd `cmd:"" help:"Create or open a feed, and write standard input into it as messages."`
	Read  feedReadCmd  `cmd:"" help:"Print messages as they come, or the newest."`
	Stat  feedStatCmd  `cmd:"" help:"Describe a feed: who writes, and what is kept."`
}

// Help says what a feed is.
func (*feedCmd) Help() string {
	return `A feed carries the newest messages from one writer to any number of readers. The writer never waits: a reader that is
too slow misses the oldest messages, and is told how many. It is a section, and is gone with the last process that uses
it.

    sensor | shm feed write Temperature --lines --hold 1h
    shm feed read Temperature --latest

Programs use the same feeds through package flow in Go.`
}

// feedWriteCmd writes.
type feedWriteCmd struct {
	Name string `arg:"" help:"The feed's name."`
	cutting
	Depth int            `placeholder:"N" help:"How many messages are kept; 64 in a new feed, 3 at least."`
	Most  size           `placeholder:"SIZE" help:"The most values in a message, which are bytes without --type; 64KiB in a new feed."`
	Hold  *time.Duration `placeholder:"DURATION" help:"Keep the feed this long after the end of standard input."`
	element
}

// Help has the details and the examples.
func (*feedWriteCmd) Help() string {
	return `It creates the feed if it does not exist, and takes its writing end, of which there is one. At the end of standard input
it closes its end, and readers end when they have read everything. The feed is gone then, unless --hold keeps it.

` + cuttingHelp + `

Examples:

    vmstat 1 | shm feed write Load --lines
    echo '{"rate":5}' | shm feed write Settings --json --type '{rate:u32@0} 4/4' --hold 8h`
}

// Run takes the writing end and writes.
func (c *feedWriteCmd) Run(a *app) error {
	if err := c.check(a.asJSON); err != nil {
		return err
	}
	structure, choices, err := c.making()
	if err != nil {
		return err
	}
	shape := conduit.Feed{Depth: c.Depth, Most: int(c.Most)}
	usual := shape
	if usual.Most == 0 {
		usual.Most = max(usualChunk/structure.Size, 1)
	}
	stop := interruptible(a)
	w, err := orMake(c.Type != "",
		func() (*conduit.Writer, error) { return conduit.NewWriter(c.Name, nil, shape, inside.Choices{}) },
		func() (*conduit.Writer, error) { return conduit.NewWriter(c.Name, structure, usual, choices) })
	if err != nil {
		return stop.end(flowError("write", c.Name, err))
	}
	stop.goodbye = func() { w.Close() }
	in := &input{cutting: &c.cutting, file: a.stdin, stop: stop, to: &slot{Writer: w}}
	err = in.forward(a.asJSON)
	if err == nil && c.Hold != nil {
		stop.aside(func() { stop.pause(*c.Hold) })
	}
	return stop.end(flowError("write", c.Name, err))
}

// slot is a writer as an outlet.
type slot struct{ *conduit.Writer }

func (s *slot) size() int { return s.Structure().Size }

func (s *slot) most() int { return s.Most() * s.size() }

func (s *slot) room(n int) ([]byte, error) {
	m, err := s.Claim()
	return m[:min(n, len(m))], err
}

func (s *slot) send(n int) error {
	if n == 0 {
		return nil
	}
	return s.Commit(n / s.size())
}

func (s *slot) put(m []byte) error { return s.Write(m) }

func (s *slot) flush() {}

func (s *slot) tooLong(n int) error {
	advice := "make the feed with a larger --most"
	if n > 0 {
		advice = fmt.Sprintf("make the feed with room for it: --most %d", (n+s.size()-1)/s.size())
	}
	return fault.Advise(fault.Fail(fault.InvalidParameter, "%s", tooLongText("feed", n, s.most())), "%s", advice)
}

// feedReadCmd reads.
type feedReadCmd struct {
	Name string `arg:"" help:"The feed's name."`
	showing
	Latest  bool           `xor:"which" help:"Print the newest message, and end."`
	Every   *time.Duration `xor:"which" placeholder:"DURATION" help:"Print the newest message at this interval, if it has changed."`
	From    string         `enum:"oldest,newest" default:"oldest" help:"Begin with the oldest message that is kept, or with the next one to be written (${enum})."`
	Follow  bool           `help:"Go on when the writer has closed, and wait for another."`
	Wait    *time.Duration `placeholder:"DURATION" help:"Wait only this long for the feed to be created; without it, there is no limit."`
	Timeout *time.Duration `xor:"patience" placeholder:"DURATION" help:"Give up when no message comes for this long."`
	NoWait  bool           `xor:"patience" help:"Print the messages that are kept, and end."`
}

// Help has the details and the examples.
func (*feedReadCmd) Help() string {
	return `It waits until the feed exists (shm feed write creates it), and prints messages until the writer has closed. Readers do
not affect each other, and need only the right to read. At the end, the number of messages that were overwritten before
they could be read is printed to standard error.

` + showingHelp + `

The exit status is 0 when the writer has closed, 3 when it died without closing, and 1 for an error or when time was up.

Examples:

    shm feed read Load --lines
    shm feed read Settings --latest --json --wait 5s | jq .rate
    shm feed read Camera --latest --as raw > frame.jpg
    shm feed read Load --every 10s --follow`
}

// Run opens the feed and prints.
func (c *feedReadCmd) Run(a *app) error {
	if err := c.checkAll(a); err != nil {
		return err
	}
	stop := interruptible(a)
	wait := c.Wait
	if c.NoWait && wait == nil {
		wait = new(time.Duration)
	}
	r, err := whenMade(stop, "read", c.Name, wait, func(ctx context.Context) (*conduit.Reader, error) {
		return conduit.OpenReader(ctx, c.Name, nil)
	})
	if err != nil {
		return stop.end(err)
	}
	stop.goodbye = func() { r.Close() }
	f := &follower{feedReadCmd: c, a: a, r: r, p: newPrinter(a, stop, &c.showing, r.Structure())}
	err = f.run()
	if flushErr := f.p.flush(); err == nil || err == io.EOF {
		err = cmp.Or(flushErr, err)
	}
	if f.lost > 0 {
		a.note("read %s: %s", plain.Name(c.Name), lostText(f.lost))
	}
	return stop.end(a.parted(flowError("read", c.Name, err)))
}

// lostText says how many messages a reader was too slow for.
func lostText(n uint64) string {
	if n == 1 {
		return "1 message was overwritten before it could be read"
	}
	return several(n, "message") + " were overwritten before they could be read"
}

func (c *feedReadCmd) checkAll(a *app) error {
	switch {
	case c.Follow && c.NoWait:
		return errFollowNoWait
	case c.Every != nil && *c.Every < time.Millisecond:
		return usageError{errors.New("--every must be at least 1ms")}
	case c.Latest && (c.Follow || c.Count != nil || c.From != "oldest"):
		return usageError{errors.New("--latest prints one message: --count, --follow and --from are for several")}
	case c.Every != nil && (c.NoWait || c.Timeout != nil || c.From != "oldest"):
		return usageError{errors.New("--every looks at the newest message alone: give no --timeout, --no-wait or --from")}
	}
	return c.check(a.asJSON)
}

// follower prints what a feed has.
type follower struct {
	*feedReadCmd
	a      *app
	r      *conduit.Reader
	p      *printer
	buffer []byte
	lost   uint64
	quiet  time.Duration // the last pause for a writer that is yet to come
	last   time.Time     // when there was something last
}

func (f *follower) run() error {
	switch {
	case f.feedReadCmd.Latest:
		return f.latest()
	case f.Every != nil:
		return f.samples()
	case f.From == "newest":
		if _, _, err := f.r.Latest(nil); err != nil {
			return err
		}
	}
	f.last = time.Now()
	for !f.p.done() {
		m, err := f.next()
		if err != nil {
			return err
		}
		f.quiet, f.last = 0, time.Now()
		if err := f.p.print(m); err != nil {
			return err
		}
		if f.p.full() {
			if err := f.p.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// next is the next message. With --no-wait, the end is where there is none.
func (f *follower) next() ([]byte, error) {
	for {
		m, lost, ok, err := f.r.TryNext(f.buffer[:0])
		f.lost += lost
		if !ok && err == nil {
			if err := f.p.flush(); err != nil {
				return nil, err
			}
			m, lost, err = f.await()
			f.lost += lost
		}
		if f.Follow && f.ended(err) {
			if f.Timeout != nil && time.Since(f.last) >= *f.Timeout {
				return nil, fmt.Errorf("timed out after %v: nothing is written", *f.Timeout)
			}
			continue
		}
		f.buffer = m
		return m, err
	}
}

func (f *follower) await() (m []byte, lost uint64, err error) {
	limit := longestWait(f.Timeout, f.NoWait)
	ctx, cancel := f.p.stop.within(limit)
	defer cancel()
	m, lost, err = f.r.Next(ctx, f.buffer[:0])
	if errors.Is(err, context.DeadlineExceeded) && f.p.stop.Err() == nil {
		if f.NoWait {
			return m, lost, io.EOF
		}
		err = fmt.Errorf("timed out after %v: nothing is written", *limit)
	}
	return m, lost, err
}

// ended reports that the writer has gone, and that it is still to be waited for another.
func (f *follower) ended(err error) bool {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		if f.quiet == 0 {
			f.a.fail(flowError("read", f.Name, err))
		}
	case err != io.EOF:
		return false
	}
	f.p.flush()
	// Nothing wakes for a writer that is yet to come.
	f.quiet = min(f.quiet+10*time.Millisecond, 100*time.Millisecond)
	f.p.stop.pause(f.quiet)
	return f.p.stop.Err() == nil
}

// latest prints the newest message, if need be the first.
func (f *follower) latest() error {
	m, number, err := f.r.Latest(f.buffer[:0])
	if number == 0 && err == nil {
		if m, _, err = f.await(); err == io.EOF {
			return errors.New("nothing has been written to the feed")
		}
	}
	if err != nil {
		return err
	}
	return f.p.print(m)
}

// samples prints the newest message every so often.
func (f *follower) samples() error {
	for last := uint64(0); !f.p.done(); {
		m, number, err := f.r.Latest(f.buffer[:0])
		if err != nil {
			return err
		}
		f.buffer = m
		if number != last {
			last = number
			if err := cmp.Or(f.p.print(m), f.p.flush()); err != nil {
				return err
			}
			f.quiet = 0
		} else if _, _, _, err := f.r.TryNext(nil); err != nil && !(f.Follow && f.ended(err)) {
			return err
		}
		if !f.p.done() && !f.p.stop.pause(*f.Every) {
			return f.p.stop.Err()
		}
	}
	return nil
}
