package kernel

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/namedshm/namedshm/internal/fault"
	"golang.org/x/sys/windows"
)

// onFirst is a thread that was started on the program's first one, where package initialization runs.
var onFirst = func() *thread {
	t := &thread{work: make(chan func()), done: make(chan struct{})}
	begun := make(chan error, 1)
	t.run(begun)
	if <-begun != nil {
		return nil
	}
	return t
}()

// TestTheFirstThreadOwnsNothing: it does not end before the program does.
func TestTheFirstThreadOwnsNothing(t *testing.T) {
	if onFirst == nil {
		t.Fatal("no thread was begun")
	}
	onFirst.do(func() {
		if windows.GetCurrentThreadId() == firstThread {
			t.Error("mutexes could belong to the first thread")
		}
	})
}

// systemCount is what the system thinks of a mutex: 1 is free, 0 is locked once.
func systemCount(t *testing.T, w *Waitable) int {
	t.Helper()
	info, err := queryMutex(w.native.handle)
	must(t, err)
	return int(info.count)
}

// sleeps starts a wait, and returns when it has been registered: from then on it misses nothing.
func sleeps(t *testing.T, all bool, objects ...*Waitable) chan Outcome {
	t.Helper()
	ended := make(chan Outcome, 1)
	ctx := soon(t)
	before := map[*Waitable]int{}
	for _, w := range objects {
		before[w] = registered(w)
	}
	go func() {
		outcome, err := Wait(ctx, objects, all)
		if err != nil {
			t.Errorf("the wait ended with %v", err)
		}
		ended <- outcome
	}()
	for _, w := range objects {
		until(t, w, func() bool { return w.Kind() != KindMutex || len(w.native.waits) > before[w] })
	}
	return ended
}

func registered(w *Waitable) int {
	w.native.mu.Lock()
	defer w.native.mu.Unlock()
	return len(w.native.waits)
}

// wantWaiting requires that a wait has not ended. It may be wrong for a moment, never for long: its callers wait for
// something else besides.
func wantWaiting(t *testing.T, ended chan Outcome) {
	t.Helper()
	select {
	case outcome := <-ended:
		t.Fatalf("the wait has ended: %+v", outcome)
	case <-time.After(5 * time.Millisecond):
	}
}

func TestTheHandleIsTheOwner(t *testing.T) {
	a := makeWaitable(t, name(t), WaitableSpec{Kind: KindMutex})
	b := openAgain(t, a)
	wantCode(t, "unlock a free mutex", a.Unlock(), fault.NotOwner)
	inOther := func(f func()) {
		ended := make(chan struct{})
		go func() {
			runtime.LockOSThread()
			defer close(ended)
			f()
		}()
		<-ended
	}
	for range 3 {
		inOther(func() { wantTry(t, a, true, false) })
	}
	if count := systemCount(t, a); count != 0 {
		t.Errorf("the system counts %d, want 0: owned", count)
	}
	wantTry(t, b, false, false)
	wantCode(t, "unlock by another handle", b.Unlock(), fault.NotOwner)
	for range 2 {
		inOther(func() { must(t, a.Unlock()) })
		wantTry(t, b, false, false)
	}
	ended := sleeps(t, false, b)
	inOther(func() { must(t, a.Unlock()) })
	if outcome := <-ended; outcome.Abandoned {
		t.Error("an unlocked mutex was taken as abandoned")
	}
	wantCode(t, "unlock once too often", a.Unlock(), fault.NotOwner)
	wantTry(t, a, false, false)
	must(t, b.Unlock())
	if count := systemCount(t, a); count != 1 {
		t.Errorf("the system counts %d, want 1: free", count)
	}
}

