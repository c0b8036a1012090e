package model

// This file is the end of handles and names.

// bury begins to remove an entry that seems dead.
func (t *turn) bury() {
	switch t.m.backing {
	case memfdBacking:
		t.then(lockExclusive)
	case sysvBacking:
		t.then(takeBurialLock)
	case fileBacking:
		t.then(openWritable)
	}
	if t.m.mistake == noExclusive && t.m.backing != sysvBacking {
		t.then(lookBeforeUnlink)
	}
}

func (t *turn) takeBurialLock() {
	switch {
	case t.isReader():
		t.say("may not bury")
		t.then(endBurial)
	case t.m.mistake == noBurialLock:
		t.then(lookUnderLock)
	case t.w.burial != 0:
		t.say("somebody has the burial lock")
		if t.p.closing && t.m.mistake != closeGivesUp {
			t.then(lookIfLast) // he may be about to leave the entry, or be burying another one
			return
		}
		t.p.moved = true
		t.then(endBurial)
	default:
		t.w.burial = t.who
		t.say("takes the burial lock")
		t.then(lookUnderLock)
	}
}

func (t *turn) lookUnderLock() {
	if !t.w.made.has(t.header().memory) {
		t.say("the segment is gone")
		t.then(lookBeforeUnlink)
		return
	}
	t.say("the segment is there")
	t.then(openWritable)
}

func (t *turn) openWritable() {
	d := t.w.description(t.p, t.p.entry)
	if t.w.path != d.file {
		t.say("open for writing: the name does not lead to file %d any more", d.file)
		t.p.moved = true
		t.then(closeWritable)
		return
	}
	t.p.writable = t.w.openFile(t.p, d.file)
	t.say("opens file %d for writing", d.file)
	t.then(lockExclusive)
	if t.m.mistake == noExclusive {
		t.then(lookBeforeUnlink)
	}
}

func (t *turn) lockExclusive() {
	n := t.p.entry
	if t.p.writable > 0 {
		n = t.p.writable
	}
	d := t.w.description(t.p, n)
	if t.w.tryExclusive(d) {
		t.say("locks file %d exclusively", d.file)
		t.then(lookBeforeUnlink)
		return
	}
	t.say("file %d cannot be locked exclusively", d.file)
	t.p.moved = true
	t.then(closeWritable)
}

func (t *turn) lookBeforeUnlink() {
	d := t.w.description(t.p, t.p.entry)
	if t.w.path == d.file {
		t.say("the name still leads to file %d", d.file)
		t.then(unlink)
		return
	}
	t.say("the name does not lead to file %d any more", d.file)
	t.then(closeWritable)
}

// unlink removes whatever the name leads to.
func (t *turn) unlink() {
	t.say("unlinks the name of file %d", t.w.path)
	t.w.path = 0
	t.then(closeWritable)
}

func (t *turn) closeWritable() {
	if t.p.writable > 0 {
		t.say("closes the entry that was open for writing")
		t.w.drop(t.p, &t.p.writable)
	}
	t.then(dropBurialLock)
	if t.m.backing != sysvBacking {
		t.endBurial()
	}
}

func (t *turn) dropBurialLock() {
	if t.w.burial == t.who {
		t.say("drops the burial lock")
		t.w.burial = 0
	}
	t.then(endBurial)
}

// endBurial goes on where the burial was for.
func (t *turn) endBurial() {
	switch {
	case t.p.closing:
		t.then(closeEntry)
	case t.p.moved:
		t.say("begins again")
		t.again()
	default:
		t.say("closes the entry")
		t.w.drop(t.p, &t.p.entry)
		t.p.at, t.p.exiting, t.p.doors = 0, false, [maxSlots]door{}
		t.absent()
	}
}

// release gives back what an open had taken hold of, before it begins again.
func (t *turn) release() {
	t.p.closing = true
	t.then(unlock)
}

