// Package faults holds the tests that show what becomes of an operation when a system call of its own goes wrong: the
// process is killed before it, or it fails. Both are done at every call that the operation makes, one after the other,
// with real processes, for every operation and each backing that Linux has. There is no code in it but the tests.
//
// After a death nothing of the dead is left, and those who live have what they had. After a failure the operation has
// succeeded all the same or says clearly what failed; nothing is left of what it had begun, the same process can try
// again, and others have noticed nothing.
//
// Sections over files of the user's, and those of memory that was there already, are among the scenes (file_test.go):
// after each point the file has the bytes and the length that it ought to have, and whoever had a part of it locked
// still has.
//
// The processes are actors, as package actors has them; scene_test.go is the table of what they do, and errno_test.go
// that of the errors. The calls that the Go runtime makes for itself are not made to fail.
//
// Each test runs on memfds, on System V segments and on the file backing; with NAMEDSHM_BACKING=file in the environment
// on the last alone. Who lists looks into every process of the machine; of those calls, which are all alike, not every
// one is tried. A quick run tries one in nine of all others too, beginning with another one in each scene; package
// depth says how to have all of them, and how to leave out nothing, with the file backing tried in both namespaces.
package faults
