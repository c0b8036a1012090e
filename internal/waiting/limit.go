package waiting

import (
	"context"
	"time"
)

// Forever is a Limit's number of milliseconds that is no limit.
const Forever = 1<<32 - 1

// Limit is how long a wait may take, in milliseconds. It is a context that nobody cancels, and that is done at its
// deadline, which is not worked out before it is needed. It is for one goroutine.
type Limit struct {
	Milliseconds uint32
	until        time.Time
}

// Deadline is when the time is up. A wait asks before it sleeps, once.
func (l *Limit) Deadline() (time.Time, bool) {
	if l.Milliseconds == Forever {
		return time.Time{}, false
	}
	if l.until.IsZero() {
		l.until = time.Now().Add(time.Duration(l.Milliseconds) * time.Millisecond)
	}
	return l.until, true
}

// Done is nil: nobody cancels a wait.
func (l *Limit) Done() <-chan struct{} { return nil }

// Err says that the time is up.
func (l *Limit) Err() error {
	if l.Milliseconds == 0 || !l.until.IsZero() && !time.Now().Before(l.until) {
		return context.DeadlineExceeded
	}
	return nil
}

// Value is that of no key.
func (l *Limit) Value(any) any { return nil }
