//go:build unix && !aix

package kernel

import "github.com/namedshm/namedshm/internal/waiting"

// stateOf reads the state of a waitable object whose entry is open, inside an operation, and changes nothing in it.
func (p *place) stateOf(e *entry) (s *State, err error) {
	m, err := p.backing.reach(p, e, Read)
	if err != nil {
		return nil, err
	}
	defer m.close()
	if e.size < roundToPages(waiting.Size) {
		return nil, e.corrupt("its state is too small")
	}
	mapped, err := m.view(0, roundToPages(waiting.Size), Read)
	if err != nil {
		return nil, mapFault(err, waiting.Size)
	}
	defer unmap(mapped)
	c := configOf(e, Read)
	c.Words, c.Fragile, c.Namespace = mapped, p.backing.nature().fragile, pidNamespace()
	var o waiting.Object
	o.Open(c)
	if c.Fragile {
		defer o.Guard(&err)()
	}
	if file, err := p.backing.openSeats(e, m); err == nil {
		o.LookAround(&seats{handle: &handle{place: p, entry: e}, file: file, inside: true})
		if file != e {
			defer p.locks.closeEntry(file)
		}
	}
	return o.Describe(), nil
}
