//go:build !unix

package main

import (
	"errors"
	"io/fs"
	"strings"
)

// heedBrokenPipes: a write into a pipe that nobody reads is an error here.
func heedBrokenPipes() {}

// endByBrokenPipe ends without a word, as other programs in a pipe do.
func endByBrokenPipe(*stream) error { return exitStatus(1) }

// isBrokenPipe reports the error of such a write: on Windows, ERROR_NO_DATA or ERROR_BROKEN_PIPE.
func isBrokenPipe(err error) bool {
	var failed *fs.PathError
	return errors.As(err, &failed) && strings.Contains(failed.Err.Error(), "pipe")
}
