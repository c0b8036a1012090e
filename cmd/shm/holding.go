package main

import (
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/term"
)

// holding is the time between making a section and letting go of it.
type holding struct {
	what     string // what ends it, for people; "" when it ends at once
	timer    <-chan time.Time
	terminal *os.File // where a key ends it; nil for nowhere
	input    *os.File // whose end ends it; nil for none
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
	// Who has put us into the background keeps the terminal: reading it, or changing its mode, would stop us.
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
