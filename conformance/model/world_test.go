package model

// This file is the kernel as the model has it: files, descriptions, descriptors, locks, segments. Indexes of what may
// be missing count from one, so that zero is none.

const (
	maxProcesses   = 3
	maxFiles       = 7
	maxOpen        = 9
	maxDescriptors = 5
	maxSlots       = 3
	maxMemories    = 8
	maxNotes       = 5
)

// world is a state: all that is shared, and all that each process remembers.
type world struct {
	path      uint8 // the file that the name leads to
	files     [maxFiles]file
	open      [maxOpen]description
	processes [maxProcesses]process
	notes     [maxNotes]note // records of intent, in the System V backing
	burial    uint8          // the process that has the burial lock
	made      memories       // segments that exist
	marked    memories       // of these, those that go with their last attachment
	kills     uint8          // how many more there will be

	// What nobody knows but the judge.
	published memories // what ever had the name
	gone      memories // what somebody was told is not there
}

// memories is a set of memories.
type memories uint8

func (a memories) has(id uint8) bool { return id > 0 && a>>(id-1)&1 != 0 }
func one(id uint8) memories          { return 1 << (id - 1) }

// file is an inode: an entry.
type file struct {
	used      bool
	complete  bool  // the header is written
	temporary bool  // it has the name that an unpublished file of the file backing has
	memory    uint8 // what the header says the memory is
	doors     [maxSlots]door
}

// door is a record: a process, and its descriptor. A process that is born anew has the number of the dead one.
type door struct{ process, descriptor uint8 }

// description is an open file description. It has the locks.
type description struct {
	file      uint8
	lock      uint8 // the slot of the handle that it belongs to, or random
	exclusive bool  // on the whole liveness range
}

const random = 100 // a lock on a byte that nobody else has

// descriptor is what a process has under one number.
type descriptor struct {
	kind kind
	of   uint8 // a description, or a memory
}

type kind uint8

const (
	closed kind = iota
	entryFile
	memory     // a memfd, or the memory part of a file, as a descriptor that /proc shows
	attachment // of a segment: nobody else can use it
)

// note is a record of intent: what its owner is about to make. Without an owner it is a dead creator's.
type note struct{ memory, owner uint8 }

// process is what one process has and remembers.
type process struct {
	life        life
	left        uint8 // operations that it may begin
	descriptors [maxDescriptors]descriptor
	holds       bool  // it has a handle
	copied      bool  // it has the descriptors of the process that forked it
	own, mem    uint8 // the descriptors of the handle, or of what is being made

	// Of the operation that runs:
	op       operation
	pc       step
	built    bool // what is to be created is made, but for its name
	sweeping bool // looks only for what is dead
	closing  bool // a handle, or what would have been one, is given back
	exiting  bool // a door led to a process on its way out
	moved    bool // the burial failed
	entry    uint8
	reached  uint8
	writable uint8
	at       uint8 // of a loop
	hint     uint8 // the slot behind the door that opened
	doors    [maxSlots]door

	// What nobody knows but the judge: what was so at some moment of the operation, and what was so when it began.
	sawNone, sawSome bool
	born             memories // got the name meanwhile
	goneBefore       memories
}

type life uint8

const (
	unborn life = iota
	alive
	exiting // killed: its descriptors are being closed
	dead
)

type operation uint8

const (
	noOperation operation = iota
	create
	openIt
	openOrCreate
	closeIt
	hoard // a stranger's: takes a lock and keeps it
)

func (o operation) String() string {
	return [...]string{"nothing", "Create", "Open", "OpenOrCreate", "Close", "a hoarder's lock"}[o]
}

// looksUp says that an operation is one whose answer depends on what has the name.
func (o operation) looksUp() bool { return o == create || o == openIt || o == openOrCreate }

// newFile is the number of a file that is free. Numbers are used again, as inodes are.
func (w *world) newFile() uint8 {
	for i := range w.files {
		if !w.files[i].used {
			w.files[i] = file{used: true}
			return uint8(i + 1)
		}
	}
	panic("the model has too few files")
}

func (w *world) file(n uint8) *file { return &w.files[n-1] }

// newMemory is a memory that nothing remembers. (Real ones have numbers that are never used again.)
func (w *world) newMemory() uint8 {
	used := w.remembered()
	for id := uint8(1); id <= maxMemories; id++ {
		if !used.has(id) {
			return id
		}
	}
	panic("the model has too few memories")
}

