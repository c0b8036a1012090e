package model

import "fmt"

// This file is the protocol, as internal/kernel/object.go and the backings have it: one function for each system call
// that others can see the effect of, or whose answer depends on what others do.

// backing says which of the three it is.
type backing uint8

const (
	memfdBacking backing = iota
	sysvBacking
	fileBacking
)

// step is the next system call of a process.
type step uint8

const (
	idle step = iota
	makeMemory
	takeNote
	getSegment
	attachNew
	markSegment
	clearNote
	sweepTemporary
	makeEntry
	lockNew
	writeEntry
	link
	unlinkTemporary
	openPath
	readDoors
	askSlot
	enterDoor
	lookAround
	lookAtPath
	lookAtSegment
	readDoorsAgain
	search
	attachSegment
	reopenMemory
	lockSlot
	lookForBurier
	lockRandom
	writeDoor
	lookAgain
	takeBurialLock
	lookUnderLock
	openWritable
	lockExclusive
	lookBeforeUnlink
	unlink
	closeWritable
	dropBurialLock
	endBurial
	lookForOthers
	unlock
	lookIfLast
	closeEntry
	closeMemory
	closeCopies
	openForHoard
	lockForHoard
)

// program is what each step does.
var program = [...]func(*turn){
	idle: nil, makeMemory: (*turn).makeMemory, takeNote: (*turn).takeNote, getSegment: (*turn).getSegment,
	attachNew: (*turn).attachNew, markSegment: (*turn).markSegment, clearNote: (*turn).clearNote,
	sweepTemporary: (*turn).sweepTemporary, makeEntry: (*turn).makeEntry, lockNew: (*turn).lockNew,
	writeEntry: (*turn).writeEntry, link: (*turn).link, unlinkTemporary: (*turn).unlinkTemporary,
	openPath: (*turn).openPath, readDoors: (*turn).readDoors, askSlot: (*turn).askSlot, enterDoor: (*turn).enterDoor,
	lookAround: (*turn).lookAround, lookAtPath: (*turn).lookAtPath, lookAtSegment: (*turn).lookAtSegment,
	readDoorsAgain: (*turn).readDoorsAgain, search: (*turn).search, attachSegment: (*turn).attachSegment,
	reopenMemory: (*turn).reopenMemory, lockSlot: (*turn).lockSlot, lookForBurier: (*turn).lookForBurier,
	lockRandom: (*turn).lockRandom, writeDoor: (*turn).writeDoor, lookAgain: (*turn).lookAgain,
	takeBurialLock: (*turn).takeBurialLock, lookUnderLock: (*turn).lookUnderLock, openWritable: (*turn).openWritable,
	lockExclusive: (*turn).lockExclusive, lookBeforeUnlink: (*turn).lookBeforeUnlink, unlink: (*turn).unlink,
	closeWritable: (*turn).closeWritable, dropBurialLock: (*turn).dropBurialLock, endBurial: (*turn).endBurial,
	lookForOthers: (*turn).lookForOthers, unlock: (*turn).unlock, lookIfLast: (*turn).lookIfLast,
	closeEntry: (*turn).closeEntry, closeMemory: (*turn).closeMemory, closeCopies: (*turn).closeCopies,
	openForHoard: (*turn).openForHoard, lockForHoard: (*turn).lockForHoard,
}

// turn is one step of one process.
type turn struct {
	m   *names
	w   *world
	p   *process
	who uint8 // from one
}

func (t *turn) say(format string, args ...any) {
	if t.m.say != nil {
		t.m.say(fmt.Sprintf("process %d  ", t.who) + fmt.Sprintf(format, args...))
	}
}

func (t *turn) then(next step) { t.p.pc = next }

// isReader says that the process may not write the directory.
func (t *turn) isReader() bool { return t.m.readers>>(t.who-1)&1 != 0 }

// begin begins an operation.
func (t *turn) begin(op operation) {
	t.say("begins %v", op)
	t.p.op = op
	if op != closeIt {
		t.p.left--
	}
	if op.looksUp() {
		t.p.goneBefore = t.w.gone
	}
	switch {
	case op == hoard:
		t.then(openForHoard)
	case op == closeIt && t.p.copied && t.m.mistake != childUnlocks:
		t.then(closeCopies)
	case op == closeIt:
		t.p.closing = true
		t.then(unlock)
		if t.m.mistake == closeLooksFirst {
			t.then(lookForOthers)
		}
	case op == create && t.m.backing == memfdBacking:
		t.then(makeMemory)
	case op == create && t.m.backing == fileBacking:
		t.then(sweepTemporary)
	default:
		t.then(openPath)
	}
}

