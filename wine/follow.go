package wine

import (
	"context"

	"github.com/namedshm/namedshm"
)

// Target is a section that may come and go.
type Target struct {
	Prefix string          // as for [Find]; the empty string means any running prefix that has the name
	Name   string          // its Windows name
	Access namedshm.Access // Read (or 0, the same), or ReadWrite
}

// ChangeKind is what happened.
type ChangeKind string

// The kinds of change. Failed is the last one, and carries the error.
const (
	Attached  ChangeKind = "attached"  // the name exists: Attachment is its memory
	Replaced  ChangeKind = "replaced"  // the name refers to other memory than before: Attachment is that
	Gone      ChangeKind = "gone"      // the name does not exist any more; Reason says why
	Published ChangeKind = "published" // the native section has its name in a prefix
	Taken     ChangeKind = "taken"     // a Windows program already has the name to be published
	Failed    ChangeKind = "failed"
)

// Change is one thing that happened to a target.
type Change struct {
	Kind       ChangeKind
	Attachment *Attachment // for Attached and Replaced; the receiver closes it
	Prefix     string      // where it happened
	Reason     Reason      // for Gone
	Err        error       // for Failed
}

// Reason is why a name is gone.
type Reason string

// The reasons, as people read them.
const (
	HandleClosed Reason = "the last handle was closed"
	PrefixEnded  Reason = "the prefix has ended"
)

// Follow waits for a section and follows it through restarts of the Windows program: it attaches as soon as the name
// exists, notices when the name is gone or refers to other memory, and attaches again. The prefix need not be running
// yet, and may end and start again.
//
// A program that goes and comes back within a fiftieth of a second is reported as Replaced, otherwise as Gone and
// Attached. The views of a section that is gone keep showing its last bytes until they are closed.
//
// Changes wait for their receiver, and while one is waiting nothing is checked. The channel is closed when the context
// is done, or after Failed: two prefixes have the name and none was chosen, the name is an object of another kind, the
// section forbids the access, or a helper cannot be started.
//
// It costs one helper in each prefix that may be meant, which asks fifty times a second, and keeps no name and no
// prefix alive.
func Follow(ctx context.Context, target Target) <-chan Change {
	changes := make(chan Change)
	go func() {
		defer close(changes)
		follow(ctx, target, changes)
	}()
	return changes
}

// Offer publishes a native section in a prefix whenever it runs, as [Prefix.Publish] does: now or when the prefix
// starts, and again at every later start. prefix is as for [Find]. The changes are Published, Taken if a Windows
// program was first (the section is published once that program has released the name), Gone when the prefix has ended,
// and Failed. When the context is done the name is withdrawn and the channel is closed.
//
// A Windows program that creates the section in the first moments of a prefix that was not running may win the race.
func Offer(ctx context.Context, prefix string, s *namedshm.Section, name string) <-chan Change {
	changes := make(chan Change)
	go func() {
		defer close(changes)
		offer(ctx, prefix, s, name, changes)
	}()
	return changes
}

// send delivers a change, unless the context is done first.
func send(ctx context.Context, changes chan<- Change, c Change) bool {
	select {
	case changes <- c:
		return true
	case <-ctx.Done():
		if c.Attachment != nil {
			c.Attachment.Close()
		}
		return false
	}
}
