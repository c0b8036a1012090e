package namedshm

import (
	"io"
	"runtime"

	"github.com/namedshm/namedshm/internal/kernel"
)

// onLeak arranges that a handle or view whose owner the collector finds is closed, and reported where the build asks
// for reports. closer must not reach owner, or the collector never finds it.
func onLeak[T any](owner *T, what string, closer io.Closer) runtime.Cleanup {
	report := kernel.LeakReport(what)
	return runtime.AddCleanup(owner, func(c io.Closer) {
		report()
		c.Close()
	}, closer)
}
