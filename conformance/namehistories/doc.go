// Package namehistories holds the tests that show that the namespace of named objects is linearizable: what many
// processes are told that create, open and close the same names, while some are killed and others stopped at any
// moment, is what they could be told if each operation happened at one moment.
//
// The riots and their judge are package riot's; conformance/soak has the same for as long as an operator likes. Here it
// is shown that the judge finds what is wrong: the same riots run on variants of the protocol that are broken on
// purpose, each in one way. Those are in the library itself, built only with the tag namedshm_mistakes.
//
// What a test does at random it does from a seed, which is printed; NAMEDSHM_SEED sets it.
package namehistories
