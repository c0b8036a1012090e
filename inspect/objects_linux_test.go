package inspect_test

import (
	"context"
	"os"
	"slices"
	"testing"
	"time"
	"unsafe"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/inspect"
)

// self is what is known of this process as a holder of an object.
func self(t *testing.T, name string) inspect.Holder {
	t.Helper()
	info, err := inspect.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range info.Holders {
		if h.PID == os.Getpid() {
			return h
		}
	}
	t.Fatalf("this process is not among the holders: %+v", info)
	return inspect.Holder{}
}

// skipOtherBackings leaves out what only handles with records show.
func skipOtherBackings(t *testing.T) {
	if os.Getenv("NAMEDSHM_BACKING") != "" {
		t.Skip("a file's handles have no records")
	}
}

// TestHoldersRightsAndViews: a holder's handles are told with what each may do, and its views with what they show.
func TestHoldersRightsAndViews(t *testing.T) {
	skipOtherBackings(t)
	s, err := namedshm.Create("InspectViews", 1<<20, namedshm.ReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	reader, err := namedshm.Open("InspectViews", namedshm.Read)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	var want []inspect.Mapping
	for _, c := range []struct {
		by     *namedshm.Section
		offset int64
		length int64
		access namedshm.Access
	}{
		{s, 0, 4096, namedshm.ReadWrite}, {reader, 1 << 16, 8192, namedshm.Read}, {s, 3 << 16, 4096, namedshm.Copy},
	} {
		v, err := c.by.Map(c.offset, c.length, c.access)
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		address := uint64(uintptr(unsafe.Pointer(unsafe.SliceData(v.Bytes()))))
		want = append(want, inspect.Mapping{Address: address, Offset: c.offset, Length: c.length, Access: c.access})
	}
	slices.SortFunc(want, func(a, b inspect.Mapping) int { return int(int64(a.Address) - int64(b.Address)) })
	h := self(t, "InspectViews")
	if !slices.Equal(h.Mapped, want) || h.Views != len(want) {
		t.Errorf("%d views %+v, want %+v", h.Views, h.Mapped, want)
	}
	slices.Sort(h.Access)
	if wanted := []namedshm.Access{namedshm.Read, namedshm.ReadWrite}; !slices.Equal(h.Access, wanted) || h.Rights != nil {
		t.Errorf("handles for %v and %v, want %v", h.Access, h.Rights, wanted)
	}
	e, err := namedshm.CreateEvent("InspectRights", namedshm.ManualReset, false)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	h = self(t, "InspectRights")
	if want := []namedshm.Rights{namedshm.AllRights}; !slices.Equal(h.Rights, want) || h.Access != nil || h.Mapped != nil {
		t.Errorf("an event's handle: %+v, want rights %v", h, want)
	}
}

// TestWhoWaits: a wait is told with its process, when it began, and whether it is for several objects.
func TestWhoWaits(t *testing.T) {
	spaces := []string{`Local\`}
	if os.Geteuid() == 0 {
		spaces = append(spaces, `Global\`)
	}
	for _, space := range spaces {
		var objects []namedshm.Waitable
		for _, name := range []string{"InspectA", "InspectB"} {
			e, err := namedshm.CreateEvent(space+name, namedshm.AutoReset, false)
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			objects = append(objects, e)
		}
		for title, c := range map[string]struct {
			wait func(ctx context.Context) error
			want inspect.Waiter
		}{
			"one": {func(ctx context.Context) error { return objects[1].(*namedshm.Event).Wait(ctx) }, inspect.Waiter{}},
			"any": {func(ctx context.Context) error { _, err := namedshm.WaitAny(ctx, objects...); return err },
				inspect.Waiter{AnyOf: 1}},
			"all": {func(ctx context.Context) error { _, err := namedshm.WaitAll(ctx, objects...); return err },
				inspect.Waiter{AllOf: 1}},
		} {
			t.Run(space+title, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				began := time.Now()
				done := make(chan error)
				go func() { done <- c.wait(ctx) }()
				got := waiting(t, space+"InspectB", 1)
				want := c.want
				want.PID, want.Count, want.Command = os.Getpid(), 1, got[0].Command
				since := got[0].Since
				if got[0].Since = (time.Time{}); got[0] != want || since.Before(began) || since.After(time.Now()) {
					t.Errorf("%+v since %v, want %+v since %v or later", got[0], since, want, began)
				}
				cancel()
				if err := <-done; err == nil {
					t.Error("the wait ended well")
				}
				waiting(t, space+"InspectB", 0)
			})
		}
	}
}

// waiting waits until so many waits are told, and returns them.
func waiting(t *testing.T, name string, want int) []inspect.Waiter {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; {
		info, err := inspect.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.State.Waiters == want && len(info.State.Waiting) == want {
			return info.State.Waiting
		}
		if time.Now().After(end) {
			t.Fatalf("%+v, want %d waits", info.State, want)
		}
		time.Sleep(time.Millisecond)
	}
}