func TestCreatedOwned(t *testing.T) {
	spec := WaitableSpec{Kind: KindMutex, Owned: true}
	a := makeWaitable(t, name(t), spec)
	b, existed, err := CreateWaitable(context.Background(), a.Name(), spec, MayExist)
	if err != nil || !existed {
		t.Fatalf("existed %v, %v", existed, err)
	}
	defer b.Close()
	wantCode(t, "unlock by who found it", b.Unlock(), fault.NotOwner)
	wantTry(t, b, false, false)
	must(t, a.Unlock())
	wantTry(t, b, true, false)
	// An existing one is not acquired, though it is free.
	must(t, b.Unlock())
	c, _, err := CreateWaitable(context.Background(), a.Name(), spec, MayExist)
	must(t, err)
	defer c.Close()
	if count := systemCount(t, a); count != 1 {
		t.Errorf("the system counts %d, want 1: free", count)
	}
}

func TestLockLimit(t *testing.T) {
	a := makeWaitable(t, "", WaitableSpec{Kind: KindMutex, Owned: true})
	event := makeWaitable(t, "", WaitableSpec{Kind: KindEvent, Signaled: true})
	a.native.depth = maximumCount
	_, err := a.Lock(context.Background())
	wantCode(t, "lock", err, fault.MutantLimit)
	_, err = Wait(context.Background(), []*Waitable{event, a}, true)
	wantCode(t, "wait for all", err, fault.MutantLimit)
	wantTry(t, event, true, false) // it was not taken
	a.native.depth = 1
}

func TestCloseAbandons(t *testing.T) {
	a := makeWaitable(t, name(t), WaitableSpec{Kind: KindMutex, Owned: true})
	b, c := openAgain(t, a), openAgain(t, a)
	ended := sleeps(t, false, b)
	must(t, a.Close())
	if outcome := <-ended; !outcome.Abandoned {
		t.Error("who waited was not told")
	}
	must(t, b.Unlock())
	wantTry(t, c, true, false) // reported once
	must(t, c.Close())
	wantTry(t, b, true, true) // a later one learns it
	must(t, b.Unlock())
	wantTry(t, b, true, false)
	wantCode(t, "unlock after close", a.Unlock(), fault.InvalidHandle)
}

// TestTheNameGoesWithTheLastHandle, though a thread still owns the mutex.
func TestTheNameGoesWithTheLastHandle(t *testing.T) {
	a := makeWaitable(t, name(t), WaitableSpec{Kind: KindMutex, Owned: true})
	must(t, a.Close())
	_, err := OpenWaitable(context.Background(), a.Name(), KindMutex, Synchronize)
	wantCode(t, "open", err, fault.FileNotFound)
}

// TestLockThatOutlivesItsHandle: Close comes while Lock waits.
func TestLockThatOutlivesItsHandle(t *testing.T) {
	a := makeWaitable(t, name(t), WaitableSpec{Kind: KindMutex, Owned: true})
	b, c := openAgain(t, a), openAgain(t, a)
	ended := sleeps(t, false, b)
	must(t, b.Close())
	must(t, a.Unlock())
	<-ended
	wantTry(t, c, false, false)
	must(t, b.Unlock())
	wantTry(t, c, true, false)
	if err := windows.ReleaseMutex(b.native.handle); err != windows.ERROR_INVALID_HANDLE {
		t.Errorf("the handle is still open: %v", err)
	}
}

func TestAllOfSeveralMutexes(t *testing.T) {
	const count = 3
	var first, second [count]*Waitable
	for i := range count {
		first[i] = makeWaitable(t, name(t)+strconv.Itoa(i), WaitableSpec{Kind: KindMutex})
		second[i] = openAgain(t, first[i])
	}
	// Unlocked one by one, each is free at once.
	if _, err := Wait(done, first[:], true); err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{1, 2, 0} {
		wantTry(t, second[i], false, false)
		must(t, first[i].Unlock())
		wantTry(t, second[i], true, false)
	}
	// None is acquired before all can be.
	ended := sleeps(t, true, first[:]...)
	must(t, second[0].Unlock())
	must(t, second[1].Unlock())
	wantTry(t, second[1], true, false)
	must(t, second[2].Unlock())
	wantTry(t, second[0], true, false)
	must(t, second[0].Unlock())
	must(t, second[1].Unlock())
	<-ended
	for i := range count {
		wantTry(t, second[i], false, false)
	}
	// One that is closed stays locked until the others are given up, and then is abandoned.
	must(t, first[1].Close())
	wantTry(t, second[1], false, false)
	must(t, first[0].Unlock())
	wantTry(t, second[1], false, false)
	must(t, first[2].Close())
	wantTry(t, second[0], true, false)
	wantTry(t, second[1], true, true)
	wantTry(t, second[2], true, true)
}

