package waiting

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestExplorer runs the explorer, which needs a build of its own: one in which each step on a shared number asks it,
// and which makes the mistakes that it is to find. See explore_node_steps_test.go.
func TestExplorer(t *testing.T) {
	command := exec.Command("go", "test", "-count=1", "-tags=namedshm_steps,namedshm_mistakes", "-overlay="+overlay(t),
		"-run=^(TestExplore|TestMistakes|TestReductions)$", "-timeout=30m", "-v", ".")
	command.Env = append(os.Environ(), "GOARCH=") // what it shows is the same for all processors
	if os.Getenv("NAMEDSHM_TEST_DEPTH") == "every" {
		command.Args = append(command.Args, "-deep")
	}
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "altogether") || strings.Contains(line, "are found") {
			t.Log(strings.TrimSpace(line))
		}
	}
}

// overlay is a file that has the go command read this package with all mistakes in it.
func overlay(t *testing.T) string {
	t.Helper()
	text := map[string]string{}
	for _, m := range mistakes {
		if m.file == "" {
			continue // it is part of the one before
		}
		if text[m.file] == "" {
			b, err := os.ReadFile(m.file)
			if err != nil {
				t.Fatal(err)
			}
			text[m.file] = string(b)
		}
		if n := strings.Count(text[m.file], m.old); n != 1 {
			t.Errorf("mistake %q: %s has what is to be replaced %d times", m.name, m.file, n)
		}
		text[m.file] = strings.Replace(text[m.file], m.old, m.new, 1)
	}
	text["mistaken.go"] = `package waiting

func mistake(which string) bool { return which == theMistake }

// one is 1 in the place of many.
func one(many int, which string) int {
	if mistake(which) {
		return 1
	}
	return many
}
`
	dir := t.TempDir()
	replace := map[string]string{}
	for name, text := range text {
		in, err := filepath.Abs(name)
		if err != nil {
			t.Fatal(err)
		}
		replace[in] = filepath.Join(dir, name)
		if err := os.WriteFile(replace[in], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
