//go:build linux

package limits

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestNarrowProcess runs, as a process of 32 bits, the kernel package's test of what is larger than its address space,
// beside objects of 5 GiB that this one has made.
func TestNarrowProcess(t *testing.T) {
	s := newSetting(t)
	a := s.start()
	for _, name := range []string{`Local\Wide`, `Global\Wide`} {
		a.Must(request{Op: "create", Name: name, Size: 5 << 30, Sparse: true})
	}
	program := t.TempDir() + "/narrow"
	build := exec.Command("go", "test", "-c", "-o", program, "github.com/namedshm/namedshm/internal/kernel")
	build.Env = append(os.Environ(), "GOARCH=386", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	run := exec.Command(program, "-test.run=^(TestMoreThanCanBeMapped|FuzzEventState|FuzzMutexState|FuzzSemaphoreState)$",
		"-test.v")
	run.Env = append(os.Environ(), "NAMEDSHM_ROOT="+s.Root, "NAMEDSHM_TEST_WIDE=true")
	out, err := run.CombinedOutput()
	if err != nil && strings.Contains(err.Error(), "exec format error") {
		t.Skip("this kernel runs no programs of 32 bits")
	}
	if err != nil || !strings.Contains(string(out), "--- PASS: TestMoreThanCanBeMapped") {
		t.Errorf("%v: %s", err, out)
	}
	m := a.Must(request{Op: "map", Handle: 1}).Handle
	if got := a.Must(request{Op: "read", Handle: m, Offset: 5<<30 - 8, Number: 8}).Text; got != "from 32." {
		t.Errorf("at its end the section reads %q", got)
	}
}
