package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/namedshm/namedshm"
)

// stateText is what an event, mutex or semaphore is in, and who has it, in a few words.
func stateText(i *namedshm.Info) string {
	s := i.State
	switch {
	case s == nil:
		return "?"
	case s.Semaphore != nil:
		return fmt.Sprintf("count %d of %d", s.Semaphore.Count, s.Semaphore.Maximum)
	case i.Kind == namedshm.KindEvent && s.Signaled:
		return "set (" + s.Reset + ")"
	case i.Kind == namedshm.KindEvent:
		return "not set (" + s.Reset + ")"
	case s.Abandoned:
		return "abandoned"
	case s.Ownership != nil:
		return ownerText(s.Ownership)
	}
	return "free"
}

// ownerText says who owns a mutex, and for how long already.
func ownerText(o *namedshm.Ownership) string {
	text := "owned"
	if o.PID > 0 {
		text += " by " + processText(o.PID, o.Command)
	}
	if !o.Since.IsZero() {
		text += " for " + age(o.Since)
	}
	return text
}

// processText is a process in a few words: "412 shm".
func processText(pid int, command string) string {
	return strings.TrimSpace(strconv.Itoa(pid) + " " + printable(command, ""))
}

// waiting says how many wait, where anybody does.
func waiting(s *namedshm.State) string {
	switch {
	case s == nil || s.Waiters <= 0:
		return ""
	case s.Waiters == 1:
		return ", 1 waits"
	}
	return fmt.Sprintf(", %d wait", s.Waiters)
}

// waitersText is how many wait, and among whom to look for them. Who of these waits cannot be told: a handle may wait or
// not, or several times.
func waitersText(i *namedshm.Info) string {
	text := count(i.State.Waiters)
	if i.State.Waiters <= 0 {
		return text
	}
	seen := 0
	var others []namedshm.Holder
	for _, h := range i.Holders {
		seen += h.Handles
		// The owner's only handle owns, and so it does not wait.
		if o := i.State.Ownership; o == nil || h.PID != o.PID || h.Handles != 1 {
			others = append(others, h)
		}
	}
	if seen != i.Handles || len(others) == 0 { // somebody who cannot be seen may be who waits
		return text
	}
	return text + ", among " + holderList(others)
}
