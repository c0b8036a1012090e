package kernel

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
	"unsafe"
)

// inKernel returns when a number of threads sleep in the kernel in an object's places.
func inKernel(t *testing.T, n *nativeWaitable, threads int) {
	t.Helper()
	first := uintptr(unsafe.Pointer(&n.state.places))
	for deadline := time.Now().Add(10 * time.Second); ; {
		tasks, err := filepath.Glob("/proc/self/task/*/syscall")
		if err != nil {
			t.Fatal(err)
		}
		asleep := 0
		for _, task := range tasks {
			var number, at uintptr
			call, err := os.ReadFile(task)
			if err != nil {
				continue
			}
			if fmt.Sscanf(string(call), "%d 0x%x", &number, &at); first <= at && at < first+4*placeCount {
				asleep++
			}
		}
		if asleep == threads {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d threads sleep in places, want %d", asleep, threads)
		}
		time.Sleep(time.Millisecond)
	}
}

// TestSetIsForThoseWhoWait: of an auto-reset event nobody who comes later is quicker than one who sleeps, a Reset takes
// nothing back from him, and two Sets let two through.
func TestSetIsForThoseWhoWait(t *testing.T) {
	a, b := pair(t, WaitableSpec{Kind: KindEvent})
	for range 200 {
		done := sleeps(t, sleepers, b)
		inKernel(t, b.native, 1)
		if err := errors.Join(a.Set(), a.Reset()); err != nil {
			t.Fatal(err)
		}
		if acquired, _, err := a.Try(); acquired || err != nil {
			t.Fatalf("a newcomer was quicker than the one who waited: %v", err)
		}
		through(t, done)
	}
	first, second := sleeps(t, sleepers, b), sleeps(t, sleepers, b)
	inKernel(t, b.native, 2)
	if err := errors.Join(a.Set(), a.Set()); err != nil {
		t.Fatal(err)
	}
	through(t, first)
	through(t, second)
}