func TestAllSaysWhichWasAbandoned(t *testing.T) {
	var objects [4]*Waitable
	objects[0] = makeWaitable(t, "", WaitableSpec{Kind: KindEvent, Manual: true, Signaled: true})
	for i := 1; i < len(objects); i++ {
		objects[i] = makeWaitable(t, name(t)+strconv.Itoa(i), WaitableSpec{Kind: KindMutex})
	}
	for abandoned := 1; abandoned < len(objects); abandoned++ {
		for _, before := range []bool{true, false} {
			owner := openAgain(t, objects[abandoned])
			wantTry(t, owner, true, false)
			if before {
				must(t, owner.Close())
			}
			ended := make(chan Outcome)
			ctx := soon(t)
			go func() {
				outcome, err := Wait(ctx, objects[:], true)
				if err != nil {
					t.Error(err)
				}
				ended <- outcome
			}()
			if !before {
				until(t, objects[1], func() bool { return len(objects[1].native.waits) > 0 })
				must(t, owner.Close())
			}
			if outcome := <-ended; outcome != (Outcome{Index: abandoned, Abandoned: true}) {
				t.Errorf("mutex %d was abandoned before the wait (%v): %+v", abandoned, before, outcome)
			}
			for _, w := range objects[1:] {
				must(t, w.Unlock())
			}
		}
	}
}

func TestOwnedMutexAmongOthers(t *testing.T) {
	a := makeWaitable(t, name(t), WaitableSpec{Kind: KindMutex, Owned: true})
	b := openAgain(t, a)
	event := makeWaitable(t, "", WaitableSpec{Kind: KindEvent, Signaled: true})
	free := makeWaitable(t, "", WaitableSpec{Kind: KindMutex})
	for _, c := range []struct {
		objects []*Waitable
		all     bool
		index   int
		depth   int64
	}{
		{[]*Waitable{event, a}, false, 0, 1},
		{[]*Waitable{event, a}, false, 1, 2},
		{[]*Waitable{a, free}, true, 0, 3},
		{[]*Waitable{a}, true, 0, 4},
		{[]*Waitable{free, a}, true, 0, 5},
	} {
		outcome, err := Wait(done, c.objects, c.all)
		if err != nil || outcome != (Outcome{Index: c.index}) || a.native.depth != c.depth {
			t.Fatalf("%+v, %v, depth %d; want index %d, depth %d", outcome, err, a.native.depth, c.index, c.depth)
		}
	}
	_, err := Wait(done, []*Waitable{a, event}, true)
	if err != context.Canceled || a.native.depth != 5 {
		t.Errorf("all of an owned mutex and an event: %v, depth %d", err, a.native.depth)
	}
	must(t, free.Unlock())
	must(t, free.Unlock())
	for range 5 {
		wantTry(t, b, false, false)
		must(t, a.Unlock())
	}
	wantTry(t, b, true, false)
}

