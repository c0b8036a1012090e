package flow_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/flow"
)

// Ends in processes of their own, which are killed and stopped. Such a process is this test's program once more,
// with a part to play.

const partVariable = "FLOW_TEST_PART"

// parts are what a process can do, with the name of a ring or feed.
var parts = map[string]func(name string) error{
	"send": send, "claim and wait": claimAndWait, "receive": receive, "write": write, "read": read, "calls": calls,
}

func TestMain(m *testing.M) {
	if part, name, ok := strings.Cut(os.Getenv(partVariable), ":"); ok {
		if err := parts[part](name); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// actor is such a process.
type actor struct {
	*exec.Cmd
	t     *testing.T
	lines *bufio.Scanner
}

func start(t *testing.T, part, name string, with ...func(*exec.Cmd)) *actor {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	a := &actor{Cmd: exec.Command(program), t: t}
	a.Env = append(os.Environ(), partVariable+"="+part+":"+name)
	for _, w := range with {
		w(a.Cmd)
	}
	out, err := a.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.kill)
	a.lines = bufio.NewScanner(out)
	return a
}

// line is the next one that it prints.
func (a *actor) line() string {
	a.t.Helper()
	if !a.lines.Scan() {
		a.t.Fatal("it says nothing more")
	}
	return a.lines.Text()
}

func (a *actor) kill() {
	a.Process.Signal(syscall.SIGKILL)
	a.Wait()
}

func (a *actor) stopped() {
	a.t.Helper()
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(a.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		a.t.Fatal(status, err)
	}
}

var ctx = context.Background()

// send sends numbers for as long as it lives.
func send(name string) error {
	s, err := flow.OpenSender[uint64](ctx, name)
	if err != nil {
		return err
	}
	fmt.Println("begun")
	for n := uint64(0); ; n++ {
		if err := s.Send(ctx, n, n, n); err != nil {
			return err
		}
	}
}

// claimAndWait has a claim until it is told to go on, and then commits it and closes.
func claimAndWait(name string) error {
	s, err := flow.OpenSender[uint64](ctx, name)
	if err != nil {
		return err
	}
	m, err := s.Claim(ctx, 3)
	if err != nil {
		return err
	}
	copy(m, []uint64{7, 7, 7})
	fmt.Println("claimed")
	if _, err := os.Stdin.Read(make([]byte, 1)); err != nil {
		return err
	}
	s.Commit()
	return s.Close()
}

// receive prints what it gets, and says after each that it is done.
func receive(name string) error {
	r, err := flow.NewReceiver[uint64](name, flow.Ring{Capacity: 4096})
	if err != nil {
		return err
	}
	fmt.Println("begun")
	for m, err := range r.All(ctx) {
		if err != nil {
			return err
		}
		if m[0] != m[1] || m[0] != m[2] {
			return fmt.Errorf("torn: %d", m)
		}
		fmt.Println(m[0])
		r.Done()
	}
	return nil
}

// write writes numbers for as long as it lives.
func write(name string) error {
	w, err := flow.NewWriter[[64]uint64](name, flow.Feed{Depth: 3})
	if err != nil {
		return err
	}
	for n := uint64(0); ; n++ {
		m := w.Claim()
		for i := range m[0] {
			m[0][i] = n
		}
		w.Commit(1)
		if n == 100 {
			fmt.Println("begun")
		}
	}
}

// read reads three messages of a feed that it may only read, and what comes at its end.
func read(name string) error {
	r, err := flow.OpenReader[uint64](ctx, name)
	if err != nil {
		return err
	}
	fmt.Println("begun")
	var buf []uint64
	for {
		m, lost, err := r.Next(ctx, buf)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		fmt.Println(m[0], lost)
		buf = m
	}
	if _, err := flow.NewWriter[uint64](name, flow.Feed{}); !errors.Is(err, namedshm.ErrAccessDenied) {
		return fmt.Errorf("a writer without the right: %v", err)
	}
	return nil
}

// calls makes ten thousand messages go there and back, with a call of getppid before each five hundred.
func calls(name string) error {
	runtime.LockOSThread()
	r, err := flow.NewReceiver[uint64](name, flow.Ring{})
	if err != nil {
		return err
	}
	s, err := flow.OpenSender[uint64](ctx, name)
	if err != nil {
		return err
	}
	w, err := flow.NewWriter[uint64](name+"Feed", flow.Feed{})
	if err != nil {
		return err
	}
	reader, err := flow.OpenReader[uint64](ctx, name+"Feed")
	if err != nil {
		return err
	}
	buf := make([]uint64, 1)
	runtime.GC()
	for n := range uint64(10000) {
		if n%500 == 0 {
			syscall.Getppid()
		}
		m, _, _ := s.TryClaim(1)
		m[0] = n
		s.Commit()
		m, err := r.Next(ctx)
		if err != nil || m[0] != n {
			return fmt.Errorf("%d, %w", m, err)
		}
		w.Write(n)
		if buf, _, err = reader.Next(ctx, buf); err != nil || buf[0] != n {
			return fmt.Errorf("%d, %w", buf, err)
		}
		if buf, _, err = reader.Latest(buf); err != nil || buf[0] != n {
			return fmt.Errorf("%d, %w", buf, err)
		}
	}
	syscall.Getppid()
	return nil
}

func mustReceive[T any](t *testing.T, name string, ring flow.Ring) *flow.Receiver[T] {
	t.Helper()
	r, err := flow.NewReceiver[T](name, ring)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// TestKilledSender: what it committed comes, whole and in order, then it is told that it died; and its successor
// goes on in its lane.
func TestKilledSender(t *testing.T) {
	r := mustReceive[uint64](t, t.Name(), flow.Ring{Lanes: 1, Capacity: 4096})
	for range 3 {
		a := start(t, "send", t.Name())
		a.line()
		n := uint64(0)
		for m, err := range r.All(ctx) {
			if err != nil {
				if !errors.Is(err, io.ErrUnexpectedEOF) || !errors.Is(err, namedshm.ErrBrokenPipe) {
					t.Fatal(err)
				}
				break
			}
			if !slices.Equal(m, []uint64{n, n, n}) {
				t.Fatalf("%d instead of %d", m, n)
			}
			if n++; n == 10000 {
				a.kill()
			}
		}
		if n < 10000 {
			t.Errorf("%d messages before the death", n)
		}
	}
}

// TestKilledReceiver: the sender is told when there is no room, and the next receiver gets all from there on that
// was not done with.
func TestKilledReceiver(t *testing.T) {
	a := start(t, "receive", t.Name())
	a.line()
	s, err := flow.OpenSender[uint64](ctx, t.Name())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	n, seen := uint64(0), uint64(0)
	for ; ; n++ {
		if err = s.Send(ctx, n, n, n); err != nil {
			break
		}
		if n < 1000 {
			if line := a.line(); line != strconv.FormatUint(n, 10) {
				t.Fatalf("%q instead of %d", line, n)
			}
			seen = n
		}
		if n == 1000 {
			a.kill()
		}
	}
	if !errors.Is(err, namedshm.ErrBrokenPipe) || !errors.Is(err, io.ErrClosedPipe) {
		t.Fatal(err)
	}
	r := mustReceive[uint64](t, t.Name(), flow.Ring{})
	for next := seen + 1; next < n; {
		m, err := r.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		// The dead one may have got one or two more than it said.
		if m[0] > next && next <= 1001 {
			next = m[0]
		}
		if m[0] > next || m[0] != m[2] {
			t.Fatalf("%d instead of %d", m, next)
		}
		if m[0] == next {
			next++
		}
	}
	if err := s.Send(ctx, 1); err != nil {
		t.Error(err)
	}
}

// TestKilledWriter: nothing is torn, its death is told, and its successor's numbers go on.
func TestKilledWriter(t *testing.T) {
	for range 3 {
		a := start(t, "write", t.Name())
		a.line()
		r, err := flow.OpenReader[[64]uint64](ctx, t.Name())
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close() // which keeps the feed for the next writer
		var buf [][64]uint64
		last := uint64(0)
		for i := 0; ; i++ {
			if i == 1000 {
				a.kill()
			}
			m, _, err := r.Next(ctx, buf)
			if errors.Is(err, io.ErrUnexpectedEOF) {
				break
			}
			if errors.Is(err, namedshm.ErrBusy) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range m[0] {
				if v != m[0][0] {
					t.Fatalf("torn: %d", m)
				}
			}
			buf = m
			_, number, err := r.Latest(buf)
			if err != nil && !errors.Is(err, namedshm.ErrBusy) || number < last {
				t.Fatal(number, last, err)
			}
			last = number
		}
	}
}

// TestStoppedSender keeps nobody else's messages back, and its lane; when it goes on, so does its claim.
func TestStoppedSender(t *testing.T) {
	r := mustReceive[uint64](t, t.Name(), flow.Ring{Lanes: 2, Capacity: 4096})
	its, told, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer told.Close()
	a := start(t, "claim and wait", t.Name(), func(c *exec.Cmd) { c.Stdin = its })
	its.Close()
	a.line()
	a.Process.Signal(syscall.SIGSTOP)
	a.stopped()
	told.WriteString("\n")
	s, err := flow.OpenSender[uint64](ctx, t.Name())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for n := range uint64(10000) {
		if err := s.Send(ctx, n); err != nil {
			t.Fatal(err)
		}
		if m, err := r.Next(ctx); err != nil || m[0] != n {
			t.Fatal(m, err)
		}
	}
	if _, err := flow.OpenSender[uint64](ctx, t.Name()); !errors.Is(err, namedshm.ErrBusy) ||
		!strings.Contains(err.Error(), strconv.Itoa(a.Process.Pid)) {
		t.Errorf("the stopped one's lane is free: %v", err)
	}
	a.Process.Signal(syscall.SIGCONT)
	if m, err := r.Next(ctx); err != nil || !slices.Equal(m, []uint64{7, 7, 7}) {
		t.Error(m, err)
	}
}

// TestStrangerReads: another user reads a Global feed that it may not write, wakes up for each message, and is told
// the goodbye.
func TestStrangerReads(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("only root can play two users")
		}
		t.Skip("only root can play two users")
	}
	root, err := os.MkdirTemp("/dev/shm", "flow-test-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(root)
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("NAMEDSHM_ROOT", root)
	program := readableCopy(t, root)
	name := `Global\` + t.Name()
	w, err := flow.NewWriter[uint64](name, flow.Feed{Depth: 8}, namedshm.ShareAccess(namedshm.Everyone(), namedshm.Read))
	if err != nil {
		t.Fatal(err)
	}
	a := start(t, "read", name, func(c *exec.Cmd) {
		c.Path, c.Args[0] = program, program
		c.Dir = "/"
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65533, Gid: 65533}}
	})
	if line := a.line(); line != "begun" {
		t.Fatal(line)
	}
	for n := range uint64(100) {
		w.Write(n)
		if line := a.line(); line != fmt.Sprint(n, " 0") {
			t.Fatal(line)
		}
	}
	// It is to open the name once more, so that this stays open.
	keep, err := flow.OpenReader[uint64](ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	defer keep.Close()
	w.Close()
	if err := a.Wait(); err != nil {
		t.Error(err, a.line())
	}
}

// readableCopy is this program where everybody may run it.
func readableCopy(t *testing.T, directory string) string {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(directory, "flow.test")
	if err := os.WriteFile(copied, text, 0o755); err != nil {
		t.Fatal(err)
	}
	return copied
}
