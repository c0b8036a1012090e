package win32table

import (
	"os"
	"os/exec"
	"runtime"
	"testing"

	"github.com/namedshm/namedshm/conformance/internal/spec"
)

const actorVariable = "NAMEDSHM_WIN32_ACTOR"

func init() {
	if os.Getenv(actorVariable) != "" {
		runtime.LockOSThread() // the first thread, for the goroutine that Serve is called in
	}
}

func TestMain(m *testing.M) {
	if os.Getenv(actorVariable) != "" {
		Serve(os.Stdin, os.Stdout)
		return
	}
	root, err := spec.NewRoot("namedshm-win32table-")
	if err == nil && root != "" {
		err = os.Setenv("NAMEDSHM_ROOT", root)
	}
	if err != nil {
		panic(err)
	}
	status := m.Run()
	if root != "" {
		os.RemoveAll(root)
	}
	os.Exit(status)
}

func namespaces() []string {
	if spec.MayUseGlobal() {
		return []string{`Local\`, `Global\`}
	}
	return []string{`Local\`}
}

// program is package win32, in this very test's binary.
func program(t *testing.T) Program {
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Program{
		Command: func() *exec.Cmd {
			cmd := exec.Command(path)
			// The race detector lets a program sleep for a second when it ends.
			cmd.Env = append(os.Environ(), actorVariable+"=1", "GORACE=atexit_sleep_ms=0")
			return cmd
		},
		Directory:  os.TempDir(),
		Namespaces: namespaces(),
		LeftOut:    leftOut(),
		Wine:       spec.UnderWine(),
		Mended:     mended,
		Tries:      tries,
	}
}

func TestTable(t *testing.T) { Run(t, program(t)) }

// TestProtections tries every protection of pages on every kind of view.
func TestProtections(t *testing.T) { Protections(t, program(t)) }
