package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/inspect"
	"github.com/namedshm/namedshm/internal/plain"
)

// stateText is the state of an event, mutex or semaphore, and a mutex's owner, in a few words. ls, stat, the creating
// verbs and the error of a wait in vain show it; --json does not.
func stateText(i *inspect.Info) string {
	s := i.State
	switch {
	case s == nil:
		return "?"
	case s.Semaphore != nil:
		return fmt.Sprintf("count %d of %d", s.Semaphore.Count, s.Semaphore.Maximum)
	case i.Kind == inspect.KindEvent && s.Signaled:
		return "set (" + resetText(s.Reset) + ")"
	case i.Kind == inspect.KindEvent:
		return "not set (" + resetText(s.Reset) + ")"
	case s.Abandoned:
		return "abandoned"
	case s.Ownership != nil:
		return ownerText(s.Ownership)
	}
	return "free"
}

// resetText is an event's mode.
func resetText(m *namedshm.ResetMode) string {
	if m == nil {
		return "?"
	}
	return m.String()
}

// ownerText says who owns a mutex, and for how long already.
func ownerText(o *inspect.Ownership) string {
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
	return strings.TrimSpace(strconv.Itoa(pid) + " " + plain.Name(command))
}

// waiting says how many wait, where anybody does.
func waiting(s *inspect.State) string {
	switch {
	case s == nil || s.Waiters <= 0:
		return ""
	case s.Waiters == 1:
		return ", 1 waits"
	}
	return fmt.Sprintf(", %d wait", s.Waiters)
}

// waiterText says who waits, for how long already, and how often: "412 shm for 3s, 2 waits, 1 of them for any of
// several".
func waiterText(w inspect.Waiter) string {
	text := "?"
	if w.PID > 0 {
		text = processText(w.PID, w.Command)
	}
	if !w.Since.IsZero() {
		text += " for " + age(w.Since)
	}
	if w.Count > 1 {
		text += ", " + plural(int64(w.Count), "wait")
	}
	if w.AnyOf > 0 {
		text += ", " + ofThese(w.AnyOf, w.Count) + "for any of several"
	}
	if w.AllOf > 0 {
		text += ", " + ofThese(w.AllOf, w.Count) + "for all of several"
	}
	return text
}

// ofThese says how many, unless it is all.
func ofThese(n, all int) string {
	if n == all {
		return ""
	}
	return strconv.Itoa(n) + " of them "
}

// mappingText is a view as a process has it.
func mappingText(m inspect.Mapping) string {
	return fmt.Sprintf("offset %#x, length %#x, %v, at %#x", m.Offset, m.Length, m.Access, m.Address)
}

// exactSize is a size to the byte, and for people.
func exactSize(n int64) string {
	switch {
	case n < 0:
		return "?"
	case n < 1024:
		return plural(n, "byte")
	}
	return fmt.Sprintf("%s (%s)", plural(n, "byte"), humanSize(n))
}

func createdAt(t time.Time) string {
	if t.IsZero() {
		return "?"
	}
	return fmt.Sprintf("%s (%s ago)", t.Local().Format("2006-01-02 15:04:05 MST"), age(t))
}

// holderCounts says what a process holds of an object.
func holderCounts(info *inspect.Info, h inspect.Holder) string {
	var words []string
	if h.Handles >= 0 {
		words = append(words, plural(int64(h.Handles), "handle")+handleAccess(h))
	}
	if h.Views >= 0 && info.Kind == inspect.KindSection {
		words = append(words, plural(int64(h.Views), "view"))
	}
	if info.State != nil && info.State.Ownership != nil && info.State.Ownership.PID == h.PID {
		words = append(words, "owns it")
	}
	return strings.Join(words, ", ")
}

// handleAccess says what the handles may do, each once: " (read, read|write)".
func handleAccess(h inspect.Holder) string {
	var words []string
	for _, a := range h.Access {
		words = append(words, a.String())
	}
	for _, r := range h.Rights {
		words = append(words, r.String())
	}
	if len(words) == 0 {
		return ""
	}
	slices.Sort(words)
	return " (" + strings.Join(slices.Compact(words), ", ") + ")"
}

// sizeText is how large a section is, and how much of it is in memory.
func sizeText(i *inspect.Info) string {
	if i.Flow != nil {
		return flowText(i.Flow)
	}
	text := humanSize(i.Size)
	if i.Resident >= 0 {
		text += ", " + humanSize(i.Resident) + " resident"
	}
	return text
}

// count is a number that may be unknown.
func count(n int) string {
	if n < 0 {
		return "?"
	}
	return strconv.Itoa(n)
}

// known is a text that may be unknown.
func known(s string) string {
	if s == "" {
		return "?"
	}
	return s
}

// holderList is processes in a few words: "412 shm, 977 python3".
func holderList(holders []inspect.Holder) string {
	words := make([]string, len(holders))
	for i, h := range holders {
		words[i] = processText(h.PID, h.Command)
	}
	return strings.Join(words, ", ")
}

// age is the time since then in two units at most: "3s", "12m", "5h20m", "3d4h".
func age(then time.Time) string {
	if then.IsZero() {
		return "?"
	}
	d := max(time.Since(then), 0)
	days, hours, minutes := int(d.Hours())/24, int(d.Hours())%24, int(d.Minutes())%60
	switch {
	case days > 0:
		return fmt.Sprintf("%dd%dh", days, hours)
	case hours > 0:
		return fmt.Sprintf("%dh%dm", hours, minutes)
	case minutes > 0:
		return fmt.Sprintf("%dm", minutes)
	}
	return fmt.Sprintf("%ds", int(d.Seconds()))
}
