//go:build linux

package waiting

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/actors"
	"github.com/namedshm/namedshm/inspect"
)

// loadCommands are the commands of load_test.go and garbage_test.go.
var loadCommands = map[string]func(*stage, request) (reply, error){
	"volley":   (*stage).volley,
	"burst":    (*stage).burst,
	"still":    (*stage).standStill,
	"witness":  (*stage).keepWitness,
	"gauntlet": (*stage).runGauntlet,
	"tokens":   (*stage).passTokens,
	"count":    (*stage).countTokens,
	"scribble": (*stage).scribble,
	"suffer":   (*stage).suffer,
}

// loadOrder is what an actor is told that has much to do.
type loadOrder struct {
	Goroutines int
	Rounds     int // of each goroutine
	Objects    int // there are, see loadObject
	All        bool
	First      int // number of the first goroutine, among those of all processes
	How        string
	Seed       uint64
}

func (o *loadOrder) random(goroutine int) *rand.Rand {
	return rand.New(rand.NewPCG(o.Seed, uint64(o.First+goroutine)))
}

// each runs a number of goroutines and returns the first error.
func (o *loadOrder) each(do func(goroutine int) error) error {
	failed := make(chan error, o.Goroutines)
	for g := range o.Goroutines {
		go func() { failed <- do(g) }()
	}
	var first error
	for range o.Goroutines {
		if err := <-failed; first == nil {
			first = err
		}
	}
	return first
}

// signal makes an object let one more through.
func signal(w namedshm.Waitable) (err error) {
	switch w := w.(type) {
	case *namedshm.Event:
		return w.Set()
	case *namedshm.Mutex:
		return w.Unlock()
	}
	_, err = w.(*namedshm.Semaphore).Release(1)
	return err
}

// slowWait is what no wait takes in a volley unless its wake-up was lost, and the patrol had to find that out, or the
// machine was busy with something else.
const slowWait = 20 * time.Millisecond

// volley signals one object and waits for another, Number times. With Signaled it begins; or else it waits first. Every
// other wait can be cancelled, since one sleeps in another way then. The answer says how many waits took long.
func (s *stage) volley(r request) (answer reply, err error) {
	mine, theirs := s.handles[r.Handles[0]], s.handles[r.Handles[1]]
	bound, cancel := context.WithTimeout(context.Background(), r.Timeout)
	defer cancel()
	for i := range r.Number {
		if r.Signaled {
			if err := signal(theirs); err != nil {
				return answer, err
			}
		}
		ctx := bound
		if i%2 == 0 {
			ctx = context.Background()
		}
		began := time.Now()
		if _, err := waitFor(ctx, mine); err != nil {
			return answer, fmt.Errorf("cycle %d: %w", i, err)
		}
		if time.Since(began) > slowWait {
			answer.Number++
		}
		if !r.Signaled {
			if err := signal(theirs); err != nil {
				return answer, err
			}
		}
	}
	return answer, nil
}

// burst sets an event Number times, as quickly as it can. With Signaled it resets it at once after each.
func (s *stage) burst(r request) (reply, error) {
	e := s.handles[r.Handle].(*namedshm.Event)
	for range r.Number {
		if err := e.Set(); err != nil {
			return reply{}, err
		}
		if r.Signaled {
			if err := e.Reset(); err != nil {
				return reply{}, err
			}
		}
	}
	return reply{}, nil
}

// standStill shows that the process lives while many of its goroutines wait: others get on, and garbage is collected.
// The answer is how many threads there are.
func (s *stage) standStill(r request) (reply, error) {
	var progress atomic.Int64
	stop := make(chan struct{})
	var running sync.WaitGroup
	for range 4 {
		running.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					progress.Add(1)
					runtime.Gosched()
				}
			}
		})
	}
	for range r.Number {
		before := progress.Load()
		runtime.GC()
		for progress.Load() < before+1000 {
			runtime.Gosched()
		}
	}
	close(stop)
	running.Wait()
	threads, err := threadCount()
	return reply{Number: threads}, err
}

func threadCount() (int, error) {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(b), "\nThreads:")
	line, _, _ := strings.Cut(rest, "\n")
	return strconv.Atoi(strings.TrimSpace(line))
}

// The witness is plain memory, which a mutex is to protect: two counters that are equal while nobody holds the mutex,
// and one for each goroutine that nobody else writes, whose sum is what the two must be.
const (
	witnessBefore = iota
	witnessAfter
	witnessFirst
	witnessSize = 1024
)

// witnesses are kept for as long as the process lives.
var witnesses []*namedshm.Section

// keepWitness makes the memory that a mutex is to protect.
func (s *stage) keepWitness(r request) (reply, error) {
	section, err := namedshm.Create(witnessName(r.Name), 8*witnessSize, namedshm.ReadWrite)
	witnesses = append(witnesses, section)
	return reply{}, err
}

func witnessName(mutex string) string { return mutex + "-witness" }

type gauntlet struct {
	mutex     *namedshm.Mutex
	memory    []int64
	me        int
	random    *rand.Rand
	sum       int64
	abandoned int
}

