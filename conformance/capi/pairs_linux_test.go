package capi

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What the two programs share, and say.
const (
	pairName    = `Global\MyFileMappingObject`
	pairMessage = "Message from first process."
	pairTitle   = "Process2"
	pairGone    = "Could not open file mapping object (2).\n"
)

// pairPrograms are the two programs, as they are: those of NAMEDSHM_SEED_PROGRAMS, of a directory beside the checkout,
// or the project's own.
func pairPrograms(t *testing.T) (first, second string) {
	for _, d := range []string{os.Getenv("NAMEDSHM_SEED_PROGRAMS"), "../../../shared/seed", "../../capi/examples"} {
		for _, suffix := range []string{"_process.cpp", ".cpp"} {
			first, second := filepath.Join(d, "first"+suffix), filepath.Join(d, "second"+suffix)
			if _, err := os.Stat(first); err == nil && d != "" {
				t.Logf("the programs are those of %s", d)
				return first, second
			}
		}
	}
	t.Fatal("there are no two programs")
	return "", ""
}

// onlyIgnoredPragma reports whether a compiler said nothing but that it knows no #pragma comment.
func onlyIgnoredPragma(out []byte) bool {
	for line := range bytes.Lines(out) {
		if bytes.Contains(line, []byte("warning:")) && !bytes.Contains(line, []byte("[-Wunknown-pragmas]")) ||
			bytes.Contains(line, []byte("error:")) {
			return false
		}
	}
	return true
}

func (w *world) compilePair(t *testing.T, flags ...string) (first, second string) {
	t.Helper()
	sources := [2]string{}
	sources[0], sources[1] = pairPrograms(t)
	for i, source := range sources {
		program, out, err := w.tryCompile(t, "g++", source, flags...)
		if err != nil || !onlyIgnoredPragma(out) {
			t.Fatalf("g++ %s: %v\n%s", source, err, out)
		}
		sources[i] = program
	}
	return sources[0], sources[1]
}

// playPair has the message pass from the first program to the second, each on a terminal, and both end well.
func playPair(t *testing.T, firstCommand, secondCommand *exec.Cmd) {
	t.Helper()
	first := onTerminal(t, firstCommand)
	first.awaitKeyWanted()
	second := onTerminal(t, secondCommand)
	second.awaitText(pairTitle)
	second.awaitText(pairMessage)
	second.awaitKeyWanted()
	second.press("\r")
	second.endWell()
	first.press("q")
	first.endWell()
	if shown := first.shown(); shown != "" {
		t.Errorf("the first program says %q", shown)
	}
}

// TestPair has the message pass from the first program to the second, each on a terminal.
func TestPair(t *testing.T) {
	needGlobal(t)
	w := need(t)
	for name, flags := range map[string][]string{
		"A":      nil,
		"W":      {"-DUNICODE", "-D_UNICODE"},
		"short":  {"-DUNICODE", "-D_UNICODE", "-fshort-wchar"},
		"C++11":  {"-std=c++11", "-pedantic", "-O2"},
		"C++20":  {"-std=c++20", "-DUNICODE", "-D_UNICODE", "-O2"},
		"static": {"-static"},
	} {
		t.Run(name, func(t *testing.T) {
			isolate(t)
			firstProgram, secondProgram := w.compilePair(t, flags...)
			playPair(t, command(t, firstProgram), command(t, secondProgram))
			e := finish(t, command(t, secondProgram))
			if e.out != pairGone || e.state.ExitCode() != 1 {
				t.Errorf("after both have ended the second says %q, %v", e.out, e.state)
			}
		})
	}
}

// TestPairWithGo has one of the two programs in Go.
func TestPairWithGo(t *testing.T) {
	needGlobal(t)
	w := need(t)
	isolate(t)
	firstProgram, secondProgram := w.compilePair(t)

	first := onTerminal(t, command(t, firstProgram))
	first.awaitKeyWanted()
	if out := run(t, w.shm, "open", pairName); out != pairMessage+"\n" {
		t.Errorf("Go reads %q", out)
	}
	first.press("q")
	first.endWell()
	if e := finish(t, command(t, w.shm, "open", pairName)); !strings.Contains(e.complaint, "ERROR_FILE_NOT_FOUND, 2") {
		t.Errorf("after the first has ended Go says %q", e.complaint)
	}

	holder := onTerminal(t, command(t, w.shm, "create", pairName, "--size", "256", "--text", pairMessage))
	holder.awaitText("holding it")
	second := onTerminal(t, command(t, secondProgram))
	second.awaitText(pairMessage)
	second.awaitKeyWanted()
	second.press("\r")
	second.endWell()
	holder.press("q")
	holder.end()
	if e := finish(t, command(t, secondProgram)); e.out != pairGone {
		t.Errorf("after both have ended the second says %q", e.out)
	}
}

