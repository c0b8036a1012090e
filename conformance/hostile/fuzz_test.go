//go:build linux

package hostile

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/actors"
	"github.com/namedshm/namedshm/inspect"
	"github.com/namedshm/namedshm/internal/depth"
	"github.com/namedshm/namedshm/upkeep"
)

// Where things stand in an entry: internal/kernel/layout.go has the drawing.
const (
	headerLength = 128
	nameLengthAt = 80
	checksumAt   = 96
)

// fuzzing is what is to be done to an entry.
type fuzzing struct {
	Seed   uint64
	Values int    // so many values for each byte
	Sealed bool   // the checksum is made right again, as one who means it would
	Dead   bool   // nobody holds the object
	Mutex  bool   // it is a mutex
	Space  uint32 // namespace
	First  int    // the first byte that is changed
	Step   int    // how far it is to the next one
	Sparse int    // what reads all of /proc is done once in so many times
}

// values are what a byte is changed to.
func (f *fuzzing) values(random *rand.Rand, old byte) []byte {
	likely := []byte{0, 1, 2, 0x7f, 0x80, 0xff, old ^ 1, old ^ 0x80, old + 1, old - 1}
	if f.Values >= 256 {
		likely = likely[:0]
		for v := range 256 {
			likely = append(likely, byte(v))
		}
	}
	random.Shuffle(len(likely), func(i, j int) { likely[i], likely[j] = likely[j], likely[i] })
	likely = slices.DeleteFunc(likely, func(v byte) bool { return v == old })
	return likely[:min(f.Values, len(likely))]
}

// reseal makes the checksum right, as far as there is a name that it could cover.
func reseal(entry []byte) {
	length := int(binary.LittleEndian.Uint32(entry[nameLengthAt:]))
	if length < 0 || length > 384 || headerLength+length > len(entry) {
		return
	}
	sum := crc32.ChecksumIEEE(entry[:checksumAt])
	sum = crc32.Update(sum, crc32.IEEETable, entry[headerLength:headerLength+length])
	binary.LittleEndian.PutUint32(entry[checksumAt:], sum)
}

// scene is an entry that is changed, and put right again.
type scene struct {
	fuzzing
	name, path, backup string
	good               []byte
	random             *rand.Rand
	states             int
	complaints         []string
}

// fuzzEntry changes each byte of the header of Object's entry, one after the other, and makes every call on its name.
// The answer's List is what was wrong, its Number how many changes were made.
func fuzzEntry(r request) (reply, error) {
	s := &scene{fuzzing: r.Own.Fuzz, name: r.Name, path: r.Own.Object.Entry,
		random: rand.New(rand.NewPCG(r.Own.Fuzz.Seed, 0))}
	s.backup = filepath.Join(os.Getenv("NAMEDSHM_ROOT"), fmt.Sprintf("backup-%d", os.Getpid()))
	var err error
	if s.good, err = os.ReadFile(s.path); err != nil {
		return reply{}, err
	}
	if err := os.Link(s.path, s.backup); err != nil {
		return reply{}, err
	}
	defer os.Remove(s.backup)
	end := headerLength + len(s.name) - strings.IndexByte(s.name, '\\') - 1
	for at := s.First; at < end; at += s.Step {
		for _, value := range s.values(s.random, s.good[at]) {
			bad := bytes.Clone(s.good)
			bad[at] = value
			if s.Sealed && (at < checksumAt || at >= headerLength) {
				reseal(bad)
			}
			if err := s.put(bad); err != nil {
				return reply{}, err
			}
			// What leads to the memory is looked for, for a second, if it leads nowhere.
			leads := at >= 16 && at < 24 || at >= 32 && at < 72
			s.visit(fmt.Sprintf("byte %d is %#02x", at, value), leads && !s.Dead)
			if len(s.complaints) > 10 {
				return reply{List: s.complaints}, nil
			}
		}
	}
	return reply{List: s.complaints, Number: int64(s.states)}, s.put(s.good)
}

