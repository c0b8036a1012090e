package kernel

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

// TestOpenThatEndsHalfway: an open of a waitable object that fails when it has the memory already is an error, and keeps
// nothing. Who may write a Global directory can bring it about by removing the file of the seats.
func TestOpenThatEndsHalfway(t *testing.T) {
	globalRoot(t)
	needNative(t)
	w, _, err := CreateWaitable(context.Background(), `Global\Mutex`, WaitableSpec{Kind: KindMutex}, MustBeNew)
	if err != nil {
		t.Fatal(err)
	}
	seats, _ := filepath.Glob(filepath.Join(root(), "namedshm-global*", ".seats-*"))
	if len(seats) != 1 {
		t.Fatalf("seats %q", seats)
	}
	if err := os.Remove(seats[0]); err != nil {
		t.Fatal(err)
	}
	segments, descriptors := attachments(t), openDescriptors(t)
	if _, err := OpenWaitable(context.Background(), `Global\Mutex`, KindMutex, allRights); codeOf(err) != FileCorrupt {
		t.Errorf("open: %v", err)
	}
	if got := attachments(t); got != segments {
		t.Errorf("%d attachments, before there were %d", got, segments)
	}
	if got := openDescriptors(t); got != descriptors {
		t.Errorf("%d descriptors, before there were %d", got, descriptors)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if found, err := Names(Global); err != nil || len(found) != 0 {
		t.Errorf("left: %q, %v", found, err)
	}
}

func openDescriptors(t *testing.T) int {
	t.Helper()
	found, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(found)
}
