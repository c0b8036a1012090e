package kernel

import "github.com/namedshm/namedshm/internal/waiting"

// File is a user's file that a section can be over, on Unix. (On Windows the system has such sections, and nothing here
// makes one.) It may be used by several goroutines at once, and is closed once.
type File struct {
	uses               waiting.Uses
	descriptor         userDescriptor
	readable, writable bool
}

// userDescriptor is a descriptor of a user's file, and what identifies it.
type userDescriptor struct {
	fd            int
	device, inode uint64
	mode          int  // O_RDONLY, O_WRONLY or O_RDWR
	marked        bool // the open file is the library's alone, and is marked as such
}
