//go:build linux

package waiting

import (
	"fmt"
	"testing"

	"github.com/namedshm/namedshm/conformance/internal/actors"
)

// mostPoints is more system calls than any operation here makes, unless it makes no way.
const mostPoints = 80

// TestKilledAtEveryCall: a process that is killed at any system call of an operation of its own, or asleep in it, takes
// nothing from those who live: they get what is there and what comes, and a mutex that it owned is abandoned once.
func TestKilledAtEveryCall(t *testing.T) {
	inEveryScene(t, func(e *ensemble, s *scene) {
		calls := []string{}
		for n := 0; ; n++ {
			if n == 0 && !s.sleeps {
				continue // there is no sleep to be killed in
			}
			if n > mostPoints {
				e.t.Fatalf("the operation does not end: %q", calls)
			}
			call, last := s.kill(e, n)
			if calls = append(calls, call); last {
				break
			}
		}
		e.t.Logf("killed at %d points: %q", len(calls), calls)
	})
}

// kill plays a scene in which the victim is killed before its n-th system call, or asleep.
func (s *scene) kill(e *ensemble, n int) (call string, last bool) {
	e.t.Helper()
	e.victim = e.start(e.t)
	e.warmUp(e.victim)
	e.victim.must(request{Op: "spin"})
	p := s.begin(e, n)
	command := p.command()
	owned := -1
	if n == 0 {
		p.fallAsleep(command)
		call = "asleep"
		p.where = "killed asleep"
		p.victim.Kill()
	} else {
		tr := p.stopBefore(n, command, &call, &last)
		owned = p.ownedByVictim()
		tr.Kill()
		if last {
			p.arrived()
		}
	}
	p.goOn(1)
	p.whole(p.uncounted(last)...)
	for i, o := range p.objects {
		want := 0
		if i == owned {
			want = 1
		}
		if o == theMutex && p.told[i] != want {
			p.t.Fatalf("%s: %s was told to be abandoned %d times, want %d", p.where, p.names[i], p.told[i], want)
		}
	}
	p.close(false)
	return call, last
}

// fallAsleep has the victim go to sleep in its operation, and the waiter too if there is to be one.
func (p *play) fallAsleep(command request) {
	p.t.Helper()
	i := p.gives[0]
	p.victim.Ask(command)
	p.blocked(p.t, p.victim, p.keeper, p.names[i], 1)
	if p.waits {
		p.wait(i)
		p.blocked(p.t, p.waiter, p.keeper, p.names[i], 2)
	}
}

// stopBefore leads the victim to its n-th system call.
func (p *play) stopBefore(n int, command request, call *string, last *bool) *actors.Tracer {
	p.t.Helper()
	tr := actors.Trace(p.t, p.victim.Process)
	if p.sleeps {
		tr.WhileAsleep = p.awaken
	}
	p.victim.Ask(command)
	*call, *last = tr.StopBefore(n)
	p.where = fmt.Sprintf("before call %d, %s", n, *call)
	return tr
}

// uncounted is how many more a semaphore may have, by what the victim did that nobody was told.
func (p *play) uncounted(last bool) []int {
	switch {
	case p.op == "release" && last:
		return []int{1}
	case p.op == "release":
		return []int{0, 1}
	case p.op == "any" && p.objects[p.gives[0]] != theSemaphore:
		return []int{0}
	case last:
		return []int{-1}
	}
	return []int{0, -1}
}
