//go:build unix && !linux && !aix

package kernel

func (p *place) sweepOthers() []Burial { return p.backing.sweep(p) }
