//go:build !linux && !windows

package table

import "os"

func underWine() bool { return false }

func mayUseGlobal() bool { return os.Geteuid() == 0 }

func newRoot() (string, error) { return os.MkdirTemp("", "namedshm-table-") }

// pageProtection is not known here.
func pageProtection(uint64) (string, error) { return "", nil }