// TestPairWithoutTerminal: the end of input stands for the key, and whoever kills a program ends it as well.
func TestPairWithoutTerminal(t *testing.T) {
	needGlobal(t)
	w := need(t)
	isolate(t)
	firstProgram, secondProgram := w.compilePair(t)
	first := command(t, firstProgram)
	input, err := first.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	if out := run(t, w.shm, "open", pairName, "--wait", patience.String()); strings.TrimSpace(out) != pairMessage {
		t.Errorf("Go reads %q", out)
	}
	e := finish(t, command(t, secondProgram)) // its input is /dev/null
	if !e.state.Success() || !strings.Contains(e.complaint, pairMessage) {
		t.Errorf("%v\n%s", e.state, e.complaint)
	}
	input.Close()
	if err := first.Wait(); err != nil {
		t.Error(err)
	}
	if e := finish(t, command(t, secondProgram)); e.out != pairGone {
		t.Errorf("after both have ended the second says %q", e.out)
	}
}

// TestKeyOfTerminal: a key that makes a signal makes it, and leaves the terminal as it was.
func TestKeyOfTerminal(t *testing.T) {
	needGlobal(t)
	w := need(t)
	isolate(t)
	firstProgram, _ := w.compilePair(t)
	first := onTerminal(t, command(t, firstProgram))
	first.awaitKeyWanted()
	first.press("\x03")
	if state := first.end(); state.String() != "signal: interrupt" {
		t.Errorf("Control-C: %v", state)
	}
	if first.local()&0o12 != 0o12 { // ICANON, ECHO
		t.Error("Control-C leaves the terminal in the mode for single keys")
	}
	if e := finish(t, command(t, w.shm, "open", pairName)); !strings.Contains(e.complaint, "ERROR_FILE_NOT_FOUND") {
		t.Errorf("after Control-C: %q", e.complaint)
	}
}

// TestMessageBoxOnDesktop has each dialog program told what to show, as data.
func TestMessageBoxOnDesktop(t *testing.T) {
	w := need(t)
	isolate(t)
	program, out, err := w.tryText(t, "gcc", "c", `
#include <windows.h>
int main(void) { return MessageBox(NULL, "--a <b>&\\n\"", "-t", MB_OK | MB_ICONWARNING) == IDOK ? 0 : 1; }
`)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"zenity": "<--warning>\n<--no-markup>\n<--no-wrap>\n<--title=-t>\n<--text=--a <b>&\\n\">\n",
		"kdialog": "<--title>\n<-t>\n<--msgbox>\n<<qt><div style=\"white-space:pre-wrap\">--a " +
			"&#60;b&#62;&#38;&#92;n&#34;</div></qt>>\n",
		"xmessage": "<-center>\n<-title>\n<-t>\n<-buttons>\n<OK:0>\n<-default>\n<OK>\n<-file>\n<->\n",
	} {
		t.Run(name, func(t *testing.T) {
			d := t.TempDir()
			told := filepath.Join(d, "told")
			script := "#!" + shell + "\nfor a in \"$@\"; do printf '%s\\n' \"<$a>\" >> " + told +
				"; done\nread -r line; printf '%s' \"$line\" >> " + told + "\n"
			if err := os.WriteFile(filepath.Join(d, name), []byte(script), 0o755); err != nil {
				t.Fatal(err)
			}
			c := command(t, program)
			c.Env = append(os.Environ(), "PATH="+d, "DISPLAY=:0")
			if e := finish(t, c); !e.state.Success() || e.complaint != "" {
				t.Errorf("%v %q", e.state, e.complaint)
			}
			got, err := os.ReadFile(told)
			if err != nil || string(got) != want+`--a <b>&\n"` {
				t.Errorf("%v: it was given\n%s\nwant\n%s", err, got, want)
			}
		})
	}
	// Where a dialog cannot show anything, the terminal does.
	d := t.TempDir()
	script := "#!" + shell + "\necho cannot open display >&2; exit 1\n"
	if err := os.WriteFile(filepath.Join(d, "zenity"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	c := command(t, program)
	c.Env = append(os.Environ(), "PATH="+d, "DISPLAY=:0")
	if e := finish(t, c); !e.state.Success() || !strings.Contains(e.complaint, "--a <b>&") {
		t.Errorf("%v %q", e.state, e.complaint)
	}
}
