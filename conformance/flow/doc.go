// Package flow holds the tests that show, with real processes, that rings and feeds keep what they promise whoever
// dies or is stopped, wherever it stands: at every instruction of sending, receiving, writing and reading, and at
// every system call of making, opening and closing an end. Nothing is torn, lost or out of order within a sender;
// what a receiver had not done with comes once more to its successor, and nothing else does; and nobody waits for the
// one that stands still. There is no code in it but the tests.
//
// The processes are actors, as package actors has them; the test itself is one of those who live on. What it
// measures, like the longest time from a successor's first instruction to its first message, it tells in its log, and
// compares with no bound but one that no machine needs.
package flow
