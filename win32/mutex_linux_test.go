package win32_test

import (
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/namedshm/namedshm/win32"
)

func threadLives(id uint32) bool {
	_, err := os.Stat("/proc/self/task/" + strconv.Itoa(int(id)))
	return err == nil
}

// cover makes one descriptor another one.
func cover(from, to int) error { return syscall.Dup3(from, to, 0) }

const (
	object0   = win32.WAIT_OBJECT_0
	abandoned = win32.WAIT_ABANDONED
	timeout   = uint32(win32.WAIT_TIMEOUT)
)

var names atomic.Int64

// fresh is a name that nothing else has.
func fresh() string { return fmt.Sprintf(`Local\win32.%d`, names.Add(1)) }

// closes closes a handle when the test ends, if the test has not.
func closes(t *testing.T, h win32.Handle, err error) win32.Handle {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { win32.CloseHandle(h) })
	return h
}

func createMutex(t *testing.T, name string) win32.Handle {
	t.Helper()
	h, err := win32.CreateMutex(nil, false, wide(name))
	return closes(t, h, err)
}

func openMutex(t *testing.T, name string) win32.Handle {
	t.Helper()
	h, err := win32.OpenMutex(win32.SYNCHRONIZE, false, wide(name))
	return closes(t, h, err)
}

func TestMutexBelongsToThread(t *testing.T) {
	for _, name := range []string{fresh(), ""} {
		a := createMutex(t, name)
		b := a
		if name != "" {
			b = openMutex(t, name)
		}
		one, two := newThread(t), newThread(t)
		one.wait(t, a, win32.INFINITE, object0)
		one.wait(t, b, 0, object0) // the same mutex, through whatever handle
		two.wait(t, a, 0, timeout)
		two.wait(t, b, 20, timeout)
		two.release(t, a, win32.ERROR_NOT_OWNER)
		one.release(t, b, nil)
		two.wait(t, b, 0, timeout)
		one.release(t, a, nil)
		one.release(t, a, win32.ERROR_NOT_OWNER)
		two.wait(t, a, 0, object0)
		one.wait(t, a, 0, timeout)
		two.release(t, b, nil)
	}
}

// TestThreadsContend: a mutex excludes threads of one process that use one handle, which the mutex of the Go API does
// not.
func TestThreadsContend(t *testing.T) {
	const threads, rounds = 4, 300
	h := createMutex(t, fresh())
	var inside, total int
	var all []*thread
	ended := make(chan struct{})
	for range threads {
		th := newThread(t)
		all = append(all, th)
		go func() {
			th.do(func() {
				for range rounds {
					if event, err := win32.WaitForSingleObject(h, win32.INFINITE); event != object0 || err != nil {
						t.Errorf("the wait gives %#x, %v", event, err)
						return
					}
					if inside++; inside != 1 {
						t.Errorf("%d threads are inside", inside)
					}
					total++
					inside--
					if err := win32.ReleaseMutex(h); err != nil {
						t.Error(err)
					}
				}
			})
			ended <- struct{}{}
		}()
	}
	for range all {
		<-ended
	}
	if total != threads*rounds {
		t.Errorf("%d turns, want %d", total, threads*rounds)
	}
}

func TestThreadThatEndsAbandons(t *testing.T) {
	name := fresh()
	h := createMutex(t, name)
	other := startActor(t)
	other.does("OpenMutex", name)

	t.Run("for the next wait in its process, at once", func(t *testing.T) {
		owner, next := newThread(t), newThread(t)
		owner.wait(t, h, 0, object0)
		owner.end(t)
		next.wait(t, h, 0, abandoned)
		next.release(t, h, nil)
		next.wait(t, h, 0, object0)
		next.release(t, h, nil)
	})
	t.Run("for one that waits already", func(t *testing.T) {
		owner, next := newThread(t), newThread(t)
		owner.wait(t, h, 0, object0)
		waited := make(chan struct{})
		go func() {
			next.wait(t, h, win32.INFINITE, abandoned)
			close(waited)
		}()
		owner.end(t)
		<-waited
		next.release(t, h, nil)
	})
	t.Run("for another process", func(t *testing.T) {
		owner := newThread(t)
		owner.wait(t, h, 0, object0)
		owner.wait(t, h, 0, object0)
		other.ask("Wait", "4294967295")
		owner.end(t)
		if event, err := other.answer(); event != abandoned || err != 0 {
			t.Errorf("its wait gives %#x, %v", event, err)
		}
		newThread(t).wait(t, h, 0, timeout)
		other.does("ReleaseMutex")
	})
	t.Run("when it says so", func(t *testing.T) {
		owner, next := newThread(t), newThread(t)
		owner.wait(t, h, 0, object0)
		owner.do(win32.EndThread)
		if event := other.does("Wait", "0"); event != abandoned {
			t.Errorf("the wait of another process gives %#x", event)
		}
		other.does("ReleaseMutex")
		owner.release(t, h, win32.ERROR_NOT_OWNER)
		next.wait(t, h, 0, object0)
		next.release(t, h, nil)
	})
}

