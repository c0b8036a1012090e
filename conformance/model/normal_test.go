package model

// This file makes one state of many that differ in nothing but numbers. It forgets what nothing refers to, as the
// kernel does, numbers files, descriptions and memories in the order in which they are found, and where processes are
// alike puts them in an order too.

// renaming is the new numbers of things.
type renaming struct {
	from, to           *world
	files              [maxFiles + 1]uint8
	open               [maxOpen + 1]uint8
	memories           [maxMemories + 1]uint8
	nFiles, nOpen, nIs uint8
}

func (r *renaming) memory(id uint8) uint8 {
	if id > 0 && r.memories[id] == 0 {
		r.nIs++
		r.memories[id] = r.nIs
	}
	return r.memories[id]
}

func (r *renaming) file(n uint8) uint8 {
	if n > 0 && r.files[n] == 0 {
		r.nFiles++
		r.files[n] = r.nFiles
		f := &r.to.files[r.nFiles-1]
		*f = r.from.files[n-1]
		f.memory = r.memory(f.memory)
	}
	return r.files[n]
}

func (r *renaming) description(n uint8) uint8 {
	if n > 0 && r.open[n] == 0 {
		r.nOpen++
		r.open[n] = r.nOpen
		d := &r.to.open[r.nOpen-1]
		*d = r.from.open[n-1]
		d.file = r.file(d.file)
	}
	return r.open[n]
}

func (r *renaming) set(old memories) (renamed memories) {
	for id := uint8(1); id <= maxMemories; id++ {
		if old.has(id) && r.memories[id] > 0 {
			renamed |= one(r.memories[id])
		}
	}
	return renamed
}

// forget forgets what nothing refers to, and leaves all numbers as they are.
func (w *world) forget() {
	for i := range w.files {
		n := uint8(i + 1)
		inUse := w.path == n || w.files[i].temporary
		for j := range w.open {
			inUse = inUse || w.open[j].file == n
		}
		if !inUse {
			w.files[i] = file{}
		}
	}
	used := w.remembered()
	w.published &= used
	w.gone &= used
	for i := range w.processes {
		w.processes[i].born &= used
		w.processes[i].goneBefore &= used
	}
}

// normalize numbers everything anew. Segments that exist are kept whoever refers to them.
func (w *world) normalize() {
	from := *w
	r := renaming{from: &from, to: w}
	w.files, w.open = [maxFiles]file{}, [maxOpen]description{}
	for i := range w.processes {
		for j := range w.processes[i].descriptors {
			switch d := &w.processes[i].descriptors[j]; d.kind {
			case entryFile:
				d.of = r.description(d.of)
			case memory, attachment:
				d.of = r.memory(d.of)
			}
		}
	}
	w.path = r.file(w.path)
	for i := range from.files {
		if from.files[i].temporary {
			r.file(uint8(i + 1))
		}
	}
	for i := range w.notes {
		w.notes[i].memory = r.memory(w.notes[i].memory)
	}
	for id := uint8(1); id <= maxMemories; id++ {
		if from.made.has(id) {
			r.memory(id)
		}
	}
	w.made, w.marked, w.published, w.gone = r.set(w.made), r.set(w.marked), r.set(w.published), r.set(w.gone)
	for i := range w.processes {
		p := &w.processes[i]
		p.born, p.goneBefore = r.set(p.born), r.set(p.goneBefore)
		if p.pc == attachNew { // the segment's number is all that it has of it
			p.at = r.memory(p.at)
		}
	}
}

// before says which of two processes comes first.
func (p *process) before(q *process) bool {
	switch {
	case p.life != q.life:
		return p.life < q.life
	case p.left != q.left:
		return p.left < q.left
	case p.op != q.op:
		return p.op < q.op
	case p.pc != q.pc:
		return p.pc < q.pc
	case p.holds != q.holds:
		return q.holds
	case p.own != q.own:
		return p.own < q.own
	}
	return p.entry < q.entry
}

// order puts the first n processes in order, and says who stands where.
func (w *world) order(n int) (who [maxProcesses]uint8, changed bool) {
	who = [maxProcesses]uint8{0, 1, 2}
	for i := 1; i < n; i++ {
		for j := i; j > 0 && w.processes[who[j]].before(&w.processes[who[j-1]]); j-- {
			who[j], who[j-1] = who[j-1], who[j]
			changed = true
		}
	}
	return who, changed
}

// rearrange gives processes other numbers: who[i] becomes i.
func (w *world) rearrange(who [maxProcesses]uint8) {
	from := *w
	var now [maxProcesses + 1]uint8 // from one
	for i, old := range who {
		now[old+1] = uint8(i + 1)
	}
	w.burial = now[w.burial]
	for i, old := range who {
		p := &w.processes[i]
		*p = from.processes[old]
		for j := range p.doors {
			p.doors[j].process = now[p.doors[j].process]
		}
		if p.pc == search {
			p.at = 0
			for q := range uint8(maxProcesses) {
				p.at |= from.processes[old].at >> q & 1 << (now[q+1] - 1)
			}
		}
	}
	for i := range w.notes {
		w.notes[i].owner = now[w.notes[i].owner]
	}
	for i := range w.files {
		for j := range w.files[i].doors {
			d := &w.files[i].doors[j]
			d.process = now[d.process]
		}
	}
}