// TestUnlockWhileAllOfItIsWaitedFor: a wait for all leaves out a mutex that its handle owns, but does not keep it from
// being unlocked.
func TestUnlockWhileAllOfItIsWaitedFor(t *testing.T) {
	a := makeWaitable(t, name(t), WaitableSpec{Kind: KindMutex, Owned: true})
	b := openAgain(t, a)
	event := makeWaitable(t, "", WaitableSpec{Kind: KindEvent})
	free := makeWaitable(t, "", WaitableSpec{Kind: KindMutex})
	ended := sleeps(t, true, a, event, free)
	must(t, a.Unlock())
	wantTry(t, b, true, false)
	must(t, event.Set())
	wantWaiting(t, ended)
	wantTry(t, event, true, false) // it was left alone
	wantTry(t, free, true, false)
	must(t, free.Unlock())
	must(t, event.Set())
	must(t, b.Unlock())
	<-ended
	wantTry(t, b, false, false)
	must(t, a.Unlock())
	wantTry(t, b, true, false)
	must(t, b.Unlock())
	must(t, free.Unlock())

	// And the same with Close. The wait goes on with the mutex as it is then: abandoned.
	wantTry(t, a, true, false)
	ended = sleeps(t, true, a, event)
	must(t, a.Close())
	must(t, event.Set())
	if outcome := <-ended; outcome != (Outcome{Abandoned: true}) {
		t.Errorf("%+v", outcome)
	}
	wantTry(t, b, false, false)
	must(t, a.Unlock())
}

// TestGivingUpWaitsForTheWait: a wait for all, which has left out a mutex because its handle owns it, is about to sleep
// when the mutex is given up. The system would satisfy it with the rest.
func TestGivingUpWaitsForTheWait(t *testing.T) {
	for _, c := range []struct {
		what      string
		giveUp    func(*Waitable) error
		abandoned bool // in the end; otherwise it stays locked once
	}{
		{"unlock", (*Waitable).Unlock, false},
		{"close", (*Waitable).Close, true},
	} {
		a := makeWaitable(t, name(t)+c.what, WaitableSpec{Kind: KindMutex, Owned: true})
		b := openAgain(t, a)
		event := makeWaitable(t, "", WaitableSpec{Kind: KindEvent})

		// The next wait gets a thread that still has something else to do.
		busy, goOn := make(chan struct{}), make(chan struct{})
		thread, err := takeThread()
		must(t, err)
		go thread.do(func() {
			close(busy)
			<-goOn
		})
		<-busy
		threads.Lock()
		threads.idle = append(threads.idle, thread)
		threads.Unlock()

		ended := sleeps(t, true, event, a)
		until(t, a, func() bool { return a.native.leaning == 1 })
		givenUp := make(chan error)
		go func() { givenUp <- c.giveUp(a) }()
		until(t, a, func() bool { return a.native.depth == 0 })
		wantTry(t, b, false, false)
		must(t, event.Set())
		close(goOn)
		<-ended
		must(t, <-givenUp)
		wantTry(t, event, false, false)
		wantTry(t, b, c.abandoned, c.abandoned)
		a.Unlock()
	}
}

// until returns when something is true of a mutex's handle.
func until(t *testing.T, w *Waitable, is func() bool) {
	t.Helper()
	for ctx := soon(t); ctx.Err() == nil; time.Sleep(time.Millisecond) {
		w.native.mu.Lock()
		ok := is()
		w.native.mu.Unlock()
		if ok {
			return
		}
	}
	t.Fatal("it never comes to it")
}

// TestWaitsOfOneHandle: what one goroutine locks is locked for all that use the handle.
func TestWaitsOfOneHandle(t *testing.T) {
	a := makeWaitable(t, name(t), WaitableSpec{Kind: KindMutex, Owned: true})
	b := openAgain(t, a)
	event := makeWaitable(t, "", WaitableSpec{Kind: KindEvent, Manual: true, Signaled: true})
	waits := []chan Outcome{
		sleeps(t, false, b), sleeps(t, false, b), sleeps(t, true, b, event), sleeps(t, true, event, b), sleeps(t, false, b),
	}
	must(t, a.Unlock())
	for _, ended := range waits {
		<-ended
	}
	for range waits {
		wantTry(t, a, false, false)
		must(t, b.Unlock())
	}
	wantTry(t, a, true, false)
}

