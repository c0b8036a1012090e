package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/flow"
	"github.com/namedshm/namedshm/inspect"
	"github.com/namedshm/namedshm/internal/conduit"
	"github.com/namedshm/namedshm/internal/fault"
	"github.com/namedshm/namedshm/internal/plain"
)

// looking is how a ring or feed is looked at.
type looking struct {
	Last     *int          `placeholder:"N" help:"Also print the last messages that have been read and are still in memory, up to N for each sender."`
	Follow   bool          `help:"Print a line whenever something has changed."`
	Interval time.Duration `default:"1s" placeholder:"DURATION" help:"How often to look (${default})."`
	Count    *int          `placeholder:"N" help:"With --follow: end after this many lines."`
}

// lookingHelp is what the help says of it.
const lookingHelp = `It changes nothing. What is shown of each end was written by its owner: the process, since when, and whether it waits for
messages or for room. An end whose owner died without closing is DEAD until another process takes it.`

// ringStatCmd describes a ring.
type ringStatCmd struct {
	Name string `arg:"" help:"The ring's name."`
	looking
}

// Help has the details and the examples.
func (*ringStatCmd) Help() string {
	return lookingHelp + `

--last shows messages that have been received. Their memory is used again, from the front on: shortly after that there
are few, and a sender that is writing there now may have changed one.

Examples:

    shm ring stat 'Local\Jobs'
    shm ring stat Jobs --last 10
    shm ring stat Jobs --follow --interval 200ms
    shm ring stat Jobs --json | jq '.waiting'`
}

// Run looks.
func (c *ringStatCmd) Run(a *app) error { return c.run(a, c.Name, conduit.KindRing) }

// feedStatCmd describes a feed.
type feedStatCmd struct {
	Name string `arg:"" help:"The feed's name."`
	looking
}

// Help has the details and the examples.
func (*feedStatCmd) Help() string {
	return lookingHelp + ` Readers
are not known.

Examples:

    shm feed stat 'Local\Temperature'
    shm feed stat Temperature --last 3
    shm feed stat Temperature --follow --json`
}

// Run looks.
func (c *feedStatCmd) Run(a *app) error { return c.run(a, c.Name, conduit.KindFeed) }

func (l *looking) check() error {
	switch {
	case l.Interval < time.Millisecond:
		return usageError{errors.New("--interval must be at least 1ms")}
	case l.Count != nil && (*l.Count < 1 || !l.Follow):
		return usageError{errors.New("--count goes with --follow, and must be at least 1")}
	case l.Last != nil && *l.Last < 1:
		return usageError{errors.New("--last must be at least 1")}
	case l.Last != nil && l.Follow:
		return usageError{errors.New("--last is for one look, --follow for many: give one")}
	}
	return nil
}

// run looks once, or again and again. Between two looks it keeps nothing alive.
func (l *looking) run(a *app, name string, kind conduit.Kind) error {
	if err := l.check(); err != nil {
		return err
	}
	info, err := flow.Stat(name)
	if err == nil && info.Kind != kind.String() {
		err = flowError("stat", name, fault.BadHandle("it is a %s, not a %s", info.Kind, kind))
	}
	if err != nil {
		return err
	}
	info.Name = fullName(name)
	if l.Follow {
		return l.follow(a, name, &info)
	}
	if a.asJSON {
		return l.printJSON(a, name, &info)
	}
	var lines table
	lines.add("name", plain.Name(info.Name))
	addFlow(&lines, &info)
	if err := lines.print(a.stdout, 0); err != nil || l.Last == nil {
		return err
	}
	return l.printLast(a, name)
}

