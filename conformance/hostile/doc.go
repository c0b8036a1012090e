// Package hostile holds the tests of what other users, other namespaces and programs without manners can do to an
// object: nothing that its owner did not allow, and nothing at all that makes the owner crash, hang or leak. There is
// no code in it but the tests.
//
// The tests in conformance/lifetime show whom an object is for. Here somebody tries, by every way that the kernel has,
// to get more. An attack that never works would look like a defence. So each is also made where it must succeed, by
// root or on what is the attacker's own, and that is a test too.
//
// What root and processes of the same user can do anyway, docs/guarantees.md says.
//
// Nearly all of it takes root, to become other users and to make namespaces. Elsewhere the tests are skipped, but for
// CI=true in the environment: then that they cannot run is a failure.
package hostile
