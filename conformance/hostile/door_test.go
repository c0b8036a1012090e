//go:build linux

package hostile

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/namedshm/namedshm"
)

func itoa(n int) string { return strconv.Itoa(n) }

// Where the door records of an entry stand: internal/kernel/layout.go has the drawing.
const (
	doorsAt    = 512
	doorLength = 16
	tokenAt    = 32
)

// decoy is something that a door could lead to and must not be taken for the memory, or touched.
type decoy struct {
	name string
	make func(size int64, token []byte) (int, error)
}

var decoys = []decoy{
	{"a FIFO", func(int64, []byte) (int, error) {
		path := filepath.Join(os.Getenv("NAMEDSHM_ROOT"), fmt.Sprintf("fifo-%d", os.Getpid()))
		if err := unix.Mkfifo(path, 0o600); err != nil {
			return 0, err
		}
		defer os.Remove(path)
		fd, err := unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK, 0)
		if err == nil {
			_, err = unix.Write(fd, []byte("unread"))
		}
		return fd, err
	}},
	{"a FIFO that nobody writes", func(int64, []byte) (int, error) {
		path := filepath.Join(os.Getenv("NAMEDSHM_ROOT"), fmt.Sprintf("fifo-%d", os.Getpid()))
		if err := unix.Mkfifo(path, 0o600); err != nil {
			return 0, err
		}
		defer os.Remove(path)
		return unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK, 0)
	}},
	{"a socket", func(int64, []byte) (int, error) {
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		return pair[0], err
	}},
	{"a device", func(int64, []byte) (int, error) { return unix.Open("/dev/zero", unix.O_RDWR, 0) }},
	{"a terminal", func(int64, []byte) (int, error) { return unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY, 0) }},
	{"a directory", func(int64, []byte) (int, error) { return unix.Open("/proc/self", unix.O_RDONLY, 0) }},
	{"an eventfd", func(int64, []byte) (int, error) { return unix.Eventfd(7, 0) }},
	{"a path without a file", func(int64, []byte) (int, error) { return unix.Open("/dev/null", unix.O_PATH, 0) }},
	{"another memfd of that size", func(size int64, _ []byte) (int, error) { return filled("other", size) }},
	{"another memfd of that size and name", func(size int64, token []byte) (int, error) {
		return filled(fmt.Sprintf("namedshm-%x", token), size)
	}},
	{"a file of that size", func(size int64, _ []byte) (int, error) {
		fd, err := unix.Open("/dev/shm", unix.O_TMPFILE|unix.O_RDWR, 0o600)
		if err == nil {
			err = unix.Ftruncate(fd, size)
		}
		return fd, err
	}},
	{"nothing", func(int64, []byte) (int, error) { return 1 << 20, nil }},
}

// filled is a memfd with something in it.
func filled(name string, size int64) (int, error) {
	fd, err := unix.MemfdCreate(name, 0)
	if err == nil {
		_, err = unix.Write(fd, []byte("of decoy"))
	}
	if err == nil {
		err = unix.Ftruncate(fd, size)
	}
	return fd, err
}

// keep makes this process have what Text names, and answers with the descriptor.
func (s *stage) keep(r request) (reply, error) {
	for _, d := range decoys {
		if d.name != r.Text {
			continue
		}
		entry, err := os.ReadFile(r.Own.Object.Entry)
		if err != nil {
			return reply{}, err
		}
		fd, err := d.make(r.Size, entry[tokenAt:tokenAt+16])
		if err == nil && r.Number > 0 { // at that very number
			err = unix.Dup3(fd, int(r.Number), 0)
			fd = int(r.Number)
		}
		s.kept = append(s.kept, fd)
		return reply{Own: told{Descriptor: fd}}, err
	}
	if r.Text == "what is left of the FIFO" {
		b := make([]byte, 100)
		n, err := unix.Read(s.kept[len(s.kept)-1], b)
		return reply{Text: string(b[:max(0, n)])}, err
	}
	return s.hoard(r)
}

