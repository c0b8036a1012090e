package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/inspect"
	"github.com/namedshm/namedshm/internal/plain"
)

// opening opens an object to wait for it: at once or not at all, or with await as soon as it exists.
type opening func(ctx context.Context, name string, await bool) (namedshm.Waitable, error)

// openWaitable opens an object of any kind that can be waited for.
func openWaitable(ctx context.Context, name string, await bool) (namedshm.Waitable, error) {
	for range 3 {
		var last error
		for _, open := range []opening{openEvent, openMutex, openSemaphore} {
			w, err := open(ctx, name, await)
			if !errors.Is(err, namedshm.ErrInvalidHandle) { // another kind
				return w, err
			}
			last = err
		}
		info, err := inspect.Stat(name)
		if err != nil {
			return nil, last
		}
		if info.State == nil {
			break
		}
		// It has become another kind while we asked: once more.
	}
	return nil, fmt.Errorf("wait %s: it is not an event, mutex or semaphore", plain.Name(name))
}

func openEvent(ctx context.Context, name string, await bool) (namedshm.Waitable, error) {
	if await {
		return namedshm.WaitOpenEvent(ctx, name, namedshm.Synchronize)
	}
	return namedshm.OpenEvent(name, namedshm.Synchronize)
}

func openMutex(ctx context.Context, name string, await bool) (namedshm.Waitable, error) {
	if await {
		return namedshm.WaitOpenMutex(ctx, name, namedshm.Synchronize)
	}
	return namedshm.OpenMutex(name, namedshm.Synchronize)
}

func openSemaphore(ctx context.Context, name string, await bool) (namedshm.Waitable, error) {
	if await {
		return namedshm.WaitOpenSemaphore(ctx, name, namedshm.Synchronize)
	}
	return namedshm.OpenSemaphore(name, namedshm.Synchronize)
}

// show is stat for one kind: a name of another kind is refused.
func (a *app) show(name string, open opening) error {
	w, err := open(context.Background(), name, false)
	if err != nil {
		return err
	}
	if err := w.Close(); err != nil { // before looking, so as not to be seen among the holders
		return err
	}
	info, err := inspect.Stat(name)
	if err != nil {
		return inVerb("open", err)
	}
	return a.tellAll(&info)
}
