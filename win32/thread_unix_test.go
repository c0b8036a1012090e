//go:build unix && !linux

package win32_test

// threadLives is not told here.
func threadLives(uint32) bool { return false }
