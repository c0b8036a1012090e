//go:build linux

package wineprefix

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// decoyVariable makes a process of this test program a decoy; it holds what kind.
const decoyVariable = "NAMEDSHM_TEST_DECOY"

func init() {
	if os.Getenv(decoyVariable) != "" {
		runtime.LockOSThread() // what the kernel tells of a process is told of its first thread
	}
}

// decoy looks like a wineserver: it stands in a directory that is named for the prefix, has the lock there, and
// listens. Its environment names a wine program, which leaves a proof when somebody runs it.
type decoy struct {
	base string // all that it has
	user int    // whose that is

	Server   string // the wineserver's directory
	IDs      [3]int // real, effective and saved
	FS       int    // the user id for files
	Lock     string // "posix", "ofd" or "none"
	Listener int    // as whom it listens
	Exec     string // a program that the process becomes

	environ []string
	cmd     *exec.Cmd
}

func (d *decoy) prefix() string { return filepath.Join(d.base, "prefix") }
func (d *decoy) loader() string { return filepath.Join(d.base, "bin", "wine") }

// named is the wine program that its environment leads to.
func (d *decoy) named() string {
	path := strings.TrimPrefix(d.environ[1], "WINELOADER=")
	if _, err := os.Stat(path + "64"); err == nil {
		return path + "64"
	}
	return path
}

func (d *decoy) proof() string         { return filepath.Join(d.base, "proof") }
func (d *decoy) in(name string) string { return filepath.Join(d.Server, name) }

// newDecoy makes what a user's decoy has. Nothing is amiss with root's.
func newDecoy(t *testing.T, user int) *decoy {
	t.Helper()
	base, err := os.MkdirTemp("", "namedshm-decoy-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(base) })
	d := &decoy{base: base, user: user, IDs: [3]int{user, user, user}, FS: user, Lock: "posix", Listener: user}
	must(t, os.Chmod(base, 0o755), os.Mkdir(d.prefix(), 0o755), os.Mkdir(filepath.Dir(d.loader()), 0o755))
	var st unix.Stat_t
	must(t, unix.Stat(d.prefix(), &st))
	d.Server = filepath.Join(base, fmt.Sprintf("server-%x-%x", st.Dev, st.Ino))
	script := "#!/bin/sh\n{ id -u; env; } >>" + d.proof() + "\n"
	must(t, os.Mkdir(d.Server, 0o700), os.WriteFile(d.loader(), []byte(script), 0o755))
	for _, path := range []string{base, d.prefix(), d.Server, filepath.Dir(d.loader()), d.loader()} {
		must(t, os.Chown(path, user, user))
	}
	d.environ = []string{"WINEPREFIX=" + d.prefix(), "WINELOADER=" + d.loader(), "PATH=/usr/bin:/bin"}
	return d
}

// start starts the process, which ends with the test.
func (d *decoy) start(t *testing.T) {
	t.Helper()
	kind, err := json.Marshal(d)
	must(t, err)
	d.cmd = exec.Command("/proc/self/exe")
	d.cmd.Env = append(d.environ, decoyVariable+"="+string(kind))
	_, err = d.cmd.StdinPipe() // it ends when this does
	must(t, err)
	output, err := d.cmd.StdoutPipe()
	must(t, err)
	d.cmd.Stderr = os.Stderr
	must(t, d.cmd.Start())
	t.Cleanup(func() {
		d.cmd.Process.Kill()
		d.cmd.Wait()
	})
	if _, err := io.ReadFull(output, make([]byte, len(ready))); err != nil {
		t.Fatalf("the decoy does not start: %v", err)
	}
	if d.Exec != "" {
		until(t, "the decoy is the other program", func() bool {
			command, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", d.cmd.Process.Pid))
			return err == nil && string(command) == "wineserver\n"
		})
	}
}

// wasRun reports whether the decoy's program was run, and by whom: the user id, and the environment.
func (d *decoy) wasRun(t *testing.T) (by string) {
	t.Helper()
	b, err := os.ReadFile(d.proof())
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(b)
}

// ready is what a decoy says when it is what it is to be.
const ready = "ready\n"

// playDecoy is the process.
func playDecoy() error {
	var d decoy
	if err := json.Unmarshal([]byte(os.Getenv(decoyVariable)), &d); err != nil {
		return err
	}
	if d.Exec != "" {
		// Everything is its own user's: it has only what that user can have.
		if err := become(d.IDs, d.FS); err != nil {
			return err
		}
	}
	if err := os.Chdir(d.Server); err != nil {
		return err
	}
	if err := d.lock(); err != nil {
		return err
	}
	if err := d.listen(); err != nil {
		return err
	}
	if d.Exec != "" {
		os.Stdout.WriteString(ready)
		environ := []string{}
		for _, entry := range os.Environ() {
			if !strings.HasPrefix(entry, decoyVariable) {
				environ = append(environ, entry)
			}
		}
		return syscall.Exec(d.Exec, []string{"wineserver"}, environ)
	}
	if err := os.WriteFile("/proc/self/comm", []byte("wineserver"), 0); err != nil {
		return err
	}
	if err := become(d.IDs, d.FS); err != nil {
		return err
	}
	os.Stdout.WriteString(ready)
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// become takes other user ids, with the group of the same number if it gives up root.
func become(ids [3]int, forFiles int) error {
	if ids[0] != 0 && ids[1] != 0 && ids[2] != 0 {
		if err := syscall.Setgroups(nil); err != nil {
			return err
		}
		if err := syscall.Setresgid(ids[0], ids[0], ids[0]); err != nil {
			return err
		}
	}
	if err := syscall.Setresuid(ids[0], ids[1], ids[2]); err != nil {
		return err
	}
	if forFiles != ids[1] {
		return unix.Setfsuid(forFiles)
	}
	return nil
}

// lock takes the lock. Both kinds live through an exec, for the descriptor does.
func (d *decoy) lock() error {
	if d.Lock == "none" {
		return os.WriteFile("lock", nil, 0o600)
	}
	fd, err := unix.Open("lock", unix.O_RDWR|unix.O_CREAT, 0o600)
	if err != nil {
		return err
	}
	how := unix.F_SETLK
	if d.Lock == "ofd" {
		how = unix.F_OFD_SETLK
	}
	return unix.FcntlFlock(uintptr(fd), how, &unix.Flock_t{Type: unix.F_WRLCK, Len: 1})
}

// listen makes the socket; it is never closed.
func (d *decoy) listen() error {
	if d.Listener != os.Geteuid() {
		if err := syscall.Setresuid(-1, d.Listener, -1); err != nil {
			return err
		}
		defer syscall.Setresuid(-1, 0, -1)
	}
	l, err := net.Listen("unix", "socket")
	if err != nil {
		return err
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	file, err := l.(*net.UnixListener).File()
	if err != nil {
		return err
	}
	_, err = unix.FcntlInt(file.Fd(), unix.F_SETFD, 0)
	runtime.KeepAlive(l)
	return err
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}
