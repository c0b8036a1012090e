//go:build linux

package waiting

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/actors"
	"github.com/namedshm/namedshm/conformance/internal/journal"
)

// noticed is how long after its owner's death a waiter has a mutex, as the library promises.
const noticed = 100 * time.Millisecond

// stranger is a user that no machine has, without any privilege.
var stranger = actors.User{UID: 64201, GID: 64201}

// TestOwnerDies: the owner of a mutex is killed, and who waits for it has it as abandoned within a tenth of a second.
func TestOwnerDies(t *testing.T) {
	inEverySetting(t, func(t *testing.T, w *world) {
		waiter := w.start(t)
		keeper := waiter.handle(creation(w.name, theMutex)) // the object outlives its owners
		w.diesInTime(t, waiter, keeper, objectName(w.name, theMutex))
		waiter.Must(request{Op: "close", Handle: keeper})
		w.nothingLeft(t, waiter)
	})
}

// diesInTime kills an owner of a mutex for which the waiter waits, until the waiter has it in time. A machine that has
// other things to do may need several.
func (w *world) diesInTime(t *testing.T, waiter *actor, handle int, name string) {
	t.Helper()
	const tries = 5
	best := time.Hour
	looker := w.start(t)
	for range tries {
		owner := w.start(t)
		owned := owner.handle(request{Op: "open", Kind: "mutex", Name: name})
		owner.Must(request{Op: "wait", Handle: owned})
		waiter.Ask(request{Op: "wait", Handle: handle})
		w.blocked(t, waiter, looker, name, 1)
		began := journal.Now()
		owner.Kill()
		got := waiter.mustAnswer(request{Op: "wait"})
		if !got.Abandoned {
			t.Fatal("the owner was killed, and who locked next was not told")
		}
		waiter.Must(request{Op: "unlock", Handle: handle})
		if again := waiter.Must(request{Op: "try", Handle: handle}); !again.Acquired || again.Abandoned {
			t.Fatalf("after that the mutex is locked anew: %v", again)
		}
		waiter.Must(request{Op: "unlock", Handle: handle})
		if best = min(best, time.Duration(got.Ended-began)); best <= noticed {
			t.Logf("noticed after %v", best)
			return
		}
	}
	t.Fatalf("of %d deaths of owners, the waiter noticed none sooner than after %v", tries, best)
}

// TestOwnerWithoutAFirstThread: a mutex's owner whose first thread has ended lives. Who waits goes on waiting, whoever
// comes can open the mutex and sees its owner, and it is not abandoned before the whole process has died.
func TestOwnerWithoutAFirstThread(t *testing.T) {
	inEverySetting(t, func(t *testing.T, w *world) {
		owner, waiter, looker := w.start(t), w.start(t), w.start(t)
		creation := creation(w.name, theMutex)
		owned := owner.handle(creation)
		owner.Must(request{Op: "wait", Handle: owned})
		owner.Must(request{Op: "leave first thread"})
		handle := waiter.handle(creation)
		if r := waiter.Must(request{Op: "try", Handle: handle}); r.Acquired {
			t.Fatalf("a living owner's mutex was acquired: %v", r)
		}
		waiter.Ask(request{Op: "wait", Handle: handle})
		w.blocked(t, waiter, looker, creation.Name, 1)
		if state := looker.Must(request{Op: "state", Name: creation.Name}).State; state.Abandoned || state.Ownership == nil ||
			state.Ownership.PID != owner.PID {
			t.Errorf("the mutex of owner %d is in the state %+v", owner.PID, state)
		}
		owner.Must(request{Op: "unlock", Handle: owned})
		if r := waiter.mustAnswer(request{Op: "wait"}); !r.Acquired || r.Abandoned {
			t.Errorf("the owner unlocked, and the next one has it as %v", r)
		}
		waiter.Must(request{Op: "unlock", Handle: handle})
		owner.Must(request{Op: "wait", Handle: owned})
		owner.Kill()
		if r := waiter.Must(request{Op: "wait", Handle: handle}); !r.Abandoned {
			t.Errorf("the owner died, and the next one has it as %v", r)
		}
		waiter.Must(request{Op: "close", Handle: handle})
		w.nothingLeft(t, looker)
	})
}

