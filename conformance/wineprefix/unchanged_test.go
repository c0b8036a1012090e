//go:build linux

package wineprefix

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/internal/plainprefix"
)

// TestPrefixUnchanged: after everything that this library does in a prefix its files are what they are after a run of
// the Windows program alone. That run is the control: Wine writes the registry when a prefix ends, with the times of
// keys that it makes anew each time.
func TestPrefixUnchanged(t *testing.T) {
	t.Parallel() // it waits, mostly, and has a prefix of its own
	w := need(t)
	prefix := w.freshPrefix(t)
	visit := func(use func(name string)) {
		g := w.play(t, prefix)
		name := unique(t)
		g.ask("create", name, 65536)
		use(name)
		g.kill()
		if err := plainprefix.Wait(prefix); err != nil {
			t.Fatal(err)
		}
	}
	visit(func(string) {}) // what a first run leaves, the control has too
	visit(func(string) {})
	control := filesOf(t, prefix)
	visit(func(name string) {
		p := find(t, prefix)
		if found, err := p.Sections(t.Context()); err != nil || len(found) == 0 {
			t.Errorf("%v, %v", found, err)
		}
		attach(t, p, name, namedshm.ReadWrite)
		s, _ := native(t, "", 4096)
		publication, err := p.Publish(t.Context(), s, name+"-published")
		if err != nil {
			t.Fatal(err)
		}
		b := w.start(t, "wine", "link", name, name+"-linked", "--prefix", prefix)
		b.says("is " + name + "-linked")
		if err := publication.Close(); err != nil {
			t.Error(err)
		}
		b.cmd.Process.Kill()
		b.cmd.Wait()
		wantNoHelper(t, prefix)
	})
	for _, difference := range differencesOf(control, filesOf(t, prefix)) {
		t.Error(difference)
	}
	if len(control) < 500 {
		t.Errorf("only %d files were compared", len(control))
	}
}

// times are what a registry file says of when: of a key, and of when a driver was set up.
var times = regexp.MustCompile(`(?m)^#time=[0-9a-f]+$|^(\[.*\]) [0-9]+$|^"DriverDateData"=hex:[0-9a-f,]+$`)

// filesOf is every file of a prefix, by path: what it is, and what is in it. Of the registry, which Wine writes anew,
// that is a sum. Of all else it is who the file is and when it was last touched in any way: nothing can be written into
// a file without that, and half a gigabyte need not be read.
func filesOf(t *testing.T, prefix string) map[string]string {
	t.Helper()
	files := map[string]string{}
	note := func(root, path string, d fs.DirEntry) error {
		info, err := d.Info()
		if err != nil {
			return err
		}
		what := fmt.Sprint(info.Mode())
		switch st := info.Sys().(*syscall.Stat_t); {
		case strings.HasSuffix(path, ".reg"):
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			what += fmt.Sprintf(" %x", sha256.Sum256(times.ReplaceAll(b, []byte("$1"))))
		case d.Type().IsRegular():
			what += fmt.Sprint(" inode ", st.Ino, ", ", st.Size, " bytes, changed ", st.Ctim)
		case d.Type()&fs.ModeSymlink != 0:
			target, _ := os.Readlink(path)
			what += " to " + target
		}
		files[strings.TrimPrefix(path, root)] = what
		return nil
	}
	for _, root := range []string{prefix, filepath.Join(prefix, "drive_c")} {
		root, err := filepath.EvalSymlinks(root)
		if err != nil {
			t.Fatal(err)
		}
		err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return note(root, path, d)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// differencesOf is what is in one and not in the other, or otherwise.
func differencesOf(before, after map[string]string) (found []string) {
	for path, what := range after {
		if was, ok := before[path]; !ok {
			found = append(found, path+" is new")
		} else if was != what {
			found = append(found, fmt.Sprintf("%s was %s, is %s", path, was, what))
		}
	}
	for path := range before {
		if _, ok := after[path]; !ok {
			found = append(found, path+" is gone")
		}
	}
	slices.Sort(found)
	return found
}

// TestDifferencesAreSeen: the comparison sees a new file, one that changed, and one that is gone.
func TestDifferencesAreSeen(t *testing.T) {
	before := map[string]string{"a": "1", "b": "2", "c": "3"}
	after := map[string]string{"a": "1", "b": "4", "d": "5"}
	want := []string{"b was 2, is 4", "c is gone", "d is new"}
	if got := differencesOf(before, after); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