// runGauntlet has goroutines pass through a section that a mutex protects. Each has a handle of its own, so that each
// is an owner of its own.
func (s *stage) runGauntlet(r request) (reply, error) {
	section, err := namedshm.Open(witnessName(r.Name), namedshm.ReadWrite)
	if err != nil {
		return reply{}, err
	}
	view, err := section.Map(0, 0, namedshm.ReadWrite)
	if err != nil {
		return reply{}, err
	}
	memory, err := namedshm.SliceAt[int64](view, 0, witnessSize)
	if err != nil {
		return reply{}, err
	}
	var mu sync.Mutex
	answer := reply{Counts: map[string]int{}}
	err = r.Load.each(func(g int) error {
		m, err := namedshm.OpenMutex(r.Name, namedshm.AllRights)
		if err != nil {
			return err
		}
		defer m.Close()
		one := gauntlet{mutex: m, memory: memory, me: witnessFirst + r.Load.First + g, random: r.Load.random(g)}
		for range r.Load.Rounds {
			if err := one.pass(); err != nil {
				return err
			}
		}
		mu.Lock()
		defer mu.Unlock()
		answer.Counts["passed"] += r.Load.Rounds
		answer.Counts["abandoned"] += one.abandoned
		answer.Counts["sum"] = max(answer.Counts["sum"], int(one.sum))
		return nil
	})
	runtime.KeepAlive(view)
	return answer, err
}

// pass locks, looks whether the last one has left all in order or is said not to have, and does its part.
func (g *gauntlet) pass() error {
	ctx, cancel := context.WithTimeout(context.Background(), 3*actors.Prompt)
	defer cancel()
	abandoned, err := g.mutex.Lock(ctx)
	if err != nil {
		return err
	}
	g.sum = 0
	for _, n := range g.memory[witnessFirst:] {
		g.sum += n
	}
	before, after := &g.memory[witnessBefore], &g.memory[witnessAfter]
	if abandoned {
		g.abandoned++
		*before, *after = g.sum, g.sum
	}
	if *before != g.sum || *after != g.sum {
		return fmt.Errorf("two were in the section: %d began, %d ended, the sum is %d", *before, *after, g.sum)
	}
	*before = g.sum + 1
	g.dawdle()
	g.memory[g.me]++
	g.dawdle()
	*after = g.sum + 1
	g.sum++
	return g.mutex.Unlock()
}

// dawdle gives others the opportunity to come in.
func (g *gauntlet) dawdle() {
	switch g.random.IntN(8) {
	case 0:
		time.Sleep(time.Duration(g.random.IntN(50)) * time.Microsecond)
	case 1:
		runtime.Gosched()
	}
}

// loadSemaphore is how many tokens a semaphore has in these tests.
const loadSemaphore = 3

// loadObject is the request that makes the i-th of several objects, of all kinds that are changed by being taken; each
// has a token or more to be taken.
func loadObject(name string, i int) request {
	r := request{Op: "openorcreate", Name: fmt.Sprintf("%s-%d", name, i)}
	switch i % 3 {
	case 0:
		r.Kind, r.Signaled = "event", true
	case 1:
		r.Kind, r.Initial, r.Maximum = "semaphore", loadSemaphore, loadSemaphore
	case 2:
		r.Kind = "mutex"
	}
	return r
}

