package kernel

import (
	"bytes"
	"fmt"

	"golang.org/x/sys/unix"
)

// Filters of system calls (seccomp) stand between this library and the kernel in containers, sandboxes and services.
// Most answer EPERM to what they do not allow, some ENOSYS. Some look at a call's flags, and were written before a flag
// existed.

// filtered reports whether an error may come from a filter.
func filtered(err error) bool { return err == unix.EPERM || err == unix.ENOSYS }

// filterAdvice says what to do about a call that a filter seems to forbid; "" if it seems to be something else.
func filterAdvice(call string, err error) string {
	if !filtered(err) {
		return ""
	}
	b, _ := contents("/proc/thread-self/status")
	if !bytes.Contains(b, []byte("\nSeccomp:\t2")) {
		return ""
	}
	advice := fmt.Sprintf("a system call filter (seccomp) is active in this process and seems to forbid %s: "+
		"allow it in the profile of the container, sandbox or service (podman and docker --security-opt seccomp=, "+
		"systemd SystemCallFilter=)", call)
	if call == "memfd_create" {
		advice += ", or run all programs that share memory with each other with " + BackingVariable +
			"=file, which does not need it"
	}
	return advice
}
