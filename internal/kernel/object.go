//go:build unix && !aix

package kernel

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/namedshm/namedshm/internal/fault"
	"golang.org/x/sys/unix"
)

// This file is the protocol: how a name is made and opened; how it goes is in handle.go. docs/design.md argues why it
// is right. The order of the steps is the argument, so change none without it.
//
// A name is an entry file in a directory. A handle is an open entry with a shared lock, and the memory. The entry leads
// to the memory through any living handle. An entry at a path is always complete; it is alive exactly while somebody
// holds a liveness lock on it (and, in the System V backing, its segment exists).

// making describes an object that is to be made: what every kind has, and what its kind adds.
type making struct {
	Spec
	access     Access // of the creator's handle, to the memory
	kind       Kind
	attributes uint32
	maximum    uint32
	// prepare completes the object before it gets its name; nil if there is nothing to do.
	prepare func(h *handle) error
	// undo takes back what prepare left outside of the object, if the object does not get its name.
	undo func()
	// adopt returns existing memory, and notes its identity in the header; nil if memory is to be made.
	adopt func(h *header) (memory, error)
}

func createSection(ctx context.Context, name Name, spec Spec, access Access, mode Mode) (*handle, bool, error) {
	if spec.over == nil {
		spec.Size = roundToPages(spec.Size)
		if err := spec.affordable(); err != nil {
			return nil, false, err
		}
	}
	m := &making{Spec: spec, access: access, kind: KindSection, attributes: spec.Attributes}
	m.furnish()
	return createObject(ctx, name, m, mode)
}

func createObject(ctx context.Context, name Name, m *making, mode Mode) (*handle, bool, error) {
	p, err := placeOf(name.Namespace)
	if err != nil {
		return nil, false, err
	}
	return p.createObject(ctx, name, m, mode)
}

func (p *place) createObject(ctx context.Context, name Name, m *making, mode Mode) (*handle, bool, error) {
	if name.Namespace == Unnamed {
		h, err := createUnnamed(p, m)
		return h, false, err
	}
	defer p.begin().end()
	if err := p.ensure(); err != nil {
		return createMissing(ctx, p, name, m, mode, err)
	}
	existed := false
	h, err := retry(ctx, func() (h *handle, err error) {
		opened := p.opened.Load()
		h, existed, err = p.createNamed(ctx, name, m, mode)
		if fault.CodeOf(err) == fault.FileNotFound {
			err = p.comesBack(opened)
		}
		return h, err
	})
	if err != nil {
		p.removeEmpty()
	}
	return h, existed, err
}

// comesBack is called when a create got FileNotFound. A create looks for nothing but the directory, so that was removed
// meanwhile, and is made again.
func (p *place) comesBack(opened *openDirectory) error {
	if err := p.ensure(); err != nil {
		return err
	}
	if p.opened.Load() == opened {
		return &fault.Fault{Code: fault.NotSupported, Cause: errors.New("an unnamed file could not be given a name"),
			Advice: "Linux needs /proc mounted"}
	}
	return &again{why: &fault.Fault{Code: fault.Busy,
		Cause:  fmt.Errorf("for a second, %s was removed each time it was created", p.dir),
		Advice: "find out what removes it"}}
}

// createNamed is create in a directory that exists.
func (p *place) createNamed(ctx context.Context, name Name, m *making, mode Mode) (*handle, bool, error) {
	if mode == MayExist || m.Commit == CommitNow || p.namespace == Global {
		// The name may be taken: do not build, and above all do not reserve memory, for nothing.
		h, err := openExisting(ctx, p, name, m, mode)
		if h != nil || fault.CodeOf(err) != fault.FileNotFound {
			return h, h != nil, err
		}
	}
	made, err := build(p, name, m)
	if err != nil {
		return nil, false, err
	}
	h, err := retry(ctx, func() (*handle, error) {
		if published, err := made.publish(); published || err != nil {
			return made, err
		}
		h, err := openExisting(ctx, p, name, m, mode)
		if fault.CodeOf(err) == fault.FileNotFound {
			err = errMoved // it was dead, or died just now: the name is free again
		}
		return h, err
	})
	if h != made || err != nil {
		if m.undo != nil {
			m.undo()
		}
		made.discard()
	}
	if err != nil {
		return nil, false, err
	}
	return h, h != made, nil
}

