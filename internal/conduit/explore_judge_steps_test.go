//go:build namedshm_steps

package conduit

import (
	"fmt"
	"unsafe"
)

// This file is the judge: what must be so of what processes do, whatever the code is like.

// judge is what the judge remembers.
type judge struct {
	seated uint8 // who has a seat
	ever   uint8 // of the senders and writers: who has had an end
	bye    uint8 // who has begun to close
	died   bool  // one who had an end

	mine    [mostProcesses]int16 // the cell of the end word that a process has, and 1; 0 for none
	begun   [mostProcesses]uint8 // messages whose commit has begun
	visible [mostProcesses]uint8 // and of which the tail tells
	done    [mostProcesses]uint8 // and whose commit has returned
	opened  [mostProcesses]uint8

	got    [mostProcesses]uint8 // the last message that anybody got of a sender
	last   [mostProcesses]uint8 // that its present receiver got
	acked  [mostProcesses]uint8 // that is done with
	atHand int8                 // of whom the message is that was returned last, and 1
	begins bool                 // the receiver is a successor, which may get messages once more

	published [mostNumbers]uint16  // what a feed's messages are: whose, and which of it
	newest    uint8                // the highest number that has been told
	number    [mostProcesses]uint8 // that a reader got last
	floor     [mostProcesses]uint8 // what was the newest when its call began
	witness   uint8                // for whom there was a moment at which all had ended and all was read
}

func (e *exploration) wrongly(format string, args ...any) {
	if e.wrong == "" {
		e.wrong = fmt.Sprintf(format, args...)
	}
}

func (e *exploration) role(who int) string { return e.scenario.processes[who].role }

// is reports whether a cell is some field of the memory.
func (e *exploration) is(cell int16, field unsafe.Pointer) bool {
	return e.offsets[cell] == uintptr(field)-uintptr(unsafe.Pointer(unsafe.SliceData(e.memory)))
}

// value is what stands in a field.
func (e *exploration) value(w *world, field unsafe.Pointer) uint64 {
	offset := uintptr(field) - uintptr(unsafe.Pointer(unsafe.SliceData(e.memory)))
	if cell, known := e.cells[offset]; known {
		return w.cells[cell]
	}
	return 0
}

func (e *exploration) lane(i int) *lane { return laneOf(e.memory, i) }

// endWordAt is the end word that a cell is, or nil.
func (e *exploration) endWordAt(cell int16) bool {
	if e.is(cell, unsafe.Pointer(&controlOf(e.memory).receiver.word)) {
		return true
	}
	for i := range e.head.lanes {
		if e.is(cell, unsafe.Pointer(&e.lane(i).end.word)) {
			return true
		}
	}
	return false
}

// changed is a store that has arrived.
func (e *exploration) changed(w *world, who int, cell int16, before uint64) {
	j := &w.judge
	now := w.cells[cell]
	switch {
	case e.endWordAt(cell):
		e.changedEnd(w, who, cell, now)
	case e.head.kind == KindFeed:
		e.changedFeed(w, who, cell, now)
	default:
		for i := range e.head.lanes {
			if e.is(cell, unsafe.Pointer(&e.lane(i).tail)) {
				j.visible[who] = j.begun[who]
			}
		}
	}
}

func (e *exploration) changedEnd(w *world, who int, cell int16, now uint64) {
	j := &w.judge
	for i := range e.scenario.processes {
		if p := &w.processes[i]; i != who && j.mine[i] == cell+1 && p.life != dead {
			e.wrongly("process %d changes the end word of process %d, which lives", who, i)
		}
		if i != who && j.mine[i] == cell+1 {
			j.mine[i] = 0
		}
	}
	j.mine[who] = 0
	if now&closedBit == 0 && seatOf(now) == e.seatOf(who) {
		j.mine[who] = cell + 1
		if role := e.role(who); role == "sender" || role == "writer" {
			j.ever |= 1 << who
		} else {
			j.begins = j.got != [mostProcesses]uint8{}
			j.last, j.atHand = [mostProcesses]uint8{}, 0
		}
	}
}

func (e *exploration) changedFeed(w *world, who int, cell int16, now uint64) {
	j := &w.judge
	slots := slotsOf(e.memory, e.head)
	if e.is(cell, unsafe.Pointer(&e.lane(0).tail)) {
		j.newest, j.visible[who] = uint8(now), j.begun[who]
		return
	}
	for n := uint64(1); n <= uint64(e.head.depth); n++ {
		if e.is(cell, unsafe.Pointer(slots.of(n))) && now%2 == 0 {
			id := uint16(who+1)<<8 | uint16(j.begun[who])
			if j.published[now/2] != 0 && j.published[now/2] != id {
				e.wrongly("two messages have the number %d", now/2)
			}
			j.published[now/2] = id
		}
	}
}

