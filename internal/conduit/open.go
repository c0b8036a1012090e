// Package conduit is what rings and feeds are made of, without types: how they lie in a section, who has which end,
// and what an end does. Package flow puts Go's types over it; the command and the C library, which have the
// structure of a value as text alone, use it as it is. Messages are bytes here, a whole number of values.
//
// Reading order: layout.go, end.go; sender.go and receiver.go for the ring; writer.go, reader.go and copy_fenced.go
// for the feed; open.go. What depends on the order of two steps says so where it does. docs/design.md argues why it
// is right.
package conduit

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/namedshm/namedshm/internal/fault"
	"github.com/namedshm/namedshm/internal/inside"
	"github.com/namedshm/namedshm/internal/kernel"
	"github.com/namedshm/namedshm/internal/waiting"
)

// NewReceiver opens the ring of this name, or makes it, and takes its receiving end. Fields of the shape that are
// zero are as they are there, or as usual. Without a structure it takes what is there, and makes nothing.
func NewReceiver(name string, s *Structure, shape Ring, choices inside.Choices) (*Receiver, error) {
	r := new(Receiver)
	w := wish{kind: KindRing, structure: s, fits: shape.matches, choices: choices}
	if s != nil {
		w.make = func() (*head, error) { return ringHead(s, shape.orUsual()) }
	}
	if w.choices.Share.Audience != kernel.Owner && w.choices.Share.Audience != kernel.Descriptor &&
		w.choices.Share.Access&kernel.Write == 0 {
		return nil, fault.Fail(fault.InvalidParameter,
			"a ring that others may only read is of no use to them: they write in it as well")
	}
	if err := r.open(name, &w, r.takeEnd); err != nil {
		return nil, err
	}
	return keep(r, &r.end), nil
}

// OpenSender takes a lane of the ring of this name. It waits for the name until the context is done. Without a
// structure it takes what is there.
func OpenSender(ctx context.Context, name string, s *Structure) (*Sender, error) {
	snd := new(Sender)
	if err := snd.open(name, &wish{ctx: ctx, kind: KindRing, structure: s}, snd.takeEnd); err != nil {
		return nil, err
	}
	return keep(snd, &snd.end), nil
}

// NewWriter opens the feed of this name, or makes it, and takes its writing end. The rules are those of NewReceiver.
func NewWriter(name string, s *Structure, shape Feed, choices inside.Choices) (*Writer, error) {
	w := new(Writer)
	wanted := wish{kind: KindFeed, structure: s, fits: shape.matches, choices: choices}
	if s != nil {
		wanted.make = func() (*head, error) {
			h, err := feedHead(s, shape.orUsual())
			if err == nil && readableAlone(choices.Share) {
				h.flags |= flagSilent
			}
			return h, err
		}
	}
	if err := w.open(name, &wanted, w.takeEnd); err != nil {
		return nil, err
	}
	return keep(w, &w.end), nil
}

// readableAlone reports whether there may be some who can read and not write. What a security descriptor says is not
// known.
func readableAlone(s kernel.Share) bool {
	return s.Audience == kernel.Descriptor || s.Audience != kernel.Owner && s.Access&kernel.Write == 0
}

// OpenReader opens the feed of this name for reading. It waits for the name until the context is done. Without a
// structure it takes what is there.
func OpenReader(ctx context.Context, name string, s *Structure) (*Reader, error) {
	r := new(Reader)
	w := wish{ctx: ctx, kind: KindFeed, structure: s, stands: true}
	err := r.open(name, &w, func() error {
		r.readOnly = w.readOnly
		return r.begin()
	})
	if err != nil {
		return nil, err
	}
	return keep(r, &r.end), nil
}

// wish is what an end is to be opened for.
type wish struct {
	ctx       context.Context
	kind      Kind
	structure *Structure            // nil for any
	fits      func(h *head) error   // nil for any shape
	make      func() (*head, error) // nil for an end that makes nothing
	choices   inside.Choices
	stands    bool // it takes nothing, and the right to read may do
	readOnly  bool // it has no more
}

// errSeatStands: the seat that was drawn is one that a dead owner had. That will not be so with the next one.
var errSeatStands = &fault.Fault{Code: fault.Busy,
	Cause: errors.New("whatever seat is drawn, somebody has written it down as the owner's already")}

// open opens the section, and has take take the end.
func (e *end) open(name string, w *wish, take func() error) error {
	if !waiting.SharedAtomics {
		return fault.Fail(fault.NotSupported, "this processor has no 64-bit atomic operations that work between processes")
	}
	if err := w.check(); err != nil {
		return err
	}
	var err error
	for range 10 {
		section, openErr := w.section(name)
		if openErr != nil {
			return openErr
		}
		if err = e.settle(name, section, w, take); err == nil {
			return nil
		}
		section.Close()
		if err != errSeatStands {
			break
		}
	}
	return err
}

// check refuses options that no ring or feed can have.
func (w *wish) check() error {
	switch c := &w.choices; {
	case c.Wrong != nil:
		return c.Wrong
	case c.Memory != nil:
		return fault.Fail(fault.InvalidParameter, "a ring or a feed is in memory of its own")
	case c.Protection != 0 && c.Protection != kernel.PageReadWrite:
		return fault.Fail(fault.InvalidParameter, "a ring or a feed must be readable and writable, and nothing else")
	}
	return nil
}