// follow prints a line for each change.
func (l *looking) follow(a *app, name string, info *flow.Info) error {
	stop := interruptible(a)
	last := ""
	for lines := 0; ; {
		now := flowText(info) + ", " + several(info.Sent, "message") + " in all"
		if now != last {
			last = now
			var err error
			if a.asJSON {
				err = a.json(info)
			} else {
				err = a.printf("%s  %s\n", time.Now().Format(time.TimeOnly), now)
			}
			if isBrokenPipe(err) {
				err = errReaderGone
			}
			if err != nil {
				return stop.end(err)
			}
			if lines++; l.Count != nil && lines == *l.Count {
				return nil
			}
		}
		stop.aside(func() { stop.pause(l.Interval) })
		found, err := flow.Stat(name)
		switch {
		case isNotFound(err) && stop.Err() == nil:
			a.note("stat %s: it is gone", plain.Name(name))
			return nil
		case err != nil || stop.Err() != nil:
			return stop.end(err)
		}
		found.Name = info.Name
		info = &found
	}
}

// seen is a message that was read already and is still in place.
type seen struct {
	lane      int
	beginning []byte
	length    int
}

// mostSeen is as much of such a message as is shown.
const mostSeen = 4 << 10

// lastMessages are up to so many of each lane, or of a feed.
func (l *looking) lastMessages(name string) (all []seen, s *conduit.Structure, err error) {
	o, err := conduit.LookOn(name)
	if err != nil {
		return nil, nil, err
	}
	defer o.Close()
	info, err := o.Stat()
	if err != nil {
		return nil, nil, err
	}
	if info.Kind == conduit.KindFeed {
		all, err = l.lastOfFeed(name)
		return all, info.Structure, err
	}
	for i := range info.Ring.Lanes {
		var some []seen
		err := o.Consumed(i, mostSeen, func(beginning []byte, length int) bool {
			some = append(some, seen{i, beginning, length})
			if len(some) > *l.Last {
				some = append(some[:0], some[1:]...)
			}
			return true
		})
		if err != nil {
			return all, info.Structure, err
		}
		all = append(all, some...)
	}
	return all, info.Structure, nil
}

func (l *looking) lastOfFeed(name string) (some []seen, err error) {
	r, err := conduit.OpenReader(context.Background(), name, nil)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	for range maxDepthShown {
		m, _, ok, err := r.TryNext(nil)
		if !ok || err != nil {
			break // its end is no error of this look
		}
		if some = append(some, seen{0, m[:min(len(m), mostSeen)], len(m)}); len(some) > *l.Last {
			some = append(some[:0], some[1:]...)
		}
	}
	return some, nil
}

// maxDepthShown is how many messages are looked at: a writer may be faster than this.
const maxDepthShown = 1 << 20

// printLast prints messages for people, in a line each.
func (l *looking) printLast(a *app, name string) error {
	all, structure, err := l.lastMessages(name)
	if err != nil {
		return flowError("stat", name, err)
	}
	if len(all) == 0 {
		return a.printf("\nNo message that has been read is still in memory.\n")
	}
	var rows table
	rows.add("LANE", "BYTES", "MESSAGE")
	for _, m := range all {
		rows.add(fmt.Sprint(m.lane), grouped(uint64(m.length)), m.text(structure))
	}
	if err := a.printf("\n"); err != nil {
		return err
	}
	return rows.print(a.stdout, a.stdout.width())
}

// text is a message in one line: JSON where all of it is there, and what its bytes say otherwise.
func (m *seen) text(s *conduit.Structure) string {
	if !isBytes(s) && m.length == len(m.beginning) {
		if text, err := s.AppendJSON(nil, m.beginning); err == nil {
			return string(text)
		}
	}
	return plain.Text(string(m.beginning), "")
}

// lastSeen is what stat --json has of such a message.
type lastSeen struct {
	Lane    int    `json:"lane"`
	Length  int    `json:"length"`
	Bytes   []byte `json:"bytes"` // base64, of at most 4 KiB
	Message any    `json:"message,omitempty"`
}

