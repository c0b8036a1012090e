package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// runtimeFile is a file of the runtime's as the Go that runs this test has it.
func runtimeFile(t *testing.T, name string) string {
	t.Helper()
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(goroot)), "src", "runtime", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// edited is a text with one passage replaced, which must be there.
func edited(t *testing.T, text, passage, by string) string {
	t.Helper()
	if !strings.Contains(text, passage) {
		t.Fatalf("there is no %q to be replaced", passage)
	}
	return strings.Replace(text, passage, by, 1)
}

// TestAnotherPoller: a poller with other functions is not replaced; one whose functions do something else is replaced,
// with a warning. This version's is known; what is said about it does not matter.
func TestAnotherPoller(t *testing.T) {
	text := runtimeFile(t, pollerFile)
	head := "func netpollinit() {"
	for what, c := range map[string]struct {
		text            string
		refused, warned bool
	}{
		"this version's":    {text, false, false},
		"another comment":   {edited(t, text, head, "// It is new.\n"+head), false, false},
		"other white space": {edited(t, text, head, head+"\n\n\n"), false, false},
		"one more duty":     {edited(t, text, head, head+"\n\tnewDuty()"), false, true},
		"one less":          {head + "}\n" + edited(t, text, head, "var _ = func() {"), false, true},
		"another constant":  {text + "\nconst netpollBatch = 7\n", false, true},
		"one more function": {text + "\nfunc netpollmore() {}\n", true, true},
		"another type": {edited(t, text, "func netpollclose(fd uintptr) uintptr {",
			"func netpollclose(fd int32) uintptr {"), true, true},
		"a function that is not": {edited(t, text, head, "func netpollstart() {"), true, true},
		"nothing":                {"", true, true},
	} {
		got, err := dropPoller(c.text)
		if refused := err != nil; refused != c.refused || refused && !strings.Contains(err.Error(), "a different poller") ||
			!refused && got != poller {
			t.Errorf("%s: %v", what, err)
		}
		doubt := doubtPoller(c.text)
		if warned := doubt != ""; warned != c.warned || warned && !strings.Contains(doubt, "has not been tried") {
			t.Errorf("%s: the warning is %q", what, doubt)
		}
	}
}

// TestAnotherTableOfSignals: what is not a table of signals, or one in which the signals of programs are no longer
// found, does not pass for one that needs no change.
func TestAnotherTableOfSignals(t *testing.T) {
	text := runtimeFile(t, "sigtab_linux_generic.go")
	got, err := blockSignals(text)
	if err != nil || strings.Count(got, "_SigUnblock") != 3 {
		t.Errorf("this version's: %v, %d signals are not blocked", err, strings.Count(got, "_SigUnblock"))
	}
	for what, text := range map[string]string{
		"without the flag":      strings.ReplaceAll(text, " + _SigUnblock", ""),
		"the flag has a name":   strings.ReplaceAll(text, "_SigUnblock", "_SigOpen"),
		"no numbers":            strings.ReplaceAll(text, "/* ", "/* signal "),
		"it is blocked already": got,
		"nothing":               "",
	} {
		if _, err := blockSignals(text); err == nil || !strings.Contains(err.Error(), "a different table of signals") {
			t.Errorf("%s: %v", what, err)
		}
	}
}
