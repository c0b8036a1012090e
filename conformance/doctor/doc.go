// Package doctor holds the test that what `shm doctor` says of a machine is what programs then meet on it: for each
// system call of the library that a sandbox may forbid, and each way in which the directory or /proc may be broken,
// doctor's lines and the results of create, open and wait agree. There is no code in it but the tests.
//
// What can be broken is judged before the namespace's directories are there, when doctor tries things in one of its
// own, and when they are there and are judged themselves: by root, by a member of the group that may make Global names,
// and by users who may only open them.
//
// All are real processes. A filter takes no privilege; places are broken in mount namespaces, which takes root.
package doctor
