//go:build linux

package faults

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/actors"
)

// scene is an operation of one process, the victim, and the situation in which it goes wrong.
type scene struct {
	name string
	does request // what the victim does
	made request // what whoever makes the object chooses, as far as it is not what the victim does

	held    bool // another process has the object
	dead    bool // the last holder of the name was killed: its entry is in the way
	orphan  bool // a creator was killed when its segment had no name and was not marked yet
	opened  bool // the victim has the object open
	mapped  bool // and a view
	fresh   bool // the victim has done nothing before, and there is no directory
	waiter  bool // the other process sleeps, waiting for the object
	sleeps  bool // what the victim waits for comes when it sleeps
	several bool // the operation is on three objects, of which this is one
	long    bool // the name is too long for the first page of the entry
	hidden  bool // the entry has no record of the way to the holder's memory: it has to be looked for
	locked  bool // the victim and the holder have parts of the file locked that the section is of

	only func(setting) bool // nil for everywhere
}

const large = 4 << 20 // a size that the kernel takes a while to free

var scenes = slices.Concat(makingScenes, lookingScenes, mappingScenes, waitingScenes, fileScenes)

var makingScenes = []scene{
	{name: "create", does: request{Op: "create"}},
	{name: "create at first", does: request{Op: "create"}, fresh: true},
	{name: "create over a dead name", does: request{Op: "create"}, dead: true},
	{name: "create after a creator that died", does: request{Op: "create"}, orphan: true, only: sysv},
	{name: "create of a held name", does: request{Op: "create"}, held: true},
	{name: "create large", does: request{Op: "create", Size: large}},
	{name: "create committed", does: request{Op: "create", Size: large, Commit: "now"}},
	{name: "create read-only", does: request{Op: "create", Access: uint32(namedshm.Read)}},
	{name: "create for a group", does: request{Op: "create", Group: "1"}, only: shared},
	{name: "create unnamed", does: request{Op: "create", Name: unnamed}, only: local},
	{name: "create a mutex", does: request{Op: "create", Kind: "mutex", Given: true}},
	{name: "create a mutex for a group", does: request{Op: "create", Kind: "mutex", Group: "1"}, only: sysv},
	{name: "create a mutex over a dead name", does: request{Op: "create", Kind: "mutex"}, dead: true},
	{name: "create of a held mutex", does: request{Op: "create", Kind: "mutex"}, held: true},
	{name: "create an event", does: request{Op: "create", Kind: "auto"}},
	{name: "create a semaphore", does: request{Op: "create", Kind: "semaphore"}},

	{name: "openorcreate", does: request{Op: "openorcreate"}},
	{name: "openorcreate of a held name", does: request{Op: "openorcreate"}, held: true},
	{name: "openorcreate over a dead name", does: request{Op: "openorcreate"}, dead: true},
	{name: "openorcreate of a held mutex", does: request{Op: "openorcreate", Kind: "mutex"}, held: true},

	{name: "open", does: request{Op: "open"}, held: true},
	{name: "open at first", does: request{Op: "open"}, held: true, fresh: true},
	{name: "open large", does: request{Op: "open", Size: large}, held: true},
	{name: "open a long name", does: request{Op: "open"}, held: true, long: true},
	{name: "open read-only", does: request{Op: "open", Access: uint32(namedshm.Read)}, held: true},
	{name: "open of a dead name", does: request{Op: "open"}, dead: true},
	{name: "open a mutex", does: request{Op: "open", Kind: "mutex"}, held: true},
	{name: "open an event", does: request{Op: "open", Kind: "manual"}, held: true},
	{name: "open a semaphore", does: request{Op: "open", Kind: "semaphore"}, held: true},
	{name: "waitopen", does: request{Op: "waitopen"}, held: true},
	{name: "waitopen of a name that comes", does: request{Op: "waitopen"}, sleeps: true},

	{name: "close", does: request{Op: "close"}, opened: true},
	{name: "close of a held name", does: request{Op: "close"}, opened: true, held: true},
	{name: "close a mutex", does: request{Op: "close", Kind: "mutex"}, opened: true},
	{name: "close of a held mutex", does: request{Op: "close", Kind: "mutex"}, opened: true, held: true},
}

