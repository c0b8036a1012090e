//go:build linux

package waiting

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/actors"
	"github.com/namedshm/namedshm/internal/depth"
)

// mostPoints is more system calls than any operation here makes, unless it makes no way.
const mostPoints = 80

// TestKilledAtEveryCall: a process that is killed at any system call of an operation of its own, or asleep in it, takes
// nothing from those who live: they get what is there and what comes, and a mutex that it owned is abandoned once.
func TestKilledAtEveryCall(t *testing.T) {
	var points atomic.Int64
	t.Cleanup(func() { t.Logf("%d points in all", points.Load()) })
	inEveryScene(t, func(e *ensemble, s *scene) {
		calls := []string{}
		for n := 0; ; n++ {
			if n == 0 && !s.sleeps {
				continue // there is no sleep to be killed in
			}
			if n > 1 && n%2 == 0 && !depth.Full() {
				continue // a quick run kills at every second call
			}
			if n > mostPoints {
				e.t.Fatalf("the operation does not end: %q", calls)
			}
			call, last := s.kill(e, n)
			if calls = append(calls, call); last {
				break
			}
		}
		if s.free && e.backing != "file" && !actors.OnFileBacking() && len(calls) != 1 {
			e.t.Errorf("nobody waits, and it takes system calls: %q", calls)
		}
		points.Add(int64(len(calls)))
		e.t.Logf("killed at %d points: %q", len(calls), calls)
	})
}

// TestKilledBeforeACrowd: who wakes those that wait for all of several objects is killed at any system call of that,
// and before anybody looks around, another one has come to wait for all. Who can have all has them all the same.
func TestKilledBeforeACrowd(t *testing.T) {
	for _, c := range []struct {
		object int
		op     string
	}{{theAuto, "set"}, {theManual, "set"}, {theMutex, "unlock"}, {theSemaphore, "release"}} {
		in(t, narrowedOrFirst([]setting{{namedshm.Local, "", ""}, {namedshm.Global, "", ""}}), func(t *testing.T, w *world) {
			keeper := w.start(t)
			there := creation(w.name+"There", theManual)
			there.Signaled = true
			missing := creation(w.name+"Missing", theAuto)
			keeper.handle(there)
			keeper.handle(missing)
			points := 0
			for n, last := 1, false; !last; n++ {
				if n > mostPoints {
					t.Fatal("the operation does not end")
				}
				last = w.killedBeforeCrowd(t, keeper, c.object, c.op, n, there, missing)
				points = n
			}
			t.Logf("%s: killed at %d points", c.op, points)
		})
	}
}

// killedBeforeCrowd kills a process before the n-th system call of an operation that gives what is missing to one who
// waits for all.
func (w *world) killedBeforeCrowd(t *testing.T, keeper *actor, object int, op string, n int, there,
	missing request) (last bool) {
	t.Helper()
	r := creation(fmt.Sprintf("%s-%s-%d", w.name, op, n), object)
	r.Initial, r.Maximum = 0, 0
	kept := keeper.handle(r)
	waiter, other, victim := w.start(t), w.start(t), w.start(t)
	defer waiter.Kill()
	defer other.Kill()
	all := func(a *actor, more request) request {
		r.Op, more.Op = "open", "open"
		return request{Op: "all", Handles: []int{a.handle(r), a.handle(more)}}
	}
	r.Op = "open"
	used := victim.handle(r)
	if object == theMutex {
		victim.Must(request{Op: "wait", Handle: used})
	}
	victim.Must(request{Op: "spin"})
	hopeless := all(other, missing)
	waiter.Ask(all(waiter, there))
	w.blocked(t, waiter, keeper, r.Name, 1)
	tr := actors.Trace(t, victim.Process)
	victim.Ask(request{Op: op, Handle: used, Number: 1, Marked: true})
	call, last := tr.StopBefore(n)
	other.Ask(hopeless)
	tr.Kill()
	if object != theMutex && !keeper.Must(request{Op: "state", Name: r.Name}).State.Signaled {
		keeper.Must(request{Op: op, Handle: kept, Number: 1}) // the victim had done nothing yet, or the waiter has it already
	}
	var got reply
	for end := time.Now().Add(soon); !waiter.Answered(&got); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s killed before call %d, %s: who waits for all sleeps on: %+v", op, n, call,
				keeper.Must(request{Op: "state", Name: r.Name}).State)
		}
	}
	if got.Error != "" {
		t.Fatalf("%s killed before call %d, %s: %v", op, n, call, got)
	}
	keeper.Must(request{Op: "close", Handle: kept})
	return last
}

// kill plays a scene in which the victim is killed before its n-th system call, or asleep.
func (s *scene) kill(e *ensemble, n int) (call string, last bool) {
	e.t.Helper()
	e.victim = e.start(e.t)
	e.warmUp(e.victim)
	e.victim.Must(request{Op: "spin"})
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
		p.unsignaled()
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

// unsignaled is for a Pulse, which leaves nothing behind for those who come later, wherever it was cut short.
func (p *play) unsignaled() {
	p.t.Helper()
	if p.op == "pulse" && p.state(0).Signaled {
		p.t.Fatalf("%s: the event is signaled after a Pulse", p.where)
	}
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
