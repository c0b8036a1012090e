//go:build unix

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// writeManual writes the pages as a packager does.
func writeManual(t *testing.T) string {
	directory := t.TempDir()
	if status := run([]string{"__manual", directory, "2026-01-31"},
		&app{stdout: &stream{os.Stdout}, stderr: &stream{os.Stderr}}); status != 0 {
		t.Fatal("shm __manual ends with ", status)
	}
	return directory
}

// overstrike is how terminals of old had bold and underlined letters.
var overstrike = regexp.MustCompile(".\b")

// shown is a page as a reader sees it, in lines too long to be broken.
func shown(t *testing.T, path string) string {
	t.Helper()
	out, err := exec.Command("mandoc", "-T", "utf8", "-O", "width=1000", path).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", path, err, out)
	}
	return overstrike.ReplaceAllString(string(out), "")
}

// notInPages are words that help has of its own.
var notInPages = regexp.MustCompile(`^(Usage:|Arguments:|Flags:|Commands:|Run ".*" for more information on a command\.)`)

// unsaid is what help says and a page does not: whole lines of examples, and the words of all else.
func unsaid(help, page string) (missing []string) {
	words := map[string]bool{}
	for _, word := range strings.Fields(page) {
		words[word] = true
	}
	for line := range strings.SplitSeq(help, "\n") {
		line = notInPages.ReplaceAllString(line, "")
		if example, found := strings.CutPrefix(line, "    shm "); found && !strings.Contains(page, "shm "+example) {
			missing = append(missing, line)
		}
		for _, word := range strings.Fields(line) {
			if !words[strings.TrimPrefix(word, "-h,")] && !words[word] && !words[strings.Trim(word, "[]<>,")] {
				missing = append(missing, word)
			}
		}
	}
	return missing
}

// TestManualSaysWhatHelpSays: each verb has a page, and in it stands whatever its --help prints. No reader of manual
// pages finds fault with one.
func TestManualSaysWhatHelpSays(t *testing.T) {
	needTools(t, "mandoc", "groff")
	directory := writeManual(t)
	pages, err := filepath.Glob(filepath.Join(directory, "*.1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, checker := range [][]string{{"mandoc", "-T", "lint", "-W", "warning"},
		{"groff", "-man", "-ww", "-z", "-T", "utf8"}} {
		out, err := exec.Command(checker[0], append(checker[1:], pages...)...).CombinedOutput()
		if err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", checker[0], err, out)
		}
	}
	parser, err := newParser(new(cli))
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	var visit func(n *kong.Node)
	visit = func(n *kong.Node) {
		if n.Hidden {
			return
		}
		seen++
		page := shown(t, filepath.Join(directory, pageName(n)+".1"))
		if missing := unsaid(helpOf(t, n), page); len(missing) > 0 {
			t.Errorf("%s does not say %q", pageName(n), missing)
		}
		for _, child := range n.Children {
			visit(child)
		}
	}
	visit(parser.Model.Node)
	if seen != len(pages) || seen < 30 {
		t.Errorf("%d verbs have %d pages", seen, len(pages))
	}
	if unsaid("    shm ls --other\n", "shm ls --all") == nil || unsaid("  Another word.\n", "Another thing.") == nil {
		t.Error("what is missing is not missed")
	}
}

// helpOf is what --help prints.
func helpOf(t *testing.T, n *kong.Node) string {
	t.Helper()
	var help bytes.Buffer
	parser, err := newParser(new(cli))
	if err != nil {
		t.Fatal(err)
	}
	parser.Stdout, parser.Exit = &help, func(int) {}
	parser.Parse(append(strings.Fields(n.Path()), "--help"))
	if !strings.HasPrefix(help.String(), "Usage: shm") {
		t.Fatalf("the help of %q: %q", n.Path(), help.String())
	}
	return help.String()
}

// TestManualShowsTextAsItIs: no text is a request to the formatter, and all can be copied from the page.
func TestManualShowsTextAsItIs(t *testing.T) {
	needTools(t, "mandoc")
	lines := []string{".TH of a line", "'SH of a line", `C:\new\fBold\*(Pi \" no comment`, "--text -5 'a' `b` ~/x ^y",
		"é – “quoted” 日本", `ends with \`}
	p := page{node: &kong.Node{}}
	fmt.Fprintf(&p.out, ".TH A 1 2026-01-31\n.SH DESCRIPTION\n")
	p.paragraphs("First.\n\n    " + strings.Join(lines, "\n    ") + "\n\n" + strings.Join(lines, "\n"))
	path := filepath.Join(t.TempDir(), "a.1")
	if err := os.WriteFile(path, p.out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	page := shown(t, path)
	for _, line := range lines {
		if got := strings.Count(page, line); got != 2 {
			t.Errorf("%q stands %d times in\n%s", line, got, page)
		}
	}
}
