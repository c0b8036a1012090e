// Package journal is a file that every process of a test appends to, one record with each write. The kernel puts
// appended records one behind the other, so their order in the file is an order in which things happened; and a killed
// process has either written a record or not.
//
// What stands in a record is for each package of tests to say.
package journal