// end ends the operation, of which nothing is remembered.
func (t *turn) end(answer string) {
	t.say("%v is done: %s", t.p.op, answer)
	p := t.p
	*p = process{
		life: p.life, left: p.left, descriptors: p.descriptors, holds: p.holds, copied: p.copied, own: p.own, mem: p.mem,
	}
}

// build begins to make what is to be created.
func (t *turn) build() {
	t.p.built, t.p.sweeping = true, false
	switch t.m.backing {
	case memfdBacking:
		t.then(makeMemory)
	case sysvBacking:
		t.then(takeNote)
		if t.m.mistake == noIntent {
			t.then(getSegment)
		}
	case fileBacking:
		t.then(makeEntry)
	}
}

func (t *turn) makeMemory() {
	t.p.built = true
	id := t.w.newMemory()
	t.p.mem = t.p.take(descriptor{memory, id})
	t.say("memfd_create: memory %d is descriptor %d", id, t.p.mem)
	t.then(makeEntry)
}

// takeNote locks a record of intent that is nobody's, and sweeps what a dead creator wrote down in it.
func (t *turn) takeNote() {
	for i := range t.w.notes {
		n := &t.w.notes[i]
		if n.owner != 0 {
			continue
		}
		switch id := n.memory; {
		case !t.w.made.has(id) || t.w.marked.has(id):
		case !t.w.attached().has(id):
			t.say("sweeps segment %d, which a dead creator left", id)
			t.w.made &^= one(id)
		case t.m.mistake != clearAttached:
			continue // who has it may be on his way out
		}
		n.memory = 0
	}
	n := t.w.freeNote()
	n.owner = t.who
	n.memory = t.w.newMemory()
	t.say("writes down that it will make segment %d", n.memory)
	t.then(getSegment)
}

func (t *turn) getSegment() {
	id := t.w.newMemory()
	if n := t.w.noteOf(t.who); n != nil {
		id = n.memory
	}
	t.w.made |= one(id)
	t.p.at = id
	t.say("shmget: segment %d", id)
	t.then(attachNew)
}

func (t *turn) attachNew() {
	t.p.mem = t.p.take(descriptor{attachment, t.p.at})
	t.say("shmat: attaches segment %d", t.p.at)
	t.p.at = 0
	t.then(markSegment)
}

func (t *turn) markSegment() {
	id := t.p.descriptors[t.p.mem-1].of
	t.w.marked |= one(id)
	t.say("shmctl: marks segment %d for removal", id)
	t.then(clearNote)
}

func (t *turn) clearNote() {
	if n := t.w.noteOf(t.who); n != nil {
		*n = note{}
	}
	t.say("clears its record of intent")
	t.then(makeEntry)
}

// sweepTemporary removes the files of creators that died before they gave them their name. (Their age protects those
// of the living until these have a lock; here it is known who lives.)
func (t *turn) sweepTemporary() {
	for i := range t.w.files {
		f := &t.w.files[i]
		inUse := false
		for j := range t.w.open {
			inUse = inUse || t.w.open[j].file == uint8(i+1)
		}
		if f.temporary && !inUse {
			t.say("removes the temporary name of file %d", i+1)
			f.temporary = false
		}
	}
	t.p.sweeping = true
	t.then(openPath)
}

func (t *turn) makeEntry() {
	n := t.w.newFile()
	f := t.w.file(n)
	t.p.own = t.w.openFile(t.p, n)
	if t.m.backing == fileBacking {
		f.temporary, f.memory = true, t.w.newMemory()
		t.p.mem = t.p.take(descriptor{memory, f.memory})
		t.say("makes file %d under a temporary name", n)
	} else {
		f.memory = t.p.descriptors[t.p.mem-1].of
		t.say("open(O_TMPFILE): file %d is descriptor %d", n, t.p.own)
	}
	t.then(lockNew)
}

