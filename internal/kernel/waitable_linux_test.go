package kernel

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
	"unsafe"
)

// inKernel returns when a number of threads sleep in the kernel on an object's word.
func inKernel(t *testing.T, n *nativeWaitable, threads int) {
	t.Helper()
	at := []byte(fmt.Sprintf(" %#x ", uintptr(unsafe.Pointer(n.state.low()))))
	for deadline := time.Now().Add(10 * time.Second); ; {
		tasks, err := filepath.Glob("/proc/self/task/*/syscall")
		if err != nil {
			t.Fatal(err)
		}
		asleep := 0
		for _, task := range tasks {
			if call, err := os.ReadFile(task); err == nil && bytes.Contains(call, at) {
				asleep++
			}
		}
		if asleep == threads {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d threads sleep on the word, want %d", asleep, threads)
		}
		time.Sleep(time.Millisecond)
	}
}

// TestGrantsAreForThoseWhoWait: a grant to somebody who sleeps is not for whoever comes later and is quicker, nor does
// a Reset take it back.
func TestGrantsAreForThoseWhoWait(t *testing.T) {
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