// put makes the entry at the path the very file that its holders have, with these bytes; of a dead one, a file like it.
func (s *scene) put(content []byte) error {
	now, nowErr := os.Lstat(s.path)
	first, err := os.Lstat(s.backup)
	if err != nil {
		return err
	}
	if nowErr != nil || !os.SameFile(now, first) {
		os.Remove(s.path)
		if err := os.Link(s.backup, s.path); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(s.path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Truncate(int64(len(content))); err != nil {
		return err
	}
	_, err = f.WriteAt(content, 0)
	return err
}

// visit makes the calls. Each has to come back, with an error of this library's or with the true object.
func (s *scene) visit(what string, hurry bool) {
	s.states++
	say := func(call string, problem any) {
		s.complaints = append(s.complaints, fmt.Sprintf("%s: %s: %v", what, call, problem))
	}
	proper := func(call string, err error) {
		var e *namedshm.Error
		if err != nil && !errors.As(err, &e) && !errors.Is(err, context.DeadlineExceeded) {
			say(call, err)
		}
	}
	defer func() {
		if r := recover(); r != nil {
			say("a panic", r)
		}
	}()
	ctx := context.Background()
	if hurry {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, 3*time.Millisecond)
		defer cancel()
	}
	begin := time.Now()
	if s.Mutex {
		proper("open", s.openMutex(ctx))
	} else if text, err := s.openSection(ctx); err != nil {
		proper("open", err)
	} else if text != precious {
		say("open", fmt.Sprintf("the memory reads %q", text))
	}
	if took := time.Since(begin); took > soon {
		say("open", took)
	}
	if made, err := namedshm.Create(s.name, 4096, namedshm.ReadWrite); err == nil {
		made.Close() // it was taken for dead
	} else {
		proper("create", err)
	}
	space := namedshm.Namespace(s.Space)
	if _, err := inspect.Names(space); err != nil {
		say("names", err)
	}
	if s.random.IntN(s.Sparse) > 0 {
		return
	}
	_, err := inspect.Stat(s.name)
	proper("stat", err)
	if _, err := inspect.List(space); err != nil {
		say("list", err)
	}
	if _, err := upkeep.Sweep(space); err != nil {
		say("bury", err)
	}
}

func (s *scene) openSection(ctx context.Context) (string, error) {
	open := namedshm.Open
	if _, hurry := ctx.Deadline(); hurry {
		open = func(name string, access namedshm.Access) (*namedshm.Section, error) {
			return namedshm.WaitOpen(ctx, name, access)
		}
	}
	section, err := open(s.name, namedshm.Read)
	if err != nil {
		return "", err
	}
	defer section.Close()
	v, err := section.Map(0, 0, namedshm.Read)
	if err != nil {
		return "", err
	}
	defer v.Close()
	b := make([]byte, len(precious))
	_, err = v.ReadAt(b, 0)
	return string(b), err
}

func (s *scene) openMutex(ctx context.Context) error {
	open := namedshm.OpenMutex
	if _, hurry := ctx.Deadline(); hurry {
		open = func(name string, rights namedshm.Rights) (*namedshm.Mutex, error) {
			return namedshm.WaitOpenMutex(ctx, name, rights)
		}
	}
	m, err := open(s.name, namedshm.Synchronize|namedshm.ModifyState)
	if err != nil {
		return err
	}
	defer m.Close()
	if got, _, err := m.TryLock(); err != nil || !got {
		return err
	}
	return m.Unlock()
}

// TestEveryByteOfAnEntry changes every byte, in a quick run every fifth, of the header and the name of every kind of
// entry, of live objects and of dead ones, with a checksum that fits and with one that does not. The calls of others
// end in an error or with the true object; the holder notices nothing; and when the entry is whole again all is well.
func TestEveryByteOfAnEntry(t *testing.T) {
	values, step := 2, depth.Of(5, 1)
	if depth.Every() {
		values = 256
	}
	total := 0
	for _, name := range []string{local, world} {
		for _, f := range []fuzzing{
			{Sealed: true}, {Sealed: false}, {Sealed: true, Dead: true}, {Sealed: false, Dead: true},
			{Sealed: true, Mutex: true},
		} {
			f.Seed, f.Values, f.Sparse, f.Space = actors.Seed(t), values, 25, uint32(namespaceOf(name))
			f.First, f.Step = int(f.Seed%uint64(step)), step
			t.Run(fmt.Sprintf("%s sealed %v dead %v mutex %v", name[:5], f.Sealed, f.Dead, f.Mutex), func(t *testing.T) {
				s := newSetting(t)
				fuzzer := s.as(nil)
				v := s.fuzzed(name, f.Mutex)
				before := v.Must(request{Op: "count"})
				if f.Dead {
					v.Kill()
				}
				fuzzer.Ask(request{Op: "fuzz", Name: name, Own: asked{Object: v.object, Fuzz: f}})
				var got reply
				fuzzer.AnswerWithin(10*time.Minute, &got)
				if got.Error != "" {
					t.Fatal(got.Error)
				}
				for _, complaint := range got.List {
					t.Error(complaint)
				}
				total += int(got.Number)
				switch {
				case f.Dead:
					fuzzer.Refused(request{Op: "open", Name: name}, namedshm.ErrFileNotFound)
				case f.Mutex:
					fuzzer.Must(request{Op: "stat", Name: name})
					v.Kill()
				default:
					v.unharmed(fuzzer, before)
					v.Kill()
				}
				fuzzer.Leave()
				s.nothingLeft(s.as(nil))
			})
		}
	}
	t.Logf("%d changes were made", total)
}

// fuzzed is a holder of the object whose entry is changed.
func (s *setting) fuzzed(name string, mutex bool) *victim {
	s.t.Helper()
	if !mutex {
		return s.holding(s.as(nil), name, "", "")
	}
	a := s.as(nil)
	a.Must(request{Op: "mutex", Name: name})
	return &victim{actor: a, name: name, object: object{PID: a.PID, Entry: s.entry(name)}}
}

// TestGarbageInControlFiles: whatever stands in the files that serve as locks, the calls of a Global directory go on,
// and nobody's segment is taken for a dead creator's.
func TestGarbageInControlFiles(t *testing.T) {
	random := rand.New(rand.NewPCG(actors.Seed(t), 1))
	s := newSetting(t)
	a := s.as(nil)
	a.Must(request{Op: "mutex", Name: world})
	dir := filepath.Dir(s.entry(world))
	seats, err := filepath.Glob(filepath.Join(dir, ".seats-*"))
	if err != nil || len(seats) != 1 {
		t.Fatalf("seats %q, %v", seats, err)
	}
	must(t, os.WriteFile(filepath.Join(dir, ".burial"), nil, 0o600))
	key := int(random.Int32())
	foreign, err := unix.SysvShmGet(key, 4096, unix.IPC_CREAT|unix.IPC_EXCL|0o600)
	must(t, err)
	defer unix.SysvShmCtl(foreign, unix.IPC_RMID, nil)
	names := []string{"", "/", "../x", "Object", "Object/", strings.Repeat("n", 255), ".burial", "\x00"}
	for round := range 40 {
		for _, file := range []string{filepath.Join(dir, ".creating"), filepath.Join(dir, ".burial"), seats[0]} {
			garbage := make([]byte, random.IntN(5000))
			for i := range garbage {
				garbage[i] = byte(random.Uint32())
			}
			switch round % 4 {
			case 1:
				garbage = []byte(names[round/4%len(names)])
			case 2:
				garbage = bytes.Repeat([]byte{0xff}, len(garbage))
			case 3:
				for at := 0; at+16 <= len(garbage); at += 16 { // a segment that is there, but larger
					binary.LittleEndian.PutUint32(garbage[at:], uint32(key))
					binary.LittleEndian.PutUint32(garbage[at+4:], 0)
					binary.LittleEndian.PutUint64(garbage[at+8:], 8192)
				}
			}
			must(t, os.WriteFile(file, garbage, 0o600))
		}
		h := a.Must(request{Op: "create", Name: `Global\Another`}).Handle
		a.Must(request{Op: "bury", Space: namedshm.Global})
		a.Must(request{Op: "close", Handle: h})
		s.as(nil).Must(request{Op: "locked", Name: world})
		var st unix.SysvShmDesc
		if _, err := unix.SysvShmCtl(foreign, unix.IPC_STAT, &st); err != nil {
			t.Fatalf("round %d: another program's segment is gone: %v", round, err)
		}
	}
}

// TestInPlaceOfControlFiles: something else in the place of a lock file, which a member of the directory's group can
// put there, is refused with its path, at once, and not touched.
func TestInPlaceOfControlFiles(t *testing.T) {
	for what, plant := range map[string]func(path string) error{
		"a link":      func(path string) error { return os.Symlink("/dev/null", path) },
		"a FIFO":      func(path string) error { return errors.Join(unix.Mkfifo(path, 0o660), os.Chmod(path, 0o666)) },
		"a directory": func(path string) error { return os.Mkdir(path, 0o770) },
		"a device":    func(path string) error { return unix.Mknod(path, unix.S_IFCHR|0o660, 1<<8|5) },
		"a member's file": func(path string) error {
			return errors.Join(os.WriteFile(path, nil, 0o660), os.Chown(path, member.UID, 64110), os.Chmod(path, 0o660))
		},
		"one that all may write": func(path string) error {
			return errors.Join(os.WriteFile(path, nil, 0o666), os.Chmod(path, 0o666))
		},
	} {
		t.Run(what, func(t *testing.T) {
			s := newSetting(t)
			s.as(nil).Must(request{Op: "setup", Group: club})
			v := s.holding(s.as(member), world, "write", club)
			before := v.Must(request{Op: "count"})
			dir := filepath.Dir(v.Entry)
			for _, file := range []string{".creating", ".burial"} {
				path := filepath.Join(dir, file)
				removeAll(t, path)
				must(t, plant(path))
				a := s.as(fellow)
				if file == ".creating" {
					got := a.Do(request{Op: "create", Name: `Global\New`})
					if got.Code != namedshm.ErrFileCorrupt && got.Code != namedshm.ErrAccessDenied ||
						!strings.Contains(got.Error, path) {
						t.Errorf("what stands in the place of %s: %+v", path, got)
					}
				}
				v.unharmed(a, before)
				a.Do(request{Op: "bury", Space: namedshm.Global})
			}
			v.Kill()
			got := s.as(fellow).Do(request{Op: "open", Name: world})
			if got.Code != namedshm.ErrFileCorrupt && got.Code != namedshm.ErrFileNotFound {
				t.Errorf("burying where the lock file is no lock file: %+v", got)
			}
			for _, file := range []string{".creating", ".burial"} {
				removeAll(t, filepath.Join(dir, file))
			}
			s.as(nil).Must(request{Op: "setup", Group: club})
			a := s.as(fellow)
			a.Must(request{Op: "create", Name: world})
			a.Leave()
			s.nothingLeft(s.as(nil))
		})
	}
}
