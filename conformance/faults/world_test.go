//go:build linux

package faults

import (
	"cmp"
	"strings"
	"testing"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/actors"
	"github.com/namedshm/namedshm/internal/depth"
)

func TestMain(m *testing.M) { actors.Main(m, act) }

// setting is where the objects of a test live.
type setting struct {
	space   namedshm.Namespace
	backing string // "" for the native one, "file"
}

func (s setting) String() string {
	return strings.Trim(s.space.String(), `\`) + "/" + cmp.Or(s.backing, "native")
}

func local(s setting) bool  { return s.space == namedshm.Local }
func global(s setting) bool { return s.space == namedshm.Global }
func sysv(s setting) bool   { return global(s) && s.backing == "" }

// shared says that a group can be given an object: Local memory is its user's.
func shared(s setting) bool { return global(s) || s.backing != "" }

// settings are each backing once, and the file backing, which is the same in both namespaces but for the modes of its
// files, in the second too if nothing is to be left out. With NAMEDSHM_BACKING=file it is that alone.
func settings() (all []setting) {
	const local, global = namedshm.Local, namedshm.Global
	if !actors.OnFileBacking() {
		all = []setting{{local, ""}, {global, ""}}
	}
	all = append(all, setting{local, "file"})
	if depth.Every() {
		all = append(all, setting{global, "file"})
	}
	return all
}

// world is one test's root directory, and the actors in it.
type world struct {
	*actors.World
	setting
}

func newWorld(t *testing.T, s setting) *world {
	t.Helper()
	if s.space == namedshm.Global {
		actors.NeedRoot(t, "only root can make the Global directory")
	}
	return &world{actors.NewWorld(t), s}
}

// actor is a process that does what it is told.
type actor struct {
	*actors.Process
	t *testing.T
}

func (w *world) start(t *testing.T) *actor {
	t.Helper()
	return &actor{w.Start(t, nil, "NAMEDSHM_BACKING="+w.backing), t}
}

func (a *actor) answer() (r reply) {
	a.t.Helper()
	a.Answer(&r)
	return r
}

// do sends a command and waits for its answer.
func (a *actor) do(r request) reply {
	a.t.Helper()
	a.Ask(r)
	return a.answer()
}

// must is do for what has to succeed.
func (a *actor) must(r request) reply {
	a.t.Helper()
	got := a.do(r)
	if got.Error != nil {
		a.t.Fatalf("%s %s: %s", r.Op, r.Name, got.Error.Text)
	}
	return got
}

// nothingLeft has somebody bury what crashed processes left, and fails the test if anything is there afterwards.
func (w *world) nothingLeft(t *testing.T, by *actor) {
	t.Helper()
	w.NothingLeft(t, w.backing == "file", func() { by.must(request{Op: "bury", Space: w.space}) })
}

// eventually waits until something is so. It looks again and again, for not longer than any command may take.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(actors.Prompt); !so(); time.Sleep(200 * time.Microsecond) {
		if time.Now().After(end) {
			t.Fatalf("not in %v: %s", actors.Prompt, what)
		}
	}
}
