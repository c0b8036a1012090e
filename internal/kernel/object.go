//go:build unix && !aix

package kernel

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// This file is the protocol: how a name comes to be, is opened and goes. docs/design.md argues why it is right; the
// order of the steps is the argument, so change none without it.
//
// A name is an entry file in a directory. A handle is an open entry with a shared lock, and the memory. The entry
// leads to the memory through any living handle. An entry at a path is always complete; it is alive exactly while
// somebody holds a liveness lock on it (and, in the System V backing, its segment exists).

// backing is where the memory comes from, and how another process reaches it.
type backing interface {
	id() backingID
	// create makes zeroed memory. It fills in what the header must tell those who will reach it.
	create(p *place, spec *Spec, access Access, h *header) (memory, error)
	// reach makes sure that an object lives, and opens its memory. errDead says that it does not; an *again says that
	// nothing led to it just now.
	reach(p *place, e *entry, access Access) (memory, error)
	// dead reports whether the memory is gone for good, which a lock that somebody left cannot change.
	dead(e *entry) bool
	// entryFile makes the unpublished and still empty entry for new memory, with its final mode.
	entryFile(p *place, h *header, m memory) (*entry, error)
	// bury removes an entry that seemed dead, if it is: buried, or found to be gone from its path already.
	bury(p *place, e *entry) error
	// last is called on a handle's entry when its own lock has been dropped: it removes the entry if that was the
	// last.
	last(p *place, e *entry)
	// openFlags are the access mode with which entries are opened by those who open the object.
	openFlags() int
	// makeSeats makes the file in which the handles of a new waitable object lock their seats; publishSeats lets others
	// find it, openSeats is how they do, removeSeats goes with the entry. It is the entry or the memory itself where
	// exactly those may write that who may wait.
	makeSeats(e *entry, m memory) (*entry, error)
	publishSeats(e, seats *entry) error
	openSeats(e *entry, m memory) (*entry, error)
	removeSeats(e *entry)
	// describe adds to a sighting what the open entry tells: holders, memory in use.
	describe(e *entry, s *sighting)
	// survey adds what is found out for many sightings at once. Its error is a shortage: it could not look.
	survey(p *place, found []*sighting) error
}

// memory is an open section memory: one process's reference to it.
type memory interface {
	// descriptor is what a door record points at; -1 when there is nothing to point at. openMode is its access mode.
	descriptor() int
	openMode() int
	view(offset, length int64, access Access) ([]byte, error)
	close() error
}

// errDead is what reach says of memory that is gone for good.
var errDead = errors.New("the memory is gone")

// again is a failure that a little time may mend: the step before it lost a race, or waits for a process that is
// just dying. why is what the caller is told when time runs out.
type again struct {
	why   error
	dying bool // a process that has begun to exit is waited for longer: nothing can stop it
}

func (a *again) Error() string { return a.why.Error() }
func (a *again) Unwrap() error { return a.why }

var errBurying = &again{why: &Fault{
	Code:   Busy,
	Cause:  errors.New("it holds the old entry locked, and has not removed it for a second"),
	Advice: "let that process go on, or kill it; /proc/locks tells which it is",
}}

var errMoved = &again{why: &Fault{Code: Busy, Cause: errors.New("the name changed hands each time it was looked at, for a second")}}

// nativeSection is an open section: a handle.
type nativeSection = *handle

// handle is one open reference to an object.
type handle struct {
	place   *place
	entry   *entry // nil for an unnamed object
	at      int64  // the byte that it has locked
	mem     memory
	size_   int64
	protect Protection
	access  Access
	// attributes are those of the header.
	attributes uint32
	pid        int // of the process whose handle it is; a forked child has a copy, but no handle
}

func (h *handle) size() int64     { return h.size_ }
func (h *handle) granted() Access { return h.access }

// retry runs one attempt after another until it succeeds, fails for good, or time runs out.
func retry[T any](ctx context.Context, attempt func() (T, error)) (T, error) {
	var pauses *backoff
	for {
		v, err := attempt()
		var a *again
		if err == nil || !errors.As(err, &a) {
			return v, err
		}
		if pauses == nil {
			pauses = newBackoff(ctx)
		}
		if a.dying {
			pauses.extend()
		}
		if !pauses.pause() {
			if ctx.Err() != nil {
				return v, ctx.Err()
			}
			return v, a.why
		}
	}
}

