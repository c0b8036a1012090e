// Package processors holds the test that programs for different processors meet: what lies in shared memory and in the
// files of names has one layout, whatever compiled the program. There is no code in it but the test.
//
// A machine of amd64 runs programs for 386 itself, and those for arm64 where the kernel starts them by an emulator:
// .ci/processors register does that. What it cannot run is skipped; with CI=true in the environment that is a failure.
package processors
