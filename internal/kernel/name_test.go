package kernel

import (
	"errors"
	"strings"
	"testing"
)

// TestParseName checks what the table's name rows do not say: lengths in UTF-16 units, NUL, and text that is no UTF-8.
func TestParseName(t *testing.T) {
	pair := "\U0001F600" // two units
	for _, c := range []struct {
		name string
		want Name
		code Code
	}{
		{"X", Name{Local, "X"}, 0},
		{`Local\X`, Name{Local, "X"}, 0},
		{`Global\X`, Name{Global, "X"}, 0},
		{"", Name{}, 0},
		{"a\x00b", Name{}, InvalidName},
		{"\xff", Name{}, InvalidName},
		{"\xed\xa0\x80", Name{Local, "\xed\xa0\x80"}, 0}, // a lone surrogate
		{"\xed\xa0", Name{}, InvalidName},
		{strings.Repeat("x", maxNameUnits), Name{Local, strings.Repeat("x", maxNameUnits)}, 0},
		{strings.Repeat("x", maxNameUnits+1), Name{}, FilenameTooLong},
		{strings.Repeat(pair, maxNameUnits/2), Name{Local, strings.Repeat(pair, maxNameUnits/2)}, 0},
		{strings.Repeat(pair, maxNameUnits/2) + "x", Name{}, FilenameTooLong},
		{`Session\0\x`, Name{}, PathNotFound},
		{`Local\Session\x`, Name{}, PathNotFound},
	} {
		got, err := ParseName(c.name)
		var code Code
		if err != nil && !errors.As(err, &code) {
			t.Errorf("%.40q: the error %v has no code", c.name, err)
		}
		if code != c.code || err == nil && got != c.want {
			t.Errorf("%.40q: %.40v, code %d; want %.40v, code %d", c.name, got, code, c.want, c.code)
		}
	}
}
