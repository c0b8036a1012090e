package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"time"

	"github.com/namedshm/namedshm/internal/conduit"
	"github.com/namedshm/namedshm/internal/fault"
	"github.com/namedshm/namedshm/internal/inside"
)

// ringCmd is the verbs for rings.
type ringCmd struct {
	Write ringWriteCmd `cmd:"" help:"Send standard input as messages."`
	Read  ringReadCmd  `cmd:"" help:"Create or open a ring, and print what is sent."`
	Stat  ringStatCmd  `cmd:"" help:"Describe a ring: who sends, who receives, and what waits."`
}

// Help says what a ring is.
func (*ringCmd) Help() string {
	return `A ring carries messages from any number of senders to one receiver: every message once, and each sender's in order. When
it is full, senders wait. It is a section, and is gone with the last process that uses it.

    producer | shm ring write Jobs        # in one terminal
    shm ring read Jobs | consumer         # in another, before or after

Programs use the same rings through package flow in Go.`
}

// ringWriteCmd sends.
type ringWriteCmd struct {
	Name string `arg:"" help:"The ring's name."`
	cutting
	Wait    *time.Duration `placeholder:"DURATION" help:"Wait only this long for the ring to be created; without it, there is no limit."`
	Timeout *time.Duration `xor:"patience" placeholder:"DURATION" help:"Give up when there is no room for this long."`
	NoWait  bool           `xor:"patience" help:"Give up when there is no room, and do not wait until everything has been read."`
}

// Help has the details and the examples.
func (*ringWriteCmd) Help() string {
	return `It waits until the ring exists (shm ring read creates it), and whenever the ring is full. At the end of standard input
it waits until everything has been read, then closes its end. When all senders have closed, the receiver ends.

` + cuttingHelp + `

A message can be almost half as long as --capacity of shm ring read.

The exit status is 0 when everything has been read, and 1 for an error, such as a receiver that is gone.

Examples:

    tar c . | shm ring write Backup
    tail -f log | shm ring write Log --lines
    echo '{"x":1.5,"flags":3}' | shm ring write Points --json`
}

// Run opens a lane and sends.
func (c *ringWriteCmd) Run(a *app) error {
	if err := c.check(a.asJSON); err != nil {
		return err
	}
	stop := interruptible(a)
	return stop.end(c.send(a, stop))
}

func (c *ringWriteCmd) send(a *app, stop *interruption) error {
	wait := c.Wait
	if c.NoWait && wait == nil {
		wait = new(time.Duration)
	}
	s, err := whenMade(stop, "write", c.Name, wait, func(ctx context.Context) (*conduit.Sender, error) {
		return conduit.OpenSender(ctx, c.Name, nil)
	})
	if err != nil {
		return err
	}
	stop.goodbye = func() { s.Close() }
	out := &lane{Sender: s, ringWriteCmd: c, stop: stop}
	in := &input{cutting: &c.cutting, file: a.stdin, stop: stop, to: out}
	if err := in.forward(a.asJSON); err != nil {
		return flowError("write", c.Name, err)
	}
	if c.NoWait {
		return nil
	}
	return flowError("write", c.Name, s.Drain(stop))
}

// lane is a sender as an outlet.
type lane struct {
	*conduit.Sender
	*ringWriteCmd
	stop    *interruption
	claimed []byte
	open    int // bytes of claims that are not committed
}

func (l *lane) size() int { return l.Structure().Size }

func (l *lane) most() int { return l.Most() * l.size() }

func (l *lane) room(n int) (m []byte, err error) {
	m, ok, err := l.TryClaim(n / l.size())
	if !ok && err == nil {
		l.Commit() // it may be what is in the way
		m, err = l.wait(n)
	}
	l.claimed = m
	return m, err
}

// wait claims what there was no room for.
func (l *lane) wait(n int) ([]byte, error) {
	limit := longestWait(l.Timeout, l.NoWait)
	ctx, cancel := l.stop.within(limit)
	defer cancel()
	m, err := l.Claim(ctx, n/l.size())
	if errors.Is(err, context.DeadlineExceeded) && l.stop.Err() == nil {
		return nil, l.full(*limit)
	}
	return m, err
}

