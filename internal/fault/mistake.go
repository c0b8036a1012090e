//go:build !namedshm_mistakes

package fault

// Mistake reports that the protocol is to be broken in one way, for tests to find out. Without the build tag
// namedshm_mistakes it never is, and the compiler leaves out what would do it.
func Mistake(string) bool { return false }
