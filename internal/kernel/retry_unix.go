//go:build unix && !aix

package kernel

import (
	"context"
	"errors"
	"time"

	"github.com/namedshm/namedshm/internal/fault"
	"github.com/namedshm/namedshm/internal/waiting"
)

// errDead is what reach returns for memory that is gone for good.
var errDead = errors.New("the memory is gone")

// again is a failure that a little time may mend: the step before it lost a race, or waits for a process that is
// exiting. why is the error for the caller when time runs out.
type again struct {
	why   error
	dying bool // a process that has begun to exit is waited for longer: nothing can stop it
	least int  // the number of attempts to make even if each outlasts patience
}

func (a *again) Error() string { return a.why.Error() }
func (a *again) Unwrap() error { return a.why }

var errBurying = &again{why: &fault.Fault{
	Code: fault.Busy,
	Cause: errors.New("another process stopped while removing the old object: it has kept the old entry locked " +
		"for a second without removing it"),
	Advice: "resume that process or kill it; /proc/locks shows which it is",
}}

var errMoved = &again{why: &fault.Fault{Code: fault.Busy,
	Cause: errors.New("for a second, the name belonged to another object each time it was checked")}, least: 10}

// retry repeats an attempt until it succeeds, fails for good, or time runs out.
func retry[T any](ctx context.Context, attempt func() (T, error)) (T, error) {
	return retryFor(ctx, patience, attempt)
}

func retryFor[T any](ctx context.Context, patience time.Duration, attempt func() (T, error)) (T, error) {
	var pauses *backoff
	for tries := 1; ; tries++ {
		v, err := attempt()
		var a *again
		if err == nil || !errors.As(err, &a) {
			return v, err
		}
		if pauses == nil {
			pauses = newBackoff(ctx, patience)
		}
		if a.dying {
			pauses.extend()
		}
		if pauses.pause() {
			continue
		}
		if err := waiting.ContextError(ctx); err != nil {
			return v, err
		}
		if tries >= a.least {
			return v, a.why
		}
	}
}
