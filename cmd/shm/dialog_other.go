//go:build !unix && !windows

package main

import (
	"errors"
	"fmt"
	"runtime"
)

func findDialog() (dialog, error) {
	return nil, fmt.Errorf("there are no message boxes on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}
