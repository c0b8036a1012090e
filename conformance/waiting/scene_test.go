//go:build linux

package waiting

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/inspect"
	"github.com/namedshm/namedshm/internal/depth"
)

// scene is a situation in which an actor, the victim, is stopped or killed in the middle of an operation. Besides there
// are a keeper, who has made the objects and gives what others wait for, and a waiter, who lives on and has to get it.
type scene struct {
	name    string
	objects []int  // theAuto, …
	op      string // the victim's
	// gives is what the victim waits for, as indexes into objects; the other objects stay taken.
	gives  []int
	sleeps bool // the victim does not get it at once
	waits  bool // the waiter sleeps for the first of gives already: from the beginning, or after the victim
	free   bool // nobody sleeps and it is there: it takes no system call, where nobody can cut the state short
}

var first = []int{0}

var scenes = []scene{
	{name: "Set", objects: []int{theAuto}, op: "set", gives: first, free: true},
	{name: "Set for a waiter", objects: []int{theAuto}, op: "set", gives: first, waits: true},
	{name: "Pulse", objects: []int{theAuto}, op: "pulse", gives: first},
	{name: "Pulse for a waiter", objects: []int{theAuto}, op: "pulse", gives: first, waits: true},
	{name: "Wait", objects: []int{theAuto}, op: "wait", gives: first, free: true},
	{name: "Wait that sleeps", objects: []int{theAuto}, op: "wait", gives: first, sleeps: true},
	{name: "Wait that sleeps beside another", objects: []int{theAuto}, op: "wait", gives: first, sleeps: true,
		waits: true},

	{name: "Set of manual reset", objects: []int{theManual}, op: "set", gives: first, free: true},
	{name: "Set of manual reset for a waiter", objects: []int{theManual}, op: "set", gives: first, waits: true},
	{name: "Pulse of manual reset", objects: []int{theManual}, op: "pulse", gives: first},
	{name: "Pulse of manual reset for a waiter", objects: []int{theManual}, op: "pulse", gives: first, waits: true},
	{name: "Wait for manual reset that sleeps", objects: []int{theManual}, op: "wait", gives: first, sleeps: true},

	{name: "Lock", objects: []int{theMutex}, op: "wait", gives: first, free: true},
	{name: "Lock that sleeps", objects: []int{theMutex}, op: "wait", gives: first, sleeps: true},
	{name: "Lock that sleeps beside another", objects: []int{theMutex}, op: "wait", gives: first, sleeps: true,
		waits: true},
	{name: "Unlock", objects: []int{theMutex}, op: "unlock", gives: first, free: true},
	{name: "Unlock for a waiter", objects: []int{theMutex}, op: "unlock", gives: first, waits: true},

	{name: "Release", objects: []int{theSemaphore}, op: "release", gives: first, free: true},
	{name: "Release for a waiter", objects: []int{theSemaphore}, op: "release", gives: first, waits: true},
	{name: "Wait for a semaphore", objects: []int{theSemaphore}, op: "wait", gives: first, free: true},
	{name: "Wait for a semaphore that sleeps", objects: []int{theSemaphore}, op: "wait", gives: first, sleeps: true},
	{name: "Wait for a semaphore that sleeps beside another", objects: []int{theSemaphore}, op: "wait", gives: first,
		sleeps: true, waits: true},

	{name: "WaitAny", objects: three, op: "any", gives: []int{1}},
	{name: "WaitAny that an event ends", objects: three, op: "any", gives: []int{0}, sleeps: true, waits: true},
	{name: "WaitAny that a mutex ends", objects: three, op: "any", gives: []int{1}, sleeps: true, waits: true},
	{name: "WaitAny that a semaphore ends", objects: three, op: "any", gives: []int{2}, sleeps: true, waits: true},
	{name: "WaitAll", objects: three, op: "all", gives: []int{0, 1, 2}},
	{name: "WaitAll that sleeps", objects: three, op: "all", gives: []int{0, 1, 2}, sleeps: true},
	{name: "WaitAll that sleeps beside another", objects: three, op: "all", gives: []int{2, 1, 0}, sleeps: true,
		waits: true},
}