func (t *turn) lockNew() {
	d := t.w.description(t.p, t.p.own)
	lock := uint8(random)
	if t.m.backing == memfdBacking {
		lock = 1
	}
	t.w.tryLock(d, lock)
	t.say("locks file %d", d.file)
	t.then(writeEntry)
	if t.m.mistake == linkFirst {
		t.then(link)
	}
}

func (t *turn) writeEntry() {
	f := t.w.file(t.w.description(t.p, t.p.own).file)
	f.complete = true
	if t.m.backing == memfdBacking {
		f.doors[0] = door{t.who, t.p.mem}
	}
	t.say("writes the entry: its memory is %d", f.memory)
	t.then(link)
	switch {
	case t.m.mistake != linkFirst:
	case t.m.backing == fileBacking:
		t.then(unlinkTemporary)
	default:
		t.created()
	}
}

func (t *turn) link() {
	n := t.w.description(t.p, t.p.own).file
	if t.w.path != 0 {
		t.say("link: the name is taken")
		t.then(openPath)
		return
	}
	t.w.path = n
	id := t.w.file(n).memory
	t.w.published |= one(id)
	for i := range t.w.processes {
		if q := &t.w.processes[i]; q.op == openIt {
			q.born |= one(id)
		}
	}
	t.say("link: the name leads to file %d", n)
	switch {
	case t.m.mistake == linkFirst:
		t.then(writeEntry)
	case t.m.backing == fileBacking:
		t.then(unlinkTemporary)
	default:
		t.created()
	}
}

func (t *turn) unlinkTemporary() {
	t.w.file(t.w.description(t.p, t.p.own).file).temporary = false
	t.say("removes the temporary name")
	t.created()
}

func (t *turn) created() {
	t.p.holds = true
	t.end("created")
}

// openPath begins a look-up.
func (t *turn) openPath() {
	if t.w.path == 0 {
		t.say("open: there is no entry")
		t.absent()
		return
	}
	t.p.entry = t.w.openFile(t.p, t.w.path)
	t.say("open: the entry is file %d", t.w.path)
	if !t.w.file(t.w.path).complete {
		t.m.wrong = "half an entry was found"
	}
	switch {
	case t.p.op == create || t.p.sweeping || t.m.backing == sysvBacking:
		t.then(lookAround)
	case t.m.backing == fileBacking:
		t.then(lookAround)
		switch t.m.mistake {
		case noLook:
			t.then(reopenMemory)
		case lockBeforeLook:
			t.then(lockRandom)
		}
	default:
		t.then(readDoors)
	}
}

func (t *turn) header() *file { return t.w.file(t.w.description(t.p, t.p.entry).file) }

func (t *turn) readDoors() {
	t.p.doors = t.header().doors
	t.say("reads the doors")
	t.p.at = 0
	t.then(askSlot)
	if t.m.mistake == lockBeforeDoor {
		t.then(lockSlot)
	}
}

// askSlot asks for the next slot with a record whether its handle lives.
func (t *turn) askSlot() {
	for ; t.p.at < t.m.slots; t.p.at++ {
		if t.p.doors[t.p.at].process == 0 {
			continue
		}
		n := t.w.description(t.p, t.p.entry).file
		if t.w.slotLocked(n, t.p.at+1) {
			t.say("slot %d is locked", t.p.at+1)
			t.then(enterDoor)
			return
		}
		t.say("slot %d is not locked", t.p.at+1)
		t.p.at++
		return
	}
	t.p.at = 0
	t.then(lookAround)
	t.lookAround()
}

func (t *turn) enterDoor() {
	d := t.p.doors[t.p.at]
	found := t.w.doorOpens(d)
	if found == (descriptor{memory, t.header().memory}) || t.m.mistake == trustDoors && found.kind != closed {
		t.p.hint = (t.p.at + 1) % t.m.slots
		t.say("the door to descriptor %d of process %d opens", d.descriptor, d.process)
		t.enter(found)
		return
	}
	t.say("the door to descriptor %d of process %d leads nowhere", d.descriptor, d.process)
	t.p.exiting = t.p.exiting || t.w.processes[d.process-1].life == exiting
	t.p.at++
	t.then(askSlot)
}

