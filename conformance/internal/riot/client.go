//go:build linux

package riot

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/actors"
	"github.com/namedshm/namedshm/conformance/internal/journal"
	"github.com/namedshm/namedshm/internal/kernel"
)

// order is what a process in a riot is told.
type order struct {
	Names   []string
	Kinds   []Kind // what each name is mostly used for
	Journal string
	Alive   string // a file that the process, and what it forks, has locked for as long as it lives
	Process uint32
	Seed    uint64
	Do      string // "hold" and "part" are for partings, "bury" is for the end; without it, all that a riot is
}

// answer is what it answers when it ends by itself.
type answer struct {
	actors.Failure
	Buried int
}

// Act is what a process does that was started to be one of a riot.
func Act() {
	var held []*namedshm.Section
	actors.Serve(func(o order) (a answer, err error) {
		switch o.Do {
		case "hold":
			held, err = hold(o.Names)
		case "part":
			err = part(held)
		case "bury":
			a.Buried, err = bury()
		default:
			err = riot(&o)
		}
		return a, err
	})
}

// client is a process in a riot.
type client struct {
	*order
	serial  uint32
	random  *rand.Rand
	journal *journal.Journal
	held    []*handle
}

// handle is one that the process has open.
type handle struct {
	name   uint8
	kind   Kind
	id     uint32
	object uint64 // which section it is

	section  *namedshm.Section
	view     *namedshm.View
	words    []atomic.Uint64
	waitable namedshm.Waitable
	depth    int // of a mutex, as far as this process knows
}

// mostHeld is how many handles a process has at once.
const mostHeld = 4

