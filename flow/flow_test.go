package flow_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/flow"
)

type tick struct {
	Price float64
	Count uint32
	_     [4]byte
}

func TestRing(t *testing.T) {
	ctx := context.Background()
	r, err := flow.NewReceiver[tick]("Ring", flow.Ring{Capacity: 4096})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	s, err := flow.OpenSender[tick](ctx, "Ring")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for i := range 10000 {
			if err := s.Send(ctx, make([]tick, i%7)...); err != nil {
				t.Error(err)
				return
			}
		}
		if err := s.Drain(ctx); err != nil {
			t.Error(err)
		}
		s.Close()
	}()
	n := 0
	for m, err := range r.All(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		if len(m) != n%7 {
			t.Fatalf("message %d has %d values", n, len(m))
		}
		n++
	}
	if n != 10000 {
		t.Error(n)
	}
	if _, err := r.Next(ctx); err != io.EOF {
		t.Error(err)
	}
	info, err := flow.Stat("Ring")
	t.Logf("%+v %v", info, err)
	if _, err := flow.NewReceiver[tick]("Ring", flow.Ring{}); !errors.Is(err, namedshm.ErrBusy) {
		t.Error(err)
	} else {
		t.Log(err)
	}
	if _, err := flow.OpenSender[float64](ctx, "Ring"); !errors.Is(err, namedshm.ErrDatatypeMismatch) {
		t.Error(err)
	} else {
		t.Log(err)
	}
}

func TestFeed(t *testing.T) {
	ctx := context.Background()
	w, err := flow.NewWriter[tick]("Feed", flow.Feed{Depth: 4, Most: 2})
	if err != nil {
		t.Fatal(err)
	}
	r, err := flow.OpenReader[tick](ctx, "Feed")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	go func() {
		for i := range 10000 {
			w.Write(tick{Price: float64(i)}, tick{Count: uint32(i)})
		}
		w.Close()
	}()
	var all uint64
	var buf []tick
	for {
		m, lost, err := r.Next(ctx, buf)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		buf = m
		all += lost + 1
		if m[0].Price != float64(all-1) || m[1].Count != uint32(all-1) {
			t.Fatal(m, lost, all)
		}
	}
	if all != 10000 {
		t.Error(all)
	}
}

// TestValueLargerThanALane: a ring in which no message has room is not made.
func TestValueLargerThanALane(t *testing.T) {
	r, err := flow.NewReceiver[[3000]byte](t.Name(), flow.Ring{Capacity: 4096})
	if err == nil {
		r.Close()
	}
	var e *namedshm.Error
	if !errors.As(err, &e) || e.Code != namedshm.ErrInvalidParameter || !strings.Contains(err.Error(), "larger Capacity") {
		t.Errorf("a ring for values of 3000 bytes in lanes of 4096: %v", err)
	}
}

// TestBuffersStay: a reader's buffer keeps its room whatever it holds, and is given back when there is an error.
func TestBuffersStay(t *testing.T) {
	w, err := flow.NewWriter[uint32]("BuffersStay", flow.Feed{Depth: 3, Most: 100})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	r, err := flow.OpenReader[uint32](t.Context(), "BuffersStay")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	buf := make([]uint32, 0, 100)
	for _, n := range []int{100, 3, 0, 100} {
		if err := w.Write(make([]uint32, n)...); err != nil {
			t.Fatal(err)
		}
		if buf, _, err = r.Latest(buf); err != nil || len(buf) != n || cap(buf) != 100 {
			t.Errorf("Latest of %d values: length %d, capacity %d, %v", n, len(buf), cap(buf), err)
		}
		if err := w.Write(make([]uint32, n)...); err != nil {
			t.Fatal(err)
		}
		if buf, _, err = r.Next(t.Context(), buf); err != nil || len(buf) != n || cap(buf) != 100 {
			t.Errorf("Next of %d values: length %d, capacity %d, %v", n, len(buf), cap(buf), err)
		}
	}
	w.Close()
	if buf, _, err = r.Next(t.Context(), buf); err != io.EOF || len(buf) != 0 || cap(buf) != 100 {
		t.Errorf("at the end: length %d, capacity %d, %v", len(buf), cap(buf), err)
	}
}
