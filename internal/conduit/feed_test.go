package conduit

import (
	"context"
	"encoding/binary"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/namedshm/namedshm/internal/fault"
)

// write writes message n, of so many words.
func write(t testing.TB, w *Writer, values int, n uint64) {
	t.Helper()
	m := make([]byte, 8*values)
	mark(m, n)
	if err := w.Write(m); err != nil {
		t.Fatal(err)
	}
}

// TestFeedCountsWhatIsLost: a reader gets each message or is told exactly how many it has missed; one that comes
// late begins with the oldest that is kept.
func TestFeedCountsWhatIsLost(t *testing.T) {
	for _, depth := range []int{3, 4, 64} {
		feed := newFeed(t, words, Feed{Depth: depth, Most: 5})
		w, _ := feed.writer(t)
		r := feed.reader(t)
		n, got := uint64(0), uint64(0)
		for _, burst := range []int{0, 1, 2, depth - 1, depth, depth + 1, 10 * depth, 1, 0, 3} {
			for range burst {
				write(t, w, int(n%6), n)
				n++
			}
			late := feed.reader(t)
			m, lost, ok, err := late.TryNext(nil)
			if kept := min(n, uint64(depth-1)); ok != (kept > 0) || err != nil || lost != 0 || ok && !marked(m, n-kept) {
				t.Fatalf("a late reader gets %x, lost %d, %v, %v, with %d written", m, lost, ok, err, n)
			}
			for got < n {
				m, lost, ok, err := r.TryNext(nil)
				if !ok || err != nil {
					t.Fatal(ok, err)
				}
				got += lost
				if len(m) != 8*int(got%6) || !marked(m, got) {
					t.Fatalf("%x is not message %d", m, got)
				}
				got++
			}
			if m, lost, ok, err := r.TryNext(nil); ok || err != nil || lost != 0 {
				t.Fatal(m, lost, ok, err)
			}
		}
	}
}

