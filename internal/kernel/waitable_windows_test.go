package kernel

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/namedshm/namedshm/internal/fault"
	"golang.org/x/sys/windows"
)

// soon is for what must not wait: it is over as soon as it can be, and a test that fails does not hang.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// done is a context that lets a wait look once.
var done = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

func makeWaitable(t *testing.T, name string, spec WaitableSpec) *Waitable {
	t.Helper()
	w, _, err := CreateWaitable(context.Background(), name, spec, MustBeNew)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

func openAgain(t *testing.T, w *Waitable) *Waitable {
	t.Helper()
	again, err := OpenWaitable(context.Background(), w.Name(), w.Kind(), allRights)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { again.Close() })
	return again
}

// must is for what cannot fail.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantTry looks at an object once, and wants it to satisfy the wait or not.
func wantTry(t *testing.T, w *Waitable, acquired, abandoned bool) {
	t.Helper()
	if a, b, err := w.Try(); err != nil || a != acquired || b != abandoned {
		t.Fatalf("try: acquired %v, abandoned %v, %v; want %v, %v", a, b, err, acquired, abandoned)
	}
}

func TestEvents(t *testing.T) {
	for _, manual := range []bool{false, true} {
		a := makeWaitable(t, name(t)+map[bool]string{true: "manual", false: "auto"}[manual],
			WaitableSpec{Kind: KindEvent, Manual: manual})
		b := openAgain(t, a)
		wantTry(t, b, false, false)
		must(t, a.Set())
		must(t, a.Set())
		wantTry(t, b, true, false)
		wantTry(t, a, manual, false)
		must(t, b.Set())
		must(t, a.Reset())
		wantTry(t, b, false, false)
		must(t, a.Pulse())
		wantTry(t, b, false, false)

		ended := make(chan error)
		go func() {
			_, err := b.Wait(soon(t))
			ended <- err
		}()
		// A pulse that comes before the wait is lost.
		for pulsing := true; pulsing; {
			must(t, a.Pulse())
			select {
			case err := <-ended:
				must(t, err)
				pulsing = false
			case <-time.After(time.Millisecond):
			}
		}
	}
}

func TestSemaphores(t *testing.T) {
	a := makeWaitable(t, name(t), WaitableSpec{Kind: KindSemaphore, Initial: 1, Maximum: 3})
	b := openAgain(t, a)
	wantTry(t, b, true, false)
	wantTry(t, b, false, false)
	for previous := range int64(2) {
		if got, err := a.Release(1); err != nil || got != previous {
			t.Errorf("released: %d, %v; want %d", got, err, previous)
		}
	}
	_, err := b.Release(2)
	wantCode(t, "one too many", err, fault.TooManyPosts)
	info, err := Stat(a.Name())
	if err != nil || info.State == nil || info.State.Count != 2 || info.State.Maximum != 3 || !info.State.Signaled ||
		info.State.Waiters != -1 {
		t.Errorf("%+v, %+v, %v", info, info.State, err)
	}
	_, _, err = CreateWaitable(context.Background(), a.Name(), WaitableSpec{Kind: KindSemaphore, Maximum: 1}, MustBeNew)
	wantCode(t, "create again", err, fault.AlreadyExists)
	_, err = OpenWaitable(context.Background(), a.Name(), KindEvent, Synchronize)
	wantCode(t, "open as an event", err, fault.InvalidHandle)
}

func TestRightsOfHandles(t *testing.T) {
	a := makeWaitable(t, name(t), WaitableSpec{Kind: KindEvent})
	for rights, code := range map[Rights]fault.Code{0: fault.AccessDenied, 1 << 30: fault.InvalidParameter} {
		_, err := OpenWaitable(context.Background(), a.Name(), KindEvent, rights)
		wantCode(t, "open", err, code)
	}
	waiter, err := OpenWaitable(context.Background(), a.Name(), KindEvent, Synchronize)
	must(t, err)
	defer waiter.Close()
	setter, err := OpenWaitable(context.Background(), a.Name(), KindEvent, ModifyState)
	must(t, err)
	defer setter.Close()
	wantCode(t, "set with the right to wait", waiter.Set(), fault.AccessDenied)
	must(t, setter.Set())
	wantTry(t, waiter, true, false)
	// The system says the same of the handles themselves.
	if err := windows.SetEvent(waiter.native.handle); err != windows.ERROR_ACCESS_DENIED {
		t.Errorf("SetEvent with the right to wait: %v", err)
	}
	if _, err := systemWait([]windows.Handle{setter.native.handle}, false, false,
		false); fault.CodeOf(err) != fault.AccessDenied {
		t.Errorf("a wait with the right to set: %v", err)
	}
}

