//go:build unix && !linux && !aix

package kernel

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// defaultRoot is a directory that all users can reach and in which nobody can replace what another user put there.
const defaultRoot = "/tmp"

// fileSystemFoldsCase is true where the file system usually does: on macOS. Object names differ by case, so their files
// must too.
const fileSystemFoldsCase = runtime.GOOS == "darwin" || runtime.GOOS == "ios"

const directoryFlags = unix.O_RDONLY
