// Package capi shows, by its tests, what the C library promises: that programs written for Windows compile unchanged
// against its headers, meet Go programs, get the results that Windows gives, and keep their signals, crashes and
// children to themselves. The library is installed as a user installs it, and the programs are compiled with what
// pkg-config says.
//
// The package holds no code; testdata has the programs.
package capi
