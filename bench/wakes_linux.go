package main

import (
	"runtime"
	"time"
)

// wake is how long it takes to pass something to another process and get it back, both of which sleep or spin
// meanwhile.
type wake struct {
	What string        `json:"what"`
	Peer bool          `json:"peer,omitempty"`
	P50  time.Duration `json:"p50"`
	P99  time.Duration `json:"p99"` // of 1,000 consecutive round trips, in the median turn
	Note string        `json:"note,omitempty"`
}

// The rows of those wakes that are this library's. The peers' have the peers' names.
var ourWakes = []struct{ what, token, spin string }{
	{"event, auto-reset", ofEvent, "0"},
	{"event, manual-reset", ofManual, "0"},
	{"semaphore", ofSemaphore, "0"},
	{"mutex, handed over", ofMutex, "0"},
	{"any of two events", ofAny, "0"},
	{"all of two events", ofAll, "0"},
	{"a name that appears", ofName, "0"},
	{spinningWake, ofEvent, "default"},
}

const spinningWake = "event, while both spin"

// peerWakes are what they are drawn beside: what sleeps, and last what spins.
var peerWakes = []compiled{
	cFutex, others[0], socket, others[2], others[3], others[4], zeroMQ, iceoryx, cSwap, polling,
}

// measureWakes measures so many turns of so many round trips, and as many of these peers as are available.
func (w *workshop) measureWakes(turns, trips int, peers []compiled) ([]wake, error) {
	c := contest{cores: twoCores, turns: turns, trips: trips, each: true, peers: peers}
	gaits := make([]gait, len(ourWakes))
	for i, x := range ourWakes {
		gaits[i] = gait{spin: x.spin, procs: runtime.NumCPU(), token: x.token}
	}
	c.ours = gaits
	if err := c.run(w); err != nil {
		return nil, err
	}
	var all []wake
	add := func(what, player string, peer bool) {
		x := wake{What: what, Peer: peer}
		if p := c.player(player); p != nil {
			x.P50, x.P99 = median(p.p50), median(p.p99)
		} else {
			x.Note = c.whyLeft(what)
		}
		all = append(all, x)
	}
	for i, x := range ourWakes {
		add(x.what, gaits[i].String(), false)
	}
	for _, peer := range peers {
		add(peer.name, peer.name, true)
	}
	return all, nil
}

// whyLeft is the note about peers that did not take part, or about the whole contest.
func (c *contest) whyLeft(what string) string {
	for _, x := range c.left {
		if x.What == what || x.What == wholeContest {
			return x.Note
		}
	}
	return ""
}