// TestNewcomerAfterDeath: who comes when the owner of a mutex is dead gets it at once, with the first look, and nobody
// after him is told.
func TestNewcomerAfterDeath(t *testing.T) {
	inEverySetting(t, func(t *testing.T, w *world) {
		name := objectName(w.name, theMutex)
		for _, how := range []string{"had it open", "opens it", "waits", "waits for all"} {
			owner, other := w.start(t), w.start(t)
			owner.Must(creation(w.name, theMutex))
			handle := other.handle(request{Op: "open", Kind: "mutex", Name: name})
			owned := owner.handle(request{Op: "open", Kind: "mutex", Name: name})
			owner.Must(request{Op: "wait", Handle: owned})
			owner.Must(request{Op: "wait", Handle: owned}) // twice: it is abandoned as a whole
			owner.Kill()
			r := request{Op: "try", Handle: handle}
			switch how {
			case "opens it":
				r.Handle = other.handle(request{Op: "open", Kind: "mutex", Name: name})
			case "waits":
				r.Op, r.Timeout = "wait", -1 // a look, and no more
			case "waits for all":
				event := other.handle(request{Op: "create", Kind: "event", Name: w.name + "Set", Manual: true, Signaled: true})
				r.Op, r.Timeout, r.Handles = "all", -1, []int{event, handle}
			}
			got := other.Must(r)
			if !got.Abandoned || r.Op == "try" && !got.Acquired || r.Op == "all" && got.Index != 1 {
				t.Errorf("%s: %v", how, got)
			}
			other.Must(request{Op: "unlock", Handle: r.Handle})
			third := w.start(t)
			if got := third.Must(request{Op: "try",
				Handle: third.handle(request{Op: "open", Kind: "mutex", Name: name})}); !got.Acquired || got.Abandoned {
				t.Errorf("%s: the next one: %v", how, got)
			}
			third.Leave()
			other.Leave()
			w.nothingLeft(t, w.start(t))
		}
	})
}

// hoard locks every byte of every Global file that it can open, in every way that it can, and keeps the locks. It
// answers which files it could open.
func (s *stage) hoard() (answer reply, err error) {
	files, _ := filepath.Glob(os.Getenv("NAMEDSHM_ROOT") + "/namedshm-*global*/*")
	hidden, _ := filepath.Glob(os.Getenv("NAMEDSHM_ROOT") + "/namedshm-*global*/.*")
	files = append(files, hidden...)
	slices.Sort(files)
	for _, path := range slices.Compact(files) {
		for _, mode := range []int{unix.O_RDWR, unix.O_WRONLY, unix.O_RDONLY} {
			fd, err := unix.Open(path, mode|unix.O_CLOEXEC, 0)
			if err != nil {
				continue
			}
			s.locked = append(s.locked, fd)
			for _, kind := range []int16{unix.F_RDLCK, unix.F_WRLCK} {
				if unix.FcntlFlock(uintptr(fd), unix.F_OFD_SETLK, &unix.Flock_t{Type: kind}) == nil {
					answer.Number++
				}
			}
			unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB)
			answer.List = append(answer.List, filepath.Base(path))
			break
		}
	}
	return answer, nil
}

// seatsOf are the files of seats among others.
func seatsOf(files []string) []string {
	return slices.DeleteFunc(slices.Clone(files), func(file string) bool { return !strings.HasPrefix(file, ".seats-") })
}