// leadTo writes a door record over the one in the first slot, whose handle lives.
func leadTo(t *testing.T, entry string, pid, descriptor int) {
	t.Helper()
	f, err := os.OpenFile(entry, os.O_WRONLY, 0)
	must(t, err)
	defer f.Close()
	record := binary.LittleEndian.AppendUint32(nil, uint32(pid))
	record = binary.LittleEndian.AppendUint32(record, uint32(descriptor))
	record = binary.LittleEndian.AppendUint32(record, unix.O_RDWR)
	_, err = f.WriteAt(append(record, make([]byte, doorLength-len(record))...), doorsAt)
	must(t, err)
}

// TestDoorsThatLeadElsewhere: to something else in the process that the record names, or in another. The memory is
// found all the same, and what the door leads to is not touched.
func TestDoorsThatLeadElsewhere(t *testing.T) {
	for _, d := range decoys {
		t.Run(d.name, func(t *testing.T) {
			s := newSetting(t)
			v := s.holding(s.as(owner), local, "", "")
			other, visitor := s.as(owner), s.as(owner)
			kept := other.Must(request{Op: "keep", Text: d.name, Size: 4 * 65536, Own: asked{Object: v.object}}).Own.Descriptor
			before := other.Must(request{Op: "count"})
			own := v.Must(request{Op: "count"})
			for _, access := range []uint32{read, uint32(namedshm.ReadWrite)} {
				leadTo(t, v.Entry, other.PID, kept)
				h := visitor.Must(request{Op: "open", Name: local, Access: access}).Handle
				m := visitor.Must(request{Op: "map", Handle: h, Access: access}).Handle
				if got := visitor.Must(request{Op: "read", Handle: m, Number: 8}).Text; got != precious {
					t.Errorf("the memory reads %q", got)
				}
				visitor.Must(request{Op: "unmap", Handle: m})
				visitor.Must(request{Op: "close", Handle: h})
			}
			if after := other.Must(request{Op: "count"}); after.Number != before.Number {
				t.Errorf("the other has %d descriptors, before it had %d", after.Number, before.Number)
			}
			if d.name == "a FIFO" {
				if left := other.Must(request{Op: "keep", Text: "what is left of the FIFO"}).Text; left != "unread" {
					t.Errorf("of the FIFO %q is left", left)
				}
			}
			leadTo(t, v.Entry, 1<<22-1, 3) // to nobody
			v.unharmed(visitor, own)
			leadTo(t, v.Entry, v.PID, v.Descriptor) // where it should
			v.unharmed(visitor, own)
			v.Must(request{Op: "close", Handle: 1})
			visitor.Refused(request{Op: "open", Name: local}, namedshm.ErrFileNotFound)
		})
	}
}

// puppet is an actor of an actor's.
type puppet struct {
	cmd *exec.Cmd
	in  *json.Encoder
	out *json.Decoder
}

func startPuppet() (*puppet, error) {
	cmd := exec.Command("/proc/self/exe")
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &puppet{cmd, json.NewEncoder(in), json.NewDecoder(out)}
	var hello json.RawMessage
	return p, p.out.Decode(&hello)
}

func (p *puppet) do(r request) (answer reply, err error) {
	if err = p.in.Encode(r); err == nil {
		err = p.out.Decode(&answer)
	}
	if err == nil && answer.Error != "" {
		err = fmt.Errorf("%s: %s", r.Op, answer.Error)
	}
	return answer, err
}

func (p *puppet) kill() {
	p.cmd.Process.Kill()
	p.cmd.Wait()
}

