// Package model holds executable models of what the library does on Unix, and tests that walk through every state they can
// be in. There is no code in it but the tests.
//
// Tests with real processes meet the orders of events that happen. A model meets all of them: of two and three processes,
// each step of one between any two of another, with a death possible before each. A stop needs no step of its own: a
// process that is stopped is one whose next step comes late, or never. That nobody waits for such a one is checked by
// letting each process go on alone from every state.
//
// The models are written down by hand from internal/kernel: a step is one system call of object.go and the files of the
// backings, or for waiting one instruction on a shared word. What the kernel does is modelled as far as it matters here:
// names, inodes and their numbers, open file descriptions and their locks, descriptors, what /proc shows of another
// process, segments, and the order in which a death takes things away. Steps that nobody else could see are joined.
//
// A model proves something of the code only as far as it says the same. So it is kept in the code's words and order, and
// it is told what goes wrong where the code is wrong: mistakes_test.go has each order that docs/design.md calls one, and a
// few more, done the other way, and each is caught. The steps that lead there are printed with -v, or with -traces to a
// file for each.
//
// In CI the configurations are bounded to some seconds. With -full they are larger, and take minutes.
package model
