package kernel

import "golang.org/x/sys/unix"

// defaultRoot is where both namespaces' directories are: a tmpfs on every distribution, sticky, and root's.
const defaultRoot = "/dev/shm"

const fileSystemFoldsCase = false

// directoryFlags open a directory for the *at calls only, which does not require the right to read it.
const directoryFlags = unix.O_PATH
