//go:build linux

package lifetime

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/flow"
)

// ends are an actor's of a ring and a feed. Message k is 1 + k mod 5 times the number k.
type ends struct {
	receiver *flow.Receiver[int64]
	sender   *flow.Sender[int64]
	writer   *flow.Writer[int64]
	reader   *flow.Reader[int64]
}

func messageOf(k int64) []int64 {
	m := make([]int64, 1+k%5)
	for i := range m {
		m[i] = k
	}
	return m
}

func numberOf(m []int64) (int64, error) {
	for _, k := range m {
		if k != m[0] || len(m) != int(1+m[0]%5) {
			return 0, fmt.Errorf("torn: %v", m)
		}
	}
	return m[0], nil
}

// flow does what an end does: Text says what. The answer has a message's number, or as Text what came in its place:
// EOF, or nothing, when with Length it looked once.
func (s *stage) flow(r request) (answer reply, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if r.Length != 0 {
		cancel()
	}
	var share []namedshm.SectionOption
	if r.Share != "" {
		access := map[string]namedshm.Access{"read": namedshm.Read, "write": namedshm.ReadWrite}[r.Share]
		share = append(share, namedshm.ShareAccess(namedshm.Everyone(), access))
	}
	var m []int64
	switch r.Text {
	case "new receiver":
		s.receiver, err = flow.NewReceiver[int64](r.Name, flow.Ring{Lanes: 2, Capacity: 4096}, share...)
	case "new writer":
		s.writer, err = flow.NewWriter[int64](r.Name, flow.Feed{Depth: 4, Most: 5}, share...)
	case "open sender":
		s.sender, err = flow.OpenSender[int64](context.Background(), r.Name)
	case "open reader":
		s.reader, err = flow.OpenReader[int64](context.Background(), r.Name)
	case "send":
		err = s.sender.Send(ctx, messageOf(r.Number)...)
	case "drain":
		err = s.sender.Drain(ctx)
	case "write":
		err = s.writer.Write(messageOf(r.Number)...)
	case "receive":
		m, err = s.receiver.Next(ctx)
	case "read":
		m, _, err = s.reader.Next(ctx, nil)
	case "latest":
		m, _, err = s.reader.Latest(nil)
	case "close sender":
		err = s.sender.Close()
	case "close writer":
		err = s.writer.Close()
	default:
		panic(r.Text)
	}
	switch {
	case err == io.EOF:
		return reply{Text: "EOF"}, nil
	case errors.Is(err, context.Canceled):
		return reply{Text: "nothing"}, nil
	}
	if err == nil && m != nil {
		answer.Number, err = numberOf(m)
	}
	return answer, err
}

// asked is a request of an end.
func asked(what, name string, number int64) request {
	return request{Op: "flow", Text: what, Name: name, Number: number}
}

// once is one that looks once.
func once(what string) request { return request{Op: "flow", Text: what, Length: 1} }

func wantNumber(t *testing.T, got reply, want int64) {
	t.Helper()
	if got.Number != want || got.Text != "" {
		t.Errorf("message %d %s, want %d", got.Number, got.Text, want)
	}
}

func wantText(t *testing.T, got reply, want string) {
	t.Helper()
	if got.Text != want {
		t.Errorf("message %d %q, want %q", got.Number, got.Text, want)
	}
}

// TestRing: what senders in two processes send comes, goodbyes and deaths of both sides are told, and what was not done
// with comes to the next receiver. When all have gone nothing is left.
func TestRing(t *testing.T) {
	inBothNamespaces(t, func(t *testing.T, w *world, name string) {
		receiver, a, b := w.start(t), w.start(t), w.start(t)
		receiver.Must(asked("new receiver", name, 0))
		a.Must(asked("open sender", name, 0))
		b.Must(asked("open sender", name, 0))
		receiver.Refused(asked("open sender", name, 0), namedshm.ErrBusy)
		receiver.Ask(asked("receive", "", 0))
		a.Must(asked("send", "", 1))
		wantNumber(t, receiver.Answer(), 1)
		a.Must(asked("send", "", 2))
		a.Must(asked("close sender", "", 0))
		b.Must(asked("send", "", 3))
		two, three := receiver.Must(asked("receive", "", 0)), receiver.Must(asked("receive", "", 0))
		if two.Number+three.Number != 5 { // among senders there is no order
			t.Errorf("%s and %s, want messages 2 and 3", two, three)
		}
		receiver.Ask(asked("receive", "", 0))
		b.Kill()
		if got := receiver.Answer(); got.Code != namedshm.ErrBrokenPipe {
			t.Errorf("the death of a sender is told as %s", got)
		}
		a.Must(asked("open sender", name, 0))
		a.Must(asked("send", "", 4))
		wantNumber(t, receiver.Must(asked("receive", "", 0)), 4)
		receiver.Kill()
		for k, full := int64(5), false; !full; k++ {
			full = a.Do(asked("send", "", k)).Code == namedshm.ErrBrokenPipe
		}
		successor := w.start(t)
		successor.Must(asked("new receiver", name, 0))
		wantNumber(t, successor.Must(asked("receive", "", 0)), 4)
		wantNumber(t, successor.Must(asked("receive", "", 0)), 5)
		a.Kill()
		successor.Kill()
		w.nothingLeft(w.start(t))
	})
}