var three = []int{theAuto, theMutex, theSemaphore}

// soon is for how long, at most, those may have to wait who wait for what is there, whatever became of others. It is
// some rounds of the look that each process takes around, and much time to come to a processor.
const soon = 2 * time.Second

// severalRounds is several of those looks.
const severalRounds = 5 * 50 * time.Millisecond

// ensemble is the processes of a scene. Each has the objects of a play open.
type ensemble struct {
	*world
	t                      *testing.T
	keeper, waiter, victim *actor
}

// play is one run of a scene, with the victim at one point.
type play struct {
	*scene
	*ensemble
	where string
	names []string
	// The handles of each one to each object.
	kept, waited, used []int

	owns     []bool // the keeper owns this mutex
	waiting  int    // for which object the waiter has been told to wait, and has not got it; -1 for none
	given    []int  // how many the keeper has released of each semaphore, from its beginning
	taken    []int  // how many the waiter has taken
	told     []int  // how often the waiter and the keeper were told that a mutex was abandoned
	lastGave time.Time
}

// begin sets a scene up. The victim has still to be given its command.
func (s *scene) begin(e *ensemble, n int) *play {
	e.t.Helper()
	count := len(s.objects)
	p := &play{scene: s, ensemble: e, waiting: -1, owns: make([]bool, count), given: make([]int, count),
		taken: make([]int, count), told: make([]int, count)}
	waits := slices.Contains([]string{"wait", "any", "all"}, s.op)
	for i, o := range s.objects {
		r := creation(fmt.Sprintf("%s-%d-%d", e.name, n, i), o)
		r.Initial, r.Maximum = 0, 0
		free := waits && !s.sleeps && slices.Contains(s.gives, i)
		switch {
		case o == theMutex && !free && s.op != "unlock":
			r.Owned, p.owns[i] = true, true
		case o == theSemaphore && free:
			r.Initial, p.given[i] = 1, 1
		case free:
			r.Signaled = true
		}
		p.names = append(p.names, r.Name)
		p.kept = append(p.kept, e.keeper.handle(r))
		r.Op = "open"
		p.waited = append(p.waited, e.waiter.handle(r))
		p.used = append(p.used, e.victim.handle(r))
	}
	if s.op == "unlock" {
		p.victim.Must(request{Op: "wait", Handle: p.used[0]})
	}
	if s.waits && !s.sleeps {
		p.wait(s.gives[0])
		p.blocked(p.t, p.waiter, p.keeper, p.names[s.gives[0]], 1)
	}
	return p
}

// command is what the victim is told.
func (p *play) command() request {
	r := request{Op: p.op, Number: 1, Marked: true}
	if p.op == "any" || p.op == "all" {
		r.Handles = p.used
	} else {
		r.Handle = p.used[0]
	}
	return r
}

// wait has the waiter wait for an object.
func (p *play) wait(i int) {
	p.t.Helper()
	p.waiter.Ask(request{Op: "wait", Handle: p.waited[i]})
	p.waiting = i
}

// got notes that the waiter has got what it waited for. A mutex it unlocks again.
func (p *play) got(r reply) {
	p.t.Helper()
	if r.Error != "" {
		p.t.Fatalf("%s: the waiter: %v", p.where, r)
	}
	i := p.waiting
	p.waiting = -1
	p.taken[i]++
	if p.objects[i] == theMutex {
		p.note(i, r)
		p.waiter.Must(request{Op: "unlock", Handle: p.waited[i]})
	}
}

// note counts how often somebody was told that a mutex was abandoned.
func (p *play) note(i int, r reply) {
	if r.Abandoned {
		p.told[i]++
	}
}

// give makes an object available, if it is the keeper who keeps it.
func (p *play) give(i int) {
	p.t.Helper()
	p.lastGave = time.Now()
	switch p.objects[i] {
	case theMutex:
		if p.owns[i] {
			p.keeper.Must(request{Op: "unlock", Handle: p.kept[i]})
			p.owns[i] = false
		}
	case theSemaphore:
		p.keeper.Must(request{Op: "release", Handle: p.kept[i], Number: 1})
		p.given[i]++
	default:
		p.keeper.Must(request{Op: "set", Handle: p.kept[i]})
	}
}

