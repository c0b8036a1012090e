//go:build linux

package lifetime

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/actors"
)

// fork makes a child as a C program would, without exec: it has all that this process has, and lives until it is
// killed. Number is flags for the kernel: with CLONE_VFORK the calling thread sleeps until that.
func (s *stage) fork(r request) (reply, error) {
	pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD)|uintptr(r.Number), 0, 0, 0, 0, 0)
	if errno != 0 {
		return reply{}, errno
	}
	if pid == 0 {
		for {
			unix.RawSyscall6(unix.SYS_PPOLL, 0, 0, 0, 0, 0, 0)
		}
	}
	return reply{Number: int64(pid)}, nil
}

// seize traces every thread of a process, from one thread that lasts as long as this one does.
func seize(pid int) error {
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	for _, task := range tasks {
		tid, atoiErr := strconv.Atoi(task.Name())
		if atoiErr == nil {
			err = unix.PtraceSeize(tid)
		}
		if err != nil {
			return err
		}
	}
	return err
}

// becomesZombie waits until a process has ended that nobody reaps.
func becomesZombie(t *testing.T, pid int) {
	t.Helper()
	soon(t, fmt.Sprintf("process %d is a zombie", pid), func() bool {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		return err == nil && bytes.Contains(b, []byte(") Z "))
	})
}

func soon(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(actors.Prompt); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it does not come about that %s", what)
		}
	}
}

// gone reports whether nobody has a name, and keeps nothing.
func gone(by *actor, name string) bool {
	by.T.Helper()
	r := by.Do(request{Op: "open", Name: name})
	if r.Handle != 0 {
		by.Must(request{Op: "close", Handle: r.Handle})
	}
	return r.Code == namedshm.ErrFileNotFound
}

// childOf waits for the one child that the commands' thread of an actor makes.
func childOf(t *testing.T, a *actor) (pid int) {
	t.Helper()
	soon(t, fmt.Sprintf("actor %d has a child", a.PID), func() bool {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", a.PID, a.Thread))
		pid, _ = strconv.Atoi(string(bytes.TrimSpace(b)))
		return pid != 0
	})
	return pid
}

// die has the process ended by kill -9, and not reaped. When the test is over it is.
func die(t *testing.T, a *actor) {
	t.Helper()
	a.Signal(syscall.SIGKILL)
	becomesZombie(t, a.PID)
}

// deaths are ways in which a process that is on record as the holder can be a zombie, while its object lives. Each
// answers who is to be killed for the object to go too; 0 for the holder itself.
var deaths = map[string]func(t *testing.T, w *world, holder *actor) (heir int){
	"its first thread has ended": func(t *testing.T, _ *world, holder *actor) int {
		holder.Must(request{Op: "leave first thread"})
		becomesZombie(t, holder.PID)
		return 0
	},
	"it ended unreaped, and its forked child lives": func(t *testing.T, _ *world, holder *actor) int {
		child := int(holder.Must(request{Op: "fork"}).Number)
		die(t, holder)
		return child
	},
	"it ended while it waited for a child of vfork": func(t *testing.T, _ *world, holder *actor) int {
		holder.Ask(request{Op: "fork", Number: unix.CLONE_VFORK})
		child := childOf(t, holder)
		die(t, holder)
		return child
	},
	"its first thread has ended, and then it died, and its forked child lives": func(t *testing.T, _ *world,
		holder *actor) int {
		holder.Must(request{Op: "leave first thread"})
		child := int(holder.Must(request{Op: "fork"}).Number)
		die(t, holder)
		return child
	},
	"it is traced, ended, and its forked child lives": func(t *testing.T, w *world, holder *actor) int {
		child := int(holder.Must(request{Op: "fork"}).Number)
		tracer := w.start(t) // and so ended before the holder, who cannot be reaped before that
		tracer.Must(request{Op: "trace", Number: int64(holder.PID)})
		die(t, holder)
		t.Cleanup(tracer.Kill)
		return child
	},
}

// TestZombieHolder: an object lives whose recorded holder is a zombie, as a process is whose first thread has ended,
// and as one is that nobody reaps: it is opened at once; and it goes with those who really have it.
func TestZombieHolder(t *testing.T) {
	inBothNamespaces(t, func(t *testing.T, w *world, name string) {
		for how, dies := range deaths {
			t.Run(how, func(t *testing.T) {
				if onFileBacking() && how != "its first thread has ended" {
					t.Skip("the locks of the file backing are the process's")
				}
				name := name + strconv.Itoa(len(how))
				other := w.start(t)
				holder := w.start(t)
				h := holder.Must(request{Op: "create", Name: name}).Handle
				stamp := holder.Must(request{Op: "stamp", Handle: h, Number: newStamp()}).Number
				heir := dies(t, w, holder)
				if heir != 0 {
					t.Cleanup(func() { syscall.Kill(heir, syscall.SIGKILL) })
				}
				opened := other.Must(request{Op: "open", Name: name})
				again := other.Must(request{Op: "openorcreate", Name: name})
				if again.Created {
					t.Error("OpenOrCreate made a second section")
				}
				for _, handle := range []int{opened.Handle, again.Handle} {
					if got := other.Must(request{Op: "stamp", Handle: handle, Number: newStamp()}).Number; got != stamp {
						t.Error("another section was opened")
					}
					other.Must(request{Op: "close", Handle: handle})
				}
				other.Refused(request{Op: "create", Name: name}, namedshm.ErrAlreadyExists)
				if heir == 0 {
					holder.Must(request{Op: "close", Handle: h})
				} else if err := syscall.Kill(heir, syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
				soon(t, "the name is gone", func() bool { return gone(other, name) })
			})
		}
		w.nothingLeft(w.start(t))
	})
}

// TestTracedZombie: what a traced process had is gone when it has ended, though it and all of its threads stay as
// zombies until the tracer looks.
func TestTracedZombie(t *testing.T) {
	inBothNamespaces(t, func(t *testing.T, w *world, name string) {
		other, holder := w.start(t), w.start(t)
		tracer := w.start(t)
		holder.Must(request{Op: "create", Name: name})
		tracer.Must(request{Op: "trace", Number: int64(holder.PID)})
		die(t, holder)
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", holder.PID))
		t.Logf("%d threads of it are left", len(tasks))
		soon(t, "the name is gone", func() bool { return gone(other, name) })
		tracer.Kill()
		w.nothingLeft(other)
	})
}

// TestZombieIsListed: a holder whose first thread has ended is among the holders, with its handle and its views.
func TestZombieIsListed(t *testing.T) {
	inBothNamespaces(t, func(t *testing.T, w *world, name string) {
		holder, other := w.start(t), w.start(t)
		h := holder.Must(request{Op: "create", Name: name}).Handle
		holder.Must(request{Op: "map", Handle: h})
		before := other.Must(request{Op: "stat", Name: name})
		holder.Must(request{Op: "leave first thread"})
		becomesZombie(t, holder.PID)
		if after := other.Must(request{Op: "stat", Name: name}); after.String() != before.String() {
			t.Errorf("with its first thread it was %v, without %v", before, after)
		}
		h = holder.Must(request{Op: "open", Name: name}).Handle // from the inside
		holder.Must(request{Op: "stamp", Handle: h, Number: newStamp()})
	})
}
