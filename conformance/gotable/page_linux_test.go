package gotable

import (
	"fmt"
	"io"
	"os"
	"strings"
)

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
