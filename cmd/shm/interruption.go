package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// interruption sees to it that a signal ends a verb in good order: its end of a ring or feed says goodbye, so that
// nobody takes it for dead, and then the process ends by the signal.
//
// An end belongs to one goroutine at a time, and the verb's may be in a read or write of a pipe that does not return.
// So it lets go of the end for as long, and the signal's takes it.
type interruption struct {
	context.Context // of all waits
	cancel          context.CancelFunc

	stdout  *stream
	busy    sync.Mutex // held by the goroutine that has the end
	goodbye func()     // what that says in the end; nil for nothing
	caught  atomic.Pointer[os.Signal]
}

// interruptible begins to listen for signals.
func interruptible(a *app) *interruption {
	i := &interruption{stdout: a.stdout}
	i.Context, i.cancel = context.WithCancel(context.Background())
	i.busy.Lock()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // by nohup, say
		signal.Notify(signals, syscall.SIGHUP)
	}
	heedBrokenPipes()
	go func() {
		sig := <-signals
		i.caught.Store(&sig)
		i.cancel()
		i.busy.Lock()
		var status exitStatus
		if errors.As(i.end(nil), &status) {
			os.Exit(int(status))
		}
	}()
	return i
}

// aside does something that may take for ever, and does not need the end.
func (i *interruption) aside(do func()) {
	i.busy.Unlock()
	do()
	i.busy.Lock()
}

// end says goodbye, once, and is how the verb ends: by the signal if there was one, and as a program in a pipe whose
// reader has gone.
func (i *interruption) end(err error) error {
	if goodbye := i.goodbye; goodbye != nil {
		i.goodbye = nil
		goodbye()
	}
	switch sig := i.caught.Load(); {
	case sig != nil:
		return endBy(*sig)
	case errors.Is(err, errReaderGone):
		return endByBrokenPipe(i.stdout)
	}
	return err
}

// errReaderGone: what is written to standard output, nobody reads any more.
var errReaderGone = errors.New("nobody reads standard output any more")

// within is the context of one wait: of nil, as long as it takes.
func (i *interruption) within(most *time.Duration) (context.Context, context.CancelFunc) {
	if most == nil {
		return i, func() {}
	}
	return context.WithTimeout(i, *most)
}

// pause waits for a while, and reports that there was no signal.
func (i *interruption) pause(d time.Duration) bool {
	select {
	case <-i.Done():
		return false
	case <-time.After(d):
		return true
	}
}
