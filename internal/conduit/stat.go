package conduit

import (
	"context"
	"fmt"
	"time"
	"unsafe"

	"github.com/namedshm/namedshm/internal/kernel"
)

// Info is what a ring or feed looks like from outside.
type Info struct {
	Kind         Kind
	Structure    *Structure
	Ring         Ring // of a ring
	Feed         Feed // of a feed
	Ends         []End
	Sent         uint64 // messages, ever
	Waiting      uint64 // messages that the receiver has not said are done with; what a feed keeps for those who come
	WaitingBytes uint64 // in them
	WaitingMore  bool   // there are more: counting stops at some number
	Deaths       uint64 // of owners whose end was taken again since
}

// End is one that somebody has, or had until it died.
type End struct {
	Role      string // "receiver", "sender", "writer"
	Lane      int    // of a sender
	PID       int    // 0 where that is a number of another namespace
	Command   string // the name of its program; "" where that is not told
	Since     time.Time
	Dead      bool   // it died, and nobody has taken the end since
	Sent      uint64 // of a sender: by all who had the lane
	Position  uint64 // the tail of who sends or writes
	Waiting   uint64 // messages in the lane
	AsleepFor string // what it sleeps for: "messages", "room"; "" where it does not say so
}

// String says for people who it is.
func (i *End) String() string {
	s := fmt.Sprintf("process %d", i.PID)
	if i.Command != "" {
		s += " (" + i.Command + ")"
	}
	if !i.Since.IsZero() {
		s += " since " + i.Since.Format(time.RFC3339)
	}
	return s
}

// describe is what stands about an owner.
func (e *end) describe(w *endWords) (i End) {
	word := w.word.load()
	who := w.who.load()
	_, namespace := kernel.Self()
	if uint32(who>>32) != seatOf(word) || w.namespace.load() != namespace {
		return i // it has not written it yet, or the number says nothing here
	}
	i.PID, i.Since = int(uint32(who)), time.Unix(0, int64(w.since.load()))
	if e.alive(word) {
		i.Command = kernel.Command(i.PID) // of a dead one, the number may be another's by now
	}
	return i
}

// Stat describes a ring or feed, and takes no part in it. Where a section can be seen before it has a head, it does not
// wait for that: most sections never get one.
func Stat(name string) (Info, error) {
	hurried, cancel := context.WithCancel(context.Background())
	cancel()
	o, err := lookOn(hurried, name)
	if err != nil {
		return Info{}, err
	}
	defer o.Close()
	return o.Stat()
}

func (e *end) stat() Info {
	info := Info{Kind: e.head.kind, Structure: e.structure}
	if e.head.kind == KindFeed {
		info.Feed = Feed{Depth: e.head.depth, Most: e.head.most()}
		l := laneOf(e.memory, 0)
		info.Sent = l.tail.load()
		info.Waiting = min(info.Sent, uint64(e.head.depth)-1)
		info.Deaths = l.end.word.load() >> deathShift
		info.addEnd(e, &l.end, End{Role: "writer", Position: info.Sent, Sent: info.Sent})
		return info
	}
	info.Ring = Ring{Lanes: e.head.lanes, Capacity: e.head.capacity}
	receiver := End{Role: "receiver"}
	if e.control.asleep.load() != 0 {
		receiver.AsleepFor = "messages"
	}
	info.Deaths = e.control.receiver.word.load() >> deathShift
	info.addEnd(e, &e.control.receiver, receiver)
	patience := mostCounted
	for i := range e.usedLanes() {
		l := laneOf(e.memory, i)
		waiting, bytes := e.waitingIn(i, &patience)
		sender := End{Role: "sender", Lane: i, Waiting: waiting, Sent: l.received.load() + waiting, Position: l.tail.load()}
		if l.wants.load() != 0 {
			sender.AsleepFor = "room"
		}
		info.Sent += sender.Sent
		info.Waiting += waiting
		info.WaitingBytes += bytes
		info.Deaths += l.end.word.load() >> deathShift
		info.addEnd(e, &l.end, sender)
	}
	info.WaitingMore = patience == 0
	return info
}

// mostCounted is how many messages of a ring are counted, which takes a look at each: what a ring says of itself may be
// a lie, and a lane of a terabyte has room for more than anybody wants to wait for.
const mostCounted = 1 << 20

// addEnd adds an end that somebody has, or had until it died.
func (i *Info) addEnd(e *end, w *endWords, added End) {
	word := w.word.load()
	if word == 0 || word&closedBit != 0 {
		return
	}
	who := e.describe(w)
	added.PID, added.Command, added.Since, added.Dead = who.PID, who.Command, who.Since, !e.alive(word)
	i.Ends = append(i.Ends, added)
}

// waitingIn counts the messages in a lane. Others may write there meanwhile; then it counts anew, a few times, and as
// long as there is patience.
func (e *end) waitingIn(i int, patience *int) (messages, bytes uint64) {
	l, data, capacity := laneOf(e.memory, i), dataOf(e.memory, e.head, i), uint64(e.head.capacity)
	for range 10 {
		messages, bytes = 0, 0
		head, tail := l.head.load(), l.tail.load()
		pos := head
		for pos < tail && tail-pos <= capacity && pos%8 == 0 && *patience > 0 {
			*patience--
			at := pos & (capacity - 1)
			header := loadHeader(unsafe.Add(data, at))
			if header&paddingBit != 0 {
				pos += capacity - at
				continue
			}
			if header > capacity || record(header) > capacity-at {
				break
			}
			messages++
			bytes += header
			pos += record(header)
		}
		if pos == tail && l.head.load() == head || *patience == 0 {
			break
		}
	}
	return messages, bytes
}
