package capi

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/namedshm/namedshm/internal/depth"
)

// TestPython loads and unloads the library from Python's ctypes.
func TestPython(t *testing.T) {
	w := need(t)
	needTools(t, "python3")
	isolate(t)
	if out := run(t, "python3", "testdata/load.py", filepath.Join(w.prefix, "lib", "libnamedshm.so")); out != "well\n" {
		t.Error(out)
	}
}

// TestLoadedLate: a library that is loaded when the program's handlers and masks are in place leaves them.
func TestLoadedLate(t *testing.T) {
	w := need(t)
	isolate(t)
	run(t, w.compile(t, "gcc", "testdata/unloaded.c", "-O1"), filepath.Join(w.prefix, "lib", "libnamedshm.so"))
}

// TestSanitizer has the compiler watch every access of a program and what it gives to the library.
func TestSanitizer(t *testing.T) {
	needGlobal(t)
	w := need(t)
	for name, source := range map[string]string{"probe": "testdata/probe.c", "guest": "testdata/guest.c",
		"names": "testdata/names.c"} {
		t.Run(name, func(t *testing.T) {
			isolate(t)
			program := w.compile(t, "gcc", source, "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
			arguments := map[string][]string{"probe": {"asan", filepath.Join(t.TempDir(), "file")}, "guest": {"owner"},
				"names": nil}[name]
			e := finish(t, command(t, program, arguments...))
			if !e.state.Success() || e.complaint != "" {
				t.Errorf("%v\n%s", e.state, e.complaint)
			}
		})
	}
}

// TestSanitizerPair has the compiler watch the two programs, which were written for another system.
func TestSanitizerPair(t *testing.T) {
	if !depth.Full() {
		t.Skip("TestSanitizer has the calls themselves: NAMEDSHM_TEST_DEPTH=full has the pair too")
	}
	needGlobal(t)
	w := need(t)
	for name, flags := range map[string][]string{"A": nil, "W": {"-DUNICODE", "-D_UNICODE"}} {
		t.Run(name, func(t *testing.T) {
			isolate(t)
			flags := append([]string{"-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"}, flags...)
			firstProgram, secondProgram := w.compilePair(t, flags...)
			// What the sanitizer sees it says on the terminal, and fails the program with.
			playPair(t, command(t, firstProgram), command(t, secondProgram))
		})
	}
}

// TestSanitizerSees shows that the sanitizer would see something.
func TestSanitizerSees(t *testing.T) {
	w := need(t)
	isolate(t)
	program, out, err := w.tryText(t, "gcc", "c", `
#include <windows.h>
#include <stdlib.h>
int main(void)
{
    char *name = malloc(3);
    memcpy(name, "abc", 3); /* without its end */
    return MultiByteToWideChar(CP_UTF8, 0, name, (int)strlen(name), NULL, 0) == 3 ? 0 : 1;
}
`, "-O0", "-g", "-fsanitize=address")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if e := finish(t, command(t, program)); e.state.Success() || !strings.Contains(e.complaint, "heap-buffer-overflow") {
		t.Errorf("%v\n%s", e.state, e.complaint)
	}
}

// TestValgrind has valgrind watch the C side of the library itself, which no compiler instrumented. What happens inside
// Go is Go's: it knows nothing of valgrind, and valgrind nothing of stacks that move.
func TestValgrind(t *testing.T) {
	w := need(t)
	needTools(t, "valgrind")
	isolate(t)
	program := w.compile(t, "gcc", "testdata/names.c", "-O1", "-g")
	log := filepath.Join(t.TempDir(), "log")
	if e := finish(t, valgrind(t, log, program)); !e.state.Success() {
		text, _ := os.ReadFile(log)
		t.Errorf("%v\n%s\n%s", e.state, e.complaint, text)
	}
	wantNoInvalidAccess(t, log)
}

// TestValgrindPair has it watch the two programs.
func TestValgrindPair(t *testing.T) {
	if !depth.Full() {
		t.Skip("TestValgrind has the calls themselves: NAMEDSHM_TEST_DEPTH=full has the pair too")
	}
	needGlobal(t)
	w := need(t)
	needTools(t, "valgrind")
	isolate(t)
	firstProgram, secondProgram := w.compilePair(t, "-O1", "-g")
	d := t.TempDir()
	firstLog, secondLog := filepath.Join(d, "first"), filepath.Join(d, "second")
	playPair(t, valgrind(t, firstLog, firstProgram), valgrind(t, secondLog, secondProgram))
	wantNoInvalidAccess(t, firstLog)
	wantNoInvalidAccess(t, secondLog)
}

func valgrind(t *testing.T, log, program string) *exec.Cmd {
	forValgrind(t)
	return command(t, "valgrind", "--log-file="+log, "--error-exitcode=0", program)
}

// forValgrind keeps Go's runtime from an instruction that valgrind reports on some processors and does not know.
func forValgrind(t *testing.T) {
	t.Helper()
	t.Setenv("GODEBUG", "cpu.rdtscp=off")
}

func wantNoInvalidAccess(t *testing.T, log string) {
	t.Helper()
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "ERROR SUMMARY") {
		t.Fatalf("valgrind did not come to its end:\n%s", text)
	}
	for _, access := range regexp.MustCompile(`(?s)Invalid (?:read|write).*?==\d+== \n`).FindAllString(string(text), -1) {
		t.Error(access)
	}
}
