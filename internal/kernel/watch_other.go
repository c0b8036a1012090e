//go:build unix && !linux && !aix

package kernel

import (
	"context"
	"time"
)

// nameWatch pauses between tries, longer each time.
type nameWatch struct{ pause time.Duration }

func newNameWatch(Name) *nameWatch { return &nameWatch{pause: time.Millisecond} }

func (w *nameWatch) wait(ctx context.Context) error {
	pause := w.pause
	w.pause = min(w.pause*3/2, 50*time.Millisecond)
	return sleep(ctx, pause)
}

func (w *nameWatch) close() {}