// TestLatest: the newest, or number 0; Next goes on behind it, and the buffer is used.
func TestLatest(t *testing.T) {
	feed := newFeed(t, words, Feed{Depth: 3, Most: 4})
	w, _ := feed.writer(t)
	r := feed.reader(t)
	if m, number, err := r.Latest(nil); len(m) != 0 || number != 0 || err != nil {
		t.Error(m, number, err)
	}
	if number, whole := r.Look(func([]byte) { t.Error("a look at nothing") }); number != 0 || whole {
		t.Error(number, whole)
	}
	buf := make([]byte, 0, 64)
	for n := range uint64(20) {
		write(t, w, 4, n)
		m, number, err := r.Latest(buf)
		if err != nil || number != n+1 || !marked(m, n) || &m[0] != &buf[:1][0] {
			t.Fatal(m, number, err)
		}
		looked := false
		number, whole := r.Look(func(m []byte) { looked = len(m) == 32 && marked(m, n) })
		if number != n+1 || !whole || !looked {
			t.Fatal(number, whole, looked)
		}
		if _, _, ok, err := r.TryNext(nil); ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	w.Close()
	if _, _, err := r.Next(background, nil); err != io.EOF {
		t.Error(err)
	}
	if m, number, err := r.Latest(nil); number != 20 || err != nil || !marked(m, 19) {
		t.Error(m, number, err)
	}
}

// TestLookIsNoReading: Next goes on where it was, whatever was looked at meanwhile, however the platform looks.
func TestLookIsNoReading(t *testing.T) {
	feed := newFeed(t, words, Feed{Depth: 8, Most: 4})
	w, _ := feed.writer(t)
	r := feed.reader(t)
	for n := range uint64(3) {
		write(t, w, 4, n)
	}
	if number, whole := r.Look(func([]byte) {}); number != 3 || !whole {
		t.Error(number, whole)
	}
	for n := range uint64(3) {
		if m, lost, ok, err := r.TryNext(nil); !ok || lost != 0 || err != nil || !marked(m, n) {
			t.Errorf("message %d: %v, %d lost, %v, %v", n, m, lost, ok, err)
		}
	}
}

// TestClaimInPlace: what is claimed and not committed is seen by nobody, by whatever the writer ends; a number of
// values that was not claimed panics.
func TestClaimInPlace(t *testing.T) {
	feed := newFeed(t, words, Feed{Depth: 3, Most: 4})
	w, seat := feed.writer(t)
	r := feed.reader(t)
	mustFail(t, w.Commit(0), fault.InvalidParameter) // nothing is claimed
	for n := range uint64(10) {
		m, err := w.Claim()
		if err != nil || len(m) != 32 || cap(m) != 32 {
			t.Fatal(len(m), cap(m), err)
		}
		again, _ := w.Claim()
		if &again[0] != &m[0] {
			t.Fatal("a second claim is another one")
		}
		mark(m, n)
		if err := w.Commit(int(n % 5)); err != nil {
			t.Fatal(err)
		}
		got, number, err := r.Latest(nil)
		if err != nil || number != n+1 || len(got) != 8*int(n%5) || !marked(got, n) {
			t.Fatal(got, number, err)
		}
	}
	for _, wrong := range []int{-1, 5} {
		w.Claim()
		mustFail(t, w.Commit(wrong), fault.InvalidParameter)
	}
	m, _ := w.Claim()
	mark(m, 99)
	seat.die()
	if m, number, err := r.Latest(nil); number != 10 || err != nil || !marked(m, 9) {
		t.Error(m, number, err)
	}
	_, _, err := r.Next(background, nil)
	mustBe(t, err, io.ErrUnexpectedEOF)
	mustFail(t, err, fault.BrokenPipe)
	w, _ = feed.writer(t)
	write(t, w, 4, 10)
	if m, _, err := r.Next(background, nil); err != nil || !marked(m, 10) {
		t.Error(m, err)
	}
	mustFail(t, w.Write(make([]byte, 40)), fault.InvalidParameter)
}

// TestFeedHasOneWriter who lives.
func TestFeedHasOneWriter(t *testing.T) {
	feed := newFeed(t, words, Feed{Depth: 3, Most: 1})
	w, seat := feed.writer(t)
	_, err := WriterOver(feed.memory, feed.sit())
	mustFail(t, err, fault.Busy)
	seat.die()
	next, _ := feed.writer(t)
	mustFail(t, w.Write(make([]byte, 8)), fault.InvalidHandle)
	_, err = w.Claim()
	mustFail(t, err, fault.InvalidHandle)
	next.Close()
	next, _ = feed.writer(t)
	write(t, next, 1, 7)
}

// TestWriterThatDiesBetween the two stores that end a message: it was there, and somebody may have read it. Its
// successor does not give its number to another one.
func TestWriterThatDiesBetween(t *testing.T) {
	feed := newFeed(t, words, Feed{Depth: 3, Most: 1})
	w, seat := feed.writer(t)
	write(t, w, 1, 0)
	w.start()
	m := make([]byte, 8)
	mark(m, 1)
	copyIn(w.slot.payload(), m)
	w.slot.bytes.store(8)
	w.slot.seq.store(2 * 2) // and no tail
	r := feed.reader(t)
	for n := range uint64(2) {
		if m, lost, err := r.Next(background, nil); err != nil || lost != 0 || !marked(m, n) {
			t.Fatal(m, lost, err)
		}
	}
	// What was read stays the newest, and is not read twice.
	if m, number, err := r.Latest(nil); err != nil || number != 2 || !marked(m, 1) {
		t.Error(m, number, err)
	}
	if number, whole := r.Look(func(m []byte) {}); number != 2 || !whole {
		t.Error(number, whole)
	}
	if m, _, ok, err := r.TryNext(nil); ok || err != nil {
		t.Error(m, err)
	}
	seat.die()
	w, _ = feed.writer(t)
	write(t, w, 1, 2)
	if m, lost, err := r.Next(background, nil); err != nil || lost != 0 || !marked(m, 2) {
		t.Error(m, lost, err)
	}
	if _, number, _ := r.Latest(nil); number != 3 {
		t.Errorf("number %d", number)
	}
}

// TestFeedAtFullSpeed: one writer who never waits, and readers who wait, who look at the newest, and who lag.
// Nothing is torn, numbers rise, and what was got and what was lost make what was written. Under the race detector
// it is silent.
func TestFeedAtFullSpeed(t *testing.T) {
	messages := uint64(50000)
	if testing.Short() || raceDetector {
		messages = 3000
	}
	for _, values := range []int{1, 8, 100} {
		feed := newFeed(t, words, Feed{Depth: 4, Most: values})
		w, _ := feed.writer(t)
		var group sync.WaitGroup
		for range 2 {
			r := feed.reader(t)
			group.Go(func() {
				var buf []byte
				all := uint64(0)
				for {
					m, lost, err := r.Next(background, buf[:0])
					all += lost
					if err == io.EOF {
						break
					}
					if err != nil {
						if fault.CodeOf(err) == fault.Busy {
							continue
						}
						t.Error(err)
						return
					}
					if !marked(m, all) {
						t.Errorf("%x is not message %d", m, all)
						return
					}
					buf = m
					all++
				}
				if all != messages {
					t.Errorf("%d got and lost", all)
				}
			})
			newest := feed.reader(t)
			group.Go(func() {
				var buf []byte
				for last := uint64(0); last < messages; {
					m, number, err := newest.Latest(buf[:0])
					if err != nil && fault.CodeOf(err) != fault.Busy || number < last {
						t.Error(number, last, err)
						return
					}
					if err == nil && number > 0 && (!marked(m, number-1) || len(m) != 8*values) {
						t.Errorf("%x is not message %d", m, number-1)
						return
					}
					if err == nil {
						last, buf = number, m
					}
				}
			})
		}
		m := make([]byte, 8*values)
		for n := range messages {
			mark(m, n)
			w.Write(m)
		}
		w.Close()
		group.Wait()
	}
}

// TestSpoiledFeeds: a length that no writer stores is an error when it is really there, and numbers that make no
// sense are.
func TestSpoiledFeeds(t *testing.T) {
	feed := newFeed(t, words, Feed{Depth: 3, Most: 2})
	w, _ := feed.writer(t)
	r := feed.reader(t)
	for _, length := range []uint32{17, 4, 1 << 31, 1<<32 - 1} {
		write(t, w, 1, 1)
		w.of(w.tail).bytes.store(length)
		_, _, err := r.Latest(nil)
		mustFail(t, err, fault.FileCorrupt)
		if _, whole := r.Look(func([]byte) { t.Error("a look at it") }); whole {
			t.Error("it is whole")
		}
	}
	write(t, w, 1, 2)
	if m, lost, err := r.Next(background, nil); err != nil || lost != 0 || !marked(m, 2) {
		t.Error(m, lost, err)
	}
	for _, tail := range []uint64{1 << 62, 1<<64 - 1} {
		w.lane.tail.store(tail)
		_, _, err := r.Latest(nil)
		mustFail(t, err, fault.FileCorrupt)
		_, _, _, err = r.TryNext(nil)
		mustFail(t, err, fault.FileCorrupt)
		_, err = ReaderOver(feed.memory, feed.sit())
		mustFail(t, err, fault.FileCorrupt)
	}
	// A message that should be there and is not will never be.
	w.lane.tail.store(5000)
	_, _, err := r.Latest(nil)
	mustFail(t, err, fault.FileCorrupt)
	_, _, err = r.Next(background, nil)
	mustFail(t, err, fault.FileCorrupt)
	// A writer that flies past keeps nobody for ever.
	var over atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := uint64(5001); !over.Load(); n++ {
			w.lane.tail.store(n)
		}
	}()
	for fault.CodeOf(err) != fault.Busy { // it may have stood still for as long as a reader looks
		_, _, err = r.Latest(nil)
	}
	for err = nil; fault.CodeOf(err) != fault.Busy; {
		_, _, err = r.Next(background, nil)
	}
	over.Store(true)
	<-done
	w.Close()
	_, err = WriterOver(feed.memory, feed.sit())
	mustFail(t, err, fault.FileCorrupt)
}

