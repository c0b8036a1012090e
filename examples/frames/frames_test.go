package main

import (
	"bufio"
	"context"
	"fmt"
	"hash/fnv"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"
)

// programVariable, set, makes this test program the example.
const programVariable = "NAMEDSHM_EXAMPLE_FRAMES"

func TestMain(m *testing.M) {
	if os.Getenv(programVariable) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// program is a running camera or viewer.
type program struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines *bufio.Scanner
}

// ownNames gives a test names of its own. Windows keeps them itself.
func ownNames(t *testing.T) {
	if runtime.GOOS != "windows" {
		t.Setenv("NAMEDSHM_ROOT", t.TempDir())
	}
}

// start runs the example. What does not end is ended with the test.
func start(t *testing.T, arguments ...string) *program {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, self, arguments...)
	cmd.Env = append(os.Environ(), programVariable+"=true")
	cmd.Stderr = os.Stderr
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &program{t, cmd, bufio.NewScanner(output)}
	t.Cleanup(p.kill)
	return p
}

func (p *program) kill() {
	p.cmd.Process.Kill()
	p.cmd.Wait()
}

// until reads lines until one begins so.
func (p *program) until(prefix string) {
	p.t.Helper()
	for p.lines.Scan() {
		if strings.HasPrefix(p.lines.Text(), prefix) {
			return
		}
	}
	p.t.Fatalf("%v ended without %q", p.cmd.Args, prefix)
}

// see reads a number of frames, each of them whole and newer than the one before, and returns the last one's number.
func (p *program) see(frames int, last uint64) uint64 {
	p.t.Helper()
	for range frames {
		p.until("frame ")
		var number, missed uint64
		var sum uint32
		_, err := fmt.Sscanf(p.lines.Text(), "frame %d, missed %d, checksum %x", &number, &missed, &sum)
		if err != nil {
			p.t.Fatalf("%q: %v", p.lines.Text(), err)
		}
		if number <= last {
			p.t.Fatalf("frame %d comes after %d", number, last)
		}
		if want := checksum(number); sum != want {
			p.t.Fatalf("torn: %q, want %08x", p.lines.Text(), want)
		}
		last = number
	}
	return last
}

// checksum is that of a whole frame.
func checksum(number uint64) uint32 {
	f := frame{number: number}
	paint(&f)
	sum := fnv.New32a()
	for y := range f.pixels {
		sum.Write(f.pixels[y][:])
	}
	return sum.Sum32()
}

// TestKills: whichever side is killed, the other continues, and the next one takes its place.
func TestKills(t *testing.T) {
	ownNames(t)
	viewer := start(t, "viewer")
	viewer.until("no camera")
	camera := start(t, "camera", "1000")
	last := viewer.see(100, 0)
	for range 3 {
		camera.kill()
		viewer.until("no camera")
		camera = start(t, "camera", "1000")
		last = viewer.see(20, last)
	}
	for range 3 {
		viewer.kill()
		viewer = start(t, "viewer")
		last = viewer.see(20, last)
	}
}

// TestOneOfEach: a second camera and a second viewer report that one is running, and disturb nothing.
func TestOneOfEach(t *testing.T) {
	ownNames(t)
	viewer := start(t, "viewer")
	start(t, "camera", "1000")
	last := viewer.see(1, 0)
	for _, second := range []*program{start(t, "camera"), start(t, "viewer")} {
		verb := second.cmd.Args[1]
		for second.lines.Scan() {
			t.Errorf("a second %s says %q", verb, second.lines.Text())
		}
		if second.cmd.Wait(); second.cmd.ProcessState.ExitCode() != 1 { // and not killed when the test's time was up
			t.Errorf("a second %s ended with %v", verb, second.cmd.ProcessState)
		}
	}
	viewer.see(1, last)
}

// TestSwaps: whatever the two sides do, each has a frame of its own, and the viewer sees the newest.
func TestSwaps(t *testing.T) {
	var s shared
	s.setUp()
	s.setUp() // the second to come
	if _, isNew := s.take(); isNew {
		t.Error("there is a frame before the first")
	}
	for number := uint64(1); number < 200; number++ {
		s.back().number = number
		s.publish()
		if number%3 == 0 {
			continue
		}
		if f, isNew := s.take(); !isNew || f.number != number {
			t.Errorf("after frame %d the viewer has %d, new %v", number, f.number, isNew)
		}
		if f, isNew := s.take(); isNew || f.number != number || f == s.back() {
			t.Errorf("taken once more the viewer has %d, new %v", f.number, isNew)
		}
	}
	if s.newest() != 199 {
		t.Errorf("the newest is %d", s.newest())
	}
}

// TestLayout: the size is that which frames.cpp asserts.
func TestLayout(t *testing.T) {
	if size := unsafe.Sizeof(shared{}); size != sharedSize {
		t.Errorf("%d bytes, want %d", size, sharedSize)
	}
	if at := unsafe.Offsetof(shared{}.frames); at != 64 {
		t.Errorf("the frames begin at %d", at)
	}
}

// TestUsage: what makes no sense is refused.
func TestUsage(t *testing.T) {
	for _, arguments := range [][]string{
		nil, {"film"}, {"camera", "0"}, {"camera", "x"}, {"camera", "1", "2"}, {"viewer", "x"},
	} {
		if err := run(t.Context(), arguments); err == nil || !strings.HasPrefix(err.Error(), "usage: ") {
			t.Errorf("%q: %v", arguments, err)
		}
	}
}
