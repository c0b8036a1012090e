//go:build !namedshm_mistakes

package kernel

// mistake reports that the protocol is to be broken in one way, for tests to find out. Without the build tag
// namedshm_mistakes it never is, and the compiler leaves out what would do it.
func mistake(string) bool { return false }
