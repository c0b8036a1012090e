package capi

import (
	"bufio"
	"strings"
	"testing"

	"github.com/namedshm/namedshm"
)

// TestText checks names and text in both widths, from the inside of a C program.
func TestText(t *testing.T) {
	w := need(t)
	for name, flags := range map[string][]string{
		"A": nil, "W": {"-DUNICODE", "-D_UNICODE"}, "short": {"-DUNICODE", "-D_UNICODE", "-fshort-wchar"},
		"static": {"-static"},
	} {
		t.Run(name, func(t *testing.T) {
			isolate(t)
			run(t, w.compile(t, "gcc", "testdata/names.c", append(flags, "-O1")...))
		})
	}
}

// TestNamesMeetGo: a name is the same one in Go, in the A functions and in the W functions.
func TestNamesMeetGo(t *testing.T) {
	needGlobal(t)
	w := need(t)
	isolate(t)
	names := []string{"plain", `Local\größe`, `Local\漢字`, `Local\😀 𝔘`, `Global\ünï 😀`, "e\u0301", "é", "\u00a0", "x/.*:"}
	for _, name := range names {
		e, err := namedshm.CreateEvent(name, namedshm.ManualReset, false)
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
	}
	c := command(t, w.compile(t, "gcc", "testdata/names.c", "-O1"), names...)
	input, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var complaint strings.Builder
	c.Stderr = &complaint
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		c.Wait()
		t.Fatalf("%v %q", err, complaint.String())
	}
	for _, name := range names {
		e, err := namedshm.OpenEvent(name+"-c", namedshm.Synchronize)
		if err != nil {
			t.Errorf("%q: %v", name+"-c", err)
			continue
		}
		e.Close()
	}
	input.Close()
	if err := c.Wait(); err != nil {
		t.Errorf("%v %q", err, complaint.String())
	}
}

// TestWideMain: the program's own main gets its arguments in the width that it wants, however many it takes.
func TestWideMain(t *testing.T) {
	w := need(t)
	isolate(t)
	const three = "int _tmain(int argc, TCHAR *argv[], TCHAR *envp[]) { _tprintf(TEXT(\"%d %s %d\\n\"), argc, argv[1], " +
		"envp[0] != NULL); return 0; }\n"
	const two = "int _tmain(int argc, TCHAR **argv) { _tprintf(TEXT(\"%d %s %d\\n\"), argc, argv[1], 1); return 0; }\n"
	const none = "int _tmain() { _tprintf(TEXT(\"2 ünï😀 1\\n\")); return 0; }\n"
	for _, compiler := range [][]string{{"gcc", "c"}, {"g++", "cpp"}} {
		for _, flags := range [][]string{nil, {"-DUNICODE", "-D_UNICODE"}, {"-DUNICODE", "-D_UNICODE", "-fshort-wchar"}} {
			for _, text := range []string{three, two, none} {
				program, out, err := w.tryText(t, compiler[0], compiler[1], "#include <windows.h>\n#include <tchar.h>\n"+text,
					flags...)
				if err != nil {
					t.Fatalf("%v %s\n%s", flags, text, out)
				}
				if got := run(t, program, "ünï😀"); got != "2 ünï😀 1\n" {
					t.Errorf("%s %v %s%q", compiler[0], flags, text, got)
				}
			}
		}
	}
}
