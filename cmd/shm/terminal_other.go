//go:build !unix && !windows

package main

import "os"

// inForeground: no job control here could keep a terminal from us.
func inForeground(*os.File) bool { return true }

// enableSequences: terminals understand control sequences.
func enableSequences(*os.File) (restore func(), err error) { return func() {}, nil }
