package kernel

import (
	"errors"
	"strings"
	"testing"

	"github.com/namedshm/namedshm/internal/fault"
)

// TestParseName checks what the table's name rows do not say: lengths in UTF-16 units, NUL, and text that is not UTF-8.
func TestParseName(t *testing.T) {
	pair := "\U0001F600" // two units
	for _, c := range []struct {
		name string
		want Name
		code fault.Code
	}{
		{"X", Name{Local, "X"}, 0},
		{`Local\X`, Name{Local, "X"}, 0},
		{`Global\X`, Name{Global, "X"}, 0},
		{"", Name{}, 0},
		{"a\x00b", Name{}, fault.InvalidName},
		{"\xff", Name{}, fault.InvalidName},
		{"\xed\xa0\x80", Name{Local, "\xed\xa0\x80"}, 0}, // a lone surrogate
		{"\xed\xa0", Name{}, fault.InvalidName},
		{strings.Repeat("x", maxNameUnits), Name{Local, strings.Repeat("x", maxNameUnits)}, 0},
		{strings.Repeat("x", maxNameUnits+1), Name{}, fault.FilenameTooLong},
		{strings.Repeat(pair, maxNameUnits/2), Name{Local, strings.Repeat(pair, maxNameUnits/2)}, 0},
		{strings.Repeat(pair, maxNameUnits/2) + "x", Name{}, fault.FilenameTooLong},
		{`Session\0\x`, Name{}, fault.PathNotFound},
		{`Local\Session\x`, Name{}, fault.PathNotFound},
		{`Global\Session\1\x`, Name{}, fault.PathNotFound},
		{`Local\Local\X`, Name{Local, "X"}, 0},
		{`Local\Global\X`, Name{Global, "X"}, 0},
		{`Global\Local\X`, Name{Global, "X"}, 0},
		{`Global\Global\Local\Global\X`, Name{Global, "X"}, 0},
		{strings.Repeat(`Local\`, 5461), Name{}, fault.InvalidName},
		{`Local\Global`, Name{}, fault.InvalidHandle},
		{`Global\Session`, Name{}, fault.InvalidHandle},
		{`Local\local\X`, Name{}, fault.PathNotFound},
		{`Local\Local\\X`, Name{}, fault.InvalidName},
		{`Local\X\Local\Y`, Name{}, fault.PathNotFound},
	} {
		got, err := ParseName(c.name)
		var code fault.Code
		if err != nil && !errors.As(err, &code) {
			t.Errorf("%.40q: the error %v has no code", c.name, err)
		}
		if code != c.code || err == nil && got != c.want {
			t.Errorf("%.40q: %.40v, code %d; want %.40v, code %d", c.name, got, code, c.want, c.code)
		}
	}
}
