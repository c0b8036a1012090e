//go:build linux

package wineprefix

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/internal/plainprefix"
	"github.com/namedshm/namedshm/wine"
	"golang.org/x/sys/unix"
)

// TestTwoPrefixes: the same name in two prefixes is two sections, each reached in its own; without a choice it is
// refused.
func TestTwoPrefixes(t *testing.T) {
	w := need(t)
	name := unique(t)
	for prefix, text := range map[string]string{w.first: "first", w.second: "second"} {
		g := w.play(t, prefix)
		g.ask("create", name, 4096)
		g.ask("text", 0, text)
	}
	for prefix, want := range map[string]string{w.first: "first\x00", w.second: "second"} {
		p := find(t, prefix)
		s, v := attach(t, p, name, namedshm.Read)
		if got := string(v.Bytes()[:6]); got != want || s.Prefix.Path != prefix {
			t.Errorf("in %s it is %q, of %s", prefix, got, s.Prefix.Path)
		}
		if out, _, code := w.run(t, "", "wine", "attach", name, "--prefix", prefix); code != 0 ||
			out != strings.TrimRight(want, "\x00")+"\n" {
			t.Errorf("the command shows %q, status %d", out, code)
		}
	}
	if _, err := wine.Find(""); err == nil || !strings.Contains(err.Error(), w.first) ||
		!strings.Contains(err.Error(), w.second) {
		t.Errorf("without a choice: %v", err)
	}
	if _, errs, code := w.run(t, "", "wine", "attach", name); code != 1 ||
		!strings.Contains(errs, "choose one with --prefix") {
		t.Errorf("without a choice the command says %q, status %d", errs, code)
	}
	e := wantEvent(t, wine.Follow(bounded(t), wine.Target{Name: name}), wine.Failed)
	if !strings.Contains(e.Err.Error(), "say which") {
		t.Errorf("followed without a choice: %v", e.Err)
	}
}

// TestRefused: a prefix without the name, a name of another kind, a name that is none.
func TestRefused(t *testing.T) {
	w := need(t)
	g := w.play(t, w.first)
	name := unique(t)
	g.ask("make", "event", name)
	p := find(t, w.first)
	for other, want := range map[string]namedshm.Code{
		name: namedshm.ErrInvalidHandle, name + "-absent": namedshm.ErrFileNotFound,
		`Global\absent`: namedshm.ErrFileNotFound,
		"":              namedshm.ErrInvalidHandle, `Local\a\b`: namedshm.ErrPathNotFound, `\a`: namedshm.ErrBadPathname,
		strings.Repeat("x", 20000): namedshm.ErrNameTooLong,
	} {
		if _, err := p.Open(t.Context(), other, namedshm.Read); !isCode(err, want) {
			t.Errorf("%.30q: %v, want %v", other, err, want)
		}
	}
	if _, errs, code := w.run(t, "", "wine", "attach", name+"-absent", "--prefix", w.first); code != 1 ||
		!strings.Contains(errs, "ERROR_FILE_NOT_FOUND") {
		t.Errorf("the command says %q, status %d", errs, code)
	}
	if _, err := wine.Find(t.TempDir()); !errors.Is(err, wine.ErrNoPrefix) {
		t.Errorf("a directory that is none: %v", err)
	}
	wantNoHelper(t, w.first)
}

// TestCannotStart: where the helper cannot be started, the error says what to run instead.
func TestCannotStart(t *testing.T) {
	w := need(t)
	for loader, want := range map[string]string{
		"":                "flatpak enter",
		"/absent/wine64":  "WINEPREFIX='" + w.first + "' '/absent/wine64' winepath -w /",
		"/usr/bin/false":  "the helper ended too early: exit status 1; check the output of: WINEPREFIX=",
		"/proc/self/maps": "permission denied",
	} {
		p := find(t, w.first)
		p.Loader = loader
		if _, err := p.Open(bounded(t), "Foo", namedshm.Read); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("with the loader %q: %v, want %q", loader, err, want)
		}
	}
}

