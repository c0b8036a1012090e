package waiting

import (
	"context"
	"errors"
)

// ContextError is the error of a call that its context has ended, and nil while the context is not done. Only the
// context's word counts: it says so a little after its deadline, and whoever looks at the clock instead is early.
//
// errors.Is finds ctx.Err() and context.Cause(ctx) in it. Without a cause of its own it is ctx.Err().
func ContextError(ctx context.Context) error {
	err := ctx.Err()
	if err == nil {
		return nil
	}
	cause := context.Cause(ctx)
	switch {
	case cause == nil:
		return err
	case errors.Is(cause, err):
		return cause
	}
	return &ended{err, cause}
}

// ended is a context's error, and the cause that was given for it.
type ended struct{ err, cause error }

// Error is both, in one line.
func (e *ended) Error() string { return e.err.Error() + ": " + e.cause.Error() }

// Unwrap gives errors.Is and errors.As both.
func (e *ended) Unwrap() []error { return []error{e.err, e.cause} }
