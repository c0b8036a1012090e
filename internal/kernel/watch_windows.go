package kernel

import (
	"context"
	"time"
)

// nameWatch waits for a name to appear. Windows does not notify anybody when one does, so this pauses, longer each
// time.
type nameWatch struct{ next time.Duration }

func newNameWatch(Name) *nameWatch { return &nameWatch{next: time.Millisecond} }

// wait returns when it is worth looking again, or with the context's error.
func (w *nameWatch) wait(ctx context.Context) error {
	pause := w.next
	w.next = min(w.next*2, 50*time.Millisecond)
	return sleep(ctx, pause)
}

func (w *nameWatch) close() {}