// full says that the ring was full for that long, and who it is that does not read.
func (l *lane) full(limit time.Duration) error {
	text := "the ring is full"
	if limit > 0 {
		text = fmt.Sprintf("the ring was full for %v", limit)
	}
	who := "nobody reads it; start shm ring read " + quoted(l.ringWriteCmd.Name)
	if info, err := conduit.Stat(l.ringWriteCmd.Name); err == nil {
		for i := range info.Ends {
			if e := &info.Ends[i]; e.Role == "receiver" && !e.Dead {
				who = "its receiver is " + e.String()
			}
		}
	}
	return fmt.Errorf("%s: %s", text, who)
}

// send commits the first bytes of what was claimed. A shorter claim may lie elsewhere: at the end of the lane, where
// the longer did not fit.
func (l *lane) send(n int) error {
	if n < len(l.claimed) {
		l.Abort()
		if n == 0 {
			return nil
		}
		m, _, err := l.TryClaim(n / l.size())
		if err != nil {
			return err
		}
		if &m[0] != &l.claimed[0] {
			copy(m, l.claimed)
		}
	}
	l.Commit()
	return nil
}

// put leaves it to flush to commit, as long as the open claims are well below what a lane has room for.
func (l *lane) put(m []byte) error {
	const header = 16 // and what a message is rounded up by
	if l.open += len(m) + header; l.open > l.most()/2 {
		l.Commit()
		l.open = len(m) + header
	}
	claim, err := l.room(len(m))
	if err == nil {
		conduit.Fill(claim, m)
	}
	return err
}

func (l *lane) flush() {
	l.Commit()
	l.open = 0
}

func (l *lane) tooLong(n int) error {
	advice := "make the ring with a larger --capacity"
	if n > 0 {
		capacity := humanSize(1 << bits.Len64(2*uint64(n)+15))
		name := quoted(l.ringWriteCmd.Name)
		advice = fmt.Sprintf("make the ring with room for it: shm ring read %s --capacity %s", name, capacity)
	}
	return fault.Advise(fault.Fail(fault.InvalidParameter, "%s", tooLongText("ring", n, l.most())), "%s", advice)
}

// ringReadCmd receives.
type ringReadCmd struct {
	Name string `arg:"" help:"The ring's name."`
	showing
	Timeout  *time.Duration `xor:"patience" placeholder:"DURATION" help:"Give up when no message comes for this long."`
	NoWait   bool           `xor:"patience" help:"Print the messages that are there, and end."`
	Peek     bool           `help:"Print the waiting messages without receiving them."`
	Follow   bool           `help:"Go on when all senders have closed, and wait for others."`
	Lanes    int            `placeholder:"N" help:"How many senders there can be at a time, up to 64; 8 in a new ring."`
	Capacity size           `placeholder:"SIZE" help:"The memory for each sender, a power of two; 1MiB in a new ring. A message can have almost half of it."`
	element
}

// Help has the details and the examples.
func (*ringReadCmd) Help() string {
	return `It creates the ring if it does not exist, takes its receiving end, of which there is one, and prints messages until all
senders have closed. It waits for the first sender, too.

` + showingHelp + `

If it is killed, the next shm ring read continues: no message is lost, and those that were being printed may be printed
again.

The exit status is 0 when all senders have closed, 3 when one died without closing (everything that it sent has been
printed), and 1 for an error or when time was up.

Examples:

    shm ring read Backup | tar x
    shm ring read Log --lines --follow >> log
    shm ring read Points --json | jq .x
    shm ring read Jobs --count 1 --timeout 10s
    shm ring read Jobs --peek`
}

// Run takes the receiving end and prints.
func (c *ringReadCmd) Run(a *app) error {
	if err := c.checkAll(a); err != nil {
		return err
	}
	structure, choices, err := c.making()
	if err != nil {
		return err
	}
	stop := interruptible(a)
	if c.Peek {
		return stop.end(c.peek(a, stop))
	}
	shape := conduit.Ring{Lanes: c.Lanes, Capacity: int64(c.Capacity)}
	r, err := orMake(c.Type != "",
		func() (*conduit.Receiver, error) {
			return conduit.NewReceiver(c.Name, nil, shape, inside.Choices{})
		},
		func() (*conduit.Receiver, error) { return conduit.NewReceiver(c.Name, structure, shape, choices) })
	if err != nil {
		return stop.end(flowError("read", c.Name, err))
	}
	stop.goodbye = func() { r.CloseUntold() } // what is not printed is not done with
	p := newPrinter(a, stop, &c.showing, r.Structure())
	return stop.end(a.parted(flowError("read", c.Name, c.print(a, r, p))))
}

