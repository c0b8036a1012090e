//go:build linux

package waiting

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/actors"
	"github.com/namedshm/namedshm/internal/depth"
)

// loadBound is how long a command may take that is much work.
const loadBound = 4 * actors.Prompt

func (a *actor) mustWithin(bound time.Duration, r request) reply {
	a.T.Helper()
	var got reply
	a.AnswerWithin(bound, &got)
	return a.Succeeded(r, got)
}

// volleyBound is how long a volley may take: some ten times what it does.
const volleyBound = 2 * actors.Prompt

// TestNoWakeUpLost: two processes wait for each other in turn, with and without looking before they sleep. A wake-up
// that is lost is made good by the patrol within some 50 milliseconds, which is printed; TestNoWakeUpNeedsThePatrol has
// the same without a patrol, where it would never end.
func TestNoWakeUpLost(t *testing.T) {
	inEverySetting(t, func(t *testing.T, w *world) {
		cycles := depth.Of(250, 2000)
		if os.Getenv(mistakeVariable) == noPatrol && depth.Full() {
			cycles = 10_000
		}
		if w.wait == "poll" {
			cycles /= 10
		}
		for _, kind := range []string{"event", "semaphore"} {
			for _, spin := range []time.Duration{0, 20 * time.Microsecond} {
				w.volleys(t, kind, spin, cycles)
			}
		}
	})
}

// mistakeVariable chooses what is broken in a library that was built to be.
const (
	mistakeVariable = "NAMEDSHM_MISTAKE"
	noPatrol        = "no patrol"
)

