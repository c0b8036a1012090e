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
		if c.ProcessState.ExitCode() != 1 || !strings.HasPrefix(complaint.String(), "shm: ") ||
			!strings.Contains(complaint.String(), want) {
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

	// Which users may wait, and which may change what others wait for.
	hold(t, `Global\Ready`, "event", "--manual", "--set", "--share", "read")
	hold(t, `Global\Build`, "mutex")
	hold(t, `Global\Slots`, "semaphore", "--initial", "1", "--maximum", "2", "--share", "write")
	allowed("", "event", "wait", `Global\Ready`, "--timeout", patience.String())
	allowed("set (manual)", "event", "open", `Global\Ready`)
	refused("shm: set Global\\Ready: access is denied (ERROR_ACCESS_DENIED, 5)", "event", "set", `Global\Ready`)
	refused("shm: lock Global\\Build: access is denied (ERROR_ACCESS_DENIED, 5)", "mutex", "lock", `Global\Build`,
		"--existing", "--", "true")
	refused("shm: wait Global\\Build: access is denied (ERROR_ACCESS_DENIED, 5)", "wait", `Global\Build`, `Global\Ready`)
	allowed("", "semaphore", "wait", `Global\Slots`)
	allowed("0\n", "semaphore", "release", `Global\Slots`)
}

// TestReplaceablePosixFile: where others could replace what is made for programs that use shm_open, nothing is made.
func TestReplaceablePosixFile(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can mount another /dev/shm")
	}
	for _, c := range []struct{ mount, option string }{
		{"mode=0777", "--size=4KiB"},
		{"mode=0777", "--symlink"},
		{"mode=0755,uid=64101", "--size=4KiB"}, // another user's
		{"mode=1777,uid=64101", "--symlink"},
		{"mode=0775,gid=64101", "--symlink"},
	} {
		cmd := exec.CommandContext(t.Context(), "unshare", "--mount", "--propagation", "private", "sh", "-c",
			`mount -t tmpfs -o `+c.mount+` tmpfs /dev/shm && ! "$0" "$@" && ls -A /dev/shm`,
			stranger(t).Path, "wine", "link", "X", "--posix", c.option, "--prefix", "/nowhere")
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.HasPrefix(string(out), "shm: ") ||
			!strings.Contains(string(out), "/dev/shm is refused: others can rename what is in it") ||
			!strings.HasSuffix(string(out), "make it sticky (chmod +t)\n") {
			t.Errorf("%s, %s: %v\n%s", c.mount, c.option, err, out)
		}
	}
}
