package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
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

// eachTrip, after the number of round trips, asks for each of them to be measured.
const eachTrip = " each"

// sideVariable makes this program one of the two: "<side> <core> <core> <name> <spin> <token>".
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
	token string // what passes between the processes, an auto-reset event if nothing else; see tokens
}

// bare is a program in Go that does what testdata/futex.c does, with the same system calls and no library: the floor of
// whatever sleeps in Go.
const bare = "bare"

// String is the name of a player.
func (g gait) String() string {
	if g.spin == bare {
		return "bare futexes in Go"
	}
	return strings.TrimSuffix(fmt.Sprintf("namedshm, spin %s, GOMAXPROCS %d, %s", g.spin, g.procs, g.token), ", ")
}

func (e eventPair) side(side string) (*exec.Cmd, error) {
	self, err := os.Executable()
	cmd := exec.Command(self)
	job := fmt.Sprintf("%s %d %d %s %s %s", side, e.cores[0], e.cores[1], e.name, e.spin, cmp.Or(e.gait.token, ofEvent))
	cmd.Env = append(os.Environ(), fmt.Sprintf("GOMAXPROCS=%d", e.procs), sideVariable+"="+job)
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
	must(fmt.Sscan(job, &side, &e.cores[0], &e.cores[1], &e.name, &e.spin, &e.gait.token))
	e.procs = runtime.GOMAXPROCS(0) // the other side's too
	var there, back token
	if e.spin == bare {
		there, back = e.futexes()
	} else {
		there, back = e.tokens(side)
	}
	if side == "ping" {
		e.ping(there, back)
	} else {
		e.pong(there, back)
	}
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
		count, each := strings.CutSuffix(lines.Text(), eachTrip)
		stretches := must(strconv.Atoi(count)) / stretch
		warm := stretches + 1
		must(fmt.Fprintln(control, warm+stretches*stretch))
		trips(warm)
		took := make([]time.Duration, stretches)
		atOnce := stretch
		if each {
			took, atOnce = make([]time.Duration, stretches*stretch), 1
		}
		start := time.Now()
		last := start
		for i := range took {
			trips(atOnce)
			now := time.Now()
			took[i], last = now.Sub(last), now
		}
		if slices.Sort(took); each {
			fmt.Println(took[len(took)/2].Nanoseconds(), took[len(took)*99/100].Nanoseconds())
		} else {
			fmt.Println(last.Sub(start).Nanoseconds(), took[len(took)/2].Nanoseconds())
		}
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

// pinThread keeps this thread on one core, until the function that is returned is called.
func pinThread(core int) (release func()) {
	var before, set unix.CPUSet
	check(unix.SchedGetaffinity(0, &before))
	set.Set(core)
	check(unix.SchedSetaffinity(0, &set))
	return func() { check(unix.SchedSetaffinity(0, &before)) }
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
