package conduit

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/namedshm/namedshm/internal/fault"
)

// heads are two, as their makers write them.
func heads(t testing.TB) map[string][]byte {
	t.Helper()
	s := mustParse("{x:f64@0 flags:u32@8} 16/8")
	ring, err := MakeRing(s, Ring{Lanes: 3, Capacity: 8192})
	if err != nil {
		t.Fatal(err)
	}
	feed, err := MakeFeed(s, Feed{Depth: 5, Most: 7})
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{"ring": ring, "feed": feed}
}

// open opens whatever a head says it is.
func open(memory []byte) (err error) {
	var people crowd
	if _, err = ReceiverOver(memory, people.sit()); fault.CodeOf(err) == fault.InvalidHandle {
		_, err = ReaderOver(memory, people.sit())
	}
	return err
}

// TestEveryByteOfTheHead has one value with which it opens. Each other one is refused, and says why.
func TestEveryByteOfTheHead(t *testing.T) {
	for kind, memory := range heads(t) {
		if err := open(memory); err != nil {
			t.Fatal(kind, err)
		}
		end := textAt + int(binary.LittleEndian.Uint32(memory[88:]))
		for i := range end {
			if i >= 24 && i < 28 || i >= 96 && i < textAt {
				continue // hints, and what is free
			}
			was := memory[i]
			for v := range 256 {
				if memory[i] = byte(v); byte(v) == was {
					continue
				}
				err := open(memory)
				if err == nil {
					t.Fatalf("%s: byte %d opens as %#x too", kind, i, v)
				}
				switch code := fault.CodeOf(err); code {
				case fault.FileCorrupt, fault.NotSupported, fault.InvalidHandle:
				default:
					t.Fatalf("%s: byte %d as %#x: %v", kind, i, v, err)
				}
			}
			memory[i] = was
		}
		if _, err := readHead(memory); err != nil {
			t.Fatal(kind, err)
		}
	}
}

// TestHeadsThatLie have the checksum that belongs to what they say, and say what nobody makes.
func TestHeadsThatLie(t *testing.T) {
	le := binary.LittleEndian
	for what, lie := range map[string]func(b []byte){
		"no lanes":                func(b []byte) { le.PutUint32(b[32:], 0) },
		"too many lanes":          func(b []byte) { le.PutUint32(b[32:], 65) },
		"more lanes than data":    func(b []byte) { le.PutUint32(b[32:], 4) },
		"lanes beyond all":        func(b []byte) { le.PutUint32(b[32:], 1<<32-1) },
		"a capacity that is odd":  func(b []byte) { le.PutUint64(b[40:], 8191) },
		"a capacity beyond all":   func(b []byte) { le.PutUint64(b[40:], 1<<63) },
		"a capacity that wraps":   func(b []byte) { le.PutUint64(b[40:], 1<<62); le.PutUint64(b[48:], 1<<62) },
		"another stride":          func(b []byte) { le.PutUint64(b[48:], 4096) },
		"values of no size":       func(b []byte) { le.PutUint32(b[28:], 0) },
		"values of another size":  func(b []byte) { le.PutUint32(b[28:], 8) },
		"data in the lanes":       func(b []byte) { le.PutUint64(b[64:], 4096) },
		"data behind the end":     func(b []byte) { le.PutUint64(b[64:], 1<<40) },
		"data before the start":   func(b []byte) { le.PutUint64(b[64:], 1<<63) },
		"more than there is":      func(b []byte) { le.PutUint64(b[72:], uint64(len(b)+1)) },
		"less than there is data": func(b []byte) { le.PutUint64(b[72:], 8192) },
		"lanes elsewhere":         func(b []byte) { le.PutUint32(b[56:], 4609) },
		"another distance":        func(b []byte) { le.PutUint32(b[60:], 256) },
		"an unknown flag":         func(b []byte) { le.PutUint32(b[20:], 2) },
		"another kind":            func(b []byte) { le.PutUint32(b[12:], 3) },
		"another version":         func(b []byte) { le.PutUint32(b[8:], 2) },
		"another order":           func(b []byte) { binary.BigEndian.PutUint32(b[16:], le.Uint32(b[16:])) },
		"another structure":       func(b []byte) { copy(b[textAt:], "{y") },
		"no structure": func(b []byte) {
			copy(b[textAt:], "[[")
			le.PutUint64(b[80:], fingerprint("[["+string(b[textAt+2:textAt+26])))
		},
		"a text beyond all": func(b []byte) { le.PutUint32(b[88:], MostText+1) },
	} {
		memory := heads(t)["ring"]
		lie(memory)
		length := min(le.Uint32(memory[88:]), MostText)
		le.PutUint32(memory[92:], checksum(memory, string(memory[textAt:textAt+length])))
		err := open(memory)
		switch code := fault.CodeOf(err); {
		case code != fault.FileCorrupt && code != fault.NotSupported:
			t.Errorf("%s: %v", what, err)
		case what == "another structure" && !strings.Contains(err.Error(), "fingerprint"):
			t.Errorf("%s: %v", what, err)
		}
	}
	// An unknown hint is none of ours.
	memory := heads(t)["ring"]
	le.PutUint32(memory[24:], 1<<31)
	le.PutUint32(memory[92:], checksum(memory, string(memory[textAt:textAt+le.Uint32(memory[88:])])))
	if err := open(memory); err != nil {
		t.Error(err)
	}
	for _, memory := range [][]byte{nil, make([]byte, 4096), make([]byte, 65536), bytes.Repeat([]byte{0xff}, 65536)} {
		if _, err := readHead(memory); fault.CodeOf(err) != fault.InvalidHandle {
			t.Errorf("%d bytes: %v", len(memory), err)
		}
	}
}

// TestShapes: the limits, and what is too large to be made.
func TestShapes(t *testing.T) {
	for _, shape := range []Ring{{-1, 0}, {65, 0}, {0, 1}, {0, 4095}, {0, 2048}, {0, 5000}, {0, 1 << 41}, {0, -4096}} {
		_, err := ringHead(words, shape.orUsual())
		mustFail(t, err, fault.InvalidParameter)
	}
	for _, shape := range []Feed{{2, 1}, {-1, 1}, {1 << 25, 1}, {3, -1}, {3, 1 << 30}} {
		_, err := feedHead(words, shape.orUsual())
		mustFail(t, err, fault.InvalidParameter)
	}
	h, err := ringHead(words, Ring{}.orUsual())
	if err != nil || h.lanes != 8 || h.capacity != 1<<20 {
		t.Errorf("%+v, %v", h, err)
	}
	_, err = feedHead(mustParse("[1073741824]u8 1073741824/1"), Feed{Depth: 1 << 24, Most: 1})
	mustFail(t, err, fault.NotEnoughMemory)
}