func TestSecurityOfWaitables(t *testing.T) {
	for _, c := range []struct {
		spec WaitableSpec
		ace  string
	}{
		{WaitableSpec{Kind: KindEvent, Share: Share{Audience: Everyone, Access: Read}}, "(A;;0x120001;;;WD)"},
		{WaitableSpec{Kind: KindEvent, Share: Share{Audience: Everyone, Access: Read | Write}}, "(A;;0x120003;;;WD)"},
		{WaitableSpec{Kind: KindSemaphore, Maximum: 1, Share: Share{Audience: Everyone, Access: Write}},
			"(A;;0x120003;;;WD)"},
		{WaitableSpec{Kind: KindMutex, Share: Share{Audience: Everyone, Access: Read}}, "(A;;0x120001;;;WD)"},
		{WaitableSpec{Kind: KindMutex, Share: Share{Audience: Group, Group: "S-1-1-0", Access: Read | Write}},
			"(A;;0x120001;;;WD)"},
	} {
		w := makeWaitable(t, name(t), c.spec)
		info, err := Stat(w.Name())
		if err != nil || info.Access != Read|Write {
			t.Errorf("%v: access %#x, %v", c.spec.Kind, info.Access, err)
		}
		expected, err := windows.SecurityDescriptorFromString("D:P" + c.ace)
		must(t, err)
		if ace := strings.TrimPrefix(expected.String(), "D:P"); !strings.Contains(info.Security, ace) {
			t.Errorf("%v: security %q, want %s in it", c.spec.Kind, info.Security, ace)
		}
		w.Close()
	}
}

// TestCreateWhereSecurityGivesLess meets objects that other programs have made with their own security.
func TestCreateWhereSecurityGivesLess(t *testing.T) {
	for _, c := range []struct {
		spec    WaitableSpec
		sddl    string
		created bool   // CreateOrOpen has what it needs
		access  Access // as Stat shows it
	}{
		{WaitableSpec{Kind: KindEvent}, "D:P(A;;0x100000;;;WD)", false, Read},
		{WaitableSpec{Kind: KindEvent}, "D:P(A;;0x100002;;;WD)", true, Read | Write},
		{WaitableSpec{Kind: KindMutex}, "D:P(A;;0x100000;;;WD)", true, Read | Write},
		{WaitableSpec{Kind: KindSemaphore, Maximum: 1}, "D:P(A;;0x100001;;;WD)", false, Read},
	} {
		first := c.spec
		first.Share = Share{Audience: Descriptor, SDDL: c.sddl}
		a := makeWaitable(t, name(t), first)
		_, _, err := CreateWaitable(context.Background(), a.Name(), c.spec, MustBeNew)
		wantCode(t, c.sddl+": create anew", err, fault.AlreadyExists)
		b, existed, err := CreateWaitable(context.Background(), a.Name(), c.spec, MayExist)
		if c.created {
			if err != nil || !existed {
				t.Errorf("%s: create or open: existed %v, %v", c.sddl, existed, err)
			} else {
				b.Try()
				b.Close()
			}
		} else {
			wantCode(t, c.sddl+": create or open", err, fault.AccessDenied)
		}
		b, err = OpenWaitable(context.Background(), a.Name(), c.spec.Kind, Synchronize)
		must(t, err)
		b.Close()
		// There is no right to query the state, except for the semaphore.
		info, err := Stat(a.Name())
		if asked := c.spec.Kind == KindSemaphore; err != nil || (info.State != nil) != asked ||
			(info.Reach == nil) != asked || info.Access != c.access {
			t.Errorf("%s: stat: %+v, %v", c.sddl, info, err)
		}
		a.Close()
	}
}