// TestNoWakeUpNeedsThePatrol: the patrol is for what the dead leave undone. Where nobody dies, no wait is ended by it,
// in ten thousand cycles and with sixty-four waiters: here a library without one, which tests alone can build, does the
// same, and a wait whose wake-up was lost would never end.
func TestNoWakeUpNeedsThePatrol(t *testing.T) {
	program := filepath.Join(t.TempDir(), "without-patrol.test")
	build := exec.Command("go", "test", "-c", "-vet=off", "-tags", "namedshm_mistakes", "-o", program, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	without := exec.Command(program, "-test.run=^(TestNoWakeUpLost|TestCrowdManual|TestCrowdAuto)$")
	without.Env = append(os.Environ(), mistakeVariable+"="+noPatrol)
	if out, err := without.CombinedOutput(); err != nil {
		t.Fatalf("without a patrol: %v\n%s", err, out)
	}
}

func (w *world) volleys(t *testing.T, kind string, spin time.Duration, cycles int) {
	t.Helper()
	began := time.Now()
	players := []*actor{w.start(t), w.start(t)}
	var order request
	for i, p := range players {
		defer p.Kill()
		p.Must(request{Op: "spin", Number: int(spin)})
		ping := p.handle(request{Op: "openorcreate", Kind: kind, Name: w.name + "-ping"})
		pong := p.handle(request{Op: "openorcreate", Kind: kind, Name: w.name + "-pong"})
		order = request{Op: "volley", Handles: []int{ping, pong}, Number: cycles, Timeout: volleyBound}
		if i == 1 {
			order.Handles, order.Signaled = []int{pong, ping}, true
		}
		p.Ask(order)
	}
	slow := 0
	for _, p := range players {
		slow += p.mustWithin(volleyBound, order).Number
	}
	t.Logf("%s, spinning %v: %d cycles in %v, %d slow waits", kind, spin, cycles,
		time.Since(began).Round(time.Millisecond), slow)
}

const (
	crowdProcesses = 4
	crowdSize      = 64
)

// throng is many waiters in several processes for one object.
type throng struct {
	t         *testing.T
	w         *world
	r         request
	keeper    *actor
	handle    int // the keeper's
	processes []*actor
	handles   []int
	crowds    [][]int
}

func (w *world) throng(t *testing.T, object request) *throng {
	t.Helper()
	object.Op = "openorcreate"
	th := &throng{t: t, w: w, r: object, keeper: w.start(t), crowds: make([][]int, crowdProcesses)}
	th.handle = th.keeper.handle(object)
	for range crowdProcesses {
		a := w.start(t)
		th.processes, th.handles = append(th.processes, a), append(th.handles, a.handle(object))
	}
	return th
}

// gather has all 64 wait, in each process the same number, and returns when they do.
func (th *throng) gather() {
	th.t.Helper()
	for i, a := range th.processes {
		crowd := a.Must(request{Op: "crowd", Handle: th.handles[i], Number: crowdSize / crowdProcesses,
			Timeout: loadBound}).Handle
		th.crowds[i] = append(th.crowds[i], crowd)
	}
	th.w.waiters(th.t, th.keeper, th.r.Name, crowdSize)
}

// through is how many ever were let through.
func (th *throng) through() (n int) {
	th.t.Helper()
	for i, a := range th.processes {
		for _, crowd := range th.crowds[i] {
			n += a.Must(request{Op: "through", Handle: crowd}).Number
		}
	}
	return n
}

// untilThrough waits until so many of all were let through, and so many wait still.
func (th *throng) untilThrough(through, waiting int) {
	th.t.Helper()
	eventually(th.t, fmt.Sprintf("%d are through", through), func() bool { return th.through() >= through })
	th.w.waiters(th.t, th.keeper, th.r.Name, waiting)
	if got := th.through(); got != through {
		th.t.Fatalf("%d are through, want %d", got, through)
	}
}

// nothingLeft shows that the object would let nobody through now.
func (th *throng) nothingLeft() {
	th.t.Helper()
	if th.keeper.Must(request{Op: "try", Handle: th.handle}).Acquired {
		th.t.Fatal("it would let one more through")
	}
}

// TestCrowdManual: one Set of a manual-reset event lets all 64 through, in whatever process they are; also one that a
// Reset follows at once.
func TestCrowdManual(t *testing.T) {
	inEverySetting(t, func(t *testing.T, w *world) {
		th := w.throng(t, request{Kind: "event", Manual: true, Name: w.name})
		th.gather()
		th.keeper.Must(request{Op: "set", Handle: th.handle})
		th.untilThrough(crowdSize, 0)
		th.keeper.Must(request{Op: "reset", Handle: th.handle})
		const times = 3
		for i := range times {
			th.gather()
			th.keeper.Must(request{Op: "burst", Handle: th.handle, Number: 1, Signaled: true})
			th.untilThrough((i+2)*crowdSize, 0)
			th.nothingLeft()
		}
	})
}

// TestCrowdAuto: as many of 64 sleepers get through an auto-reset event as it is set, also when it is set as quickly as
// can be, and also when a Reset follows each Set.
func TestCrowdAuto(t *testing.T) {
	inEverySetting(t, func(t *testing.T, w *world) {
		random, _ := seeded(t)
		th := w.throng(t, request{Kind: "event", Name: w.name})
		all := 0
		for _, resets := range []bool{false, true} {
			th.gather()
			for left := crowdSize; left > 0; {
				n := min(left, 1+random.IntN(crowdSize/2))
				th.keeper.Must(request{Op: "burst", Handle: th.handle, Number: n, Signaled: resets})
				all, left = all+n, left-n
				th.untilThrough(all, left)
			}
			th.nothingLeft()
		}
		th.gather()
		th.keeper.Must(request{Op: "burst", Handle: th.handle, Number: crowdSize})
		th.untilThrough(all+crowdSize, 0)
		th.nothingLeft()
	})
}

// TestCrowdSemaphore: a release of 64 lets 64 through, and a smaller one as many as it says.
func TestCrowdSemaphore(t *testing.T) {
	inEverySetting(t, func(t *testing.T, w *world) {
		random, _ := seeded(t)
		th := w.throng(t, request{Kind: "semaphore", Name: w.name})
		th.gather()
		th.keeper.Must(request{Op: "release", Handle: th.handle, Number: crowdSize})
		th.untilThrough(crowdSize, 0)
		th.nothingLeft()
		th.gather()
		some := 1 + random.IntN(crowdSize-1)
		th.keeper.Must(request{Op: "release", Handle: th.handle, Number: some})
		th.untilThrough(crowdSize+some, crowdSize-some)
		th.keeper.Must(request{Op: "release", Handle: th.handle, Number: crowdSize - some})
		th.untilThrough(2*crowdSize, 0)
		th.nothingLeft()
	})
}

// TestCrowdMutex: 64 in four processes lock one mutex again and again, and never two have it at a time: a plain counter
// that it protects comes out right.
func TestCrowdMutex(t *testing.T) {
	inEverySetting(t, func(t *testing.T, w *world) {
		random, _ := seeded(t)
		keeper, order := w.witness(t, random)
		var processes []*actor
		for i := range crowdProcesses {
			a := w.start(t)
			processes = append(processes, a)
			a.Ask(order(i))
		}
		passed := 0
		for i, a := range processes {
			counts := a.mustWithin(loadBound, order(i)).Counts
			passed += counts["passed"]
			if counts["abandoned"] != 0 {
				t.Errorf("nobody was killed, and the mutex was abandoned %d times", counts["abandoned"])
			}
		}
		w.judgeWitness(t, keeper, order, passed, passed)
	})
}

// witness makes the mutex and the memory that it protects, and returns what its maker was and what the i-th process
// that uses it is to be told.
func (w *world) witness(t *testing.T, random *rand.Rand) (keeper *actor, order func(i int) request) {
	t.Helper()
	keeper = w.start(t)
	keeper.Must(request{Op: "openorcreate", Kind: "mutex", Name: w.name})
	keeper.Must(request{Op: "witness", Name: w.name})
	rounds := 20
	if w.wait == "poll" || !depth.Full() {
		rounds = 6
	}
	const each = crowdSize / crowdProcesses
	return keeper, func(i int) request {
		return request{Op: "gauntlet", Name: w.name,
			Load: &loadOrder{Goroutines: each, Rounds: rounds, First: i * each, Seed: random.Uint64()}}
	}
}

// judgeWitness looks at the counter once more; that look is one pass itself.
func (w *world) judgeWitness(t *testing.T, by *actor, order func(i int) request, least, most int) {
	t.Helper()
	last := order(witnessSize/(crowdSize/crowdProcesses) - 2)
	last.Load.Goroutines, last.Load.Rounds = 1, 1
	sum := by.Must(last).Counts["sum"] - 1
	if sum < least || sum > most {
		t.Errorf("the counter is %d, want %d to %d", sum, least, most)
	}
}

// TestCrowdMutexKilled is TestCrowdMutex with processes that are killed at any moment, and others in their places. Who
// finds the counter in disorder was told that the mutex was abandoned, and that happens at most once for each of the
// dead.
func TestCrowdMutexKilled(t *testing.T) {
	inEverySetting(t, func(t *testing.T, w *world) {
		random, _ := seeded(t)
		keeper, order := w.witness(t, random)
		started := 0
		next := func() *actor {
			a := w.start(t)
			a.Ask(order(started))
			started++
			return a
		}
		var processes []*actor
		for range crowdProcesses {
			processes = append(processes, next())
		}
		const kills = 6
		passed, abandoned := 0, 0
		collect := func(a *actor, r reply) {
			a.Succeeded(request{Op: "gauntlet"}, r)
			passed += r.Counts["passed"]
			abandoned += r.Counts["abandoned"]
		}
		for range kills {
			time.Sleep(time.Duration(random.IntN(8000)) * time.Microsecond) // to kill at random moments
			i := random.IntN(len(processes))
			var r reply
			if processes[i].Answered(&r) {
				collect(processes[i], r)
			}
			processes[i].Kill()
			processes[i] = next()
		}
		for i, a := range processes {
			collect(a, a.mustWithin(loadBound, order(i)))
		}
		t.Logf("%d killed, %d times abandoned", kills, abandoned)
		if abandoned > kills {
			t.Errorf("%d were killed, and the mutex was abandoned %d times", kills, abandoned)
		}
		w.judgeWitness(t, keeper, order, passed, passed+kills*crowdSize/crowdProcesses*order(0).Load.Rounds)
	})
}

// TestBlockedWaits: 500 waits of one process sleep, and its other goroutines run on, and garbage is collected. Then all
// are let through. 500 more take the same threads.
func TestBlockedWaits(t *testing.T) {
	const many, collections = 500, 3
	inEverySetting(t, func(t *testing.T, w *world) {
		a, by := w.start(t), w.start(t)
		var threads [2]int
		handle := a.handle(request{Op: "openorcreate", Kind: "semaphore", Name: w.name})
		theirs := by.handle(request{Op: "open", Kind: "semaphore", Name: w.name})
		for i := range threads {
			crowd := a.Must(request{Op: "crowd", Handle: handle, Number: many, Timeout: loadBound}).Handle
			w.waiters(t, by, w.name, many)
			threads[i] = a.Must(request{Op: "still", Number: collections}).Number
			if got := by.Must(request{Op: "state", Name: w.name}).State.Waiters; got != many {
				t.Fatalf("%d wait, want %d", got, many)
			}
			by.Must(request{Op: "release", Handle: theirs, Number: many})
			eventually(t, "all are through", func() bool { return a.Must(request{Op: "through", Handle: crowd}).Number == many })
			w.waiters(t, by, w.name, 0)
		}
		t.Logf("%d threads, then %d", threads[0], threads[1])
		// Not all of the first may have come to sleep when they were counted.
		if threads[1] > max(threads[0], many)+many/10 {
			t.Errorf("the first %d waits made %d threads, the next ones %d", many, threads[0], threads[1])
		}
	})
}

// TestDoneContext: a wait with a context that is done takes what is there, and otherwise returns at once with the
// context's error, whatever the object.
func TestDoneContext(t *testing.T) {
	inEverySetting(t, func(t *testing.T, w *world) {
		a, owner := w.start(t), w.start(t)
		for i := range 3 {
			object := loadObject(w.name, i)
			other := owner.handle(object)
			handle := a.handle(object)
			object.Op, object.Handle, object.Timeout = "wait", handle, -1
			for range max(1, object.Initial) {
				if r := a.Must(object); !r.Acquired {
					t.Errorf("%s: %v", object.Name, r)
				}
			}
			if object.Kind == "mutex" {
				a.Must(request{Op: "unlock", Handle: handle})
				owner.Must(request{Op: "wait", Handle: other})
			}
			for _, op := range []string{"wait", "any", "all"} {
				object.Op, object.Handles = op, []int{handle}
				if r := a.Do(object); !r.Canceled || r.Acquired {
					t.Errorf("%s of %s that lets nobody through: %v", op, object.Name, r)
				}
			}
		}
	})
}

// makeTokens makes the objects of loadObject.
func (w *world) makeTokens(t *testing.T, objects int) (keeper *actor, handles []int) {
	t.Helper()
	keeper = w.start(t)
	for i := range objects {
		handles = append(handles, keeper.handle(loadObject(w.name, i)))
	}
	return keeper, handles
}

// tokensConserved takes all tokens, and fails if there are more or fewer than there were.
func (w *world) tokensConserved(t *testing.T, keeper *actor, handles []int) {
	t.Helper()
	for i, handle := range handles {
		object := loadObject(w.name, i)
		for n := range max(1, object.Initial) {
			if !keeper.Must(request{Op: "try", Handle: handle}).Acquired {
				t.Errorf("%s %s: a token is lost, %d are there", object.Kind, object.Name, n)
			}
		}
		if object.Kind != "mutex" && keeper.Must(request{Op: "try", Handle: handle}).Acquired {
			t.Errorf("%s %s: there is one token too many", object.Kind, object.Name)
		}
	}
}

// pass has several processes pass tokens, and adds up what they counted.
func (w *world) pass(t *testing.T, order loadOrder, processes int, random *rand.Rand) map[string]int {
	t.Helper()
	var all []*actor
	r := request{Op: "tokens", Name: w.name}
	for i := range processes {
		a := w.start(t)
		all = append(all, a)
		one := order
		one.First, one.Seed = i*(order.Goroutines+1), random.Uint64()
		r.Load = &one
		if random.IntN(2) == 0 {
			a.Must(request{Op: "spin"})
		}
		a.Ask(r)
	}
	total := map[string]int{}
	for _, a := range all {
		for key, n := range a.mustWithin(loadBound, r).Counts {
			total[key] += n
		}
	}
	return total
}

// TestCancelled: waits that are cancelled or run out of time at any moment all return, and take a token or take none.
func TestCancelled(t *testing.T) {
	inEverySetting(t, func(t *testing.T, w *world) {
		random, _ := seeded(t)
		keeper, handles := w.makeTokens(t, 3)
		order := loadOrder{Goroutines: 8, Rounds: 200, Objects: len(handles)}
		if !depth.Full() {
			order.Rounds = 50
		}
		t.Log(w.pass(t, order, 3, random))
		w.tokensConserved(t, keeper, handles)
	})
}

// TestAllInOppositeOrder: processes wait for all of overlapping sets of objects, which they name in opposite orders,
// while others take single ones. Each wait ends, and no token is lost.
func TestAllInOppositeOrder(t *testing.T) {
	inEverySetting(t, func(t *testing.T, w *world) {
		random, _ := seeded(t)
		sizes := []int{2, 6, namedshm.MaximumWaitObjects}
		for _, size := range sizes {
			one := *w
			one.name = fmt.Sprintf("%s-of%d", w.name, size)
			keeper, handles := one.makeTokens(t, size)
			order := loadOrder{Goroutines: 3, Rounds: 60, Objects: size, All: true}
			if size == namedshm.MaximumWaitObjects || w.wait == "poll" || !depth.Full() {
				order.Rounds = 15
			}
			one.pass(t, order, 3, random)
			one.tokensConserved(t, keeper, handles)
			keeper.Kill()
		}
	})
}

// TestAnyTakesTheLowest: a wait for any of up to 64 objects takes the first of those that would let it through, and
// changes no other.
func TestAnyTakesTheLowest(t *testing.T) {
	inEverySetting(t, func(t *testing.T, w *world) {
		random, _ := seeded(t)
		keeper, handles := w.makeTokens(t, namedshm.MaximumWaitObjects)
		a, by := w.start(t), w.start(t)
		var theirs []int
		left := make([]int, len(handles)) // how many tokens each object has
		for i := range handles {
			object := loadObject(w.name, i)
			theirs = append(theirs, a.handle(object))
			left[i] = max(1, object.Initial)
		}
		for range 20 {
			i := random.IntN(len(left))
			for ; left[i] > 0; left[i]-- {
				keeper.Must(request{Op: "try", Handle: handles[i]})
			}
		}
		for {
			first := 0
			for first < len(left) && left[first] == 0 {
				first++
			}
			r := a.Do(request{Op: "any", Handles: theirs, Timeout: -1})
			if first == len(left) {
				if !r.Canceled {
					t.Fatalf("nothing is left: %v", r)
				}
				return
			}
			if r.Error != "" || r.Index != first {
				t.Fatalf("got %v, want index %d of %v", r, first, left)
			}
			left[first]--
			if loadObject("", first).Kind == "mutex" {
				// The one that has it would be let through again, so it goes on behind it.
				a.Must(request{Op: "unlock", Handle: theirs[first]})
				keeper.Must(request{Op: "try", Handle: handles[first]})
			}
			if random.IntN(8) == 0 {
				w.compareTokens(t, by, left)
			}
		}
	})
}

// compareTokens looks whether the objects have as many tokens as they should have.
func (w *world) compareTokens(t *testing.T, by *actor, left []int) {
	t.Helper()
	r := request{Op: "count", Name: w.name, Load: &loadOrder{Objects: len(left)}}
	for i, got := range by.Must(r).Tokens {
		if got != left[i] {
			t.Fatalf("%s %d has %d tokens, want %d", loadObject("", i).Kind, i, got, left[i])
		}
	}
}

// TestAllOrNothing: a wait for all of 64 objects, of which one is missing, takes none while it waits, and all when that
// one comes; which others can take and give back meanwhile.
func TestAllOrNothing(t *testing.T) {
	inEverySetting(t, func(t *testing.T, w *world) {
		random, _ := seeded(t)
		keeper, handles := w.makeTokens(t, namedshm.MaximumWaitObjects)
		a, by := w.start(t), w.start(t)
		var theirs []int
		left := make([]int, len(handles))
		for i := range handles {
			object := loadObject(w.name, i)
			theirs = append(theirs, a.handle(object))
			left[i] = max(1, object.Initial)
		}
		missing := random.IntN(len(handles))
		for ; left[missing] > 0; left[missing]-- {
			keeper.Must(request{Op: "try", Handle: handles[missing]})
		}
		random.Shuffle(len(theirs), func(i, j int) { theirs[i], theirs[j] = theirs[j], theirs[i] })
		if r := a.Do(request{Op: "all", Handles: theirs, Timeout: -1}); !r.Canceled {
			t.Fatalf("object %d is missing: %v", missing, r)
		}
		w.compareTokens(t, by, left)
		a.Ask(request{Op: "all", Handles: theirs})
		w.blocked(t, a, by, loadObject(w.name, missing).Name, 1)
		w.compareTokens(t, by, left)
		for range 10 {
			i := random.IntN(len(handles))
			if i == missing {
				continue
			}
			if !keeper.Must(request{Op: "try", Handle: handles[i]}).Acquired {
				t.Fatalf("object %d is taken by who waits for all", i)
			}
			keeper.Must(signalRequest(w.name, i, handles[i]))
		}
		keeper.Must(signalRequest(w.name, missing, handles[missing]))
		a.mustAnswer(request{Op: "all"})
		left[missing] = 1
		for i := range left {
			left[i]--
		}
		w.compareTokens(t, by, left)
	})
}

// signalRequest gives a token of loadObject back.
func signalRequest(name string, i, handle int) request {
	switch loadObject(name, i).Kind {
	case "event":
		return request{Op: "set", Handle: handle}
	case "mutex":
		return request{Op: "unlock", Handle: handle}
	}
	return request{Op: "release", Handle: handle, Number: 1}
}

// TestTooManyOrNone: a wait for 65 objects or for none is refused, and takes nothing.
func TestTooManyOrNone(t *testing.T) {
	inEverySetting(t, func(t *testing.T, w *world) {
		keeper, handles := w.makeTokens(t, namedshm.MaximumWaitObjects+1)
		for _, op := range []string{"any", "all"} {
			for _, objects := range [][]int{handles, nil} {
				if r := keeper.Do(request{Op: op, Handles: objects, Timeout: -1}); r.Code != namedshm.ErrInvalidParameter {
					t.Errorf("%s of %d objects: %v, want %v", op, len(objects), r, namedshm.ErrInvalidParameter)
				}
			}
		}
		w.tokensConserved(t, keeper, handles)
	})
}
