package main

import (
	"context"
	"errors"
	"testing"
	"time"
	"unsafe"
)

// TestLayout: the structure is as large as the public one, and its fields lie where a Windows compiler puts them.
func TestLayout(t *testing.T) {
	var l link
	for name, x := range map[string][2]uintptr{
		"whole": {unsafe.Sizeof(l), 5460}, "tick": {unsafe.Offsetof(l.Tick), 4}, "name": {unsafe.Offsetof(l.Name), 44},
		"camera": {unsafe.Offsetof(l.CameraPosition), 556}, "identity": {unsafe.Offsetof(l.Identity), 592},
		"context": {unsafe.Offsetof(l.Context), 1108}, "description": {unsafe.Offsetof(l.Description), 1364},
	} {
		if x[0] != x[1] {
			t.Errorf("%s: %d, want %d", name, x[0], x[1])
		}
	}
}

// TestSnapshotNeedsQuiet: a copy counts only soon after an update, or when the game has paused for long.
func TestSnapshotNeedsQuiet(t *testing.T) {
	now := time.Now()
	for since, want := range map[time.Duration]bool{0: true, 10 * quiet: false, 10 * still: true} {
		l := &link{Tick: 7}
		w := watch{memory: l, tick: 7, before: now.Add(-since), looked: now}
		if since == 0 {
			w.before = time.Now().Add(time.Hour) // however slow this machine is
		}
		if _, ok := w.snapshot(); ok != want {
			t.Errorf("%v after the update: %v", since, ok)
		}
	}
	first := watch{memory: &link{Tick: 7}}
	if _, ok := first.snapshot(); ok {
		t.Error("nothing is known of when the update came, and the copy counts")
	}
	// When the tick appeared is not known better than when it was last looked at.
	l := &link{Tick: 8}
	w := watch{memory: l, tick: 7, before: now, looked: now.Add(-10 * quiet)}
	if _, ok := w.snapshot(); ok {
		t.Error("an update may have been under way, and the copy counts")
	}
}

// TestEndedForAReason: run says why it was ended, with a prefix that exists and with one that does not.
func TestEndedForAReason(t *testing.T) {
	reason := errors.New("the overlay is closed")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(reason)
	for _, arguments := range [][]string{{t.TempDir()}, {"/nonexistent"}} {
		if err := run(ctx, arguments); !errors.Is(err, reason) {
			t.Errorf("%q: %v, want %v", arguments, err, reason)
		}
	}
}
