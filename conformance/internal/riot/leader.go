//go:build linux

package riot

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/conformance/internal/actors"
	"github.com/namedshm/namedshm/conformance/internal/journal"
)

// Plan is what a riot is to be.
type Plan struct {
	World     *actors.World
	Space     namedshm.Namespace
	Kinds     []Kind // for each name what it is mostly used for
	Processes int
	Duration  time.Duration
	Seed      uint64
	Journal   string // the file to write; it must not be there yet
	// Sleeper has one process stand still, at a place chosen by chance, until all others are seen to go on without it.
	Sleeper bool
	// Stops are the system calls at which processes are stopped, "" for any; without it, all at which the order of the
	// protocol's steps matters.
	Stops []string
	// Environment is what the processes' environment has besides.
	Environment []string
}

// leader is the one that starts processes, kills them and stops them. It is one goroutine, because a tracer is.
type leader struct {
	*Plan
	host    actors.Host
	names   []string
	random  *rand.Rand
	journal *journal.Journal
	started uint32
	members []*member
	sleeper *member // nil without one
}

// member is one process of a riot.
type member struct {
	*actors.Process
	process uint32
	alive   string         // the file that it has locked
	tracer  *actors.Tracer // unless nil, it stands at a system call
	halted  bool           // by a signal
	until   time.Time      // when it is to go on
}

func (m *member) still() bool { return m.tracer != nil || m.halted }

// Run has the riot, and returns its history. What is no matter of the history, such as a process that gave up, fails
// the host.
func (p *Plan) Run(host actors.Host) *History {
	host.Helper()
	if p.Stops == nil {
		p.Stops = allStops
	}
	j, err := journal.Open(p.Journal)
	if err != nil {
		host.Fatal(err)
	}
	defer j.Close()
	l := &leader{Plan: p, host: host, journal: j, random: rand.New(rand.NewPCG(p.Seed, 0)),
		members: make([]*member, p.Processes)}
	l.names = p.names(len(p.Kinds))
	for i := range l.members {
		l.join(i)
	}
	for end := time.Now().Add(p.Duration); time.Now().Before(end); {
		if p.Sleeper && l.sleeper == nil {
			l.sleeper = l.members[0]
			l.trace(l.sleeper)
		}
		l.act()
	}
	for _, m := range l.members {
		if m != l.sleeper {
			l.resume(m)
		}
	}
	if l.sleeper != nil {
		l.othersGoOn()
		l.resume(l.sleeper)
	}
	l.killAll()
	records, err := journal.Read(p.Journal, decodeRecord)
	if err != nil {
		host.Fatal(err)
	}
	return newHistory(l.names, records)
}

// names are names that belong to the plan.
func (p *Plan) names(count int) []string {
	var names []string
	for i := range count {
		names = append(names, fmt.Sprintf("%sriot%x-%d", p.Space, uint32(p.Seed), i))
	}
	return names
}

// act does one thing to one of the processes, chosen by chance.
func (l *leader) act() {
	l.host.Helper()
	l.rest()
	i := l.random.IntN(len(l.members))
	switch choice := l.random.IntN(100); {
	case choice < 2: // the last holder is among them
		l.killAll()
		l.sleeper = nil
		for i := range l.members {
			l.join(i)
		}
	case l.members[i] == l.sleeper:
	case choice < 35:
		l.kill(l.members[i])
		l.join(i)
	case choice < 60:
		l.halt(l.members[i])
	default:
		l.trace(l.members[i])
	}
}

// rest lets some time pass, and those go on whose time has come.
func (l *leader) rest() {
	l.host.Helper()
	time.Sleep(time.Duration(l.random.IntN(10)) * time.Millisecond) // to act at random moments
	for _, m := range l.members {
		if m.still() && m != l.sleeper && time.Now().After(m.until) {
			l.resume(m)
		}
	}
}

