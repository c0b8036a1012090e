//go:build unix && !aix

package win32

import (
	"runtime"
	"testing"
	"time"
)

// TestIdleMutexesAreNotLookedAt: of many mutexes it is those with an owner that are looked at from time to time.
func TestIdleMutexesAreNotLookedAt(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var all []Handle
	for range 300 {
		h, err := CreateMutex(nil, false, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer CloseHandle(h)
		all = append(all, h)
	}
	created, err := CreateMutex(nil, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer CloseHandle(created)
	// What tests before this one left is forgotten first.
	looked := func(want int) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
			mutexes.Lock()
			got := len(mutexes.owned)
			mutexes.Unlock()
			if got == want {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%d mutexes are looked at, want %d of %d", got, want, len(all)+1)
			}
		}
	}
	looked(1)
	for range 3 {
		if got, err := WaitForSingleObject(all[7], 0); got != WAIT_OBJECT_0 || err != nil {
			t.Fatal(got, err)
		}
		looked(2)
		if err := ReleaseMutex(all[7]); err != nil {
			t.Fatal(err)
		}
		looked(1)
	}
	if err := ReleaseMutex(created); err != nil {
		t.Fatal(err)
	}
	looked(0)
}
