package kernel

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path"
	"strconv"
	"strings"
	"testing"

	"github.com/namedshm/namedshm/internal/fault"
	"golang.org/x/sys/unix"
)

// withFileSizeLimit runs a test in a process that may not write longer files.
func withFileSizeLimit(t *testing.T, limit uint64, test func()) {
	t.Helper()
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: limit, Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &before); err != nil {
			t.Fatal(err)
		}
	}()
	test()
}

// TestFileSizeLimit: if this process may not write long files, each call works or names the limit, and the kernel has
// no reason to send the signal that would end a C program.
func TestFileSizeLimit(t *testing.T) {
	if os.Getenv("NAMEDSHM_TEST_FILE_SIZE") == "" {
		// In a process of its own: `go test` has this one log the files that it opens, and the log may exceed the limit
		// and draw the signal itself.
		cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^TestFileSizeLimit$", "-test.v")
		cmd.Env = append(os.Environ(), "NAMEDSHM_TEST_FILE_SIZE=1")
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestFileSizeLimit") {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	ownRoot(t)
	sent := make(chan os.Signal, 1)
	signal.Notify(sent, unix.SIGXFSZ)
	defer func() {
		signal.Stop(sent)
		if len(sent) > 0 {
			t.Error("a SIGXFSZ was sent")
		}
	}()
	there := mustCreateSection(t, `Local\There`, 1<<20)
	for i := range 3 { // slots at which a record does not fit
		other, err := OpenSection(context.Background(), `Local\There`, Read)
		if err != nil {
			t.Fatal(i, err)
		}
		defer other.Close()
	}
	attempts := fileAttempts()
	for what, attempt := range attempts {
		for _, limit := range []uint64{0, 1, 15, 100, 527, 528, 600, 4096, 65536, 1<<20 - 1} {
			withFileSizeLimit(t, limit, func() {
				err := attempt()
				if err == nil {
					return
				}
				f, ok := err.(*fault.Fault)
				if !ok || f.Code != fault.NoSystemResources ||
					!strings.Contains(f.Advice, fmt.Sprintf("at most %d (RLIMIT_FSIZE", limit)) {
					t.Errorf("%s, with at most %d bytes in a file: %#v: %v", what, limit, f, err)
				}
				if strings.HasPrefix(what, "open") || what == "list" || what == "bury" {
					t.Errorf("%s writes nothing that it needs, but with a limit of %d: %v", what, limit, err)
				}
			})
		}
		if err := attempt(); err != nil {
			t.Errorf("%s, and then without a limit: %v", what, err)
		}
	}
	// A holder of an object without a record is found all the same.
	withFileSizeLimit(t, 528, func() {
		last, err := OpenSection(context.Background(), `Local\There`, Read|Write)
		if err != nil {
			t.Fatal(err)
		}
		defer last.Close()
		there.Close()
		if err := openAndMap(`Local\There`); err != nil {
			t.Error(err)
		}
	})
}

// fileAttempts are the calls that write into files, and those that only look.
func fileAttempts() map[string]func() error {
	create := func(name string, size int64) func() error {
		return func() error {
			s, _, err := CreateSection(context.Background(), name, Spec{Size: size, Protection: PageReadWrite}, Read|Write,
				MustBeNew)
			if err == nil {
				err = s.Close()
			}
			return err
		}
	}
	event := func(name string) func() error {
		return func() error {
			w, _, err := CreateWaitable(context.Background(), name, WaitableSpec{Kind: KindEvent}, MustBeNew)
			if err == nil {
				err = w.Close()
			}
			return err
		}
	}
	attempts := map[string]func() error{
		"create a section":           create(`Local\New`, 1<<20),
		"create one of a long name":  create(`Local\`+strings.Repeat("n", 5000), 4096),
		"create an unnamed one":      create("", 1<<20),
		"create an event":            event(`Local\Event`),
		"create an unnamed event":    event(""),
		"list":                       func() error { _, err := List(Local); return err },
		"bury":                       func() error { _, err := Bury(Local); return err },
		"open, beyond the last slot": func() error { return openAndMap(`Local\There`) },
	}
	if os.Geteuid() == 0 {
		attempts["create a Global section"] = create(`Global\New`, 1<<20)
		attempts["create a Global event"] = event(`Global\Event`)
	}
	return attempts
}

func openAndMap(name string) error {
	s, err := OpenSection(context.Background(), name, Read)
	if err != nil {
		return err
	}
	defer s.Close()
	v, err := s.Map(0, 0, Read)
	if err != nil {
		return err
	}
	return v.Close()
}

// inMemoryCgroup puts this process into a new memory cgroup with a limit, of either version; it returns false if the
// machine allows none.
func inMemoryCgroup(t *testing.T, limit int64) bool {
	t.Helper()
	for _, v := range []struct{ mount, limit string }{
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes"},
		{"/sys/fs/cgroup", "memory.max"},
	} {
		parent := v.mount
		for _, g := range memoryCgroups() {
			if path.Base(g.limit) == v.limit {
				parent = path.Dir(g.limit) // the process's own is the first
				break
			}
		}
		dir := path.Join(parent, fmt.Sprintf("namedshm-test-%d", os.Getpid()))
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Logf("no memory cgroup: %v", err)
			continue
		}
		pid := strconv.Itoa(os.Getpid())
		err := os.WriteFile(path.Join(dir, v.limit), []byte(strconv.FormatInt(limit, 10)), 0o644)
		if err == nil {
			err = os.WriteFile(path.Join(dir, "cgroup.procs"), []byte(pid), 0o644)
		}
		if err != nil {
			t.Logf("no memory cgroup: %v", err)
			os.Remove(dir)
			continue
		}
		t.Cleanup(func() {
			if err := os.WriteFile(path.Join(parent, "cgroup.procs"), []byte(pid), 0o644); err != nil {
				t.Error(err)
			}
			os.WriteFile(path.Join(dir, "memory.force_empty"), []byte("0"), 0o644)
			if err := os.Remove(dir); err != nil {
				t.Error(err)
			}
		})
		return true
	}
	return false
}

// TestMemoryCgroup: committed memory that the process's cgroup does not have is refused, with the cgroup's limit;
// reserving it would have the kernel end this process.
func TestMemoryCgroup(t *testing.T) {
	const limit = 256 << 20
	if !inMemoryCgroup(t, limit) {
		t.Skip("this machine lets nobody make a memory cgroup")
	}
	ownRoot(t)
	prefixes := []string{`Local\`}
	if os.Geteuid() == 0 {
		prefixes = append(prefixes, `Global\`)
	}
	for _, prefix := range prefixes {
		spec := Spec{Size: limit, Protection: PageReadWrite, Commit: CommitNow}
		_, _, err := CreateSection(context.Background(), prefix+"Object", spec, Read|Write, MustBeNew)
		f, ok := err.(*fault.Fault)
		if !ok || f.Code != fault.CommitmentLimit || !strings.Contains(f.Error(), "namedshm-test") ||
			!strings.Contains(f.Error(), fmt.Sprint(limit)) {
			t.Errorf("%s: %#v: %v", prefix, f, err)
		}
		spec.Size = limit / 8
		s, _, err := CreateSection(context.Background(), prefix+"Object", spec, Read|Write, MustBeNew)
		if err != nil {
			t.Errorf("%s, and an eighth of it: %v", prefix, err)
			continue
		}
		s.Close()
	}
}
