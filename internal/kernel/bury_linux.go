package kernel

// sweepOthers buries what has no name: what rehearsals and the backing leave besides entries.
func (p *place) sweepOthers() []Burial {
	p.pin() // doctor calls this outside of an operation
	defer p.unpin()
	return append(p.sweepRehearsals(), p.backing.sweep(p)...)
}
