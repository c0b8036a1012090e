package wine

import (
	"context"

	"github.com/namedshm/namedshm"
)

// Target is a section that may come and go.
type Target struct {
	Prefix string          // as [Find] takes it; the empty string is whichever running prefix has the name
	Name   string          // its Windows name
	Access namedshm.Access // Read, which 0 means too, or ReadWrite
}

// EventKind is what happened.
type EventKind string

// What can happen. Failed is the last event, and carries the error.
const (
	Attached  EventKind = "attached"  // the name exists: Section is its memory
	Replaced  EventKind = "replaced"  // the name leads to other memory than before: Section is that
	Gone      EventKind = "gone"      // the name does not exist any more; Reason says how that came
	Published EventKind = "published" // the native section has its name in a prefix
	Taken     EventKind = "taken"     // a Windows program has the name that was to be published
	Failed    EventKind = "failed"
)

// Event is one thing that happened to a target.
type Event struct {
	Kind    EventKind
	Section *Section // for Attached and Replaced: the receiver's to close
	Prefix  string   // where it happened
	Reason  string   // for Gone
	Err     error    // for Failed
}

// The reasons for which a name is gone.
const (
	HandleClosed = "the last handle was closed"
	PrefixEnded  = "the prefix has ended"
)

// Follow waits for a section and follows it through restarts of the Windows program: it attaches as soon as the name
// exists, notices when the name is gone or leads to other memory, and attaches again. The prefix need not run yet, and
// may end and start again.
//
// A program that goes and comes within a fiftieth of a second is told as Replaced, otherwise as Gone and Attached. The
// views of a section that is gone go on showing its last bytes until they are closed.
//
// Events wait for their receiver, and while one waits nothing is looked at. The channel is closed when the context is
// done, or after Failed: two prefixes have the name and none was chosen, the name is an object of another kind, the
// section forbids the access, or a helper cannot be started.
//
// It costs a helper in each prefix that may be meant, which asks fifty times in a second, and keeps no name and no prefix
// alive.
func Follow(ctx context.Context, target Target) <-chan Event {
	events := make(chan Event)
	go func() {
		defer close(events)
		follow(ctx, target, events)
	}()
	return events
}

// Offer publishes a native section in a prefix whenever it runs, as [Prefix.Publish] does: now or when the prefix starts,
// and again when it has ended and starts anew. prefix is as [Find] takes it. The events are Published, Taken when a Windows
// program was first (it is then published when that has let go of the name), Gone when the prefix has ended, and Failed.
// When the context is done the name is taken back and the channel is closed.
//
// A Windows program that makes the section in the first moments of a prefix that was not running may be faster.
func Offer(ctx context.Context, prefix string, s *namedshm.Section, name string) <-chan Event {
	events := make(chan Event)
	go func() {
		defer close(events)
		offer(ctx, prefix, s, name, events)
	}()
	return events
}

// send delivers an event, unless the context is done first.
func send(ctx context.Context, events chan<- Event, e Event) bool {
	select {
	case events <- e:
		return true
	case <-ctx.Done():
		if e.Section != nil {
			e.Section.Close()
		}
		return false
	}
}