// recycle is the first process of a PID namespace, where it decides who gets which id. A holder forks a child and is
// killed; another process gets its id, and has under the very descriptor that is on record a memfd of the same size and
// name. The child has the lock and the memory. What is opened then, and what is there when the child is gone?
func (s *stage) recycle(r request) (answer reply, err error) {
	holder, err := startPuppet()
	if err != nil {
		return answer, err
	}
	var child, revealed reply
	for _, step := range []struct {
		r      request
		answer *reply
	}{
		{request{Op: "create", Name: r.Name}, new(reply)}, {request{Op: "map", Handle: 1}, new(reply)},
		{request{Op: "write", Handle: 1, Text: precious}, new(reply)},
		{request{Op: "fork", Handle: 1, Text: "outlives"}, &child}, {request{Op: "reveal"}, &revealed},
	} {
		if *step.answer, err = holder.do(step.r); err != nil {
			return answer, err
		}
	}
	holder.kill()
	other, err := startWithID(holder.cmd.Process.Pid)
	if err != nil {
		return answer, err
	}
	defer other.kill()
	found, _ := filepath.Glob(os.Getenv("NAMEDSHM_ROOT") + "/namedshm-u*/Object")
	if len(found) != 1 {
		return answer, fmt.Errorf("entries %q", found)
	}
	keep := request{Op: "keep", Text: "another memfd of that size and name", Size: 4096,
		Number: int64(revealed.Own.Descriptor), Own: asked{Object: object{Entry: found[0]}}}
	if _, err := other.do(keep); err != nil {
		return answer, err
	}
	entry, err := os.ReadFile(found[0])
	if err != nil {
		return answer, err
	}
	at := fmt.Sprintf("/proc/%d/fd/%d", binary.LittleEndian.Uint32(entry[doorsAt:]),
		binary.LittleEndian.Uint32(entry[doorsAt+4:]))
	// The way there is open: whoever followed the record without a look would read this.
	if answer.Text, err = firstBytes(at); err != nil {
		return answer, err
	}
	link, _ := os.Readlink(at)
	answer.List = append(answer.List, strings.ReplaceAll(link, fmt.Sprintf("%x", entry[tokenAt:tokenAt+16]), "TOKEN"))
	look := func() string {
		section, err := namedshm.Open(r.Name, namedshm.Read)
		if err != nil {
			return err.Error()
		}
		defer section.Close()
		v, err := section.Map(0, 0, namedshm.Read)
		if err != nil {
			return err.Error()
		}
		defer v.Close()
		return string(v.Bytes()[:8])
	}
	answer.List = append(answer.List, look())
	unix.Kill(int(child.Number), unix.SIGKILL)
	unix.Wait4(int(child.Number), nil, 0, nil) // its parent is dead: it is this process's
	answer.List = append(answer.List, look())
	return answer, nil
}

func firstBytes(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b := make([]byte, 8)
	_, err = io.ReadFull(f, b)
	return string(bytes.TrimRight(b, "\x00")), err
}

// startWithID starts a puppet that has a given process id.
func startWithID(pid int) (*puppet, error) {
	for range 50 {
		if err := os.WriteFile("/proc/sys/kernel/ns_last_pid", []byte(itoa(pid-1)), 0); err != nil {
			return nil, err
		}
		p, err := startPuppet()
		if err != nil || p.cmd.Process.Pid == pid {
			return p, err
		}
		p.kill() // a thread was faster
	}
	return nil, fmt.Errorf("nobody gets the id %d", pid)
}

// TestRecycledID: a process that got a dead holder's id, and has at its descriptor's number what looks just like the
// memory, is not taken for the holder.
func TestRecycledID(t *testing.T) {
	s := newSetting(t)
	a := s.within(unix.CLONE_NEWPID|unix.CLONE_NEWNS, "mount -t proc proc /proc")
	got := a.Must(request{Op: "recycle", Name: local})
	if got.Text != "of decoy" {
		t.Fatalf("the record does not lead to the decoy, but to %q", got.Text)
	}
	if len(got.List) != 3 || got.List[0] != "/memfd:namedshm-TOKEN (deleted)" {
		t.Fatalf("the decoy is no good: %q", got.List)
	}
	if got.List[1] != precious {
		t.Errorf("who opens the object reads %q", got.List[1])
	}
	if !strings.Contains(got.List[2], "ERROR_FILE_NOT_FOUND") {
		t.Errorf("when all its holders are gone: %q", got.List[2])
	}
}
