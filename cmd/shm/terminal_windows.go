package main

import (
	"os"

	"golang.org/x/sys/windows"
)

// inForeground: no job control here could keep a terminal from us.
func inForeground(*os.File) bool { return true }

// enableSequences makes the console understand control sequences, which it does only on request.
func enableSequences(console *os.File) (restore func(), err error) {
	h := windows.Handle(console.Fd())
	var mode uint32
	if err := windows.GetConsoleMode(h, &mode); err != nil {
		return nil, err
	}
	if err := windows.SetConsoleMode(h, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING); err != nil {
		return nil, err
	}
	return func() { windows.SetConsoleMode(h, mode) }, nil
}