// lookForOthers is no step of the protocol: it is what a close would do that looked before it unlocked.
func (t *turn) lookForOthers() {
	seen := t.w.look(t.w.description(t.p, t.p.own))
	t.say("looks for others before it unlocks")
	t.p.moved = seen != nobody
	t.then(unlock)
}

func (t *turn) unlock() {
	p := t.p
	if p.op == closeIt {
		p.entry, p.reached = p.own, p.mem
		p.own, p.mem, p.holds = 0, 0, false
	}
	d := t.w.description(p, p.entry)
	d.lock = 0
	t.say("unlocks file %d", d.file)
	switch {
	case t.m.mistake == closeLooksFirst && p.moved:
		t.then(closeEntry)
	case t.m.backing == memfdBacking:
		t.then(lockExclusive)
	default:
		t.then(lookIfLast)
	}
	p.moved = false
}

func (t *turn) lookIfLast() {
	d := t.w.description(t.p, t.p.entry)
	if t.w.look(d) == nobody {
		t.say("nobody has file %d locked", d.file)
		t.bury()
		return
	}
	t.say("file %d is locked", d.file)
	t.then(closeEntry)
}

func (t *turn) closeEntry() {
	t.say("closes the entry")
	t.w.drop(t.p, &t.p.entry)
	t.then(closeMemory)
}

func (t *turn) closeMemory() {
	t.say("closes the memory")
	t.w.drop(t.p, &t.p.reached)
	t.p.closing, t.p.copied = false, false
	if t.p.op == closeIt {
		t.end("closed")
		return
	}
	t.again()
}

// closeCopies is Close in a forked child: the lock is its parent's.
func (t *turn) closeCopies() {
	t.say("closes its copies")
	t.w.drop(t.p, &t.p.own)
	t.w.drop(t.p, &t.p.mem)
	t.p.copied = false
	t.end("closed")
}

// fork gives another process copies of all descriptors.
func (t *turn) fork() {
	child := &t.w.processes[t.m.child]
	*child = process{life: alive, left: 1, copied: true, descriptors: t.p.descriptors, own: t.p.own, mem: t.p.mem}
	t.say("forks process %d", t.m.child+1)
}

func (t *turn) openForHoard() {
	if t.w.path == 0 {
		t.end("there is nothing to lock")
		return
	}
	t.p.own = t.w.openFile(t.p, t.w.path)
	t.say("open: the entry is file %d", t.w.path)
	t.then(lockForHoard)
}

func (t *turn) lockForHoard() {
	d := t.w.description(t.p, t.p.own)
	if t.w.tryLock(d, random) {
		t.say("locks a byte of file %d for ever", d.file)
	}
	t.end("locked")
}

// die is a SIGKILL. From now on nobody can look into the process, and its locks on control files go.
func (t *turn) die() {
	t.say("is killed")
	p := t.p
	*p = process{life: exiting, left: p.left, descriptors: p.descriptors}
	t.w.kills--
	if t.w.burial == t.who {
		t.w.burial = 0
	}
	if n := t.w.noteOf(t.who); n != nil {
		n.owner = 0
	}
	if p.highest(true) < 0 && p.highest(false) < 0 {
		p.life = dead
	}
}

// highest is the highest descriptor that a process has: of files, or of attachments.
func (p *process) highest(attachments bool) int {
	for i := len(p.descriptors) - 1; i >= 0; i-- {
		if kind := p.descriptors[i].kind; kind != closed && (kind == attachment) == attachments {
			return i
		}
	}
	return -1
}

// exit is what the kernel does next for a process that was killed: it closes one file after the other, from the highest
// descriptor down, and detaches segments. It does that before, unless somebody still uses the dead process's memory.
func (t *turn) exit(attachments bool) {
	n := t.p.highest(attachments)
	t.say("exits: the kernel closes descriptor %d", n+1)
	t.w.closeDescriptor(t.p, uint8(n))
	if t.p.highest(true) < 0 && t.p.highest(false) < 0 {
		t.p.life = dead
	}
}
