//go:build !linux && !windows

package gotable

import (
	"fmt"
	"io"
)

// pageProtection is not known here.
func pageProtection(uint64) (string, error) { return "", nil }

func foreign(kind, _, _ string) (io.Closer, bool, error) {
	return nil, false, fmt.Errorf("there is no %s here", kind)
}
