//go:build linux

package wineprefix

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/namedshm/namedshm/internal/depth"
	"github.com/namedshm/namedshm/internal/plainprefix"
	"github.com/namedshm/namedshm/wine"
)

// insideVariable is set in a sandbox: what is built already, so that it need not be in there.
const insideVariable = "NAMEDSHM_TEST_INSIDE"

// sandboxes are how bubblewrap is asked for one, beside a user namespace that has this user alone.
var sandboxes = map[string][]string{
	"the host's devices and processes": {"--dev-bind", "/", "/", "--unshare-user"},
	strictest: {"--ro-bind", "/", "/", "--dev", "/dev", "--unshare-all", "--proc", "/proc",
		"--tmpfs", "/tmp", "--bind", "$HOME", "$HOME"},
}

// strictest is the one of them that a quick run has.
const strictest = "nothing of the host's"

// TestSandbox runs tests of this suite in a sandbox as an ordinary user, with Wine in it. The host's root, whose is all
// of Wine, is not mapped in there.
func TestSandbox(t *testing.T) {
	t.Parallel()
	w := need(t)
	if out, err := exec.Command("bwrap", "--dev-bind", "/", "/", "--unshare-user", "true").CombinedOutput(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%v\n%s", err, out)
		}
		t.Skipf("bubblewrap: %v %s", err, out)
	}
	for name, options := range sandboxes {
		if name != strictest && !depth.Full() {
			continue
		}
		t.Run(name, func(t *testing.T) {
			out, err := w.inside(t, options, "TestInside|TestSamePages|TestLink|TestPublishFirst|TestPosixFirst")
			if err != nil || !strings.Contains(out, "--- PASS: TestInside ") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// inside runs tests of this program in a sandbox.
func (w *world) inside(t *testing.T, options []string, tests string) (string, error) {
	t.Helper()
	home := t.TempDir()
	must(t, os.Chmod(filepath.Dir(home), 0o755), os.Chmod(home, 0o755))
	self, shm, game := filepath.Join(home, "test"), filepath.Join(home, "shm"), filepath.Join(home, "game.exe")
	must(t, copyFile("/proc/self/exe", self), copyFile(w.shm, shm), copyFile(w.game, game))
	built, err := json.Marshal(map[string]string{"shm": shm, "game": game})
	must(t, err)
	plain, err := plainprefix.Make()
	must(t, err)
	line := append([]string{"bwrap"}, options...)
	line = append(line, "--die-with-parent", self, "-test.v", "-test.run", "^("+strings.ReplaceAll(tests, "|", "$|^")+"$)")
	for i := range line {
		line[i] = strings.ReplaceAll(line[i], "$HOME", home)
	}
	if os.Geteuid() == 0 {
		// An ordinary user cannot look into root's cache, so what is not copied is shown elsewhere.
		there := filepath.Join(home, filepath.Base(plain))
		must(t, os.MkdirAll(filepath.Join(there, "drive_c"), 0o755))
		for _, file := range plainprefix.Files {
			must(t, copyFile(filepath.Join(plain, file), filepath.Join(there, file)))
		}
		must(t, os.Chown(home, stranger, stranger))
		line = append([]string{"unshare", "--mount", "sh", "-c", `mount --bind "$1" "$2"; shift 2; exec "$@"`, "sh",
			filepath.Join(plain, "drive_c"), filepath.Join(there, "drive_c"),
			"setpriv", "--reuid", fmt.Sprint(stranger), "--regid", fmt.Sprint(stranger), "--clear-groups"}, line...)
	} else {
		must(t, os.Symlink(plain, filepath.Join(home, filepath.Base(plain))))
	}
	cmd := exec.CommandContext(bounded(t), line[0], line[1:]...)
	cmd.Dir = home
	cmd.Env = append(os.Environ(), insideVariable+"="+string(built), "HOME="+home, "XDG_CACHE_HOME="+home, "TMPDIR="+home,
		"CI=true")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func copyFile(from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o755)
}

// TestInside: the sandbox is what it is to be: the wine program's owner is not mapped. And every prefix in it is found.
func TestInside(t *testing.T) {
	if os.Getenv(insideVariable) == "" {
		t.Skip("it is for a sandbox; TestSandbox runs it there")
	}
	w := need(t)
	var st syscall.Stat_t
	must(t, syscall.Stat(w.loader, &st))
	overflow, err := os.ReadFile("/proc/sys/kernel/overflowuid")
	must(t, err)
	if owner := fmt.Sprintln(st.Uid); owner != string(overflow) || int(st.Uid) == os.Geteuid() {
		t.Fatalf("%s belongs to user %s", w.loader, owner)
	}
	all, err := wine.Prefixes()
	must(t, err)
	for _, prefix := range []string{w.first, w.second} {
		found := false
		for _, p := range all {
			found = found || p.Path == prefix
		}
		if !found {
			t.Errorf("%s is not among %v", prefix, all)
		}
	}
	for _, prefix := range []string{w.first, w.second} {
		if out, errs, code := w.run(t, "", "wine", "ls", "--prefix", prefix); code != 0 || !strings.Contains(out, prefix) {
			t.Errorf("status %d: %s%s", code, out, errs)
		}
	}
}