// remembered is every memory that something refers to.
func (w *world) remembered() memories {
	used := w.made
	for i := range w.files {
		if f := &w.files[i]; f.used && f.memory > 0 {
			used |= one(f.memory)
		}
	}
	for i := range w.processes {
		for _, d := range w.processes[i].descriptors {
			if d.kind == memory || d.kind == attachment {
				used |= one(d.of)
			}
		}
	}
	for _, n := range w.notes {
		if n.memory > 0 {
			used |= one(n.memory)
		}
	}
	return used
}

// freeNote is a record that names nothing.
func (w *world) freeNote() *note {
	for i := range w.notes {
		if w.notes[i] == (note{}) {
			return &w.notes[i]
		}
	}
	panic("the model has too few records of intent")
}

// noteOf is the record that a process has locked.
func (w *world) noteOf(who uint8) *note {
	for i := range w.notes {
		if w.notes[i].owner == who {
			return &w.notes[i]
		}
	}
	return nil
}

// attached is the segments that somebody has attached.
func (w *world) attached() memories {
	var all memories
	for i := range w.processes {
		for _, d := range w.processes[i].descriptors {
			if d.kind == attachment {
				all |= one(d.of)
			}
		}
	}
	return all
}

// take gives a process the lowest descriptor that is free.
func (p *process) take(d descriptor) uint8 {
	for i := range p.descriptors {
		if p.descriptors[i].kind == closed {
			p.descriptors[i] = d
			return uint8(i + 1)
		}
	}
	panic("the model has too few descriptors")
}

// openFile opens a file once more.
func (w *world) openFile(p *process, f uint8) uint8 {
	for i := range w.open {
		if w.open[i].file == 0 {
			w.open[i] = description{file: f}
			return p.take(descriptor{entryFile, uint8(i + 1)})
		}
	}
	panic("the model has too few descriptions")
}

// description is what a descriptor of an entry leads to.
func (w *world) description(p *process, n uint8) *description {
	return &w.open[p.descriptors[n-1].of-1]
}

// drop closes a descriptor and forgets its number.
func (w *world) drop(p *process, n *uint8) {
	if *n > 0 {
		w.closeDescriptor(p, *n-1)
		*n = 0
	}
}

func (w *world) closeDescriptor(p *process, i uint8) {
	d := p.descriptors[i]
	p.descriptors[i] = descriptor{}
	switch d.kind {
	case entryFile:
		for q := range w.processes {
			for _, other := range w.processes[q].descriptors {
				if other == d {
					return
				}
			}
		}
		w.open[d.of-1] = description{}
	case attachment:
		if w.marked.has(d.of) && !w.attached().has(d.of) {
			w.made &^= one(d.of)
			w.marked &^= one(d.of)
		}
	}
}

// sight is what a look at the liveness range shows, of what others than one description hold.
type sight uint8

const (
	nobody sight = iota
	holders
	burier
)

func (w *world) look(of *description) sight {
	seen := nobody
	for i := range w.open {
		d := &w.open[i]
		if d == of || d.file != of.file {
			continue
		}
		if d.exclusive {
			return burier
		}
		if d.lock > 0 {
			seen = holders
		}
	}
	return seen
}

// tryExclusive locks the whole range.
func (w *world) tryExclusive(d *description) bool {
	if w.look(d) != nobody {
		return false
	}
	d.exclusive, d.lock = true, 0
	return true
}

// tryLock locks a slot, or with random a byte that nobody else has.
func (w *world) tryLock(d *description, lock uint8) bool {
	for i := range w.open {
		other := &w.open[i]
		if other != d && other.file == d.file && (other.exclusive || lock != random && other.lock == lock) {
			return false
		}
	}
	d.lock = lock
	return true
}

// slotLocked reports whether a handle has a slot.
func (w *world) slotLocked(f, slot uint8) bool {
	for i := range w.open {
		if w.open[i].file == f && w.open[i].lock == slot {
			return true
		}
	}
	return false
}

// doorOpens is what a living process has under a number. One that exits has no descriptors that can be seen.
func (w *world) doorOpens(d door) descriptor {
	if d.process == 0 || w.processes[d.process-1].life != alive || d.descriptor == 0 {
		return descriptor{}
	}
	return w.processes[d.process-1].descriptors[d.descriptor-1]
}

// lives reports whether the name lives: the file that it leads to is locked, and its memory is not gone.
func (w *world) lives(segments bool) bool {
	if w.path == 0 || segments && !w.made.has(w.file(w.path).memory) {
		return false
	}
	return w.look(&description{file: w.path}) == holders
}
