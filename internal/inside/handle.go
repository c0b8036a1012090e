package inside

import "io"

// Handles is package win32's table of handles, for what the C library has besides Windows' objects. It is nil in
// programs that do not import that package, and where it has no table.
var Handles interface {
	// Open makes a handle that CloseHandle closes.
	Open(io.Closer) (uintptr, error)
	// At is what a handle was made of; nil for every other number.
	At(handle uintptr) io.Closer
}
