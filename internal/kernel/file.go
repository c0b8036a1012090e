package kernel

// File is a file of the user's that a section can be over, on Unix. (On Windows the system has such sections, and nobody
// here makes one.) It is used by several goroutines at once, and closed once.
type File struct {
	uses               uses
	fd                 int
	readable, writable bool
}
