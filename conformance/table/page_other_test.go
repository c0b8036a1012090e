//go:build !linux && !windows

package table

import (
	"errors"
	"fmt"
	"io"
	"os"
)

func underWine() bool { return false }

func inSessionZero() bool { return false }

func mayUseGlobal() bool { return os.Geteuid() == 0 }

func newRoot() (string, error) { return os.MkdirTemp("", "namedshm-table-") }

// pageProtection is not known here.
func pageProtection(uint64) (string, error) { return "", nil }

func dropPrivilege() error { return errors.ErrUnsupported }

func foreign(kind, _, _ string) (io.Closer, bool, error) {
	return nil, false, fmt.Errorf("there is no %s here", kind)
}
