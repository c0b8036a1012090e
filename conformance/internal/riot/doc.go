// Package riot lets many processes do at random what can be done with a few names, while some of them are killed and
// others stopped, and judges what they were told.
//
// Each process writes down in one journal what it is about to do and what came of it. When all is over, the history of
// each name is checked against a sequential model with porcupine: there must be an order of all operations, within the
// times at which they ran, in which each could have had its result. A killed process's last operation may have taken
// place or not; its death closes its handles, one by one, at some moments between the kill and the reaping.
//
// A process that is stopped delays nobody. The one exception that the library documents is checked for what it is:
// ERROR_BUSY is allowed where, and only where, the stopped process was seen to hold the name's entry locked to remove
// it.
//
// Tests and the soak use this package; it knows nothing of either.
package riot
