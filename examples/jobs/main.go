// Command jobs passes jobs from many programs to one worker, by a ring:
//
//	go run ./examples/jobs work
//	go run ./examples/jobs send TEXT...
//
// Every job is done, in the order in which its sender sent it. When the worker is slow and the ring is full, senders
// wait; when it is killed, the next worker goes on, and does once more what was not done with: a job's number tells
// which one that is.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/flow"
)

const name = `Local\Jobs`

// job is a message. Text that is longer than there is room would be a ring of bytes: a message is any number of values.
type job struct {
	Sender uint32 // a process
	Length uint32
	Number uint64 // among its sender's
	Text   [240]byte
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil && !errors.Is(err, context.Cause(ctx)) {
		fmt.Fprintln(os.Stderr, "jobs:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, arguments []string) error {
	switch {
	case len(arguments) == 1 && arguments[0] == "work":
		return work(ctx)
	case len(arguments) > 1 && arguments[0] == "send":
		return send(ctx, arguments[1:])
	}
	return errors.New("usage: jobs work | jobs send TEXT, and more texts")
}

// send sends a job for each text, and goes when they are done.
func send(ctx context.Context, texts []string) error {
	s, err := flow.OpenSender[job](ctx, name) // which waits for a worker to make the ring
	if err != nil {
		return err
	}
	defer s.Close()
	for i, text := range texts {
		m, err := s.Claim(ctx, 1)
		if err != nil {
			return err // ERROR_BROKEN_PIPE: the ring is full, and its worker has died
		}
		m[0] = job{Sender: uint32(os.Getpid()), Number: uint64(i + 1)}
		m[0].Length = uint32(copy(m[0].Text[:], text))
		s.Commit()
	}
	return drain(ctx, s)
}

// drain waits until all is done. A sender that went before could take the last jobs with it: they live as long as
// anybody has the ring open. That the worker has died is no reason to give up here, for there may be another.
func drain(ctx context.Context, s *flow.Sender[job]) error {
	for {
		err := s.Drain(ctx)
		if !errors.Is(err, namedshm.ErrBrokenPipe) {
			return err
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// work does jobs until it is interrupted. It has a sender of its own, so that the ring does not end with the last of
// the others.
func work(ctx context.Context) error {
	r, err := flow.NewReceiver[job](name, flow.Ring{Lanes: 16, Capacity: 64 << 10})
	if err != nil {
		return err // ERROR_BUSY says which process works already
	}
	defer r.Close()
	keeper, err := flow.OpenSender[job](ctx, name)
	if err != nil {
		return err
	}
	defer keeper.Close()
	fmt.Println("working")
	for {
		m, err := r.Next(ctx)
		switch {
		case err == nil:
		case errors.Is(err, namedshm.ErrFileCorrupt):
			fmt.Println("a sender spoiled its lane:", err)
			continue
		case err == io.EOF, errors.Is(err, io.ErrUnexpectedEOF):
			return err // not as long as the keeper is open
		default:
			return err
		}
		if len(m) != 1 { // another sender may send what it likes, as many or as few as it likes
			r.Done()
			continue
		}
		j := m[0] // a copy first: what is checked is what is used
		if j.Length > uint32(len(j.Text)) {
			r.Done()
			continue
		}
		fmt.Printf("job %d of %d: %s\n", j.Number, j.Sender, j.Text[:j.Length])
		r.Done() // and a successor does not do it once more
	}
}