var lookingScenes = []scene{
	{name: "list", does: request{Op: "list"}, held: true},
	{name: "list of a mutex", does: request{Op: "list", Kind: "mutex"}, held: true},
	{name: "list of a dead name", does: request{Op: "list"}, dead: true},
	{name: "names", does: request{Op: "names"}, held: true},
	{name: "names of which one is long", does: request{Op: "names"}, held: true, long: true},
	{name: "names at first", does: request{Op: "names"}, held: true, fresh: true},
	{name: "stat", does: request{Op: "stat"}, held: true},
	{name: "stat of a mutex", does: request{Op: "stat", Kind: "mutex"}, held: true},
	{name: "stat of a dead name", does: request{Op: "stat"}, dead: true},
	{name: "gc", does: request{Op: "bury"}, held: true},
	{name: "gc of a dead name", does: request{Op: "bury"}, dead: true},
	{name: "gc of a dead mutex", does: request{Op: "bury", Kind: "mutex"}, dead: true},
	{name: "gc after a creator that died", does: request{Op: "bury"}, orphan: true, only: sysv},
	{name: "setup", does: request{Op: "setup"}, only: global},
	{name: "setup at first", does: request{Op: "setup"}, fresh: true, only: global},
}

var mappingScenes = []scene{
	{name: "map", does: request{Op: "map", Size: large}, opened: true, held: true},
	{name: "map from an offset", does: request{Op: "map", Size: large, Offset: 1 << 16}, opened: true, held: true},
	{name: "map for reading", does: request{Op: "map", Size: large, Access: uint32(namedshm.Read)}, opened: true},
	{name: "map copy-on-write", does: request{Op: "map", Access: uint32(namedshm.Copy)}, opened: true},
	{name: "unmap", does: request{Op: "close", Size: large, Offset: 1 << 16}, opened: true, held: true, mapped: true},
	{name: "unmap when the name is gone", does: request{Op: "close"}, opened: true, mapped: true},
}

var waitingScenes = []scene{
	{name: "set", does: request{Op: "set", Kind: "auto"}, opened: true, held: true},
	{name: "set for a waiter", does: request{Op: "set", Kind: "auto"}, opened: true, held: true, waiter: true},
	{name: "set of manual reset for a waiter", does: request{Op: "set", Kind: "manual"}, opened: true, held: true,
		waiter: true},
	{name: "reset", does: request{Op: "reset", Kind: "manual"}, made: request{Given: true}, opened: true, held: true},
	{name: "pulse", does: request{Op: "pulse", Kind: "auto"}, opened: true, held: true},
	{name: "pulse of manual reset", does: request{Op: "pulse", Kind: "manual"}, made: request{Given: true}, opened: true,
		held: true},
	{name: "pulse for a waiter", does: request{Op: "pulse", Kind: "manual"}, opened: true, held: true, waiter: true},
	{name: "pulse of auto reset for a waiter", does: request{Op: "pulse", Kind: "auto"}, opened: true, held: true,
		waiter: true},
	{name: "wait for an event", does: request{Op: "wait", Kind: "auto"}, made: request{Given: true}, opened: true,
		held: true},
	{name: "wait for an event that comes", does: request{Op: "wait", Kind: "auto"}, opened: true, held: true,
		sleeps: true},
	{name: "wait for manual reset that comes", does: request{Op: "wait", Kind: "manual"}, opened: true, held: true,
		sleeps: true},
	{name: "lock", does: request{Op: "wait", Kind: "mutex"}, opened: true, held: true},
	{name: "lock that has to wait", does: request{Op: "wait", Kind: "mutex"}, made: request{Given: true}, opened: true,
		held: true, sleeps: true},
	{name: "unlock", does: request{Op: "unlock", Kind: "mutex"}, opened: true, held: true},
	{name: "unlock for a waiter", does: request{Op: "unlock", Kind: "mutex"}, opened: true, held: true, waiter: true},
	{name: "release for a waiter", does: request{Op: "release", Kind: "semaphore"}, opened: true, held: true,
		waiter: true},
	{name: "wait for a semaphore that comes", does: request{Op: "wait", Kind: "semaphore"}, opened: true, held: true,
		sleeps: true},
	{name: "try", does: request{Op: "try", Kind: "mutex"}, opened: true, held: true},
	{name: "any", does: request{Op: "any", Kind: "semaphore"}, made: request{Given: true}, opened: true, held: true,
		several: true},
	{name: "any that comes", does: request{Op: "any", Kind: "semaphore"}, opened: true, held: true, several: true,
		sleeps: true},
	{name: "all", does: request{Op: "all", Kind: "semaphore"}, made: request{Given: true}, opened: true, held: true,
		several: true},
	{name: "all that comes", does: request{Op: "all", Kind: "semaphore"}, opened: true, held: true, several: true,
		sleeps: true},
}