// bereave is a death, or a stop.
func (e *exploration) bereave(w *world, who int) {
	if w.processes[who].life == dead && w.judge.mine[who] != 0 {
		w.judge.died = true
	}
}

// began is the beginning of a call.
func (e *exploration) began(w *world, who int, s *step) {
	j := &w.judge
	j.floor[who] = j.newest
	j.witness &^= 1 << who
	switch c := e.scenario.processes[who].calls[s.n]; c.does {
	case "open":
		j.seated |= 1 << who
	case "close":
		j.bye |= 1 << who
	case "commit":
		j.begun[who] = uint8(s.new)
	case "write":
		j.begun[who]++
	}
}

// over is the end of a call.
func (e *exploration) over(w *world, who int, s *step) {
	j := &w.judge
	c, got := e.scenario.processes[who].calls[s.n], &s.end
	switch got.code {
	case codeOther:
		e.wrongly("process %d: %s: %v", who, c.does, e.nodes[w.processes[who].node].err)
		return
	case codeInvalid:
		if e.scenario.processes[who].invalid != s.n {
			e.wrongly("process %d: %s is refused", who, c.does)
		}
		return
	case codeBusy:
		j.seated &^= 1 << who
		if !e.scenario.busy {
			e.wrongly("process %d: %s: busy", who, c.does)
		}
		return
	case codeEOF, codeUnexpected:
		e.overEnd(w, who, got)
		return
	case codeClosed:
		if e.receives(w) {
			e.wrongly("process %d is told that the receiver is gone", who)
		}
		return
	}
	switch c.does {
	case "open":
		j.opened[who] = 1
	case "close":
		j.seated &^= 1 << who
	case "commit":
		j.done[who] = j.begun[who]
	case "write":
		j.done[who] = j.begun[who]
	case "done":
		if j.atHand > 0 {
			j.acked[j.atHand-1] = j.last[j.atHand-1]
		}
	case "drain":
		if j.got[who] != j.done[who] {
			e.wrongly("process %d has drained its lane, and of %d messages %d were received", who, j.done[who],
				j.got[who])
		}
	case "next", "latest":
		if e.head.kind == KindRing {
			e.received(w, who, got)
		} else {
			e.read(w, who, got, c.does == "latest")
		}
	}
}

// receives reports whether a receiver lives which has not begun to close.
func (e *exploration) receives(w *world) bool {
	for i := range e.scenario.processes {
		if e.role(i) == "receiver" && w.processes[i].life != dead && w.judge.bye>>i&1 == 0 && w.judge.opened[i] != 0 {
			return true
		}
	}
	return false
}

// overEnd is the end of a call that has told that all is over.
func (e *exploration) overEnd(w *world, who int, got *result) {
	j := &w.judge
	switch {
	case j.witness>>who&1 == 0:
		e.wrongly("process %d is told that all is over, and at no moment of its call it was", who)
	case got.code == codeUnexpected && !j.died:
		e.wrongly("process %d is told of a death, and nobody has died", who)
	}
}

// whole takes a message's words apart. All must be those of one message.
func (e *exploration) whole(got *result) (from int, k uint8, ok bool) {
	for i := range got.n {
		word := got.words[i]
		from, k = int(word>>32)-1, uint8(word>>16)
		if from < 0 || from >= len(e.scenario.processes) || word != wordOf(from, int(k), i,
			got.n) || i > 0 && got.words[0] != wordOf(from, int(k), 0, got.n) {
			e.wrongly("a torn message: %#x", got.words[:got.n])
			return 0, 0, false
		}
	}
	return from, k, got.n > 0
}

// received is a message that a receiver has got.
func (e *exploration) received(w *world, who int, got *result) {
	j := &w.judge
	from, k, ok := e.whole(got)
	switch {
	case !ok:
		e.wrongly("a message without words")
		return
	case k > j.begun[from]:
		e.wrongly("message %d of process %d was received, and only %d were committed", k, from, j.begun[from])
	case j.last[from] == 0 && j.begins && k > j.acked[from] && k <= j.got[from]+1:
		// A successor, which gets some once more.
	case k != j.got[from]+1 && (j.last[from] == 0 || k != j.last[from]+1):
		e.wrongly("process %d got message %d of process %d after %d; %d had been got by anybody, and %d were done with",
			who, k, from, j.last[from], j.got[from], j.acked[from])
	}
	j.last[from], j.atHand = k, int8(from+1)
	j.got[from] = max(j.got[from], k)
}