func TestProcessThatEndsAbandons(t *testing.T) {
	name := fresh()
	h := createMutex(t, name)
	other := startActor(t)
	other.does("OpenMutex", name)
	other.does("Wait", "0")
	here := newThread(t)
	here.wait(t, h, 0, timeout)
	other.kill()
	here.wait(t, h, win32.INFINITE, abandoned)
	here.release(t, h, nil)
}

func TestCloseReleasesNothing(t *testing.T) {
	name := fresh()
	owner := newThread(t)
	var h win32.Handle
	owner.do(func() {
		var err error
		if h, err = win32.CreateMutex(nil, true, wide(name)); err != nil {
			t.Error(err)
		}
	})
	other := startActor(t)
	other.does("OpenMutex", name)
	if err := win32.CloseHandle(h); err != nil {
		t.Fatal(err)
	}
	if event := other.does("Wait", "100"); event != uint64(timeout) {
		t.Fatalf("its wait gives %#x though the owner lives", event)
	}
	// The thread still owns it, and finds it again.
	again := openMutex(t, name)
	owner.wait(t, again, 0, object0)
	owner.release(t, again, nil)
	if event := other.does("Wait", "0"); event != uint64(timeout) {
		t.Fatalf("its wait gives %#x after one of two releases", event)
	}
	owner.release(t, again, nil)
	if event := other.does("Wait", "0"); event != object0 {
		t.Fatalf("its wait gives %#x after the last release", event)
	}
	other.does("ReleaseMutex")

	owner.wait(t, again, 0, object0)
	if err := win32.CloseHandle(again); err != nil {
		t.Fatal(err)
	}
	owner.end(t)
	if event := other.does("Wait", "4294967295"); event != abandoned {
		t.Fatalf("its wait gives %#x after the owner's end", event)
	}
	other.does("ReleaseMutex")
	other.does("Close")
	// This process releases the mutex after it has informed the others, which may be quicker.
	for until := time.Now().Add(10 * time.Second); ; {
		h, err := win32.OpenMutex(win32.SYNCHRONIZE, false, wide(name))
		if err == win32.ERROR_FILE_NOT_FOUND {
			break
		}
		win32.CloseHandle(h)
		if time.Now().After(until) {
			t.Fatalf("the name lives on: %v", err)
		}
	}
}

// TestLastHandleTakesTheName: nobody else has the mutex, so nobody is kept out, and the name is free at once.
func TestLastHandleTakesTheName(t *testing.T) {
	name := fresh()
	owner := newThread(t)
	owner.do(func() {
		h, err := win32.CreateMutex(nil, true, wide(name))
		if err != nil {
			t.Error(err)
		}
		if err := win32.CloseHandle(h); err != nil {
			t.Error(err)
		}
		if _, err := win32.OpenMutex(win32.SYNCHRONIZE, false, wide(name)); err != win32.ERROR_FILE_NOT_FOUND {
			t.Errorf("OpenMutex gives %v", err)
		}
		h, err = win32.CreateMutex(nil, false, wide(name))
		if err != nil {
			t.Errorf("a new one gives %v", err)
		}
		if err := win32.ReleaseMutex(h); err != win32.ERROR_NOT_OWNER {
			t.Errorf("the new one is the old one's owner's: %v", err)
		}
		win32.CloseHandle(h)
	})
}

