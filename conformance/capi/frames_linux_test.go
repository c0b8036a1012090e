package capi

import (
	"bufio"
	"fmt"
	"hash/fnv"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/namedshm/namedshm/internal/depth"
)

// framesProgram is one of the two programs of examples/frames, running.
type framesProgram struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines *bufio.Scanner
}

func startFrames(t *testing.T, program []string, arguments ...string) *framesProgram {
	t.Helper()
	c := command(t, program[0], append(program[1:], arguments...)...)
	output, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	p := &framesProgram{t, c, bufio.NewScanner(output)}
	t.Cleanup(p.kill)
	return p
}

func (p *framesProgram) kill() {
	p.cmd.Process.Kill()
	p.cmd.Process.Wait() // and not for the output, which what Wine starts along with a program keeps open
}

func (p *framesProgram) until(prefix string) {
	p.t.Helper()
	for p.lines.Scan() {
		if strings.HasPrefix(p.lines.Text(), prefix) {
			return
		}
	}
	p.t.Fatalf("%v ended without %q", p.cmd.Args, prefix)
}

// see reads a number of frames, each whole and newer than the one before.
func (p *framesProgram) see(frames int, last uint64) uint64 {
	p.t.Helper()
	for range frames {
		p.until("frame ")
		var number, missed uint64
		var is uint32
		_, err := fmt.Sscanf(p.lines.Text(), "frame %d, missed %d, checksum %x", &number, &missed, &is)
		if err != nil || number <= last {
			p.t.Fatalf("after %d comes %q: %v", last, p.lines.Text(), err)
		}
		sum := fnv.New32a()
		for y := range uint64(32) {
			for x := range uint64(64) {
				sum.Write([]byte{byte(4*x + 8*y + number)})
			}
		}
		if is != sum.Sum32() {
			p.t.Fatalf("torn: %q", p.lines.Text())
		}
		last = number
	}
	return last
}

// playFrames has a camera and a viewer meet, kills each, and has the next one take its place.
func playFrames(t *testing.T, cameras, viewers []string) {
	t.Helper()
	viewer := startFrames(t, viewers, "viewer")
	viewer.until("no camera")
	camera := startFrames(t, cameras, "camera", "1000")
	last := viewer.see(20, 0)
	camera.kill()
	viewer.until("no camera")
	startFrames(t, cameras, "camera", "1000")
	last = viewer.see(20, last)
	viewer.kill()
	startFrames(t, viewers, "viewer").see(20, last)
}

const framesSource = "../../examples/frames/cpp/frames.cpp"

// TestFrames: the example in Go and the same in C++ meet, as camera and as viewer, and either may be killed.
func TestFrames(t *testing.T) {
	w := need(t)
	inCpp, inGo := w.compile(t, "g++", framesSource, "-O2"), filepath.Join(t.TempDir(), "frames")
	run(t, "go", "build", "-o", inGo, "../../examples/frames")
	for name, pair := range map[string][2]string{
		"C++ to Go": {inCpp, inGo}, "Go to C++": {inGo, inCpp}, "C++ to C++": {inCpp, inCpp},
	} {
		t.Run(name, func(t *testing.T) {
			isolate(t)
			playFrames(t, pair[:1], pair[1:])
		})
	}
}

// TestFramesInWine: the same source is a Windows program.
func TestFramesInWine(t *testing.T) {
	if !depth.Full() {
		t.Skip("TestProbe compares with Wine in a quick run: NAMEDSHM_TEST_DEPTH=full has this too")
	}
	program := needWine(t).compile(t, framesSource, "-O2", "-Wall", "-Wextra")
	both := []string{needWine(t).script, "run", program}
	playFrames(t, both, both)
}
