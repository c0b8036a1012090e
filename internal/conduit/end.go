package conduit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/namedshm/namedshm/internal/fault"
	"github.com/namedshm/namedshm/internal/kernel"
	"github.com/namedshm/namedshm/internal/waiting"
)

// end is what all four have in common. It belongs to one goroutine at a time, but for Close, which may come while a
// call waits.
type end struct {
	name      string
	memory    []byte
	head      *head
	structure *Structure
	control   *control
	seats     Seats
	fragile   bool // others can cut the memory short
	release   func() (free func(), err error)

	mine    *endWords // the own one; nil for a reader
	parting func()    // what its kind of end says before its goodbye; nil for nothing
	taken   uint64    // what was stored there
	page    *int64    // where this process's number stands, unless it is a forked child
	pid     int64

	over    bool         // it is closed
	abroad  bool         // its quick half is code in another language: see OutsideEnd
	uses    waiting.Uses // of the memory, by calls that wait
	sleeper *waiting.Sleeper
	edge    edge
}

// Seats tells who lives. An end is owned by a seat: a number of 30 bits, which its owner has as long as it lives.
type Seats interface {
	// Seat is the own one; 0 for none.
	Seat() uint32
	// SeatTaken reports whether somebody has a seat. What cannot be found out counts as taken, and SeatsSeen says
	// whether anything can.
	SeatTaken(id uint32) bool
	SeatsSeen() bool
	// SeatLost reports that the own seat is free for others, although its owner lives.
	SeatLost() bool
}

// An end word says all about who has an end, in one number, so that no two of its parts can be of different moments:
// 0 as long as nobody ever had it.
//
//	deaths 16 │ turn 16 │ closed 1 │ 0 1 │ seat 30
//
// turn makes each owner's word another one, although seats are drawn by lot. deaths counts owners that died without
// a goodbye.
const (
	seatMask   = 1<<30 - 1
	closedBit  = 1 << 31
	turnShift  = 32
	deathShift = 48
)

// successor is the word of who takes an end after another, who is closed or dead.
func successor(word uint64, seat uint32) uint64 {
	deaths, turn := word>>deathShift, word>>turnShift&0xffff
	if word != 0 && word&closedBit == 0 && deaths < 0xffff {
		deaths++
	}
	if turn++; turn > 0xffff {
		turn = 1
	}
	if fault.Mistake("an end word without a turn") {
		return uint64(seat)
	}
	return deaths<<deathShift | turn<<turnShift | uint64(seat)
}

func seatOf(word uint64) uint32 { return uint32(word & seatMask) }

// mostRounds is how many times anything is looked at that others can change all the time.
const mostRounds = 1000

// alive reports whether an end has an owner that lives, or may for all that can be found out.
func (e *end) alive(word uint64) bool {
	if word == 0 || word&closedBit != 0 {
		return false
	}
	// Who asks about a lock of its own is told that it is free.
	return seatOf(word) == e.seats.Seat() && seatOf(word) != 0 || e.seats.SeatTaken(seatOf(word))
}

// take takes an end for this one's seat, unless somebody lives who has it.
func (e *end) take(w *endWords, pid int, namespace uint32) (bool, error) {
	for range mostRounds {
		word := w.word.load()
		if e.alive(word) && !fault.Mistake("an end is taken from the living") {
			return false, nil
		}
		if fault.Mistake("the goodbye is cleared first") && word&closedBit != 0 {
			w.word.store(word &^ closedBit)
			word &^= closedBit
		}
		next := successor(word, e.seats.Seat())
		if !w.word.swap(word, next) {
			continue
		}
		w.namespace.store(namespace)
		w.since.store(uint64(time.Now().UnixNano()))
		w.who.store(uint64(e.seats.Seat())<<32 | uint64(uint32(pid)))
		e.mine, e.taken = w, next
		return true, nil
	}
	return false, fault.Fail(fault.Busy, "others take it and leave it all the time")
}

// takeFor takes an end for this process.
func (e *end) takeFor(w *endWords) (bool, error) {
	pid, namespace := kernel.Self()
	return e.take(w, pid, namespace)
}

// raiseUsed says that so many lanes were taken. It is said before one is: who has seen a lane's message finds the lane.
func (e *end) raiseUsed(n int) {
	for range mostRounds {
		if used := e.control.used.load(); used >= uint32(n) || e.control.used.swap(used, uint32(n)) {
			return
		}
	}
}

// stands reports whether this end's seat is somebody's already, who must have died with the same number.
func (e *end) stands() bool {
	if seatOf(e.control.receiver.word.load()) == e.seats.Seat() {
		return true
	}
	for i := range e.head.lanes {
		if seatOf(laneOf(e.memory, i).end.word.load()) == e.seats.Seat() {
			return true
		}
	}
	return false
}

// owns reports whether this end is still its owner's: other processes take it for dead when something in this one
// has closed the descriptor behind its seat; and in a forked child it is the parent's.
func (e *end) owns() bool {
	return !e.over && e.mine.word.load() == e.taken && atomic.LoadInt64(e.page) == e.pid
}

// disowned is why an end is not this one's any more.
func (e *end) disowned() error {
	switch {
	case e.over:
		return errClosed
	case atomic.LoadInt64(e.page) != e.pid:
		return fault.BadHandle("the end belongs to process %d, which forked this one", e.pid)
	}
	return errLost
}

var (
	errClosed = &fault.Fault{Code: fault.InvalidHandle, Cause: fault.Closed("the end is closed")}
	errLost   = fault.Advise(fault.BadHandle("another process has taken this end: "+
		"something else in this process has closed the descriptor behind it"),
		"a program that closes descriptors which it did not open must do so before it makes the first call")
)

