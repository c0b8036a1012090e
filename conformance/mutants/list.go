package main

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// mutant is a change that should matter.
type mutant struct {
	name string
	file string // from the project's root, with slashes
	pkg  string // whose test is to notice it
	test string
	old  string // whole lines, which stand in the file once
	new  string
}

// probe is the test that is to notice a change.
type probe struct{ pkg, test string }

func (m *mutant) probe() probe { return probe{m.pkg, m.test} }

// readList reads the list of the tree at root.
func readList(root string) ([]*mutant, error) {
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(list)))
	if err != nil {
		return nil, err
	}
	return parseList(string(text))
}

// parseList reads mutants as list.txt describes them.
func parseList(text string) (all []*mutant, err error) {
	seen := map[string]bool{}
	var m *mutant
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSuffix(line, "\n")
		kind, rest := "", ""
		if line != "" {
			kind, rest = line[:1], line[1:]
		}
		switch {
		case kind == "" || kind == "#":
		case kind == "=":
			f := strings.Fields(rest)
			if len(f) != 3 {
				return nil, fmt.Errorf("%s:%d: %q is not a name, a file and a test", list, number, rest)
			}
			if m = newMutant(f[0], f[1], f[2]); seen[m.name] {
				return nil, fmt.Errorf("%s:%d: there are two named %s", list, number, m.name)
			}
			seen[m.name] = true
			all = append(all, m)
		case m == nil:
			return nil, fmt.Errorf("%s:%d: %q belongs to nothing", list, number, line)
		case kind == " ":
			m.old, m.new = m.old+rest+"\n", m.new+rest+"\n"
		case kind == "-":
			m.old += rest + "\n"
		case kind == "+":
			m.new += rest + "\n"
		default:
			return nil, fmt.Errorf("%s:%d: %q begins with neither of =, #, space, - and +", list, number, line)
		}
	}
	for _, m := range all {
		if m.old == "" || m.old == m.new {
			return nil, fmt.Errorf("%s: %s changes nothing", list, m.name)
		}
	}
	return all, nil
}

// newMutant puts what is not said into its place: the file is one of the kernel's, and so is the test.
func newMutant(name, file, test string) *mutant {
	m := &mutant{name: name, file: file, pkg: target, test: test}
	if !strings.Contains(file, "/") {
		m.file = path.Join(target, file)
	}
	if pkg, test, ok := strings.Cut(test, "."); ok {
		m.pkg, m.test = pkg, test
	}
	return m
}

// apply makes the change in a file's text.
func (m *mutant) apply(text string) (string, error) {
	switch n := strings.Count("\n"+text, "\n"+m.old); n {
	case 1:
		return strings.TrimPrefix(strings.Replace("\n"+text, "\n"+m.old, "\n"+m.new, 1), "\n"), nil
	default:
		return "", fmt.Errorf("what is to be changed stands %d times in %s:\n%s", n, m.file, m.old)
	}
}
