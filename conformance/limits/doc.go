// Package limits holds the tests of what happens at the limits of a machine: very many objects, handles and processes,
// very large sections, and too little of everything else. Each call works, or its error names the limit and its value;
// nothing is lost, nobody is killed, and where the limit is raised all goes on. There is no code in it but the tests.
//
// What is scarce is made so in namespaces of its own: a mount namespace for a full, absent or read-only /dev/shm and
// for /proc, an IPC namespace for the limits of System V segments, a user namespace for inotify. So nothing else on the
// machine is touched, and nearly all of it takes root. Elsewhere the tests are skipped, but for CI=true in the
// environment: then that they cannot run is a failure.
package limits
