//go:build unix && !aix

package win32

import (
	"testing"
	"time"
)

// TestNoTimeoutBeforeTheTime: WAIT_TIMEOUT is for a wait whose time is up, on this process's clock, whatever it is for.
func TestNoTimeoutBeforeTheTime(t *testing.T) {
	event, err := CreateEvent(nil, 0, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	semaphore, err := CreateSemaphore(nil, 0, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	manual, err := CreateEvent(nil, 1, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range []Handle{event, semaphore, manual} {
		defer CloseHandle(h)
	}
	for what, wait := range map[string]func(milliseconds uint32) (uint32, error){
		"auto-reset event":   func(ms uint32) (uint32, error) { return WaitForSingleObject(event, ms) },
		"manual-reset event": func(ms uint32) (uint32, error) { return WaitForSingleObject(manual, ms) },
		"semaphore":          func(ms uint32) (uint32, error) { return WaitForSingleObject(semaphore, ms) },
		"any": func(ms uint32) (uint32, error) {
			return WaitForMultipleObjects([]Handle{event, manual}, false, ms)
		},
		"all": func(ms uint32) (uint32, error) {
			return WaitForMultipleObjects([]Handle{event, semaphore}, true, ms)
		},
		"this process": func(ms uint32) (uint32, error) { return WaitForSingleObject(CurrentProcess(), ms) },
		"signal and wait": func(ms uint32) (uint32, error) {
			return SignalObjectAndWait(event, semaphore, ms, false)
		},
	} {
		for _, ms := range []uint32{0, 1, 2, 7} {
			for range 5 {
				ResetEvent(event)
				begun := time.Now()
				got, err := wait(ms)
				took := time.Since(begun)
				if got != uint32(WAIT_TIMEOUT) || err != nil || took < time.Duration(ms)*time.Millisecond {
					t.Errorf("%s, %d ms: %#x, %v after %v", what, ms, got, err, took)
				}
			}
		}
	}
}
