package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"github.com/namedshm/namedshm"
	"golang.org/x/sys/unix"
)

// This library's side of what testdata/pingpong.h describes: two processes and two auto-reset events. And Go's own: the
// same two processes, and what they would have without a library.

// stretch is how many round trips are measured at once.
const stretch = 20

// sideVariable makes this program one of the two: "<side> <core> <core> <name> <spin>".
const sideVariable = "NAMEDSHM_BENCH_SIDE"

// eventPair is two processes of this library.
type eventPair struct {
	name  string
	cores [2]int
	gait
}

// gait is how such a process waits.
type gait struct {
	spin string // for how long it looks before it sleeps, "default" or a duration; bare for one that is not this library
	// procs is GOMAXPROCS. A program that nobody pins has as many as the machine has cores; the pinning, which only the
	// measurement needs, would have the runtime make it 1.
	procs int
}

// bare is a program in Go that does what testdata/futex.c does, with the same system calls and no library: the floor of
// whatever sleeps in Go.
const bare = "bare"

// String is the name of a player.
func (g gait) String() string {
	if g.spin == bare {
		return "bare futexes in Go"
	}
	return fmt.Sprintf("namedshm, spin %s, GOMAXPROCS %d", g.spin, g.procs)
}

func (e eventPair) side(side string) (*exec.Cmd, error) {
	self, err := os.Executable()
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), fmt.Sprintf("GOMAXPROCS=%d", e.procs), fmt.Sprintf("%s=%s %d %d %s %s", sideVariable, side, e.cores[0], e.cores[1], e.name, e.spin))
	return cmd, err
}

func (e eventPair) start() (*player, error) {
	cmd, err := e.side("ping")
	if err != nil {
		return nil, err
	}
	return newPlayer(e.gait.String(), cmd)
}

// playSide is what the two processes do.
func playSide(job string) {
	var e eventPair
	var side string
	must(fmt.Sscan(job, &side, &e.cores[0], &e.cores[1], &e.name, &e.spin))
	e.procs = runtime.GOMAXPROCS(0) // the other side's too
	var there, back token
	if e.spin == bare {
		there, back = e.futexes()
	} else {
		there, back = e.events()
	}
	if side == "ping" {
		e.ping(there, back)
	} else {
		e.pong(there, back)
	}
}

// token is one direction.
type token struct{ send, await func() }

func (e eventPair) events() (there, back token) {
	if e.spin != "default" {
		namedshm.SetWaitSpin(must(time.ParseDuration(e.spin)))
	}
	ctx := context.Background()
	event := func(name string) token {
		event, _, err := namedshm.OpenOrCreateEvent(name, namedshm.AutoReset, false)
		check(err)
		return token{func() { check(event.Set()) }, func() { check(event.Wait(ctx)) }}
	}
	return event(e.name + "-there"), event(e.name + "-back")
}

func (e eventPair) futexes() (there, back token) {
	section, _, err := namedshm.OpenOrCreate(e.name+"-futexes", size, namedshm.ReadWrite)
	check(err)
	view := must(section.Map(0, 0, namedshm.ReadWrite))
	futex := func(offset int64) token {
		flag := must(namedshm.At[atomic.Uint32](view, offset))
		call := func(operation, value uintptr) {
			unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(flag)), operation, value, 0, 0, 0)
		}
		return token{
			func() { flag.Store(1); call(futexWake, 1) },
			func() {
				for flag.Swap(0) == 0 {
					call(futexWait, 0)
				}
			},
		}
	}
	return futex(0), futex(64)
}

const (
	futexWait = 0
	futexWake = 1
)

func (e eventPair) ping(there, back token) {
	runtime.LockOSThread() // for the child's life, see below
	cmd := must(e.side("pong"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // a wait would not notice that this side is gone
	cmd.Stderr = os.Stderr
	control := must(cmd.StdinPipe())
	check(cmd.Start())
	runtime.UnlockOSThread()
	pinTo(e.cores[0])
	trips := func(n int) {
		for range n {
			there.send()
			back.await()
		}
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		stretches := must(strconv.Atoi(lines.Text())) / stretch
		warm := stretches + 1
		must(fmt.Fprintln(control, warm+stretches*stretch))
		trips(warm)
		took := make([]time.Duration, stretches)
		start := time.Now()
		last := start
		for i := range took {
			trips(stretch)
			now := time.Now()
			took[i], last = now.Sub(last), now
		}
		fmt.Println(last.Sub(start).Nanoseconds(), median(took).Nanoseconds())
	}
	check(errors.Join(control.Close(), cmd.Wait()))
}

func (e eventPair) pong(there, back token) {
	pinTo(e.cores[1])
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		for range must(strconv.Atoi(lines.Text())) {
			there.await()
			back.send()
		}
	}
}

// pinTo keeps all threads of this process on one core, and those that they will make. A process that were pinned from
// its start would believe that the machine has one core only, and not spin.
func pinTo(core int) {
	var set unix.CPUSet
	set.Set(core)
	pinned := map[string]bool{}
	for again := true; again; {
		again = false
		for _, task := range must(os.ReadDir("/proc/self/task")) {
			if pinned[task.Name()] {
				continue
			}
			err := unix.SchedSetaffinity(must(strconv.Atoi(task.Name())), &set)
			if err != unix.ESRCH {
				check(err)
			}
			pinned[task.Name()], again = true, true
		}
	}
}
