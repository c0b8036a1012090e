package table

import (
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

func underWine() bool { return false }

// inSessionZero: numbered sessions are Windows' own.
func inSessionZero() bool { return false }

// mayUseGlobal: making the Global directory is root's right.
func mayUseGlobal() bool { return os.Geteuid() == 0 }

// newRoot is where the namespaces of this run lie. Other users may walk through it.
func newRoot() (string, error) {
	root, err := os.MkdirTemp("/dev/shm", "namedshm-table-")
	if err == nil {
		err = os.Chmod(root, 0o711)
	}
	return root, err
}

// dropPrivilege makes this process one of a user and a group that no machine has.
func dropPrivilege() error {
	const stranger = 64101
	if err := syscall.Setgroups(nil); err != nil {
		return err
	}
	if err := syscall.Setgid(stranger); err != nil {
		return err
	}
	return syscall.Setuid(stranger)
}

// foreign makes or opens an object of a kind that this library does not make. On Unix there is none.
func foreign(kind, _, _ string) (io.Closer, bool, error) {
	return nil, false, fmt.Errorf("there is no %s here", kind)
}

// pageProtection is what Windows would call the kernel's own record of the pages at an address.
func pageProtection(at uint64) (string, error) {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(maps)) {
		var from, to uint64
		var rights string
		if _, err := fmt.Sscanf(line, "%x-%x %s", &from, &to, &rights); err != nil || at < from || at >= to {
			continue
		}
		return map[string]string{
			"r--s": "PAGE_READONLY", "rw-s": "PAGE_READWRITE", "rw-p": "PAGE_WRITECOPY",
			"r-xs": "PAGE_EXECUTE_READ", "rwxs": "PAGE_EXECUTE_READWRITE", "rwxp": "PAGE_EXECUTE_WRITECOPY",
		}[rights], nil
	}
	return "", fmt.Errorf("nothing is mapped at %#x", at)
}
