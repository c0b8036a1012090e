//go:build !linux

package main

import (
	"fmt"
	"os"
)

func becomeActor() bool { return false }

// soak stops processes where their system calls begin, and looks at locks: that is written for Linux.
func soak(*cli) (status int) {
	fmt.Fprintln(os.Stderr, "soak: unsupported on this platform: it runs on Linux only")
	return 1
}
