package kernel

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// ownRoot gives a test directories of its own.
func ownRoot(t *testing.T) {
	t.Helper()
	root, err := os.MkdirTemp("/dev/shm", "namedshm-kernel-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	t.Setenv(RootVariable, root)
}

// globalRoot is ownRoot for a test of Global names, which only root can make.
func globalRoot(t *testing.T) {
	t.Helper()
	switch {
	case os.Geteuid() == 0:
	case os.Getenv("CI") == "true":
		t.Fatal("only root can make the Global directory")
	default:
		t.Skip("only root can make the Global directory")
	}
	ownRoot(t)
}

// needNative skips a test of what only Linux's own backings have.
func needNative(t *testing.T) {
	t.Helper()
	if os.Getenv(BackingVariable) == "file" {
		t.Skip("the file backing has neither doors, segments nor lock files")
	}
}

func mustCreateSection(t *testing.T, name string, size int64) *Section {
	t.Helper()
	spec := Spec{Size: size, Protection: PageReadWrite}
	s, _, err := CreateSection(context.Background(), name, spec, Read|Write, MustBeNew)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
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
		code    Code
		advice  string
	}{
		{unix.SYS_SHMGET, "shmget", unix.ENOSPC, "create", create, NoSystemResources, "kernel.shmmni"},
		{unix.SYS_SHMGET, "shmget", unix.EINVAL, "create", create, NoSystemResources, "kernel.shmmax"},
		{unix.SYS_SHMGET, "shmget", unix.ENOMEM, "create", create, CommitmentLimit, "available"},
		{unix.SYS_SHMGET, "shmget", unix.ENFILE, "create", create, TooManyOpenFiles, "fs.file-max"},
		{unix.SYS_SHMAT, "shmat", unix.ENOMEM, "create", create, NotEnoughMemory, "address space"},
		{unix.SYS_SHMAT, "shmat", unix.ENOMEM, "open", open, NotEnoughMemory, "address space"},
		{unix.SYS_SHMAT, "shmat", unix.ENOMEM, "map", view, NotEnoughMemory, "address space"},
		{unix.SYS_SHMCTL, "shmctl", unix.ENOSYS, "open", open, NotSupported, ""},
	} {
		refusing(t, c.call, c.errno, func() {
			err := c.attempt()
			f, ok := err.(*Fault)
			if !ok || f.Code != c.code || !strings.Contains(f.Error(), c.name) || !strings.Contains(f.Advice, c.advice) {
				t.Errorf("%s where %s fails with %v: %#v: %v", c.what, c.name, c.errno, f, err)
			}
		})
	}
	if err := create(); err != nil {
		t.Errorf("and then without a refusal: %v", err)
	}
}

// TestPartOfASegmentThatCannotBeKept: where the rest of an attachment cannot be given back, there is no view, and
// nothing of it stays in the address space.
func TestPartOfASegmentThatCannotBeKept(t *testing.T) {
	needNative(t)
	globalRoot(t)
	s := mustCreateSection(t, `Global\Parts`, 4*Granularity)
	before := attachments(t)
	for _, part := range [][2]int64{{Granularity, 0}, {0, Granularity}, {Granularity, Granularity}} {
		refusing(t, unix.SYS_MUNMAP, unix.ENOMEM, func() {
			_, err := s.Map(part[0], part[1], Read)
			if codeOf(err) != NotEnoughMemory {
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
