//go:build linux

package waiting

import (
	"syscall"
	"testing"
	"time"

	"github.com/namedshm/namedshm/internal/depth"
)

// TestStoppedAtEveryCall: a process that is stopped at any system call of an operation of its own, or asleep in it,
// holds nobody up, unless it owns what they wait for: that it keeps. And when it goes on, nothing is lost and nothing
// is there twice.
func TestStoppedAtEveryCall(t *testing.T) {
	inEveryScene(t, func(e *ensemble, s *scene) {
		e.victim = e.start(e.t)
		e.warmUp(e.victim)
		e.victim.Must(request{Op: "spin"})
		calls := []string{}
		for n := 0; ; n++ {
			if n == 0 && !s.sleeps || n%2 == 0 && n > 0 && !depth.Full() {
				continue // a quick run stops at every second call
			}
			if n > mostPoints {
				e.t.Fatalf("the operation does not end: %q", calls)
			}
			call, last := s.stop(e, n)
			if calls = append(calls, call); last {
				break
			}
		}
		e.t.Logf("stopped at %d points: %q", len(calls), calls)
	})
}

// stop plays a scene in which the victim is stopped before its n-th system call, or asleep.
func (s *scene) stop(e *ensemble, n int) (call string, last bool) {
	e.t.Helper()
	p := s.begin(e, n)
	command := p.command()
	resume := p.victim.Resume
	if n == 0 {
		p.fallAsleep(command)
		call, p.where = "asleep", "stopped asleep"
		p.victim.Stop()
	} else {
		tr := p.stopBefore(n, command, &call, &last)
		p.victim.Signal(syscall.SIGSTOP) // its other threads too
		resume = func() {
			p.victim.Resume()
			tr.LetGo()
		}
	}
	if last {
		p.arrived()
	}
	if owned := p.ownedByVictim(); owned >= 0 {
		p.keeps(owned)
	} else {
		p.goOn(2) // the victim may have got the first
	}
	resume()
	p.finish(p.lastWord())
	p.close(true)
	return call, last
}

// keeps checks that the stopped victim keeps the mutex that it owns.
func (p *play) keeps(i int) {
	p.t.Helper()
	for end := time.Now().Add(severalRounds); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if p.keeper.Must(request{Op: "try", Handle: p.kept[i]}).Acquired {
			p.t.Fatalf("%s: its owner is stopped, but %s is given to another", p.where, p.names[i])
		}
	}
}

// lastWord is what the victim's operation returns at last, with what it waits for given to it.
func (p *play) lastWord() (r reply) {
	p.t.Helper()
	for end := time.Now().Add(soon); !p.victim.Answered(&r); time.Sleep(200 * time.Microsecond) {
		if p.sleeps && time.Since(p.lastGave) > 10*time.Millisecond {
			p.again()
			for _, i := range p.gives {
				p.give(i)
			}
		}
		if time.Now().After(end) {
			p.t.Fatalf("%s: it goes on, and its operation does not end in %v", p.where, soon)
		}
	}
	if r.Error != "" {
		p.t.Fatalf("%s: its operation: %v", p.where, r)
	}
	return r
}

// finish checks that all is there when the victim has ended its operation.
func (p *play) finish(r reply) {
	p.t.Helper()
	var took []int
	switch p.op {
	case "wait":
		took = first
	case "any":
		took = []int{r.Index}
	case "all":
		took = []int{0, 1, 2}
	}
	more := 0
	for _, i := range took {
		switch p.objects[i] {
		case theMutex:
			p.victim.Must(request{Op: "unlock", Handle: p.used[i]})
		case theSemaphore:
			more = -1
		}
	}
	if p.op == "release" {
		more = 1
	}
	p.goOn(1)
	p.whole(more)
	for i := range p.objects {
		if p.told[i] != 0 {
			p.t.Fatalf("%s: %s was told to be abandoned", p.where, p.names[i])
		}
	}
}
