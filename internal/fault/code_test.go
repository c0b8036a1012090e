package fault

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

// TestOf: what an error is made of is found wherever it is wrapped, and what was not made here has nothing.
func TestOf(t *testing.T) {
	cause := errors.New("because")
	full := &Fault{Code: AccessDenied, Cause: cause, Advice: "ask"}
	for _, c := range []struct {
		err  error
		want *Fault
	}{
		{full, full},
		{fmt.Errorf("outside: %w", full), full},
		{errors.Join(context.Canceled, full), full},
		{Busy, &Fault{Code: Busy}},
		{fmt.Errorf("outside: %w", Busy), &Fault{Code: Busy}},
		{Fail(NotFound, "no %s", "x"), nil},
		{context.Canceled, nil},
		{nil, nil},
	} {
		got := Of(c.err)
		if CodeOf(c.err) == NotFound {
			if got == nil || got.Cause.Error() != "no x" {
				t.Errorf("%v is made of %+v", c.err, got)
			}
			continue
		}
		if (got == nil) != (c.want == nil) || got != nil && *got != *c.want {
			t.Errorf("%v is made of %+v, want %+v", c.err, got, c.want)
		}
		if got == nil && CodeOf(c.err) != 0 || got != nil && CodeOf(c.err) != got.Code {
			t.Errorf("%v has the code %d", c.err, CodeOf(c.err))
		}
	}
}

// TestAdvise: advice is added to a copy, where there is none yet.
func TestAdvise(t *testing.T) {
	plain := &Fault{Code: Busy}
	advised := Advise(plain, "wait %d s", 1)
	if got := Of(advised); got.Advice != "wait 1 s" || plain.Advice != "" {
		t.Errorf("advised: %+v, and what it was made of: %+v", got, plain)
	}
	if got := Of(Advise(advised, "another")); got.Advice != "wait 1 s" {
		t.Errorf("advice was replaced: %+v", got)
	}
	if err := Advise(context.Canceled, "another"); err != context.Canceled {
		t.Errorf("%v", err)
	}
}

// TestCodes: each code has a symbol of Windows and a sentence, and its number is nobody else's.
func TestCodes(t *testing.T) {
	symbols := map[string]Code{}
	for code, d := range codes {
		if other, twice := symbols[d.symbol]; twice || d.symbol == "" || d.text == "" {
			t.Errorf("code %d: %q, %q; also %d", code, d.symbol, d.text, other)
		}
		symbols[d.symbol] = code
	}
}
