// Package waiting holds the tests that show, with real processes, that waiting for events, mutexes and semaphores does
// what it says: that histories of many processes which are killed at random are linearizable, that no wake-up is lost
// whatever dies or is stopped when, that an owner's death is noticed, and that a page filled with garbage makes errors.
// There is no code in it but the tests.
//
// The processes are actors, as package actors has them. Nearly every test runs in both namespaces, on each backing and
// with each way of waiting: futex_waitv, futexes without it, and polling. NAMEDSHM_BACKING and NAMEDSHM_WAIT in the
// environment narrow that down to one.
//
// The judge of histories is porcupine; model_test.go says what each operation does. That it finds what is wrong is
// shown by implementations that are broken on purpose, in broken_test.go.
//
// What a test does at random it does from a seed, which is printed; NAMEDSHM_SEED sets it.
package waiting
