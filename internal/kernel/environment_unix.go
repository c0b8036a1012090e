//go:build unix && !aix

package kernel

import (
	"os"

	"golang.org/x/sys/unix"
)

// startedSecure is determined once, before the program can change its ids: see startedElevated, which each system
// answers in its own way.
var startedSecure = startedElevated()

// setting returns the value of one of the library's environment variables. It returns "" if the environment is not to
// be trusted: otherwise whoever started the program could have it make and remove things where they themselves may not.
//
// The variable is checked first: every call that names an object asks for some, which are seldom set, and reading the
// ids costs four system calls.
func setting(variable string) string {
	value := os.Getenv(variable)
	if value == "" || elevated() {
		return ""
	}
	return value
}

// elevated reports whether the program has more rights than whoever started it. The ids alone do not tell: a program
// with file capabilities has its caller's ids, and a set-user-id program may have given up one of its own. They are
// compared all the same, for a program that changes to another user later.
func elevated() bool {
	return startedSecure || unix.Geteuid() != unix.Getuid() || unix.Getegid() != unix.Getgid()
}
