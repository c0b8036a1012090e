package kernel

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/namedshm/namedshm/internal/fault"
	"golang.org/x/sys/unix"
)

// mostDescriptors is the limit under which these tests run short.
const mostDescriptors = 512

// needDescriptors skips a test if the process may not have that many.
func needDescriptors(t *testing.T) {
	t.Helper()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if limit.Max < mostDescriptors {
		t.Skipf("the limit of open files (ulimit -Hn) is %d, and it takes %d", limit.Max, mostDescriptors)
	}
}

// leaveFree leaves this process so many free descriptors, and returns a function that gives the others back.
func leaveFree(t *testing.T, free int) (giveBack func()) {
	t.Helper()
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	// The limit is on the number of a descriptor: fill the holes below it.
	low := unix.Rlimit{Cur: mostDescriptors, Max: before.Max}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	var fill []int
	for {
		fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			break
		}
		fill = append(fill, fd)
	}
	for range free {
		unix.Close(fill[len(fill)-1])
		fill = fill[:len(fill)-1]
	}
	return func() {
		for _, fd := range fill {
			unix.Close(fd)
		}
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
			t.Fatal(err)
		}
	}
}

// loseDoors overwrites all door records of the entries in a test's directories, so that openers must search.
func loseDoors(t *testing.T, pattern string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root(), pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("entries %q, %v", files, err)
	}
	for _, file := range files {
		f, err := os.OpenFile(file, os.O_WRONLY, 0)
		if err == nil {
			_, err = f.WriteAt(make([]byte, longNameAt-slotsAt), slotsAt)
			f.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestAShortageIsNoAbsence: with every number of free descriptors, each call that looks for objects finds all of them,
// or says that it could not look.
func TestAShortageIsNoAbsence(t *testing.T) {
	needNative(t)
	needDescriptors(t)
	spaces := []Namespace{Local}
	if os.Geteuid() == 0 {
		spaces = append(spaces, Global)
	}
	for _, n := range spaces {
		t.Run(strings.Trim(n.String(), `\`), func(t *testing.T) {
			ownRoot(t)
			const sections, objects = 119, 120 // so many that several goroutines look at once
			for i := range sections {
				mustCreateSection(t, fmt.Sprintf("%sObject%03d", n, i), 4096)
			}
			w, _, err := CreateWaitable(context.Background(), n.String()+"Mutex", WaitableSpec{Kind: KindMutex}, MustBeNew)
			must(t, err)
			defer w.Close()
			name := n.String() + "Object001"
			if n == Local {
				loseDoors(t, "namedshm-u*/Object001")
			}
			for what, look := range map[string]func() error{
				"List": func() error {
					found, err := List(n)
					return complete(len(found), objects, err)
				},
				"Names": func() error {
					found, err := Names(n)
					return complete(len(found), objects, err)
				},
				"Stat": func() error {
					found, err := Stat(name)
					return complete(found.Views+len(found.Holders), 2, err)
				},
				"Open": func() error {
					s, err := OpenSection(context.Background(), name, Read)
					if err == nil {
						err = s.Close()
					}
					return err
				},
				"Open a mutex": func() error {
					w, err := OpenWaitable(context.Background(), n.String()+"Mutex", KindMutex, allRights)
					if err == nil {
						err = w.Close()
					}
					return err
				},
				"Create over it": func() error {
					spec := Spec{Size: 4096, Protection: PageReadWrite}
					_, _, err := CreateSection(context.Background(), name, spec, Read, MustBeNew)
					if fault.CodeOf(err) == fault.AlreadyExists {
						return nil
					}
					return err
				},
			} {
				t.Run(what, func(t *testing.T) {
					v := mapped(t, name)
					defer v.Close()
					runShort(t, look)
				})
			}
			if found, err := Names(n); err != nil || len(found) != objects || !slices.Contains(found, name) {
				t.Errorf("in the end there are %q, %v", found, err)
			}
		})
	}
}

// mapped is a view of an object, so that Stat has one to find.
func mapped(t *testing.T, name string) *View {
	t.Helper()
	s, err := OpenSection(context.Background(), name, Read)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	v, err := s.Map(0, 0, Read)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// complete is an error for an answer that is incomplete without saying so.
func complete(found, want int, err error) error {
	if err == nil && found != want {
		return fmt.Errorf("%d were found, %d are there", found, want)
	}
	return err
}

// runShort runs look with no free descriptor, with one, and so on until it succeeds.
func runShort(t *testing.T, look func() error) {
	t.Helper()
	for free := range 20 {
		giveBack := leaveFree(t, free)
		err := look()
		giveBack()
		switch {
		case err == nil:
			if free == 0 {
				t.Error("it takes no descriptor at all?")
			}
			return
		case fault.CodeOf(err) != fault.TooManyOpenFiles:
			t.Errorf("with %d free descriptors: %v", free, err)
		}
		var f *fault.Fault
		if f, _ = err.(*fault.Fault); f == nil ||
			!strings.Contains(f.Advice, fmt.Sprintf("RLIMIT_NOFILE, ulimit -n) is %d", mostDescriptors)) {
			t.Errorf("with %d free descriptors the limit is not named: %#v", free, f)
		}
	}
	t.Error("it never succeeded")
}
