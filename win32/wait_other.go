//go:build !windows

package win32

import "time"

func sleepEx(milliseconds uint32, _ bool) uint32 {
	for milliseconds == INFINITE { // a sleep, for Go takes a program in which all block for dead
		time.Sleep(time.Hour)
	}
	time.Sleep(time.Duration(milliseconds) * time.Millisecond)
	return 0
}
