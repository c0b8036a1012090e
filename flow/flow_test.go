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