// TestHostileReader: who may read a Global object, or nothing, and locks all that he can lock, cannot hide that an
// owner is dead, and keeps no dead name alive.
func TestHostileReader(t *testing.T) {
	in(t, globalSettings(), func(t *testing.T, w *world) {
		actors.NeedRoot(t, "it takes other users")
		waiter := w.start(t)
		name := objectName(w.name, theMutex)
		mutex := waiter.handle(creation(w.name, theMutex))
		event := request{Op: "create", Kind: "event", Name: w.name + "Read", Manual: true, Share: "read"}
		waiter.Must(event)
		for _, holds := range []bool{false, true} {
			hostile := w.startAs(t, &stranger)
			if holds {
				watching := hostile.handle(request{Op: "open", Kind: "event", Name: event.Name,
					Rights: uint32(namedshm.Synchronize)})
				hostile.Do(request{Op: "wait", Handle: watching, Timeout: -1})
			}
			got := hostile.Must(request{Op: "hoard"})
			if got.Number == 0 {
				t.Fatalf("nothing was locked, not even the entry that everybody may read: %v", got)
			}
			if found := seatsOf(got.List); len(found) != 0 {
				t.Fatalf("a stranger opens the seats of what he may not own: %q", found)
			}
			w.diesInTime(t, waiter, mutex, name)
			w.newcomerGetsIt(t, name)
			if holds {
				hostile.Kill() // or else the event would rightly live on
			}
		}
		waiter.Kill()
		other := w.start(t)
		for _, dead := range []string{name, event.Name} {
			if got := other.Do(request{Op: "state", Name: dead}); got.Code != namedshm.ErrFileNotFound {
				t.Errorf("a hostile reader keeps %s alive: %v", dead, got)
			}
		}
		other.Leave()
		w.nothingLeft(t, w.start(t))
	})
}

// newcomerGetsIt kills an owner, and has somebody else look at the mutex for the first time.
func (w *world) newcomerGetsIt(t *testing.T, name string) {
	t.Helper()
	owner, newcomer := w.start(t), w.start(t)
	owner.Must(request{Op: "wait", Handle: owner.handle(request{Op: "open", Kind: "mutex", Name: name})})
	owner.Kill()
	handle := newcomer.handle(request{Op: "open", Kind: "mutex", Name: name})
	if got := newcomer.Must(request{Op: "try", Handle: handle}); !got.Acquired || !got.Abandoned {
		t.Fatalf("a newcomer looks at a dead owner's mutex: %v", got)
	}
	newcomer.Must(request{Op: "unlock", Handle: handle})
	newcomer.Leave()
}

// TestSeatsAreForOwners: the other side of it: who may own a mutex can open its seats. So what a hostile reader is
// refused is no way that is closed to everybody.
func TestSeatsAreForOwners(t *testing.T) {
	in(t, globalSettings(), func(t *testing.T, w *world) {
		actors.NeedRoot(t, "it takes other users")
		maker, member := w.start(t), w.startAs(t, &stranger)
		r := creation(w.name, theMutex)
		r.Share = "write"
		maker.Must(r)
		if got := member.Must(request{Op: "hoard"}); len(seatsOf(got.List)) != 1 {
			t.Errorf("who may own the mutex opens %q", got.List)
		}
	})
}

// TestMutexSharedForSynchronize: the right to wait for a mutex is the right to own it, whose creator shared it for that
// alone; a stranger locks, unlocks, and leaves it abandoned. Nobody is let in who was not.
func TestMutexSharedForSynchronize(t *testing.T) {
	in(t, globalSettings(), func(t *testing.T, w *world) {
		actors.NeedRoot(t, "it takes other users")
		maker, other := w.start(t), w.startAs(t, &stranger)
		r := creation(w.name, theMutex)
		r.Share = "read"
		maker.Must(r)
		handle := other.handle(request{Op: "open", Kind: "mutex", Name: r.Name, Rights: uint32(namedshm.Synchronize)})
		for range 2 {
			if got := other.Must(request{Op: "try", Handle: handle}); !got.Acquired {
				t.Fatalf("who may wait locks it: %v", got)
			}
		}
		other.Must(request{Op: "unlock", Handle: handle})
		other.Kill()
		mine := maker.handle(request{Op: "open", Kind: "mutex", Name: r.Name})
		if got := maker.Must(request{Op: "wait", Handle: mine, Timeout: 10 * time.Second}); !got.Abandoned {
			t.Errorf("its owner was killed: %v", got)
		}
		private := creation(w.name+"Private", theMutex)
		maker.Must(private)
		third := w.startAs(t, &stranger)
		if got := third.Do(request{Op: "open", Kind: "mutex", Name: private.Name,
			Rights: uint32(namedshm.Synchronize)}); got.Code != namedshm.ErrAccessDenied {
			t.Errorf("one that is shared with nobody is opened: %v", got)
		}
	})
}