// TestManyHandlesExclude: handles of this process, all of the same mutex, taken in all ways.
func TestManyHandlesExclude(t *testing.T) {
	first := makeWaitable(t, name(t), WaitableSpec{Kind: KindMutex})
	event := makeWaitable(t, "", WaitableSpec{Kind: KindEvent, Manual: true, Signaled: true})
	never := makeWaitable(t, "", WaitableSpec{Kind: KindEvent})
	ctx := soon(t)
	inside, total := 0, 0
	var running sync.WaitGroup
	const workers, rounds = 6, 40
	for i := range workers {
		w := openAgain(t, first)
		running.Go(func() {
			for range rounds {
				var err error
				switch i % 3 {
				case 0:
					_, err = w.Lock(ctx)
				case 1:
					_, err = Wait(ctx, []*Waitable{never, w}, false)
				default:
					_, err = Wait(ctx, []*Waitable{w, event}, true)
				}
				if err != nil {
					t.Error(err)
					return
				}
				inside++
				if inside != 1 {
					t.Errorf("%d have it at once", inside)
				}
				total++
				runtime.Gosched()
				inside--
				if err := w.Unlock(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	running.Wait()
	if total != workers*rounds && !t.Failed() {
		t.Errorf("%d of %d locks were counted", total, workers*rounds)
	}
}

// TestUnlockUnderWaits unlocks and locks a handle while others wait for all of it and something that never comes, for
// one round, and in the end comes.
func TestUnlockUnderWaits(t *testing.T) {
	a := makeWaitable(t, name(t), WaitableSpec{Kind: KindMutex, Owned: true})
	b := openAgain(t, a)
	event := makeWaitable(t, "", WaitableSpec{Kind: KindEvent})
	var waits []chan Outcome
	for range 3 {
		waits = append(waits, sleeps(t, true, a, event))
	}
	for range 50 {
		must(t, a.Unlock())
		wantTry(t, b, true, false)
		must(t, b.Unlock())
		wantTry(t, a, true, false)
	}
	for range waits {
		wantTry(t, event, false, false)
		must(t, event.Set())
		until(t, a, func() bool { return a.native.depth > 1 })
		must(t, a.Unlock())
	}
	for _, ended := range waits {
		<-ended
	}
	must(t, a.Unlock())
	wantTry(t, b, true, false)
}

// TestBlockedWaitsHoldUpNobody: hundreds of them, while others run; then all end.
func TestBlockedWaitsHoldUpNobody(t *testing.T) {
	mutex := makeWaitable(t, name(t), WaitableSpec{Kind: KindMutex, Owned: true})
	event := makeWaitable(t, name(t)+"e", WaitableSpec{Kind: KindEvent})
	const count = 100
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var begun, ended sync.WaitGroup
	for range count {
		w := openAgain(t, mutex)
		begun.Add(2)
		ended.Go(func() {
			begun.Done()
			if _, err := w.Lock(ctx); err != context.Canceled {
				t.Errorf("lock: %v", err)
			}
		})
		ended.Go(func() {
			begun.Done()
			if _, err := event.Wait(ctx); err != context.Canceled {
				t.Errorf("wait: %v", err)
			}
		})
	}
	begun.Wait()
	other := makeWaitable(t, "", WaitableSpec{Kind: KindMutex})
	for range 50 {
		wantTry(t, other, true, false)
		must(t, other.Unlock())
		runtime.Gosched()
	}
	cancel()
	ended.Wait()
	threads.Lock()
	defer threads.Unlock()
	if len(threads.idle) > mostIdle {
		t.Errorf("%d threads are kept", len(threads.idle))
	}
}

// TestNothingOfWaitablesStaysOpen runs in a process of its own: Go closes the handles of threads that have ended when
// it needs new ones, so that after other tests the number falls.
func TestNothingOfWaitablesStaysOpen(t *testing.T) {
	if os.Getenv("NAMEDSHM_TEST_ALONE") == "" {
		command := testCommand(t, t.Name(), "NAMEDSHM_TEST_ALONE=true")
		command.Args = append(command.Args, "-test.v")
		output, err := command.CombinedOutput()
		if err != nil || !strings.Contains(string(output), "--- PASS: "+t.Name()) {
			t.Fatalf("%v\n%s", err, output)
		}
		return
	}
	const rounds = 40
	n := name(t)
	use := func() {
		mutex, _, err := CreateWaitable(context.Background(), n, WaitableSpec{Kind: KindMutex, Owned: true}, MustBeNew)
		must(t, err)
		event, _, err := CreateWaitable(context.Background(), n+"e", WaitableSpec{Kind: KindEvent}, MustBeNew)
		must(t, err)
		_, _, err = CreateWaitable(context.Background(), n, WaitableSpec{Kind: KindMutex, Owned: true}, MustBeNew)
		wantCode(t, "create again", err, fault.AlreadyExists)
		again, err := OpenWaitable(context.Background(), n, KindMutex, Synchronize)
		must(t, err)
		for _, c := range []struct {
			objects []*Waitable
			all     bool
		}{{[]*Waitable{event}, false}, {[]*Waitable{event, again}, false}, {[]*Waitable{event, again}, true}} {
			ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
			if _, err := Wait(ctx, c.objects, c.all); err != context.DeadlineExceeded {
				t.Errorf("%d objects, all %v: %v", len(c.objects), c.all, err)
			}
			cancel()
		}
		_, err = Stat(n)
		must(t, err)
		must(t, mutex.Close())
		if _, err := again.Lock(soon(t)); err != nil {
			t.Error(err)
		}
		must(t, again.Unlock())
		must(t, again.Close())
		must(t, event.Close())
	}
	use()
	before := ownHandles(t)
	for range rounds {
		use()
	}
	if after := ownHandles(t); after >= before+rounds/2 {
		t.Errorf("%d handles before, %d after %d rounds", before, after, rounds)
	}
}

// TestDeathAbandons: another process of this test locks the mutex and is killed.
func TestDeathAbandons(t *testing.T) {
	if name := os.Getenv("NAMEDSHM_TEST_MUTEX"); name != "" {
		w, err := OpenWaitable(context.Background(), name, KindMutex, Synchronize)
		must(t, err)
		wantTry(t, w, true, false)
		os.Stdout.WriteString("locked\n")
		io.Copy(io.Discard, os.Stdin)
	}
	mutex := makeWaitable(t, name(t), WaitableSpec{Kind: KindMutex})
	for _, late := range []bool{false, true} {
		victim := startTest(t, "TestDeathAbandons", "NAMEDSHM_TEST_MUTEX="+mutex.Name())
		wantTry(t, mutex, false, false)
		var ended chan Outcome
		if !late {
			ended = sleeps(t, false, mutex)
		}
		must(t, victim.Process.Kill())
		victim.Wait()
		if late {
			wantTry(t, mutex, true, true)
		} else if outcome := <-ended; !outcome.Abandoned {
			t.Error("who waited was not told")
		}
		must(t, mutex.Unlock())
	}
}

// testCommand runs one test of this program in a process of its own.
func testCommand(t *testing.T, test, variable string) *exec.Cmd {
	t.Helper()
	program, err := os.Executable()
	must(t, err)
	command := exec.Command(program, "-test.run=^"+test+"$")
	command.Env = append(os.Environ(), variable)
	return command
}

// startTest starts a process for a test, and returns when it has printed a line.
func startTest(t *testing.T, test, variable string) *exec.Cmd {
	t.Helper()
	command := testCommand(t, test, variable)
	command.Stderr = os.Stderr
	_, err := command.StdinPipe() // which stays open as long as it is to live
	must(t, err)
	output, err := command.StdoutPipe()
	must(t, err)
	must(t, command.Start())
	t.Cleanup(func() { command.Process.Kill() })
	if _, err := bufio.NewReader(output).ReadString('\n'); err != nil {
		t.Fatalf("the other process ended: %v", err)
	}
	return command
}
