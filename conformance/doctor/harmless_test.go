//go:build linux

package doctor

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/actors"
	"github.com/namedshm/namedshm/inspect"
)

// lines are doctor's, by topic.
func (a *actor) lines(t *testing.T) map[string]inspect.Check {
	t.Helper()
	lines := map[string]inspect.Check{}
	for _, c := range a.mustDo(t, request{Op: "doctor"}, true).Checks {
		lines[c.Topic] = c
	}
	return lines
}

// telling are the calls before which a killed doctor would leave something, if ever: those that make, name and remove.
var telling = []string{"mkdirat", "linkat", "unlinkat", "shmget", "shmat", "shmctl", "flock", "memfd_create"}

// TestKilledDoctor: whatever a doctor was doing when it was killed, nobody sees an object of its, and nothing of it is
// there when the next one has been; neither where the directories were there before, nor where they were not.
func TestKilledDoctor(t *testing.T) {
	actors.NeedRoot(t, "Global names")
	for _, title := range []string{"directories", "no directories"} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, &row{}, "")
			next := w.start()
			if title == "directories" {
				for _, name := range []string{local, global} {
					next.mustDo(t, request{Op: "create", Name: name}, true)
					next.mustDo(t, request{Op: "close", Name: name}, true)
				}
			}
			next.mustDo(t, request{Op: "doctor"}, true)
			before := w.everything(t)
			killed := map[string]int{}
			for n := 1; ; {
				call, passed := w.killedAt(t, n)
				if call == "the end" {
					break
				}
				killed[call]++
				n = passed + 1
				w.unseen(t, next)
				next.mustDo(t, request{Op: "doctor"}, true)
				if after := w.everything(t); !slices.Equal(after, before) {
					t.Fatalf("killed before %s, the call number %d: there were %q, there are %q", call, n, before, after)
				}
			}
			t.Logf("killed before %v", killed)
			if killed["linkat"] < 4 || killed["shmget"] < 2 {
				t.Errorf("a doctor makes no objects: %v", killed)
			}
		})
	}
}

// killedAt kills a doctor before the first telling call from its n-th on, and says which it was and how many calls had
// passed.
func (w *world) killedAt(t *testing.T, n int) (call string, passed int) {
	t.Helper()
	a := w.start()
	tr := actors.Trace(t, a.Process)
	a.Process.Ask(request{Op: "doctor"})
	call, passed = tr.StopBeforeAny(n, telling)
	tr.Kill()
	return call, passed
}

// unseen wants no names to be there.
func (w *world) unseen(t *testing.T, a *actor) {
	t.Helper()
	for _, space := range []namedshm.Namespace{namedshm.Local, namedshm.Global} {
		if names := a.mustDo(t, request{Op: "list", Space: space}, true).Text; names != "" {
			t.Errorf("a doctor's object is seen: %s", names)
		}
	}
}

// everything is what lies in the world, and the segments that its processes made.
func (w *world) everything(t *testing.T) []string {
	t.Helper()
	return append(w.Leftovers(t), w.Directories(t)...)
}

// TestDoctorsBeside: doctors at the same time, where there is nothing yet, do not disturb each other.
func TestDoctorsBeside(t *testing.T) {
	actors.NeedRoot(t, "Global names")
	w := newWorld(t, &row{}, "")
	all := make([]*actor, 4)
	for i := range all {
		all[i] = w.start()
	}
	for range 10 {
		for _, a := range all {
			a.Process.Ask(request{Op: "doctor"})
		}
		for _, a := range all {
			var got reply
			a.Process.Answer(&got)
			for _, line := range got.Checks {
				if slices.Contains([]string{ldir, locals, gdir, globals}, line.Topic) && line.Status != inspect.OK {
					t.Errorf("%s %s: %s", line.Status, line.Topic, line.Detail)
				}
			}
		}
	}
	if left := w.everything(t); left != nil {
		t.Errorf("left: %q", left)
	}
}

// TestIntruder: whoever watches for a doctor's directories, and opens and locks them as soon as they are there, does
// not hold it up, nor have its directory stay when it is killed: a stranger cannot open them, and for who can, another
// doctor of the same user's, another one is made.
func TestIntruder(t *testing.T) {
	actors.NeedRoot(t, "other users")
	for _, who := range []struct {
		name string
		user *actors.User
	}{{"a stranger", &actors.User{UID: 64107, GID: 64107}}, {"the same user", nil}} {
		t.Run(who.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, &row{}, "")
			met := 0
			for n := 1; ; n++ {
				a := w.start()
				intruder := &actor{&actors.Actor[request, reply]{Process: w.Start(t, who.user)}}
				tr := actors.Trace(t, a.Process)
				a.Process.Ask(request{Op: "doctor"})
				call, passed := tr.StopBeforeAny(n, []string{"flock"})
				n = passed
				got := intruder.mustDo(t, request{Op: "intrude"}, true)
				tr.LetGo()
				met += got.Number
				if who.user != nil && got.Left != nil {
					t.Fatalf("before %s, call %d, a stranger has %q", call, passed, got.Left)
				}
				var told reply
				a.Process.Answer(&told)
				for _, line := range told.Checks {
					if slices.Contains([]string{ldir, locals, gdir, globals}, line.Topic) && line.Status != inspect.OK {
						t.Errorf("before %s, call %d: %s %s: %s", call, passed, line.Status, line.Topic, line.Detail)
					}
				}
				if left := w.everything(t); left != nil {
					t.Errorf("before %s, call %d: left: %q", call, passed, left)
				}
				intruder.Kill()
				a.Kill()
				if call == "the end" {
					break
				}
			}
			if met < 2 {
				t.Errorf("the intruder met %d directories", met)
			}
		})
	}
}

// TestLandlockedOpener: a process in a Landlock sandbox cannot look into holders outside of it. It is told so, and
// doctor there says so; the other way round nothing is in the way.
func TestLandlockedOpener(t *testing.T) {
	actors.NeedRoot(t, "it takes no right, but the rest of this suite does")
	w := newWorld(t, &row{}, "")
	holder := w.start()
	holder.mustDo(t, request{Op: "create", Name: local}, true)
	sandboxed := &world{w.World, t, &row{landlock: unix.LANDLOCK_ACCESS_FS_MAKE_BLOCK}, 0, nil}
	inside := sandboxed.start()
	got := inside.do(request{Op: "open", Name: local})
	if got.Code != namedshm.ErrAccessDenied || !strings.Contains(got.Error, "Landlock") ||
		!strings.Contains(got.Error, fmt.Sprint(holder.PID)) {
		t.Errorf("it is told: %s", got.Error)
	}
	lines := sandboxed.start().lines(t)
	if line := lines[doors]; line.Status != inspect.Warning || !strings.Contains(line.Advice, "Landlock") {
		t.Errorf("doctor says: %+v", line)
	}
	if line := lines[locals]; line.Status != inspect.OK {
		t.Errorf("doctor says: %+v", line)
	}
	const other = `Local\Other`
	inside.mustDo(t, request{Op: "create", Name: other}, true)
	holder.mustDo(t, request{Op: "open", Name: other}, true)
}
