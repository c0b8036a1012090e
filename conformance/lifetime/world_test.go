//go:build linux

package lifetime

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/internal/turns"
)

const (
	actorVariable   = "NAMEDSHM_LIFETIME_ACTOR"
	rootVariable    = "NAMEDSHM_ROOT"
	backingVariable = "NAMEDSHM_BACKING"

	// prompt is how long any one command may take. It is a bound, not a measurement: what is refused because a
	// process was stopped at the wrong moment takes the library a second by design.
	prompt = 10 * time.Second
)

// program is the test program, copied to where every user can execute it.
var program string

func TestMain(m *testing.M) {
	if os.Getenv(actorVariable) != "" {
		act()
		return
	}
	end, err := turns.Together()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer end()
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "namedshm-lifetime-")
	if err == nil {
		defer os.RemoveAll(dir)
		program = filepath.Join(dir, "actor")
		err = copyProgram(program)
	}
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "cannot copy the test program:", err)
		return 1
	}
	return m.Run()
}

func copyProgram(to string) error {
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		return err
	}
	defer self.Close()
	copied, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(copied, self); err != nil {
		return err
	}
	if err := copied.Chmod(0o755); err != nil {
		return err
	}
	return copied.Close()
}

// onFileBacking says that these processes use the backing of other Unix systems.
func onFileBacking() bool { return os.Getenv(backingVariable) == "file" }

// needRoot skips a test that only root can run; in CI that is a failure.
func needRoot(t *testing.T, why string) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("this needs root: %s", why)
	}
	t.Skipf("this needs root: %s", why)
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
	root string

	mu   sync.Mutex
	pids map[int]bool // of all actors there ever were
}

func newWorld(t *testing.T) *world {
	t.Helper()
	root, err := os.MkdirTemp("/dev/shm", "namedshm-lifetime-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	if err := os.Chmod(root, 0o777|fs.ModeSticky); err != nil {
		t.Fatal(err)
	}
	return &world{root: root, pids: map[int]bool{}}
}

// actor is a process that does what it is told.
type actor struct {
	t       *testing.T
	cmd     *exec.Cmd
	in      io.WriteCloser
	replies chan reply
	thread  int // the one that runs the commands
	pid     int

	ended sync.Once
}

// user is who an actor runs as.
type user struct {
	uid, gid int
	groups   []uint32
}

// start starts an actor as the user that runs the test.
func (w *world) start(t *testing.T) *actor {
	t.Helper()
	cmd := exec.Command(program)
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	return w.launch(t, cmd)
}

// startAs starts an actor as another user, without any privilege.
func (w *world) startAs(t *testing.T, u user) *actor {
	t.Helper()
	cmd := exec.Command(program)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{
		Uid: uint32(u.uid), Gid: uint32(u.gid), Groups: u.groups,
	}}
	return w.launch(t, cmd)
}

