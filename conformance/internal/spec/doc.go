// Package spec is the table of what Windows does, conformance.tsv, as all its drivers read it: the rows, what is left
// out, and what the words of a row mean whoever makes the calls. Package gotable makes them in the Go API, package
// win32table by Windows' own names.
//
// How a row begins, what it calls and what that must come to is for each driver to say, in phrases: a pattern of the
// row's words and a function of the driver's own.
//
// Reading order: row.go, exception.go, phrase.go, run.go (one run, and the names in it), observation.go (results that
// are the same in every API). The files called system are what a driver asks of the system it runs on.
package spec