func TestMutexesAmongSeveral(t *testing.T) {
	m, n := createMutex(t, fresh()), createMutex(t, fresh())
	event, err := win32.CreateEvent(nil, 1, 0, nil)
	e := closes(t, event, err)
	one, two := newThread(t), newThread(t)
	several := func(th *thread, all bool, want uint32, wantErr error, list ...win32.Handle) {
		t.Helper()
		th.do(func() {
			if event, err := win32.WaitForMultipleObjects(list, all, 0); event != want || err != wantErr {
				t.Errorf("the wait gives %#x, %v, want %#x, %v", event, err, want, wantErr)
			}
		})
	}
	one.wait(t, m, 0, object0)
	several(two, false, timeout, nil, e, m)
	several(two, false, object0+1, nil, m, n)
	several(two, true, timeout, nil, m, n)
	several(one, true, timeout, nil, m, n)
	two.release(t, n, nil)
	two.release(t, n, win32.ERROR_NOT_OWNER) // a wait for all that timed out has taken nothing
	several(one, true, object0, nil, m, n)
	two.wait(t, n, 0, timeout)
	one.release(t, n, nil)
	one.release(t, m, nil)
	one.release(t, m, nil)
	one.release(t, m, win32.ERROR_NOT_OWNER)
	several(one, true, win32.WAIT_FAILED, win32.ERROR_INVALID_PARAMETER, m, m)
	several(one, false, object0, nil, m, m)
	one.release(t, m, nil)
	one.release(t, m, win32.ERROR_NOT_OWNER)
	two.wait(t, n, 0, object0)
	two.end(t)
	several(one, false, abandoned+1, nil, e, n)
	one.release(t, n, nil)
}

// TestOwnerLivesWithoutDescriptors: a process that cannot look at its threads for want of a descriptor takes none for
// dead.
func TestOwnerLivesWithoutDescriptors(t *testing.T) {
	name := fresh()
	h := createMutex(t, name)
	other := startActor(t)
	other.does("OpenMutex", name)
	owner := newThread(t)
	owner.wait(t, h, 0, object0)
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	none := before
	none.Cur = 0
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	_, openErr := os.Open(os.DevNull)
	event := other.does("Wait", "150") // the owners are looked at five times meanwhile
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	if openErr == nil {
		t.Fatal("there are descriptors")
	}
	if event != uint64(timeout) {
		t.Errorf("the other's wait gives %#x though the owner lives", event)
	}
	owner.release(t, h, nil)
}

// TestCloseUnderMutexCalls: the last handle of a mutex is closed while its owner waits for it again and releases it.
// Each call works or reports that the handle is closed.
func TestCloseUnderMutexCalls(t *testing.T) {
	const rounds = 400
	owner := newThread(t)
	calls := map[string]func(h win32.Handle) error{
		"wait": func(h win32.Handle) error {
			_, err := win32.WaitForSingleObject(h, 0)
			return err
		},
		"wait for several": func(h win32.Handle) error {
			_, err := win32.WaitForMultipleObjects([]win32.Handle{h}, true, 0)
			return err
		},
		"signal and wait": func(h win32.Handle) error {
			if _, err := win32.WaitForSingleObject(h, 0); err != nil {
				return err
			}
			_, err := win32.SignalObjectAndWait(h, h, 0, false)
			return err
		},
	}
	for _, name := range []string{"", fresh()} {
		for what, call := range calls {
			for range rounds {
				h, err := win32.CreateMutex(nil, false, wide(name))
				if err != nil {
					t.Fatal(err)
				}
				used, closed := make(chan struct{}), make(chan error)
				go func() {
					<-used
					closed <- win32.CloseHandle(h)
				}()
				owner.do(func() {
					first := true
					for {
						err := call(h)
						if err == nil {
							err = win32.ReleaseMutex(h)
						}
						if first {
							first = false
							close(used)
						}
						if err == win32.ERROR_INVALID_HANDLE {
							return
						}
						if err != nil {
							t.Errorf("%s: %v", what, err)
							return
						}
					}
				})
				if err := <-closed; err != nil {
					t.Error(err)
				}
				if t.Failed() {
					return
				}
			}
		}
	}
}
