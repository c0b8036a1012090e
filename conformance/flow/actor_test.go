//go:build linux

package flow

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/actors"
	"github.com/namedshm/namedshm/flow"
	"github.com/namedshm/namedshm/upkeep"
)

// ends are what an actor has open.
var ends struct {
	sender   *flow.Sender[message]
	receiver *flow.Receiver[message]
	writer   *flow.Writer[message]
	reader   *flow.Reader[message]
	buf      []message
}

// act is an actor's life.
func act() {
	actors.Serve[request, reply](func(r request) (got reply, err error) {
		does, known := commands[r.Op]
		if !known {
			return got, fmt.Errorf("what is %s?", r.Op)
		}
		if r.Marked {
			actors.BeginMark()
			defer actors.EndMark()
		}
		return does(r)
	})
}

var ctx = context.Background()

var commands = map[string]func(request) (reply, error){
	"sender": func(r request) (got reply, err error) {
		ends.sender, err = flow.OpenSender[message](ctx, r.Name)
		return got, err
	},
	"receiver": func(r request) (got reply, err error) {
		ends.receiver, err = flow.NewReceiver[message](r.Name, ring)
		return got, err
	},
	"writer": func(r request) (got reply, err error) {
		ends.writer, err = flow.NewWriter[message](r.Name, flow.Feed{Depth: 3, Most: words})
		return got, err
	},
	"reader": func(r request) (got reply, err error) {
		ends.reader, err = flow.OpenReader[message](ctx, r.Name)
		return got, err
	},
	"close sender":   func(request) (reply, error) { return reply{}, ends.sender.Close() },
	"close receiver": func(request) (reply, error) { return reply{}, ends.receiver.Close() },
	"close writer":   func(request) (reply, error) { return reply{}, ends.writer.Close() },
	"close reader":   func(request) (reply, error) { return reply{}, ends.reader.Close() },
	"send":           sendOne,
	"next":           nextOne,
	"write":          writeOne,
	"latest":         latestOne,
	"stream":         stream,
	"relay":          relay,
	"publish":        publish,
	"echo":           echo,
	"read on":        readOn,
	"bury": func(r request) (got reply, err error) {
		_, err = upkeep.Sweep(namedshm.Local)
		return got, err
	},
}

func sendOne(r request) (got reply, err error) {
	m, err := ends.sender.Claim(ctx, words)
	if err == nil {
		fill(m, r.Who, r.Number, born)
		ends.sender.Commit()
	}
	return got, err
}

func nextOne(request) (got reply, err error) {
	m, err := ends.receiver.Next(ctx)
	if err == nil {
		got.Who, got.Number = m[0], m[1]
		ends.receiver.Done()
	}
	return got, err
}

func writeOne(r request) (got reply, err error) {
	m := ends.writer.Claim()
	fill(m[:words], r.Who, r.Number, born)
	ends.writer.Commit(words)
	return got, nil
}

func latestOne(request) (got reply, err error) {
	ends.buf, got.Number, err = ends.reader.Latest(ends.buf)
	if err == nil && got.Number > 0 && !whole(ends.buf) {
		err = fmt.Errorf("torn: %x", ends.buf)
	}
	return got, err
}

// stream sends for as long as it lives, in batches, with pauses now and then.
func stream(r request) (got reply, err error) {
	s, err := flow.OpenSender[message](ctx, r.Name)
	if err != nil {
		return got, err
	}
	opened := time.Duration(now() - born)
	random := rand.New(rand.NewPCG(r.Who, 1))
	for n := uint64(1); ; {
		for range 1 + random.IntN(3) {
			m, err := s.Claim(ctx, least+random.IntN(20))
			if err != nil {
				return got, err
			}
			fill(m, r.Who, n, born)
			if n == 1 {
				m[3] = beginning{opened, time.Duration(now() - born), queued()}.packed()
			}
			n++
		}
		s.Commit()
		if random.IntN(100) == 0 {
			time.Sleep(time.Duration(random.IntN(50)) * time.Microsecond)
		}
	}
}

// relay sends on, to another ring, what it receives, and says after each message that it is done with.
func relay(r request) (got reply, err error) {
	to, err := flow.OpenSender[message](ctx, r.To)
	if err != nil {
		return got, err
	}
	from, err := flow.NewReceiver[message](r.Name, ring)
	if err != nil {
		return got, err
	}
	for {
		m, err := from.Next(ctx)
		if err != nil {
			return got, err
		}
		on, err := to.Claim(ctx, len(m)+2)
		if err != nil {
			return got, err
		}
		copy(on, m)
		on[len(m)], on[len(m)+1] = r.Who, uint64(born)
		to.Commit()
		from.Done()
	}
}

// publish writes for as long as it lives: messages of some length, each of one number, which goes on from a
// predecessor's.
func publish(r request) (got reply, err error) {
	w, err := flow.NewWriter[message](r.Name, flow.Feed{Depth: 3, Most: r.Size})
	if err != nil {
		return got, err
	}
	reader, err := flow.OpenReader[message](ctx, r.Name)
	if err != nil {
		return got, err
	}
	_, n, err := reader.Latest(nil)
	if err != nil {
		return got, err
	}
	for {
		n++
		m := w.Claim()
		for i := range m {
			m[i] = n
		}
		w.Commit(len(m))
	}
}

// readOn reads for a while.
func readOn(r request) (got reply, err error) {
	reader, err := flow.OpenReader[message](ctx, r.Name)
	if err != nil {
		return got, err
	}
	defer reader.Close()
	over := make(chan struct{})
	time.AfterFunc(time.Duration(r.Number), func() { close(over) })
	h := new(reading)
	err = h.readOn(reader, over)
	return reply{Number: h.got, Lost: h.lost}, err
}

// echo sends each message back, after a pause, until there is none.
func echo(r request) (got reply, err error) {
	from, err := flow.NewReceiver[message](r.Name, ring)
	if err != nil {
		return got, err
	}
	to, err := flow.OpenSender[message](ctx, r.To)
	if err != nil {
		return got, err
	}
	random := rand.New(rand.NewPCG(r.Who, 2))
	for {
		m, err := from.Next(ctx)
		if err == io.EOF {
			return got, to.Close()
		}
		if err != nil {
			return got, err
		}
		pauseAroundSpin(random)
		if err := to.Send(ctx, m...); err != nil {
			return got, err
		}
		got.Number++
	}
}

// pauseAroundSpin takes about as long as somebody looks before it falls asleep.
func pauseAroundSpin(random *rand.Rand) {
	length := time.Duration(random.IntN(45)) * time.Microsecond
	for began := time.Now(); time.Since(began) < length; {
	}
}