func (w *world) launch(t *testing.T, cmd *exec.Cmd) *actor {
	t.Helper()
	cmd.Dir = "/"
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL // whatever becomes of the test
	// Without preemption by signals, fewer of the system calls are the Go runtime's.
	cmd.Env = append(os.Environ(), actorVariable+"=1", rootVariable+"="+w.root, "GODEBUG=asyncpreemptoff=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	w.pids[cmd.Process.Pid] = true
	w.mu.Unlock()
	a := &actor{t: t, cmd: cmd, in: in, replies: make(chan reply, 1), pid: cmd.Process.Pid}
	go func() {
		defer close(a.replies)
		for lines := json.NewDecoder(out); ; {
			var r reply
			if lines.Decode(&r) != nil {
				return
			}
			a.replies <- r
		}
	}()
	t.Cleanup(a.kill)
	a.thread = int(a.answer().Number)
	return a
}

// ask sends a command, and does not wait for the answer.
func (a *actor) ask(r request) {
	a.t.Helper()
	line, err := json.Marshal(r)
	if err != nil {
		a.t.Fatal(err)
	}
	if _, err := a.in.Write(append(line, '\n')); err != nil {
		a.t.Fatalf("actor %d: %v", a.pid, err)
	}
}

// answer waits for the answer to the last command.
func (a *actor) answer() reply {
	a.t.Helper()
	late := time.NewTimer(prompt)
	defer late.Stop()
	select {
	case r, ok := <-a.replies:
		if !ok {
			a.t.Fatalf("actor %d ended", a.pid)
		}
		return r
	case <-late.C:
		a.t.Fatalf("actor %d did not answer in %v", a.pid, prompt)
	}
	panic("unreachable")
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

// kill is kill -9, and waiting until the process is reaped. What it held is then gone.
func (a *actor) kill() {
	a.ended.Do(func() {
		a.cmd.Process.Kill()
		a.cmd.Wait()
	})
}

// leave lets the actor end by itself, with all that it holds.
func (a *actor) leave() {
	a.ended.Do(func() {
		a.in.Close()
		a.cmd.Wait()
	})
}

// stop is kill -STOP, and waiting until every thread has stopped.
func (a *actor) stop() {
	a.t.Helper()
	if err := syscall.Kill(a.pid, syscall.SIGSTOP); err != nil {
		a.t.Fatal(err)
	}
	for deadline := time.Now().Add(prompt); ; time.Sleep(time.Millisecond) {
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", a.pid))
		running := slices.ContainsFunc(tasks, func(path string) bool {
			b, err := os.ReadFile(path)
			state := bytes.TrimLeft(b[bytes.LastIndexByte(b, ')')+1:], " ")
			return err == nil && state[0] != 'T' && state[0] != 't'
		})
		if !running {
			return
		}
		if time.Now().After(deadline) {
			a.t.Fatalf("actor %d did not stop", a.pid)
		}
	}
}

func (a *actor) resume() { syscall.Kill(a.pid, syscall.SIGCONT) }

// controlFiles are what a Global directory keeps for ever.
var controlFiles = []string{".creating", ".burial"}

// leftovers is what lies in the world's directories besides.
func (w *world) leftovers(t *testing.T) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(w.root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		depth := strings.Count(strings.TrimPrefix(path, w.root), "/")
		if depth >= 2 && !slices.Contains(controlFiles, d.Name()) {
			found = append(found, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// nothingLeft buries what crashed processes left, and fails the test if anything is there afterwards: an entry, or a
// System V segment that an actor of this world made.
func (w *world) nothingLeft(t *testing.T, by *actor) {
	t.Helper()
	bury := func() {
		t.Helper()
		by.must(request{Op: "bury", Space: namedshm.LocalNamespace})
		by.must(request{Op: "bury", Space: namedshm.GlobalNamespace})
	}
	bury()
	if onFileBacking() {
		// A file without a name yet is left alone for a minute, in case its creator is only slow: let it be older.
		old := time.Now().Add(-time.Hour)
		for _, path := range w.leftovers(t) {
			if strings.HasPrefix(filepath.Base(path), ".new-") {
				os.Chtimes(path, old, old)
			}
		}
		bury()
	}
	if left := w.leftovers(t); left != nil {
		t.Fatalf("left in the directories: %q", left)
	}
	if left := w.segments(t); left != nil {
		t.Fatalf("System V segments left: %q", left)
	}
}

// segments are the System V segments that actors of this world made, as /proc/sysvipc/shm tells them.
func (w *world) segments(t *testing.T) []string {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	var found []string
	for _, s := range segmentList(t) {
		if w.pids[s.creator] {
			found = append(found, s.line)
		}
	}
	return found
}

type segmentLine struct {
	id, creator int
	line        string
}

func segmentList(t *testing.T) []segmentLine {
	t.Helper()
	b, err := os.ReadFile("/proc/sysvipc/shm")
	if err != nil {
		t.Fatal(err)
	}
	return parseSegments(string(b))
}

func parseSegments(table string) []segmentLine {
	var all []segmentLine
	for line := range strings.Lines(table) {
		// key shmid perms size cpid …
		f := strings.Fields(line)
		if len(f) < 5 {
			continue
		}
		id, err := strconv.Atoi(f[1])
		if err != nil {
			continue // the heading
		}
		creator, _ := strconv.Atoi(f[4])
		all = append(all, segmentLine{id, creator, strings.TrimSpace(line)})
	}
	return all
}
