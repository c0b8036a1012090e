//go:build linux

package lifetime

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/actors"
	"github.com/namedshm/namedshm/internal/depth"
)

// TestStoppedHolder: a holder that is stopped delays nobody.
func TestStoppedHolder(t *testing.T) {
	inBothNamespaces(t, func(t *testing.T, w *world, name string) {
		holder, other := w.start(t), w.start(t)
		h := holder.Must(request{Op: "create", Name: name}).Handle
		stamp := holder.Must(request{Op: "stamp", Handle: h, Number: newStamp()}).Number
		holder.Stop()
		opened := other.Must(request{Op: "open", Name: name}).Handle
		if got := other.Must(request{Op: "stamp", Handle: opened, Number: newStamp()}).Number; got != stamp {
			t.Errorf("another section was opened")
		}
		other.Refused(request{Op: "create", Name: name}, namedshm.ErrAlreadyExists)
		again := other.Must(request{Op: "openorcreate", Name: name})
		if again.Created {
			t.Errorf("OpenOrCreate made a second section")
		}
		other.Must(request{Op: "stat", Name: name})
		other.Must(request{Op: "close", Handle: opened})
		other.Must(request{Op: "close", Handle: again.Handle})
		holder.Resume()
		holder.Must(request{Op: "close", Handle: h})
		other.Refused(request{Op: "open", Name: name}, namedshm.ErrFileNotFound)
		w.nothingLeft(other)
	})
}

// scene is a situation in which an actor, the victim, is stopped or killed in the middle of an operation.
type scene struct {
	name   string
	op     string // the victim's: create, openorcreate, open or close
	holder bool   // another process holds a handle
	dead   bool   // the name's last holder was killed: its entry is in the way
	leaves bool   // the holder closes its handle while the victim stands still
}

var scenes = []scene{
	{name: "create", op: "create"},
	{name: "create over a dead name", op: "create", dead: true},
	{name: "create of a held name", op: "create", holder: true},
	{name: "create of a name given up meanwhile", op: "create", holder: true, leaves: true},
	{name: "openorcreate of a held name", op: "openorcreate", holder: true},
	{name: "openorcreate over a dead name", op: "openorcreate", dead: true},
	{name: "open", op: "open", holder: true},
	{name: "open of a dead name", op: "open", dead: true},
	{name: "open of a name given up meanwhile", op: "open", holder: true, leaves: true},
	{name: "last close", op: "close"},
	{name: "close of a held name", op: "close", holder: true},
	{name: "close of a name given up meanwhile", op: "close", holder: true, leaves: true},
}