// riot goes on until the process is killed. It returns only with an error.
func riot(o *order) error {
	// It is opened first: at death a process's descriptors go from the highest down, and this must be among the last.
	alive, err := unix.Open(o.Alive, unix.O_RDWR|unix.O_CREAT|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	if err := unix.Flock(alive, unix.LOCK_EX); err != nil {
		return err
	}
	j, err := journal.Open(o.Journal)
	if err != nil {
		return err
	}
	if o.Seed%2 == 0 {
		kernel.SetWaitSpin(0)
	}
	c := &client{order: o, journal: j, random: rand.New(rand.NewPCG(o.Seed, uint64(o.Process)))}
	for turn := 1; ; turn++ {
		if err := c.turn(); err != nil {
			return err
		}
		if turn%1000 == 0 {
			runtime.GC() // actors have switched it off, so that it runs where no system calls are counted
		}
	}
}

// turn does one thing, chosen by chance, and at times rests a little so that all get to the processor.
func (c *client) turn() error {
	switch c.random.IntN(8) {
	case 0:
		time.Sleep(c.upTo(3 * time.Millisecond))
	case 1:
		time.Sleep(c.upTo(200 * time.Microsecond))
	}
	if len(c.held) == 0 && c.random.IntN(2) == 0 {
		time.Sleep(c.upTo(4 * time.Millisecond)) // so that at times nobody has a name
	}
	choice := c.random.IntN(100)
	switch {
	case choice == 0:
		return c.fork()
	case len(c.held) == 0 || choice < 25 && len(c.held) < mostHeld:
		return c.acquire()
	case choice < 65:
		return c.close(c.random.IntN(len(c.held)))
	}
	return c.use(c.held[c.random.IntN(len(c.held))])
}

func (c *client) upTo(longest time.Duration) time.Duration {
	return time.Duration(c.random.Int64N(int64(longest)))
}

// done does one operation and writes it down. The error is one that no operation may have.
func (c *client) done(r *record, do func() error) error {
	c.begin(r)
	return c.end(r, do())
}

func (c *client) begin(r *record) {
	c.serial++
	r.what, r.process, r.serial, r.time = calling, c.Process, c.serial, journal.Now()
	c.journal.Append(r.encode())
}

func (c *client) end(r *record, err error) error {
	r.what, r.time = returned, journal.Now()
	var problem *namedshm.Error
	if errors.As(err, &problem) {
		r.code = problem.Code
	} else if err != nil && r.flags&timedOut == 0 {
		return err
	}
	c.journal.Append(r.encode())
	if !r.expected() {
		fmt.Fprintf(os.Stderr, "process %d: %v\n", c.Process, err)
	}
	return nil
}

// acquire opens or makes an object, mostly of the kind that the name is for.
func (c *client) acquire() error {
	name := uint8(c.random.IntN(len(c.Names)))
	kind := c.Kinds[name]
	if c.random.IntN(10) == 0 {
		kind = c.Kinds[c.random.IntN(len(c.Kinds))]
	}
	r := record{op: opOpen, kind: kind, names: [most]uint8{name}, count: 1}
	switch choice := c.random.IntN(10); {
	case choice < 3:
		r.op = opCreate
	case choice < 5:
		r.op = opEither
	}
	if kind == Semaphore && r.op != opOpen {
		r.number = int32(c.random.IntN(semaphoreMaximum + 1))
	}
	h := &handle{name: name, kind: kind}
	c.begin(&r)
	h.id, r.handles[0] = c.serial, c.serial
	created, err := h.open(c.Names[name], &r)
	if err == nil && h.section != nil {
		if err = h.identify(c.random.Uint64() | 1); err != nil {
			h.section.Close() // it is of no use; the error is taken for the operation's own, which may not have it
		} else {
			r.object = h.object
			c.check(h)
		}
	}
	if created {
		r.flags |= made
	}
	if err == nil {
		c.held = append(c.held, h)
	}
	return c.end(&r, err)
}

// open makes the call that the record says.
func (h *handle) open(name string, r *record) (created bool, err error) {
	mustBeNew := r.op == opCreate
	switch {
	case h.kind == Section && r.op == opOpen:
		h.section, err = namedshm.Open(name, namedshm.ReadWrite)
	case h.kind == Section && mustBeNew:
		h.section, err = namedshm.Create(name, sectionSize, namedshm.ReadWrite)
	case h.kind == Section:
		h.section, created, err = namedshm.OpenOrCreate(name, sectionSize, namedshm.ReadWrite)
	default:
		h.waitable, created, err = openWaitable(name, h.kind, r.op, int(r.number))
	}
	return created, err
}

const sectionSize = 4096

// openWaitable opens or makes an event, a mutex or a semaphore.
func openWaitable(name string, kind Kind, how op, initial int) (w namedshm.Waitable, created bool, err error) {
	var e *namedshm.Event
	var m *namedshm.Mutex
	var s *namedshm.Semaphore
	reset := namedshm.AutoReset
	if kind == ManualEvent {
		reset = namedshm.ManualReset
	}
	switch {
	case kind == Mutex && how == opOpen:
		m, err = namedshm.OpenMutex(name, namedshm.AllRights)
	case kind == Mutex && how == opCreate:
		m, err = namedshm.CreateMutex(name, false)
	case kind == Mutex:
		m, created, err = namedshm.OpenOrCreateMutex(name, false)
	case kind == Semaphore && how == opOpen:
		s, err = namedshm.OpenSemaphore(name, namedshm.AllRights)
	case kind == Semaphore && how == opCreate:
		s, err = namedshm.CreateSemaphore(name, initial, semaphoreMaximum)
	case kind == Semaphore:
		s, created, err = namedshm.OpenOrCreateSemaphore(name, initial, semaphoreMaximum)
	case how == opOpen:
		e, err = namedshm.OpenEvent(name, namedshm.AllRights)
	case how == opCreate:
		e, err = namedshm.CreateEvent(name, reset, false)
	default:
		e, created, err = namedshm.OpenOrCreateEvent(name, reset, false)
	}
	switch {
	case err != nil:
		return nil, false, err
	case m != nil:
		w = m
	case s != nil:
		w = s
	default:
		w = e
	}
	return w, created, nil
}

// identify gives the section an identity, if it has none yet: a creator may be killed before it does. All other words
// of a section are zero, or its identity too.
func (h *handle) identify(identity uint64) error {
	v, err := h.section.Map(0, 0, namedshm.ReadWrite)
	if err != nil {
		return err
	}
	h.view = v
	if h.words, err = namedshm.SliceAt[atomic.Uint64](v, 0, sectionSize/8); err != nil {
		return err
	}
	h.words[0].CompareAndSwap(0, identity)
	h.object = h.words[0].Load()
	h.words[1+h.object%(sectionSize/8-1)].Store(h.object)
	return nil
}

// check writes down if a section is not the one that it was.
func (c *client) check(h *handle) {
	if !h.same() {
		c.journal.Append(record{what: changed, process: c.Process, names: [most]uint8{h.name}, handles: [most]uint32{h.id},
			count:  1,
			object: h.object, time: journal.Now()}.encode())
	}
}

// same reports that the section is the one that it was.
func (h *handle) same() bool {
	for i := range h.words {
		if got := h.words[i].Load(); got != h.object && (got != 0 || i == 0) {
			return false
		}
	}
	return true
}

// close closes a handle; a view before it or after it.
func (c *client) close(i int) error {
	h := c.held[i]
	c.held = slices.Delete(c.held, i, i+1)
	r := record{op: opClose, kind: h.kind, names: [most]uint8{h.name}, handles: [most]uint32{h.id}, count: 1}
	if h.section == nil {
		return c.done(&r, h.waitable.Close)
	}
	c.check(h)
	late := c.random.IntN(4) == 0
	if !late {
		if err := h.view.Close(); err != nil {
			return err
		}
	}
	if err := c.done(&r, h.section.Close); err != nil || !late {
		return err
	}
	return h.view.Close()
}

// fork makes a child that is forked and does not exec, has it close all that it inherited, and waits for its end.
func (c *client) fork() error {
	r := record{op: opFork}
	return c.done(&r, func() error {
		parent := os.Getpid()
		pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
		if errno != 0 {
			return errno
		}
		if pid == 0 {
			// It goes with its parent. That comes before the first function that is called, for which the runtime may want
			// to do something that takes other threads.
			unix.RawSyscall(unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0)
			if now, _, _ := unix.RawSyscall(unix.SYS_GETPPID, 0, 0, 0); int(now) == parent {
				c.inChild()
			}
			unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
		}
		// A child of a program of many threads has one, and may wait for ever for what another one had locked.
		for end := time.Now().Add(time.Second); ; time.Sleep(50 * time.Microsecond) {
			got, err := unix.Wait4(int(pid), nil, unix.WNOHANG, nil)
			if err != nil && err != unix.EINTR || got != 0 {
				return err
			}
			if time.Now().After(end) {
				unix.Kill(int(pid), unix.SIGKILL)
			}
		}
	})
}

// inChild is the forked child's life.
func (c *client) inChild() {
	for _, h := range c.held {
		if h.section != nil {
			h.section.Close()
		} else {
			h.waitable.Close()
		}
	}
}

// use does something with what is held.
func (c *client) use(h *handle) error {
	if h.section != nil {
		c.check(h)
		return nil
	}
	r := record{kind: h.kind, names: [most]uint8{h.name}, handles: [most]uint32{h.id}, count: 1}
	choice := c.random.IntN(10)
	switch w := h.waitable.(type) {
	case *namedshm.Event:
		if choice < 3 {
			r.op = opSet
			return c.done(&r, w.Set)
		}
		if choice == 3 {
			r.op = opReset
			return c.done(&r, w.Reset)
		}
	case *namedshm.Mutex:
		if choice < 2+4*min(h.depth, 1) {
			r.op = opUnlock
			err := c.done(&r, w.Unlock)
			if r.code == 0 && err == nil {
				h.depth--
			}
			return err
		}
	case *namedshm.Semaphore:
		if choice < 4 {
			r.op, r.number = opRelease, int32(1+c.random.IntN(2))
			return c.done(&r, func() error {
				previous, err := w.Release(int(r.number))
				r.result = int32(previous)
				return err
			})
		}
	}
	return c.wait(h)
}

// wait waits for one object, or for it and others.
func (c *client) wait(h *handle) error {
	some := []*handle{h}
	for _, other := range c.held {
		taken := slices.ContainsFunc(some, func(one *handle) bool { return one.name == other.name })
		if other.waitable != nil && !taken && len(some) < most {
			some = append(some, other)
		}
	}
	r := record{op: opTake, kind: h.kind}
	switch c.random.IntN(4) {
	case 0:
		r.op = opAny
	case 1:
		r.op = opAll
	default:
		some = some[:1]
	}
	var objects []namedshm.Waitable
	for i, one := range some {
		r.names[i], r.handles[i] = one.name, one.id
		objects = append(objects, one.waitable)
	}
	r.count = uint8(len(some))
	ctx, cancel := c.patience()
	defer cancel()
	err := c.done(&r, func() error {
		wait := namedshm.WaitAny
		if r.op == opAll {
			wait = namedshm.WaitAll
		}
		outcome, err := wait(ctx, objects...)
		r.result = int32(outcome.Index)
		if outcome.Abandoned {
			r.flags |= abandoned
		}
		if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
			r.flags |= timedOut
		}
		return err
	})
	if err != nil || r.code != 0 || r.flags&timedOut != 0 {
		return err
	}
	if r.op == opAny {
		some = some[r.result : r.result+1]
	}
	for _, one := range some {
		one.depth++
	}
	return nil
}

// patience is the context of a wait: it ends by itself, or it is over before the wait begins.
func (c *client) patience() (context.Context, context.CancelFunc) {
	if c.random.IntN(2) == 0 {
		return context.WithTimeout(context.Background(), c.upTo(3*time.Millisecond))
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx, cancel
}