func TestStates(t *testing.T) {
	base := name(t)
	makeWaitable(t, base+"1", WaitableSpec{Kind: KindEvent, Manual: true, Signaled: true})
	makeWaitable(t, base+"2", WaitableSpec{Kind: KindEvent})
	mutex := makeWaitable(t, base+"3", WaitableSpec{Kind: KindMutex, Owned: true})
	second := openAgain(t, mutex)
	check := func(number, kind string, ok func(*State) bool) {
		t.Helper()
		infos, err := List(Local)
		must(t, err)
		i := slices.IndexFunc(infos, func(i Info) bool { return i.Name.String() == base+number })
		if i < 0 || infos[i].State == nil || infos[i].Kind.String() != kind || !ok(infos[i].State) {
			t.Errorf("%s: %+v", number, infos)
		}
	}
	check("1", "event", func(s *State) bool { return s.Manual && s.Signaled })
	check("2", "event", func(s *State) bool { return !s.Manual && !s.Signaled })
	check("3", "mutex", func(s *State) bool {
		self := int(windows.GetCurrentProcessId())
		return s.Owned && !s.Signaled && !s.Abandoned && (s.OwnerPID == self || s.OwnerPID == 0 && underWine())
	})
	must(t, mutex.Close())
	check("3", "mutex", func(s *State) bool { return !s.Owned && s.Signaled && s.Abandoned })
	wantTry(t, second, true, true)
	must(t, second.Unlock())
	check("3", "mutex", func(s *State) bool { return !s.Owned && s.Signaled && !s.Abandoned })
}

func underWine() bool { return modntdll.NewProc("wine_get_version").Find() == nil }

func TestDoneContextLooksOnce(t *testing.T) {
	past, cancel := context.WithDeadline(context.Background(), time.Unix(0, 0))
	defer cancel()
	event := makeWaitable(t, "", WaitableSpec{Kind: KindEvent, Signaled: true})
	mutex := makeWaitable(t, "", WaitableSpec{Kind: KindMutex})
	for ctx, want := range map[context.Context]error{done: context.Canceled, past: context.DeadlineExceeded} {
		for _, all := range []bool{false, true} {
			for _, objects := range [][]*Waitable{{event}, {event, mutex}} {
				must(t, event.Set())
				if _, err := Wait(ctx, objects, all); err != nil {
					t.Errorf("%d objects that let through, all %v: %v", len(objects), all, err)
				}
				must(t, event.Reset())
				if all && len(objects) == 2 {
					must(t, mutex.Unlock())
				}
				if _, err := Wait(ctx, []*Waitable{event}, all); err != want {
					t.Errorf("all %v: %v, want %v", all, err, want)
				}
			}
		}
		if abandoned, err := mutex.Lock(ctx); err != nil || abandoned {
			t.Errorf("lock: %v, %v", abandoned, err)
		}
		must(t, mutex.Unlock())
	}
}

// sixtyFour returns as many objects as a wait can be for, of all kinds; the mutexes are free, the rest are not
// signaled.
func sixtyFour(t *testing.T, mutexes bool) (objects []*Waitable) {
	for i := range MaximumWaitObjects {
		spec := WaitableSpec{Kind: KindEvent, Manual: i%3 == 0}
		switch {
		case i%4 == 1:
			spec = WaitableSpec{Kind: KindSemaphore, Maximum: 1}
		case i%4 == 2 && mutexes:
			spec = WaitableSpec{Kind: KindMutex}
		}
		objects = append(objects, makeWaitable(t, "", spec))
	}
	return objects
}

func TestEveryWaitCanBeCancelled(t *testing.T) {
	free := sixtyFour(t, true)
	none := sixtyFour(t, false)
	mutex := makeWaitable(t, name(t), WaitableSpec{Kind: KindMutex, Owned: true})
	other := openAgain(t, mutex)
	for _, c := range []struct {
		what    string
		objects []*Waitable
		all     bool
	}{
		{"event", none[:1], false},
		{"63 objects", none[:63], false},
		{"64 objects", none, false},
		{"all of two", none[:2], true},
		{"all of 64 with free mutexes", free, true},
		{"mutex", []*Waitable{other}, false},
		{"event and mutex", []*Waitable{none[0], other}, false},
		{"all of free mutex, event and mutex", []*Waitable{free[2], none[0], other}, true},
	} {
		for want, ctx := range map[error]func() (context.Context, context.CancelFunc){
			context.Canceled: func() (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancel(context.Background())
				time.AfterFunc(20*time.Millisecond, cancel)
				return ctx, cancel
			},
			context.DeadlineExceeded: func() (context.Context, context.CancelFunc) {
				return context.WithTimeout(context.Background(), 20*time.Millisecond)
			},
		} {
			begun := time.Now()
			ctx, cancel := ctx()
			if _, err := Wait(ctx, c.objects, c.all); err != want {
				t.Errorf("%s: %v, want %v", c.what, err, want)
			} else if passed := time.Since(begun); passed < 20*time.Millisecond {
				t.Errorf("%s: %v after %v", c.what, err, passed)
			}
			cancel()
		}
	}
	for i, w := range free {
		if w.Kind() == KindMutex {
			if _, err := Wait(done, []*Waitable{w}, false); err != nil || w.native.depth != 1 {
				t.Errorf("mutex %d was taken by a wait that was given up: %v, depth %d", i, err, w.native.depth)
			}
		}
	}
}

