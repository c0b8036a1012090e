package main

import (
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/namedshm/namedshm/inspect"
	"golang.org/x/term"
)

// holding is the time between making a section and letting go of it.
type holding struct {
	what     string // what ends it, for people; "" when it ends at once
	timer    <-chan time.Time
	terminal *os.File // where a key ends it; nil for nowhere
	input    *os.File // ends the holding when it ends; nil for none
	signals  chan os.Signal
}

// endOfInput and timeIsUp are what until says when there is nothing more to read, and at the end of --hold.
const (
	endOfInput = "end of input"
	timeIsUp   = "time is up"
)

// newHolding decides what ends the holding, and listens for signals from now on. A duration that is not nil bounds it;
// inputTaken says that standard input has been read for something else.
func (a *app) newHolding(duration *time.Duration, inputTaken bool) *holding {
	h := &holding{signals: make(chan os.Signal, 1)}
	signal.Notify(h.signals, os.Interrupt, syscall.SIGTERM)
	if duration != nil && *duration <= 0 {
		return h
	}
	// A shell that has put us into the background keeps the terminal: reading it, or changing its mode, would stop us.
	if !inputTaken && isTerminal(a.stdin) && inForeground(a.stdin) {
		h.terminal = a.stdin
	}
	switch {
	case duration != nil:
		h.timer = time.After(*duration)
		h.what = duration.String() + " have passed"
		if h.terminal != nil {
			h.what += " or a key is pressed"
		}
	case h.terminal != nil:
		h.what = "a key is pressed"
	case inputTaken || isTerminal(a.stdin):
		h.what = "it is interrupted (SIGINT, SIGTERM)"
	default:
		h.what = "the end of standard input"
		h.input = a.stdin
	}
	return h
}

// until waits for the end of the holding and says what it was.
func (h *holding) until() string {
	defer signal.Stop(h.signals)
	if h.what == "" {
		return "not held"
	}
	input := make(chan string, 1)
	if h.terminal != nil {
		// Raw mode, because a key is a key, without Enter. It is set and unset here and not where the key is read:
		// that goroutine may outlive the holding.
		if state, err := term.MakeRaw(int(h.terminal.Fd())); err == nil {
			defer term.Restore(int(h.terminal.Fd()), state)
		}
		go func() { input <- readKey(h.terminal) }()
	} else if h.input != nil {
		go func() {
			io.Copy(io.Discard, h.input)
			input <- endOfInput
		}()
	}
	select {
	case <-h.timer:
		return timeIsUp
	case why := <-input:
		return why
	case s := <-h.signals:
		return s.String()
	}
}

// readKey waits for any key: one byte, or all that an arrow key sends.
func readKey(terminal *os.File) string {
	if _, err := terminal.Read(make([]byte, 16)); err != nil {
		return endOfInput
	}
	return "key pressed"
}

// released is what create --json prints when it has let go.
type released struct {
	Name     string `json:"name"`
	Released string `json:"released"` // why
	Gone     bool   `json:"gone"`     // nobody else holds it
}

// letGo closes a handle and says what becomes of the object: gone is what to say when nobody else holds it.
func (a *app) letGo(name, gone string, handle io.Closer, why string) error {
	if err := handle.Close(); err != nil {
		return err
	}
	info, err := inspect.Stat(name)
	if err != nil && !isNotFound(err) {
		return err
	}
	isGone := err != nil
	switch {
	case a.asJSON:
		return a.json(released{Name: fullName(name), Released: why, Gone: isGone})
	case isGone:
		return a.printf("released (%s): %s\n", why, gone)
	}
	return a.printf("released (%s): %s\n", why, stillHeld(&info))
}

// stillHeld says who else holds an object.
func stillHeld(info *inspect.Info) string {
	if len(info.Holders) == 0 {
		return "others still hold it"
	}
	return "still held by " + holderList(info.Holders)
}
