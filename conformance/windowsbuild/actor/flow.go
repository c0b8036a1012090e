package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/namedshm/namedshm/flow"
)

// ends are those of a ring and a feed that the actor has. Message k is 1 + k mod 5 times the number k.
type ends struct {
	receiver *flow.Receiver[uint64]
	sender   *flow.Sender[uint64]
	writer   *flow.Writer[uint64]
	reader   *flow.Reader[uint64]
	seen     uint64 // by the reader: what came, and what was lost
}

func (a *actor) flowCommands() map[string]command {
	return map[string]command{
		"receiver": {1, a.newReceiver},
		"sender":   {1, a.openSender},
		"writer":   {1, a.newWriter},
		"reader":   {1, a.openReader},
		"send":     {2, a.send},
		"receive":  {1, a.receive},
		"publish":  {2, a.publish},
		"follow":   {1, a.follow},
		"latest":   {0, a.latest},
		"goodbye":  {1, a.goodbye},
	}
}

// patience bounds what an end waits for.
const patience = time.Minute

func patient() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), patience)
}

func messageOf(k uint64) []uint64 {
	m := make([]uint64, 1+k%5)
	for i := range m {
		m[i] = k
	}
	return m
}

// numberOf is the number of a message, which is whole or ends the actor.
func numberOf(m []uint64) uint64 {
	if len(m) == 0 || len(m) != int(1+m[0]%5) {
		fmt.Printf("torn: %v\n", m)
		os.Exit(1)
	}
	for _, k := range m {
		if k != m[0] {
			fmt.Printf("torn: %v\n", m)
			os.Exit(1)
		}
	}
	return m[0]
}

func (a *actor) newReceiver(args []string) (_ string, err error) {
	a.receiver, err = flow.NewReceiver[uint64](args[0], flow.Ring{Lanes: 2, Capacity: 4096})
	return "", err
}

func (a *actor) openSender(args []string) (_ string, err error) {
	ctx, cancel := patient()
	defer cancel()
	a.sender, err = flow.OpenSender[uint64](ctx, args[0])
	return "", err
}

func (a *actor) newWriter(args []string) (_ string, err error) {
	a.writer, err = flow.NewWriter[uint64](args[0], flow.Feed{Depth: 4, Most: 5})
	return "", err
}

func (a *actor) openReader(args []string) (_ string, err error) {
	ctx, cancel := patient()
	defer cancel()
	a.reader, err = flow.OpenReader[uint64](ctx, args[0])
	return "", err
}

// each calls f for the numbers FROM to TO.
func each(args []string, f func(k uint64) error) (string, error) {
	from, err := strconv.ParseUint(args[0], 10, 64)
	if err != nil {
		return "", err
	}
	to, err := strconv.ParseUint(args[1], 10, 64)
	for k := from; k <= to && err == nil; k++ {
		err = f(k)
	}
	return "", err
}

// send FROM TO
func (a *actor) send(args []string) (string, error) {
	ctx, cancel := patient()
	defer cancel()
	return each(args, func(k uint64) error { return a.sender.Send(ctx, messageOf(k)...) })
}

// receive COUNT tells the sum of so many numbers, or "EOF" where there are no more.
func (a *actor) receive(args []string) (string, error) {
	ctx, cancel := patient()
	defer cancel()
	count, err := strconv.Atoi(args[0])
	sum := uint64(0)
	for ; count > 0 && err == nil; count-- {
		var m []uint64
		if m, err = a.receiver.Next(ctx); err == io.EOF {
			return "EOF", nil
		}
		if err == nil {
			sum += numberOf(m)
			a.receiver.Done()
		}
	}
	return strconv.FormatUint(sum, 10), err
}

// publish FROM TO
func (a *actor) publish(args []string) (string, error) {
	return each(args, func(k uint64) error { return a.writer.Write(messageOf(k)...) })
}

// follow UNTIL reads up to this message, of which each is the next one but for those that were lost; or tells "EOF".
func (a *actor) follow(args []string) (string, error) {
	ctx, cancel := patient()
	defer cancel()
	until, err := strconv.ParseUint(args[0], 10, 64)
	if err != nil {
		return "", err
	}
	for a.seen < until {
		m, lost, err := a.reader.Next(ctx, nil)
		if err == io.EOF {
			return "EOF", nil
		}
		if err != nil {
			return "", err
		}
		a.seen += lost + 1
		if k := numberOf(m); k != a.seen {
			return "", fmt.Errorf("message %d where %d is expected", k, a.seen)
		}
	}
	return strconv.FormatUint(a.seen, 10), nil
}

// latest tells the newest message's number.
func (a *actor) latest([]string) (string, error) {
	m, number, err := a.reader.Latest(nil)
	if err == nil && number != 0 && numberOf(m) != number {
		err = fmt.Errorf("message %d is %d", number, m[0])
	}
	return strconv.FormatUint(number, 10), err
}

// goodbye END closes one.
func (a *actor) goodbye(args []string) (string, error) {
	ends := map[string]io.Closer{"receiver": a.receiver, "sender": a.sender, "writer": a.writer, "reader": a.reader}
	end, known := ends[args[0]]
	if !known {
		return "", fmt.Errorf("there is no %s", args[0])
	}
	return "", end.Close()
}
