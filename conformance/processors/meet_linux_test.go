package processors

import (
	"bufio"
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/namedshm/namedshm/internal/depth"
)

var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "386": elf.EM_386, "arm64": elf.EM_AARCH64}

// command is shm, built for a processor and kept for the next test. It skips the test where the machine cannot run it.
func command(t *testing.T, programs, arch string) string {
	t.Helper()
	path := filepath.Join(programs, "shm-"+arch)
	if _, err := os.Stat(path); err != nil {
		build := exec.Command("go", "build", "-o", path, "github.com/namedshm/namedshm/cmd/shm")
		build.Env = append(os.Environ(), "GOARCH="+arch, "GOOS=linux", "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	file, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if file.Machine != machines[arch] {
		t.Fatalf("shm for %s is for %v", arch, file.Machine)
	}
	out, err := exec.Command(path, "--version").Output()
	switch {
	case errors.Is(err, syscall.ENOEXEC) && (os.Getenv("CI") != "true" || runtime.GOARCH != "amd64" || arch == "386"):
		// A kernel under some hypervisors runs no programs of 32 bits, and no emulator runs those of Go.
		t.Skipf("this machine runs no programs for %s", arch)
	case err != nil:
		t.Fatalf("%v (have the kernel start these programs: .ci/processors register)", err)
	case !strings.HasSuffix(strings.TrimSpace(string(out)), "linux/"+arch):
		t.Fatalf("shm for %s says %q", arch, out)
	}
	return path
}

// try runs shm to its end.
func try(shm string, words ...string) (string, int, error) {
	cmd := exec.Command(shm, words...)
	var diagnosis bytes.Buffer
	cmd.Stderr = &diagnosis
	out, err := cmd.Output()
	var status *exec.ExitError
	if err != nil && !errors.As(err, &status) {
		return "", -1, err
	}
	return string(out), cmd.ProcessState.ExitCode(), fmt.Errorf("%s", diagnosis.String())
}

// must wants success, and this output.
func must(t *testing.T, want, shm string, words ...string) {
	t.Helper()
	if out, status, err := try(shm, words...); status != 0 || !strings.Contains(out, want) {
		t.Errorf("%s %q ends with %d and %q, want %q: %v", filepath.Base(shm), words, status, out, want, err)
	}
}

// hold starts shm, which is to say that it holds its object, until it is killed.
func hold(t *testing.T, shm string, words ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(shm, append(words, "--hold", "10m")...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	lines := bufio.NewReader(out)
	for line := ""; !strings.HasPrefix(line, "holding"); {
		if line, err = lines.ReadString('\n'); err != nil {
			t.Fatalf("%q: %v", words, err)
		}
	}
	go io.Copy(io.Discard, lines)
	return cmd
}

// TestProcessorsMeet: each pair of processors meets in sections, events, mutexes and semaphores that one of them has
// made: the bytes, the list, a wake-up, and what the death of an owner does, who was of the other kind.
func TestProcessorsMeet(t *testing.T) {
	prefixes := []string{`Local\`}
	if os.Geteuid() == 0 {
		prefixes = append(prefixes, `Global\`)
	}
	programs := t.TempDir()
	for _, pair := range [][2]string{{"amd64", "arm64"}, {"arm64", "amd64"}, {"amd64", "386"}, {"386", "amd64"}} {
		t.Run(pair[0]+" makes, "+pair[1]+" opens", func(t *testing.T) {
			if slices.Contains(pair[:], "arm64") && !depth.Full() {
				t.Skip("an emulator takes its time: NAMEDSHM_TEST_DEPTH=full has it")
			}
			root := t.TempDir()
			os.Chmod(root, 0o777|os.ModeSticky)
			t.Setenv("NAMEDSHM_ROOT", root)
			maker, opener := command(t, programs, pair[0]), command(t, programs, pair[1])
			for _, prefix := range prefixes {
				meet(t, prefix, maker, opener)
			}
		})
	}
}

func meet(t *testing.T, prefix, maker, opener string) {
	section, event := prefix+"Section", prefix+"Event"
	mutex, semaphore := prefix+"Mutex", prefix+"Semaphore"
	first := hold(t, maker, "create", section, "--size", "10000", "--text", "from the maker")
	must(t, "from the maker", opener, "open", section)
	must(t, "", opener, "write", section, "--text", "from the opener", "--offset", "8192")
	must(t, "from the opener", maker, "open", section, "--offset", "8192", "--length", "15")
	must(t, section, opener, "ls")

	hold(t, maker, "event", "create", event)
	waiting := exec.Command(opener, "event", "wait", event, "--timeout", "1m")
	if err := waiting.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; {
		out, _, err := try(maker, "stat", event, "--json")
		if strings.Contains(out, `"waiters":1`) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: nobody waits: %s %v", event, out, err)
		}
	}
	must(t, "", maker, "event", "set", event)
	if err := waiting.Wait(); err != nil {
		t.Errorf("%s: the wait of the opener ends with %v", event, err)
	}

	hold(t, opener, "mutex", "create", mutex) // the name stays when its owner dies
	owner := hold(t, opener, "mutex", "create", mutex+"2", "--owned")
	hold(t, maker, "mutex", "create", mutex+"2")
	must(t, fmt.Sprint(owner.Process.Pid), maker, "mutex", "open", mutex+"2")
	owner.Process.Kill()
	if _, status, err := try(maker, "mutex", "wait", mutex+"2", "--timeout", "1m"); status != 3 {
		t.Errorf("the wait for a mutex whose owner was killed ends with %d: %v", status, err)
	}

	hold(t, maker, "semaphore", "create", semaphore, "--initial", "1", "--maximum", "2")
	must(t, "", opener, "semaphore", "wait", semaphore)
	must(t, "", opener, "semaphore", "release", semaphore)
	must(t, "", maker, "semaphore", "wait", semaphore)

	first.Process.Kill()
	first.Wait()
	if out, status, err := try(opener, "open", section); status != 1 ||
		!strings.Contains(err.Error(), "ERROR_FILE_NOT_FOUND") {
		t.Errorf("%s after its maker's death: %d %q %v", section, status, out, err)
	}
}
