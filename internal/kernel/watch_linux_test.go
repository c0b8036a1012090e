package kernel

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestWaitBeginsBeforeTheRoot: a wait that begins before there is anything to watch still gets the events of what
// comes. (Opening or waiting by name reports first that the directory does not exist.)
func TestWaitBeginsBeforeTheRoot(t *testing.T) {
	later := filepath.Join(t.TempDir(), "later")
	t.Setenv(RootVariable, later)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	parsed, err := resolve("Late")
	if err != nil {
		t.Fatal(err)
	}
	watch := newNameWatch(parsed) // while there is nothing to watch
	defer watch.close()
	if err := os.Mkdir(later, 0o700); err != nil {
		t.Fatal(err)
	}
	made, _, err := CreateSection(ctx, "Late", Spec{Size: 1, Protection: PageReadWrite}, Read|Write, MustBeNew)
	if err != nil {
		t.Fatal(err)
	}
	defer made.Close()
	if err := watch.wait(ctx); err != nil {
		t.Fatal("it waited for news of a directory that it did not watch: ", err)
	}
}

// TestOthersNewsIsNone: what happens to other files beside a namespace's directory ends no wait; what happens to the
// directory and in it does.
func TestOthersNewsIsNone(t *testing.T) {
	ownRoot(t)
	parsed, err := resolve("Late")
	must(t, err)
	watch := newNameWatch(parsed)
	defer watch.close()
	dir := watch.place.dir
	if _, err := os.Stat(dir); err == nil {
		t.Error("the wait has made the directory")
	}
	file := func(path string) func() {
		return func() { must(t, os.WriteFile(path, nil, 0o600)) }
	}
	for _, c := range []struct {
		title      string
		happens    func()
		news, ends bool
	}{
		{"another file", file(filepath.Dir(dir) + "/other"), false, false},
		{"a longer name", file(dir + "-1"), false, false},
		{"the directory comes", func() { must(t, watch.place.ensure()) }, true, true},
		{"another file beside it", file(filepath.Dir(dir) + "/another"), false, false},
		{"an entry", file(dir + "/Late"), true, false},
		{"the directory goes", func() { must(t, os.RemoveAll(dir)) }, true, true},
	} {
		c.happens()
		var events [4096]byte
		n, err := watch.file.Read(events[:])
		must(t, err)
		news, ends := watch.read(events[:n])
		if news != c.news || ends != c.ends {
			t.Errorf("%s: news %v, ends %v", c.title, news, ends)
		}
		if c.ends {
			watch.arm()
		}
	}
}