// createMissing is create if the directory does not exist and cannot be made. An existing object may be opened without
// the right to create; but without the directory there is none.
func createMissing(ctx context.Context, p *place, name Name, m *making, mode Mode, err error) (*handle, bool, error) {
	if mode == MayExist && p.check() == nil {
		if h, openErr := openObject(ctx, p, name, m.kind, m.access); openErr == nil {
			return h, true, nil
		}
	}
	return nil, false, err
}

// openExisting opens the live object of the name for OpenOrCreate; for Create it fails because there is one.
func openExisting(ctx context.Context, p *place, name Name, m *making, mode Mode) (*handle, error) {
	if mode == MayExist {
		return openObject(ctx, p, name, m.kind, m.access)
	}
	kind, err := retry(ctx, func() (Kind, error) { return p.probe(name.Base) })
	switch {
	case err != nil:
		return nil, err
	case kind != m.kind:
		return nil, otherKind(kind)
	}
	return nil, &fault.Fault{Code: fault.AlreadyExists}
}

// build makes a whole object that has no name yet: memory, entry, door record, own lock. None of it outlives this
// process before it is published.
func build(p *place, name Name, m *making) (*handle, error) {
	h := newHeader(p, name, m)
	mem, err := m.memory(p, h)
	if err != nil {
		return nil, err
	}
	e, err := p.backing.entryFile(p, h, mem)
	if err != nil {
		mem.close()
		return nil, err
	}
	made := newHandle(p, e, mem, m.access)
	var got bool
	if made.at, got, err = p.locks.lock(e); !got && err == nil {
		err = unix.EAGAIN // nobody else can know this file
	}
	if err != nil {
		err = p.fault("lock", e.path(), err)
	}
	if err == nil {
		if record := made.door(); record != nil {
			copy(e.first[slotsAt+made.at*slotLen:], record)
		}
		if !mistake("publish before the entry is complete") {
			err = e.write()
		}
	}
	if err != nil {
		made.discard()
		return nil, p.fault("write", p.dir, err)
	}
	if m.prepare != nil {
		if err := m.prepare(made); err != nil {
			made.discard()
			return nil, err
		}
	}
	return made, nil
}

// memory returns the new object's memory: made, adopted, or a user's file. The header gets what openers need to reach
// it.
func (m *making) memory(p *place, h *header) (memory, error) {
	if m.adopt != nil {
		return m.adopt(h)
	}
	if m.over == nil {
		return p.backing.create(p, &m.Spec, m.access, h)
	}
	if h.name != "" && !p.backing.nature().byDescriptor {
		return nil, fault.Fail(fault.NotSupported,
			"a section over a file can have a name only in the Local namespace of Linux")
	}
	mem, identity, err := overMemory(&m.Spec, m.access)
	h.identity = identity
	return mem, err
}

func newHeader(p *place, name Name, m *making) *header {
	h := &header{
		kind: m.kind, size: m.Size, protection: m.Protection, backing: p.backing.id(), attributes: m.attributes,
		maximum: m.maximum, created: time.Now().UnixNano(), name: name.Base, mode: 0o600,
	}
	crand.Read(h.token[:])
	return h
}

// createUnnamed makes an object that no name leads to.
func createUnnamed(p *place, m *making) (*handle, error) {
	defer p.begin().end()
	if p.backing.nature().insideEntry && m.over == nil {
		// The entry loses its temporary name at once.
		made, err := build(p, Name{}, m)
		if err == nil {
			forgetEntry(made.entry)
		}
		p.removeEmpty()
		return made, err
	}
	h := newHeader(p, Name{}, m)
	mem, err := m.memory(p, h)
	if err != nil {
		return nil, err
	}
	made := &handle{place: p, mem: mem, size_: h.size, protect: h.protection, access: m.access, attributes: h.attributes,
		pid: processID()}
	if m.prepare != nil {
		if err := m.prepare(made); err != nil {
			mem.close()
			return nil, err
		}
	}
	return made, nil
}

// publish gives the object its name, in one step. It returns false without an error if the name is taken.
func (h *handle) publish() (bool, error) {
	switch err := linkEntry(h.entry); err {
	case nil:
		if mistake("publish before the entry is complete") {
			h.entry.write()
		}
		return true, nil
	case unix.EEXIST:
		return false, nil
	default:
		return false, h.place.fault("link", h.entry.path(), err)
	}
}

// discard discards an object that never got its name.
func (h *handle) discard() {
	forgetEntry(h.entry)
	h.place.locks.unlock(h.entry)
	h.place.locks.closeEntry(h.entry)
	h.mem.close()
}

