//go:build linux

package lifetime

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/namedshm/namedshm"
)

// directoryOf makes an object and lets it go, and tells the directory that was made for it.
func (w *world) directoryOf(t *testing.T, a *actor, n namedshm.Namespace) string {
	t.Helper()
	h := a.Must(request{Op: "create", Name: n.String() + "First"}).Handle
	found, err := filepath.Glob(w.Root + "/namedshm-*")
	if err != nil || len(found) != 1 {
		t.Fatalf("directories %q, %v", found, err)
	}
	a.Must(request{Op: "close", Handle: h})
	return found[0]
}

// snapshot is all that lies at and under a path, with contents.
func snapshot(t *testing.T, path string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.Walk(path, func(path string, i os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		b.WriteString(path + " " + i.Mode().String() + " " + i.ModTime().String() + "\n")
		if i.Mode().IsRegular() {
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			b.Write(content)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// refuses checks that every operation on a name is refused at once, with an error that names the path, and that it
// touches nothing of what was planted or lies outside.
func refuses(t *testing.T, a *actor, name, path string, untouched ...string) {
	t.Helper()
	var before []string
	for _, u := range untouched {
		before = append(before, snapshot(t, u))
	}
	for _, op := range []string{"create", "open", "openorcreate", "stat", "waitopen"} {
		got := a.Do(request{Op: op, Name: name})
		if got.Error == "" || got.Code == namedshm.ErrFileNotFound {
			t.Errorf("%s: %v", op, got)
		} else if !strings.Contains(got.Error, path) {
			t.Errorf("%s: the error does not name %s: %v", op, path, got)
		}
	}
	for _, n := range []namedshm.Namespace{namedshm.Local, namedshm.Global} {
		if strings.HasPrefix(name, n.String()) {
			a.Do(request{Op: "list", Space: n}) // may fail, must not hang or touch anything
			a.Do(request{Op: "bury", Space: n})
		}
	}
	for i, u := range untouched {
		if after := snapshot(t, u); after != before[i] {
			t.Errorf("%s was touched:\n%s\nbefore:\n%s", u, after, before[i])
		}
	}
}

// TestPlantedDirectory: something else in the place of a namespace's directory is refused.
func TestPlantedDirectory(t *testing.T) {
	needRoot(t, "it takes other users")
	inBothNamespaces(t, func(t *testing.T, w *world, name string) {
		space, user := namedshm.Local, neighbour
		if strings.HasPrefix(name, namedshm.Global.String()) {
			space, user.uid, user.gid = namedshm.Global, 0, 0
		}
		path := w.directoryOf(t, w.startAs(t, user), space)
		outside := filepath.Join(t.TempDir(), "outside")
		if err := os.Rename(path, outside); err != nil {
			// Another file system: a directory like it.
			var st unix.Stat_t
			unix.Stat(path, &st)
			os.RemoveAll(path)
			must(t, os.Mkdir(outside, 0o700))
			must(t, os.Chmod(outside, os.FileMode(st.Mode&0o777)))
			must(t, os.Chown(outside, user.uid, user.gid))
		}
		must(t, os.WriteFile(outside+"/file", []byte("precious"), 0o644))
		for what, plant := range map[string]func(){
			"a foreign directory": func() {
				must(t, os.Mkdir(path, 0o700))
				must(t, os.Chown(path, stranger.uid, stranger.gid))
			},
			"a foreign directory that all may write": func() {
				must(t, os.Mkdir(path, 0o700))
				must(t, os.Chmod(path, 0o777))
				must(t, os.Chown(path, stranger.uid, stranger.gid))
			},
			"an own directory that all may write": func() {
				must(t, os.Mkdir(path, 0o700))
				must(t, os.Chown(path, user.uid, user.gid))
				must(t, os.Chmod(path, 0o777))
			},
			"a link to a directory": func() { must(t, os.Symlink(outside, path)) },
			"a dangling link":       func() { must(t, os.Symlink(outside+"/none", path)) },
			"a file":                func() { must(t, os.WriteFile(path, []byte("precious"), 0o644)) },
			"a FIFO":                func() { must(t, unix.Mkfifo(path, 0o666)) },
		} {
			t.Run(what, func(t *testing.T) {
				plant()
				defer os.RemoveAll(path)
				refuses(t, w.startAs(t, user), name, path, path, outside)
			})
		}
		if space != namedshm.Global {
			return
		}
		// Root can put it right, and loses nothing that was there.
		must(t, os.Symlink(outside, path))
		root := w.start(t)
		root.Must(request{Op: "setup"})
		root.Must(request{Op: "create", Name: name})
	})
}

// TestPlantedEntry: something else in the place of an entry is refused, at once and untouched.
func TestPlantedEntry(t *testing.T) {
	needRoot(t, "it takes other users")
	inBothNamespaces(t, func(t *testing.T, w *world, name string) {
		space, user := namedshm.Local, neighbour
		if strings.HasPrefix(name, namedshm.Global.String()) {
			space, user.uid, user.gid = namedshm.Global, 0, 0
		}
		a := w.startAs(t, user)
		dir := w.directoryOf(t, a, space)
		path := filepath.Join(dir, strings.TrimPrefix(name, space.String()))
		outside := t.TempDir()

		// A good entry, to be offered under other names and in other ways.
		h := a.Must(request{Op: "create", Name: name}).Handle
		entry, err := os.ReadFile(path)
		must(t, err)
		a.Must(request{Op: "close", Handle: h})
		must(t, os.WriteFile(outside+"/entry", entry, 0o644))
		must(t, os.Chown(outside+"/entry", user.uid, user.gid))

		for what, plant := range map[string]func(){
			"a link to an entry": func() { must(t, os.Symlink(outside+"/entry", path)) },
			"a dangling link":    func() { must(t, os.Symlink(outside+"/none", path)) },
			"a link to itself":   func() { must(t, os.Symlink(path, path)) },
			"a FIFO":             func() { must(t, unix.Mkfifo(path, 0o666)) },
			"a directory":        func() { must(t, os.Mkdir(path, 0o777)) },
			"a socket": func() {
				must(t, unix.Mknod(path, unix.S_IFSOCK|0o666, 0))
			},
			"a device":     func() { must(t, unix.Mknod(path, unix.S_IFCHR|0o666, 1<<8|5)) },
			"another file": func() { must(t, os.WriteFile(path, []byte("precious"), 0o644)) },
			"somebody's entry": func() {
				must(t, os.WriteFile(path, entry, 0o666))
				must(t, os.Chown(path, stranger.uid, stranger.gid))
			},
		} {
			t.Run(what, func(t *testing.T) {
				plant()
				defer os.RemoveAll(path)
				if what != "somebody's entry" {
					os.Lchown(path, user.uid, user.gid) // as if a program of the user's had put it there
				}
				watched := []string{outside}
				if what != "a directory" {
					watched = append(watched, path)
				}
				refuses(t, w.startAs(t, user), name, path, watched...)
			})
		}
		a.Must(request{Op: "create", Name: name})
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
