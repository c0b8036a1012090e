//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package turns

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestPlanted: what somebody else may put in the file's place is not followed, waited for, made or changed.
func TestPlanted(t *testing.T) {
	directory := t.TempDir()
	t.Setenv("TMPDIR", directory)
	target := filepath.Join(t.TempDir(), "target")
	plants := map[string]func(string) error{
		"a link to nothing":    func(path string) error { return os.Symlink(target, path) },
		"a link to a file":     func(path string) error { return os.Symlink(os.Args[0], path) },
		"a FIFO":               func(path string) error { return syscall.Mkfifo(path, 0o666) },
		"a directory":          func(path string) error { return os.Mkdir(path, 0o777) },
		"a file of two names":  func(path string) error { return os.Link(another(t, path+"-2"), path) },
		"a file of somebody's": func(path string) error { return os.Chown(another(t, path), 64101, 64101) },
	}
	for name, plant := range plants {
		if name == "a file of somebody's" && os.Geteuid() != 0 {
			continue // only root can give a file away
		}
		os.RemoveAll(path())
		if err := plant(path()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, turn := range []func() (func(), error){Alone, Together} {
			if end, err := turn(); err == nil {
				end()
				t.Errorf("%s is taken for the file", name)
			}
		}
		if _, err := os.Lstat(target); err == nil {
			t.Fatalf("%s: what it leads to was made", name)
		}
	}
	os.RemoveAll(path())
	for _, turn := range []func() (func(), error){Alone, Together, Alone} {
		end, err := turn()
		if err != nil {
			t.Fatal(err)
		}
		end()
	}
}

func another(t *testing.T, path string) string {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
