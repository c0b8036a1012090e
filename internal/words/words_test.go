package words

import (
	"math/rand/v2"
	"testing"
)

var table = Table{{4, "read"}, {2, "write"}, {0x100, "run"}}

func TestWords(t *testing.T) {
	for value, want := range map[uint32]string{0: "none", 4: "read", 6: "read|write", 0x41: "0x41",
		0x106: "read|write|run", 0x44: "read|0x40"} {
		if got := table.Set(value); got != want {
			t.Errorf("the set %#x is %q, want %q", value, got, want)
		}
	}
	for value, want := range map[uint32]string{0: "0x0", 4: "read", 6: "0x6", 0x100: "run"} {
		if got := table.One(value); got != want {
			t.Errorf("%#x is %q, want %q", value, got, want)
		}
	}
}

// TestEveryNumberComesBack tries small numbers, and random ones of all sizes.
func TestEveryNumberComesBack(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	for i := range uint32(2000) {
		value := i
		if i >= 1000 {
			value = random.Uint32() >> random.IntN(32)
		}
		if got, err := table.ReadSet([]byte(table.Set(value))); got != value || err != nil {
			t.Errorf("seed %d: the set %#x comes back from %q as %#x, %v", seed, value, table.Set(value), got, err)
		}
		if got, err := table.ReadOne([]byte(table.One(value)), 32); got != value || err != nil {
			t.Errorf("seed %d: %#x comes back from %q as %#x, %v", seed, value, table.One(value), got, err)
		}
	}
	if got, err := table.ReadSet([]byte("write|read|write")); got != 6 || err != nil {
		t.Errorf("in another order: %#x, %v", got, err)
	}
}

func TestOtherWordsAreRefused(t *testing.T) {
	for _, text := range []string{"", "Read", "read ", "read|", "|", "read|none", "4", "0x", "0x-1", "0x1ffffffff", "-1",
		"read,write", "\x00"} {
		if got, err := table.ReadSet([]byte(text)); err == nil {
			t.Errorf("the set %q is read as %#x", text, got)
		}
		if got, err := table.ReadOne([]byte(text), 32); err == nil {
			t.Errorf("%q is read as %#x", text, got)
		}
	}
	if got, err := table.ReadOne([]byte("0x100"), 8); err == nil {
		t.Errorf("0x100 is read into a byte as %#x", got)
	}
	if _, err := table.ReadOne([]byte("rum"), 32); err == nil || err.Error() != `"rum" is not one of read, write, run` {
		t.Errorf("%v", err)
	}
}