// TestFeedNearTheEndOfNumbers, at numbers that no writer comes to.
func TestFeedNearTheEndOfNumbers(t *testing.T) {
	feed := newFeed(t, words, Feed{Depth: 3, Most: 1})
	start := uint64(1<<62 - 1000)
	l := laneOf(feed.memory, 0)
	l.tail.store(start)
	w := &Writer{slots: slotsOf(feed.memory, mustHead(t, feed.memory))}
	for n := start - 2; n <= start; n++ {
		w.of(n).seq.store(2 * n)
	}
	writer, _ := feed.writer(t)
	r := feed.reader(t)
	r.Latest(nil)
	for n := range uint64(900) {
		write(t, writer, 1, n)
		if m, lost, err := r.Next(background, nil); err != nil || lost != 0 || !marked(m, n) {
			t.Fatal(m, lost, err)
		}
	}
}

func mustHead(t testing.TB, memory []byte) *head {
	t.Helper()
	h, err := readHead(memory)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// TestReadersSleep: many at once, all of whom each message wakes, one of whom gives up.
func TestReadersSleep(t *testing.T) {
	feed := newFeed(t, words, Feed{Depth: 64, Most: 1})
	w, _ := feed.writer(t)
	ctx, cancel := context.WithCancel(background)
	var group sync.WaitGroup
	const readers, messages = 20, 30
	for range readers {
		r := feed.reader(t)
		group.Go(func() {
			for n := range uint64(messages) {
				m, lost, err := r.Next(background, nil)
				if err != nil || lost != 0 || binary.NativeEndian.Uint64(m) != n<<16 {
					t.Error(m, lost, err)
				}
			}
		})
	}
	impatient := feed.reader(t)
	given := make(chan error)
	go func() {
		_, _, err := impatient.Next(ctx, nil)
		given <- err
	}()
	for w.control.asleep.load() == 0 {
		time.Sleep(time.Microsecond)
	}
	cancel()
	mustBe(t, <-given, context.Canceled)
	for n := range uint64(messages) {
		write(t, w, 1, n)
		time.Sleep(time.Duration(n) * 10 * time.Microsecond)
	}
	group.Wait()
}
