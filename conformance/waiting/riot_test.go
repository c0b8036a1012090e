//go:build linux

package waiting

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/journal"
	"github.com/namedshm/namedshm/internal/depth"
	"github.com/namedshm/namedshm/internal/kernel"
)

// A riot is a number of processes that do at random what can be done with the objects, while some of them are killed
// and others take their places. What each did and was told is in one journal, and is judged when all is over.

// riotOrder is what a process in a riot is told.
type riotOrder struct {
	Kind    riotKind
	Name    string // begins the objects' names
	Journal string
	Process uint32
	Seed    uint64
	Broken  string // how the implementation is broken: see broken_test.go
}

const riotProcesses = 8

// clients is how many there are in each process: with several objects there is more that can come before something
// else, and the judge has more to try.
func (k riotKind) clients() uint32 {
	if k == mixed {
		return 1
	}
	return 2
}

func objectName(name string, object int) string { return fmt.Sprintf("%s-%d", name, object) }

// creation is the request that makes an object of a riot.
func creation(name string, object int) request {
	r := request{Op: "openorcreate", Name: objectName(name, object)}
	switch object {
	case theAuto:
		r.Kind = "event"
	case theManual:
		r.Kind, r.Manual = "event", true
	case theMutex:
		r.Kind = "mutex"
	case theSemaphore:
		r.Kind, r.Initial, r.Maximum = "semaphore", semaphoreInitial, semaphoreMaximum
	}
	return r
}

// rioter is one client in a process of a riot.
type rioter struct {
	order   *riotOrder
	client  uint32
	serial  uint32
	handle  uint32
	depth   int // of the mutex, as far as this client knows
	random  *rand.Rand
	journal *journal.Journal
	objects [objectCount]object
}

// riot runs until the process is killed. It returns only with an error.
func riot(order *riotOrder) error {
	debug.SetGCPercent(100)
	if order.Seed%2 == 0 {
		kernel.SetWaitSpin(0)
	}
	j, err := journal.Open(order.Journal)
	if err != nil {
		return err
	}
	failed := make(chan error)
	for client := range order.Kind.clients() {
		r := &rioter{order: order, client: client, journal: j, random: rand.New(rand.NewPCG(order.Seed, uint64(client)))}
		for _, o := range order.Kind.objects() {
			if err := r.open(o); err != nil {
				return err
			}
		}
		go func() {
			for {
				if err := r.turn(); err != nil {
					failed <- err
				}
			}
		}()
	}
	return <-failed
}

// lastHandle numbers the handles of the process.
var lastHandle uint32

var handleMutex sync.Mutex

// open opens an object. The number of the handle to the mutex is that of whatever the client does.
func (r *rioter) open(which int) error {
	q := creation(r.order.Name, which)
	w, err := openObject(q)
	if err != nil {
		return err
	}
	r.objects[which] = broken(r.order.Broken, which, w, r.random)
	if which == theMutex {
		handleMutex.Lock()
		lastHandle++
		r.handle = lastHandle
		handleMutex.Unlock()
	}
	return nil
}

// turn does one operation, chosen by chance, and at times rests a little so that all get to the processor.
func (r *rioter) turn() error {
	switch r.random.IntN(4) {
	case 0:
		time.Sleep(r.upTo(3 * time.Millisecond))
	case 1:
		time.Sleep(r.upTo(300 * time.Microsecond))
	}
	objects := r.order.Kind.objects()
	if len(objects) > 1 && r.random.IntN(2) == 0 {
		r.random.Shuffle(len(objects), func(i, j int) { objects[i], objects[j] = objects[j], objects[i] })
		objects = objects[:1+r.random.IntN(len(objects))]
		if r.random.IntN(2) == 0 {
			return r.several(opAny, objects)
		}
		return r.several(opAll, objects)
	}
	which := objects[r.random.IntN(len(objects))]
	change := r.random.IntN(5) < 2
	if which == theMutex {
		change = r.random.IntN(4) < 1+2*min(r.depth, 1)
	}
	if !change {
		return r.take(which)
	}
	return r.change(which)
}

func (r *rioter) upTo(most time.Duration) time.Duration {
	return time.Duration(r.random.Int64N(int64(most)))
}