// passTokens has goroutines take tokens and give them back: of one object, with contexts that end at any moment, or,
// with All, of a part of all objects at once, while one more goroutine takes those of single objects.
func (s *stage) passTokens(r request) (answer reply, err error) {
	var mu sync.Mutex
	answer.Counts = map[string]int{}
	o := r.Load
	over := make(chan struct{})
	var pollers sync.WaitGroup
	if o.All {
		pollers.Go(func() { pollTokens(o, r.Name, over) })
	}
	err = o.each(func(g int) error {
		objects, err := openAll(r.Name, o.Objects)
		if err != nil {
			return err
		}
		counts := map[string]int{}
		random := o.random(g)
		for i := range o.Rounds {
			if o.All {
				err = takeMany(objects, random, g)
			} else {
				err = takeOne(objects[random.IntN(len(objects))], random, counts)
			}
			if err != nil {
				return fmt.Errorf("goroutine %d, round %d: %w", o.First+g, i, err)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		for key, n := range counts {
			answer.Counts[key] += n
		}
		return nil
	})
	close(over)
	pollers.Wait()
	return answer, err
}

func openAll(name string, count int) (objects []namedshm.Waitable, err error) {
	for i := range count {
		w, err := openObject(loadObject(name, i))
		if err != nil {
			return nil, err
		}
		objects = append(objects, w)
	}
	return objects, nil
}

// takeOne takes a token, if it gets it in time, and gives it back.
func takeOne(w namedshm.Waitable, random *rand.Rand, counts map[string]int) error {
	length := time.Duration(random.Int64N(int64(time.Millisecond)))
	ctx, cancel := context.WithTimeout(context.Background(), length)
	if random.IntN(2) == 0 {
		ctx, cancel = context.WithCancel(context.Background())
		time.AfterFunc(length, cancel)
	}
	defer cancel()
	_, err := waitFor(ctx, w)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		counts["late"]++
		return nil
	case errors.Is(err, context.Canceled):
		counts["cancelled"]++
		return nil
	case err != nil:
		return err
	}
	counts["taken"]++
	time.Sleep(time.Duration(random.Int64N(int64(500 * time.Microsecond))))
	return signal(w)
}

// takeMany takes a part of the objects at once, and gives them back. Half of the goroutines name them from the first to
// the last, half the other way round.
func takeMany(objects []namedshm.Waitable, random *rand.Rand, g int) error {
	some := slices.Clone(objects)
	for len(some) > 2 && random.IntN(4) != 0 {
		at := random.IntN(len(some))
		some = slices.Delete(some, at, at+1)
	}
	if g%2 == 1 {
		slices.Reverse(some)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*actors.Prompt)
	defer cancel()
	if _, err := namedshm.WaitAll(ctx, some...); err != nil {
		return err
	}
	if random.IntN(2) == 0 {
		runtime.Gosched()
	}
	for _, w := range some {
		if err := signal(w); err != nil {
			return err
		}
	}
	return nil
}

// pollTokens takes tokens of single objects until all others are through, and gives them back.
func pollTokens(o *loadOrder, name string, over <-chan struct{}) {
	random := o.random(o.Goroutines)
	objects, err := openAll(name, o.Objects)
	for err == nil {
		select {
		case <-over:
			return
		default:
		}
		w := objects[random.IntN(len(objects))]
		var got bool
		if got, _, err = try(w); got {
			err = signal(w)
		}
		time.Sleep(time.Duration(random.IntN(20)) * time.Microsecond)
	}
	panic(err)
}

// countTokens answers how many tokens each object has: it takes them and gives them back.
func (s *stage) countTokens(r request) (answer reply, err error) {
	objects, err := openAll(r.Name, r.Load.Objects)
	if err != nil {
		return answer, err
	}
	for _, w := range objects {
		defer w.Close()
		n := 0
		for {
			got, _, err := try(w)
			if err != nil {
				return answer, err
			}
			if !got {
				break
			}
			n++
			if _, ok := w.(*namedshm.Mutex); ok {
				break // who has it could lock it for ever
			}
		}
		for range n {
			if err := signal(w); err != nil {
				return answer, err
			}
		}
		answer.Tokens = append(answer.Tokens, n)
	}
	return answer, nil
}

// suffer has goroutines do at random what can be done with an object whose memory somebody writes garbage to. The
// answer says how often what came of it.
func (s *stage) suffer(r request) (reply, error) {
	var mu sync.Mutex
	answer := reply{Counts: map[string]int{}}
	var slowest time.Duration
	err := r.Load.each(func(g int) error {
		v := victim{object: r, random: r.Load.random(g), counts: map[string]int{}}
		for range r.Load.Rounds {
			v.turn()
		}
		mu.Lock()
		defer mu.Unlock()
		for key, n := range v.counts {
			answer.Counts[key] += n
		}
		slowest = max(slowest, v.slowest)
		return nil
	})
	answer.List = slices.Sorted(maps.Keys(answer.Counts))
	answer.Number = int(slowest.Milliseconds())
	return answer, err
}

// victim is one that uses an object that is full of garbage.
type victim struct {
	object  request
	w       namedshm.Waitable // nil while it is not open
	random  *rand.Rand
	counts  map[string]int
	slowest time.Duration
}

// victimWait is how long a victim's waits are, at most.
const victimWait = 5 * time.Millisecond

// turn does one thing, and notes what became of it.
func (v *victim) turn() {
	began := time.Now()
	what, err := v.act()
	v.slowest = max(v.slowest, time.Since(began))
	var e *namedshm.Error
	switch {
	case err == nil:
		what += ": done"
	case errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled):
		what += ": too late"
	case errors.As(err, &e):
		what += fmt.Sprintf(": %v", e.Code)
	default:
		what += fmt.Sprintf(": UNEXPECTED %T %v", err, err)
	}
	v.counts[what]++
}

func (v *victim) act() (what string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(v.random.Int64N(int64(victimWait))))
	defer cancel()
	if v.w == nil {
		w, err := openObject(request{Kind: v.object.Kind, Name: v.object.Name})
		if err == nil { // or else it is a nil pointer and no nil interface
			v.w = w
		}
		return "open", err
	}
	switch v.random.IntN(8) {
	case 0:
		if v.random.IntN(4) == 0 { // it takes longer than all others
			_, err := inspect.Stat(v.object.Name)
			return "stat", err
		}
	case 1:
		if v.random.IntN(4) == 0 {
			err = v.w.Close()
			v.w = nil
		}
		return "close", err
	case 2:
		_, _, err = try(v.w)
		return "try", err
	case 3:
		_, err = namedshm.WaitAny(ctx, v.w)
		return "any", err
	case 4, 5:
		_, err = waitFor(ctx, v.w)
		return "wait", err
	case 6:
		if e, ok := v.w.(*namedshm.Event); ok && v.random.IntN(2) == 0 {
			return "reset", errors.Join(e.Reset(), e.Pulse())
		}
	}
	return "signal", signal(v.w)
}
