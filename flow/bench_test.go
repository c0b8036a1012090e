package flow_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/namedshm/namedshm/flow"
)

// Figures of one thread, or of two goroutines of one process; those between processes, beside peers, are package
// bench's. What is filled and summed is included. Run them pinned, and compare with the copy beside them:
//
//	go test -run - -bench . ./flow

type line [8]uint64

func benchRing[T any](b *testing.B) (*flow.Receiver[T], *flow.Sender[T]) {
	b.Helper()
	r, err := flow.NewReceiver[T](b.Name(), flow.Ring{Lanes: 1})
	if err != nil {
		b.Fatal(err)
	}
	s, err := flow.OpenSender[T](context.Background(), b.Name())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close(); r.Close() })
	return r, s
}

func fill(s *flow.Sender[line], i uint64) bool {
	m, ok, _ := s.TryClaim(1)
	if ok {
		for k := range m[0] {
			m[0][k] = i
		}
	}
	return ok
}

func sum(m []line) (sum uint64) {
	for _, v := range m[0] {
		sum += v
	}
	return sum
}

// BenchmarkBoth: one message there and back out, in turns of as many as fit well.
func BenchmarkBoth(b *testing.B) {
	for _, batch := range []int{1, 32} {
		b.Run(fmt.Sprintf("commit each %d", batch), func(b *testing.B) {
			r, s := benchRing[line](b)
			total := uint64(0)
			for i := 0; i < b.N; {
				n := min(b.N-i, 1024)
				for k := range n {
					fill(s, uint64(k))
					if k%batch == batch-1 {
						s.Commit()
					}
				}
				s.Commit()
				for range n {
					m, _, _ := r.TryNext()
					total += sum(m)
				}
				i += n
			}
			sink = total
		})
	}
}

var sink uint64

// BenchmarkClaimCommit is the sender's half: what the receiver takes is in no figure.
func BenchmarkClaimCommit(b *testing.B) {
	r, s := benchRing[line](b)
	for i := 0; i < b.N; {
		n := min(b.N-i, 8192)
		for k := range n {
			fill(s, uint64(k))
			s.Commit()
		}
		i += n
		b.StopTimer()
		for range n {
			r.TryNext()
		}
		r.Done()
		b.StartTimer()
	}
}

// BenchmarkNext and BenchmarkAll are the receiver's.
func BenchmarkNext(b *testing.B) {
	r, s := benchRing[line](b)
	ctx := context.Background()
	total := uint64(0)
	for i := 0; i < b.N; {
		n := sendSome(b, s, i)
		for range n {
			m, _ := r.Next(ctx)
			total += sum(m)
		}
		i += n
		r.Done()
	}
	sink = total
}

func BenchmarkAll(b *testing.B) {
	r, s := benchRing[line](b)
	ctx := context.Background()
	total := uint64(0)
	for i := 0; i < b.N; {
		n := sendSome(b, s, i)
		left := n
		for m := range r.All(ctx) {
			total += sum(m)
			if left--; left == 0 {
				break
			}
		}
		i += n
		r.Done()
	}
	sink = total
}

func sendSome(b *testing.B, s *flow.Sender[line], i int) int {
	b.StopTimer()
	n := min(b.N-i, 8192)
	for k := range n {
		fill(s, uint64(k))
	}
	s.Commit()
	b.StartTimer()
	return n
}

// BenchmarkRoundTrip: a message to another goroutine, and one back.
func BenchmarkRoundTrip(b *testing.B) {
	there, ask := benchRing[line](b)
	ctx := context.Background()
	back, err := flow.NewReceiver[line](b.Name()+"Back", flow.Ring{Lanes: 1})
	if err != nil {
		b.Fatal(err)
	}
	defer back.Close()
	answer, err := flow.OpenSender[line](ctx, b.Name()+"Back")
	if err != nil {
		b.Fatal(err)
	}
	go func() {
		for m, err := range there.All(ctx) {
			if err != nil {
				return
			}
			answer.Send(ctx, m...)
		}
		answer.Close()
	}()
	b.ResetTimer()
	for i := range b.N {
		ask.Send(ctx, line{uint64(i)})
		if m, err := back.Next(ctx); err != nil || m[0][0] != uint64(i) {
			b.Fatal(m, err)
		}
	}
	b.StopTimer()
	ask.Close()
	back.Next(ctx) // until the other goroutine has gone
}

// BenchmarkFeed: a copy in and a copy out, with the copy alone beside them.
func BenchmarkFeed(b *testing.B) {
	for _, size := range []int{8, 64, 1 << 10, 64 << 10, 1 << 20} {
		w, err := flow.NewWriter[byte](fmt.Sprintf("Feed%d", size), flow.Feed{Depth: 4, Most: size})
		if err != nil {
			b.Fatal(err)
		}
		defer w.Close()
		r, err := flow.OpenReader[byte](context.Background(), w.Name())
		if err != nil {
			b.Fatal(err)
		}
		defer r.Close()
		m, buf := make([]byte, size), make([]byte, size)
		b.Run(fmt.Sprintf("Write/%d", size), func(b *testing.B) {
			b.SetBytes(int64(size))
			for range b.N {
				w.Write(m...)
			}
		})
		b.Run(fmt.Sprintf("Latest/%d", size), func(b *testing.B) {
			b.SetBytes(int64(size))
			for range b.N {
				buf, _, _ = r.Latest(buf)
			}
		})
		b.Run(fmt.Sprintf("copy/%d", size), func(b *testing.B) {
			b.SetBytes(int64(size))
			for range b.N {
				copy(buf, m)
			}
		})
	}
}
