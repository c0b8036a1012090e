//go:build !unix && !windows

package win32table

// threadEnd has nothing to wait for: there are no threads.
func threadEnd() (wait func()) { return func() {} }
