package kernel

import (
	"math"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestSegmentsUnread: when the list of segments cannot be read, no segment is taken for gone. Who finds an object's
// segment gone removes its name.
func TestSegmentsUnread(t *testing.T) {
	if _, found, err := findSegment(math.MaxInt32); found || err != nil {
		t.Fatalf("a segment that is not there: %v, %v", found, err)
	}
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 0, Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	_, _, err := findSegment(math.MaxInt32)
	if restoreErr := unix.Setrlimit(unix.RLIMIT_NOFILE, &before); restoreErr != nil {
		t.Fatal(restoreErr)
	}
	if codeOf(err) != TooManyOpenFiles {
		t.Fatalf("out of descriptors: %v", err)
	}
}

// TestDoorWithoutDescriptor: a door that leads to a descriptor which its holder has not got costs no descriptor of
// the visitor's each time.
func TestDoorWithoutDescriptor(t *testing.T) {
	table := &holderDescriptors{}
	for range 3 {
		if fd := table.copy(door{pid: int32(os.Getpid()), descriptor: math.MaxInt32}); fd >= 0 {
			t.Fatalf("descriptor %d was copied from nowhere", fd)
		}
	}
	if table.refused {
		t.Skip("this system copies no descriptors")
	}
	if n := descriptorsLike(t, "anon_inode:[pidfd]"); n > 1 {
		t.Errorf("%d descriptors of processes are open", n)
	}
	// Nobody's descriptor is taken for the table's own: here somebody else has got its number.
	fd := table.fd
	other, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(other)
	if err := unix.Dup3(other, fd, unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	table.copy(door{pid: int32(os.Getpid()), descriptor: math.MaxInt32})
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		t.Errorf("somebody else's descriptor was closed: %v", err)
	}
	table.forget()
}

// descriptorsLike counts this process's descriptors that lead somewhere.
func descriptorsLike(t *testing.T, link string) (n int) {
	t.Helper()
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range names {
		if got, _ := os.Readlink("/proc/self/fd/" + d.Name()); strings.HasPrefix(got, link) {
			n++
		}
	}
	return n
}

// descriptors counts this process's descriptors but the one that is kept of a holder.
func descriptors(t *testing.T) int {
	t.Helper()
	holderTable.mu.Lock()
	holderTable.forget()
	holderTable.mu.Unlock()
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}