// TestFeed: what is written is read, goodbyes and deaths are told, and the next writer goes on.
func TestFeed(t *testing.T) {
	inBothNamespaces(t, func(t *testing.T, w *world, name string) {
		writer, reader := w.start(t), w.start(t)
		writer.Must(asked("new writer", name, 0))
		reader.Must(asked("open reader", name, 0))
		reader.Ask(asked("read", "", 0))
		writer.Must(asked("write", "", 1))
		wantNumber(t, reader.Answer(), 1)
		writer.Must(asked("write", "", 2))
		reader.Refused(asked("new writer", name, 0), namedshm.ErrBusy)
		writer.Kill()
		wantNumber(t, reader.Must(asked("read", "", 0)), 2)
		reader.Refused(asked("read", "", 0), namedshm.ErrBrokenPipe)
		successor := w.start(t)
		successor.Must(asked("new writer", name, 0))
		successor.Must(asked("write", "", 3))
		wantNumber(t, reader.Must(asked("read", "", 0)), 3)
		wantNumber(t, reader.Must(asked("latest", "", 0)), 3)
		reader.Ask(asked("read", "", 0))
		successor.Must(asked("close writer", "", 0))
		wantText(t, reader.Answer(), "EOF")
		reader.Kill()
		successor.Kill()
		w.nothingLeft(w.start(t))
	})
}

// TestFeedOfOthers: who may only read a feed of another user is woken by its messages and by a goodbye. A death it is
// not told, for which others must ask the system; and it can take no end.
func TestFeedOfOthers(t *testing.T) {
	needRoot(t, "it takes other users")
	w := newWorld(t)
	const name = `Global\Feed`
	writer, fellow, other := w.start(t), w.start(t), w.startAs(t, stranger)
	request := asked("new writer", name, 0)
	request.Share = "read"
	writer.Must(request)
	fellow.Must(asked("open reader", name, 0))
	other.Must(asked("open reader", name, 0))
	other.Refused(asked("new writer", name, 0), namedshm.ErrAccessDenied)
	other.Ask(asked("read", "", 0))
	writer.Must(asked("write", "", 1))
	wantNumber(t, other.Answer(), 1)
	writer.Kill()
	wantNumber(t, fellow.Must(asked("read", "", 0)), 1)
	fellow.Refused(asked("read", "", 0), namedshm.ErrBrokenPipe)
	if onFileBacking() { // the locks that tell are on the file, which may be read
		other.Refused(once("read"), namedshm.ErrBrokenPipe)
	} else {
		wantText(t, other.Must(once("read")), "nothing")
	}
	wantNumber(t, other.Must(asked("latest", "", 0)), 1)
	successor := w.start(t)
	successor.Must(request)
	other.Ask(asked("read", "", 0))
	successor.Must(asked("write", "", 2))
	wantNumber(t, other.Answer(), 2)
	other.Ask(asked("read", "", 0))
	successor.Must(asked("close writer", "", 0))
	wantText(t, other.Answer(), "EOF")
	// A ring that others may only read is of no use to them: nobody makes one.
	request = asked("new receiver", `Global\Ring`, 0)
	request.Share = "read"
	successor.Refused(request, namedshm.ErrInvalidParameter)
	request.Share = "write"
	successor.Must(request)
	other.Must(asked("open sender", `Global\Ring`, 0))
	other.Must(asked("send", "", 7))
	wantNumber(t, successor.Must(asked("receive", "", 0)), 7)
	successor.Ask(asked("receive", "", 0))
	other.Kill()
	if got := successor.Answer(); got.Code != namedshm.ErrBrokenPipe {
		t.Errorf("the death of another user's sender is told as %s", got)
	}
}
