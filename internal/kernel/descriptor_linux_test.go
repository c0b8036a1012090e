package kernel

import (
	"cmp"
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/namedshm/namedshm/internal/fault"
	"github.com/namedshm/namedshm/internal/waiting"
	"golang.org/x/sys/unix"
)

// possession is something that a process has open, and what can be done with it.
type possession struct {
	use   func() error
	close func() error
}

// possessions are made again for each of their descriptors.
var possessions = map[string]func(t *testing.T, prefix string) possession{
	"section": func(t *testing.T, prefix string) possession {
		s, _, err := CreateSection(context.Background(), prefix+"Lost", Spec{Size: 4096, Protection: PageReadWrite},
			Read|Write, MustBeNew)
		return mapping(t, s, err)
	},
	"large section": func(t *testing.T, prefix string) possession {
		s, _, err := CreateSection(context.Background(), prefix+"Lost", Spec{Size: 2 << 20, Protection: PageReadWrite},
			Read, MustBeNew)
		return mapping(t, s, err)
	},
	"opened section": func(t *testing.T, prefix string) possession {
		made, _, err := CreateSection(context.Background(), prefix+"Lost", Spec{Size: 4096, Protection: PageReadWrite},
			Read|Write, MustBeNew)
		if err != nil {
			t.Fatal(err)
		}
		s, err := OpenSection(context.Background(), prefix+"Lost", Read)
		p := mapping(t, s, err)
		return possession{p.use, func() error { return cmp.Or(p.close(), made.Close()) }}
	},
	"section over a file": func(t *testing.T, prefix string) possession {
		f := mustOpenFile(t)
		s, _, err := CreateSectionOver(context.Background(), "", f, Spec{Size: 4096, Protection: PageReadOnly}, Read,
			MustBeNew)
		p := mapping(t, s, err)
		return possession{func() error { _, _, err := f.Stat(); return cmp.Or(p.use(), err) },
			func() error { return cmp.Or(p.close(), f.Close()) }}
	},
	"event":     waitable(WaitableSpec{Kind: KindEvent, Signaled: true, Manual: true}),
	"mutex":     waitable(WaitableSpec{Kind: KindMutex, Owned: true}),
	"semaphore": waitable(WaitableSpec{Kind: KindSemaphore, Initial: 10, Maximum: 10}),
}

func mapping(t *testing.T, s *Section, err error) possession {
	if err != nil {
		t.Fatal(err)
	}
	return possession{use: func() error {
		v, err := s.Map(0, 0, Read)
		if err != nil {
			return err
		}
		defer v.Close()
		return v.Do(false, func(memory []byte) {
			if memory[0] != 0 {
				t.Error("other memory was mapped")
			}
		})
	}, close: s.Close}
}

