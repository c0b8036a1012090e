package namedshm_test

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/internal/depth"
)

// soon is how long the contexts of these tests live: long enough for a wait to sleep.
const soon = 2 * time.Millisecond

// errGivenUp is a cause of a program's own.
var errGivenUp = errors.New("the operator pressed a button")

// endings are contexts that end, soon or before, in all the ways that there are.
var endings = map[string]func() (context.Context, context.CancelFunc){
	"a timeout": func() (context.Context, context.CancelFunc) {
		return context.WithTimeout(context.Background(), soon)
	},
	"a timeout with a cause": func() (context.Context, context.CancelFunc) {
		return context.WithTimeoutCause(context.Background(), soon, errGivenUp)
	},
	"a deadline that is past": func() (context.Context, context.CancelFunc) {
		return context.WithDeadlineCause(context.Background(), time.Unix(1, 0), errGivenUp)
	},
	"cancelled": func() (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(soon, cancel)
		return ctx, cancel
	},
	"cancelled with a cause": func() (context.Context, context.CancelFunc) { return cancelled(errGivenUp) },
	"cancelled with an error of this package": func() (context.Context, context.CancelFunc) {
		_, err := namedshm.Open(`Local\x\y`, namedshm.Read)
		return cancelled(err)
	},
	"cancelled with a code": func() (context.Context, context.CancelFunc) { return cancelled(namedshm.ErrAlreadyExists) },
	"a timeout within a cancelled one": func() (context.Context, context.CancelFunc) {
		outer, cancel := cancelled(errGivenUp)
		inner, cancelInner := context.WithTimeout(outer, time.Hour)
		return inner, func() { cancelInner(); cancel() }
	},
	"one that is done later than it says": func() (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancelCause(context.Background())
		time.AfterFunc(2*soon, func() { cancel(errGivenUp) })
		return &late{ctx, time.Now().Add(soon)}, func() { cancel(nil) }
	},
	"one that said before that it would be done": func() (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithTimeout(context.Background(), soon)
		return &late{ctx, time.Unix(1, 0)}, cancel
	},
	"one that rings nothing": func() (context.Context, context.CancelFunc) {
		s := &silent{deadline: time.Now().Add(soon)}
		time.AfterFunc(2*soon, func() { s.done.Store(true) })
		return s, func() {}
	},
}

func cancelled(cause error) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(context.Background())
	time.AfterFunc(soon, func() { cancel(cause) })
	return ctx, func() { cancel(nil) }
}

// late has another deadline than the context that it is.
type late struct {
	context.Context
	deadline time.Time
}

func (l *late) Deadline() (time.Time, bool) { return l.deadline, true }

// silent has no channel to close.
type silent struct {
	deadline time.Time
	done     atomic.Bool
}

func (s *silent) Deadline() (time.Time, bool) { return s.deadline, true }
func (s *silent) Done() <-chan struct{}       { return nil }
func (s *silent) Value(any) any               { return nil }

func (s *silent) Err() error {
	if s.done.Load() {
		return context.DeadlineExceeded
	}
	return nil
}

// waits are all calls that wait, for what does not come.
func waits(t *testing.T, prefix string) map[string]func(context.Context) error {
	must := func(o namedshm.Waitable, err error) namedshm.Waitable {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { o.Close() })
		return o
	}
	event := must(namedshm.CreateEvent(ownName(t, prefix)+"e", namedshm.AutoReset, false)).(*namedshm.Event)
	manual := must(namedshm.CreateEvent(ownName(t, prefix)+"m", namedshm.ManualReset, false)).(*namedshm.Event)
	signal := must(namedshm.CreateEvent(ownName(t, prefix)+"s", namedshm.ManualReset, false))
	semaphore := must(namedshm.CreateSemaphore(ownName(t, prefix)+"c", 0, 5)).(*namedshm.Semaphore)
	must(namedshm.CreateMutex(ownName(t, prefix)+"x", true))
	mutex := must(namedshm.OpenMutex(ownName(t, prefix)+"x", namedshm.AllRights)).(*namedshm.Mutex)
	many := []namedshm.Waitable{mutex}
	for len(many) < namedshm.MaximumWaitObjects {
		many = append(many, must(namedshm.CreateSemaphore("", 0, 1)))
	}
	missing := ownName(t, prefix) + "none"
	return map[string]func(context.Context) error{
		"auto-reset event":   event.Wait,
		"manual-reset event": manual.Wait,
		"semaphore":          semaphore.Wait,
		"mutex":              func(ctx context.Context) error { _, err := mutex.Lock(ctx); return err },
		"any of two": func(ctx context.Context) error {
			_, err := namedshm.WaitAny(ctx, event, semaphore)
			return err
		},
		"any of a mutex and an event": func(ctx context.Context) error {
			_, err := namedshm.WaitAny(ctx, mutex, manual)
			return err
		},
		"any of 64":     func(ctx context.Context) error { _, err := namedshm.WaitAny(ctx, many...); return err },
		"all of two":    func(ctx context.Context) error { _, err := namedshm.WaitAll(ctx, event, semaphore); return err },
		"all of 64":     func(ctx context.Context) error { _, err := namedshm.WaitAll(ctx, many...); return err },
		"SignalAndWait": func(ctx context.Context) error { _, err := namedshm.SignalAndWait(ctx, signal, event); return err },
		"WaitOpen": func(ctx context.Context) error {
			_, err := namedshm.WaitOpen(ctx, missing, namedshm.Read)
			return err
		},
		"WaitOpenEvent": func(ctx context.Context) error {
			_, err := namedshm.WaitOpenEvent(ctx, missing, namedshm.AllRights)
			return err
		},
		"WaitOpenMutex": func(ctx context.Context) error {
			_, err := namedshm.WaitOpenMutex(ctx, missing, namedshm.AllRights)
			return err
		},
		"WaitOpenSemaphore": func(ctx context.Context) error {
			_, err := namedshm.WaitOpenSemaphore(ctx, missing, namedshm.AllRights)
			return err
		},
	}
}

