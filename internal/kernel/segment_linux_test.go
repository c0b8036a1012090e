package kernel

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/namedshm/namedshm/internal/fault"
	"golang.org/x/sys/unix"
)

// TestSegmentsUnread: if the list of segments cannot be read, no segment is taken for gone. That would remove the name
// of its object.
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
	if fault.CodeOf(err) != fault.TooManyOpenFiles {
		t.Fatalf("out of descriptors: %v", err)
	}
}

// TestSegmentsHidden: if this process is not shown the list of segments, nothing is known of any of them.
func TestSegmentsHidden(t *testing.T) {
	before := segmentsFile
	defer func() { segmentsFile = before }()
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, segmentsFile = range []string{"/proc/no-such-list", empty} {
		if _, found, err := findSegment(math.MaxInt32); found || fault.CodeOf(err) != fault.AccessDenied {
			t.Errorf("%s: found %v, %v", segmentsFile, found, err)
		}
	}
}

// TestSegmentFaultsNameTheirCall: each of the calls can fail, and each failure means something else.
func TestSegmentFaultsNameTheirCall(t *testing.T) {
	needNative(t)
	globalRoot(t)
	there := mustCreateSection(t, `Global\There`, 4096)
	spec := Spec{Size: 4096, Protection: PageReadWrite}
	create := func() error {
		_, _, err := CreateSection(context.Background(), `Global\New`, spec, Read|Write, MustBeNew)
		return err
	}
	open := func() error {
		_, err := OpenSection(context.Background(), `Global\There`, Read)
		return err
	}
	view := func() error {
		_, err := there.Map(0, 0, Read)
		return err
	}
	for _, c := range []struct {
		call    uintptr
		name    string
		errno   unix.Errno
		what    string
		attempt func() error
		code    fault.Code
		advice  string
	}{
		{unix.SYS_SHMGET, "shmget", unix.ENOSPC, "create", create, fault.NoSystemResources, "kernel.shmmni"},
		{unix.SYS_SHMGET, "shmget", unix.EINVAL, "create", create, fault.NoSystemResources, "kernel.shmmax"},
		{unix.SYS_SHMGET, "shmget", unix.ENOMEM, "create", create, fault.CommitmentLimit, "available"},
		{unix.SYS_SHMGET, "shmget", unix.ENFILE, "create", create, fault.TooManyOpenFiles, "fs.file-max"},
		{unix.SYS_SHMAT, "shmat", unix.ENOMEM, "create", create, fault.NotEnoughMemory, "address space"},
		{unix.SYS_SHMAT, "shmat", unix.ENOMEM, "open", open, fault.NotEnoughMemory, "address space"},
		{unix.SYS_SHMAT, "shmat", unix.ENOMEM, "map", view, fault.NotEnoughMemory, "address space"},
		{unix.SYS_SHMCTL, "shmctl", unix.ENOSYS, "open", open, fault.NotSupported, ""},
	} {
		refusing(t, c.call, c.errno, func() {
			err := c.attempt()
			f, ok := err.(*fault.Fault)
			if !ok || f.Code != c.code || !strings.Contains(f.Error(), c.name) || !strings.Contains(f.Advice, c.advice) {
				t.Errorf("%s where %s fails with %v: %#v: %v", c.what, c.name, c.errno, f, err)
			}
		})
	}
	if err := create(); err != nil {
		t.Errorf("and then without a refusal: %v", err)
	}
}

// TestSegmentIsReserved: every page is there, even if the kernel lacks the advice that reserves them (before Linux
// 5.14), a filter forbids it, or it reports success and does nothing, as QEMU's emulation of a processor does.
func TestSegmentIsReserved(t *testing.T) {
	needNative(t)
	globalRoot(t)
	const size = 64 * Granularity
	for _, errno := range []unix.Errno{unix.EINVAL, unix.EPERM, unix.ENOSYS, 0} {
		for _, access := range []Access{Read, Read | Write} {
			refusing(t, unix.SYS_MADVISE, errno, func() {
				s, _, err := CreateSection(context.Background(), `Global\Reserved`,
					Spec{Size: size, Protection: PageReadWrite, Commit: CommitNow}, access, MustBeNew)
				if err != nil {
					t.Errorf("madvise gives %d, access %v: %v", errno, access, err)
					return
				}
				defer s.Close()
				info, err := Stat(`Global\Reserved`)
				if err != nil || info.Resident != size {
					t.Errorf("madvise gives %d, access %v: %d of %d bytes are reserved, %v", errno, access, info.Resident, size, err)
				}
			})
		}
	}
}

// TestPartOfASegmentThatCannotBeKept: if the rest of an attachment cannot be given back, there is no view, and nothing
// of it stays in the address space.
func TestPartOfASegmentThatCannotBeKept(t *testing.T) {
	needNative(t)
	globalRoot(t)
	s := mustCreateSection(t, `Global\Parts`, 4*Granularity)
	before := attachments(t)
	for _, part := range [][2]int64{{Granularity, 0}, {0, Granularity}, {Granularity, Granularity}} {
		refusing(t, unix.SYS_MUNMAP, unix.ENOMEM, func() {
			_, err := s.Map(part[0], part[1], Read)
			if fault.CodeOf(err) != fault.NotEnoughMemory {
				t.Errorf("%d bytes from %d on: %v", part[1], part[0], err)
			}
		})
		if got := attachments(t); got != before {
			t.Errorf("after %v there are %d attachments, before there were %d", part, got, before)
		}
	}
	v, err := s.Map(Granularity, Granularity, Read)
	if err != nil {
		t.Fatal(err)
	}
	if got := attachments(t); got != before+1 {
		t.Errorf("a view is %d attachments", got-before)
	}
	if err := v.Close(); err != nil {
		t.Error(err)
	}
}

// attachments counts the System V mappings of this process.
func attachments(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Count(b, []byte("/SYSV"))
}