// join starts a new process in place i.
func (l *leader) join(i int) {
	l.host.Helper()
	l.started++
	m := &member{process: l.started, alive: filepath.Join(l.World.Root, fmt.Sprintf("alive-%d", l.started))}
	m.Process = l.World.Start(l.host, nil, l.Environment...)
	l.members[i] = m
	m.Ask(order{Names: l.names, Kinds: l.Kinds, Journal: l.Journal, Alive: m.alive, Process: l.started,
		Seed: l.random.Uint64()})
}

// pause is how long a process is to stand still: mostly a little, at times longer than the library tries. That is more
// often where the process may be removing an entry, which is the one thing that others have to wait for.
func (l *leader) pause(call string) time.Time {
	longest := 30 * time.Millisecond
	switch choice := l.random.IntN(20); {
	case choice == 0 || call == "unlinkat" && choice < 7:
		return time.Now().Add(1300 * time.Millisecond)
	case choice < 5:
		longest = 200 * time.Millisecond
	}
	return time.Now().Add(time.Duration(l.random.Int64N(int64(longest))))
}

// mayStop reports that another process may be stopped: some must go on.
func (l *leader) mayStop(m *member) bool {
	still := 0
	for _, other := range l.members {
		if other.still() {
			still++
		}
	}
	return !m.still() && still < len(l.members)/2
}

// halt stops a process by a signal, at any moment.
func (l *leader) halt(m *member) {
	l.host.Helper()
	if !l.mayStop(m) {
		return
	}
	m.Stop()
	m.halted, m.until = true, l.pause("")
	l.look(m, stopped)
}

// allStops are where a tracer stops without a plan: anywhere, or where the order of the protocol's steps matters.
var allStops = []string{"", "", "fcntl", "pwrite64", "linkat", "unlinkat"}

// trace stops a process where a system call begins or ends. Between two of them it may be stopped for a microsecond's
// work only, and a signal hardly ever finds it there.
func (l *leader) trace(m *member) {
	l.host.Helper()
	if !l.mayStop(m) {
		return
	}
	m.tracer = actors.Trace(l.host, m.Process)
	m.tracer.WhileAsleep = func() bool {
		l.goesOn(m)
		return false
	}
	call := l.Stops[l.random.IntN(len(l.Stops))]
	if m == l.sleeper && l.random.IntN(2) == 0 {
		call = "unlinkat" // for others, the worst of all places
	}
	if call == "" {
		m.tracer.StopAt(call, 1+l.random.IntN(40), 40)
	} else {
		m.tracer.StopAt(call, 1+l.random.IntN(2), 200)
	}
	m.until = l.pause(call)
	l.look(m, stopped)
	if m != l.sleeper && l.random.IntN(4) == 0 {
		i := slices.Index(l.members, m)
		l.kill(m)
		l.join(i)
	}
}

// othersGoOn waits until every process but the sleeper has finished an operation that it finished from now on: who
// waits for the sleeper never does.
func (l *leader) othersGoOn() {
	l.host.Helper()
	from := journal.Now()
	left := map[uint32]bool{}
	for _, m := range l.members {
		if m != l.sleeper {
			left[m.process] = true
		}
	}
	for late := time.Now().Add(actors.Prompt); len(left) > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(late) {
			l.host.Fatalf("process %d stands still, and others wait for it: %v", l.sleeper.process, left)
		}
		records, err := journal.Read(l.Journal, decodeRecord)
		if err != nil {
			l.host.Fatal(err)
		}
		for _, r := range slices.Backward(records) {
			if r.time < from {
				break
			}
			if r.what == returned {
				delete(left, r.process)
			}
		}
	}
}

// resume lets a process go on.
func (l *leader) resume(m *member) {
	l.host.Helper()
	if !m.still() {
		return
	}
	l.look(m, resuming)
	if m.tracer != nil {
		m.tracer.LetGo()
	}
	if m.halted {
		m.Resume()
	}
	m.tracer, m.halted = nil, false
}

// kill kills a process, and waits until it is dead, with what it has forked.
func (l *leader) kill(m *member) {
	l.host.Helper()
	l.condemn(m)
	if m.tracer != nil {
		m.tracer.Kill()
	}
	l.reap(m)
}

