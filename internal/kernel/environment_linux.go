package kernel

import "golang.org/x/sys/unix"

// atSecure is AT_SECURE, the key under which the kernel tells a program that it was given rights which its caller
// lacks: by a set-user-id or set-group-id file, capabilities of the file, or a security module.
const atSecure = 23

// startedElevated asks the auxiliary vector. The Go runtime saved that where the kernel put it, so the answer is right
// even without /proc, or for a program whose caller left it no descriptors. (Besides, /proc/self/auxv is unreadable in
// just those programs that this is about.) The kernel always provides the answer: a vector without it is not the
// kernel's and is not believed. That may happen to a library loaded after the program has rearranged its environment.
func startedElevated() bool {
	vector, err := unix.Auxv()
	if err != nil {
		return true
	}
	for _, pair := range vector {
		if pair[0] == atSecure {
			return pair[1] != 0
		}
	}
	return true
}
