package kernel

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestTheRecordOfAnEarlierHandle: between taking a slot and writing the own record into it, a door has the record of the
// slot's last handle, and a descriptor number that may by now be one with another access. What is taken through it has
// the access that was asked for all the same.
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
			s, _, err := CreateSection(context.Background(), name, Spec{Size: 4096, Protection: PageReadWrite}, c.holder, MustBeNew)
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
		closed, open := startSleeper(true), startSleeper(false)
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
			s := startSleeper(true)
			table.copy(door{pid: int32(s.cmd.Process.Pid), descriptor: 0})
			s.end()
		}
		fmt.Print(table.refused)
	}
	parts["sleep undumpable"] = func() {
		err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
		sleepTillTheEnd(err)
	}
	parts["sleep"] = func() { sleepTillTheEnd(nil) }
}

func sleepTillTheEnd(err error) {
	fmt.Print(err)
	os.Stdout.Close()
	io.Copy(io.Discard, os.Stdin)
}

// copied is a child that has descriptors to copy.
type copied struct {
	cmd *exec.Cmd
	in  io.Closer
}

func startSleeper(undumpable bool) *copied {
	part := "sleep"
	if undumpable {
		part = "sleep undumpable"
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestPart$")
	cmd.Env = append(os.Environ(), playVariable+"="+part)
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

// TestOneUndumpableHolder: that one holder may not be traced does not make every open of another object take the slower
// way; that nobody may be traced is noticed.
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
