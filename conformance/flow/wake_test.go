//go:build linux

package flow

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/namedshm/namedshm/conformance/internal/actors"
	"github.com/namedshm/namedshm/internal/depth"
)

// TestNoWakeUpIsLost: messages go there and back one at a time, with pauses that are about as long as somebody looks
// before it falls asleep. With the mistake "no patrol" nobody would find out that a wake-up was lost, and a message
// would not come.
func TestNoWakeUpIsLost(t *testing.T) {
	for _, processors := range []string{"", "1"} {
		t.Run("GOMAXPROCS="+processors, func(t *testing.T) {
			w := newWorld(t)
			back := w.receiver("Back")
			defer back.Close()
			a := &actor{Process: w.StartWith(t, func(c *exec.Cmd) {
				if processors != "" {
					c.Env = append(c.Env, "GOMAXPROCS="+processors)
				}
			}, nil), T: t}
			a.Ask(request{Op: "echo", Name: "There", To: "Back", Who: 7})
			there := w.sender("There")
			random := rand.New(rand.NewPCG(actors.Seed(t), 0))
			began, messages := time.Now(), uint64(0)
			var longest slowest
			for ; moreToCome(messages, time.Since(began)); messages++ {
				if messages%2 == 0 {
					pauseAroundSpin(random)
				}
				sent := time.Now()
				send(t, there, itself, messages+1)
				m, err := back.Next(within(t))
				if err != nil || !whole(m) || m[1] != messages+1 {
					t.Fatalf("message %d: %v, %v", messages+1, m, err)
				}
				longest.since(sent)
			}
			there.Close()
			if got := a.Succeeded(request{Op: "echo"}, a.Answer()); got.Number != messages {
				t.Errorf("%d of %d came back", got.Number, messages)
			}
			t.Logf("%d messages there and back, %v at most", messages, longest)
		})
	}
}

// moreToCome reports that there are more messages to come: for a while, or ten million if nothing is to be left out.
func moreToCome(messages uint64, passed time.Duration) bool {
	if depth.Every() {
		return messages < 10_000_000
	}
	return passed < depth.Of(300*time.Millisecond, 3*time.Second)
}

// TestManySleepers: a hundred readers sleep; each message wakes them all, and so does the goodbye.
func TestManySleepers(t *testing.T) {
	const readers, messages = 100, 20
	w := newWorld(t)
	writer := w.writer("Crowd", 64, words)
	var all sync.WaitGroup
	failed := make(chan error, readers)
	arrived := make(chan struct{}, readers)
	for range readers {
		r := w.reader("Crowd")
		all.Go(func() {
			defer r.Close()
			for n := uint64(1); ; n++ {
				m, lost, err := r.Next(within(t), nil)
				switch {
				case err == io.EOF && n == messages+1:
					return
				case err != nil || lost > 0 || !whole(m) || m[1] != n:
					failed <- errors.Join(err, fmt.Errorf("%v instead of %d, %d lost", m, n, lost))
					arrived <- struct{}{}
					return
				}
				arrived <- struct{}{}
			}
		})
	}
	for n := uint64(1); n <= messages; n++ {
		m := writer.Claim()
		fill(m[:words], itself, n, born)
		writer.Commit(words)
		for range readers {
			<-arrived
		}
		if len(failed) > 0 {
			t.Fatal(<-failed)
		}
	}
	writer.Close()
	all.Wait()
	if len(failed) > 0 {
		t.Fatal(<-failed)
	}
}
