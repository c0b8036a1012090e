//go:build linux

package hostile

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/namedshm/namedshm"
)

// buildHost builds the C program in testdata with the library in it.
func buildHost(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("gcc"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("there is no gcc")
		}
		t.Skip("there is no gcc")
	}
	dir := t.TempDir()
	run := func(name string, words ...string) {
		t.Helper()
		cmd := exec.Command(name, words...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s %q: %v: %s", name, words, err, out)
		}
	}
	source, err := os.ReadFile("testdata/library.go.txt")
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "library.go"), source, 0o644))
	run("go", "build", "-buildmode=c-archive", "-tags=osusergo,netgo", "-o", filepath.Join(dir, "library.a"),
		filepath.Join(dir, "library.go"))
	host := filepath.Join(dir, "host")
	run("gcc", "-Wall", "-Werror", "-o", host, "-I"+dir, "testdata/host.c", filepath.Join(dir, "library.a"), "-lpthread")
	return host
}

// hosted is the C program, running.
type hosted struct {
	t     *testing.T
	cmd   *exec.Cmd
	in    io.WriteCloser
	child int // what it says of its child
}

func (s *setting) host(program, what, name string) *hosted {
	s.t.Helper()
	cmd := exec.Command(program, what, name)
	cmd.Env = append(os.Environ(), "NAMEDSHM_ROOT="+s.Root)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	must(s.t, err)
	out, err := cmd.StdoutPipe()
	must(s.t, err)
	must(s.t, cmd.Start())
	h := &hosted{t: s.t, cmd: cmd, in: in}
	s.t.Cleanup(h.kill)
	line, err := bufio.NewReader(out).ReadString('\n')
	if n, _ := fmt.Sscanf(line, "child %d", &h.child); n != 1 {
		s.t.Fatalf("the program says %q, %v", line, err)
	}
	return h
}

func (h *hosted) kill() {
	if h.cmd.ProcessState == nil {
		h.cmd.Process.Kill()
		h.cmd.Wait()
	}
}

// TestCProgram: a C program that has loaded the library and forks keeps its objects when the child closes what it got,
// and the child keeps them when it outlives the parent. And what a limit on files does to other C programs it does not
// do to this one.
func TestCProgram(t *testing.T) {
	newSetting(t)
	program := buildHost(t)
	t.Run("the child closes", func(t *testing.T) {
		inBothNamespaces(t, func(t *testing.T, s *setting, name string) {
			var h *hosted
			for tries := 0; ; tries++ {
				if h = s.host(program, "closes", name); h.child != -1 || tries == 20 {
					break
				}
				t.Logf("child %d was stuck in Go's runtime", tries)
				h.kill()
			}
			if h.child != 0 {
				t.Fatalf("the child's findings are %#x", h.child)
			}
			other := s.as(nil)
			other.Must(request{Op: "open", Name: name})
			other.Must(request{Op: "close", Handle: 1})
			other.Refused(request{Op: "create", Name: name}, namedshm.ErrAlreadyExists)
			io.WriteString(h.in, "end\n")
			if err := h.cmd.Wait(); err != nil {
				t.Errorf("the parent: %v", err)
			}
			other.Refused(request{Op: "open", Name: name}, namedshm.ErrFileNotFound)
			s.nothingLeft(other)
		})
	})
	t.Run("the child outlives", func(t *testing.T) {
		inBothNamespaces(t, func(t *testing.T, s *setting, name string) {
			h := s.host(program, "outlives", name)
			t.Cleanup(func() { syscall.Kill(h.child, syscall.SIGKILL) })
			h.kill()
			other := s.as(nil)
			other.Must(request{Op: "open", Name: name})
			other.Must(request{Op: "map", Handle: 1})
			other.Must(request{Op: "unmap", Handle: 1})
			other.Must(request{Op: "close", Handle: 1})
			other.Refused(request{Op: "create", Name: name}, namedshm.ErrAlreadyExists)
			killOrphan(t, h.child)
			other.Refused(request{Op: "open", Name: name}, namedshm.ErrFileNotFound)
			s.nothingLeft(other)
		})
	})
	t.Run("short files", func(t *testing.T) {
		s := newSetting(t)
		out, err := exec.Command(program, "signal", local).CombinedOutput()
		if err == nil || !strings.Contains(err.Error(), "file size limit exceeded") {
			t.Fatalf("the limit ends no C program: %v, %s", err, out)
		}
		for _, name := range []string{local, world} {
			cmd := exec.Command(program, "limited", name)
			cmd.Env = append(os.Environ(), "NAMEDSHM_ROOT="+s.Root)
			if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "RLIMIT_FSIZE") {
				t.Errorf("%s: %v, %s", name, err, out)
			}
		}
	})
}

// killOrphan kills a process that is nobody's child any more, and waits until it is gone.
func killOrphan(t *testing.T, pid int) {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	must(t, err)
	defer unix.Close(fd)
	must(t, unix.Kill(pid, unix.SIGKILL))
	if n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(soon.Milliseconds())); err != nil ||
		n != 1 {
		t.Fatalf("process %d does not go: %v", pid, err)
	}
}
