//go:build linux

package waiting

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/actors"
	"github.com/namedshm/namedshm/internal/depth"
)

func TestMain(m *testing.M) { actors.Main(m, act) }

const waitVariable = "NAMEDSHM_WAIT"

// setting is under what circumstances a test runs.
type setting struct {
	space   namedshm.Namespace
	backing string // "" for the native one, "file"
	wait    string // "" for futex_waitv, "futex", "poll"; "mixed": each process in another way
}

func (s setting) String() string {
	return strings.Trim(s.space.String(), `\`) + "/" + cmp.Or(s.backing, "native") + "/" + cmp.Or(s.wait, "waitv")
}

// settings are all combinations, or of a quick run enough to have each way of waiting once.
func settings() []setting {
	const local, global = namedshm.Local, namedshm.Global
	all := []setting{{local, "", ""}, {global, "", "futex"}, {local, "", "poll"}}
	if depth.Full() {
		all = append(all, setting{global, "file", ""}, setting{local, "", "futex"}, setting{global, "", ""},
			setting{global, "", "poll"},
			setting{local, "file", ""}, setting{local, "file", "futex"}, setting{local, "file", "poll"},
			setting{global, "file", "futex"}, setting{global, "file", "poll"})
	}
	return narrowed(all)
}

// narrowed are those settings that the environment leaves.
func narrowed(all []setting) []setting {
	var left []setting
	for _, s := range all {
		if actors.OnFileBacking() && s.backing != "file" {
			continue
		}
		if only := os.Getenv(waitVariable); only != "" && s.wait != only {
			continue
		}
		left = append(left, s)
	}
	return left
}

// narrowedOrFirst is what the environment leaves of the settings, or the one that it asks for.
func narrowedOrFirst(all []setting) []setting {
	if left := narrowed(all); len(left) > 0 {
		return left
	}
	return riotSettings()[:1]
}

// inEverySetting runs a test in every setting, several at once: they mostly wait.
func inEverySetting(t *testing.T, test func(t *testing.T, w *world)) {
	in(t, settings(), test)
}

func in(t *testing.T, all []setting, test func(t *testing.T, w *world)) {
	t.Helper()
	for _, s := range all {
		t.Run(s.String(), func(t *testing.T) {
			t.Parallel()
			if s.space == namedshm.Global {
				actors.NeedRoot(t, "only root can make the Global directory")
			}
			test(t, newWorld(t, s))
		})
	}
}

// seeded is the random source of a test, and its seed.
func seeded(t *testing.T) (*rand.Rand, uint64) {
	t.Helper()
	seed := actors.Seed(t)
	return rand.New(rand.NewPCG(seed, 0)), seed
}

// world is one test's root directory, and the actors in it.
type world struct {
	*actors.World
	setting
	name string // for an object of the test's
}

func newWorld(t *testing.T, s setting) *world {
	t.Helper()
	return &world{actors.NewWorld(t), s, s.space.String() + "Object"}
}

// actor is a process that does what it is told.
type actor struct {
	*actors.Actor[request, reply]
}

func (w *world) start(t *testing.T) *actor {
	t.Helper()
	return w.startAs(t, nil)
}

// startAs starts an actor as another user, without any privilege.
func (w *world) startAs(t *testing.T, user *actors.User) *actor {
	t.Helper()
	wait := w.wait
	if wait == "mixed" {
		wait = "" // who is to have a way of its own gets it from startMixed
	}
	return &actor{&actors.Actor[request, reply]{Process: w.Start(t, user, "NAMEDSHM_BACKING="+w.backing,
		waitVariable+"="+wait), T: t}}
}

// mustAnswer is Answer for what has to succeed.
func (a *actor) mustAnswer(r request) reply {
	a.T.Helper()
	return a.Succeeded(r, a.Answer())
}

// handle opens or creates, and answers the number of the handle.
func (a *actor) handle(r request) int {
	a.T.Helper()
	return a.Must(r).Handle
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

// waiters waits until so many wait for an object, as by sees it.
func (w *world) waiters(t *testing.T, by *actor, name string, want int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d waiters for %s", want, name), func() bool {
		return by.Must(request{Op: "state", Name: name}).State.Waiters == want
	})
}

// blocked waits until an actor that was told to wait for an object is asleep, as the one of so many waiters.
func (w *world) blocked(t *testing.T, a, by *actor, name string, want int) {
	t.Helper()
	w.waiters(t, by, name, want)
	eventually(t, "the waiter sleeps", a.Asleep)
}

// nothingLeft has somebody bury what crashed processes left, and fails the test if anything is there afterwards.
func (w *world) nothingLeft(t *testing.T, by *actor) {
	t.Helper()
	w.NothingLeft(t, w.backing == "file" || actors.OnFileBacking(), func() {
		by.Must(request{Op: "bury", Number: int(w.space)})
	})
}
