//go:build !unix && !windows

package spec

import "errors"

// UnderWine reports that the system is Windows by name only.
func UnderWine() bool { return false }

// InSessionZero reports that this is a service, or what runs like one: numbered sessions exist only on Windows.
func InSessionZero() bool { return false }

// MayUseGlobal reports whether this process may make Global names: here nothing is shared.
func MayUseGlobal() bool { return false }

// NewRoot is where the namespaces of a run lie, "" where there are none.
func NewRoot(string) (string, error) { return "", nil }

// DropPrivilege has nothing to take.
func DropPrivilege() error { return errors.ErrUnsupported }