// change does what is no wait.
func (r *rioter) change(which int) error {
	e := record{op: opSet}
	e.aim(which)
	o := r.objects[which]
	switch {
	case which == theMutex && r.random.IntN(12) == 0:
		e.op = opClose
		if err := r.done(&e, o.close); err != nil {
			return err
		}
		r.depth = 0
		return r.open(which)
	case which == theMutex:
		e.op = opUnlock
		err := r.done(&e, o.unlock)
		if e.code == 0 && err == nil {
			r.depth--
		}
		return err
	case which == theSemaphore:
		e.op, e.number = opRelease, int32(1+r.random.IntN(3))
		return r.done(&e, func() error {
			previous, err := o.release(int(e.number))
			e.result = int32(previous)
			return err
		})
	case r.random.IntN(4) == 0:
		e.op = opReset
		return r.done(&e, o.reset)
	}
	return r.done(&e, o.set)
}

// take waits for one object, or tries to.
func (r *rioter) take(which int) error {
	e := record{op: opTake}
	e.aim(which)
	try := r.random.IntN(3) == 0
	ctx, cancel := r.patience()
	defer cancel()
	err := r.done(&e, func() error {
		told, err := false, error(nil)
		if try {
			var got bool
			if got, told, err = r.objects[which].try(); err == nil && !got {
				err = context.DeadlineExceeded
			}
		} else {
			told, err = r.objects[which].wait(ctx)
		}
		e.tell(err, told)
		return err
	})
	r.gained(&e, which)
	return err
}

// several waits for any or all of several objects.
func (r *rioter) several(op opKind, which []int) error {
	e := record{op: op}
	e.aim(which...)
	all := make([]object, len(which))
	for i, o := range which {
		all[i] = r.objects[o]
	}
	ctx, cancel := r.patience()
	defer cancel()
	err := r.done(&e, func() error {
		var outcome namedshm.Outcome
		var err error
		if op == opAny {
			outcome, err = all[0].any(ctx, all)
		} else {
			outcome, err = all[0].all(ctx, all)
		}
		e.result = int32(outcome.Index)
		e.tell(err, outcome.Abandoned)
		return err
	})
	if op == opAny {
		which = which[e.result : e.result+1]
	}
	r.gained(&e, which...)
	return err
}

// patience is the context of a wait: it ends by itself or is cancelled, or it is over before the wait begins.
func (r *rioter) patience() (context.Context, context.CancelFunc) {
	switch r.random.IntN(4) {
	case 0:
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		return ctx, cancel
	case 1:
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(r.upTo(3*time.Millisecond), cancel)
		return ctx, cancel
	}
	return context.WithTimeout(context.Background(), r.upTo(3*time.Millisecond))
}

// tell completes what the journal says of a wait.
func (e *record) tell(err error, told bool) {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		e.flags |= timedOut
	}
	if told {
		e.flags |= abandoned
	}
}

// gained counts that the mutex was locked once more.
func (r *rioter) gained(e *record, which ...int) {
	for _, o := range which {
		if o == theMutex && e.flags&timedOut == 0 && e.code == 0 {
			r.depth++
		}
	}
}

// done does one operation and writes it down. The error is one that no operation may have.
func (r *rioter) done(e *record, do func() error) error {
	r.serial++
	e.kind, e.process, e.client, e.serial, e.handle = calling, r.order.Process, r.client, r.serial, r.handle
	e.time = journal.Now()
	r.journal.Append(e.encode())
	err := do()
	e.time = journal.Now()
	e.kind = returned
	var problem *namedshm.Error
	if errors.As(err, &problem) {
		e.code = problem.Code
	} else if err != nil && e.flags&timedOut == 0 {
		return err
	}
	r.journal.Append(e.encode())
	if !(&step{record: *e}).expected() {
		fmt.Fprintf(os.Stderr, "process %d: %v\n", e.process, err)
	}
	return nil
}

