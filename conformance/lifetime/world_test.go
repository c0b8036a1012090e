//go:build linux

package lifetime

import (
	"strings"
	"testing"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/actors"
	"github.com/namedshm/namedshm/conformance/internal/sections"
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
	for _, n := range []namedshm.Namespace{namedshm.Local, namedshm.Global} {
		t.Run(strings.Trim(n.String(), `\`), func(t *testing.T) {
			if n == namedshm.Global {
				needRoot(t, "only root can make the Global directory")
			}
			test(t, newWorld(t), n.String()+"Object")
		})
	}
}

// world is one test's root directory, and the actors in it.
type world struct{ *actors.World }

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{actors.NewWorld(t)}
}

// user is who an actor runs as.
type user struct {
	uid, gid int
	groups   []uint32
}

// start starts an actor as the user that runs the test.
func (w *world) start(t *testing.T) *actor {
	t.Helper()
	return &actor{Process: w.Start(t, nil), T: t}
}

// startAs starts an actor as another user, without any privilege.
func (w *world) startAs(t *testing.T, u user) *actor {
	t.Helper()
	return &actor{Process: w.Start(t, &actors.User{UID: u.uid, GID: u.gid, Groups: u.groups}), T: t}
}

// trace takes hold of the thread of an actor that runs its commands.
func trace(t *testing.T, a *actor) *actors.Tracer {
	t.Helper()
	return actors.Trace(t, a.Process)
}

// nothingLeft has somebody bury what crashed processes left, and fails the test if anything is there afterwards.
func (w *world) nothingLeft(by *actor) {
	by.T.Helper()
	sections.NothingLeft(w.World, by)
}
