package kernel

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestTheRecordOfAnEarlierHandle: between taking a slot and writing its record, a door has the record of the slot's
// last handle, and a descriptor number that may by now have another access mode. Memory opened through it has the
// requested access all the same.
func TestTheRecordOfAnEarlierHandle(t *testing.T) {
	needNative(t)
	ownRoot(t)
	for _, c := range []struct {
		name         string
		holder, asks Access
		lie, want    int
	}{
		{"a writer's descriptor for a reader", Read | Write, Read, unix.O_RDONLY, unix.O_RDONLY},
		{"a reader's descriptor for a writer", Read, Read | Write, unix.O_RDWR, unix.O_RDWR},
	} {
		t.Run(c.name, func(t *testing.T) {
			name := fmt.Sprintf(`Local\Lie%d`, c.lie)
			s, _, err := CreateSection(context.Background(), name, Spec{Size: 4096, Protection: PageReadWrite}, c.holder,
				MustBeNew)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			files, _ := filepath.Glob(filepath.Join(root(), "namedshm-u*", filepath.Base(name[6:])))
			if len(files) != 1 {
				t.Fatalf("entries %q", files)
			}
			f, err := os.OpenFile(files[0], os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			slot := slotsAt + s.native.at*slotLen
			if _, err := f.WriteAt(binary.LittleEndian.AppendUint32(nil, uint32(c.lie)), slot+8); err != nil {
				t.Fatal(err)
			}
			opened, err := OpenSection(context.Background(), name, c.asks)
			if err != nil {
				t.Fatal(err)
			}
			defer opened.Close()
			if got := openMode(opened.native.mem.descriptor()); got != c.want {
				t.Errorf("the memory is open with access mode %d, want %d", got, c.want)
			}
			v, err := opened.Map(0, 0, c.asks)
			if err != nil {
				t.Fatal(err)
			}
			v.Close()
		})
	}
}

func init() {
	parts["copy from two holders"] = func() {
		closed, open := startSleeper(" undumpable"), startSleeper("")
		defer closed.end()
		defer open.end()
		var table holderDescriptors
		from := func(s *copied) bool {
			fd := table.copy(door{pid: int32(s.cmd.Process.Pid), descriptor: 0})
			if fd >= 0 {
				unix.Close(fd)
			}
			return fd >= 0
		}
		fmt.Print(from(closed), from(open), from(closed), from(open), table.refused)
	}
	parts["copy from a row"] = func() {
		var table holderDescriptors
		for range refusedRow {
			s := startSleeper(" undumpable")
			table.copy(door{pid: int32(s.cmd.Process.Pid), descriptor: 0})
			s.end()
		}
		fmt.Print(table.refused)
	}
	parts["sleep undumpable"] = func() {
		err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
		sleepTillTheEnd(err)
	}
	parts["sleep undumpable without a first thread"] = func() {
		sleepTillTheEnd(errors.Join(unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0), leaveFirstThread()))
	}
	parts["sleep without a first thread"] = func() { sleepTillTheEnd(leaveFirstThread()) }
	look := func(user *syscall.Credential, prepare func() error) {
		for _, how := range []string{"", " without a first thread", " undumpable", " undumpable without a first thread"} {
			s := startSleeperAs(user, how)
			if err := prepare(); err != nil {
				panic(err)
			}
			fmt.Print(mayEnter(door{pid: int32(s.cmd.Process.Pid), descriptor: 0}), " ")
			s.end()
		}
		fmt.Print(mayEnter(door{pid: 1 << 30}))
	}
	parts["look into processes like this one"] = func() { look(nil, func() error { return nil }) }
	parts["look into others' by right of names alone"] = func() {
		runtime.LockOSThread()
		look(&syscall.Credential{Uid: 64103, Gid: 64103}, func() error { return dropCapability(unix.CAP_SYS_PTRACE) })
	}
	parts["sleep"] = func() { sleepTillTheEnd(nil) }
}

func sleepTillTheEnd(err error) {
	fmt.Print(err)
	os.Stdout.Close()
	io.Copy(io.Discard, os.Stdin)
}