// enter takes hold of the memory.
func (t *turn) enter(found descriptor) {
	t.p.reached = t.p.take(found)
	t.p.doors, t.p.exiting = [maxSlots]door{}, false
	if found.kind == entryFile {
		t.m.wrong = "something else was taken for the memory"
	}
	t.p.at = 0
	t.then(lockSlot)
	switch t.m.mistake {
	case lockBeforeDoor:
		t.then(writeDoor)
	case lookBeforeLock:
		t.then(lookAgain)
	}
}

// lookAround is settle's first half: who has the entry locked?
func (t *turn) lookAround() {
	d := t.w.description(t.p, t.p.entry)
	switch seen := t.w.look(d); {
	case seen == burier:
		t.say("somebody is burying file %d", d.file)
		t.again()
	case seen == nobody:
		t.say("nobody has file %d locked", d.file)
		d.lock = 0
		t.bury()
	case t.p.op != create && t.m.backing == sysvBacking:
		t.say("file %d is locked", d.file)
		t.then(attachSegment)
	default:
		t.say("file %d is locked", d.file)
		t.then(lookAtPath)
		if t.m.mistake == lockAnywhere {
			t.lives()
		}
	}
}

// lookAtPath is the second: does the name still lead there?
func (t *turn) lookAtPath() {
	d := t.w.description(t.p, t.p.entry)
	if t.w.path != d.file {
		t.say("the name does not lead to file %d any more", d.file)
		t.again()
		return
	}
	t.say("the name still leads to file %d", d.file)
	t.lives()
}

// lives goes on where the object seems to live.
func (t *turn) lives() {
	switch {
	case t.p.op == create && t.m.backing == sysvBacking && t.m.mistake != lockIsLife:
		t.then(lookAtSegment)
	case t.p.op == create || t.p.sweeping:
		t.exists()
	case t.m.backing == fileBacking:
		t.then(reopenMemory)
	case t.p.exiting:
		t.again()
	default:
		t.then(readDoorsAgain)
	}
}

func (t *turn) lookAtSegment() {
	if t.w.made.has(t.header().memory) {
		t.say("the segment is there")
		t.exists()
		return
	}
	t.say("the segment is gone")
	t.bury()
}

func (t *turn) readDoorsAgain() {
	if t.p.doors != t.header().doors {
		t.say("the doors have changed")
		t.again()
		return
	}
	t.say("the doors have not changed")
	t.p.at = 0
	t.then(search)
}

// search looks through the descriptors of one process after the other.
func (t *turn) search() {
	want := descriptor{memory, t.header().memory}
	q := uint8(0)
	for t.p.at>>q&1 != 0 {
		q++
	}
	if t.m.told {
		q = t.m.searched
	}
	t.m.searched = q % maxProcesses
	if t.p.at == 1<<t.m.processes-1 {
		t.again()
		return
	}
	t.p.at |= 1 << q
	for n := range uint8(maxDescriptors) {
		if t.w.doorOpens(door{q + 1, n + 1}) == want {
			t.say("process %d has the memory", q+1)
			t.enter(want)
			return
		}
	}
	t.say("process %d has not the memory", q+1)
}

func (t *turn) attachSegment() {
	id := t.header().memory
	if !t.w.made.has(id) {
		t.say("shmat: segment %d is gone", id)
		t.bury()
		if t.m.mistake == lockIsLife {
			t.again()
		}
		return
	}
	t.say("shmat: attaches segment %d", id)
	t.p.reached = t.p.take(descriptor{attachment, id})
	t.then(lockRandom)
}

func (t *turn) reopenMemory() {
	d := t.w.description(t.p, t.p.entry)
	if t.w.path != d.file {
		t.say("open: the name does not lead to file %d any more", d.file)
		t.again()
		return
	}
	t.say("open: the memory of file %d", d.file)
	t.p.reached = t.p.take(descriptor{memory, t.header().memory})
	t.then(lockRandom)
	if t.m.mistake == lockBeforeLook {
		t.then(lookAgain)
	}
}

func (t *turn) lockSlot() {
	slot := (t.p.hint + t.p.at) % t.m.slots
	d := t.w.description(t.p, t.p.entry)
	if t.w.tryLock(d, slot+1) {
		t.say("locks slot %d of file %d", slot+1, d.file)
		t.p.at = 0
		t.locked()
		return
	}
	t.say("slot %d of file %d is not to be had", slot+1, d.file)
	t.then(lookForBurier)
}

