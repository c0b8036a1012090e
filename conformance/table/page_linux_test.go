package table

import (
	"fmt"
	"os"
	"strings"
)

func underWine() bool { return false }

// mayUseGlobal: making the Global directory is root's right.
func mayUseGlobal() bool { return os.Geteuid() == 0 }

// newRoot is where the namespaces of this run lie.
func newRoot() (string, error) { return os.MkdirTemp("/dev/shm", "namedshm-table-") }

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
