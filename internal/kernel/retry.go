package kernel

import (
	"context"
	"errors"
	"time"

	"github.com/namedshm/namedshm/internal/waiting"
)

// patience bounds every retry loop: the protocol never waits for a process that may be stopped; it gives up and says
// so.
const patience = time.Second

// backoff is a bounded series of growing pauses between tries.
type backoff struct {
	ctx   context.Context
	until time.Time
	next  time.Duration

	extended bool
}

func newBackoff(ctx context.Context, patience time.Duration) *backoff {
	return &backoff{ctx: ctx, until: time.Now().Add(patience)}
}

// extend gives more time to a wait that is sure to end.
func (b *backoff) extend() {
	if !b.extended {
		b.extended = true
		b.until = b.until.Add(30 * patience)
	}
}

// pause sleeps a little longer each time. It returns false if time is up or the context is done.
func (b *backoff) pause() bool {
	if b.ctx.Err() != nil || !time.Now().Before(b.until) {
		return false
	}
	if b.next == 0 {
		b.next = 5 * time.Microsecond
	}
	pause := b.next
	b.next = min(b.next*2, 20*time.Millisecond)
	return sleep(b.ctx, pause) == nil
}

// sleep pauses for d, or until the context is done; then it returns the context's error.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return waiting.ContextError(ctx)
	}
}

// beingMade is the cause of a refusal that will be over in a moment: what was refused is about to be right.
type beingMade struct{ cause error }

func (b *beingMade) Error() string { return b.cause.Error() }
func (b *beingMade) Unwrap() error { return b.cause }

func isBeingMade(err error) bool {
	var b *beingMade
	return errors.As(err, &b)
}
