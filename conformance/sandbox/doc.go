// Package sandbox holds the tests of processes that live in a user namespace of their own, as those in rootless
// containers, bubblewrap, Flatpak and hardened services do, beside the host's /dev/shm: that they have their names
// there, and read the host's; that nobody outside can pass for the host's root, whom they cannot tell from others by
// his number; that what one of them leaves is in nobody's way, and can be buried. There is no code in it but the tests.
//
// The tests run in a mount and an IPC namespace of their own, with an empty /dev/shm, since what a directory is worth
// depends on its being the system's own. All of it takes root, to become other users and to map their numbers, and two
// programs, unshare and bwrap. Elsewhere the tests are skipped, but for CI=true in the environment: then that they
// cannot run is a failure.
package sandbox