// ownerOf says for people who has an end.
func (e *end) ownerOf(w *endWords) string {
	info := e.describe(w)
	if info.PID == 0 {
		return "a process that cannot be named"
	}
	return info.String()
}

// Close says goodbye, and gives the end back. When a call waits in another goroutine it is this call that does it,
// on its way out.
func (e *end) Close() error {
	first, free := e.uses.Close()
	switch {
	case !first:
		return errClosed
	case !free:
		e.sleeper.Rouse()
		return nil
	}
	return e.finish()
}

// finish is done by the last call that is in the end.
func (e *end) finish() (err error) {
	if e.fragile {
		defer guard(&err)()
	}
	e.over = true
	e.goodbye()
	e.sleeper.Close()
	if e.release == nil {
		return nil
	}
	_, err = e.release()
	return err
}

// goodbye is the last that an end does to what others see.
func (e *end) goodbye() {
	if e.mine == nil || e.mine.word.load() != e.taken || atomic.LoadInt64(e.page) != e.pid {
		return
	}
	if e.parting != nil {
		e.parting()
	}
	if !e.mine.word.swap(e.taken, e.taken|closedBit) {
		return
	}
	if e.mine == &e.control.receiver {
		if fault.Mistake("a receiver leaves without a word to senders") {
			return
		}
		for i := range e.usedLanes() {
			room := &laneOf(e.memory, i).room
			room.add(1)
			wake(room)
		}
		return
	}
	if !fault.Mistake("a goodbye without a bell") {
		e.ring()
	}
}

// enter begins a call that may wait. A nil error obliges to leave.
func (e *end) enter() error {
	if !e.uses.Enter() {
		return errClosed
	}
	return nil
}

func (e *end) leave() {
	if e.uses.Leave() {
		e.finish()
	}
}

// sleep sleeps while a number is this one, inside a call that waits.
func (e *end) sleep(ctx context.Context, on *word32, value uint32) error {
	if e.uses.Closed() {
		return errClosed
	}
	err := sleepOn(ctx, e.sleeper, on, value)
	switch {
	case e.uses.Closed():
		return errClosed
	case err != nil:
		return err
	case e.mine != nil && (e.seats.SeatLost() || !e.owns()):
		return e.disowned()
	}
	return nil
}

// usedLanes is how many lanes were ever taken.
func (e *end) usedLanes() int { return int(min(e.control.used.load(), uint32(e.head.lanes))) }

// ring wakes those who read, if they sleep. It is woken first and said last: who is stopped in between keeps no
// others from waking them. And only what was seen is taken back: who falls asleep meanwhile does so at another
// number.
func (e *end) ring() {
	if asleep := e.control.asleep.load(); asleep != 0 || e.head.flags&flagSilent != 0 {
		e.rouse(asleep)
	}
}

func (e *end) rouse(asleep uint32) {
	c := e.control
	if fault.Mistake("the sleepers are cleared before they are woken") {
		c.asleep.store(0)
	}
	c.rings.add(1)
	wake(&c.rings)
	if fault.Mistake("the sleepers are cleared whatever is there") {
		c.asleep.store(0)
	}
	if asleep != 0 {
		c.asleep.swap(asleep, 0)
	}
}

// sayAsleep says in the bell that somebody sleeps since this number of rings. There may be several, of whom one has
// read the number long ago. It never says an older number where a newer one stands: who rang for the older may be
// about to clear it, and would clear what another one relies on.
func (e *end) sayAsleep(rings uint32) {
	mine := asleepAt(rings)
	for range mostRounds {
		there := e.control.asleep.load()
		if there == mine || there != 0 && int32((mine-there)<<1) < 0 || e.control.asleep.swap(there, mine) {
			return
		}
	}
}

// asleepAt is what stands in the bell while somebody sleeps who fell asleep at this number of rings.
func asleepAt(rings uint32) uint32 { return rings | 1<<31 }

// Name is the name that the end was opened with.
func (e *end) Name() string { return e.name }

// Structure is that of a value.
func (e *end) Structure() *Structure { return e.structure }

// guard makes an error of a fault in memory that others can cut short. It is deferred.
func guard(err *error) func() {
	before := debug.SetPanicOnFault(true)
	return func() {
		debug.SetPanicOnFault(before)
		switch r := recover().(type) {
		case nil:
		case interface {
			error
			Addr() uintptr
		}:
			*err = &fault.Fault{Code: fault.InPageError, Cause: r}
		default:
			panic(r)
		}
	}
}

// corrupt is the error of what no honest peer writes.
func corrupt(lane int, position uint64, format string, args ...any) error {
	return fault.Fail(fault.FileCorrupt, "lane %d at %d: %s", lane, position, fmt.Sprintf(format, args...))
}

// broken is the error of one whose other side is gone: is says in which way.
func broken(is error, format string, args ...any) error {
	return &fault.Fault{Code: fault.BrokenPipe, Cause: &parting{fmt.Sprintf(format, args...), is}}
}

// parting says in its own words what a standard error says.
type parting struct {
	text string
	is   error
}

func (p *parting) Error() string { return p.text }
func (p *parting) Unwrap() error { return p.is }

// died is the error of a reader whose writer died.
func died(format string, args ...any) error { return broken(io.ErrUnexpectedEOF, format, args...) }

// errWild is the error of who has looked too often: nobody honest changes things so fast.
var errWild = &fault.Fault{Code: fault.Busy,
	Cause: errors.New("what others write changed each time it was looked at, a thousand times")}
