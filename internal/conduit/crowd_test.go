package conduit

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"testing"

	"github.com/namedshm/namedshm/internal/fault"
)

// crowd is all who live, where processes are played by goroutines, or by one after the other.
type crowd struct {
	mu    sync.Mutex
	last  uint32
	alive map[uint32]bool
}

// chair is the seat of one of them.
type chair struct {
	*crowd
	id uint32
}

// sit is a new one.
func (c *crowd) sit() *chair {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.alive == nil {
		c.alive = map[uint32]bool{}
	}
	c.last++
	c.alive[c.last] = true
	return &chair{c, c.last}
}

// die ends one, as a process ends that is killed.
func (c *chair) die() {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.alive, c.id)
}

func (c *chair) Seat() uint32 { return c.id }

func (c *chair) SeatTaken(id uint32) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.alive[id]
}

func (c *chair) SeatsSeen() bool { return true }
func (c *chair) SeatLost() bool  { return false }

var background = context.Background()

// words are values of eight bytes.
var words = mustParse("u64 8/8")

func mustParse(text string) *Structure {
	s, err := ParseStructure(text)
	if err != nil {
		panic(err)
	}
	return s
}

// ring is a ring over memory of this process.
type ring struct {
	crowd
	memory []byte
}

func newRing(t testing.TB, s *Structure, shape Ring) *ring {
	t.Helper()
	memory, err := MakeRing(s, shape)
	if err != nil {
		t.Fatal(err)
	}
	return &ring{memory: memory}
}

func (r *ring) receiver(t testing.TB) (*Receiver, *chair) {
	t.Helper()
	seat := r.sit()
	end, err := ReceiverOver(r.memory, seat)
	if err != nil {
		t.Fatal(err)
	}
	return end, seat
}

func (r *ring) sender(t testing.TB) (*Sender, *chair) {
	t.Helper()
	seat := r.sit()
	end, err := SenderOver(r.memory, seat)
	if err != nil {
		t.Fatal(err)
	}
	return end, seat
}

// feed is a feed over memory of this process.
type feed struct {
	crowd
	memory []byte
}

func newFeed(t testing.TB, s *Structure, shape Feed) *feed {
	t.Helper()
	memory, err := MakeFeed(s, shape)
	if err != nil {
		t.Fatal(err)
	}
	return &feed{memory: memory}
}

func (f *feed) writer(t testing.TB) (*Writer, *chair) {
	t.Helper()
	seat := f.sit()
	end, err := WriterOver(f.memory, seat)
	if err != nil {
		t.Fatal(err)
	}
	return end, seat
}

func (f *feed) reader(t testing.TB) *Reader {
	t.Helper()
	end, err := ReaderOver(f.memory, &chair{crowd: &f.crowd})
	if err != nil {
		t.Fatal(err)
	}
	return end
}

// mark fills a message of words with numbers that say which it is: two that follow each other have no word in common.
func mark(m []byte, n uint64) {
	for i := 0; i < len(m); i += 8 {
		binary.NativeEndian.PutUint64(m[i:], n<<16|uint64(i/8))
	}
}

// marked reports whether a message is the one that mark made.
func marked(m []byte, n uint64) bool {
	for i := 0; i < len(m); i += 8 {
		if binary.NativeEndian.Uint64(m[i:]) != n<<16|uint64(i/8) {
			return false
		}
	}
	return true
}

// claimAndMark claims a message, if there is room.
func claimAndMark(t testing.TB, s *Sender, values int, n uint64) bool {
	t.Helper()
	m, ok, err := s.TryClaim(values)
	if err != nil {
		t.Fatal(err)
	}
	if ok {
		mark(m, n)
	}
	return ok
}

// mustHave takes the next message, which is to be this one.
func mustHave(t testing.TB, r *Receiver, values int, n uint64) {
	t.Helper()
	m, ok, err := r.TryNext()
	if !ok || err != nil || len(m) != 8*values || !marked(m, n) {
		t.Fatalf("%x, %v, %v; wanted message %d, of %d values", m, ok, err, n, values)
	}
}

func mustHaveNothing(t testing.TB, r *Receiver) {
	t.Helper()
	if m, ok, err := r.TryNext(); ok || err != nil {
		t.Fatalf("%x, %v, %v; wanted nothing", m, ok, err)
	}
}

// codeOf is an error's code, which is to be this one.
func mustFail(t testing.TB, err error, code fault.Code) {
	t.Helper()
	if fault.CodeOf(err) != code {
		t.Errorf("%v; wanted code %d", err, code)
	}
}

func mustBe(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%v; wanted %v", err, want)
	}
}
