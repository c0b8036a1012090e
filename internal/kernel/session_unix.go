//go:build unix && !linux && !aix

package kernel

import (
	"context"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// defaultRoot is a directory that all users can reach and in which none can replace what another put there.
const defaultRoot = "/tmp"

// fileSystemFoldsCase: macOS's file system does, unless it was made otherwise. Names differ by case, so files must too.
const fileSystemFoldsCase = runtime.GOOS == "darwin" || runtime.GOOS == "ios"

const directoryFlags = unix.O_RDONLY

// BackingVariable has no meaning here: these systems have one backing.
const BackingVariable = "NAMEDSHM_BACKING"

// placeKey is all that a place depends on and that may change while a process runs.
type placeKey struct {
	root string
	euid int
}

type knownPlaces struct {
	key           placeKey
	local, global *place
}

var lastPlaces atomic.Pointer[knownPlaces]

func placeOf(n Namespace) (*place, error) {
	key := placeKey{root(), unix.Geteuid()}
	known := lastPlaces.Load()
	if known == nil || known.key != key {
		local, global := filePlaces(key.root, key.euid)
		known = &knownPlaces{key, local, global}
		lastPlaces.Store(known)
	}
	if n == Global {
		return known.global, nil
	}
	return known.local, nil
}

func linkEntry(e *entry) error { return linkTemporary(e) }

func processID() int { return os.Getpid() }

// affordable leaves it to the file system, whose blocks are reserved when the section is made.
func (s *Spec) affordable() error { return s.Share.check() }

func addressSpaceAdvice(length int64) string {
	return "this process has not that much address space left; see ulimit -v"
}

// findHolders: nothing here tells one process's descriptors to another in a way that needs no privilege.
func (p *place) findHolders([]*sighting, bool) error { return nil }

func (p *place) sweepOthers() []Burial { return sweepFiles(p) }

// nameWatch tries again after growing pauses.
type nameWatch struct{ pause time.Duration }

func newNameWatch(Name) *nameWatch { return &nameWatch{pause: time.Millisecond} }

func (w *nameWatch) wait(ctx context.Context) error {
	timer := time.NewTimer(w.pause)
	defer timer.Stop()
	w.pause = min(w.pause*3/2, 50*time.Millisecond)
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *nameWatch) close() {}

func examine() []Check {
	checks := []Check{{"backing", OK, "files: freed by the last Close; after a crash, by the next call in that namespace", ""}}
	for _, n := range []Namespace{Local, Global} {
		p, err := placeOf(n)
		if err == nil {
			err = p.check()
		}
		c := Check{Topic: n.String() + " directory", Detail: p.dir}
		if codeOf(err) == FileNotFound {
			c.Detail += " (made on first use, in Global by root)"
		} else if err != nil {
			c.Status, c.Detail = Missing, err.Error()
		}
		checks = append(checks, c)
	}
	return checks
}

// controlFiles: the file backing locks nothing but entries.
func (p *place) controlFiles() []string { return nil }

// pidNamespace is the same for all: these systems have one, as far as processes can meet here.
func pidNamespace() uint32 { return 0 }

// pidPage is nil: these systems have no page that a fork wipes.
func pidPage() *int64 { return nil }

// processors is how many this process may use.
func processors() int { return runtime.NumCPU() }
