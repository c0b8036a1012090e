//go:build linux

package limits

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/internal/depth"
)

// raised lets an actor have as many descriptors as it may, and says how many these are.
func (a *actor) raised() int64 {
	a.T.Helper()
	var limit unix.Rlimit
	must(a.T, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	a.Must(request{Op: "limit", Number: unix.RLIMIT_NOFILE, Size: int64(limit.Max)})
	return int64(limit.Max)
}

// TestManyObjects: very many objects at once, and all gone when their holders are killed.
func TestManyObjects(t *testing.T) {
	objects := depth.Of[int64](8_000, 100_000)
	s := newSetting(t)
	other := s.start()
	var holders []*actor
	var took time.Duration
	for made := int64(0); made < objects; {
		a := s.start()
		n := min(objects-made, a.raised()/2-50)
		took += a.Must(request{Op: "many", Name: local, Offset: made, Number: n}).Own.Took
		holders, made = append(holders, a), made+n
	}
	opened := other.Must(request{Op: "some", Name: local, Number: objects})
	names := other.Must(request{Op: "names", Space: namedshm.Local})
	list := other.Must(request{Op: "list", Space: namedshm.Local})
	if names.Number != objects || list.Number != objects {
		t.Errorf("%d names, %d objects in the list, want %d", names.Number, list.Number, objects)
	}
	t.Logf("%d objects of %d processes: made in %v, 200 of them opened and closed in %v, names in %v, list in %v", objects,
		len(holders), took, opened.Own.Took, names.Own.Took, list.Own.Took)
	for _, a := range holders {
		a.Kill()
	}
	other.Refused(request{Op: "open", Name: local + "7"}, namedshm.ErrFileNotFound)
	if left := other.Must(request{Op: "names", Space: namedshm.Local}).Number; left != 0 {
		t.Errorf("%d names are left", left)
	}
	buried := other.Must(request{Op: "bury", Space: namedshm.Local})
	if buried.Number != objects-1 { // one was buried by the open
		t.Errorf("%d were buried", buried.Number)
	}
	t.Logf("buried in %v", buried.Own.Took)
	s.nothingLeft()
}

// TestManyGlobalObjects: as many Global objects as the kernel has segments for, and one more.
func TestManyGlobalObjects(t *testing.T) {
	const objects = 8000
	s := newSetting(t)
	a := s.within(unix.CLONE_NEWIPC, fmt.Sprintf("echo %d > /proc/sys/kernel/shmmni", objects))
	a.raised()
	made := a.Must(request{Op: "many", Name: world, Number: objects})
	t.Logf("%d Global objects: made in %v", objects, made.Own.Took)
	a.Refused(request{Op: "create", Name: world}, namedshm.ErrNoSystemResources, "kernel.shmmni is 8000")
	a.Must(request{Op: "close", Handle: 1})
	a.Must(request{Op: "create", Name: world})
	if names := a.Must(request{Op: "names", Space: namedshm.Global}); names.Number != objects {
		t.Errorf("%d names, want %d", names.Number, objects)
	}
}

// TestManyHandles: ten thousand handles on one object, and the name goes with the last.
func TestManyHandles(t *testing.T) {
	const processes = 2
	handles := depth.Of[int64](1_000, 10_000)
	for _, name := range []string{local, world} {
		t.Run(name[:5], func(t *testing.T) {
			s := newSetting(t)
			first, other := s.start(), s.start()
			first.Must(request{Op: "create", Name: name})
			var holders []*actor
			var opened, closed time.Duration
			for range processes {
				a := s.start()
				a.raised()
				opened += a.Must(request{Op: "handles", Name: name, Number: handles / processes}).Own.Took
				holders = append(holders, a)
			}
			first.Must(request{Op: "drop"})
			if got := other.Must(request{Op: "stat", Name: name}); got.Number != handles {
				t.Errorf("%d handles are counted", got.Number)
			}
			late := other.Must(request{Op: "open", Name: name})
			for _, a := range holders {
				closed += a.Must(request{Op: "drop"}).Own.Took
			}
			t.Logf("%d handles: opened in %v, one more in %v, all closed in %v", handles, opened, late.Own.Took, closed)
			first.Must(request{Op: "open", Name: name})
			first.Must(request{Op: "drop"})
			other.Must(request{Op: "drop"})
			first.Refused(request{Op: "open", Name: name}, namedshm.ErrFileNotFound)
			s.nothingLeft()
		})
	}
}

// TestManyProcesses: a thousand processes hold one object, half of them are killed at once, and then the rest.
func TestManyProcesses(t *testing.T) {
	const together = 4
	processes := depth.Of[int64](100, 1000)
	s := newSetting(t)
	maker := s.start("GOMAXPROCS=1")
	maker.Must(request{Op: "create", Name: local})
	m := maker.Must(request{Op: "map", Handle: 1}).Handle
	maker.Must(request{Op: "write", Handle: m, Text: "for all"})
	all := make([]*actor, processes)
	var wait sync.WaitGroup
	for w := range together {
		wait.Go(func() {
			for i := int64(w); i < processes; i += together {
				all[i] = s.start("GOMAXPROCS=1", "GOGC=off")
				all[i].Must(request{Op: "open", Name: local, Access: read})
			}
		})
	}
	wait.Wait()
	last := all[processes-1]
	if got := last.Must(request{Op: "stat", Name: local}).Number; got != processes+1 {
		t.Errorf("%d handles are counted", got)
	}
	end := func(some []*actor) {
		for _, a := range some {
			a.Signal(unix.SIGKILL)
		}
		for _, a := range some {
			a.Kill()
		}
	}
	maker.Kill()
	end(all[:processes/2])
	m = last.Must(request{Op: "map", Handle: 1, Access: read}).Handle
	if got := last.Must(request{Op: "read", Handle: m, Number: 7}).Text; got != "for all" {
		t.Errorf("the memory reads %q", got)
	}
	last.Must(request{Op: "open", Name: local})
	last.Refused(request{Op: "create", Name: local}, namedshm.ErrAlreadyExists)
	end(all[processes/2:])
	s.start().Refused(request{Op: "open", Name: local}, namedshm.ErrFileNotFound)
	s.nothingLeft()
}

// TestSparse: a section of 64 GiB, larger than the machine, of which a few pages are used. Without NoCommit it is
// refused, and the error says how much there is.
func TestSparse(t *testing.T) {
	const size, granule = 64 << 30, 65536
	var info unix.Sysinfo_t
	must(t, unix.Sysinfo(&info))
	total := (uint64(info.Totalram) + uint64(info.Totalswap)) * uint64(info.Unit)
	for _, name := range []string{local, world} {
		t.Run(name[:5], func(t *testing.T) {
			s := newSetting(t)
			a, b := s.start(), s.start()
			if total < size {
				a.Refused(request{Op: "create", Name: name, Size: size}, namedshm.ErrCommitmentLimit, fmt.Sprint(total), "NoCommit")
			}
			a.Refused(request{Op: "create", Name: name, Size: size * 64, Now: true}, namedshm.ErrCommitmentLimit, "available")
			h := a.Must(request{Op: "create", Name: name, Size: size, Sparse: true}).Handle
			o := b.Must(request{Op: "open", Name: name}).Handle
			whole := a.Must(request{Op: "map", Handle: h}).Handle
			for _, at := range []int64{0, 1 << 31, 1<<32 - granule, 1 << 32, size / 2, size - granule} {
				a.Must(request{Op: "write", Handle: whole, Offset: at, Text: fmt.Sprintf("at %11d", at)})
				part := b.Must(request{Op: "map", Handle: o, Offset: at, Length: granule}).Handle
				if got := b.Must(request{Op: "read", Handle: part, Number: 14}).Text; got != fmt.Sprintf("at %11d", at) {
					t.Errorf("at %d the other reads %q", at, got)
				}
				b.Must(request{Op: "unmap", Handle: part})
			}
			if resident := b.Must(request{Op: "stat", Name: name}).Text; resident != fmt.Sprint(6*4096) {
				t.Errorf("%s bytes are resident", resident)
			}
			a.Kill()
			b.Kill()
			s.nothingLeft()
		})
	}
}