// inEveryScene runs a test for each scene in both namespaces, several at once: they mostly wait.
func inEveryScene(t *testing.T, test func(t *testing.T, s *scene, space namedshm.Namespace)) {
	for _, n := range []namedshm.Namespace{namedshm.Local, namedshm.Global} {
		for i := range scenes {
			t.Run(strings.Trim(n.String(), `\`)+"/"+scenes[i].name, func(t *testing.T) {
				t.Parallel()
				if n == namedshm.Global {
					needRoot(t, "only root can make the Global directory")
				}
				test(t, &scenes[i], n)
			})
		}
	}
}

// play is one run of a scene, with the victim at one point.
type play struct {
	*scene
	t      *testing.T
	w      *world
	object string
	stamp  int64 // of the section that there is when the curtain rises; 0 for none

	victim, holder *actor
	held           int // the holder's handle
	observers      [2]*actor
}

// begin sets a scene up and tells the victim to begin its part.
func (s *scene) begin(t *testing.T, w *world, object string, victim, holder *actor, observers [2]*actor) *play {
	t.Helper()
	p := &play{scene: s, t: t, w: w, object: object, victim: victim, holder: holder, observers: observers}
	if s.dead {
		crashed := w.start(t)
		crashed.Must(request{Op: "create", Name: object})
		crashed.Kill()
	}
	if s.holder {
		p.held = holder.Must(request{Op: "create", Name: object}).Handle
		p.stamp = holder.Must(request{Op: "stamp", Handle: p.held, Number: newStamp()}).Number
	}
	return p
}

// command is what the victim is told; for close it first gets something to close.
func (p *play) command() request {
	p.t.Helper()
	r := request{Op: p.op, Name: p.object, Marked: true}
	if p.op == "close" {
		r.Handle = p.victim.Must(request{Op: "openorcreate", Name: p.object}).Handle
		stamp := p.victim.Must(request{Op: "stamp", Handle: r.Handle, Number: newStamp()}).Number
		if p.stamp != 0 && stamp != p.stamp {
			p.t.Fatal("two sections before anything happened")
		}
		p.stamp = stamp
	}
	return r
}

// TestStoppedAtEveryCall: a process that is stopped at any system call of its own open, create or close delays nobody
// and misleads nobody; but while it holds the old entry locked to remove it, others get ERROR_BUSY. And when it goes on
// it does no harm to what happened meanwhile.
func TestStoppedAtEveryCall(t *testing.T) {
	inEveryScene(t, func(t *testing.T, s *scene, space namedshm.Namespace) {
		w := newWorld(t)
		victim, holder := w.start(t), w.start(t)
		observers := [2]*actor{w.start(t), w.start(t)}
		warmUp(space, victim, holder, observers[0], observers[1])
		var busy []string
		for n := 1; ; n += depth.Of(quickStride, 1) {
			p := s.begin(t, w, fmt.Sprintf("%sObject%d", space, n), victim, holder, observers)
			command := p.command()
			tr := trace(t, victim)
			victim.Ask(command)
			call, last := tr.StopBefore(n)
			if p.lookOn(tr, fmt.Sprintf("stopped at call %d, before %s", n, call)) {
				busy = append(busy, fmt.Sprintf("%d %s", n, call))
			}
			if last {
				t.Logf("stopped at %d points; exceptions: %d %v", n, len(busy), busy)
				break
			}
		}
		w.nothingLeft(observers[0])
	})
}

// warmUp makes every process do everything once, so that what it does the first time only is not among the points.
func warmUp(space namedshm.Namespace, actors ...*actor) {
	for _, a := range actors {
		name := space.String() + "WarmUp"
		h := a.Must(request{Op: "create", Name: name}).Handle
		o := a.Must(request{Op: "open", Name: name}).Handle
		a.Must(request{Op: "close", Handle: h})
		a.Must(request{Op: "close", Handle: o})
	}
}

// lookOn checks what the observers see while the victim is stopped, lets it go on, and checks what it got. It reports
// whether this was a point at which others are told that they are delayed.
func (p *play) lookOn(tr *actors.Tracer, where string) (busy bool) {
	p.t.Helper()
	if err := syscall.Kill(p.victim.PID, syscall.SIGSTOP); err != nil { // its other threads too
		p.t.Fatal(err)
	}
	locked := p.w.beingRemoved(p.t)
	if p.leaves {
		p.holder.Must(request{Op: "close", Handle: p.held})
	}
	// Both at once, and neither waits for the other.
	opener, maker := p.observers[0], p.observers[1]
	if p.leaves {
		// What the maker finds or makes must be what is there in the end: nobody may hold the old one by chance.
		maker.Ask(request{Op: "openorcreate", Name: p.object})
	} else {
		opener.Ask(request{Op: "open", Name: p.object})
		maker.Ask(request{Op: "openorcreate", Name: p.object})
	}
	var opened reply
	if !p.leaves {
		opened = opener.Answer()
	}
	made := maker.Answer()
	if made.Code == namedshm.ErrBusy || opened.Code == namedshm.ErrBusy {
		busy = true
		if !locked {
			p.t.Fatalf("%s: delayed although no entry is locked to be removed: open: %v; openorcreate: %v", where, opened, made)
		}
	} else if made.Error != "" {
		p.t.Fatalf("%s: openorcreate: %v", where, made)
	}
	stamp := p.sameSection(where, opened, made)
	if p.holder != nil && p.scene.holder && !p.leaves {
		p.observers[0].Refused(request{Op: "create", Name: p.object}, namedshm.ErrAlreadyExists)
		p.holder.Must(request{Op: "close", Handle: p.held})
	}
	syscall.Kill(p.victim.PID, syscall.SIGCONT)
	tr.LetGo()
	p.conclude(where, p.victim.Answer(), opened, made, stamp)
	return busy
}

// sameSection checks what the observers got, and answers the stamp of the section that the name now means; 0 when
// nobody but the victim can have one.
func (p *play) sameSection(where string, opened, made reply) int64 {
	p.t.Helper()
	certain := p.scene.holder && !p.leaves // then nothing but success will do
	if certain && (opened.Error != "" || made.Error != "" || made.Created) {
		p.t.Fatalf("%s: another process holds the name, but open: %v; openorcreate: %v", where, opened, made)
	}
	if opened.Error != "" && opened.Code != namedshm.ErrFileNotFound && opened.Code != namedshm.ErrBusy {
		p.t.Fatalf("%s: open: %v", where, opened)
	}
	var stamps []int64
	for i, r := range []reply{opened, made} {
		if r.Handle != 0 {
			stamps = append(stamps, p.observers[i].Must(request{Op: "stamp", Handle: r.Handle, Number: newStamp()}).Number)
		}
	}
	switch {
	case len(stamps) == 0:
		return 0
	case len(stamps) == 2 && stamps[0] != stamps[1]:
		p.t.Fatalf("%s: open and openorcreate hold two sections of one name", where)
	case !made.Created && made.Error == "" && p.stamp != 0 && stamps[0] != p.stamp:
		p.t.Fatalf("%s: an existing section was opened, but it is not the one there was", where)
	case made.Created && opened.Error != "" && stamps[0] == p.stamp:
		p.t.Fatalf("%s: a new section has the bytes of the old one", where)
	}
	return stamps[0]
}

// conclude checks what the victim got in the end, that the name still means what the observers hold, and that it is
// gone when they let go.
func (p *play) conclude(where string, result, opened, made reply, stamp int64) {
	p.t.Helper()
	held := opened.Handle != 0 || made.Handle != 0
	switch {
	case result.Handle != 0:
		if !held {
			break
		}
		if got := p.victim.Must(request{Op: "stamp", Handle: result.Handle, Number: newStamp()}).Number; got != stamp {
			p.t.Fatalf("%s: the victim and an observer hold two sections of one name", where)
		}
	case p.op == "close" && result.Error != "",
		p.op == "create" && result.Code != namedshm.ErrAlreadyExists,
		p.op == "openorcreate",
		p.op == "open" && result.Code != namedshm.ErrFileNotFound,
		p.op == "open" && p.scene.holder && !p.leaves: // the name lived all the time
		p.t.Fatalf("%s: %s: %v", where, p.op, result)
	case p.op == "create" && !held && !p.scene.holder:
		p.t.Fatalf("%s: create: %v, and nobody ever had it", where, result)
	}
	if p.op == "create" && result.Handle != 0 && (made.Created || p.scene.holder && !p.leaves) {
		p.t.Fatalf("%s: two processes created one name", where)
	}
	third := p.holder
	if held || result.Handle != 0 {
		h := third.Must(request{Op: "open", Name: p.object}).Handle
		if got := third.Must(request{Op: "stamp", Handle: h, Number: newStamp()}).Number; held && got != stamp {
			p.t.Fatalf("%s: afterwards the name means another section than the one that is held", where)
		}
		third.Must(request{Op: "close", Handle: h})
	}
	for a, r := range map[*actor]reply{p.victim: result, p.observers[0]: opened, p.observers[1]: made} {
		if r.Handle != 0 {
			a.Must(request{Op: "close", Handle: r.Handle})
		}
	}
	third.Refused(request{Op: "open", Name: p.object}, namedshm.ErrFileNotFound)
}

// beingRemoved reports whether somebody holds an entry of this world locked against everybody: more than one byte of
// an entry, or any of the file that stands for burials. It asks for each file alone: who reads /proc/locks stops all
// locking on the machine for as long as that takes.
func (w *world) beingRemoved(t *testing.T) bool {
	t.Helper()
	directories, err := os.ReadDir(w.Root)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range directories {
		entries, _ := os.ReadDir(filepath.Join(w.Root, d.Name()))
		for _, e := range entries {
			fd, err := unix.Open(filepath.Join(w.Root, d.Name(), e.Name()), unix.O_RDWR|unix.O_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			l := unix.Flock_t{Type: unix.F_WRLCK}
			err = unix.FcntlFlock(uintptr(fd), unix.F_OFD_GETLK, &l)
			unix.Close(fd)
			if err != nil {
				t.Fatal(err)
			}
			if l.Type == unix.F_WRLCK && (l.Len != 1 || e.Name() == ".burial") {
				return true
			}
		}
	}
	return false
}

// quickStride is how many system calls a quick run goes on from one at which it stops or kills to the next.
const quickStride = 2

// TestKilledAtEveryCall: a process that is killed at any system call of its own open, create or close takes with it
// what was its own, and nothing else; and nothing of it remains.
func TestKilledAtEveryCall(t *testing.T) {
	var points atomic.Int64
	t.Cleanup(func() { t.Logf("%d points in all", points.Load()) })
	inEveryScene(t, func(t *testing.T, s *scene, space namedshm.Namespace) {
		if s.leaves {
			t.Skip("that the holder leaves meanwhile matters to those who live on")
		}
		w := newWorld(t)
		holder := w.start(t)
		observers := [2]*actor{w.start(t), w.start(t)}
		for n := 1; ; n += depth.Of(quickStride, 1) {
			victim := w.start(t)
			warmUp(space, victim)
			p := s.begin(t, w, fmt.Sprintf("%sObject%d", space, n), victim, holder, observers)
			command := p.command()
			tr := trace(t, victim)
			victim.Ask(command)
			call, last := tr.StopBefore(n)
			tr.Kill()
			p.inherit(fmt.Sprintf("killed at call %d, before %s", n, call), n/2%2 == 0)
			points.Add(1)
			if last {
				t.Logf("killed at %d points", n)
				break
			}
		}
	})
}

// inherit checks what the others see when the victim is dead. What it left is to go when it is asked for, and just as
// well when somebody needs its place: buryFirst says which comes first.
func (p *play) inherit(where string, buryFirst bool) {
	p.t.Helper()
	opener := p.observers[0]
	if p.scene.holder {
		opened := opener.Do(request{Op: "open", Name: p.object})
		if opened.Error != "" {
			p.t.Fatalf("%s: another process holds the name, but open: %v", where, opened)
		}
		if got := opener.Must(request{Op: "stamp", Handle: opened.Handle, Number: newStamp()}).Number; got != p.stamp {
			p.t.Fatalf("%s: another section than the holder's was opened", where)
		}
		opener.Refused(request{Op: "create", Name: p.object}, namedshm.ErrAlreadyExists)
		opener.Must(request{Op: "close", Handle: opened.Handle})
		p.holder.Must(request{Op: "close", Handle: p.held})
	}
	if got := opener.Do(request{Op: "open", Name: p.object}); got.Code != namedshm.ErrFileNotFound {
		p.t.Fatalf("%s: nobody holds the name, but open: %v", where, got)
	}
	if buryFirst {
		p.w.nothingLeft(opener)
	}
	made := opener.Do(request{Op: "create", Name: p.object})
	if made.Error != "" {
		p.t.Fatalf("%s: nobody holds the name, but create: %v", where, made)
	}
	opener.Must(request{Op: "stamp", Handle: made.Handle, Number: newStamp()}) // fails unless all is zero
	opener.Must(request{Op: "close", Handle: made.Handle})
	p.w.nothingLeft(opener)
}