// TestDeadPrefix: what was found is gone meanwhile. No wineserver is started by asking.
func TestDeadPrefix(t *testing.T) {
	t.Parallel() // it waits, mostly, and has a prefix of its own
	w := need(t)
	prefix := w.freshPrefix(t)
	w.play(t, prefix).ask("create", "Foo", 4096)
	p := find(t, prefix)
	if err := plainprefix.Stop(prefix); err != nil {
		t.Fatal(err)
	}
	s, _ := native(t, "", 4096)
	_, listErr := p.Sections(t.Context())
	_, openErr := p.Open(t.Context(), "Foo", namedshm.Read)
	_, publishErr := p.Publish(t.Context(), s, "Foo")
	for _, err := range []error{listErr, openErr, publishErr} {
		if !errors.Is(err, wine.ErrEnded) {
			t.Errorf("in a dead prefix: %v", err)
		}
	}
	if _, err := wine.Find(prefix); !errors.Is(err, wine.ErrNoPrefix) {
		t.Errorf("it is still found: %v", err)
	}
}

// TestAnotherUser: a wineserver of another user is not shown, and whose it is is said.
func TestAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("it takes root")
		}
		t.Skip("it takes root")
	}
	w := need(t)
	const stranger = 64101 // a user that no machine has
	theirs, err := os.MkdirTemp("", "namedshm-stranger-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(theirs)
	if err := os.Chown(theirs, stranger, stranger); err != nil {
		t.Fatal(err)
	}
	as := func(cmd *exec.Cmd) *exec.Cmd {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: stranger, Gid: stranger}}
		cmd.Dir = "/"
		return cmd
	}
	server := as(exec.Command("wineserver", "-f", "-p"))
	server.Env = append(plainprefix.Environ(theirs), "HOME="+theirs, "TMPDIR="+theirs)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		server.Process.Kill()
		server.Wait()
	}()
	until(t, "the stranger's wineserver runs", func() bool {
		command, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", server.Process.Pid))
		cwd, _ := os.Readlink(fmt.Sprintf("/proc/%d/cwd", server.Process.Pid))
		_, err := os.Stat(cwd + "/socket")
		return strings.HasPrefix(string(command), "wineserver") && strings.Contains(cwd, "server-") && err == nil
	})
	all, err := wine.Prefixes()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if p.Path == theirs || p.Server == server.Process.Pid {
			t.Errorf("listed: %v", &p)
		}
	}
	if _, err := wine.Find(theirs); err == nil || !strings.Contains(err.Error(), strconv.Itoa(stranger)) {
		t.Errorf("found: %v", err)
	}
	e := wantEvent(t, wine.Follow(bounded(t), wine.Target{Prefix: theirs, Name: "Foo"}), wine.Failed)
	if !strings.Contains(e.Err.Error(), strconv.Itoa(stranger)) {
		t.Errorf("followed: %v", e.Err)
	}
	// And the other way: the stranger asks for a prefix of ours.
	shm := filepath.Join(theirs, "shm")
	if b, err := os.ReadFile(w.shm); err != nil || os.WriteFile(shm, b, 0o755) != nil ||
		os.Chmod(w.directory, 0o755) != nil || os.Chmod(w.first, 0o755) != nil {
		t.Fatal(err)
	}
	out, err := as(exec.Command(shm, "wine", "attach", "Foo", "--prefix", w.first)).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "belongs to user root") {
		t.Errorf("the stranger is told %q", out)
	}
}