// globalSettings is the native backing of the Global namespace. With the file backing a reader's lock is a holder's.
func globalSettings() []setting {
	if actors.OnFileBacking() {
		return nil
	}
	return []setting{{namedshm.Global, "", os.Getenv(waitVariable)}}
}

// TestNothingRemains: when all processes are killed at once, in the middle of everything, nothing of the objects is
// left once somebody makes them anew, or has the dead buried.
func TestNothingRemains(t *testing.T) {
	inEverySetting(t, func(t *testing.T, w *world) {
		for _, anew := range []bool{false, true} {
			w.perish(t)
			survivor := w.start(t)
			if anew {
				for _, o := range mixed.objects() {
					w.isNew(t, survivor, o)
				}
				survivor.Leave()
				w.NothingLeft(t, false, func() {})
				continue
			}
			w.nothingLeft(t, survivor)
			survivor.Leave()
		}
	})
}

// perish makes an object of each kind, owned, waited for and open in several processes, and kills them all.
func (w *world) perish(t *testing.T) {
	t.Helper()
	owner := w.start(t)
	var all []*actor
	for _, o := range mixed.objects() {
		r := creation(w.name, o)
		r.Initial, r.Owned = 0, true
		owner.Must(r)
		waiter := w.start(t)
		r.Op = "open"
		waiter.Ask(request{Op: "wait", Handle: waiter.handle(r)})
		w.blocked(t, waiter, owner, r.Name, 1)
		all = append(all, waiter)
	}
	all = append(all, owner)
	for _, a := range all {
		a.Signal(syscall.SIGKILL)
	}
	for _, a := range all {
		a.Kill()
	}
}

// isNew checks that an object is a new one, and closes it.
func (w *world) isNew(t *testing.T, a *actor, o int) {
	t.Helper()
	r := creation(w.name, o)
	h := a.handle(r)
	got := a.Must(request{Op: "try", Handle: h})
	if want := o == theMutex || o == theSemaphore; got.Acquired != want || got.Abandoned {
		t.Errorf("%s is not as it was made: %v", r.Name, got)
	}
	a.Must(request{Op: "close", Handle: h})
}

// TestKilledWhileCreating: a process that is killed at any system call of making or opening an object leaves nothing
// that somebody could not bury, and no half of an object.
func TestKilledWhileCreating(t *testing.T) {
	const local, global = namedshm.Local, namedshm.Global
	in(t, narrowedOrFirst([]setting{{local, "", ""}, {global, "", ""}, {local, "file", ""}}),
		func(t *testing.T, w *world) {
			survivor := w.start(t)
			for n, last := 1, false; !last; n++ {
				victim := w.start(t)
				r := creation(fmt.Sprintf("%s%d", w.name, n), theMutex)
				r.Owned, r.Marked = true, true
				var call string
				tr := actors.Trace(t, victim.Process)
				victim.Ask(r)
				call, last = tr.StopBefore(n)
				tr.Kill()
				r.Owned, r.Marked = false, false
				handle := survivor.handle(r)
				if got := survivor.Must(request{Op: "try", Handle: handle}); !got.Acquired || got.Abandoned {
					t.Fatalf("killed before call %d, %s: the object that is made next is not new: %v", n, call, got)
				}
				survivor.Must(request{Op: "close", Handle: handle})
				w.nothingLeft(t, survivor)
			}
		})
}
