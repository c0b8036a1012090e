//go:build !linux

package waiting

func setMannerOf(string) {}
