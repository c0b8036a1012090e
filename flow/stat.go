package flow

import (
	"time"

	"github.com/namedshm/namedshm/internal/conduit"
)

// Info describes a ring or a feed.
type Info struct {
	Name string `json:"name"`
	Kind string `json:"kind"` // "ring" or "feed"
	// Type is the structure of a value, as it is written in the section: {x:f64@0 flags:u32@8} 16/8.
	Type string `json:"type"`
	Ring *Ring  `json:"ring,omitempty"` // the shape of a ring
	Feed *Feed  `json:"feed,omitempty"` // the shape of a feed
	// Ends are those that somebody has, or had until it died and nobody has taken since. Readers are not known.
	Ends []End `json:"ends"`
	// Sent is how many messages were ever committed.
	Sent uint64 `json:"sent"`
	// Waiting is how many messages of a ring its receiver has not yet said are done with, WaitingBytes how many
	// bytes are in them; in a feed, how many messages are kept for those who come.
	Waiting      uint64 `json:"waiting"`
	WaitingBytes uint64 `json:"waiting_bytes,omitempty"`
	// WaitingMore says that there are more than that: after a million, no more are counted.
	WaitingMore bool `json:"waiting_more,omitempty"`
	// Deaths is how many owners of ends died without closing, of those whose end was taken again.
	Deaths uint64 `json:"deaths"`
}

// End describes an end. What it says of the process is what that has written itself: it is for people.
type End struct {
	Role    string    `json:"role"` // "receiver", "sender" or "writer"
	Lane    int       `json:"lane"` // of a sender
	PID     int       `json:"pid,omitempty"`
	Command string    `json:"command,omitempty"`
	Since   time.Time `json:"since,omitzero"`
	Dead    bool      `json:"dead"`
	// Sent is how many messages a sender's lane has carried, or how many a feed has; Waiting how many of them wait
	// in the lane.
	Sent    uint64 `json:"sent"`
	Waiting uint64 `json:"waiting"`
	// SleepsFor is "messages" or "room" when it sleeps, and says so.
	SleepsFor string `json:"sleeps_for,omitempty"`
}

// Stat describes the ring or feed of a name, without taking part in it. The right to read is enough; without more it
// may take the dead for living. It is a look: while others go on, its numbers are of slightly different moments.
//
// Errors: [namedshm.ErrFileNotFound], [namedshm.ErrAccessDenied], [namedshm.ErrInvalidHandle] for a section that is
// neither, [namedshm.ErrFileCorrupt].
func Stat(name string) (Info, error) {
	raw, err := conduit.Stat(name)
	if err != nil {
		return Info{}, wrap("stat", name, err)
	}
	info := Info{Name: name, Kind: raw.Kind.String(), Type: raw.Structure.String(), Ends: []End{},
		Sent: raw.Sent, Waiting: raw.Waiting, WaitingBytes: raw.WaitingBytes, WaitingMore: raw.WaitingMore,
		Deaths: raw.Deaths}
	if raw.Kind == conduit.KindRing {
		info.Ring = (*Ring)(&raw.Ring)
	} else {
		info.Feed = (*Feed)(&raw.Feed)
	}
	for _, e := range raw.Ends {
		info.Ends = append(info.Ends, End{Role: e.Role, Lane: e.Lane, PID: e.PID, Command: e.Command, Since: e.Since,
			Dead: e.Dead,
			Sent: e.Sent, Waiting: e.Waiting, SleepsFor: e.AsleepFor})
	}
	return info, nil
}
