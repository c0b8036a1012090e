//go:build !windows

package win32table

import "errors"

// startHeir has no meaning here: nothing is inherited.
func startHeir(*Program, *Process, uint64) (*Process, error) { return nil, errors.ErrUnsupported }