// TestHelperKilled kills helpers at random moments of their life: every call ends, with what it wanted or with an
// error, and nothing is left: no process, no descriptor, no name.
func TestHelperKilled(t *testing.T) {
	w := need(t)
	seed := uint64(os.Getpid())
	if s, err := strconv.ParseUint(os.Getenv("NAMEDSHM_SEED"), 10, 64); err == nil {
		seed = s
	}
	t.Logf("NAMEDSHM_SEED=%d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	g := w.play(t, w.first)
	name := unique(t)
	g.ask("create", name, 4096)
	p := find(t, w.first)
	s, _ := native(t, "", 4096)
	before := descriptors(t)
	killed := 0
	for i := range 30 {
		stop := make(chan struct{})
		done := make(chan int, 1)
		pause := time.Duration(random.Int64N(int64(80 * time.Millisecond)))
		go func() { done <- killAfter(t, w.first, pause, stop) }()
		var err error
		switch i % 3 {
		case 0:
			var found *wine.Attachment
			if found, err = p.Open(bounded(t), name, namedshm.Read); err == nil {
				found.Close()
			}
		case 1:
			_, err = p.Sections(bounded(t))
		case 2:
			var publication *wine.Publication
			if publication, err = p.Publish(bounded(t), s, name+"-native"); err == nil {
				publication.Close()
			}
		}
		close(stop)
		killed += <-done
		if errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("call %d hangs", i)
		}
		wantNoHelper(t, w.first)
	}
	if killed == 0 {
		t.Error("no helper was killed at all")
	}
	t.Logf("%d helpers were killed", killed)
	if after := descriptors(t); after > before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
	until(t, "the name of the native section is gone", func() bool {
		_, err := p.Open(t.Context(), name+"-native", namedshm.Read)
		return isCode(err, namedshm.ErrFileNotFound)
	})
}

