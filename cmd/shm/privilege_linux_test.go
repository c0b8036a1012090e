package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// stranger runs the command as a user without any privilege. The program is copied to where that user can reach it.
func stranger(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	dir, err := os.MkdirTemp("", "shm-stranger-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer self.Close()
	path := filepath.Join(dir, "shm")
	copied, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(copied, self); err != nil {
		t.Fatal(err)
	}
	if err := copied.Close(); err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), path, args...)
	c.Args[0] = "shm"
	c.Dir = "/"
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	return c
}

// TestStranger: what a user without the privilege, and who is not the owner, gets to see.
func TestStranger(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can become somebody else")
	}
	isolate(t)
	refused := func(want string, args ...string) {
		t.Helper()
		c := stranger(t, args...)
		var complaint strings.Builder
		c.Stderr = &complaint
		c.Run()
		if c.ProcessState.ExitCode() != 1 || !strings.HasPrefix(complaint.String(), "shm: ") || !strings.Contains(complaint.String(), want) {
			t.Errorf("shm %q: status %d, want %q in\n%s", args, c.ProcessState.ExitCode(), want, complaint.String())
		}
	}
	allowed := func(want string, args ...string) {
		t.Helper()
		out, err := stranger(t, args...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("shm %q: %v, want %q in\n%s", args, err, want, out)
		}
	}
	allowed("demo: ok", "demo")
	refused("(ERROR_ACCESS_DENIED, 5)", "demo", "--global")
	refused("run as root, or have root run 'shm setup --group G'", "demo", "--global")
	refused("(ERROR_ACCESS_DENIED, 5)", "create", `Global\Foo`, "--size", "1")
	refused("(ERROR_PRIVILEGE_NOT_HELD, 1314)", "setup")
	hold(t, `Global\Private`, "--size", "1")
	hold(t, `Global\Public`, "--size", "256", "--share", "read", "--text", "for all")
	hold(t, "Foo", "--size", "1")
	refused("(ERROR_ACCESS_DENIED, 5)", "open", `Global\Private`)
	refused("(ERROR_FILE_NOT_FOUND, 2)", "open", "Foo") // another user's Local names are not even there
	allowed("for all", "open", `Global\Public`)
	refused("(ERROR_ACCESS_DENIED, 5)", "write", `Global\Public`, "--text", "x")
	allowed(`Global\Public`, "ls")

	// Who may wait, and who may change what others wait for.
	hold(t, `Global\Ready`, "event", "--manual", "--set", "--share", "read")
	hold(t, `Global\Build`, "mutex")
	hold(t, `Global\Slots`, "semaphore", "--initial", "1", "--maximum", "2", "--share", "write")
	allowed("", "event", "wait", `Global\Ready`, "--timeout", patience.String())
	allowed("set (manual)", "event", "open", `Global\Ready`)
	refused("shm: set Global\\Ready: access is denied (ERROR_ACCESS_DENIED, 5)", "event", "set", `Global\Ready`)
	refused("shm: lock Global\\Build: access is denied (ERROR_ACCESS_DENIED, 5)", "mutex", "lock", `Global\Build`, "--existing", "--", "true")
	refused("shm: wait Global\\Build: access is denied (ERROR_ACCESS_DENIED, 5)", "wait", `Global\Build`, `Global\Ready`)
	allowed("", "semaphore", "wait", `Global\Slots`)
	allowed("0\n", "semaphore", "release", `Global\Slots`)
}
