//go:build unix

package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// inForeground reports whether this process may read the terminal: the shell has not put it into the background.
func inForeground(terminal *os.File) bool {
	reading, err := unix.IoctlGetInt(int(terminal.Fd()), unix.TIOCGPGRP)
	if err != nil {
		return false
	}
	ours, err := unix.Getpgid(0)
	return err == nil && ours == reading
}

// enableSequences: terminals understand control sequences.
func enableSequences(*os.File) (restore func(), err error) { return func() {}, nil }
