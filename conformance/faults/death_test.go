//go:build linux

package faults

import (
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/namedshm/namedshm/conformance/internal/actors"
	"github.com/namedshm/namedshm/internal/depth"
)

// mostPoints is more system calls than any operation here makes, unless it makes no way.
const mostPoints = 400

// inEveryScene runs a test for each scene in each setting, several at once, and tells how many points they tried.
func inEveryScene(t *testing.T, chosen func(*scene) bool, test func(c *cast, s *scene) (points int)) {
	var sum atomic.Int64
	t.Run("scenes", func(t *testing.T) {
		for at, set := range settings() {
			for i := range scenes {
				s := &scenes[i]
				if !chosen(s) || s.only != nil && !s.only(set) || !s.turn(i, at) {
					continue
				}
				t.Run(set.String()+"/"+s.name, func(t *testing.T) {
					t.Parallel()
					w := newWorld(t, set)
					c := &cast{world: w, t: t, holder: w.start(t), other: w.start(t)}
					points := test(c, s)
					sum.Add(int64(points))
					w.nothingLeft(t, c.other)
				})
			}
		}
	})
	t.Logf("%d points in all", sum.Load())
}

// TestKilledAtEveryCall: a process that is killed before any system call of an operation of its own takes with it what
// was its own, and nothing else; and nothing of it remains. What those get who wait for an object when somebody else is
// killed who uses it, package waiting looks at, and package lifetime at what is commonest with sections: that is left
// out unless nothing is to be.
func TestKilledAtEveryCall(t *testing.T) {
	elsewhere := func(s *scene) bool {
		return s.waiter || s.sleeps && s.does.Op != "waitopen" || slices.Contains(commonest, s.name) && !depth.Every()
	}
	inEveryScene(t, func(s *scene) bool { return !elsewhere(s) }, func(c *cast, s *scene) int {
		var calls []string
		for n := 1 + s.first(); len(calls) <= mostPoints; n += s.stride(n, 40) {
			call, last := s.kill(c, n)
			if calls = append(calls, call); last {
				c.t.Logf("killed at %d points: %q", len(calls), calls)
				return len(calls)
			}
		}
		c.t.Fatalf("the operation does not end: %q", calls)
		return 0
	})
}

// stride is the way to the next point. Who lists or searches looks into every process of the machine, in calls that are
// all alike and change nothing: after the first of them, not every one is tried.
func (s *scene) stride(n, untilWalk int) int {
	every := depth.Of(quickStride, 2)
	if depth.Every() {
		every = 1
	}
	if op := s.does.Op; n < untilWalk || op != "list" && op != "stat" && !s.hidden || depth.Every() {
		return every
	}
	return max(depth.Of(4*n, n/2), every)
}

// quickStride is the way from one point to the next in a quick run.
const quickStride = 12

// turn reports whether a scene, which is the i-th, is played in a setting: in a quick run each is in one of those it is
// for.
func (s *scene) turn(i, setting int) bool {
	if depth.Full() {
		return true
	}
	var mine []int
	for at, set := range settings() {
		if s.only == nil || s.only(set) {
			mine = append(mine, at)
		}
	}
	return mine[i%len(mine)] == setting
}

// first is the first point of a quick run: another one in each scene, so that together they try what is alike
// everywhere.
func (s *scene) first() int {
	if depth.Full() {
		return 0
	}
	return int(crc32.ChecksumIEEE([]byte(s.name)) % quickStride)
}

// commonest are the scenes that package lifetime has too.
var commonest = []string{
	"create of a held name", "openorcreate of a held name", "openorcreate over a dead name", "open of a dead name",
	"close of a held name",
}

// kill plays a scene in which the victim is killed before its n-th system call.
func (s *scene) kill(c *cast, n int) (call string, last bool) {
	c.t.Helper()
	c.newVictim(s)
	others := [2]holdings{c.holdings(c.holder), c.holdings(c.other)}
	p := s.begin(c, n)
	command := p.command()
	command.Marked = true
	tr := actors.Trace(c.t, c.victim.Process)
	p.giveAsleep(tr)
	c.victim.Ask(command)
	call, last = tr.StopBefore(n)
	tr.Kill()
	p.where = fmt.Sprintf("killed at call %d, before %s", n, call)
	p.fileIntact(last, actors.Fault{})
	if last {
		p.gone()
	}
	p.intact()
	p.over(n%2 == 0)
	for i, a := range []*actor{c.holder, c.other} {
		if more := c.more(c.holdings(a), others[i]); more != nil && !s.fresh {
			c.t.Fatalf("%s: somebody else keeps %q", p.where, more)
		}
	}
	return call, last
}

// newVictim starts a victim: one that has done everything once, so that what it does the first time only is not among
// the points, or one that has done nothing and finds nothing.
func (c *cast) newVictim(s *scene) {
	c.t.Helper()
	c.victim = c.start(c.t)
	if !s.fresh {
		c.warmUp(c.victim, s.does)
		return
	}
	directories, err := filepath.Glob(c.Root + "/*")
	if err != nil {
		c.t.Fatal(err)
	}
	for _, d := range directories {
		if err := os.RemoveAll(d); err != nil {
			c.t.Fatal(err)
		}
	}
}

// warmUp has a process do everything once; but look around only if it will, because that takes long.
func (c *cast) warmUp(a *actor, next request) {
	c.t.Helper()
	for _, kind := range []string{"section", "auto", "mutex"} {
		r := request{Op: "create", Kind: kind, Name: c.space.String() + "WarmUp" + kind}
		kept := c.holder.must(r).Handle
		r.Op = "open"
		h := a.must(r).Handle
		switch kind {
		case "section":
			a.must(request{Op: "close", Handle: a.must(request{Op: "map", Handle: h}).Handle})
		case "auto":
			a.must(request{Op: "set", Handle: h})
			a.must(request{Op: "wait", Handle: h})
		}
		a.must(request{Op: "close", Handle: h})
		c.holder.must(request{Op: "close", Handle: kept})
	}
	switch next.Op {
	case "list", "names", "stat":
		a.must(request{Op: "list", Space: c.space})
	case "bury":
		a.must(request{Op: "bury", Space: c.space})
	}
}

// leaveOrphan leaves the segment of a creator that was killed before it was marked, and checks that it is there.
func (c *cast) leaveOrphan(name string) {
	c.t.Helper()
	creator := c.start(c.t)
	tr := actors.Trace(c.t, creator.Process)
	creator.Ask(request{Op: "create", Name: name, Marked: true})
	if !tr.StopBeforeFirst("shmat") {
		c.t.Fatal("the creator attaches no segment")
	}
	tr.Kill()
	b, err := os.ReadFile("/proc/sysvipc/shm")
	if err != nil {
		c.t.Fatal(err)
	}
	if !slices.ContainsFunc(actors.ParseSegments(string(b)), func(s actors.Segment) bool {
		return s.Creator == creator.PID
	}) {
		c.t.Fatal("the creator left no segment")
	}
}
