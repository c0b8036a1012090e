package main

import (
	"context"
	"fmt"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/internal/kernel"
)

// token is one direction in which two processes pass something: one side sends, the other awaits.
type token struct{ send, await func() }

// What a token can be made of. The words go through the environment, to the other process.
const (
	ofEvent     = "event"
	ofManual    = "manual"
	ofSemaphore = "semaphore"
	ofMutex     = "mutex"
	ofAny       = "any"
	ofAll       = "all"
	ofName      = "name"
	ofRing      = "ring"
)

// tokens are the two directions as one side has them.
func (e eventPair) tokens(side string) (there, back token) {
	if e.spin != "default" {
		kernel.SetWaitSpin(must(time.ParseDuration(e.spin)))
	}
	make := map[string]func(name string, sends bool) token{
		ofEvent: eventToken, ofManual: manualToken, ofSemaphore: semaphoreToken, ofMutex: mutexToken,
		ofAny: anyToken, ofAll: allToken, ofName: nameToken, ofRing: ringToken,
	}[e.gait.token]
	return make(e.name+"-there", side == "ping"), make(e.name+"-back", side != "ping")
}

func event(name string, reset namedshm.ResetMode) *namedshm.Event {
	event, _, err := namedshm.OpenOrCreateEvent(name, reset, false)
	check(err)
	return event
}

func eventToken(name string, _ bool) token {
	e := event(name, namedshm.AutoReset)
	return token{func() { check(e.Set()) }, func() { check(e.Wait(context.Background())) }}
}

// manualToken: a released waiter resets the event before it answers.
func manualToken(name string, _ bool) token {
	e := event(name, namedshm.ManualReset)
	return token{func() { check(e.Set()) }, func() {
		check(e.Wait(context.Background()))
		check(e.Reset())
	}}
}

func semaphoreToken(name string, _ bool) token {
	s, _, err := namedshm.OpenOrCreateSemaphore(name, 0, 1)
	check(err)
	return token{func() { must(s.Release(1)) }, func() { check(s.Wait(context.Background())) }}
}

// anyToken waits for one of two events, the second of which is never set; allToken waits for both of two.
func anyToken(name string, _ bool) token {
	e, never := event(name, namedshm.AutoReset), event(name+"-never", namedshm.AutoReset)
	return token{func() { check(e.Set()) }, func() { must(namedshm.WaitAny(context.Background(), e, never)) }}
}

func allToken(name string, _ bool) token {
	e, other := event(name, namedshm.AutoReset), event(name+"-other", namedshm.AutoReset)
	return token{
		func() { check(e.Set()); check(other.Set()) },
		func() { must(namedshm.WaitAll(context.Background(), e, other)) },
	}
}

// mutexToken hands two mutexes over in turn: the side that sends owns one, takes the other, which is free by then, and
// gives up the first. It makes them, so that they are its own before the other side can ask for them.
func mutexToken(name string, sends bool) token {
	var pair [2]*namedshm.Mutex
	turn := 0
	next := func() (now, then *namedshm.Mutex) {
		for i := range pair {
			if pair[i] == nil { // of the side that awaits: the other has made it, or will
				pair[i] = must(namedshm.WaitOpenMutex(context.Background(), fmt.Sprint(name, i), namedshm.AllRights))
			}
		}
		turn++
		return pair[turn%2], pair[(turn+1)%2]
	}
	if sends {
		pair[0] = must(namedshm.CreateMutex(name+"0", false))
		pair[1] = must(namedshm.CreateMutex(name+"1", true))
	}
	return token{
		func() {
			mine, other := next()
			must(other.Lock(context.Background()))
			check(mine.Unlock())
		},
		func() {
			awaited, _ := next()
			must(awaited.Lock(context.Background()))
			check(awaited.Unlock())
		},
	}
}

// nameToken waits for a section that is not there yet.
func nameToken(name string, _ bool) token {
	var sent *namedshm.Section
	turn := 0
	next := func() string {
		turn++
		return fmt.Sprint(name, turn)
	}
	return token{
		func() {
			if sent != nil {
				check(sent.Close())
			}
			sent = must(namedshm.Create(next(), size, namedshm.ReadWrite))
		},
		func() { check(must(namedshm.WaitOpen(context.Background(), next(), namedshm.Read)).Close()) },
	}
}
