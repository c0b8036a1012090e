package kernel

import (
	"context"
	"os"
	"strings"
	"testing"
)

// TestRootOfAll: the directory of all names can be the root of the file system, however many slashes it is written
// with, and doctor then looks at that.
func TestRootOfAll(t *testing.T) {
	for _, value := range []string{"/", "///"} {
		t.Setenv(RootVariable, value)
		if Root() != "/" {
			t.Errorf("with %s all names are in %q", value, Root())
		}
		for _, n := range []Namespace{Local, Global} {
			p, err := placeOf(n)
			must(t, err)
			if !strings.HasPrefix(p.dir, "/namedshm-") {
				t.Errorf("with %s %v is %s", value, n, p.dir)
			}
		}
		if c := checkRoot(); !strings.HasPrefix(c.Detail, "/, ") {
			t.Errorf("with %s doctor says %+v", value, c)
		}
		if c := checkInotify(); c.Status != OK {
			t.Errorf("with %s doctor says %+v", value, c)
		}
		if advice := rootAdvice(); !strings.HasPrefix(advice, "the directory / must") {
			t.Errorf("with %s: %s", value, advice)
		}
	}
}

// TestJudgeSharedWithoutRoot: another directory is judged by itself, whatever the variable for that of names is, even
// if names are files.
func TestJudgeSharedWithoutRoot(t *testing.T) {
	for _, backing := range []string{"", "file"} {
		for _, value := range []string{"relative", "/absent", "/"} {
			t.Setenv(BackingVariable, backing)
			t.Setenv(RootVariable, value)
			open, free := t.TempDir(), t.TempDir()
			must(t, os.Chmod(free, 0o777))
			for path, right := range map[string]bool{open: true, free: false} {
				d, err := os.Open(path)
				must(t, err)
				defer d.Close()
				if err := JudgeShared(path, d.Fd()); (err == nil) != right {
					t.Errorf("%s=%s: %v", RootVariable, value, err)
				}
			}
		}
	}
}

// ownRoot gives a test directories of its own.
func ownRoot(t *testing.T) {
	t.Helper()
	root, err := os.MkdirTemp("/dev/shm", "namedshm-kernel-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	t.Setenv(RootVariable, root)
}

// globalRoot is ownRoot for a test of Global names, which only root can make.
func globalRoot(t *testing.T) {
	t.Helper()
	switch {
	case os.Geteuid() == 0:
	case os.Getenv("CI") == "true":
		t.Fatal("only root can make the Global directory")
	default:
		t.Skip("only root can make the Global directory")
	}
	ownRoot(t)
}

// needNative skips a test of what only Linux's own backings have.
func needNative(t *testing.T) {
	t.Helper()
	if os.Getenv(BackingVariable) == "file" {
		t.Skip("the file backing has neither doors, segments nor lock files")
	}
}

func mustCreateSection(t *testing.T, name string, size int64) *Section {
	t.Helper()
	spec := Spec{Size: size, Protection: PageReadWrite}
	s, _, err := CreateSection(context.Background(), name, spec, Read|Write, MustBeNew)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}
