//go:build linux && cgo && (amd64 || arm64)

// Command capi is the C library: Windows' calls for named shared memory, for C and C++ programs on Linux. It is built
// as a library and installed, with its headers, by
//
//	go run ./capi/install --prefix DIR
//
// docs/porting.md says how to compile a program against it. The calls are package win32's; this package gives them to
// C:
//
//   - namedshm.h, windows.h, tchar.h and conio.h are the headers, written by hand. A test holds them against what the
//     library exports.
//   - guest.c keeps the program's signals, crashes and forked children its own.
//   - calls.c has the Win32 calls, which keep the last error and turn to Go; exports.go is what they turn to.
//   - text.c, console.c and system.c have what needs no Go: conversions and printf of UTF-16, keys and the message box,
//     time.
package main

import "C"

// main is not called: a library has none.
func main() {}
