//go:build unix && !linux && !aix

package kernel

// affordable leaves it to the file system, whose blocks are reserved when the section is made.
func (s *Spec) affordable() error { return s.Share.check() }

func addressSpaceAdvice(length int64) string {
	return "this process does not have that much address space left; see ulimit -v"
}