// section is the open section, made if that is wished.
func (w *wish) section(name string) (*kernel.Section, error) {
	const readWrite = kernel.Read | kernel.Write
	switch {
	case w.make != nil:
		h, err := w.make()
		if err != nil {
			return nil, err
		}
		spec := w.choices.Spec
		spec.Size, spec.Protection, spec.Seats = h.total, kernel.PageReadWrite, true
		spec.Prepare = func(memory []byte) error { h.write(memory); return nil }
		if name == "" {
			return nil, fault.BadHandle("the name is empty, so that nobody could have the other end")
		}
		s, _, err := kernel.CreateSection(context.Background(), name, spec, readWrite, kernel.MayExist)
		return s, err
	case w.ctx == nil:
		return kernel.OpenSeatedSection(context.Background(), name, readWrite, kernel.SitDown)
	case !w.stands:
		return kernel.WaitSeatedSection(w.ctx, name, readWrite, kernel.SitDown)
	}
	s, err := kernel.WaitSeatedSection(w.ctx, name, readWrite, kernel.Stand)
	if fault.CodeOf(err) == fault.AccessDenied {
		w.readOnly = true
		return kernel.OpenSeatedSection(w.ctx, name, kernel.Read, kernel.Stand)
	}
	return s, err
}

// settle makes an end of an open section. On an error nothing is left but the section.
func (e *end) settle(name string, section *kernel.Section, w *wish, take func() error) (err error) {
	access := kernel.Read | kernel.Write
	if w.readOnly {
		access = kernel.Read
	}
	view, err := section.Map(0, 0, access)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			view.Close()
		}
	}()
	e.name, e.seats, e.fragile = name, section, section.Fragile()
	e.edge = newEdge(canonical(name))
	if e.fragile {
		defer guard(&err)()
	}
	awaitHead(w.ctx, view.Bytes())
	if err := e.attach(view.Bytes()); err != nil {
		return err
	}
	if err := w.suits(e); err != nil {
		return err
	}
	if w.make != nil || !w.stands {
		switch {
		case section.Seat() == 0:
			return fault.Fail(fault.FileCorrupt, "its section was made by something else: it has no seats")
		case e.stands():
			return errSeatStands
		}
	}
	e.release = func() (free func(), err error) {
		free, err = view.Vacate()
		if closeErr := section.Close(); err == nil {
			err = closeErr
		}
		return free, err
	}
	if err = take(); err != nil {
		e.goBack()
	}
	return err
}

// canonical is a name as all write it who mean the same.
func canonical(name string) string {
	parsed, err := kernel.ParseName(name)
	if err != nil {
		return name
	}
	return parsed.String()
}

// goBack closes what was taken of an end that is not opened after all.
func (e *end) goBack() {
	if e.mine != nil {
		e.mine.word.swap(e.taken, e.taken|closedBit)
		e.mine = nil
	}
	if e.sleeper != nil {
		e.sleeper.Close()
	}
}

// attach reads the head.
func (e *end) attach(memory []byte) (err error) {
	if e.head, err = readHead(memory); err != nil {
		return err
	}
	if e.structure, err = ParseStructure(e.head.text); err != nil || e.structure.Size != e.head.element {
		return corruptHead("its text is no structure of a value")
	}
	e.memory, e.control = memory, controlOf(memory)
	if e.page = kernel.ProcessPage(); e.page == nil {
		e.page = new(int64)
	} else {
		e.pid = *e.page
	}
	return nil
}

// awaitHead waits for the maker, where a section can be seen before it has a head. The maker may have died: not for
// long.
func awaitHead(ctx context.Context, memory []byte) {
	if !kernel.PublishedFirst {
		return
	}
	for end := time.Now().Add(time.Second); !begun(memory) && time.Now().Before(end); {
		if ctx != nil && ctx.Err() != nil {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// suits is why what is there is not what is wished.
func (w *wish) suits(e *end) error {
	if e.head.kind != w.kind {
		return fault.BadHandle("it is a %s, not a %s", e.head.kind, w.kind)
	}
	if w.structure != nil {
		if different := Difference(w.structure, e.structure); different != "" {
			return fault.Fail(fault.DatatypeMismatch, "%s (here %s, there %s)", different, w.structure, e.structure)
		}
	}
	if w.fits != nil {
		return w.fits(e.head)
	}
	return nil
}

// vacated are ends that were closed of those whose quick half is elsewhere: a call that comes too late finds zeros
// there, and is refused. That does not last for ever, since a process can map only so much.
var vacated lastClosed

const mostVacated = 256

type lastClosed struct {
	mu   sync.Mutex
	free [mostVacated]func()
	next int
}

func (l *lastClosed) add(free func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if before := l.free[l.next]; before != nil {
		before()
	}
	l.free[l.next] = free
	l.next = (l.next + 1) % mostVacated
}

// keep arranges for an end that is dropped without Close. Others see that its owner is gone, as after a death; the
// memory stays mapped, since some of it may have been given away.
func keep[T any](owner *T, e *end) *T {
	section, _ := e.seats.(*kernel.Section)
	report := kernel.LeakReport(fmt.Sprintf("end of %s", e.name))
	cleanup := runtime.AddCleanup(owner, func(s *kernel.Section) {
		report(true)
		s.Close()
	}, section)
	release := e.release
	e.release = func() (func(), error) {
		cleanup.Stop()
		free, err := release()
		// Another goroutine may be in the middle of a message: it finds zeros there until nobody has the end any more.
		if e.abroad { // the collector does not know who has it
			vacated.add(free)
		} else {
			runtime.AddCleanup(owner, func(free func()) { free() }, free)
		}
		return free, err
	}
	return owner
}
