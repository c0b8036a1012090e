//go:build linux

package doctor

import (
	"fmt"
	"os/exec"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/actors"
)

// world is where the processes of one row live.
type world struct {
	*actors.World
	t      actors.Host
	row    *row
	keeper int          // the process that keeps the mount namespace; 0 where there is none
	user   *actors.User // whom its processes belong to; nil is root
}

// newWorld makes one. program is what the actors run; "" for this very program.
func newWorld(t actors.Host, r *row, program string) *world {
	t.Helper()
	w := &world{World: actors.NewWorld(t), t: t, row: r}
	w.Program = program
	if r.user {
		w.user = stranger
	}
	if r.script != "" {
		w.keeper = w.StartWith(t, actors.Script(r.script, unix.CLONE_NEWNS), nil).PID
	}
	return w
}

// start starts a process that meets what the row says.
func (w *world) start(environment ...string) *actor {
	w.t.Helper()
	prepare, user := func(*exec.Cmd) {}, w.user
	if w.keeper != 0 {
		enter := fmt.Sprintf("exec nsenter --mount=/proc/%d/ns/mnt --wd=/%s", w.keeper, becoming(user))
		script := actors.Script(enter+` "$0"`, 0)
		user = nil // it takes root to enter
		prepare = func(cmd *exec.Cmd) {
			script(cmd)
			if w.Program != "" {
				cmd.Args[len(cmd.Args)-1] = w.Program
			}
		}
	}
	p := w.StartWith(w.t, prepare, user, slices.Concat(w.row.environment, environment)...)
	a := &actor{&actors.Actor[request, reply]{Process: p, T: nil}}
	a.mustDo(w.t, request{Op: "forbid", Rules: w.row.rules}, len(w.row.rules) > 0)
	a.mustDo(w.t, request{Op: "landlock", Landlock: w.row.landlock}, w.row.landlock != 0)
	return a
}

// becoming is the words of a command line that make its process a user's.
func becoming(user *actors.User) string {
	if user == nil {
		return ""
	}
	groups := "--clear-groups"
	if len(user.Groups) > 0 {
		groups = fmt.Sprintf("--groups=%d", user.Groups[0])
	}
	return fmt.Sprintf(" setpriv --reuid=%d --regid=%d %s", user.UID, user.GID, groups)
}

// do is a command and its answer.
func (a *actor) do(command request) (answer reply) {
	a.Process.Ask(command)
	a.Process.Answer(&answer)
	return answer
}

func (a *actor) mustDo(t actors.Host, command request, wanted bool) (answer reply) {
	t.Helper()
	if !wanted {
		return answer
	}
	if answer = a.do(command); answer.Error != "" {
		t.Fatalf("%v: %s", command, answer.Error)
	}
	return answer
}

// nothingLeft has somebody whom nothing is forbidden bury what there is, and fails the test if anything remains.
func (w *world) nothingLeft(t *testing.T) {
	t.Helper()
	free := &world{w.World, t, &row{environment: w.row.environment}, w.keeper, nil}
	other := free.start()
	w.NothingLeft(t, w.row.onFiles(), func() {
		for _, space := range []namedshm.Namespace{namedshm.Local, namedshm.Global} {
			other.mustDo(t, request{Op: "bury", Space: space}, true)
		}
	})
}