func mustOpenFile(t *testing.T) *File {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, make([]byte, 4096), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := OpenFile(path, unix.O_RDWR, true, true)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func waitable(spec WaitableSpec) func(t *testing.T, prefix string) possession {
	return func(t *testing.T, prefix string) possession {
		w, _, err := CreateWaitable(context.Background(), prefix+"Lost", spec, MustBeNew)
		if err != nil {
			t.Fatal(err)
		}
		return possession{use: func() error {
			waiting.NoteLoss()
			_, _, err := w.Try()
			return err
		}, close: w.Close}
	}
}

// TestLostDescriptors puts a file of the program's own in the place of one descriptor after the other. Calls that need
// the descriptor report it, and nobody closes the file, nor takes or drops locks on it.
func TestLostDescriptors(t *testing.T) {
	for _, setting := range []struct{ prefix, backing string }{{`Local\`, ""}, {`Global\`, ""}, {`Local\`, "file"}} {
		for what, make := range possessions {
			if setting.backing == "file" && what == "section over a file" {
				continue // it has no name, and is like that of the other backing
			}
			t.Run(setting.backing+" "+setting.prefix+" "+what, func(t *testing.T) {
				if setting.prefix == `Global\` {
					globalRoot(t)
				} else {
					ownRoot(t)
				}
				t.Setenv(BackingVariable, setting.backing)
				lost := loseEach(t, func() possession { return make(t, setting.prefix) })
				if segment := setting.prefix == `Global\` && strings.HasSuffix(what, "section"); segment == lost {
					t.Errorf("calls that need a descriptor: %v", lost)
				}
			})
		}
	}
}

// loseEach reports whether the loss of any descriptor was reported.
func loseEach(t *testing.T, make func() possession) (told bool) {
	p := make() // the directory, and what the runtime has, are open from now on
	must(t, p.use())
	must(t, p.close())
	for at := 0; ; at++ {
		before := numbers(t)
		p := make()
		fresh := slices.DeleteFunc(numbers(t), func(fd int) bool { return slices.Contains(before, fd) })
		if at == len(fresh) {
			must(t, p.use())
			must(t, p.close())
			return told
		}
		fd := fresh[at]
		foreign := takeOver(t, fd)
		if err := p.use(); err != nil {
			if told = true; fault.CodeOf(err) != fault.InvalidHandle {
				t.Errorf("descriptor %d: %v", fd, err)
			}
		}
		foreign(t)
		if err := p.close(); err != nil && fault.CodeOf(err) != fault.InvalidHandle {
			t.Errorf("descriptor %d, close: %v", fd, err)
		}
		foreign(t)
		must(t, unix.Close(fd))
		if now := numbers(t); !slices.Equal(now, before) {
			t.Errorf("descriptor %d: open before %v, and after %v", fd, before, now)
		}
		Bury(Local) // what has lost its lock must not be removed by anybody
		Bury(Global)
	}
}

// takeOver opens another file under a number, and returns a check that it is untouched.
func takeOver(t *testing.T, fd int) (check func(*testing.T)) {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "foreign")
	must(t, err)
	must(t, unix.Dup3(int(f.Fd()), fd, unix.O_CLOEXEC))
	must(t, f.Close())
	must(t, unix.FcntlFlock(uintptr(fd), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_RDLCK}))
	var own, now unix.Stat_t
	must(t, unix.Fstat(fd, &own))
	return func(t *testing.T) {
		t.Helper()
		if err := unix.Fstat(fd, &now); err != nil || now.Ino != own.Ino || now.Dev != own.Dev || now.Size != 0 {
			t.Fatalf("the program's own descriptor %d: %v, %+v", fd, err, now)
		}
		other, err := os.OpenFile(f.Name(), os.O_RDWR, 0)
		must(t, err)
		defer other.Close()
		l := unix.Flock_t{Type: unix.F_WRLCK}
		must(t, unix.FcntlFlock(other.Fd(), unix.F_OFD_GETLK, &l))
		if l.Type != unix.F_RDLCK || l.Start != 0 || l.Len != 0 {
			t.Errorf("its lock is %+v", l)
		}
	}
}

// numbers are the descriptors that are open.
func numbers(t *testing.T) (open []int) {
	t.Helper()
	dir, err := unix.Open("/proc/self/fd", unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(dir)
	names, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	for _, name := range names {
		fd, err := strconv.Atoi(name.Name())
		must(t, err)
		if fd != dir && unix.Fstat(fd, new(unix.Stat_t)) == nil {
			open = append(open, fd)
		}
	}
	slices.Sort(open)
	return open
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestLostSeatBuriesNobody: a handle whose seats lead to another file, on which nobody has locks, takes no owner for
// dead.
func TestLostSeatBuriesNobody(t *testing.T) {
	for _, prefix := range []string{`Local\`, `Global\`} {
		if prefix == `Global\` {
			globalRoot(t)
		} else {
			ownRoot(t)
		}
		owner, _, err := CreateWaitable(context.Background(), prefix+"Owned", WaitableSpec{Kind: KindMutex, Owned: true},
			MustBeNew)
		must(t, err)
		defer owner.Close()
		other, err := OpenWaitable(context.Background(), prefix+"Owned", KindMutex, allRights)
		must(t, err)
		foreign := takeOver(t, other.native.seats.file.fd)
		if acquired, abandoned, err := other.Try(); acquired || abandoned {
			t.Errorf("%s: acquired %v, abandoned %v, %v", prefix, acquired, abandoned, err)
		}
		other.Close()
		foreign(t)
		must(t, owner.Unlock())
	}
}

// TestSleepersOfALostSeat: a waiter that sleeps when the descriptor goes gets an error, even if another process has
// taken it out of its berth; so does every later one.
func TestSleepersOfALostSeat(t *testing.T) {
	ownRoot(t)
	w, _, err := CreateWaitable(context.Background(), `Local\Asleep`, WaitableSpec{Kind: KindEvent}, MustBeNew)
	must(t, err)
	defer w.Close()
	ended := make(chan error)
	go func() {
		_, err := w.Wait(context.Background())
		ended <- err
	}()
	until(t, "it sleeps", func() bool {
		info, err := Stat(w.Name())
		must(t, err)
		return info.State.Waiters > 0
	})
	foreign := takeOver(t, w.native.seats.file.fd)
	for i := range int(binary.NativeEndian.Uint32(w.native.mapped[queuedAt:])) { // as another process's patrol does
		berth := (*atomic.Uint64)(unsafe.Pointer(&w.native.mapped[berthsAt+8*i]))
		berth.Store(berth.Load() >> 32 << 32)
	}
	if err := <-ended; fault.CodeOf(err) != fault.InvalidHandle {
		t.Errorf("the sleeper: %v", err)
	}
	if _, _, err := w.Try(); fault.CodeOf(err) != fault.InvalidHandle {
		t.Errorf("the next one: %v", err)
	}
	must(t, w.Set())
	foreign(t)
}

// TestLostDirectory: another directory has taken the number of the namespace's. Nothing is made, found or removed in
// it.
func TestLostDirectory(t *testing.T) {
	ownRoot(t)
	s := mustCreateSection(t, `Local\Here`, 4096)
	stranger := t.TempDir()
	must(t, os.WriteFile(filepath.Join(stranger, "Here"), []byte("mine"), 0o600))
	dir, err := unix.Open(stranger, unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(dir)
	p, err := placeOf(Local)
	must(t, err)
	fd := p.at()
	must(t, unix.Dup3(dir, fd, unix.O_CLOEXEC))
	must(t, s.Close())
	if names, err := os.ReadDir(p.dir); err != nil || len(names) != 0 {
		t.Errorf("in the namespace's own: %v, %v", names, err)
	}
	must(t, unix.Dup3(dir, p.at(), unix.O_CLOEXEC))
	made := mustCreateSection(t, `Local\Here`, 4096)
	must(t, unix.Dup3(dir, p.at(), unix.O_CLOEXEC))
	o, err := OpenSection(context.Background(), `Local\Here`, Read)
	must(t, err)
	must(t, o.Close())
	must(t, made.Close())
	if names, err := os.ReadDir(stranger); err != nil || len(names) != 1 {
		t.Errorf("in the other directory: %v, %v", names, err)
	}
}

// looksAtItsSeat has a handle of a mutex look at its seat, as each wait does, while another owns the mutex: when it
// acquires the mutex the patrol looks.
func looksAtItsSeat(t *testing.T, w, other *Waitable) {
	t.Helper()
	_, err := other.Lock(context.Background())
	must(t, err)
	if acquired, _, err := w.Try(); acquired || err != nil {
		t.Fatalf("a mutex of another's: acquired %v, %v", acquired, err)
	}
	must(t, other.Unlock())
}

// until waits for the patrol to do something, which takes it a few rounds.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it does not come about that %s", what)
		}
	}
}

// TestOwnerOfALostSeat: a handle that acquires a mutex and has lost its seat is dead to others, and finds out: the
// patrol looks at new owners, and Unlock reports what has happened, not that the state was overwritten.
func TestOwnerOfALostSeat(t *testing.T) {
	needNative(t) // POSIX locks are the whole process's: the other handle would have lost its own as well
	for _, prefix := range []string{`Local\`, `Global\`} {
		for _, taken := range []bool{false, true} {
			t.Run(prefix+strconv.FormatBool(taken), func(t *testing.T) {
				if prefix == `Global\` {
					globalRoot(t)
				} else {
					ownRoot(t)
				}
				w, _, err := CreateWaitable(context.Background(), prefix+"Idle", WaitableSpec{Kind: KindMutex}, MustBeNew)
				must(t, err)
				other, err := OpenWaitable(context.Background(), prefix+"Idle", KindMutex, allRights)
				must(t, err)
				looksAtItsSeat(t, w, other)
				foreign := takeOver(t, w.native.seats.file.fd)
				if _, err := w.Lock(context.Background()); err != nil {
					t.Fatal(err)
				}
				if taken {
					if acquired, abandoned, err := other.Try(); !acquired || !abandoned || err != nil {
						t.Errorf("the other one: %v, %v, %v", acquired, abandoned, err)
					}
				} else {
					until(t, "the owner is known to have lost its seat", func() bool {
						acquired, _, err := w.Try()
						if acquired {
							must(t, w.Unlock())
						}
						return fault.CodeOf(err) == fault.InvalidHandle
					})
				}
				if err := w.Unlock(); taken && fault.CodeOf(err) != fault.InvalidHandle || !taken && err != nil {
					t.Errorf("unlock: %v", err)
				}
				if !taken { // it was never another's
					acquired, abandoned, err := other.Try()
					if !acquired || abandoned || err != nil {
						t.Errorf("the other one: %v, %v, %v", acquired, abandoned, err)
					}
				}
				must(t, other.Unlock())
				if _, err := w.Lock(context.Background()); fault.CodeOf(err) != fault.InvalidHandle {
					t.Errorf("the next lock: %v", err)
				}
				must(t, other.Close())
				w.Close()
				foreign(t)
			})
		}
	}
}

// TestOneLossTellsOfOthers: after a call finds a descriptor of its own lost, the next wait of every other handle looks
// too.
func TestOneLossTellsOfOthers(t *testing.T) {
	needNative(t)
	ownRoot(t)
	for what, find := range map[string]func(*Section, *Waitable) error{
		"map": func(s *Section, _ *Waitable) error {
			takeOver(t, s.native.mem.descriptor())
			_, err := s.Map(0, 0, Read)
			return err
		},
		"close of a section": func(s *Section, _ *Waitable) error {
			takeOver(t, s.native.entry.fd)
			return s.Close()
		},
		"close of an event": func(_ *Section, event *Waitable) error {
			takeOver(t, event.native.seats.file.fd)
			return event.Close()
		},
	} {
		s := mustCreateSection(t, `Local\Section`, 4096)
		event, _, err := CreateWaitable(context.Background(), `Local\Event`, WaitableSpec{Kind: KindEvent}, MustBeNew)
		must(t, err)
		mutex, _, err := CreateWaitable(context.Background(), `Local\Mutex`, WaitableSpec{Kind: KindMutex}, MustBeNew)
		must(t, err)
		other, err := OpenWaitable(context.Background(), `Local\Mutex`, KindMutex, allRights)
		must(t, err)
		looksAtItsSeat(t, mutex, other)
		must(t, other.Close())
		takeOver(t, mutex.native.seats.file.fd)
		if err := find(s, event); fault.CodeOf(err) != fault.InvalidHandle {
			t.Errorf("%s: %v", what, err)
		}
		if acquired, _, err := mutex.Try(); acquired || fault.CodeOf(err) != fault.InvalidHandle {
			t.Errorf("after %s: acquired %v, %v", what, acquired, err)
		}
		s.Close()
		event.Close()
		mutex.Close()
		Bury(Local)
	}
}
