//go:build !namedshm_steps

package conduit

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/namedshm/namedshm/internal/depth"
)

// TestExplored builds these tests with the build tags that let an explorer drive the code, and mistakes into it, and
// has them explore: the smaller scenarios, or all in a full run. See explore_code_steps_test.go.
func TestExplored(t *testing.T) {
	if runtime.GOOS != "linux" || raceDetector || os.Getenv("NAMEDSHM_BACKING") != "" {
		t.Skip("what is explored is the same everywhere")
	}
	t.Parallel()
	program := filepath.Join(t.TempDir(), "explore.test")
	build := exec.Command("go", "test", "-c", "-vet=off", "-tags", "namedshm_steps,namedshm_mistakes", "-o", program,
		".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	out, err := exec.Command(program, "-test.v",
		"-test.run=^(TestExplore|TestMistakes|TestAllMistakes)$").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("full: %v\n%s", depth.Full(), out)
}
