package kernel

import (
	"math"
	"os"
	"path/filepath"
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

// TestSegmentsHidden: where this process is not shown the list of segments, nothing is known of any of them.
func TestSegmentsHidden(t *testing.T) {
	before := segmentsFile
	defer func() { segmentsFile = before }()
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, segmentsFile = range []string{"/proc/no-such-list", empty} {
		if _, found, err := findSegment(math.MaxInt32); found || codeOf(err) != AccessDenied {
			t.Errorf("%s: found %v, %v", segmentsFile, found, err)
		}
	}
}

// TestWrongDoorKeepsLocks: a door leads to another file, as the record of a slot's last handle may, on which this process has
// POSIX locks. They are not dropped, which closing any descriptor of that file would do.
func TestWrongDoorKeepsLocks(t *testing.T) {
	needNative(t)
	ownRoot(t)
	s := mustCreateSection(t, `Local\Locks`, 4096)
	f, err := os.Create(filepath.Join(t.TempDir(), "locked"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.FcntlFlock(f.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}); err != nil {
		t.Fatal(err)
	}
	wrong := door{pid: int32(os.Getpid()), descriptor: int32(f.Fd()), mode: unix.O_RDWR}
	if m, err := s.native.entry.enterDoor(wrong, unix.O_RDWR); err == nil {
		m.close()
		t.Error("another file was taken for the memory")
	}
	s.native.entry.residentAt(wrong)
	seen := unix.Flock_t{Type: unix.F_WRLCK}
	if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, &seen); err != nil || seen.Type != unix.F_WRLCK {
		t.Errorf("this process's lock on the other file is gone: %+v, %v", seen, err)
	}
}

// TestDoorWithoutDescriptor: a door that leads to a descriptor which its holder has not got costs no descriptor of
// the visitor's each time.
func TestDoorWithoutDescriptor(t *testing.T) {
	holderTable.mu.Lock()
	holderTable.forget()
	holderTable.mu.Unlock()
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
	table.fd = fd
	table.copy(door{pid: int32(os.Getppid()), descriptor: math.MaxInt32})
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
