//go:build linux

package actors

import "golang.org/x/sys/unix"

// CanFail says that system calls can be made to fail on this architecture.
const CanFail = true

// otherNames are those of calls that are not the same on all architectures.
var otherNames = map[int64]string{
	unix.SYS_NEWFSTATAT: "newfstatat", unix.SYS_MMAP: "mmap", unix.SYS_RENAMEAT: "renameat",
}

// skipCall has the kernel not make the call that a thread is about to make.
func skipCall(t Host, thread int) {
	t.Helper()
	change(t, thread, func(r *unix.PtraceRegs) { r.Orig_rax = ^uint64(0) })
}

// returnFromCall sets what the call has returned.
func returnFromCall(t Host, thread int, e unix.Errno) {
	t.Helper()
	change(t, thread, func(r *unix.PtraceRegs) { r.Rax = -uint64(e) })
}

func change(t Host, thread int, what func(*unix.PtraceRegs)) {
	t.Helper()
	var r unix.PtraceRegs
	if err := unix.PtraceGetRegs(thread, &r); err != nil {
		t.Fatal(err)
	}
	what(&r)
	if err := unix.PtraceSetRegs(thread, &r); err != nil {
		t.Fatal(err)
	}
}

// CanStep says that an actor can be led from instruction to instruction on this architecture.
const CanStep = true

// instruction is where a thread stands, and whether the system call that it is about to make there is the end mark.
func instruction(t Host, thread int) (at uint64, end bool) {
	t.Helper()
	var r unix.PtraceRegs
	if err := unix.PtraceGetRegs(thread, &r); err != nil {
		t.Fatal(err)
	}
	if r.Rax != unix.SYS_CLOSE || int64(r.Rdi) != endMark {
		return r.Rip, false
	}
	var code [2]byte
	if _, err := unix.PtracePeekText(thread, uintptr(r.Rip), code[:]); err != nil {
		t.Fatal(err)
	}
	return r.Rip, code == [2]byte{0x0f, 0x05} // syscall
}

// breakpoint is the instruction that stops a traced thread.
var breakpoint = []byte{0xcc}

// moveTo has a thread go on at another instruction.
func moveTo(t Host, thread int, at uint64) {
	t.Helper()
	change(t, thread, func(r *unix.PtraceRegs) { r.Rip = at })
}
