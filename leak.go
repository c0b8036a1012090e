package namedshm

import (
	"io"
	"runtime"

	"github.com/namedshm/namedshm/internal/kernel"
)

// onLeak arranges that a handle or view whose owner the collector finds is closed, and reported where the build asks
// for reports. closer must not reach owner, or the collector never finds it.
//
// A view whose memory was handed out stays mapped: the program may use the bytes, or part of them, for as long as it
// runs, and the collector, which does not follow such addresses, cannot know. A leak is safe.
func onLeak[T any](owner *T, what string, closer io.Closer) runtime.Cleanup {
	report := kernel.LeakReport(what)
	return runtime.AddCleanup(owner, func(c io.Closer) {
		view, isView := c.(*kernel.View)
		kept := isView && view.Lent()
		report(kept)
		if !kept {
			c.Close()
		}
	}, closer)
}