// killAfter kills the helper of a prefix when it has run for a while. It says how many it killed.
func killAfter(t *testing.T, prefix string, pause time.Duration, stop <-chan struct{}) int {
	for {
		if found := helpers(t, prefix); len(found) > 0 {
			select {
			case <-time.After(pause):
			case <-stop:
				return 0
			}
			if syscall.Kill(found[0], syscall.SIGKILL) == nil {
				return 1
			}
			return 0
		}
		select {
		case <-stop:
			return 0
		default:
		}
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// TestStoppedHelper: a helper that is stopped is no reason to wait: the caller's context ends the call, and the helper.
func TestStoppedHelper(t *testing.T) {
	w := need(t)
	p := find(t, w.first)
	ctx, cancel := context.WithCancel(bounded(t))
	failed := make(chan error, 1)
	go func() {
		for {
			if _, err := p.Sections(ctx); err != nil {
				failed <- err
				return
			}
		}
	}()
	until(t, "a helper is stopped", func() bool {
		for _, pid := range helpers(t, w.first) {
			if syscall.Kill(pid, syscall.SIGSTOP) == nil {
				return true
			}
		}
		return false
	})
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	wantNoHelper(t, w.first)
}

// TestStoppedInACall: the same for a helper that is stopped when it has been at work for a while. A call gives up by
// itself after ten seconds; a context that is done ends it at once.
func TestStoppedInACall(t *testing.T) {
	w := need(t)
	name := unique(t)
	w.play(t, w.first).ask("create", name, 4096)
	events, cancel := follow(t, wine.Target{Prefix: w.first, Name: name})
	defer wantEvent(t, events, wine.Attached).Attachment.Close()
	for _, pid := range helpers(t, w.first) {
		stopped := false
		until(t, "the call hangs", func() bool {
			// Stopped with a request in hand, it is let go on for a moment: what is to be seen is one that it does not take.
			signal := syscall.SIGSTOP
			if stopped {
				if unread(t, pid) {
					return true
				}
				signal = syscall.SIGCONT
			}
			send(t, pid, signal)
			stopped = !stopped
			return false
		})
	}
	begun := time.Now()
	cancel()
	for range events {
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("it ended after %v: nobody but the call's own bound ended it", took)
	}
	wantNoHelper(t, w.first)
}

// unread reports whether a request lies unread in the pipe to a stopped helper.
func unread(t *testing.T, pid int) bool {
	t.Helper()
	input, err := os.Open(fmt.Sprintf("/proc/%d/fd/0", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer input.Close()
	waiting, err := unix.IoctlGetInt(int(input.Fd()), unix.TIOCINQ)
	return err == nil && waiting > 0
}

// TestNoWindow: the helper needs no display, and is told of none: a display that does not exist does no harm.
func TestNoWindow(t *testing.T) {
	w := need(t)
	prefix := w.freshPrefix(t)
	t.Setenv("DISPLAY", ":4711")
	g := w.play(t, prefix)
	g.ask("create", "Foo", 4096)
	events, cancel := follow(t, wine.Target{Prefix: prefix, Name: "Foo"})
	defer cancel()
	defer wantEvent(t, events, wine.Attached).Attachment.Close()
	for _, pid := range helpers(t, prefix) {
		environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if err != nil || strings.Contains(string(environ), "DISPLAY=") {
			t.Errorf("the helper is told of a display: %v", err)
		}
		if !strings.Contains(string(environ), "WINESERVERSOCKET=3\x00") {
			t.Error("the helper was given no connection, and would start a wineserver where it finds none")
		}
	}
}

// TestProtonLayout: a prefix that lies where Steam puts them is found by Steam's number of the application, by either
// directory, and told as Proton's. (It is Debian's Wine that runs in it.)
func TestProtonLayout(t *testing.T) {
	w := need(t)
	plain, err := plainprefix.Make()
	if err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(t.TempDir(), "compatdata", "805550")
	prefix := filepath.Join(data, "pfx")
	if err := os.MkdirAll(prefix, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := plainprefix.Clone(plain, prefix); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := plainprefix.Remove(prefix); err != nil {
			t.Error(err)
		}
	})
	g := w.play(t, prefix)
	name := unique(t)
	g.ask("create", name, 4096)
	g.ask("text", 0, "steam")
	for _, which := range []string{prefix, data, "805550"} {
		p := find(t, which)
		if p.Flavor != wine.Proton || p.App != "805550" || p.Path != prefix || p.Loader != w.loader {
			t.Errorf("%s is %+v", which, p)
		}
		if !slices.Contains(p.Processes, wine.Process{PID: g.command.Process.Pid, Name: "game.exe"}) {
			t.Errorf("its programs: %v", p.Processes)
		}
	}
	if out, errs, code := w.run(t, "", "wine", "attach", name, "--prefix", "805550"); code != 0 || out != "steam\n" {
		t.Errorf("%q, %q, status %d", out, errs, code)
	}
}

// TestContainer: a prefix in user and mount namespaces of its own, as Steam's container has them, is told as such,
// listed, attached to and published into.
func TestContainer(t *testing.T) {
	w := need(t)
	prefix := w.freshPrefix(t)
	if out, err := exec.Command("unshare", "--user", "--map-root-user", "--mount", "true").CombinedOutput(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%v\n%s", err, out)
		}
		t.Skipf("%v\n%s", err, out)
	}
	g := w.playAs(t, prefix, "unshare", "--user", "--map-root-user", "--mount", w.loader)
	name := unique(t)
	g.ask("create", name, 4096)
	g.ask("text", 0, "inside")
	p := find(t, prefix)
	if got := strings.Join(p.OtherNamespaces(), " "); got != "user mnt" {
		t.Errorf("apart: %q", got)
	}
	_, v := attach(t, p, name, namedshm.ReadWrite)
	copy(v.Bytes()[6:], "+out")
	if got := g.ask("text", 0); got != "inside+out" {
		t.Errorf("the Windows program reads %q", got)
	}
	s, _ := native(t, "", 4096)
	publication, err := p.Publish(t.Context(), s, name+"-native")
	if err != nil {
		t.Fatal(err)
	}
	defer publication.Close()
	if got := g.ask("create", name+"-native", 4096); got != "existed" {
		t.Errorf("the Windows program made it %s", got)
	}
	left, err := filepath.Glob(fmt.Sprintf("/proc/%d/cwd/*.exe", p.Server))
	if err != nil || len(left) > 0 {
		t.Errorf("left beside the wineserver's socket: %q, %v", left, err)
	}
	if out, _, code := w.run(t, "", "doctor"); code != 0 ||
		!strings.Contains(strings.Join(strings.Fields(out), " "), "not in the same namespaces as this process: user, mnt") {
		t.Errorf("doctor: status %d\n%s", code, out)
	}
}
