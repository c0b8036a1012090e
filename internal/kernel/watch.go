package kernel

import (
	"context"
	"time"

	"github.com/namedshm/namedshm/internal/fault"
)

// whenItExists tries to open a name until there is something.
func whenItExists[T any](ctx context.Context, name string, open func() (T, error)) (opened T, err error) {
	parsed, err := resolveExisting(name)
	if err != nil {
		return opened, err
	}
	watch := newNameWatch(parsed)
	defer watch.close()
	for {
		opened, err := open()
		if code := fault.CodeOf(err); err == nil || code != fault.FileNotFound && code != fault.Busy {
			if isBeingMade(err) && sleep(ctx, time.Millisecond) == nil {
				continue
			}
			return opened, err
		}
		if err := watch.wait(ctx); err != nil {
			return opened, err
		}
	}
}
