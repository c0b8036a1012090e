//go:build linux

package lifetime

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/actors"
	"github.com/namedshm/namedshm/conformance/internal/journal"
	"github.com/namedshm/namedshm/internal/depth"
)

// Ten processes create, open and close one name and are killed at random. What each of them did, and was told, is
// written to one journal, which is judged when all is over (see history_test.go).
//
// The order of the records is an order in which things happened: what a process wrote before it called the library
// stands before all that others wrote after they saw the effect. It needs no clock.

// event is one record of the journal.
type event struct {
	process  uint16 // 1, 2, … in the order of their start
	kind     eventKind
	op       opKind
	result   namedshm.Code
	serial   uint32 // of the operation, within its process; a handle has the serial of the operation that made it
	identity uint64 // of the section: what stands in its first eight bytes
}

type eventKind uint8

const (
	called   eventKind = iota + 1 // an operation begins
	returned                      // it ended: with result, and if that is 0 with a handle to the section identity
	closing                       // the handle is being closed
	closed                        // it is closed
	changed                       // the section of a handle suddenly had another identity
	killing                       // the process is about to be killed
	reaped                        // it is dead
)

type opKind uint8

const (
	opOpen opKind = iota + 1
	opCreate
	opEither // OpenOrCreate that found the object
	opMade   // OpenOrCreate that made it
)

func (e event) encode() []byte {
	b := make([]byte, journal.Len)
	binary.LittleEndian.PutUint16(b, e.process)
	b[2], b[3] = byte(e.kind), byte(e.op)
	binary.LittleEndian.PutUint32(b[4:], uint32(e.result))
	binary.LittleEndian.PutUint32(b[8:], e.serial)
	binary.LittleEndian.PutUint64(b[12:], e.identity)
	return b
}

func decodeEvent(b []byte) event {
	return event{
		process: binary.LittleEndian.Uint16(b), kind: eventKind(b[2]), op: opKind(b[3]),
		result: namedshm.Code(binary.LittleEndian.Uint32(b[4:])),
		serial: binary.LittleEndian.Uint32(b[8:]), identity: binary.LittleEndian.Uint64(b[12:]),
	}
}

// rioter is a process in the crowd.
type rioter struct {
	name    string
	process uint16
	serial  uint32
	random  *rand.Rand
	journal *journal.Journal
}

// riot opens, creates and closes one name until the process is killed. It returns only with an error.
func riot(r request) error {
	debug.SetGCPercent(100)
	j, err := journal.Open(r.Text)
	if err != nil {
		return err
	}
	who := &rioter{name: r.Name, process: uint16(r.Offset),
		random: rand.New(rand.NewPCG(uint64(r.Number), uint64(r.Offset))), journal: j}
	for {
		if err := who.turn(0); err != nil {
			return err
		}
		if who.random.IntN(2) == 0 {
			time.Sleep(who.upTo(4 * time.Millisecond)) // so that at times nobody has it
		}
	}
}

// turn gets a handle if it can, perhaps does the same again while it has it, and closes it.
func (r *rioter) turn(depth int) error {
	r.serial++
	e := event{process: r.process, kind: called, op: opOpen, serial: r.serial}
	s, err := r.call(&e)
	if err != nil {
		var problem *namedshm.Error
		if !errors.As(err, &problem) {
			return err
		}
		e.kind, e.result = returned, problem.Code
		r.journal.Append(e.encode())
		if e.result != namedshm.ErrFileNotFound && e.result != namedshm.ErrAlreadyExists {
			fmt.Fprintf(os.Stderr, "process %d: %v\n", r.process, err)
		}
		return nil
	}
	v, err := s.Map(0, 0, namedshm.ReadWrite)
	if err != nil {
		return err
	}
	word, err := namedshm.At[atomic.Uint64](v, 0)
	if err != nil {
		return err
	}
	// Whoever comes first gives the section its identity: a creator may be killed before it does.
	word.CompareAndSwap(0, r.random.Uint64()|1)
	e.kind, e.identity = returned, word.Load()
	r.journal.Append(e.encode())
	for r.random.IntN(4) == 0 {
		time.Sleep(r.upTo(200 * time.Microsecond)) // so that others get the processor while it holds
		if depth < 2 && r.random.IntN(2) == 0 {
			if err := r.turn(depth + 1); err != nil {
				return err
			}
		}
	}
	if word.Load() != e.identity {
		e.kind = changed
		r.journal.Append(e.encode())
	}
	if err := v.Close(); err != nil {
		return err
	}
	e.kind = closing
	r.journal.Append(e.encode())
	if err := s.Close(); err != nil {
		return err
	}
	e.kind = closed
	r.journal.Append(e.encode())
	return nil
}

