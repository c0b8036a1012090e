//go:build unix

package spec

import (
	"os"
	"runtime"
	"syscall"
)

// UnderWine reports that the system is Windows by name only.
func UnderWine() bool { return false }

// InSessionZero reports that this is a service, or what runs like one: numbered sessions exist only on Windows.
func InSessionZero() bool { return false }

// MayUseGlobal reports whether this process may make Global names: making their directory is root's right.
func MayUseGlobal() bool { return os.Geteuid() == 0 }

// NewRoot is where the namespaces of a run lie, "" where the system has its own. Other users may walk through it.
func NewRoot(pattern string) (string, error) {
	parent := ""
	if runtime.GOOS == "linux" {
		parent = "/dev/shm"
	}
	root, err := os.MkdirTemp(parent, pattern)
	if err == nil {
		err = os.Chmod(root, 0o711)
	}
	return root, err
}

// DropPrivilege takes from this process for good what lets it make Global names: it becomes one of a user and a group
// that no machine has. Whoever is not root has nothing that could be taken.
func DropPrivilege() error {
	const stranger = 64101
	if os.Geteuid() != 0 {
		return nil
	}
	if err := syscall.Setgroups(nil); err != nil {
		return err
	}
	if err := syscall.Setgid(stranger); err != nil {
		return err
	}
	return syscall.Setuid(stranger)
}