// state is an object's state, as the keeper sees it.
func (p *play) state(i int) *inspect.State {
	p.t.Helper()
	return p.keeper.Must(request{Op: "state", Name: p.names[i]}).State
}

// awaken is called while the victim sleeps: when it waits, the waiter comes too, and then they are given what they
// wait for, until both have it.
func (p *play) awaken() (enough bool) {
	p.t.Helper()
	i := p.gives[0]
	switch {
	case !p.lastGave.IsZero():
		p.again()
	case p.state(i).Waiters == 0:
	case p.waits && p.waiting < 0:
		p.wait(i)
		p.blocked(p.t, p.waiter, p.keeper, p.names[i], 2)
	default:
		for _, i := range p.gives {
			p.give(i)
		}
	}
	return false
}

// again gives once more what the waiter got before the victim, or anybody has to give back.
func (p *play) again() {
	p.t.Helper()
	var r reply
	if p.waiting < 0 || !p.waiter.Answered(&r) {
		return
	}
	i := p.waiting
	p.got(r)
	if p.objects[i] != theMutex {
		p.give(i)
	}
}

// goOn is for when the victim does nothing any more: the waiter gets every object, as soon as it is there, or at the
// latest after it was given so many times more.
func (p *play) goOn(gives int) {
	p.t.Helper()
	order := slices.Clone(p.gives)
	for i := range p.objects {
		if !slices.Contains(order, i) {
			order = append(order, i)
		}
	}
	for _, i := range order {
		if p.waiting != i {
			p.wait(i)
		}
		for round := 0; p.waiting == i && !p.settled(i); round++ {
			if round == gives {
				p.t.Fatalf("%s: %s was given %d times and did not get to its waiter in %v", p.where, p.names[i], gives, soon)
			}
			p.give(i)
			if round+1 < gives {
				p.within(severalRounds, i) // or else the victim has got it
			} else {
				p.within(soon, i)
			}
		}
	}
}

// arrived is for when the victim's operation has ended: who waited for what it gives has got it, and needs no other.
func (p *play) arrived() {
	p.t.Helper()
	i := p.gives[0]
	if !p.waits || p.sleeps {
		return
	}
	p.within(soon, i)
	if p.waiting == i {
		p.t.Fatalf("%s: %s does not get to the waiter who slept when it was given", p.where, p.names[i])
	}
}

// settled waits until the waiter has what is there. It is false if nothing is.
func (p *play) settled(i int) bool {
	p.t.Helper()
	var r reply
	for end := time.Now().Add(soon); ; time.Sleep(time.Millisecond) {
		if p.waiter.Answered(&r) {
			p.got(r)
			return true
		}
		switch {
		case p.owns[i] || !p.state(i).Signaled:
			return false
		case time.Now().After(end):
			p.t.Fatalf("%s: %s can be had for %v, and its waiter sleeps: %+v", p.where, p.names[i], soon, p.state(i))
		}
	}
}

// within waits for so long at most that the waiter gets an object.
func (p *play) within(bound time.Duration, i int) {
	p.t.Helper()
	var r reply
	for end := time.Now().Add(bound); time.Now().Before(end); time.Sleep(200 * time.Microsecond) {
		if p.waiter.Answered(&r) {
			p.got(r)
			return
		}
	}
}

