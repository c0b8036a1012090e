// Package actors lets the conformance tests work with real processes. An actor is the test program itself, started
// again, which takes one command a line on its standard input and answers each with one line. So whoever creates,
// waits, holds, is stopped or is killed is a process of its own, and the test only looks on.
//
// What the commands are is for each package of tests to say. Here is what they have in common: starting, asking,
// stopping and killing actors, leading one from system call to system call, and looking for what they left behind.
package actors
