//go:build linux && !amd64

package actors

import "golang.org/x/sys/unix"

// CanFail says that system calls can be made to fail on this architecture: what that takes is different on each.
const CanFail = false

var otherNames map[int64]string

func skipCall(t Host, _ int) { t.Fatal("a system call cannot be skipped here") }

func returnFromCall(t Host, _ int, _ unix.Errno) {
	t.Fatal("what a system call returns cannot be set here")
}

// CanStep says that an actor can be led from instruction to instruction on this architecture.
const CanStep = false

func instruction(t Host, _ int) (uint64, bool) {
	t.Fatal("an actor cannot be led from instruction to instruction here")
	return 0, false
}

var breakpoint []byte

func moveTo(t Host, _ int, _ uint64) { t.Fatal("an actor cannot be led to an instruction here") }