func (c *ringReadCmd) checkAll(a *app) error {
	if c.Follow && c.NoWait {
		return errFollowNoWait
	}
	return c.check(a.asJSON)
}

// print prints until the end. What has not been written is not done with, so that a successor gets it.
func (c *ringReadCmd) print(a *app, r *conduit.Receiver, p *printer) error {
	told := false // that senders have died; it stays so until another comes
	last := time.Now()
	for quiet := time.Duration(0); ; {
		m, err := c.next(r, p)
		if c.Follow && (err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF)) {
			if err != io.EOF && !told {
				a.fail(flowError("read", c.Name, err))
			}
			told = err != io.EOF
			if c.Timeout != nil && time.Since(last) >= *c.Timeout {
				return cmp.Or(p.flush(), fmt.Errorf("timed out after %v: %s", *c.Timeout, c.whyQuiet()))
			}
			// Nothing wakes for a sender that is yet to come.
			if quiet = min(quiet+10*time.Millisecond, 100*time.Millisecond); p.stop.pause(quiet) {
				continue
			}
			err = p.stop.Err()
		}
		if err != nil {
			return cmp.Or(p.flush(), err)
		}
		quiet, told, last = 0, false, time.Now()
		if err := p.print(m); err != nil {
			return err
		}
		if p.done() || p.full() || !r.Held() {
			if err := p.flush(); err != nil {
				return err
			}
		}
		if p.done() {
			r.Done()
			return nil
		}
	}
}

// next is the next message. With --no-wait, the end is where there is none.
func (c *ringReadCmd) next(r *conduit.Receiver, p *printer) ([]byte, error) {
	limit := longestWait(c.Timeout, c.NoWait)
	if limit == nil {
		return r.Next(p.stop)
	}
	if m, ok, err := r.TryNext(); ok || err != nil {
		return m, err
	}
	ctx, cancel := p.stop.within(limit)
	defer cancel()
	m, err := r.Next(ctx)
	if errors.Is(err, context.DeadlineExceeded) && p.stop.Err() == nil {
		if c.NoWait {
			return nil, io.EOF
		}
		return nil, fmt.Errorf("timed out after %v: %s", *limit, c.whyQuiet())
	}
	return m, err
}

// whyQuiet says who could have sent something.
func (c *ringReadCmd) whyQuiet() string {
	info, err := conduit.Stat(c.Name)
	if err != nil {
		return "?"
	}
	senders := livingSenders(&info)
	if senders == 0 {
		return "it has no sender"
	}
	return several(uint64(senders), "sender") + ", and nothing is sent"
}

// livingSenders counts those of a ring.
func livingSenders(info *conduit.Info) (n int) {
	for _, e := range info.Ends {
		if e.Role == "sender" && !e.Dead {
			n++
		}
	}
	return n
}

// peek prints what waits, lane after lane.
func (c *ringReadCmd) peek(a *app, stop *interruption) error {
	if c.Follow || c.NoWait || c.Timeout != nil || c.Lanes != 0 || c.Capacity != 0 || c.Type != "" {
		return usageError{errors.New("--peek looks at what is there: it goes with --count and --as, --lines, --nul")}
	}
	o, err := conduit.LookOn(c.Name)
	if err != nil {
		return flowError("read", c.Name, err)
	}
	defer o.Close()
	info, err := o.Stat()
	if err == nil && info.Kind != conduit.KindRing {
		err = fault.BadHandle("it is a %s, not a ring", info.Kind)
	}
	if err != nil {
		return flowError("read", c.Name, err)
	}
	p := newPrinter(a, stop, &c.showing, info.Structure)
	for i := range info.Ring.Lanes {
		lookErr := o.Waiting(i, func(m []byte) bool {
			if err = p.print(m); err == nil && p.full() {
				err = p.flush()
			}
			return err == nil && !p.done() && stop.Err() == nil
		})
		if err == nil {
			err = lookErr
		}
		if err != nil || p.done() || stop.Err() != nil {
			break
		}
	}
	if err == nil {
		err = p.flush()
	}
	return flowError("read", c.Name, err)
}
