// Package model holds an executable model of what the library does with names on Unix, and tests that walk through
// every state it can be in. There is no code in it but the tests. The code that waits needs no model: internal/waiting
// has an explorer that runs the code itself.
//
// Tests with real processes meet the orders of events that happen. A model meets all of them: of two and three
// processes, each step of one between any two of another, with a death possible before each. A stop needs no step of
// its own: a process that is stopped is one whose next step comes late, or never. That nobody waits for such a one is
// checked by letting each process go on alone from every state.
//
// The model is written down by hand from internal/kernel: a step is one system call of object.go and the files of the
// backings. What the kernel does is modelled as far as it matters here: names, inodes and their numbers, open file
// descriptions and their locks, descriptors, what /proc shows of another process, segments, and the order in which a
// death takes things away. Steps that nobody else could see are joined.
//
// A model proves something of the code only as far as it says the same. So it is kept in the code's words and order,
// and it is told what goes wrong where the code is wrong: mistakes_test.go has each order that docs/design.md calls
// one, and a few more, done the other way, and each is caught. The steps that lead there are printed with -v, or with
// -traces to a file for each.
//
// In a quick run only the first states of the larger configurations are explored, in a full one all; where nothing is
// to be left out there are still larger ones, which take minutes. Package depth says how to ask for that.
package model
