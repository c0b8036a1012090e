//go:build linux

package lifetime

import (
	"strings"
	"testing"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/actors"
)

func TestMain(m *testing.M) { actors.Main(m, act) }

func onFileBacking() bool { return actors.OnFileBacking() }

func needRoot(t *testing.T, why string) {
	t.Helper()
	actors.NeedRoot(t, why)
}

// needNative skips a test of what the file backing does not promise.
func needNative(t *testing.T, why string) {
	t.Helper()
	if onFileBacking() {
		t.Skipf("not promised by the file backing: %s", why)
	}
}

// inBothNamespaces runs a test for a Local and for a Global name.
func inBothNamespaces(t *testing.T, test func(t *testing.T, w *world, name string)) {
	for _, n := range []namedshm.Namespace{namedshm.LocalNamespace, namedshm.GlobalNamespace} {
		t.Run(strings.Trim(n.String(), `\`), func(t *testing.T) {
			if n == namedshm.GlobalNamespace {
				needRoot(t, "only root can make the Global directory")
			}
			test(t, newWorld(t), n.String()+"Object")
		})
	}
}

// world is one test's root directory, and the actors in it.
type world struct {
	*actors.World
	root string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := actors.NewWorld(t)
	return &world{w, w.Root}
}

// actor is a process that does what it is told.
type actor struct {
	*actors.Process
	t   *testing.T
	pid int
}

// user is who an actor runs as.
type user struct {
	uid, gid int
	groups   []uint32
}

// start starts an actor as the user that runs the test.
func (w *world) start(t *testing.T) *actor {
	t.Helper()
	return newActor(t, w.Start(t, nil))
}

// startAs starts an actor as another user, without any privilege.
func (w *world) startAs(t *testing.T, u user) *actor {
	t.Helper()
	return newActor(t, w.Start(t, &actors.User{UID: u.uid, GID: u.gid, Groups: u.groups}))
}

func newActor(t *testing.T, p *actors.Process) *actor { return &actor{p, t, p.PID} }

func (a *actor) ask(r request) {
	a.t.Helper()
	a.Ask(r)
}

func (a *actor) answer() (r reply) {
	a.t.Helper()
	a.Answer(&r)
	return r
}

// do sends a command and waits for its answer.
func (a *actor) do(r request) reply {
	a.t.Helper()
	a.ask(r)
	return a.answer()
}

// must is do for what has to succeed.
func (a *actor) must(r request) reply {
	a.t.Helper()
	got := a.do(r)
	if got.Error != "" {
		a.t.Fatalf("%s %s: %s", r.Op, r.Name, got.Error)
	}
	return got
}

// refused is do for what has to fail with this code.
func (a *actor) refused(r request, code namedshm.Code) reply {
	a.t.Helper()
	got := a.do(r)
	if got.Code != code {
		a.t.Fatalf("%s %s: want %v, got %s", r.Op, r.Name, code, got)
	}
	return got
}

func (a *actor) kill()  { a.Kill() }
func (a *actor) leave() { a.Leave() }

func (a *actor) stop() {
	a.t.Helper()
	a.Stop()
}

func (a *actor) resume() { a.Resume() }

// trace takes hold of the thread of an actor that runs its commands.
func trace(t *testing.T, a *actor) *actors.Tracer {
	t.Helper()
	return actors.Trace(t, a.Process)
}

// nothingLeft buries what crashed processes left, and fails the test if anything is there afterwards.
func (w *world) nothingLeft(t *testing.T, by *actor) {
	t.Helper()
	w.NothingLeft(t, onFileBacking(), func() {
		t.Helper()
		by.must(request{Op: "bury", Space: namedshm.LocalNamespace})
		by.must(request{Op: "bury", Space: namedshm.GlobalNamespace})
	})
}