// unnamed stands for the empty name in a scene, which else means the scene's own.
const unnamed = "unnamed"

// several are the objects, besides its own, of an operation on several.
var several = []string{"auto", "manual"}

// play is one run of a scene, with the victim at one point.
type play struct {
	*scene
	*world
	t      *testing.T
	name   string
	path   string // of the file that the section is of
	where  string
	stamp  int64 // of the section that there is when the curtain rises
	before holdings

	victim, holder, other *actor
	kept, used            []int // handles of the holder and the victim
	view                  int   // the victim's
	waits                 bool  // the holder has been told to wait
	given                 bool  // what the victim waits for
}

// cast is who plays a scene: the victim changes when it dies.
type cast struct {
	*world
	t                     *testing.T
	victim, holder, other *actor
}

// begin sets a scene up. The victim has still to be given its command.
func (s *scene) begin(c *cast, n int) *play {
	c.t.Helper()
	p := &play{
		scene: s, world: c.world, t: c.t, victim: c.victim, holder: c.holder, other: c.other,
		name: fmt.Sprintf("%sObject%d", c.space, n), where: "at the beginning",
	}
	if s.long {
		p.name += strings.Repeat("n", 5000)
	}
	p.layFile()
	p.before = p.holdings(p.victim)
	if s.dead {
		crashed := c.start(c.t)
		crashed.must(p.making())
		crashed.Kill()
	}
	if s.orphan {
		c.leaveOrphan(p.name)
	}
	if s.held {
		p.hold()
	}
	if s.opened {
		r := p.making()
		r.Op, r.Given = "openorcreate", false
		p.used = p.openAll(p.victim, r)
	}
	if s.mapped {
		p.view = p.victim.must(request{Op: "map", Handle: p.used[0], Offset: s.does.Offset}).Handle
	}
	if s.does.Op == "unlock" {
		p.victim.must(request{Op: "wait", Handle: p.used[0]})
	}
	if s.waiter {
		p.holder.Ask(request{Op: "wait", Handle: p.kept[0]})
		p.waits = true
		eventually(p.t, "the other process sleeps", func() bool {
			return p.other.must(request{Op: "stat", Name: p.name}).Number == 1 && p.holder.Asleep()
		})
	}
	return p
}

// hold has the holder make the scene's objects.
func (p *play) hold() {
	p.t.Helper()
	p.kept = p.openAll(p.holder, p.making())
	if p.hidden {
		p.hide()
	}
	if p.isSection() {
		p.stamp = p.holder.must(p.stamping(p.kept[0])).Number
	}
}

func (s *scene) isSection() bool {
	return s.does.Kind == "" || s.does.Kind == "section" || s.does.hasFile()
}

// stamping is the command that puts a number of its own into a section.
func (p *play) stamping(handle int) request {
	return request{Op: "stamp", Kind: p.does.Kind, Size: p.does.Size, Handle: handle, Number: newStamp()}
}

// making is the command that makes the scene's object.
func (p *play) making() request {
	return request{Op: "create", Kind: p.does.Kind, Name: p.name, Size: p.does.Size, Given: p.made.Given, Path: p.path}
}

// openAll has an actor open or make the scene's objects.
func (p *play) openAll(a *actor, r request) (handles []int) {
	p.t.Helper()
	handles = []int{a.must(r).Handle}
	if p.several {
		for _, kind := range several {
			r.Kind, r.Name = kind, p.name+kind
			handles = append(handles, a.must(r).Handle)
		}
	}
	return handles
}

// command is what the victim is told.
func (p *play) command() request {
	r := p.does
	switch {
	case r.Name == unnamed:
		r.Name = ""
	case r.Name == "":
		r.Name = p.name
	}
	r.Space, r.Path = p.space, p.path
	switch {
	case p.mapped:
		r.Handle = p.view
	case p.several:
		r.Handles = p.used
	case p.opened:
		r.Handle = p.used[0]
	}
	return r
}

// give makes what the victim waits for available.
func (p *play) give() {
	p.t.Helper()
	if p.given {
		return
	}
	p.given = true
	if p.does.Op == "waitopen" {
		p.hold()
		return
	}
	kinds := []string{p.does.Kind}
	if p.several {
		kinds = append(kinds, several...)
	}
	for i, kind := range kinds {
		op := map[string]string{"auto": "set", "manual": "set", "mutex": "unlock", "semaphore": "release"}[kind]
		p.holder.must(request{Op: op, Handle: p.kept[i]})
	}
}

