// Package lifetime holds the tests that show, with real processes, when an object and its name live and die, and who
// may reach them. There is no code in it but the tests.
//
// Every test starts actors: the test program itself, started again, which takes one command a line on its standard
// input and answers each with one line. So whoever creates, opens, holds, is stopped or is killed is a process of its
// own, and the test only looks on.
//
// Each test has a root directory of its own, so that nothing outside it is seen or touched. With NAMEDSHM_BACKING=file
// in the environment the same tests run on the backing of other Unix systems; what that backing does not promise is
// then left out.
//
// Tests with other users, and all of the Global namespace, need root. Elsewhere they are skipped, but for CI=true in
// the environment: then that they cannot run is a failure.
package lifetime