// read is a message that a reader has got.
func (e *exploration) read(w *world, who int, got *result, latest bool) {
	j := &w.judge
	if !got.ok {
		if !latest || j.floor[who] > 0 {
			e.wrongly("process %d has read nothing", who)
		}
		return
	}
	from, k, ok := e.whole(got)
	if !ok {
		return
	}
	id, n := uint16(from+1)<<8|uint16(k), uint8(got.number)
	switch {
	case latest:
	case j.number[who] > 0 || e.scenario.all:
		n = j.number[who] + uint8(got.lost) + 1
	default:
		for n = 1; n < mostNumbers-1 && j.published[n] != id; {
			n++
		}
	}
	switch {
	case j.published[n] != id:
		e.wrongly("process %d has read message %d of process %d as number %d, %d lost", who, k, from, n, got.lost)
	case latest && (n < j.floor[who] || n < j.number[who]), !latest && n <= j.number[who]:
		e.wrongly("process %d has read number %d after %d; the newest was %d", who, n, j.number[who], j.floor[who])
	}
	j.number[who] = n
}

// witness looks for whom all has ended and is read at this moment.
func (e *exploration) witness(w *world) {
	j := &w.judge
	ended := j.ever != 0
	for i := range e.head.lanes {
		word := e.value(w, unsafe.Pointer(&e.lane(i).end.word))
		ended = ended && (word == 0 || word&closedBit != 0 || !e.taken(w, -1, uint64(seatOf(word))))
	}
	if !ended {
		return
	}
	for i := range e.scenario.processes {
		switch e.role(i) {
		case "receiver":
			if e.allReceived(w) {
				j.witness |= 1 << i
			}
		case "reader":
			if j.number[i] >= j.newest || j.number[i] == 0 && !e.scenario.all {
				j.witness |= 1 << i
			}
		}
	}
}

func (e *exploration) allReceived(w *world) bool {
	for i := range e.scenario.processes {
		if w.judge.got[i] < w.judge.visible[i] {
			return false
		}
	}
	return true
}

// rest is for a state in which nothing more can happen, unless somebody dies or stops. Who sleeps must have reason to.
func (e *exploration) rest(w *world) string {
	j := &w.judge
	for i := range e.scenario.processes {
		p := &w.processes[i]
		if p.life != alive {
			continue
		}
		if s := e.step(p); s.kind != stepOver && !p.asleep {
			return fmt.Sprintf("process %d can never go on", i)
		}
		if !p.asleep {
			continue
		}
		e.sleeps++
		switch e.role(i) {
		case "receiver":
			for k := range e.scenario.processes {
				if j.got[k] < j.done[k] || j.died && j.got[k] < j.visible[k] {
					return fmt.Sprintf("process %d sleeps, and has not got message %d of process %d", i, j.got[k]+1, k)
				}
			}
		case "reader":
			for k := range e.scenario.processes {
				if j.done[k] > 0 && j.number[i] < j.newest && w.processes[k].life != stopped {
					return fmt.Sprintf("process %d sleeps after number %d, and the newest is %d", i, j.number[i],
						j.newest)
				}
			}
		case "sender":
			if wrong := e.waitsForRoom(w, i); wrong != "" {
				return wrong
			}
			continue
		}
		if j.witness>>i&1 != 0 {
			return fmt.Sprintf("process %d sleeps, and all has ended", i)
		}
	}
	return ""
}

// waitsForRoom says why a sender should not. A receiver that waits too has said that it has read all.
func (e *exploration) waitsForRoom(w *world, who int) string {
	if e.value(w, unsafe.Pointer(&controlOf(e.memory).receiver.word)) == 0 {
		return "" // there was none yet
	}
	for i := range e.scenario.processes {
		if e.role(i) != "receiver" || w.judge.opened[i] == 0 {
			continue
		}
		switch p := &w.processes[i]; {
		case p.asleep:
			return fmt.Sprintf("process %d waits for room, and the receiver for messages", who)
		case p.life == alive && w.judge.bye>>i&1 == 0, p.life == stopped:
			return "" // it does not read any more
		}
	}
	return fmt.Sprintf("process %d waits for room, and nobody receives", who)
}

// lookingOn is the Explorer of a patrol: it shows a look the memory as it is.
type lookingOn struct {
	e *exploration
	w *world
}

func (o *lookingOn) Load(at unsafe.Pointer, _ int, _ bool) uint64 {
	cell, _ := o.e.at(at)
	if cell == noCell {
		return 0
	}
	return o.w.cells[cell]
}
func (o *lookingOn) Store(unsafe.Pointer, int, uint64, bool)       { panic("a look stores") }
func (o *lookingOn) Swap(unsafe.Pointer, int, uint64, uint64) bool { panic("a look stores") }
func (o *lookingOn) Add(unsafe.Pointer, uint32)                    { panic("a look stores") }
func (o *lookingOn) Fence(bool)                                    {}
func (o *lookingOn) Copy([]byte, []byte, bool)                     { panic("a look copies") }
func (o *lookingOn) Sleep(unsafe.Pointer, uint32)                  { panic("a look sleeps") }
func (o *lookingOn) Wake(unsafe.Pointer)                           { panic("a look wakes") }
