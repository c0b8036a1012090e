//go:build unix

package main

import (
	"errors"
	"os"
	"os/signal"
	"syscall"
)

// heedBrokenPipes makes a write into a pipe that nobody reads an error, in place of the end of the process.
func heedBrokenPipes() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }

// endByBrokenPipe ends as other programs in a pipe do: by the signal that writing into it brings.
func endByBrokenPipe(pipe *stream) error {
	signal.Reset(syscall.SIGPIPE)
	pipe.printf("\n")
	return exitStatus(128 + int(syscall.SIGPIPE)) // it is ignored
}

// isBrokenPipe reports the error of such a write.
func isBrokenPipe(err error) bool { return errors.Is(err, syscall.EPIPE) }
