//go:build linux

package faults

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/actors"
)

// TestFailedCall: a system call of an operation fails, each in its turn, with each error that fits it. The operation
// succeeds all the same, or says clearly what failed; nothing is left of what it had begun, the same process can try
// again, and others have what they had.
func TestFailedCall(t *testing.T) {
	failEverywhere(t, false)
}

// TestLimitReached: the same, but from that call on every other fails too that needs what there is none of:
// descriptors, memory, or room.
func TestLimitReached(t *testing.T) {
	failEverywhere(t, true)
}

func failEverywhere(t *testing.T, lasting bool) {
	if !actors.CanFail {
		t.Skip("system calls can be made to fail on amd64 alone")
	}
	fits, untilWalk := fitting, 60
	if lasting {
		fits, untilWalk = limits, 10
	}
	inEveryScene(t, func(s *scene) bool { return !lasting || !s.sleeps }, func(c *cast, s *scene) int {
		points := 0
		for n := s.first(); points <= mostPoints; n += s.stride(n, untilWalk) {
			if c.victim == nil || s.fresh {
				c.newVictim(s)
			}
			if !s.fail(c, n, fits, lasting) {
				c.t.Logf("failed at %d points", points)
				return points
			}
			points++
		}
		c.t.Fatal("the operation does not end")
		return 0
	})
}

// fail plays a scene in which a call of the victim's fails. It is false if there is no such point any more.
func (s *scene) fail(c *cast, n int, fits func(actors.Call) []unix.Errno, lasting bool) bool {
	c.t.Helper()
	p := s.begin(c, n)
	command := p.command()
	command.Marked = true
	if lasting {
		fits = s.withOthers(fits)
	}
	tr := actors.Trace(c.t, c.victim.Process)
	p.giveAsleep(tr)
	c.victim.Ask(command)
	fault, happened := tr.FailAt(n, fits, lasting)
	tr.LetGo()
	p.where = fmt.Sprintf("point %d, %v", n, fault)
	if s.sleeps {
		p.give()
	}
	answer := c.victim.answer()
	command.Marked = false
	wrong := p.expected(answer)
	p.fileIntact(wrong == "", fault)
	switch {
	case wrong == "":
	case !happened:
		c.t.Fatalf("nothing fails, but %s", wrong)
	default:
		if why := unclear(fault, answer); why != "" && !p.unreadable(fault) {
			c.t.Errorf("%s: %s: %v", p.where, why, answer)
		}
		answer = p.again(command, answer)
	}
	p.arrived()
	p.gone()
	p.intact()
	p.leave(answer)
	p.locksKept(p.victim, victimsByte)
	p.fileIntact(true, fault)
	p.tidy(fault)
	p.over(n%2 == 0)
	if more := p.more(p.holdings(c.victim), p.before); more != nil {
		c.t.Errorf("%s: it keeps %q", p.where, more)
		c.victim = nil // a new one, which keeps nothing
	}
	return happened
}

// unreadable reports that whoever lists may not read an entry: then nothing tells him that it is dead, or its name
// where the file's name is a hash.
func (p *play) unreadable(f actors.Fault) bool {
	return (p.does.Op == "list" || p.does.Op == "names") && (p.dead || p.long) && f.Errno == unix.EACCES
}

// again tries what failed once more, in the same process.
func (p *play) again(command request, answer reply) reply {
	p.t.Helper()
	if command.Op == "close" && !p.mapped {
		return answer // the handle is closed
	}
	second := p.victim.do(command)
	if wrong := p.expected(second); wrong != "" {
		p.t.Errorf("%s: %v; the second time: %s", p.where, answer, wrong)
	}
	return second
}

// leave closes what the victim has.
func (p *play) leave(answer reply) {
	p.t.Helper()
	handles := p.used
	if p.does.Op == "close" && !p.mapped {
		handles = nil
	}
	if answer.Handle != 0 {
		handles = append(slices.Clone(handles), answer.Handle)
	}
	if p.does.Op == "flush" {
		handles = append(slices.Clone(handles), p.view)
	}
	for _, h := range handles {
		p.victim.must(request{Op: "close", Handle: h})
	}
}

// tidy checks that a failure that had nothing to do with removing files leaves no file but for a dead name's entry: gc
// takes anything, but a section's whole memory may be in a file. And the last Close removes the entry even if it cannot
// drop its lock, where it can have the exclusive one in its place: readers of a Global entry cannot.
func (p *play) tidy(f actors.Fault) {
	p.t.Helper()
	if f.Call.Name() == "unlinkat" {
		return
	}
	closing := p.does.Op == "close" && !p.held && !p.mapped && f.Call.Lock == unix.F_UNLCK && f.Call.Name() == "fcntl" &&
		!sysv(p.setting)
	for _, path := range p.Leftovers(p.t) {
		if closing || strings.HasPrefix(filepath.Base(path), ".new-") {
			p.t.Errorf("%s: it leaves %q", p.where, path)
		}
	}
}

// codes are what each error may be called.
var codes = map[unix.Errno][]namedshm.Code{
	unix.EMFILE: {tooManyOpenFiles},
	unix.ENFILE: {tooManyOpenFiles},
	unix.ENOMEM: {namedshm.ErrNotEnoughMemory, namedshm.ErrCommitmentLimit},
	unix.EAGAIN: {namedshm.ErrNotEnoughMemory, namedshm.ErrNoSystemResources}, // locked memory, locks
	unix.ENOSPC: {diskFull, namedshm.ErrNoSystemResources, namedshm.ErrCommitmentLimit},
	unix.ENOLCK: {namedshm.ErrNoSystemResources},
	unix.EACCES: {namedshm.ErrAccessDenied},
	unix.EPERM:  {namedshm.ErrAccessDenied},
	unix.ENOSYS: {notSupported},
	unix.EIO:    {ioDevice},
}

// Codes that have no name in the public surface.
const (
	tooManyOpenFiles namedshm.Code = 4
	notSupported     namedshm.Code = 50
	diskFull         namedshm.Code = 112
	ioDevice         namedshm.Code = 1117
)

// unclear says why an error does not say what failed; "" if it does.
func unclear(f actors.Fault, r reply) string {
	e := r.Error
	switch {
	case e == nil:
		return "a success, but not the right one"
	case !e.Bare && (!e.Ours || e.Op == "") || e.Symbol == "":
		return "the error has no operation or no code with a name"
	case f.Errno == unix.EINTR:
		return "an interrupted call can be made again"
	case !e.Bare && e.Errno != f.Errno:
		return "the cause is not told"
	case !slices.Contains(codes[f.Errno], e.Code):
		return fmt.Sprintf("code %d is another failure's", e.Code)
	}
	return ""
}
