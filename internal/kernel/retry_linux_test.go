package kernel

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/namedshm/namedshm/internal/fault"
)

// TestAttemptsThatOutlastPatience: what fails because others got on meanwhile is tried a few times even if each attempt
// outlasts patience; what no time mends is not.
func TestAttemptsThatOutlastPatience(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want int
	}{
		{"moved", errMoved, errMoved.least},
		{"unseen", (&entry{first: make([]byte, longNameAt)}).unreached(isExitingProcess), 3},
		{"burying", errBurying, 1},
		{"final", fault.Fail(fault.AccessDenied, "for good"), 1},
	} {
		tries := 0
		_, err := retryFor(context.Background(), 0, func() (int, error) {
			tries++
			return 0, c.err
		})
		if tries != c.want || fault.CodeOf(err) != fault.CodeOf(c.err) {
			t.Errorf("%s: %d attempts, then %v; want %d", c.name, tries, err, c.want)
		}
		tries = 0
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := retryFor(ctx, patience, func() (int, error) { tries++; return 0, errMoved }); !errors.Is(err,
			context.Canceled) || tries != 1 {
			t.Errorf("with a context that is done: %d attempts, then %v", tries, err)
		}
	}
}

// TestOnlyABurierIsToldOf: the sentence about removing is in the one error that a burier causes.
func TestOnlyABurierIsToldOf(t *testing.T) {
	for _, code := range []fault.Code{fault.Busy, fault.FileNotFound, fault.AccessDenied} {
		if strings.Contains(code.Error(), "removing") {
			t.Errorf("%v: every error of this code tells of a burial", code)
		}
	}
	if text := errBurying.Error(); !strings.Contains(text, "removing") {
		t.Errorf("a burier is the cause: %s", text)
	}
	if text := errMoved.Error(); strings.Contains(text, "removing") {
		t.Errorf("nobody buries: %s", text)
	}
}
