package kernel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/namedshm/namedshm/internal/waiting"
	"golang.org/x/sys/unix"
)

// stepVariable has a copy of this test's program print what it makes of its environment. Its value is what to do before
// that.
const stepVariable = "NAMEDSHM_TEST_STEP"

// steps are what a program with more rights than its caller may do before its first call: give up one right or another.
var steps = map[string]func() error{
	"nothing":                func() error { return nil },
	"takes its user id":      func() error { return syscall.Setreuid(os.Geteuid(), os.Geteuid()) },
	"gives its user id back": func() error { return syscall.Setresuid(os.Getuid(), os.Getuid(), os.Getuid()) },
	"takes its group id":     func() error { return syscall.Setregid(os.Getegid(), os.Getegid()) },
	"gives its group id back": func() error {
		return syscall.Setresgid(os.Getgid(), os.Getgid(), os.Getgid())
	},
	// What was determined is not looked up again where it may not be found.
	"has no descriptor left": func() error { return unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{}) },
	"lets itself be looked into": func() error {
		return unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0)
	},
}

// TestSettingsToldByAnother is the copy's part.
func TestSettingsToldByAnother(t *testing.T) {
	step, asked := steps[os.Getenv(stepVariable)]
	if !asked {
		return
	}
	if err := step(); err != nil {
		t.Fatal(err)
	}
	onOne, onSeveral := waiting.CanSleep()
	fmt.Printf("told: root %s, backing %q, waitv %t, futex %t; doctor: %t\n", Root(), setting(BackingVariable),
		onSeveral, onOne,
		strings.Contains(checkFutex().Detail, WaitVariable))
}

// privileged is a kind of program that runs with more rights than its caller.
type privileged struct {
	name  string
	grant func(path string) error // nil: it is not one
	uid   uint32                  // the caller
	steps []string
}

const (
	caller  = 64101
	another = 64102
)

var privilegedPrograms = []privileged{
	{"an ordinary program", nil, caller, []string{"nothing", "takes its user id", "has no descriptor left"}},
	{"an ordinary program of root's", nil, 0, []string{"nothing"}},
	{"capabilities of the file", capabilities(1<<unix.CAP_NET_BIND_SERVICE, true), caller,
		[]string{"nothing", "has no descriptor left", "lets itself be looked into"}},
	{"capabilities that it has to raise", capabilities(1<<unix.CAP_CHOWN, false), caller, []string{"nothing"}},
	{"a set-user-id program", owned(another, 0, 0o4755), caller,
		[]string{"nothing", "takes its user id", "gives its user id back", "has no descriptor left",
			"lets itself be looked into"}},
	{"a set-user-id program of root's", owned(0, 0, 0o4755), caller,
		[]string{"nothing", "takes its user id", "gives its user id back"}},
	{"a set-user-id program that root starts", owned(another, 0, 0o4755), 0, []string{"takes its user id"}},
	{"a set-group-id program", owned(0, another, 0o2755), caller,
		[]string{"nothing", "takes its group id", "gives its group id back"}},
}

// capabilities puts some into the file's attribute, as setcap does.
func capabilities(permitted uint32, effective bool) func(string) error {
	return func(path string) error {
		const revision2 = 0x02000000
		magic := uint32(revision2)
		if effective {
			magic |= 1
		}
		var value []byte
		for _, word := range []uint32{magic, permitted, 0, 0, 0} {
			value = append(value, byte(word), byte(word>>8), byte(word>>16), byte(word>>24))
		}
		return unix.Setxattr(path, "security.capability", value, 0)
	}
}

func owned(uid, gid int, mode uint32) func(string) error {
	return func(path string) error {
		if err := unix.Chown(path, uid, gid); err != nil {
			return err
		}
		return unix.Chmod(path, mode)
	}
}

// TestUntrustedEnvironment: no variable of the library's is believed in a program that was given more rights than its
// caller has, however it was given them and whatever it has done with its ids since. In every other program they are.
func TestUntrustedEnvironment(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a program rights")
	}
	dir, err := os.MkdirTemp("", "namedshm-privileged-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	var st unix.Statfs_t
	if unix.Statfs(dir, &st) == nil && st.Flags&unix.ST_NOSUID != 0 {
		t.Fatalf("%s is mounted nosuid: set TMPDIR to a directory where programs may have rights", dir)
	}
	for i, p := range privilegedPrograms {
		t.Run(p.name, func(t *testing.T) {
			path := filepath.Join(dir, fmt.Sprint(i))
			copyTest(t, path)
			want := `root /from/the/caller, backing "file", waitv false, futex false; doctor: true`
			if p.grant != nil {
				want = `root /dev/shm, backing "", waitv true, futex true; doctor: false`
				if err := p.grant(path); err != nil {
					t.Fatal(err)
				}
			}
			for _, step := range p.steps {
				c := exec.Command(path, "-test.run=^TestSettingsToldByAnother$")
				c.Dir = "/"
				c.Env = []string{stepVariable + "=" + step, RootVariable + "=/from/the/caller", BackingVariable + "=file",
					WaitVariable + "=poll"}
				c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: p.uid, Gid: p.uid}}
				out, err := c.CombinedOutput()
				_, told, _ := strings.Cut(string(out), "told: ")
				if told, _, _ = strings.Cut(told, "\n"); err != nil || told != want {
					t.Errorf("it %s: %v, it says %s, want %s\n%s", step, err, told, want, out)
				}
			}
		})
	}
}

func copyTest(t *testing.T, to string) {
	t.Helper()
	from, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(f, from); err != nil {
		t.Fatal(err)
	}
	if err := f.Chmod(0o755); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestUnsetVariablesCostNoCalls: if none of the library's variables is set, names are made and opened without reading
// the ids that tell whether to believe one: the kernel ends a process that asks.
func TestUnsetVariablesCostNoCalls(t *testing.T) {
	const asked = "NAMEDSHM_TEST_IDS"
	if os.Getenv(asked) == "" {
		c := exec.Command("/proc/self/exe", "-test.run=^TestUnsetVariablesCostNoCalls$")
		for _, v := range os.Environ() {
			if !strings.HasPrefix(v, "NAMEDSHM_") {
				c.Env = append(c.Env, v)
			}
		}
		c.Env = append(c.Env, asked+"=1")
		if out, err := c.CombinedOutput(); err != nil || !strings.Contains(string(out), "PASS") {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	name := fmt.Sprintf(`Local\Unset%d`, os.Getpid())
	use := func() error {
		s, _, err := CreateSection(context.Background(), name, Spec{Size: 4096, Protection: PageReadWrite}, Read|Write,
			MustBeNew)
		if err != nil {
			return err
		}
		o, err := OpenSection(context.Background(), name, Read)
		if err != nil {
			return err
		}
		return errors.Join(o.Close(), s.Close())
	}
	must(t, use()) // what is read once
	program := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}}
	for _, call := range []uint32{unix.SYS_GETUID, unix.SYS_GETGID, unix.SYS_GETEGID, unix.SYS_GETRESUID,
		unix.SYS_GETRESGID} {
		program = append(program, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: call, Jf: 1},
			unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_KILL_PROCESS})
	}
	program = append(program, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})
	refusingBy(t, program, func() {
		if err := use(); err != nil {
			t.Error(err)
		}
	})
}
