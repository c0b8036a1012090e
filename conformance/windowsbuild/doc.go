// Package windowsbuild shows, by its tests, that programs built for Windows with this library meet programs that make
// the Win32 calls themselves. The tests run on Linux and start real processes of both sorts under Wine.
//
// The package holds no code: actor is the program on this library's side, testdata/peer.cpp the one on the other.
package windowsbuild