// lastLook is what the one who looks last sees: it takes all that it can get.
func lastLook(order *riotOrder) error {
	j, err := journal.Open(order.Journal)
	if err != nil {
		return err
	}
	r := &rioter{order: order, journal: j, random: rand.New(rand.NewPCG(0, 0))}
	for _, which := range order.Kind.objects() {
		if err := r.open(which); err != nil {
			return err
		}
		for range semaphoreMaximum + 1 {
			e := record{op: opTake}
			e.aim(which)
			err := r.done(&e, func() error {
				got, told, err := r.objects[which].try()
				if err == nil && !got {
					err = context.DeadlineExceeded
				}
				e.tell(err, told)
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// mob is the processes of a riot and the one that kills them.
type mob struct {
	t       *testing.T
	w       *world
	order   riotOrder // but for what is different for each process
	random  *rand.Rand
	journal *journal.Journal
	members []member
}

type member struct {
	process uint32
	actor   *actor
}

// runRiot lets a riot go on for a while and returns its history.
func (w *world) runRiot(t *testing.T, kind riotKind, random *rand.Rand, duration time.Duration,
	brokenHow string) *history {
	t.Helper()
	path := filepath.Join(t.TempDir(), "journal")
	j, err := journal.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	keeper := w.start(t)
	defer keeper.Kill()
	name := fmt.Sprintf("%sRiot%d", w.space, random.Uint32())
	for _, o := range kind.objects() {
		keeper.Must(creation(name, o))
	}
	m := &mob{t: t, w: w, random: random, journal: j, members: make([]member, riotProcesses),
		order: riotOrder{Kind: kind, Name: name, Journal: path, Broken: brokenHow}}
	for i := range m.members {
		m.join(i)
	}
	for end := time.Now().Add(duration); time.Now().Before(end); {
		time.Sleep(time.Duration(random.IntN(50)) * time.Millisecond) // to kill at random moments
		i := random.IntN(len(m.members))
		m.kill(i)
		m.join(i)
	}
	m.killAll()
	keeper.Must(request{Op: "final", Riot: &m.order})
	records, err := journal.Read(path, decodeRecord)
	if err != nil {
		t.Fatal(err)
	}
	h, err := newHistory(records)
	if err != nil {
		t.Fatalf("riot %s: %v", name, err)
	}
	return h
}

// join starts a new process in place i.
func (m *mob) join(i int) {
	m.t.Helper()
	m.order.Process++
	a := m.w.startMixed(m.t, m.random)
	m.members[i] = member{m.order.Process, a}
	order := m.order
	order.Seed = m.random.Uint64()
	a.Ask(request{Op: "riot", Riot: &order})
}

// startMixed starts a process that waits in its own way, if the setting says so.
func (w *world) startMixed(t *testing.T, random *rand.Rand) *actor {
	t.Helper()
	if w.wait != "mixed" {
		return w.start(t)
	}
	one := *w
	one.wait = []string{"", "", "futex", "poll"}[random.IntN(4)]
	return one.start(t)
}

// kill kills the process in place i, and waits until it is dead.
func (m *mob) kill(i int) {
	m.t.Helper()
	one := m.members[i]
	var r reply
	if one.actor.Answered(&r) {
		m.t.Fatalf("process %d gave up: %v", one.process, r)
	}
	m.journal.Append(record{kind: killing, process: one.process, time: journal.Now()}.encode())
	one.actor.Kill()
	m.journal.Append(record{kind: reaped, process: one.process, time: journal.Now()}.encode())
}

// killAll kills all processes at once.
func (m *mob) killAll() {
	m.t.Helper()
	for _, one := range m.members {
		m.journal.Append(record{kind: killing, process: one.process, time: journal.Now()}.encode())
		one.actor.Signal(syscall.SIGKILL)
	}
	for _, one := range m.members {
		one.actor.Kill()
		m.journal.Append(record{kind: reaped, process: one.process, time: journal.Now()}.encode())
	}
	m.order.Process = 0
}

// riotSettings are enough for each kind: what is different between the backings is how one gets to the state and how
// death is noticed, and the ways of waiting understand each other.
func riotSettings() []setting {
	const local, global = namedshm.Local, namedshm.Global
	if !depth.Full() {
		return narrowed([]setting{{local, "", "mixed"}})
	}
	all := []setting{{local, "", ""}, {global, "", "mixed"}, {local, "file", "mixed"}, {local, "", "futex"},
		{local, "", "poll"}}
	if left := narrowed(all); len(left) > 0 {
		return left
	}
	return []setting{{local, os.Getenv("NAMEDSHM_BACKING"), os.Getenv(waitVariable)}}
}

// TestLinearizable: what many processes are told, of which some are killed at any moment, is what they could be told if
// each operation happened at one moment, for every kind of object.
func TestLinearizable(t *testing.T) {
	const duration, limit = 500 * time.Millisecond, 60 * time.Second
	for _, kind := range riotKinds {
		t.Run(string(kind), func(t *testing.T) {
			in(t, riotSettings(), func(t *testing.T, w *world) {
				random, seed := seeded(t)
				h := w.runRiot(t, kind, random, duration, "")
				began := time.Now()
				result, why := h.judge(limit)
				t.Logf("judged in %v: %s", time.Since(began).Round(time.Millisecond), h.summary())
				if result != porcupine.Ok {
					t.Fatalf("seed %d: %s: %s", seed, result, why)
				}
			})
		})
	}
}