// making is an object that is to be made: what every kind has, and what its kind adds.
type making struct {
	Spec
	access     Access // of the creator's handle to the memory
	kind       Kind
	attributes uint32
	maximum    uint32
	// prepare finishes the object before it gets its name; nil where there is nothing to do.
	prepare func(h *handle) error
	// undo takes back what prepare left outside of the object, when that does not get the name.
	undo func()
	// adopt gives the memory that there is already, and notes in the header who it is; nil where it is to be made.
	adopt func(h *header) (memory, error)
}

func createSection(ctx context.Context, name Name, spec Spec, access Access, mode Mode) (*handle, bool, error) {
	if spec.over == nil {
		if spec.Size > addressable {
			return nil, false, tooWide(spec.Size)
		}
		spec.Size = roundToPages(spec.Size)
		if err := spec.affordable(); err != nil {
			return nil, false, err
		}
	}
	return createObject(ctx, name, &making{Spec: spec, access: access, kind: KindSection, attributes: spec.Attributes}, mode)
}

func createObject(ctx context.Context, name Name, m *making, mode Mode) (*handle, bool, error) {
	p, err := placeOf(name.Namespace)
	if err != nil {
		return nil, false, err
	}
	if name.Namespace == Unnamed {
		h, err := createUnnamed(p, m)
		return h, false, err
	}
	if err := p.ensure(); err != nil {
		return createMissing(ctx, p, name, m, mode, err)
	}
	defer p.locks.begin()()
	existed := false
	h, err := retry(ctx, func() (h *handle, err error) {
		opened := p.opened.Load()
		h, existed, err = p.createNamed(ctx, name, m, mode)
		if codeOf(err) == FileNotFound {
			err = p.comesBack(opened)
		}
		return h, err
	})
	return h, existed, err
}

// comesBack says what it means that a create did not find something. It looks for nothing but the directory: that was
// removed in the middle, and is made again.
func (p *place) comesBack(opened *openDirectory) error {
	if err := p.ensure(); err != nil {
		return err
	}
	if p.opened.Load() == opened {
		return &Fault{Code: NotSupported, Cause: errors.New("a file without a name could not be given one"), Advice: "Linux needs /proc mounted"}
	}
	return &again{why: &Fault{Code: Busy, Cause: fmt.Errorf("%s was removed each time it had been made, for a second", p.dir),
		Advice: "find out what removes it"}}
}

