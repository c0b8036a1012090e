package wtf8

import (
	"slices"
	"testing"
)

var names = []struct {
	s     string
	units []uint16
}{
	{"", nil},
	{"plain", []uint16{'p', 'l', 'a', 'i', 'n'}},
	{"ü漢", []uint16{0xFC, 0x6F22}},
	{"😀", []uint16{0xD83D, 0xDE00}},
	{"\uFFFD", []uint16{0xFFFD}},
	{"\U0010FFFF", []uint16{0xDBFF, 0xDFFF}},
	{"a\xed\xa0\x80b", []uint16{'a', 0xD800, 'b'}},
	{"\xed\xbf\xbf", []uint16{0xDFFF}},
	{"\xed\xb0\x80\xed\xa0\x80", []uint16{0xDC00, 0xD800}}, // in the wrong order they are no pair
	{"\xed\x9f\xbf\ue000", []uint16{0xD7FF, 0xE000}},       // the neighbours of the surrogates
	{"\x00", []uint16{0}},
}

func TestNamesComeBack(t *testing.T) {
	for _, n := range names {
		if got := Encode(n.s); !slices.Equal(got, n.units) {
			t.Errorf("Encode(%q) = %04x, want %04x", n.s, got, n.units)
		}
		if got := Decode(n.units); got != n.s {
			t.Errorf("Decode(%04x) = %q, want %q", n.units, got, n.s)
		}
		if got, ok := Units(n.s); got != len(n.units) || !ok {
			t.Errorf("Units(%q) = %d, %v, want %d", n.s, got, ok, len(n.units))
		}
	}
}

func TestWhatIsNotWTF8(t *testing.T) {
	for s, units := range map[string][]uint16{
		"\xff":                     {0xFFFD},
		"a\xed\xa0":                {'a', 0xFFFD, 0xFFFD},
		"\xed\xa0a":                {0xFFFD, 0xFFFD, 'a'},
		"\xed\xa0\xc0":             {0xFFFD, 0xFFFD, 0xFFFD},
		"\xc0\x80":                 {0xFFFD, 0xFFFD},
		"\xed\xa0\x80\xed\xb0\x80": {0xFFFD, 0xFFFD, 0xFFFD, 0xDC00}, // a pair, which has four bytes of its own
		"\xf4\x90\x80\x80":         {0xFFFD, 0xFFFD, 0xFFFD, 0xFFFD}, // beyond the last code point
	} {
		if _, ok := Units(s); ok {
			t.Errorf("Units(%q) takes it", s)
		}
		if got := Encode(s); !slices.Equal(got, units) {
			t.Errorf("Encode(%q) = %04x, want %04x", s, got, units)
		}
	}
}

// FuzzDecode: any units come back, and have a string that is theirs alone.
func FuzzDecode(f *testing.F) {
	for _, n := range names {
		f.Add(bytesOf(n.units))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		units := make([]uint16, len(b)/2)
		for i := range units {
			units[i] = uint16(b[2*i]) | uint16(b[2*i+1])<<8
		}
		s := Decode(units)
		if got := Encode(s); !slices.Equal(got, units) {
			t.Errorf("%04x becomes %q, and that %04x", units, s, got)
		}
		if n, ok := Units(s); n != len(units) || !ok {
			t.Errorf("Units(%q) = %d, %v", s, n, ok)
		}
	})
}

func bytesOf(units []uint16) (b []byte) {
	for _, u := range units {
		b = append(b, byte(u), byte(u>>8))
	}
	return b
}

// FuzzUnits: what is WTF-8 comes back from its units, so no two strings are one name.
func FuzzUnits(f *testing.F) {
	for _, n := range names {
		f.Add(n.s)
	}
	f.Add("\xed\xa0\x80\xed\xb0\x80")
	f.Fuzz(func(t *testing.T, s string) {
		if _, ok := Units(s); !ok {
			return
		}
		if back := Decode(Encode(s)); back != s {
			t.Errorf("%q comes back as %q", s, back)
		}
	})
}
