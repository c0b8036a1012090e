package kernel

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestReadingOrderNamesEveryFile: the package comment leads to each file.
func TestReadingOrderNamesEveryFile(t *testing.T) {
	text, err := os.ReadFile("kernel.go")
	if err != nil {
		t.Fatal(err)
	}
	_, order, _ := strings.Cut(string(text), "// Reading order")
	order, _, _ = strings.Cut(order, "\npackage ")
	listed := map[string]bool{}
	for line := range strings.Lines(order) {
		if _, list, ok := strings.Cut(line, ": "); ok && strings.HasPrefix(line, "//   -") {
			line = list
		}
		line = regexp.MustCompile(`\([^)]*\)?|^[^(]*\)`).ReplaceAllString(line, "")
		for _, word := range regexp.MustCompile(`[a-z0-9]+`).FindAllString(line, -1) {
			listed[word] = true
		}
	}
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		word, _, _ := strings.Cut(strings.TrimSuffix(f.Name(), ".go"), "_")
		switch {
		case !strings.HasSuffix(f.Name(), ".go"), strings.HasSuffix(f.Name(), "_test.go"):
		case word == "mksyscall", word == "zsyscall", word == "unsupported":
		case !listed[word]:
			t.Errorf("the reading order in kernel.go leaves out %s", f.Name())
		}
	}
}
