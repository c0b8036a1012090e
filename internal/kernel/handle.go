//go:build unix && !aix

package kernel

import "golang.org/x/sys/unix"

// nativeSection is an open section: a handle.
type nativeSection = *handle

// handle is one open reference to an object.
type handle struct {
	place   *place
	entry   *entry // nil for an unnamed object
	at      int64  // its locked byte
	mem     memory
	size_   int64
	protect Protection
	access  Access
	// attributes are the header's.
	attributes uint32
	pid        int // the process whose handle it is; a forked child has a copy of it, but no handle
	seat       seat
	lent       lending
}

func (h *handle) size() int64     { return h.size_ }
func (h *handle) granted() Access { return h.access }

func newHandle(p *place, e *entry, mem memory, access Access) *handle {
	return &handle{
		place: p, entry: e, mem: mem, size_: e.size, protect: e.protection, access: access, attributes: e.attributes,
		pid: processID(),
	}
}

// mine reports whether this process opened the handle. A forked child has the descriptors, but they are its parent's.
func (h *handle) mine() bool { return h.pid == processID() }

// close gives the handle back. It unlocks first, so that of two simultaneous last closers at least one sees that it is
// the last. Only then does the memory go, so that nobody finds a lock without memory behind it.
func (h *handle) close() error {
	h.recall()
	h.getUp()
	if h.entry == nil {
		return h.closeMemory()
	}
	if !h.mine() {
		// Parent and child share the descriptor and therefore the lock: unlocking would take it from the parent.
		if mistake("the child of a fork unlocks") {
			h.place.locks.unlock(h.entry)
		}
		if h.entry.ours() {
			unix.Close(h.entry.fd)
		}
		return h.closeMemory()
	}
	defer h.place.begin().end()
	return h.closeOurs()
}

// closeOurs is close for a handle of this process, inside an operation. If the entry's descriptor is lost, so is its
// lock, and the entry is no longer the handle's to remove.
func (h *handle) closeOurs() error {
	lookFirst := mistake("close looks before it unlocks")
	if lookFirst {
		h.place.backing.buryIfLast(h.place, h.entry)
	}
	err := h.place.locks.unlock(h.entry)
	if !lookFirst && err != errLost {
		// Even if unlock failed: closing the descriptor drops the lock, and then it is too late to look.
		h.place.backing.buryIfLast(h.place, h.entry)
	}
	if err != errLost {
		h.place.locks.closeEntry(h.entry)
	}
	if memErr := h.closeMemory(); err == nil {
		err = memErr
	}
	if err != nil {
		return h.place.fault("close", h.entry.path(), err)
	}
	return nil
}