// goesOn fails the host if a process has given up.
func (l *leader) goesOn(m *member) {
	l.host.Helper()
	var a answer
	if m.Answered(&a) {
		l.host.Fatalf("process %d gave up: %s", m.process, a.Error)
	}
}

// condemn writes down that a process is about to be killed.
func (l *leader) condemn(m *member) {
	l.host.Helper()
	l.goesOn(m)
	if m.still() {
		l.look(m, resuming)
	}
	l.journal.Append(record{what: killing, process: m.process, time: journal.Now()}.encode())
}

// reap waits until a process is dead, and the child too that it may have forked: that goes with it, but not before it.
func (l *leader) reap(m *member) {
	l.host.Helper()
	m.Kill()
	alive, err := unix.Open(m.alive, unix.O_RDWR|unix.O_CREAT|unix.O_CLOEXEC, 0o600)
	if err != nil {
		l.host.Fatal(err)
	}
	for late := time.Now().Add(actors.Prompt); ; time.Sleep(100 * time.Microsecond) {
		if err = unix.Flock(alive, unix.LOCK_EX|unix.LOCK_NB); err == nil || time.Now().After(late) {
			break
		}
	}
	unix.Close(alive)
	os.Remove(m.alive)
	if err != nil {
		l.host.Fatalf("process %d is dead, and what it has forked is not: %v", m.process, err)
	}
	l.journal.Append(record{what: reaped, process: m.process, time: journal.Now()}.encode())
}

// killAll kills all processes at once.
func (l *leader) killAll() {
	l.host.Helper()
	for _, m := range l.members {
		l.condemn(m)
		if m.tracer == nil {
			m.Signal(syscall.SIGKILL)
		}
	}
	for _, m := range l.members {
		if m.tracer != nil {
			m.tracer.Kill()
		}
		l.reap(m)
	}
}

// look writes down that a process stands still, or is about to move again, and on the way to which names it was then
// seen to be in the way.
func (l *leader) look(m *member, when what) {
	l.host.Helper()
	now := journal.Now()
	for i, name := range l.names {
		r := record{what: blocked, process: m.process, names: [most]uint8{uint8(i)}, count: 1, time: now}
		if when == resuming {
			r.result = 1
		}
		if l.beingRemoved(name) {
			time.Sleep(2 * time.Millisecond) // who removes it without standing still is through by then
			if l.beingRemoved(name) {
				l.journal.Append(r.encode())
			}
		}
	}
	l.journal.Append(record{what: when, process: m.process, time: now}.encode())
}

// beingRemoved reports that somebody holds the entry of a name locked against everybody: more than one byte of it, or,
// of the file that stands for burials in a Global directory, the byte that the name hashes to.
func (l *leader) beingRemoved(name string) bool {
	l.host.Helper()
	base := name[strings.LastIndexByte(name, '\\')+1:]
	directories, err := os.ReadDir(l.World.Root)
	if err != nil {
		l.host.Fatal(err)
	}
	hash := fnv.New64a()
	hash.Write([]byte(base))
	for _, d := range directories {
		dir := filepath.Join(l.World.Root, d.Name())
		if lock := lockOn(filepath.Join(dir, base), 0, 0); lock.Type == unix.F_WRLCK && lock.Len != 1 {
			return true
		}
		if lock := lockOn(filepath.Join(dir, ".burial"), int64(hash.Sum64()>>2), 1); lock.Type != unix.F_UNLCK {
			return true
		}
	}
	return false
}

// lockOn is a lock that somebody has on a file's bytes, or none.
func lockOn(path string, start, length int64) unix.Flock_t {
	none := unix.Flock_t{Type: unix.F_UNLCK}
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return none
	}
	defer unix.Close(fd)
	lock := unix.Flock_t{Type: unix.F_WRLCK, Start: start, Len: length}
	if unix.FcntlFlock(uintptr(fd), unix.F_OFD_GETLK, &lock) != nil {
		return none
	}
	return lock
}