// printJSON prints what flow.Stat has, and the last messages if they are asked for.
func (l *looking) printJSON(a *app, name string, info *flow.Info) error {
	described := struct {
		*flow.Info
		Last []lastSeen `json:"last,omitzero"`
	}{Info: info}
	if l.Last != nil {
		all, structure, err := l.lastMessages(name)
		if err != nil {
			return flowError("stat", name, err)
		}
		described.Last = []lastSeen{}
		for _, m := range all {
			told := lastSeen{Lane: m.lane, Length: m.length, Bytes: m.beginning}
			if text, err := messageJSON(structure, m.beginning); err == nil && m.length == len(m.beginning) {
				told.Message = rawJSON(text)
			}
			described.Last = append(described.Last, told)
		}
	}
	return a.json(described)
}

// rawJSON is text that is JSON.
type rawJSON []byte

// MarshalJSON is itself.
func (r rawJSON) MarshalJSON() ([]byte, error) { return bytes.Clone(r), nil }

// flowText is a ring or a feed in a few words, as ls has them.
func flowText(f *flow.Info) string {
	if f.Kind == "feed" {
		text := "feed " + several(f.Sent, "message")
		if f.Feed != nil {
			text += fmt.Sprintf(", depth %d", f.Feed.Depth)
		}
		return text + missing(f, "writer")
	}
	senders := 0
	for _, e := range f.Ends {
		if e.Role == "sender" && !e.Dead {
			senders++
		}
	}
	return "ring " + waitingText(f) + " waiting, " + several(uint64(senders), "sender") + missing(f, "receiver")
}

// waitingText is how many messages wait; at least so many where counting stopped.
func waitingText(f *flow.Info) string {
	text := grouped(f.Waiting)
	if f.WaitingMore {
		text += "+"
	}
	return text
}

// missing says that nobody has an end, or that its owner died.
func missing(f *flow.Info, role string) string {
	for _, e := range f.Ends {
		switch {
		case e.Role == role && e.Dead:
			return ", dead " + role
		case e.Role == role:
			return ""
		}
	}
	return ", no " + role
}

// addFlow adds all that is known about a ring or a feed.
func addFlow(lines *table, f *flow.Info) {
	lines.add("flow", f.Kind)
	lines.add("type", typeText(f.Type))
	switch {
	case f.Ring != nil:
		lines.add("shape", fmt.Sprintf("%s of %s", several(uint64(f.Ring.Lanes), "lane"), humanSize(f.Ring.Capacity)))
		more := ""
		if f.WaitingMore {
			more = ", and more"
		}
		lines.add("waiting", several(f.Waiting, "message")+", "+several(f.WaitingBytes, "byte")+more)
	case f.Feed != nil:
		lines.add("shape", several(uint64(f.Feed.Depth), "message")+" of "+several(uint64(f.Feed.Most), "value")+" at most")
		lines.add("kept", several(f.Waiting, "message"))
	}
	lines.add("sent", several(f.Sent, "message"))
	if f.Deaths > 0 {
		lines.add("deaths", grouped(f.Deaths))
	}
	for i := range f.Ends {
		lines.add(f.Ends[i].Role, endText(&f.Ends[i]))
	}
}

// typeText is a structure, and what it means where few would guess.
func typeText(text string) string {
	if text == plainBytes {
		return text + " (bytes)"
	}
	return text
}

// endText is who has an end, and what that does.
func endText(e *flow.End) string {
	who := "?"
	if e.PID > 0 {
		who = processText(e.PID, e.Command)
	}
	if e.Dead {
		who += " DEAD"
	}
	words := []string{who}
	if !e.Since.IsZero() {
		words = append(words, "for "+age(e.Since))
	}
	if e.Role == "sender" {
		words = append(words, fmt.Sprintf("lane %d", e.Lane), grouped(e.Sent)+" sent", grouped(e.Waiting)+" waiting")
	}
	if e.SleepsFor != "" {
		words = append(words, "waits for "+e.SleepsFor)
	}
	return strings.Join(words, ", ")
}

// liveFlows is the names of the live rings, or feeds, for completion.
func liveFlows(last, kind string) []string {
	return offered(last, func(n namedshm.Namespace) (names []string) {
		infos, _ := inspect.List(n)
		for _, info := range infos {
			if info.Flow != nil && info.Flow.Kind == kind {
				names = append(names, info.Name)
			}
		}
		return names
	})
}