// whole checks that the objects do what they ought to, when nobody waits for them and nobody but a dead process owns
// them. left is how many more, or fewer, a semaphore may have than were given to it and taken.
func (p *play) whole(left ...int) {
	p.t.Helper()
	for i, o := range p.objects {
		switch o {
		case theMutex:
			p.note(i, p.try(i, true))
			if got := p.waiter.Must(request{Op: "try", Handle: p.waited[i]}); got.Acquired {
				p.t.Fatalf("%s: two own %s", p.where, p.names[i])
			}
			p.keeper.Must(request{Op: "unlock", Handle: p.kept[i]})
			p.note(i, p.try(i, true))
			p.keeper.Must(request{Op: "unlock", Handle: p.kept[i]})
		case theSemaphore:
			got := 0
			for p.keeper.Must(request{Op: "try", Handle: p.kept[i]}).Acquired {
				got++
			}
			if more := got - (p.given[i] - p.taken[i]); !slices.Contains(left, more) {
				p.t.Fatalf("%s: %d were released and %d taken, and %d are left: off by none of %d", p.where, p.given[i], p.taken[i],
					got, left)
			}
		default:
			p.keeper.Must(request{Op: "reset", Handle: p.kept[i]})
			p.try(i, false)
			p.keeper.Must(request{Op: "set", Handle: p.kept[i]})
			p.try(i, true)
			p.try(i, o == theManual)
		}
	}
}

func (p *play) try(i int, want bool) reply {
	p.t.Helper()
	got := p.keeper.Must(request{Op: "try", Handle: p.kept[i]})
	if got.Acquired != want {
		p.t.Fatalf("%s: a look at %s takes it: %t, want %t; %+v", p.where, p.names[i], got.Acquired, want, p.state(i))
	}
	return got
}

// ownedByVictim reports which mutex the victim owns, as others see it; -1 for none.
func (p *play) ownedByVictim() int {
	p.t.Helper()
	for i, o := range p.objects {
		if o != theMutex {
			continue
		}
		if owner := p.state(i).Ownership; owner != nil && owner.PID == p.victim.PID {
			return i
		}
	}
	return -1
}

// close closes all handles of those who live.
func (p *play) close(victimToo bool) {
	p.t.Helper()
	for i := range p.objects {
		p.keeper.Must(request{Op: "close", Handle: p.kept[i]})
		p.waiter.Must(request{Op: "close", Handle: p.waited[i]})
		if victimToo {
			p.victim.Must(request{Op: "close", Handle: p.used[i]})
		}
		if got := p.keeper.Do(request{Op: "state", Name: p.names[i]}); got.Code != namedshm.ErrFileNotFound {
			p.t.Fatalf("%s: nobody has %s open any more: %v", p.where, p.names[i], got)
		}
	}
}

// warmUp makes every process do everything once, so that what it does the first time only is not among the points.
func (e *ensemble) warmUp(a *actor) {
	e.t.Helper()
	for _, o := range []int{theAuto, theManual, theMutex, theSemaphore} {
		r := creation(e.name+"WarmUp", o)
		r.Initial = 0
		h := a.handle(r)
		for _, op := range [][]string{{"set", "wait", "reset"}, {"set", "wait", "reset"}, {"wait", "unlock"},
			{"release", "wait"}}[o] {
			a.Must(request{Op: op, Handle: h, Number: 1})
		}
		if o != theMutex {
			a.Do(request{Op: "wait", Handle: h, Timeout: time.Millisecond})
		}
		a.Must(request{Op: "close", Handle: h})
	}
}

// inEveryScene runs a test for each scene in some settings, several at once: they mostly wait.
func inEveryScene(t *testing.T, test func(e *ensemble, s *scene)) {
	for i := range scenes {
		t.Run(scenes[i].name, func(t *testing.T) {
			t.Parallel()
			in(t, scenes[i].settings(), func(t *testing.T, w *world) {
				e := &ensemble{world: w, t: t, keeper: w.start(t), waiter: w.start(t)}
				e.warmUp(e.keeper)
				e.warmUp(e.waiter)
				test(e, &scenes[i])
				w.nothingLeft(t, e.keeper)
			})
		})
	}
}

// settings have each way to wait, each backing and both namespaces once; what is much like another scene has but one.
func (s *scene) settings() []setting {
	const local, global = namedshm.Local, namedshm.Global
	all := []setting{{local, "", ""}, {global, "", "futex"}, {local, "file", "poll"}}
	if !depth.Full() || len(s.objects) > 1 && s.waits && s.gives[0] != 0 {
		all = all[:1]
	}
	return narrowedOrFirst(all)
}
