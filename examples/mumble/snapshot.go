package main

import (
	"sync/atomic"
	"time"
)

// watch makes snapshots of one structure that a game writes. The structure has no lock and no word that says "being
// written", only a tick that is one more after every update. So a snapshot is whole when no update can have been under
// way: it was begun and ended with the same tick, soon after that tick had appeared. A game that publishes in the pace
// of its frames is then waiting for the next.
type watch struct {
	memory *link
	tick   uint32
	before time.Time // a moment before the tick appeared
	looked time.Time // the last look
}

// quiet is how long after an update the next does not begin: less than a frame of any game.
const quiet = 2 * time.Millisecond

// still is how long the tick must have stood for the game to be taken as pausing.
const still = 200 * time.Millisecond

// snapshot is a copy that is whole. ok is false where none could be made just now: then it is tried again after the
// next update.
func (w *watch) snapshot() (copied link, ok bool) {
	now := time.Now()
	tick := atomic.LoadUint32(&w.memory.Tick)
	switch {
	case w.looked.IsZero():
		w.tick, w.before = tick, now.Add(-2*quiet) // since when it has stood nobody knows: the next may be under way
	case tick != w.tick:
		w.tick, w.before = tick, w.looked
	}
	w.looked = now
	if since := now.Sub(w.before); since > quiet && since < still {
		return copied, false
	}
	copied = *w.memory
	same := atomic.LoadUint32(&w.memory.Tick) == tick
	took := time.Since(w.before)
	return copied, same && (took <= quiet || took >= still) && copied.Tick == tick
}
