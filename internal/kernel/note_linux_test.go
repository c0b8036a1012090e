package kernel

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestForgedIntent: users who may write a group's Global directory may write into .creating too. By that they must not
// get root, or another member, to remove a segment of another program. A dead creator's record in a directory of root's
// own is acted upon all the same.
func TestForgedIntent(t *testing.T) {
	for _, c := range []struct {
		name  string
		group string
		owner int // of the segment, and of what the record says
		goes  bool
	}{
		{"root's segment, in a group's directory", "64110", 0, false},
		{"a stranger's segment, in a group's directory", "64110", 64101, false},
		{"a stranger's segment, in root's directory", "", 64101, false},
		{"root's segment, in root's directory", "", 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			globalRoot(t)
			needNative(t)
			if _, err := SetupGlobal(c.group); err != nil {
				t.Fatal(err)
			}
			const size, key = 12345, 0x5eed0001
			id := makeSegment(t, key, size, c.owner)
			defer unix.SysvShmCtl(id, unix.IPC_RMID, nil)
			p, err := placeOf(Global)
			if err != nil {
				t.Fatal(err)
			}
			control, err := os.OpenFile(filepath.Join(p.dir, creatingFile), os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer control.Close()
			forged := &note{place: p, control: int(control.Fd()), index: 3}
			if err := forged.write(intent{key, uint32(c.owner), size}); err != nil {
				t.Fatal(err)
			}
			mustCreateSection(t, `Global\Object`, 4096)
			found, err := Bury(Global)
			if err != nil {
				t.Error(err)
			}
			var st unix.SysvShmDesc
			if _, err := unix.SysvShmCtl(id, unix.IPC_STAT, &st); (err != nil) != c.goes {
				t.Errorf("the segment: %v", err)
			}
			if told := strings.Contains(fmt.Sprint(found), "segment"); told == c.goes {
				t.Errorf("the burial says %v", found)
			}
		})
	}
}

// makeSegment makes a segment that nobody has attached, as another user if need be.
func makeSegment(t *testing.T, key, size, owner int) int {
	t.Helper()
	done := make(chan int)
	go func() {
		// Only this thread becomes another user, and it ends with the goroutine.
		defer close(done)
		if err := becomeOnThisThread(owner); err != nil {
			t.Error(err)
			return
		}
		id, err := unix.SysvShmGet(key, size, unix.IPC_CREAT|unix.IPC_EXCL|0o600)
		if err != nil {
			t.Error(err)
			return
		}
		done <- id
	}()
	id, ok := <-done
	if !ok {
		t.Fatal("there is no segment")
	}
	return id
}

// TestManyDeadIntents: creators that died, as many as there are records, are in nobody's way.
func TestManyDeadIntents(t *testing.T) {
	needNative(t)
	globalRoot(t)
	if _, err := SetupGlobal("64110"); err != nil {
		t.Fatal(err)
	}
	p, err := placeOf(Global)
	if err != nil {
		t.Fatal(err)
	}
	control, err := os.OpenFile(filepath.Join(p.dir, creatingFile), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer control.Close()
	for i := range int64(noteCount) {
		if err := (&note{place: p, control: int(control.Fd()), index: i}).write(intent{uint32(0x5eed1000 + i), uint32(i),
			4096}); err != nil {
			t.Fatal(err)
		}
	}
	s, _, err := CreateSection(context.Background(), `Global\Object`, Spec{Size: 4096, Protection: PageReadWrite}, Read,
		MustBeNew)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
}
