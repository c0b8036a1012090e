// Command conformance runs the tests as go test does, and tells of each package in one line how it went and what was
// left out, with the reason: for want of root, of a tool, or of a kernel that has what is tested. Plain go test says
// "ok" of a package that skipped half of its tests.
//
//	go run ./conformance                          # the same tests as go test ./...
//	go run ./conformance -run TestMeet ./conformance/lifetime
//
// What stands behind it is for go test. The exit status is 1 if a test failed. README.md beside this file says which
// suite is about what.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"

	_ "github.com/namedshm/namedshm/internal/depth" // a wrong depth ends this program, and not a test here and there
)

const usage = `usage: go run ./conformance [what go test takes]

It runs the tests as go test does (all packages, unless some are named) and gives each package a line: how it went, and what
was left out, with the reason. NAMEDSHM_TEST_DEPTH=full goes as deep as CI, NAMEDSHM_TEST_DEPTH=every leaves out nothing
and takes hours.
`

func main() {
	arguments := os.Args[1:]
	if len(arguments) == 1 && slices.Contains([]string{"-h", "-help", "--help", "help"}, arguments[0]) {
		fmt.Print(usage)
		return
	}
	if len(arguments) == 0 {
		arguments = []string{"./..."}
	}
	passed, err := run(arguments, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(2)
	}
	if !passed {
		os.Exit(1)
	}
}

// run runs go test.
func run(arguments []string, to io.Writer) (passed bool, err error) {
	test := exec.Command("go", append([]string{"test", "-json"}, arguments...)...)
	test.Stderr = os.Stderr
	events, err := test.StdoutPipe()
	if err != nil {
		return false, err
	}
	if err := test.Start(); err != nil {
		return false, err
	}
	r := newReport(to)
	err = r.read(events)
	failed := test.Wait()
	var status *exec.ExitError
	if failed != nil && !errors.As(failed, &status) {
		err = errors.Join(err, failed)
	}
	return failed == nil, err
}

// event is a line of go test -json.
type event struct {
	Action     string
	Package    string
	ImportPath string // of what was built
	Test       string
	Output     string
	Elapsed    float64
}

// report turns the events into lines.
type report struct {
	to       io.Writer
	packages map[string]*suite
}

// suite is what is known of a package's tests.
type suite struct {
	ran    int
	left   map[string]int      // how many tests were left out, by the reason
	output map[string][]string // of what has not passed yet, by test; "" is the package
	failed []string
	cached bool // nothing ran: an earlier run had the same files
}

func newReport(to io.Writer) *report { return &report{to: to, packages: map[string]*suite{}} }

func (r *report) read(from io.Reader) error {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			fmt.Fprintln(r.to, lines.Text()) // go test itself speaks
			continue
		}
		r.take(e)
	}
	return lines.Err()
}

func (r *report) take(e event) {
	if e.Action == "build-output" {
		io.WriteString(r.to, e.Output)
		return
	}
	s := r.packages[e.Package]
	if s == nil {
		s = &suite{left: map[string]int{}, output: map[string][]string{}}
		r.packages[e.Package] = s
	}
	switch e.Action {
	case "output":
		if e.Test == "" && verdict.MatchString(e.Output) {
			s.cached = strings.Contains(e.Output, "(cached)")
			return // it is told by the line of the package
		}
		s.output[e.Test] = append(s.output[e.Test], e.Output)
	case "pass", "fail", "skip":
		if e.Test == "" {
			r.end(e, s)
			delete(r.packages, e.Package)
			return
		}
		s.ran++
		switch e.Action {
		case "skip":
			s.left[reason(s.output[e.Test])]++
		case "fail":
			s.failed = append(s.failed, e.Test)
			return // what it printed is shown
		}
		delete(s.output, e.Test)
	}
}

// end prints the line of a package, and before it what its failed tests printed.
func (r *report) end(e event, s *suite) {
	word := map[string]string{"pass": "ok  ", "fail": "FAIL", "skip": "?   "}[e.Action]
	if e.Action == "fail" {
		// The failed ones in their order, those in which the program ended, and what belongs to no test.
		unfinished := slices.DeleteFunc(slices.Sorted(maps.Keys(s.output)), func(test string) bool {
			return test == "" || slices.Contains(s.failed, test)
		})
		for _, test := range slices.Concat(s.failed, unfinished, []string{""}) {
			io.WriteString(r.to, strings.Join(s.output[test], ""))
		}
	}
	line := fmt.Sprintf("%s\t%s\t%.1fs", word, e.Package, e.Elapsed)
	if e.Action == "skip" {
		line = fmt.Sprintf("%s\t%s\t[no tests]", word, e.Package)
	}
	if s.cached {
		line = fmt.Sprintf("%s\t%s\t(cached)", word, e.Package)
	}
	if len(s.left) > 0 {
		line += fmt.Sprintf("\tleft out: %s", s.leftOut())
	}
	fmt.Fprintln(r.to, line)
}

// leftOut is the reasons, the commonest first.
func (s *suite) leftOut() string {
	reasons := slices.SortedFunc(maps.Keys(s.left), func(a, b string) int {
		if s.left[a] != s.left[b] {
			return s.left[b] - s.left[a]
		}
		return strings.Compare(a, b)
	})
	for i, why := range reasons {
		reasons[i] = fmt.Sprintf("%d of %d (%s)", s.left[why], s.ran, why)
	}
	return strings.Join(reasons, ", ")
}

// verdict is how go test tells what became of a package.
var verdict = regexp.MustCompile(`^(ok  |FAIL|\?   |PASS)\s`)

var skipLine = regexp.MustCompile(`^\s+\S+\.go:\d+: (.*)\n?$`)

// reason is what a skipped test printed last.
func reason(output []string) string {
	for _, line := range slices.Backward(output) {
		if m := skipLine.FindStringSubmatch(line); m != nil {
			return m[1]
		}
	}
	return "no reason is told"
}