func openSection(ctx context.Context, name Name, access Access) (*handle, error) {
	p, err := placeOf(name.Namespace)
	if err != nil {
		return nil, err
	}
	defer p.begin().end()
	return openObject(ctx, p, name, KindSection, access)
}

func openObject(ctx context.Context, p *place, name Name, kind Kind, access Access) (*handle, error) {
	return inPlace(p, func() (*handle, error) {
		return retry(ctx, func() (*handle, error) { return p.openNamed(name.Base, kind, access) })
	})
}

// inPlace runs an operation that looks for a name. If it finds nothing, it may have looked in a directory that no
// longer exists; then it runs again in the new one.
func inPlace[T any](p *place, operation func() (T, error)) (v T, err error) {
	for range 2 {
		if err := p.openOnce(); err != nil {
			return v, err
		}
		before := p.opened.Load()
		v, err = operation()
		if code := fault.CodeOf(err); code != fault.FileNotFound && code != fault.FileCorrupt {
			return v, err
		}
		if checkErr := p.check(); checkErr != nil {
			return v, checkErr
		}
		if p.opened.Load() == before {
			return v, err
		}
	}
	return v, err
}

// openInPlace opens an object as one operation.
func openInPlace(ctx context.Context, p *place, name Name, kind Kind, access Access) (*handle, error) {
	defer p.begin().end()
	return openObject(ctx, p, name, kind, access)
}

// openNamed is one attempt to open: memory first, lock second, then look again. So whoever holds a lock also holds the
// memory, and can be reached wherever it is stopped or killed.
func (p *place) openNamed(base string, kind Kind, access Access) (*handle, error) {
	e, err := p.openEntry(base, p.backing.openFlags())
	if err != nil {
		return nil, err
	}
	if mistake("lock before door") {
		p.locks.lock(e)
	}
	mem, err := p.openMemory(e, kind, access)
	if err != nil {
		p.locks.closeEntry(e)
		return nil, err
	}
	h := newHandle(p, e, mem, access)
	var got bool
	h.at, got, err = p.locks.lock(e)
	if got {
		err = h.writeDoor()
	}
	switch {
	case err != nil:
		err = p.fault("lock", e.path(), err)
	case !got:
		err = errBurying
	case !e.named() && !mistake("no second look at the path"):
		err = errMoved
	default:
		e.freePage()
		return h, nil
	}
	// Our lock may have made another handle's Close believe that it was not the last.
	h.closeOurs()
	return nil, err
}

// openMemory opens the object's memory if the object is alive and of the right kind.
func (p *place) openMemory(e *entry, kind Kind, access Access) (memory, error) {
	mem, err := p.backing.reach(p, e, access)
	if err == errDead {
		err = p.backing.bury(p, e)
	}
	if err != nil {
		return nil, err
	}
	if e.kind != kind {
		mem.close()
		return nil, otherKind(e.kind)
	}
	if err := e.raise(mem.descriptor()); err != nil {
		mem.close()
		return nil, p.fault("dup", e.path(), err)
	}
	return mem, nil
}

// aliveOrBury returns nil if an object is alive; a dead one is buried and reported as FileNotFound. A lock counts only
// if the path still leads here after the lock was seen: an opener that lost a race has its lock for a moment on an
// entry already removed.
func (p *place) aliveOrBury(e *entry) error {
	seen, err := p.locks.look(e)
	switch {
	case err != nil:
		return p.fault("lock", e.path(), err)
	case seen == burier:
		return errBurying
	case seen == nobody:
		return p.backing.bury(p, e)
	case !e.named():
		return errMoved
	}
	return nil
}

// probe returns the kind of the live object that has the name, and takes nothing. It buries a dead one.
func (p *place) probe(base string) (Kind, error) {
	e, err := p.openEntry(base, p.backing.openFlags())
	if err != nil {
		return 0, err
	}
	defer p.locks.closeEntry(e)
	if err := p.aliveOrBury(e); err != nil {
		return 0, err
	}
	if p.backing.dead(e) {
		return 0, p.backing.bury(p, e)
	}
	return e.kind, nil
}

func exists(name Name) bool {
	p, err := placeOf(name.Namespace)
	if err != nil {
		return false
	}
	defer p.begin().end()
	_, err = inPlace(p, func() (Kind, error) {
		return retry(context.Background(), func() (Kind, error) { return p.probe(name.Base) })
	})
	return err == nil
}
