package capi

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// TestPrivileged: a set-user-id or set-group-id program does not do what its caller's environment says, whatever it
// does with its ids before its first call, and however it gets at the library.
func TestPrivileged(t *testing.T) {
	w := need(t)
	if os.Geteuid() != 0 {
		t.Skip("only root can make programs that belong to others")
	}
	const caller, owner = 64151, 64152
	isolate(t)
	directory, err := os.MkdirTemp("", "namedshm-privileged-")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(err)
	t.Cleanup(func() {
		os.RemoveAll(directory)
		left, _ := filepath.Glob("/dev/shm/namedshm-u6415[12]-p*")
		for _, path := range left {
			os.RemoveAll(path)
		}
	})
	must(os.Chmod(directory, 0o755))
	library := filepath.Join(directory, "libnamedshm.so")
	must(exec.Command("cp", filepath.Join(w.prefix, "lib", "libnamedshm.so"), library).Run())
	must(os.Chmod(library, 0o755))
	for name, flags := range map[string][]string{"linked": {"-static"}, "loaded": {"-DLOADS", "-Wl,--as-needed"}} {
		program := w.compile(t, "gcc", "testdata/privileged.c", flags...)
		for _, mode := range []os.FileMode{0o755, 0o755 | os.ModeSetuid, 0o755 | os.ModeSetgid} {
			for _, step := range []string{"kept", "taken", "given back"} {
				t.Run(name+" "+mode.String()+" "+step, func(t *testing.T) {
					path := filepath.Join(directory, "program")
					os.Remove(path)
					must(exec.Command("cp", program, path).Run())
					must(os.Chown(path, owner, owner))
					must(os.Chmod(path, mode))
					c := command(t, path, step, library)
					c.Dir = "/"
					c.Env = append([]string{"FIRST=1", "SECOND=2"}, c.Environ()...)
					c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: caller, Gid: caller}}
					want := "made 0\n"
					if mode == 0o755 {
						want = "made 1\n"
					}
					if e := finish(t, c); !e.state.Success() || e.out != want {
						t.Errorf("%v, it says %q, want %q\n%s", e.state, e.out, want, e.complaint)
					}
					names, err := filepath.Glob(os.Getenv("NAMEDSHM_ROOT") + "/*")
					must(err)
					for _, name := range names {
						must(os.RemoveAll(name))
					}
				})
			}
		}
	}
}
