//go:build unix && !race

package flow_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"testing"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/flow"
)

type large [4096]uint64

// atWork opens the two ends of a ring or a feed, of which the first has this work to do.
type atWork func(t *testing.T, name string) (work func() error, end, other io.Closer)

var worksOnMessages = map[string]atWork{
	"send": func(t *testing.T, name string) (func() error, io.Closer, io.Closer) {
		r, s := ringOf[large](t, name)
		m := make([]large, 3)
		go drain(r)
		return func() error { return s.Send(context.Background(), m...) }, s, r
	},
	"claim": func(t *testing.T, name string) (func() error, io.Closer, io.Closer) {
		r, s := ringOf[large](t, name)
		go drain(r)
		return func() error {
			m, err := s.Claim(context.Background(), 3)
			for i := range m {
				m[i][7] = 7
			}
			s.Commit()
			return err
		}, s, r
	},
	"next": func(t *testing.T, name string) (func() error, io.Closer, io.Closer) {
		r, s := ringOf[large](t, name)
		go func() {
			for s.Send(context.Background(), make([]large, 3)...) == nil {
			}
		}()
		return func() error {
			m, err := r.Next(context.Background())
			var sum uint64
			for i := range m {
				sum += m[i][9]
			}
			r.Done()
			return err
		}, r, s
	},
	"write": func(t *testing.T, name string) (func() error, io.Closer, io.Closer) {
		w, r := feedOf[large](t, name)
		m := make([]large, 3)
		return func() error { return w.Write(m...) }, w, r
	},
	"latest": func(t *testing.T, name string) (func() error, io.Closer, io.Closer) {
		w, r := feedOf[large](t, name)
		w.Write(make([]large, 3)...)
		buf := make([]large, 3)
		return func() error { _, _, err := r.Latest(buf); return err }, r, w
	},
	"look": func(t *testing.T, name string) (func() error, io.Closer, io.Closer) {
		w, r := feedOf[large](t, name)
		w.Write(make([]large, 3)...)
		return func() error {
			n, _ := r.Look(func(m []large) {
				for i := range m {
					for j := range m[i] {
						_ = m[i][j]
					}
				}
			})
			if n == 0 {
				return namedshm.ErrInvalidHandle
			}
			return nil
		}, r, w
	},
}

// TestCloseAtWork: Close comes from another goroutine while a call is in the middle of a message. No process crashes,
// and the call ends, or fails. (The race detector rightly finds that nothing orders the two. Windows cannot put other
// memory in the place of a view's in one step.)
func TestCloseAtWork(t *testing.T) {
	for name, open := range worksOnMessages {
		t.Run(name, func(t *testing.T) {
			for round := range 50 {
				work, end, other := open(t, fmt.Sprintf("Closing%s%d", name, round))
				started, ended := make(chan struct{}), make(chan error)
				go func() {
					for n := 0; ; n++ {
						if n == 3 {
							close(started)
						}
						if err := work(); err != nil {
							ended <- err
							return
						}
					}
				}()
				<-started
				for range round {
					runtime.Gosched()
				}
				if err := end.Close(); err != nil {
					t.Fatal(err)
				}
				var of *namedshm.Error
				if err := <-ended; !errors.As(err, &of) && !errors.Is(err, namedshm.ErrInvalidHandle) {
					t.Fatalf("the call at work ended with %v", err)
				}
				if err := end.Close(); !errors.Is(err, namedshm.ErrInvalidHandle) {
					t.Fatalf("a second Close: %v", err)
				}
				other.Close()
			}
		})
	}
}

func ringOf[T any](t *testing.T, name string) (*flow.Receiver[T], *flow.Sender[T]) {
	t.Helper()
	r, err := flow.NewReceiver[T](name, flow.Ring{Lanes: 1})
	if err != nil {
		t.Fatal(err)
	}
	s, err := flow.OpenSender[T](t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return r, s
}

func feedOf[T any](t *testing.T, name string) (*flow.Writer[T], *flow.Reader[T]) {
	t.Helper()
	w, err := flow.NewWriter[T](name, flow.Feed{Depth: 3, Most: 3})
	if err != nil {
		t.Fatal(err)
	}
	r, err := flow.OpenReader[T](t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return w, r
}

// drain receives until that fails.
func drain[T any](r *flow.Receiver[T]) {
	for {
		if _, err := r.Next(context.Background()); err != nil {
			return
		}
	}
}