// leaveFirstThread ends the process's first thread, and no other.
func leaveFirstThread() error {
	found, done := make(chan bool), make(chan bool)
	defer close(done)
	for range 1000 {
		go func() {
			runtime.LockOSThread()
			if first := unix.Gettid() == os.Getpid(); first {
				found <- true
				unix.Syscall(unix.SYS_EXIT, 0, 0, 0)
			}
			found <- false
			<-done // no other goroutine may get this thread meanwhile
			runtime.UnlockOSThread()
		}()
		if <-found {
			for taskState("/proc/"+strconv.Itoa(os.Getpid())) != over {
				runtime.Gosched()
			}
			return nil
		}
	}
	return errors.New("the first thread does nothing that could end it")
}

// dropCapability takes a capability from this thread.
func dropCapability(capability int) error {
	h := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&h, &data[0]); err != nil {
		return err
	}
	data[0].Effective &^= 1 << capability
	return unix.Capset(&h, &data[0])
}

// copied is a child that has descriptors to copy.
type copied struct {
	cmd *exec.Cmd
	in  io.Closer
}

func startSleeper(how string) *copied { return startSleeperAs(nil, how) }

func startSleeperAs(user *syscall.Credential, how string) *copied {
	part := "sleep" + how
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestPart$")
	cmd.Env = append(os.Environ(), playVariable+"="+part)
	if user != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: user}
	}
	in, inErr := cmd.StdinPipe()
	out, outErr := cmd.StdoutPipe()
	if inErr != nil || outErr != nil {
		panic(fmt.Sprint(inErr, outErr))
	}
	if err := cmd.Start(); err != nil {
		panic(err)
	}
	if ready, err := io.ReadAll(out); string(ready) != "<nil>" {
		panic(fmt.Sprintf("%s, %v", ready, err))
	}
	return &copied{cmd, in}
}

func (s *copied) end() {
	s.in.Close()
	s.cmd.Wait()
}

// TestOneUndumpableHolder: one holder that may not be traced does not make every open of another object take the slower
// way; if nobody may be traced that is noticed.
func TestOneUndumpableHolder(t *testing.T) {
	user := &syscall.Credential{Uid: 64102, Gid: 64102}
	if os.Geteuid() != 0 {
		user = &syscall.Credential{Uid: uint32(os.Geteuid()), Gid: uint32(os.Getegid()), NoSetGroups: true}
	}
	if got := play(t, "copy from two holders", user); got != "false true false true false" {
		t.Errorf("copies from an undumpable holder, another, and again: %s", got)
	}
	if got := play(t, "copy from a row", user); got != "true" {
		t.Errorf("after %d undumpable holders copying is given up: %s", refusedRow, got)
	}
}

// TestHolderThatMayNotBeLookedInto: it is told from one that lacks what its record says, even if its first thread has
// ended, whose directory shows nothing to anybody.
func TestHolderThatMayNotBeLookedInto(t *testing.T) {
	user := &syscall.Credential{Uid: 64102, Gid: 64102}
	if os.Geteuid() != 0 {
		user = &syscall.Credential{Uid: uint32(os.Geteuid()), Gid: uint32(os.Getegid()), NoSetGroups: true}
	}
	if got := play(t, "look into processes like this one", user); got != "true true false false true" {
		t.Errorf("one like this, without its first thread, undumpable ones, and nobody: may be entered: %s", got)
	}
	if os.Geteuid() == 0 {
		if got := play(t, "look into others' by right of names alone", nil); got != "false false false false true" {
			t.Errorf("four of another user's, and nobody, where every name can be looked up: may be entered: %s", got)
		}
	}
}

// TestWrongDoorKeepsLocks: a door leads to another file, as the record of a slot's last handle may, on which this
// process has POSIX locks. They must not be dropped, as they would be by closing any descriptor of that file.
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

// TestDoorWithoutDescriptor: a door that leads to a descriptor which its holder lacks does not cost the visitor a
// descriptor each time.
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
	// No other descriptor is taken for the table's own: here another one has its number.
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

// descriptors counts this process's descriptors, except the one that is kept of a holder.
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
