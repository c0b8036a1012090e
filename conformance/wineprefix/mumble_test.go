//go:build linux

package wineprefix

import (
	"bufio"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/namedshm/namedshm/internal/plainprefix"
)

// TestMumble: the example reads updates of a Windows program, each whole, is told that the program has gone, and
// goes on with the next one.
func TestMumble(t *testing.T) {
	t.Parallel() // it waits, mostly
	w := need(t)
	game, reader := filepath.Join(t.TempDir(), "mumble.exe"), filepath.Join(t.TempDir(), "mumble")
	for _, step := range []*exec.Cmd{
		exec.Command("../../.ci/wine", "gxx", "-O1", "-Wall", "-Wextra", "-o", game, "../../examples/mumble/game/game.cpp"),
		exec.Command("go", "build", "-o", reader, "../../examples/mumble"),
	} {
		if out, err := step.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", step.Args, err, out)
		}
	}
	show := exec.CommandContext(bounded(t), reader, w.first)
	output, err := show.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := show.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(output)
	for range 2 {
		walker := exec.CommandContext(bounded(t), w.loader, game)
		walker.Env = plainprefix.Environ(w.first)
		if err := walker.Start(); err != nil {
			t.Fatal(err)
		}
		for seen := 0; seen < 25 && lines.Scan(); {
			var tick int
			var x, y, z float64
			if _, err := fmt.Sscanf(lines.Text(), "Walker tick %d position [%g %g %g]", &tick, &x, &y, &z); err != nil {
				t.Fatalf("%q: %v", lines.Text(), err)
			}
			if x != float64(tick) || y != 0 || z != 2*x {
				t.Fatalf("torn: %q", lines.Text())
			}
			seen++
		}
		walker.Process.Kill()
		walker.Wait()
		for lines.Scan() && !strings.HasPrefix(lines.Text(), "the game is gone") {
		}
	}
	if err := show.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := show.Wait(); err != nil {
		t.Errorf("interrupted: %v", err)
	}
	wantNoHelper(t, w.first)
}
