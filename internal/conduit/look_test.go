package conduit

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"testing"

	"github.com/namedshm/namedshm/internal/inside"
	"github.com/namedshm/namedshm/internal/kernel"
)

// looked is a ring of bytes in a section, with a receiver, a sender and somebody who looks on.
func looked(t *testing.T, capacity int64) (*Receiver, *Sender, *Onlooker) {
	t.Helper()
	if runtime.GOOS != "windows" { // where names are no files, and Wine cannot remove the directory as Go wants it
		t.Setenv("NAMEDSHM_ROOT", t.TempDir())
	}
	s, err := ParseStructure("u8 1/1")
	if err != nil {
		t.Fatal(err)
	}
	usual := inside.Choices{Spec: kernel.Spec{Protection: kernel.PageReadWrite}}
	r, err := NewReceiver("Looked", s, Ring{Lanes: 2, Capacity: capacity}, usual)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	snd, err := OpenSender(context.Background(), "Looked", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { snd.Close() })
	o, err := LookOn("Looked")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.Close() })
	return r, snd, o
}

func sendText(t *testing.T, s *Sender, text string) {
	t.Helper()
	m, ok, err := s.TryClaim(len(text))
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	copy(m, text)
	s.Commit()
}

func consumed(t *testing.T, o *Onlooker) (texts []string) {
	t.Helper()
	if err := o.Consumed(0, 3, func(m []byte, length int) bool {
		texts = append(texts, fmt.Sprintf("%s %d", m, length))
		return true
	}); err != nil {
		t.Fatal(err)
	}
	return texts
}

// TestConsumed: what was read is seen until the lane is begun anew, and what waits is not.
func TestConsumed(t *testing.T) {
	r, s, o := looked(t, leastCapacity)
	for _, text := range []string{"one", "", "three"} {
		sendText(t, s, text)
	}
	for range 2 {
		if _, ok, err := r.TryNext(); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	r.Done()
	if got := consumed(t, o); !slices.Equal(got, []string{"one 3", " 0"}) {
		t.Errorf("%q", got)
	}
	for n := range 1000 { // round and round: what is seen is always what was sent last
		text := fmt.Sprintf("message %d", n)
		sendText(t, s, text)
		for last := ""; last != text; {
			m, _, err := r.TryNext()
			if last = string(m); err != nil {
				t.Fatal(err)
			}
		}
		r.Done()
		got := consumed(t, o)
		if len(got) > 0 && got[len(got)-1] != fmt.Sprintf("mes %d", len(text)) {
			t.Fatalf("after %d: %q", n, got)
		}
	}
	// A length that nobody honest writes ends it.
	copy(r.memory[r.head.dataAt:], "\xff\xff\xff\xff\xff\xff\xff\x7f")
	if got := consumed(t, o); len(got) != 0 {
		t.Errorf("%q", got)
	}
}

// TestCountingStops: a ring that says that more waits than anybody can count is described all the same, and soon.
func TestCountingStops(t *testing.T) {
	_, s, o := looked(t, 16<<20)
	s.lane.tail.store(16 << 20) // of zeros, which are messages without bytes, and one for every eight
	info, err := o.Stat()
	if err != nil || !info.WaitingMore || info.Waiting != mostCounted {
		t.Errorf("%d wait, more %v, %v", info.Waiting, info.WaitingMore, err)
	}
	s.lane.tail.store(800)
	if info, err = o.Stat(); err != nil || info.WaitingMore || info.Waiting != 100 {
		t.Errorf("%d wait, more %v, %v", info.Waiting, info.WaitingMore, err)
	}
}

// TestHeld: as long as it is so, nobody is told that a message is done with.
func TestHeld(t *testing.T) {
	r, s, _ := looked(t, leastCapacity)
	if r.Held() {
		t.Error("held, and there is nothing")
	}
	big := string(make([]byte, 100))
	for range 30 {
		sendText(t, s, big)
	}
	told, runs := s.lane.head.load(), 0
	for range 30 {
		held := r.Held()
		if _, ok, err := r.TryNext(); !ok || err != nil {
			t.Fatal(ok, err)
		}
		now := s.lane.head.load()
		if held && now != told {
			t.Fatal("it was held, and the sender was told")
		}
		if held {
			runs++
		}
		told = now
	}
	if r.Held() || runs < 20 {
		t.Errorf("held %d times of 30", runs)
	}
}
