//go:build unix && !linux

package win32_test

import "errors"

// cover is needed where there are doors.
func cover(int, int) error { return errors.ErrUnsupported }

// threadLives is not available here.
func threadLives(uint32) bool { return false }