// createNamed is create in a directory that is there.
func (p *place) createNamed(ctx context.Context, name Name, m *making, mode Mode) (*handle, bool, error) {
	if mode == MayExist || m.Commit == CommitNow || p.namespace == Global {
		// Somebody may have it already: do not build, and above all do not reserve memory, for nothing.
		h, err := openExisting(ctx, p, name, m, mode)
		if h != nil || codeOf(err) != FileNotFound {
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
		if codeOf(err) == FileNotFound {
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

// createMissing is create where the directory is not there and cannot be made. What exists may be opened without the
// right to create; but without the directory nothing exists.
func createMissing(ctx context.Context, p *place, name Name, m *making, mode Mode, err error) (*handle, bool, error) {
	defer p.locks.begin()()
	if mode == MayExist && p.check() == nil {
		if h, openErr := openObject(ctx, p, name, m.kind, m.access); openErr == nil {
			return h, true, nil
		}
	}
	return nil, false, err
}

// openExisting opens the live object of the name for OpenOrCreate, and for Create fails because there is one.
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
	return nil, &Fault{Code: AlreadyExists}
}

// build makes a whole object that has no name yet: memory, entry, door record, own lock. Nothing of it outlives this
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

// memory is the new object's: made, adopted, or a file of the user's. The header gets what those need who will reach it.
func (m *making) memory(p *place, h *header) (memory, error) {
	if m.adopt != nil {
		return m.adopt(h)
	}
	if m.over == nil {
		return p.backing.create(p, &m.Spec, m.access, h)
	}
	if h.name != "" && p.backing.id() != backingMemfd {
		return nil, fail(NotSupported, "a section over a file can have a name in Linux' Local namespace alone")
	}
	mem, identity, err := overMemory(&m.Spec, m.access)
	h.identity = identity
	return mem, err
}

// write writes a new entry's bytes.
func (e *entry) write() error {
	if err := fits(int64(len(e.first))); err != nil {
		return err
	}
	n, err := writeAt(e.fd, e.first, 0)
	if err == nil && n != len(e.first) {
		return unix.ENOSPC
	}
	return err
}

// door is the record by which others can reach the memory through this handle; nil where they need none, or where
// the handle has no slot. Then they look through /proc.
func (h *handle) door() []byte {
	if h.mem.descriptor() < 0 || h.at >= slotCount {
		return nil
	}
	return door{pid: int32(h.pid), descriptor: int32(h.mem.descriptor()), mode: int32(h.mem.openMode())}.encode()
}

// writeDoor writes the record of a handle on an entry that is there. Where this process may not write a file as long as
// that, others find its memory without: by searching.
func (h *handle) writeDoor() error {
	record, at := h.door(), slotsAt+h.at*slotLen
	if record == nil || fits(at+slotLen) != nil {
		return nil
	}
	_, err := writeAt(h.entry.fd, record, at)
	return err
}

func newHeader(p *place, name Name, m *making) *header {
	h := &header{
		kind: m.kind, size: m.Size, protection: m.Protection, backing: p.backing.id(), attributes: m.attributes,
		maximum: m.maximum, created: time.Now().UnixNano(), name: name.Base, mode: 0o600,
	}
	crand.Read(h.token[:])
	return h
}

// createUnnamed makes memory that no name leads to.
func createUnnamed(p *place, m *making) (*handle, error) {
	defer p.locks.begin()()
	if p.backing.id() == backingFile && m.over == nil {
		// This backing has no memory without an entry; this one loses its temporary name at once.
		made, err := build(p, Name{}, m)
		if err == nil {
			forgetEntry(made.entry)
		}
		return made, err
	}
	h := newHeader(p, Name{}, m)
	mem, err := m.memory(p, h)
	if err != nil {
		return nil, err
	}
	made := &handle{place: p, mem: mem, size_: h.size, protect: h.protection, access: m.access, attributes: h.attributes, pid: processID()}
	if m.prepare != nil {
		if err := m.prepare(made); err != nil {
			mem.close()
			return nil, err
		}
	}
	return made, nil
}

func newHandle(p *place, e *entry, mem memory, access Access) *handle {
	return &handle{
		place: p, entry: e, mem: mem, size_: e.size, protect: e.protection, access: access, attributes: e.attributes,
		pid: processID(),
	}
}

// publish gives the object its name, in one step. false without an error: the name is taken.
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

// discard throws away an object that never got its name.
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
	defer p.locks.begin()()
	return openObject(ctx, p, name, KindSection, access)
}

func openObject(ctx context.Context, p *place, name Name, kind Kind, access Access) (*handle, error) {
	return inPlace(p, func() (*handle, error) {
		return retry(ctx, func() (*handle, error) { return p.openNamed(name.Base, kind, access) })
	})
}

// inPlace runs an operation that looks for a name. What it does not find it may have looked for in a directory that is
// not there any more; then it runs again in the new one.
func inPlace[T any](p *place, operation func() (T, error)) (v T, err error) {
	for range 2 {
		if err := p.known(); err != nil {
			return v, err
		}
		before := p.opened.Load()
		v, err = operation()
		if code := codeOf(err); code != FileNotFound && code != FileCorrupt {
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

// openNamed is one attempt to open: memory first, lock second, then look again. So whoever holds a lock holds the
// memory too, and can be reached, wherever it is stopped or killed.
func (p *place) openNamed(base string, kind Kind, access Access) (*handle, error) {
	e, err := p.openEntry(base, p.backing.openFlags())
	if err != nil {
		return nil, err
	}
	if mistake("lock before door") {
		p.locks.lock(e)
	}
	mem, err := p.take(e, kind, access)
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
		e.done()
		return h, nil
	}
	// Our lock may have made somebody else's last Close believe that it was not the last.
	h.release()
	return nil, err
}

// take finds out whether the object is alive and of the right kind, and takes hold of its memory.
func (p *place) take(e *entry, kind Kind, access Access) (memory, error) {
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

// settle finds out whether an object is alive: nil. A dead one is buried: FileNotFound. A lock counts only if the path
// still leads here after it was seen: an opener that lost a race has its lock for a moment on an entry already removed.
func (p *place) settle(e *entry) error {
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

// probe says what kind of live object has the name, and takes nothing.
func (p *place) probe(base string) (Kind, error) {
	e, err := p.openEntry(base, p.backing.openFlags())
	if err != nil {
		return 0, err
	}
	defer p.locks.closeEntry(e)
	if err := p.settle(e); err != nil {
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
	defer p.locks.begin()()
	_, err = inPlace(p, func() (Kind, error) {
		return retry(context.Background(), func() (Kind, error) { return p.probe(name.Base) })
	})
	return err == nil
}

// mine reports whether this process opened the handle. A forked child has the descriptors, but they are its parent's.
func (h *handle) mine() bool { return h.pid == processID() }

// close gives the handle back: unlock first, so that of two simultaneous last closers at least one sees that it is
// the last; the memory goes only then, so that nobody finds a lock without memory behind it.
func (h *handle) close() error {
	if h.entry == nil {
		return h.mem.close()
	}
	if !h.mine() {
		// The lock belongs to the descriptor that parent and child share: unlocking would take it from the parent.
		if mistake("the child of a fork unlocks") {
			h.place.locks.unlock(h.entry)
		}
		unix.Close(h.entry.fd)
		return h.mem.close()
	}
	defer h.place.locks.begin()()
	return h.release()
}

// release is close for a handle of this process, inside an operation.
func (h *handle) release() error {
	lookFirst := mistake("close looks before it unlocks")
	if lookFirst {
		h.place.backing.last(h.place, h.entry)
	}
	err := h.place.locks.unlock(h.entry)
	if !lookFirst {
		// Also if the lock could not be dropped: the descriptor's closing drops it, and then it is too late to look.
		h.place.backing.last(h.place, h.entry)
	}
	h.place.locks.closeEntry(h.entry)
	if memErr := h.mem.close(); err == nil {
		err = memErr
	}
	if err != nil {
		return h.place.fault("close", h.entry.path(), err)
	}
	return nil
}

// mapView checks in Windows' order: access of the handle, alignment, protection of the section, range.
func (h *handle) mapView(offset, length int64, access Access) (nativeView, error) {
	if h.mine() && !h.allows(access) {
		return nativeView{}, fail(AccessDenied, "the handle was not opened for this access")
	}
	return h.mapRange(offset, length, access, func(mapped []byte) ([]byte, error) { return mapped, nil })
}

// mapRange is mapView without a look at the handle's access. settle says where the view comes to lie.
func (h *handle) mapRange(offset, length int64, access Access, settle func([]byte) ([]byte, error)) (nativeView, error) {
	switch {
	case !h.mine():
		return nativeView{}, fail(InvalidHandle, "the handle belongs to process %d, which forked this one", h.pid)
	case offset%Granularity != 0:
		return nativeView{}, fail(MappedAlignment, "offset %d", offset)
	case length < 0:
		return nativeView{}, fail(InvalidParameter, "the length is %d bytes", length)
	case demands(access)&^h.protect.grants() != 0:
		return nativeView{}, fail(InvalidParameter, "the section's protection forbids it")
	case offset < 0 || offset >= h.size_:
		return nativeView{}, fail(AccessDenied, "offset %d is not inside the section of %d bytes", offset, h.size_)
	case length > h.size_-offset:
		return nativeView{}, fail(AccessDenied, "%d bytes from offset %d reach past the end of the section of %d bytes", length, offset, h.size_)
	}
	if length == 0 {
		length = h.size_ - offset
	}
	if length > addressable {
		return nativeView{}, tooWide(length)
	}
	mapped, err := h.mem.view(offset, roundToPages(length), access)
	if err == nil {
		mapped, err = settle(mapped)
	}
	if err != nil {
		return nativeView{}, mapFault(err, length)
	}
	_, segment := h.mem.(interface{ snapshots() })
	return nativeView{mapped: mapped, asked: int(length), snapshot: segment}, nil
}

// demands is what a view needs: Copy counts only where it stands alone (Execute aside).
func demands(access Access) Access {
	need := access & Execute
	if access&(Read|Write|Copy) == 0 {
		return Read // a view that can be neither read nor run still needs the right to read
	}
	if access&Write != 0 {
		need |= Write
	}
	if access&Read != 0 || access&Write == 0 {
		need |= Read
	}
	return need
}

// allows reports whether the handle grants what a view needs. A handle opened with Copy alone may be read.
func (h *handle) allows(access Access) bool {
	granted := h.access
	if granted&Copy != 0 && granted&^(Copy|Execute) == 0 {
		granted |= Read
	}
	return demands(access)&^granted == 0
}

// nativeView is a mapped range.
type nativeView struct {
	mapped   []byte
	asked    int
	snapshot bool // a copy-on-write view of it was copied at once
}

func (v *nativeView) bytes() []byte { return v.mapped[:v.asked] }
func (v *nativeView) length() int   { return v.asked }
func (v *nativeView) flush() error  { return nil }

func (v *nativeView) unmap() error {
	if err := unmap(v.mapped); err != nil {
		return mapFault(os.NewSyscallError("munmap", err), int64(len(v.mapped)))
	}
	return nil
}
