//go:build unix

package conduit

import (
	"encoding/binary"
	"testing"
	"unsafe"

	"github.com/namedshm/namedshm/internal/fault"
	"golang.org/x/sys/unix"
)

// What is fuzzed lies before a page that is not mapped: one byte too far ends the process.

// cliff is memory of this size, whose last byte is the last one that may be touched; but for the alignment.
func cliff(t testing.TB, size int) []byte {
	t.Helper()
	page := unix.Getpagesize()
	whole := (size + page - 1) / page * page
	m, err := unix.Mmap(-1, 0, whole+page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Munmap(m) })
	if err := unix.Mprotect(m[whole:], unix.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	return m[whole-size : whole : whole]
}

// onCliff is a copy of memory there, for as long as use runs.
func onCliff(t testing.TB, memory []byte) []byte {
	c := cliff(t, len(memory))
	copy(c, memory)
	return c
}

// honest are the errors that hostile memory may cause.
func honest(t testing.TB, err error) {
	t.Helper()
	switch fault.CodeOf(err) {
	case fault.FileCorrupt, fault.Busy, fault.BrokenPipe, fault.InvalidHandle, fault.NotSupported, fault.InvalidParameter:
	default:
		if err != nil && err.Error() != "EOF" {
			t.Errorf("%v", err)
		}
	}
}

// scribble has a fuzzer write numbers where it says.
func scribble(memory []byte, from int64, script []byte) {
	for len(script) >= 10 {
		at := from + int64(binary.LittleEndian.Uint16(script))*8%(int64(len(memory))-from)&^7
		binary.NativeEndian.PutUint64(memory[at:], binary.LittleEndian.Uint64(script[2:]))
		script = script[10:]
	}
}

// within reports whether a message lies in the memory's data.
func within(memory, m []byte) bool {
	base, at := uintptr(unsafe.Pointer(unsafe.SliceData(memory))), uintptr(unsafe.Pointer(unsafe.SliceData(m)))
	return at >= base+leastDataAt && at+uintptr(len(m)) <= base+uintptr(len(memory))
}

var fuzzWords = mustParse("{a:u64@0 b:[2]u16@8} 16/8")

// FuzzReceiver: whatever stands in a ring, a receiver returns messages inside of it, or errors, and comes to an end.
func FuzzReceiver(f *testing.F) {
	f.Add([]byte{0, 0, 64, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte("\x80\x02\xff\xff\xff\xff\xff\xff\xff\xff\x40\x02\x00\x10\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, script []byte) {
		ring := newRing(t, fuzzWords, Ring{Lanes: 2, Capacity: smallest})
		ring.memory = onCliff(t, ring.memory)
		s, _ := ring.sender(t)
		for range 10 {
			if m, ok, _ := s.TryClaim(5); ok {
				clear(m)
			}
		}
		s.Commit()
		half := len(script) / 20 * 10
		scribble(ring.memory, controlAt, script[:half])
		r, err := ReceiverOver(ring.memory, ring.sit())
		if err != nil {
			honest(t, err)
			return
		}
		scribble(ring.memory, controlAt, script[half:])
		for range 1000 {
			m, ok, err := r.TryNext()
			honest(t, err)
			if ok && !within(ring.memory, m) {
				t.Fatal("a message outside of the ring")
			}
			if !ok && err == nil {
				break
			}
		}
		r.Done()
		r.Close()
	})
}

// FuzzSender: whatever stands in a ring, a sender's claims are inside of it.
func FuzzSender(f *testing.F) {
	f.Add([]byte{0, 0, 64, 0, 0, 0, 0, 0, 0, 0}, 7)
	f.Fuzz(func(t *testing.T, script []byte, n int) {
		ring := newRing(t, fuzzWords, Ring{Lanes: 2, Capacity: smallest})
		ring.memory = onCliff(t, ring.memory)
		half := len(script) / 20 * 10
		scribble(ring.memory, controlAt, script[:half])
		s, err := SenderOver(ring.memory, ring.sit())
		if err != nil {
			honest(t, err)
			return
		}
		for i := range 200 {
			m, ok, err := s.TryClaim(n)
			honest(t, err)
			if ok && !within(ring.memory, m) {
				t.Fatal("a claim outside of the ring")
			}
			clear(m)
			s.Commit()
			if i == 10 {
				scribble(ring.memory, controlAt, script[half:])
			}
		}
		s.Close()
	})
}

// FuzzReader: whatever stands in a feed, a reader returns what is not longer than its messages, or errors, and comes
// to an end.
func FuzzReader(f *testing.F) {
	f.Add([]byte{0, 0, 64, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, script []byte) {
		feed := newFeed(t, fuzzWords, Feed{Depth: 3, Most: 3})
		feed.memory = onCliff(t, feed.memory)
		w, _ := feed.writer(t)
		for n := range 5 {
			w.Write(make([]byte, 16*(n%4)))
		}
		half := len(script) / 20 * 10
		scribble(feed.memory, controlAt, script[:half])
		r, err := ReaderOver(feed.memory, feed.sit())
		if err != nil {
			honest(t, err)
			return
		}
		scribble(feed.memory, controlAt, script[half:])
		for range 20 {
			m, _, ok, err := r.TryNext(nil)
			honest(t, err)
			if len(m) > 48 || ok && len(m)%16 != 0 {
				t.Fatalf("%d bytes", len(m))
			}
			m, _, err = r.Latest(m[:0])
			honest(t, err)
			if len(m) > 48 {
				t.Fatalf("%d bytes", len(m))
			}
			r.Look(func(m []byte) {
				if len(m) > 48 || inPlace && !within(feed.memory, m) {
					t.Fatal("a look outside of the feed")
				}
			})
		}
		if w, err := WriterOver(feed.memory, feed.sit()); err == nil {
			w.Write(make([]byte, 48))
		} else {
			honest(t, err)
		}
	})
}

// FuzzHead: whatever a head says, with whatever checksum, it is refused or fits the memory.
func FuzzHead(f *testing.F) {
	for _, memory := range heads(f) {
		f.Add(memory[8:256], true)
		f.Add(memory[8:256], false)
	}
	f.Fuzz(func(t *testing.T, head []byte, right bool) {
		memory := cliff(t, 65536)
		copy(memory, magic[:])
		copy(memory[8:4096], head)
		if right {
			le := binary.LittleEndian
			text := string(memory[textAt : textAt+min(le.Uint32(memory[88:]), MostText)])
			le.PutUint64(memory[80:], fingerprint(text))
			le.PutUint32(memory[92:], checksum(memory, text))
		}
		var people crowd
		r, err := ReceiverOver(memory, people.sit())
		honest(t, err)
		if err == nil {
			r.TryNext()
			if s, err := SenderOver(memory, people.sit()); err == nil {
				m, _, _ := s.TryClaim(s.Most())
				clear(m)
				s.Commit()
				r.TryNext()
			}
		}
		w, err := WriterOver(memory, people.sit())
		honest(t, err)
		if err == nil {
			m, _ := w.Claim()
			clear(m)
			w.Commit(w.Most())
			if reader, err := ReaderOver(memory, people.sit()); err == nil {
				reader.Latest(nil)
			}
		}
	})
}
