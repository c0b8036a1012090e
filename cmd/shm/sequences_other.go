//go:build !windows

package main

import "os"

// enableSequences: terminals understand control sequences.
func enableSequences(*os.File) (restore func(), err error) { return func() {}, nil }