func TestWaitForAllOfSixtyFour(t *testing.T) {
	objects := sixtyFour(t, true)
	ended := make(chan error)
	go func() {
		_, err := Wait(soon(t), objects, true)
		ended <- err
	}()
	for i, w := range objects {
		if i == len(objects)-1 {
			wantTry(t, objects[0], true, false) // a manual-reset event, which stays set
		}
		switch w.Kind() {
		case KindEvent:
			must(t, w.Set())
		case KindSemaphore:
			_, err := w.Release(1)
			must(t, err)
		}
	}
	must(t, <-ended)
	for i, w := range objects {
		switch {
		case w.Kind() == KindMutex:
			must(t, w.Unlock())
		case w.Kind() == KindEvent && i%3 == 0:
			wantTry(t, w, true, false)
		default:
			wantTry(t, w, false, false)
		}
	}
}

func TestWaitForAnyTakesTheFirst(t *testing.T) {
	objects := sixtyFour(t, true)
	for _, i := range []int{63, 40, 7} {
		if objects[i].Kind() == KindSemaphore {
			_, err := objects[i].Release(1)
			must(t, err)
		} else {
			must(t, objects[i].Set())
		}
	}
	var some []*Waitable // the mutexes are free, and 2 is the first of them
	var index []int
	for i, w := range objects {
		if w.Kind() != KindMutex {
			some, index = append(some, w), append(index, i)
		}
	}
	for _, want := range []int{7, 40} {
		outcome, err := Wait(soon(t), some, false)
		if err != nil || index[outcome.Index] != want {
			t.Errorf("%d, %v; want %d", index[outcome.Index], err, want)
		}
	}
	outcome, err := Wait(soon(t), objects, false)
	if err != nil || outcome != (Outcome{Index: 2}) {
		t.Errorf("%+v, %v; want the first mutex", outcome, err)
	}
	must(t, objects[2].Unlock())
}

func TestWaitForAllOfTheSame(t *testing.T) {
	for _, spec := range []WaitableSpec{{Kind: KindEvent}, {Kind: KindMutex}, {Kind: KindSemaphore, Maximum: 1}} {
		a := makeWaitable(t, name(t), spec)
		b := openAgain(t, a)
		c := makeWaitable(t, name(t)+"2", spec)
		for _, objects := range [][]*Waitable{{a, a}, {a, b}, {b, c, a}} {
			_, err := Wait(done, objects, true)
			wantCode(t, "one object twice", err, fault.InvalidParameter)
		}
		if _, err := Wait(done, []*Waitable{a, c}, true); fault.CodeOf(err) == fault.InvalidParameter {
			t.Error("two objects were taken for one")
		}
		a.Close()
		c.Close()
		b.Close()
	}
}

func TestClosedHandles(t *testing.T) {
	w := makeWaitable(t, "", WaitableSpec{Kind: KindEvent})
	ended := make(chan error)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, err := w.Wait(ctx)
		ended <- err
	}()
	for !w.uses.InUse() {
		time.Sleep(time.Millisecond)
	}
	must(t, w.Close())
	wantCode(t, "close again", w.Close(), fault.InvalidHandle)
	wantCode(t, "set", w.Set(), fault.InvalidHandle)
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the wait that ran: %v", err)
	}
	// Now that it has ended the system's handle is closed.
	if err := windows.SetEvent(w.native.handle); err != windows.ERROR_INVALID_HANDLE {
		t.Errorf("the handle is still open: %v", err)
	}
}