// TestWaitsEndWithTheirContexts: a wait returns its context's error when the context has one, never before; and in that
// error, and in its text, is what the context was ended for.
func TestWaitsEndWithTheirContexts(t *testing.T) {
	_, prefixes := isolate(t)
	for what, wait := range waits(t, prefixes[0]) {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			opens, rounds := strings.HasPrefix(what, "WaitOpen"), 10
			if opens {
				rounds = 2 // each closes an inotify descriptor, for which Linux waits a while
			}
			for how, begin := range endings {
				if how == "one that rings nothing" && (runtime.GOOS == "windows" || opens) {
					continue // a context without a channel is one that nobody ends, and so it is waited for
				}
				for range rounds {
					ctx, cancel := begin()
					err := wait(ctx)
					over, cause := ctx.Err(), context.Cause(ctx)
					cancel()
					if over == nil {
						t.Errorf("%s: %v, and the context is not done", how, err)
						break
					}
					if !errors.Is(err, over) || !errors.Is(err, cause) {
						t.Errorf("%s: %v, want %v and %v", how, err, over, cause)
						break
					}
					if text := err.Error(); !strings.Contains(text, over.Error()) || !strings.Contains(text, cause.Error()) {
						t.Errorf("%s: %q does not tell %v and %v", how, err, over, cause)
						break
					}
				}
			}
		})
	}
}

// counted counts how often it is asked whether it is done.
type counted struct {
	context.Context
	looks atomic.Int64
}

func (c *counted) Err() error { c.looks.Add(1); return c.Context.Err() }

// TestAnOverdueContextIsNoLoop: a context that is done long after its deadline is waited for asleep.
func TestAnOverdueContextIsNoLoop(t *testing.T) {
	_, prefixes := isolate(t)
	const most = 200
	all := waits(t, prefixes[0])
	for _, what := range []string{"auto-reset event", "manual-reset event", "all of two", "mutex"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(context.Background())
			time.AfterFunc(50*soon, cancel)
			rings := &counted{Context: &late{ctx, time.Now().Add(soon)}}
			if err := all[what](rings); !errors.Is(err, context.Canceled) || rings.looks.Load() > most {
				t.Errorf("%v, after %d looks at the context", err, rings.looks.Load())
			}
			if runtime.GOOS == "windows" {
				return
			}
			s := &silent{deadline: time.Now().Add(soon)}
			time.AfterFunc(50*soon, func() { s.done.Store(true) })
			quiet := &counted{Context: s}
			if err := all[what](quiet); !errors.Is(err, context.DeadlineExceeded) || quiet.looks.Load() > most {
				t.Errorf("%v, after %d looks at one that rings nothing", err, quiet.looks.Load())
			}
		})
	}
}

// TestWaitsEndWithTheirContextsElsewhere is the same where there is no futex_waitv, no futex, and on files.
func TestWaitsEndWithTheirContextsElsewhere(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has several ways of waiting")
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ways := []string{"NAMEDSHM_WAIT=poll", "NAMEDSHM_WAIT=futex", "NAMEDSHM_BACKING=file"}
	for _, way := range depth.Of(ways[:1], ways) {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(program, "-test.run=^(TestWaitsEndWithTheirContexts|TestAnOverdueContextIsNoLoop)$",
				"-test.count=1")
			cmd.Env = append(os.Environ(), way)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// TestErrorsWithoutAName: an object without a name leaves no hole in an error, whatever the error is.
func TestErrorsWithoutAName(t *testing.T) {
	isolate(t)
	done, cancel := context.WithCancel(t.Context())
	cancel()
	e, errE := namedshm.CreateEvent("", namedshm.AutoReset, false)
	m, errM := namedshm.CreateMutex("", false)
	s, errS := namedshm.CreateSemaphore("", 0, 1)
	named, errN := namedshm.CreateEvent(ownName(t, `Local\`), namedshm.AutoReset, false)
	if err := errors.Join(errE, errM, errS, errN); err != nil {
		t.Fatal(err)
	}
	defer named.Close()
	waitAny := func(objects ...namedshm.Waitable) error { _, err := namedshm.WaitAny(done, objects...); return err }
	_, all := namedshm.WaitAll(done, e, m, s)
	_, signal := namedshm.SignalAndWait(done, m, e)
	_, over := s.Release(2)
	for want, err := range map[string]error{
		"wait: context canceled":                                            e.Wait(done),
		"wait: context canceled ":                                           s.Wait(done),
		"wait: context canceled  ":                                          waitAny(e, s),
		"wait: context canceled   ":                                         all,
		"wait " + named.Name() + ": context canceled":                       waitAny(e, named, s),
		"unlock: this handle does not own the mutex (ERROR_NOT_OWNER, 288)": signal,
		"release: the semaphore's count would go above its maximum (ERROR_TOO_MANY_POSTS, 298)": over,
	} {
		if err == nil || err.Error() != strings.TrimRight(want, " ") {
			t.Errorf("%v, want %s", err, want)
		}
	}
	for _, c := range []io.Closer{e, m, s} {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if err := c.Close(); err == nil || !strings.HasPrefix(err.Error(), "close: ") {
			t.Errorf("closed twice: %v", err)
		}
	}
	if _, err := m.Lock(done); err == nil || !strings.HasPrefix(err.Error(), "lock: ") {
		t.Errorf("locked after Close: %v", err)
	}
}