func (t *turn) lookForBurier() {
	if t.w.look(t.w.description(t.p, t.p.entry)) == burier {
		t.say("somebody is burying the file")
		t.p.at = 0
		t.release()
		return
	}
	t.say("nobody is burying the file")
	t.p.at++
	t.then(lockSlot)
	if t.p.at == t.m.slots {
		t.p.at = 0
		t.then(lockRandom)
	}
}

func (t *turn) lockRandom() {
	d := t.w.description(t.p, t.p.entry)
	if !t.w.tryLock(d, random) {
		t.say("no byte of file %d is to be had", d.file)
		t.release()
		return
	}
	t.say("locks a byte of file %d", d.file)
	t.locked()
}

// locked goes on with the own lock.
func (t *turn) locked() {
	d := t.w.description(t.p, t.p.entry)
	switch {
	case t.m.mistake == lockBeforeDoor && t.p.reached == 0:
		t.then(askSlot)
	case t.m.mistake == lockBeforeLook:
		t.then(lookAround)
	case d.lock != random:
		t.then(writeDoor)
	case t.m.mistake == noSecondLook || t.m.mistake == lookBeforeLock:
		t.opened()
	default:
		t.then(lookAgain)
	}
}

func (t *turn) writeDoor() {
	d := t.w.description(t.p, t.p.entry)
	if d.lock != random {
		t.w.file(d.file).doors[d.lock-1] = door{t.who, t.p.reached}
		t.say("writes its door to slot %d", d.lock)
	}
	t.then(lookAgain)
	if t.m.mistake == noSecondLook || t.m.mistake == lookBeforeLock {
		t.opened()
	}
}

func (t *turn) lookAgain() {
	d := t.w.description(t.p, t.p.entry)
	if t.w.path != d.file {
		t.say("the name does not lead to file %d any more", d.file)
		t.release()
		return
	}
	t.say("the name still leads to file %d", d.file)
	if t.m.mistake == lookBeforeLock {
		t.then(lockSlot)
		return
	}
	t.opened()
}

// opened makes a handle of what was found. What was built for nothing goes.
func (t *turn) opened() {
	p := t.p
	if p.built {
		t.discard()
	}
	p.own, p.mem = p.entry, p.reached
	p.holds = true
	id := t.w.file(t.w.description(p, p.own).file).memory
	if p.goneBefore.has(id) {
		t.m.wrong = "an object was opened of which somebody had been told before that it is not there"
	}
	if !p.sawSome {
		t.m.wrong = "an object was opened that nobody had at any moment since Open began"
	}
	t.end("opened")
}

// exists is what Create finds where the name is taken.
func (t *turn) exists() {
	if t.p.sweeping {
		t.w.drop(t.p, &t.p.entry)
		t.build()
		return
	}
	if !t.p.sawSome {
		t.m.wrong = "Create says that there is an object, and there was none at any moment since it began"
	}
	if t.p.goneBefore.has(t.header().memory) {
		t.m.wrong = "Create says that there is an object of which somebody had been told before that it is not there"
	}
	t.w.drop(t.p, &t.p.entry)
	t.discard()
	t.end("it exists")
}

func (t *turn) discard() {
	if t.p.own > 0 {
		t.w.file(t.w.description(t.p, t.p.own).file).temporary = false
	}
	t.w.drop(t.p, &t.p.own)
	t.w.drop(t.p, &t.p.mem)
}

// absent is what a look-up ends with where nothing lives.
func (t *turn) absent() {
	switch {
	case t.p.op == openIt:
		if !t.p.sawNone {
			t.m.wrong = "Open says that there is no object, and there was a handle at every moment since it began"
		}
		if !t.isReader() {
			t.w.gone |= t.w.published &^ t.p.born
		}
		t.end("not found")
	case t.p.built:
		t.then(link)
	default:
		t.build()
	}
}

// again begins the look-up anew.
func (t *turn) again() {
	t.w.drop(t.p, &t.p.entry)
	t.w.drop(t.p, &t.p.reached)
	t.p.at, t.p.hint, t.p.exiting, t.p.moved, t.p.doors = 0, 0, false, false, [maxSlots]door{}
	if t.p.sweeping { // a sweep looks once
		t.build()
		return
	}
	t.then(openPath)
}
