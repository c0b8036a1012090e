//go:build unix

package namedshm_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var requirement = regexp.MustCompile(`^(?:require|\t)\s*(\S+/\S+) v\S+$`)

// requirements are go.mod's direct requirements, by the first word of the comment above their block.
func requirements(mod string) map[string][]string {
	found := map[string][]string{}
	block := ""
	for line := range strings.SplitSeq(mod, "\n") {
		if comment, ok := strings.CutPrefix(line, "// "); ok {
			block = strings.Trim(strings.Join(strings.Fields(comment)[:min(2, len(strings.Fields(comment)))], " "), ".:")
		} else if line == "" {
			block = ""
		} else if m := requirement.FindStringSubmatch(line); m != nil {
			found[block] = append(found[block], m[1])
		}
	}
	return found
}

// whose says which block an import's module belongs to, by the most important use of it.
func whose(s *source) string {
	switch {
	case s.isTest() || s.in("conformance/internal", "conformance/model", "conformance/namehistories"):
		return "Tests"
	case s.in("cmd", "conformance", "bench"):
		return "The command"
	}
	return "The library"
}

// TestRequirementsAreApart: go.mod says what the library needs, what the command needs beside that, and what only tests
// need; and it says so of each.
func TestRequirementsAreApart(t *testing.T) {
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	stated := requirements(string(mod))
	needs := map[string]string{}
	blocks := []string{"The library", "The command", "Tests"}
	for _, s := range sources(t) {
		if s.file == nil {
			continue
		}
		for _, spec := range s.file.Imports {
			imported := strings.Trim(spec.Path.Value, `"`)
			for _, module := range slices.Concat(stated["The library"], stated["The command"], stated["Tests"], stated[""]) {
				if imported != module && !strings.HasPrefix(imported, module+"/") {
					continue
				}
				if held, ok := needs[module]; !ok || slices.Index(blocks, whose(s)) < slices.Index(blocks, held) {
					needs[module] = whose(s)
				}
			}
		}
	}
	if len(needs) < 8 || len(stated) != len(blocks) {
		t.Errorf("go.mod states %q, and %q is needed", stated, needs)
	}
	for block, modules := range stated {
		for _, module := range modules {
			if needs[module] != block {
				t.Errorf("%s stands under %q in go.mod, and belongs under %q", module, block, needs[module])
			}
		}
	}
	if got := requirements("// The library: all.\nrequire a.b/c v1.0.0\n\n// Tests.\nrequire (\n\td.e/f v1.0.0\n\tg.h/i " +
		"v1.0.0 // indirect\n)\n"); len(got) != 2 ||
		got["The library"][0] != "a.b/c" || !slices.Equal(got["Tests"], []string{"d.e/f"}) {
		t.Errorf("of a go.mod is read %q", got)
	}
}
