//go:build unix && !aix

package kernel

import (
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// replacedDirectories are a place's previous descriptors. In a sandbox nearly every create brings a new one, since the
// last object takes the directory with it: see removeEmpty. Operations that began before may still be using the old
// number in another goroutine. So operations are counted, and replaced descriptors are closed when none runs. An
// operation that begins later finds the new descriptor, which was in place before the old one was put here.
type replacedDirectories struct {
	operations atomic.Int64
	any        atomic.Bool
	mu         sync.Mutex
	kept       []*openDirectory
}

// operation is one that uses a place's directory or entries.
type operation struct {
	place *place
	locks func()
}

// begin starts an operation, as liveness.begin says. Operations must not be nested.
func (p *place) begin() operation {
	p.pin()
	return operation{p, p.locks.begin()}
}

func (o operation) end() {
	o.locks()
	o.place.unpin()
}

// pin keeps the directory's descriptor open until unpin, even if it is replaced. It is for callers that use nothing
// else of the place, or that may be inside an operation.
func (p *place) pin() { p.replaced.operations.Add(1) }

func (p *place) unpin() {
	if r := p.replaced; r.operations.Add(-1) == 0 && r.any.Load() {
		r.closeUnused()
	}
}

// retire takes a replaced descriptor, to be closed later.
func (p *place) retire(d *openDirectory) {
	r := p.replaced
	r.mu.Lock()
	defer r.mu.Unlock()
	r.kept = append(r.kept, d)
	r.any.Store(true)
}

// closeUnused closes what was replaced, unless an operation has begun meanwhile. It leaves a descriptor that is no
// longer the library's.
func (r *replacedDirectories) closeUnused() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.operations.Load() != 0 {
		return
	}
	for _, d := range r.kept {
		if leadsTo(d.fd, d.device, d.inode) {
			unix.Close(d.fd)
		}
	}
	r.kept = nil
	r.any.Store(false)
}