// giveAsleep has it given as soon as the victim sleeps.
func (p *play) giveAsleep(tr *actors.Tracer) {
	if !p.sleeps {
		return
	}
	tr.WhileAsleep = func() (enough bool) {
		p.give()
		return true
	}
}

// expected says what is wrong with an answer if nothing goes wrong; "" if it is as it ought to be.
func (p *play) expected(r reply) string {
	want, op := namedshm.Code(0), p.does.Op
	exists := p.held || p.opened
	switch {
	case op == "create" && exists:
		want = namedshm.ErrAlreadyExists
	case (op == "open" || op == "stat") && !exists:
		want = namedshm.ErrFileNotFound
	}
	switch {
	case r.code() != want, want == 0 && r.Error != nil:
		return fmt.Sprintf("%v, want code %d", r, want)
	case op == "openorcreate" && r.Created == exists:
		return fmt.Sprintf("created is %t", r.Created)
	case (op == "list" || op == "names") && slices.Contains(r.List, p.name) != exists:
		return fmt.Sprintf("%s exists: %t; the list is %q", p.name, exists, r.List)
	case slices.Contains([]string{"wait", "try", "any", "all"}, op) && !r.Acquired:
		return "nothing was acquired"
	}
	return ""
}

// arrived is for when the victim's operation has ended well: who waited for what it gives has got it.
func (p *play) arrived() {
	p.t.Helper()
	if !p.waits {
		return
	}
	p.waits = false
	var r reply
	eventually(p.t, p.where+": who waits has got it", func() bool { return p.holder.Answered(&r) })
	if !r.Acquired {
		p.t.Fatalf("%s: the one who waits: %v", p.where, r)
	}
	if p.does.Kind == "mutex" {
		p.holder.must(request{Op: "unlock", Handle: p.kept[0]})
	}
}

// gone is for when the victim's Pulse has ended, and who waited has got it: nobody else does, whatever the event was
// before.
func (p *play) gone() {
	p.t.Helper()
	if p.does.Op != "pulse" {
		return
	}
	if got := p.holder.must(request{Op: "try", Handle: p.kept[0]}); got.Acquired {
		p.t.Fatalf("%s: the event is still signaled after a Pulse", p.where)
	}
}

// intact checks that others find the object that the holder has, and cannot make another.
func (p *play) intact() {
	p.t.Helper()
	if p.kept == nil {
		return
	}
	r := p.making()
	if got := p.other.do(r); got.code() != namedshm.ErrAlreadyExists {
		p.t.Fatalf("%s: another process holds the name, but create: %v", p.where, got)
	}
	r.Op = "open"
	h := p.other.do(r)
	if h.Error != nil {
		p.t.Fatalf("%s: another process holds the name, but open: %v", p.where, h)
	}
	if p.isSection() {
		if got := p.other.must(p.stamping(h.Handle)).Number; got != p.stamp {
			p.t.Fatalf("%s: another section than the holder's was opened", p.where)
		}
	}
	p.other.must(request{Op: "close", Handle: h.Handle})
}

// over closes what the holder has, and checks that the name is then free, and that it can be used anew. buryFirst says
// which comes first: what is left is to go when it is asked for, and just as well when somebody needs its place.
func (p *play) over(buryFirst bool) {
	p.t.Helper()
	for _, h := range p.kept {
		p.holder.must(request{Op: "close", Handle: h})
	}
	p.locksKept(p.holder, holdersByte)
	if buryFirst {
		p.nothingLeft(p.t, p.other)
	}
	r := p.making()
	r.Op = "open"
	if got := p.other.do(r); got.code() != namedshm.ErrFileNotFound {
		p.t.Fatalf("%s: nobody holds the name, but open: %v", p.where, got)
	}
	p.anew()
	p.nothingLeft(p.t, p.other)
	if p.does.hasFile() {
		p.holder.must(request{Op: "forget"})
		p.other.must(request{Op: "forget"})
	}
}

// anew makes the object once more, by its name, where objects of its kind can have one.
func (p *play) anew() {
	p.t.Helper()
	if p.does.hasFile() && !onMemfd(p.setting) {
		return
	}
	made := p.other.do(p.making())
	if made.Error != nil {
		p.t.Fatalf("%s: nobody holds the name, but create: %v", p.where, made)
	}
	if p.isSection() {
		p.other.must(p.stamping(made.Handle)) // fails unless all is zero, or as the file has it
	}
	p.other.must(request{Op: "close", Handle: made.Handle})
}