func (r *rioter) upTo(most time.Duration) time.Duration {
	return time.Duration(r.random.Int64N(int64(most)))
}

// call is one operation, chosen by chance, and completes what the journal says of it.
func (r *rioter) call(e *event) (*namedshm.Section, error) {
	choice := r.random.IntN(10)
	switch {
	case choice < 5:
		r.journal.Append(e.encode())
		return namedshm.Open(r.name, namedshm.ReadWrite)
	case choice < 8:
		e.op = opCreate
		r.journal.Append(e.encode())
		return namedshm.Create(r.name, 4096, namedshm.ReadWrite)
	}
	e.op = opEither
	r.journal.Append(e.encode())
	s, created, err := namedshm.OpenOrCreate(r.name, 4096, namedshm.ReadWrite)
	if created {
		e.op = opMade
	}
	return s, err
}

// crowd is the rioters and the one that kills them.
type crowd struct {
	t       *testing.T
	w       *world
	name    string
	random  *rand.Rand
	journal *journal.Journal
	path    string
	started uint16
	members []participant
}

type participant struct {
	process uint16
	actor   *actor
}

// TestChaos: ten processes create, open and close one name for seconds and are killed at random. There are never
// two live sections, none is ever lost, and nothing is left when all are dead.
func TestChaos(t *testing.T) {
	inBothNamespaces(t, func(t *testing.T, w *world, name string) {
		const processes = 10
		duration := depth.Of(2*time.Second, 10*time.Second)
		seed := actors.Seed(t)
		path := filepath.Join(t.TempDir(), "journal")
		j, err := journal.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer j.Close()
		c := &crowd{t: t, w: w, name: name, random: rand.New(rand.NewPCG(seed, 0)), journal: j, path: path,
			members: make([]participant, processes)}
		for i := range c.members {
			c.join(i)
		}
		kills := 0
		for end := time.Now().Add(duration); time.Now().Before(end); {
			time.Sleep(time.Duration(c.random.IntN(40)) * time.Millisecond) // to kill at random moments
			if c.random.IntN(50) == 0 {
				kills += c.killAll() // the last holder is among them
				for i := range c.members {
					c.join(i)
				}
				continue
			}
			i := c.random.IntN(processes)
			c.kill(i)
			c.join(i)
			kills++
		}
		kills += c.killAll()

		witness := w.start(t)
		witness.Refused(request{Op: "open", Name: name}, namedshm.ErrFileNotFound)
		w.nothingLeft(witness)
		events, err := journal.Read(path, decodeEvent)
		if err != nil {
			t.Fatal(err)
		}
		h := newHistory()
		for _, e := range events {
			h.add(e)
		}
		for i, problem := range h.judge() {
			if i == 20 {
				t.Error("and more")
				break
			}
			t.Error(problem)
		}
		t.Logf("%d kills; %s", kills, h.summary())
	})
}

// join starts a new process in place i.
func (c *crowd) join(i int) {
	c.t.Helper()
	c.started++
	a := c.w.start(c.t)
	c.members[i] = participant{c.started, a}
	a.Ask(request{Op: "chaos", Name: c.name, Text: c.path, Number: c.random.Int64(), Offset: int64(c.started)})
}

// kill kills the process in place i, and waits until it is dead.
func (c *crowd) kill(i int) {
	c.t.Helper()
	m := c.members[i]
	var r reply
	if m.actor.Answered(&r) {
		c.t.Fatalf("process %d gave up: %v", m.process, r)
	}
	c.journal.Append(event{process: m.process, kind: killing}.encode())
	m.actor.Kill()
	c.journal.Append(event{process: m.process, kind: reaped}.encode())
}

// killAll kills all processes at once.
func (c *crowd) killAll() int {
	c.t.Helper()
	for _, m := range c.members {
		c.journal.Append(event{process: m.process, kind: killing}.encode())
		m.actor.Signal(syscall.SIGKILL)
	}
	var all sync.WaitGroup
	for _, m := range c.members {
		all.Go(func() {
			m.actor.Kill()
			c.journal.Append(event{process: m.process, kind: reaped}.encode())
		})
	}
	all.Wait()
	return len(c.members)
}
