package kernel

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/namedshm/namedshm/internal/fault"
)

// TestOpenThatEndsHalfway: an open of a waitable object that fails when it already has the memory is an error, and
// keeps nothing. Users who may write a Global directory can cause that by removing the seats file.
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
	if _, err := OpenWaitable(context.Background(), `Global\Mutex`, KindMutex,
		allRights); fault.CodeOf(err) != fault.FileCorrupt {
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

// TestLocksThatEndAfterClose: Locks run when the handle is closed, and acquire the mutex after that. It must be
// released as often as it was locked, through a closed handle, or nobody would ever get it again. In the file backing
// the short ways are closed.
func TestLocksThatEndAfterClose(t *testing.T) {
	for _, backing := range []string{"", "file"} {
		for name, locks := range map[string]int{"one": 1, "two": 2, "three": 3} {
			t.Run(name+backing, func(t *testing.T) {
				t.Setenv(BackingVariable, backing)
				ownRoot(t)
				a, _, err := CreateWaitable(context.Background(), `Local\Mutex`, WaitableSpec{Kind: KindMutex}, MustBeNew)
				must(t, err)
				defer a.Close()
				b, err := OpenWaitable(context.Background(), `Local\Mutex`, KindMutex, allRights)
				must(t, err)
				for range locks {
					must(t, b.enter(KindMutex, Synchronize))
				}
				must(t, b.Close())
				for range locks {
					if got, _, err := b.native.try(); !got || err != nil {
						t.Fatal(got, err)
					}
					b.leave()
				}
				for range locks {
					must(t, b.Unlock())
				}
				if err := b.Unlock(); fault.CodeOf(err) != fault.InvalidHandle {
					t.Errorf("one Unlock more: %v", err)
				}
				if got, abandoned, err := a.Try(); !got || abandoned || err != nil {
					t.Errorf("the mutex: got %v, abandoned %v, %v", got, abandoned, err)
				}
			})
		}
	}
}
